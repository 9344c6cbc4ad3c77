"""Builds malformed caseloads and case lists, each named by its defect.

Run `python -m tests.node.malformed.make FOLDER` to have them as files; the tests build them in memory. All
of them hold the sentinel in their cells, which no error and no finding may repeat.
"""

from __future__ import annotations

import io
import re
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import xlsxwriter

SENTINEL = "Zebedee"
HEADER = "local_id,dob,forename,surname\n"
CASE_HEADER = "case_ref,dob,forename,surname\n"
GOOD = f"A1,1980-02-01,{SENTINEL},Smith\n"

Kind = Literal["caseload", "case list"]


@dataclass(frozen=True, slots=True)
class Malformed:
    """One bad file and what must be said of it.

    Attributes:
        name: The defect.
        suffix: Of the file's name.
        content: The file's bytes.
        error: Part of the message, where the whole file is refused.
        row: Row that the error or the finding names.
        field: Field that the error or the finding names.
        finding: The rule, where the file is read and a row is not used or is weak.
        kind: What the file is read as.
    """

    name: str
    suffix: str
    content: bytes = field(repr=False)
    error: str | None = None
    row: int | None = None
    field: str | None = None
    finding: str | None = None
    kind: Kind = "caseload"


def build() -> tuple[Malformed, ...]:
    """All malformed files."""
    return (*_refused_text(), *_refused_workbooks(), *_parked_rows(), *_parked_cases())


def workbook(
    sheets: Sequence[tuple[str, Sequence[Sequence[object]]]], *, hidden: Sequence[str] = ()
) -> bytes:
    """An XLSX file of some sheets."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    for title, rows in sheets:
        sheet = book.add_worksheet(title)
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
        if title in hidden:
            sheet.hide()
    book.close()
    return buffer.getvalue()


def edit_part(content: bytes, part: str, edit: Callable[[bytes], bytes]) -> bytes:
    """A workbook with one of its parts changed."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, edit(data) if name == part else data)
    return buffer.getvalue()


def opendocument(table: str) -> bytes:
    """An ODS file whose one sheet has this content."""
    namespaces = (
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    )
    body = f'<office:body><office:spreadsheet><table:table table:name="S">{table}</table:table>'
    content = f"<office:document-content {namespaces}>{body}</office:spreadsheet></office:body>"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", f"{content}</office:document-content>")
        manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
        archive.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="{manifest}"/>')
    return buffer.getvalue()


def _text(name: str, text: str, error: str, row: int | None = None, field: str | None = None) -> Malformed:
    return Malformed(name, ".csv", text.encode(), error, row, field)


def _refused_text() -> tuple[Malformed, ...]:
    return (
        _text("empty", "", "empty"),
        _text("header without rows", HEADER, "no row below"),
        _text("header without rows but blank ones", HEADER + "\n,,,\n\n", "no row below"),
        _text("no header", GOOD * 3, "names this column", field="local_id"),
        _text(
            "no local id column",
            f"dob,forename\n1980-02-01,{SENTINEL}\n",
            "names this column",
            field="local_id",
        ),
        _text("nothing to compare by", f"local_id,forename\nA1,{SENTINEL}\n", "dob, chain or nhs_number", 1),
        _text(
            "one column twice",
            "local_id,date of birth,d.o.b.\nA1,1980-02-01,1980-02-01\n",
            "2 columns",
            1,
            "dob",
        ),
        _text("quote left open", f'{HEADER}A1,1980-02-01,"{SENTINEL},Smith\nA2,,,\n', "quotation mark", 2),
        _text(
            "text behind a quoted cell", f'{HEADER}A1,1980-02-01,"{SENTINEL}"x,Smith\n', "quotation mark", 2
        ),
        _text("huge cell", f"{HEADER}A1,1980-02-01,{SENTINEL * 2000},Smith\n", "10,000 characters", 2),
        _text("web page named CSV", f"<html><table><tr><td>{SENTINEL}</td></tr></table></html>", "web page"),
        Malformed("NUL byte", ".csv", (HEADER + GOOD + f"A2,,{SENTINEL}\0,\n").encode(), "NUL byte", 3),
        Malformed("UTF-16 cut short", ".csv", (HEADER + GOOD).encode("utf-16")[:-1], "byte order mark"),
        Malformed(
            "broken UTF-8 behind its mark",
            ".csv",
            b"\xef\xbb\xbf" + HEADER.encode() + b"A1,,\xff\xfe,\n",
            "byte order mark",
        ),
        Malformed(
            "no known encoding",
            ".csv",
            HEADER.encode() + b"A1,1980-02-01,\x81\x8d\x8f,Smith\n",
            "neither UTF-8",
        ),
    )


def _refused_workbooks() -> tuple[Malformed, ...]:
    rows = [HEADER.strip().split(","), ["A1", "1980-02-01", SENTINEL, "Smith"]]
    good = workbook([("List", rows)])
    sheet = "xl/worksheets/sheet1.xml"
    pieces = {
        "workbook cut short": (good[: len(good) // 2], "damaged"),
        "workbook of noise": (b"PK\x03\x04" + bytes(range(256)) * 8, "damaged"),
        "old workbook of noise": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(range(256)) * 8, "damaged"),
        "archive that is no workbook": (_archive({"readme.txt": SENTINEL.encode()}), "damaged"),
        "two sheets with a header": (workbook([("Open", rows), ("Closed", rows)]), "2 sheets"),
        "header on a hidden sheet only": (
            workbook([("Notes", [["see the other sheet"]]), ("List", rows)], hidden=["List"]),
            "names this column",
        ),
        "cell far from all others": (
            edit_part(
                good,
                sheet,
                lambda xml: xml.replace(
                    b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
                ),
            ),
            "too large to read",
        ),
        "far cell with its address in single quotes": (
            edit_part(
                good,
                sheet,
                lambda xml: xml.replace(
                    b"</sheetData>", b"<row r='50'><c r = 'AMJ50'><v>1</v></c></row></sheetData>"
                ),
            ),
            "too large to read",
        ),
        "far cell with its address as character references": (
            edit_part(
                good,
                sheet,
                lambda xml: xml.replace(
                    b"</sheetData>",
                    b'<row r="9"><c x=">" r="&#88;FD1048576"><v>1</v></c></row></sheetData>',
                ),
            ),
            "too large to read",
        ),
        "far row whose cells have no addresses": (
            edit_part(
                good,
                sheet,
                lambda xml: xml.replace(
                    b"</sheetData>", b'<row r="1048576">' + b"<c><v>1</v></c>" * 99 + b"</row></sheetData>"
                ),
            ),
            "too large to read",
        ),
        "far cell on a sheet that stands elsewhere": (
            _moved_sheet(good, "xl/elsewhere/cells.xml", b"XFD1048576"),
            "too large to read",
        ),
        "sheet in a part that is not called XML": (
            _moved_sheet(good, "xl/media/cells.png", b"XFD1048576"),
            "of a kind that is not read",
        ),
        "binary workbook": (_archive({"xl/workbook.bin": b"\x83\x01\x00"}), "save it as XLSX"),
        "document type declaration": (
            edit_part(
                good, sheet, lambda xml: re.sub(rb"\?>", b'?><!DOCTYPE x [<!ENTITY a "b">]>', xml, count=1)
            ),
            "document type",
        ),
        "archive that unpacks to gigabytes": (_claiming(good, sheet, 3 * 2**30), "unpacks to more"),
        "archive whose size lies": (_claiming(good, sheet, 16), "damaged"),
        "cell repeated a billion times": (
            opendocument(
                '<table:table-row table:number-rows-repeated="1000000"><table:table-cell '
                'office:value-type="string" table:number-columns-repeated="1000">'
                f"<text:p>{SENTINEL}</text:p></table:table-cell></table:table-row>"
            ),
            "repeats cells",
        ),
    }
    return tuple(
        Malformed(name, ".xlsx", content, error, field="local_id" if "names this" in error else None)
        for name, (content, error) in pieces.items()
    )


def _parked_rows() -> tuple[Malformed, ...]:
    def row(name: str, line: str, finding: str, field: str, header: str = HEADER) -> Malformed:
        return Malformed(name, ".csv", (header + GOOD + line + "\n").encode(), None, 3, field, finding)

    wide = "local_id,dob,forename,surname,nhs_number,chain,opened,closed\n"
    return (
        row("same local id twice", f"A1,1981-03-02,{SENTINEL},Jones", "duplicate_local_id", "local_id"),
        row("no local id", f",1981-03-02,{SENTINEL},Jones", "missing_local_id", "local_id"),
        row("local id of a page", f"{'A' * 65},1981-03-02,{SENTINEL},Jones", "local_id_format", "local_id"),
        row(
            "local id with an escape sequence",
            f"A\x1b[2J,1981-03-02,{SENTINEL},J",
            "local_id_format",
            "local_id",
        ),
        row(
            "comma in a name without quotes",
            f"A2,1981-03-02,{SENTINEL},Jones, Mary",
            "row_too_long",
            "local_id",
        ),
        row("nothing but a local id", "A2,,,", "row_without_anything", "row"),
        row("name without birth date", f"A2,,{SENTINEL},Jones", "row_without_anything", "row"),
        row("31 February", f"A2,1980-02-31,{SENTINEL},Jones", "impossible_date", "dob"),
        row("born next century", f"A2,2980-02-01,{SENTINEL},Jones", "future_date", "dob"),
        row("1 January", f"A2,01/01/1980,{SENTINEL},Jones", "weak_birth_date", "dob"),
        row("Excel's zero", f"A2,0,{SENTINEL},Jones", "placeholder_birth_date", "dob"),
        row("date in words", f"A2,about {SENTINEL}'s age,B,Jones", "unreadable_birth_date", "dob"),
        row("name refused", "A2,1981-03-02,Refused,Refused", "placeholder_name", "forename"),
        row(
            "NHS number mistyped",
            f"A2,,{SENTINEL},Jones,9434765918,,,",
            "nhs_check_digit",
            "nhs_number",
            wide,
        ),
        row("CHAIN number in E notation", f"A2,,{SENTINEL},J,,1.23E+06,,", "chain_format", "chain", wide),
        row(
            "closed before opened",
            f"A2,1981-03-02,{SENTINEL},J,,,2024-02-01,2023-02-01",
            "closed_before_opened",
            "closed",
            wide,
        ),
        row("opened in words", f"A2,1981-03-02,{SENTINEL},J,,,spring,", "unreadable_day", "opened", wide),
    )


def _parked_cases() -> tuple[Malformed, ...]:
    def case(name: str, line: str, finding: str, field: str) -> Malformed:
        content = CASE_HEADER + f"C1,1980-02-01,{SENTINEL},Smith\n" + line + "\n"
        return Malformed(name, ".csv", content.encode(), None, 3, field, finding, "case list")

    return (
        case("case without birth date", f"C2,,{SENTINEL},Jones", "no_birth_date", "dob"),
        case("case with unknown birth date", f"C2,not known,{SENTINEL},Jones", "no_birth_date", "dob"),
        case("case with Excel's zero", f"C2,00/01/1900,{SENTINEL},Jones", "no_birth_date", "dob"),
        case("case without any name", "C2,1981-03-02,,", "row_without_anything", "row"),
        case("same case twice", f"C1,1981-03-02,{SENTINEL},Jones", "duplicate_local_id", "case_ref"),
        case("case without reference", f",1981-03-02,{SENTINEL},Jones", "missing_local_id", "case_ref"),
        Malformed(
            "case list without case_ref",
            ".csv",
            f"dob,surname\n1980-02-01,{SENTINEL}\n".encode(),
            "names this column",
            None,
            "case_ref",
            None,
            "case list",
        ),
        Malformed(
            "case list of a caseload's columns",
            ".csv",
            f"client,dob\n{SENTINEL},1980-02-01\n".encode(),
            "names this column",
            None,
            "case_ref",
            None,
            "case list",
        ),
    )


def _archive(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _moved_sheet(content: bytes, part: str, far: bytes) -> bytes:
    """A workbook whose sheet stands in another part, with a cell far from all others."""
    usual, target = "xl/worksheets/sheet1.xml", part.removeprefix("xl/").encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(buffer, "w") as moved:
        for name in source.namelist():
            data = source.read(name).replace(b"worksheets/sheet1.xml", target)
            data = data.replace(b"</sheetData>", b'<row><c r="' + far + b'"><v>1</v></c></row></sheetData>')
            moved.writestr(part if name == usual else name, data)
    return buffer.getvalue()


def _claiming(content: bytes, part: str, claimed_bytes: int) -> bytes:
    """A workbook whose directory gives one part another size than it unpacks to."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = archive.getinfo(part).file_size.to_bytes(4, "little")
    return content.replace(size, claimed_bytes.to_bytes(4, "little"))


def main(folder: Path) -> None:
    """Write all files to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for malformed in build():
        (folder / (malformed.name.replace(" ", "-") + malformed.suffix)).write_bytes(malformed.content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
