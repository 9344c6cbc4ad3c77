"""How the cells of an XLSX sheet are shown: their number formats, which the cell reader does not give.

Needed to write a case list back as it was: a date stays "12-Mar-80" and a reference "0012". Source:
ECMA-376 part 1, 18.3.1.4 (c), 18.8.10 (cellXfs), 18.8.31 (numFmts).
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from node.sheet_areas import column_number

_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
WORKBOOK, RELATIONS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
_GENERAL = 0
# Numbers below this are built into Excel and need no code.
_FIRST_CUSTOM = 164


def read_number_formats(path: Path, sheet: str) -> dict[tuple[int, int], str | int]:
    """Formats of one sheet by (row, column), counted from 0; cells of the general format are left out.

    Returns:
        Excel's format code, or its number for a built-in format; empty for XLS and ODS.
    """
    if not zipfile.is_zipfile(path):
        return {}
    with zipfile.ZipFile(path) as archive:
        part = _sheet_part(archive, sheet)
        if part is None:
            return {}
        styles = _style_formats(archive)
        return {
            place: styles[style]
            for place, style in _cell_styles(archive, part)
            if style < len(styles) and styles[style] != _GENERAL
        }


def sheet_targets(archive: zipfile.ZipFile) -> list[tuple[str, str]]:
    """The titles of an XLSX workbook's sheets, and what each is said to stand in; none for other kinds."""
    parts = {name.replace("\\", "/").lower(): name for name in archive.namelist()}
    if not {WORKBOOK, RELATIONS} <= parts.keys():
        return []
    targets = {
        element.get("Id"): element.get("Target", "")
        for element in ElementTree.fromstring(archive.read(parts[RELATIONS]))
    }
    return [
        (element.get("name", ""), targets.get(_relation(element), ""))
        for element in ElementTree.fromstring(archive.read(parts[WORKBOOK])).iter()
        if _local(element) == "sheet"
    ]


def _relation(element: ElementTree.Element) -> str | None:
    return next((value for key, value in element.attrib.items() if key.endswith("}id")), None)


def _sheet_part(archive: zipfile.ZipFile, title: str) -> str | None:
    """The name of the archive's part that holds a sheet."""
    target, names = dict(sheet_targets(archive)).get(title), set(archive.namelist())
    if target is None or "xl/styles.xml" not in names:
        return None
    part = posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
    return part if part in names else None


def _style_formats(archive: zipfile.ZipFile) -> list[str | int]:
    """The format of every cell style, by its index."""
    styles = ElementTree.fromstring(archive.read("xl/styles.xml"))
    codes = {
        int(element.get("numFmtId", "0")): element.get("formatCode", "General")
        for element in styles.iter()
        if _local(element) == "numFmt"
    }
    formats: list[str | int] = []
    for group in styles:
        if _local(group) == "cellXfs":
            numbers = (int(element.get("numFmtId", "0")) for element in group)
            formats.extend(
                codes.get(number, number if number < _FIRST_CUSTOM else _GENERAL) for number in numbers
            )
    return formats


def _cell_styles(archive: zipfile.ZipFile, part: str) -> Iterator[tuple[tuple[int, int], int]]:
    with archive.open(part) as stream:
        for _, element in ElementTree.iterparse(stream):
            name = _local(element)
            if name == "c" and (match := _REFERENCE.fullmatch(element.get("r", ""))) and element.get("s"):
                yield (int(match[2]) - 1, column_number(match[1]) - 1), int(element.get("s", "0"))
            elif name == "row":
                element.clear()


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
