"""Case lists that people type or upload at the pages, kept under the node key as long as their answers.

A list is its file, or the rows that were typed; typed rows are made into a file of the contract's columns, so
that both are read by `node.records` and nothing here knows what a case needs. Its id is random: it stands in
addresses, where no reference may.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from keys.formats import decode_base64, encode_base64
from node.bases import BasisDefaults
from node.errors import ChangedMeanwhileError, RecordFormatError
from node.mapping import HeaderMapping
from node.quality import Finding
from node.records import CaseList, read_cases
from node.store import Store
from node.tables import HEADER_SEARCH_ROWS, Limits, read_grids
from node.texts import text_of
from node.times import format_time, parse_time
from node.written_dates import Cell

ID_BYTES = 16
COLUMNS = ("case_ref", "dob", "forename", "surname", "chain", "nhs_number", "sex", "area")
# Ten thousand times a conference: a larger file is something else, and would wait in memory several times.
LARGEST_FILE_BYTES = 10 * 2**20
# Ten look-ups' worth, of which most rows would be old ones that are parked.
MOST_ROWS = 500
# A tracker has sheets of past years beside the list; what unpacks to more than this is none, and would keep
# everybody else waiting while it is read.
LIST_LIMITS = Limits(rows=20_000, cells=500_000, bytes=64 * 2**20)
READING_PREFIX = ".reading-"


@dataclass(frozen=True, slots=True, repr=False)
class KeptList:
    """One case list.

    Attributes:
        list_id: Its random id, 32 hex.
        purpose: What it is asked for.
        made_by: Staff id.
        made_at: When it was begun.
        conference: For which conference, or None.
        typed: Its rows by the contract's names, where it was typed.
        file: Its bytes, where it was uploaded.
        basis: The basis of rows that do not say their own.
        request: The look-up it was asked with; None until then.
        columns: The file's own headings by the contract's names, where somebody said which is which.
        header_row: Row of these headings, counted from 1, or None.
        overrides: Ids of overrides and emergencies, by the references of the cases they are for.
        revision: How often it was changed when it was read.
    """

    list_id: str
    purpose: str
    made_by: str
    made_at: datetime
    conference: str | None = None
    typed: tuple[Mapping[str, str], ...] = ()
    file: bytes = b""
    basis: BasisDefaults = field(default_factory=BasisDefaults)
    request: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    header_row: int | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    revision: int = 0

    def __repr__(self) -> str:
        """Shows nothing of its rows."""
        return f"KeptList({len(self.typed)} typed rows)"

    @property
    def content(self) -> bytes:
        """The list as a file."""
        if self.file:
            return self.file
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(self.typed)
        return text.getvalue().encode()

    @property
    def state(self) -> str:
        """What changes whenever the list does, 16 hex: a page says by it which list it showed."""
        said = [sorted(self.overrides.items()), sorted(self.columns.items()), self.header_row]
        content = hashlib.sha256(self.content).digest()
        return hashlib.sha256(content + json.dumps(said).encode()).hexdigest()[:16]


def new_list(purpose: str, *, by: str, at: datetime, **parts: Any) -> KeptList:
    """A list under a fresh id, which nothing keeps yet; `parts` are further attributes."""
    return KeptList(secrets.token_hex(ID_BYTES), purpose, by, at, **parts)


def begin_list(store: Store, made: KeptList, *, days: int) -> KeptList:
    """Keep a new list for `days`."""
    expires_at = format_time(made.made_at + timedelta(days=days))
    store.connection.execute(
        "INSERT INTO case_list (list, conference, expires_at, content) VALUES (?, ?, ?, ?)",
        (made.list_id, made.conference, expires_at, _seal(store, made)),
    )
    return made


def find_list(store: Store, list_id: str, *, at: datetime) -> KeptList | None:
    """One list, or None where there is none or its time is over."""
    drop_expired_lists(store, at=at)
    row = store.connection.execute("SELECT * FROM case_list WHERE list = ?", (list_id,)).fetchone()
    return None if row is None else _open(store, row)


def lists_of(store: Store, conference: str | None, *, at: datetime) -> list[KeptList]:
    """The lists of a conference, or those of single look-ups, oldest first."""
    drop_expired_lists(store, at=at)
    rows = store.connection.execute(
        "SELECT * FROM case_list WHERE conference IS ? ORDER BY rowid", (conference,)
    ).fetchall()
    return [_open(store, row) for row in rows]


def find_open_list(store: Store, conference: str, *, at: datetime, besides: str = "") -> KeptList | None:
    """The oldest list of a conference that cases can still be typed on, or None."""
    lists = lists_of(store, conference, at=at)
    usable = (one for one in lists if one.request is None and not one.file and one.list_id != besides)
    return next(usable, None)


def keep_list(store: Store, changed: KeptList, *, until: datetime) -> KeptList:
    """Put a changed list in the place of what it was, unless that has changed since it was read.

    Args:
        store: The node's.
        changed: The list, read and then changed.
        until: When it is dropped.

    Raises:
        ChangedMeanwhileError: Somebody else has changed or dropped it; nothing was kept.
    """
    kept = store.connection.execute(
        "UPDATE case_list SET content = ?, expires_at = ?, revision = revision + 1 "
        "WHERE list = ? AND revision = ?",
        (_seal(store, changed), format_time(until), changed.list_id, changed.revision),
    )
    if kept.rowcount == 0:
        raise ChangedMeanwhileError("this list was changed by somebody else meanwhile: open it again")
    return replace(changed, revision=changed.revision + 1)


def drop_expired_lists(store: Store, *, at: datetime) -> None:
    """Forget the lists whose time is over; nobody waits for the write lock where there are none."""
    over = (format_time(at),)
    if store.connection.execute("SELECT 1 FROM case_list WHERE expires_at <= ?", over).fetchone():
        store.connection.execute("DELETE FROM case_list WHERE expires_at <= ?", over)


def drop_list(store: Store, list_id: str) -> None:
    """Forget a list."""
    store.connection.execute("DELETE FROM case_list WHERE list = ?", (list_id,))


def add_row(home: Path, kept: KeptList, row: Mapping[str, str], *, today: date) -> KeptList | list[Finding]:
    """A typed list with one more case, or what stands against the case.

    Raises:
        RecordFormatError: The list as a whole cannot be read.
    """
    given = {name: row[name] for name in COLUMNS if row.get(name)}
    last = len(kept.typed) + 2  # Below the header.
    if not given:  # The readers of files skip such a row.
        return [Finding(last, "local_id", "missing_local_id")]
    longer = replace(kept, typed=(*kept.typed, given))
    read = read_list(home, longer, today=today)
    if any(parked.row == last for parked in read.parked):
        return [finding for finding in read.findings if finding.row == last]
    return longer


def read_list(home: Path, kept: KeptList, *, today: date) -> CaseList:
    """Read a list as `knownto lookup` reads a file.

    The readers take files, so it stands for that moment in a folder of the home that only the owner can open.

    Raises:
        RecordFormatError: The file as a whole cannot be read, or is larger than a conference's list can be.
    """
    mapping = HeaderMapping(columns=kept.columns, header_row=kept.header_row)
    with _as_file(home, kept) as path:
        return read_cases(path, mapping=mapping, today=today, limits=LIST_LIMITS, most_rows=MOST_ROWS)


def read_rows(home: Path, kept: KeptList) -> list[tuple[Cell, ...]]:
    """The first rows of a list's first table, where its headings are looked for.

    Raises:
        RecordFormatError: The file as a whole cannot be read, or is larger than a conference's list can be.
    """
    with _as_file(home, kept) as path:
        grids = read_grids(path, kind="case list", recognises=_filled, limits=LIST_LIMITS)
    return [] if not grids else list(grids[0].rows[:HEADER_SEARCH_ROWS])


def _filled(row: Sequence[Cell]) -> int:
    """With no names to go by, the delimiter that makes the most cells is the likeliest."""
    return sum(bool(text_of(cell)) for cell in row)


@contextmanager
def _as_file(home: Path, kept: KeptList) -> Iterator[Path]:
    """The list as a file in a folder that only the owner can open, for this moment."""
    with tempfile.TemporaryDirectory(dir=home, prefix=READING_PREFIX) as folder:  # Python makes it 0700.
        path = Path(folder) / "list"
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(kept.content)
        yield path


def require_small(content: bytes) -> None:
    """Refuse what is no case list.

    Raises:
        RecordFormatError: It is empty or above 10 MB.
    """
    if not content:
        raise RecordFormatError("case list", "the file is empty")
    if len(content) > LARGEST_FILE_BYTES:
        raise RecordFormatError("case list", f"the file has more than {LARGEST_FILE_BYTES // 2**20} MB")


def sweep(home: Path) -> None:
    """Remove what a server that was killed while it read a list has left."""
    for left in home.glob(f"{READING_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)


def parked_by_reference(case_list: CaseList) -> dict[str, str]:
    """The rules that parked rows, by case reference where they have one."""
    return {parked.case_ref: parked.rule for parked in case_list.parked if parked.case_ref}


def count_parked(case_list: CaseList) -> Sequence[tuple[str, int]]:
    """The rules that parked rows, each with its number of rows, the most frequent first."""
    counts: dict[str, int] = {}
    for parked in case_list.parked:
        counts[parked.rule] = counts.get(parked.rule, 0) + 1
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))


def _seal(store: Store, kept: KeptList) -> bytes:
    basis = asdict(kept.basis)
    if kept.basis.captured_at is not None:
        basis["captured_at"] = kept.basis.captured_at.isoformat()
    content = {
        "purpose": kept.purpose,
        "made_by": kept.made_by,
        "made_at": format_time(kept.made_at),
        "typed": [dict(row) for row in kept.typed],
        "file": encode_base64(kept.file),
        "basis": basis,
        "request": kept.request,
        "columns": dict(kept.columns),
        "header_row": kept.header_row,
        "overrides": dict(kept.overrides),
    }
    return store.vault.seal(content, table="case_list", handle=kept.list_id)


def _open(store: Store, row: Any) -> KeptList:
    content: dict[str, Any] = store.vault.open(row["content"], table="case_list", handle=row["list"])
    basis = content["basis"]
    if basis["captured_at"] is not None:
        basis["captured_at"] = date.fromisoformat(basis["captured_at"])
    return KeptList(
        list_id=row["list"],
        purpose=content["purpose"],
        made_by=content["made_by"],
        made_at=parse_time(content["made_at"]),
        conference=row["conference"],
        typed=tuple(content["typed"]),
        file=decode_base64(content["file"], field="file"),
        basis=BasisDefaults(**basis),
        request=content["request"],
        columns=content.get("columns", {}),
        header_row=content.get("header_row"),
        overrides=content.get("overrides", {}),
        revision=row["revision"],
    )
