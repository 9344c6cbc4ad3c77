"""What a browser sends: fields and at most one file, in memory, within limits."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import date

from starlette.datastructures import UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import Request

# The fields of a form, without the file beside them.
LARGEST_FIELDS_BYTES = 2**16
# A body that is this many times too long is cut off; a shorter one is read to its end and dropped.
MOST_TIMES_TOO_LONG = 8
MOST_FIELDS = 60
# Characters: a page says what is too long for it, and keeps what was typed; this is beyond any page.
LONGEST_FIELD = 10_000


class BodyTooLargeError(Exception):
    """More was sent than any page asks for."""


class BodyMalformedError(Exception):
    """What was sent is no form."""


@dataclass(frozen=True, slots=True, repr=False)
class Form:
    """A form as it was sent.

    Attributes:
        fields: Text by field name, blanks around it removed.
        file: The uploaded file's bytes, or None. Its name is not kept: people call files after people.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    file: bytes | None = None

    def __repr__(self) -> str:
        """Shows nothing of it."""
        return "Form(hidden)"

    def get(self, name: str) -> str:
        """A field's text; "" where it was not sent."""
        return self.fields.get(name, "")

    def day_text(self, name: str) -> str:
        """Three boxes as one text in UK order, for the readers of dates; "" where all are empty."""
        parts = [self.get(f"{name}-{part}") for part in ("day", "month", "year")]
        return "/".join(parts) if any(parts) else ""

    def day(self, name: str) -> date | None:
        """Three boxes as a day, or None where they are none."""
        try:
            day, month, year = (int(self.get(f"{name}-{part}")) for part in ("day", "month", "year"))
            return date(year, month, day)
        except (ValueError, OverflowError):
            return None


async def read_form(request: Request, *, largest_file_bytes: int) -> Form:
    """Read the body of a request.

    Args:
        request: The request.
        largest_file_bytes: The largest file a page takes; 0 where none takes any.

    Raises:
        BodyTooLargeError: It is longer than any page asks for.
        BodyMalformedError: It is no form.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    most_bytes = largest_file_bytes + LARGEST_FIELDS_BYTES
    if kind == "multipart/form-data" and largest_file_bytes:
        files = MultiPartParser(
            request.headers, _limited(request, most_bytes), max_files=1, max_fields=MOST_FIELDS
        )
        # Never rolled over to the disk, where a file would lie in the clear.
        files.spool_max_size = most_bytes + 1
        return await _parse(files)
    if kind == "application/x-www-form-urlencoded":
        return await _parse(FormParser(request.headers, _limited(request, most_bytes)))
    raise BodyMalformedError


async def _parse(parser: FormParser | MultiPartParser) -> Form:
    try:
        sent = await parser.parse()
    except (MultiPartException, UnicodeError, KeyError):
        raise BodyMalformedError from None
    fields: dict[str, str] = {}
    file: bytes | None = None
    try:
        for name, value in sent.multi_items():
            if isinstance(value, UploadFile):
                file = await value.read()
            else:
                if len(value) > LONGEST_FIELD:
                    raise BodyTooLargeError
                fields[name] = value.replace("\0", "").strip()
    finally:
        await sent.close()
    return Form(fields, file)


async def _limited(request: Request, most_bytes: int) -> AsyncGenerator[bytes, None]:
    """The body's pieces. A little too much is read to its end and dropped, or no browser would show why."""
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > MOST_TIMES_TOO_LONG * most_bytes:
            raise BodyTooLargeError
        if size <= most_bytes:
            yield piece
    if size > most_bytes:
        raise BodyTooLargeError
