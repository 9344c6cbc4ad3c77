"""Numbers, sex and area brought to one spelling: one pure function a rule.

Names are in `node.names` and dates in `node.dates`; their functions are offered here too. Every
`normalise_` function gives the value or None; its `read_` twin also gives the rules of `node.quality`
that the text breaks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nhs_number.validate import calculate_checksum

from node.dates import parse_birth_date as parse_birth_date
from node.dates import parse_day as parse_day
from node.names import initials_from as initials_from
from node.names import normalise_name as normalise_name
from node.names import strip_apostrophes
from node.texts import fold, is_nothing, text_of
from node.written_dates import Cell

MAX_CHAIN_DIGITS = 12
MAX_AREA_CHARACTERS = 64


@dataclass(frozen=True, slots=True, repr=False)
class Reading:
    """A text brought to one spelling, and the rules it breaks (see `node.quality`)."""

    value: str | None
    rules: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Shows the rules only."""
        return f"Reading(rules={self.rules})"


def read_chain(value: Cell) -> Reading:
    """Read a CHAIN number; one digit five times or more is a filler."""
    text = text_of(value).lower()
    if is_nothing(text):
        return Reading(None)
    digits = re.sub(r"^chain\b\W*((no|number|id|ref)\b\W*)?|[\s-]|\.0+$", "", text)
    if not re.fullmatch(r"[0-9]{1,20}", digits) or (len(digits) >= 5 and len(set(digits)) == 1):
        return Reading(None, ("chain_format",))
    digits = digits.lstrip("0")
    return Reading(digits) if 1 <= len(digits) <= MAX_CHAIN_DIGITS else Reading(None, ("chain_format",))


def read_nhs_number(value: Cell) -> Reading:
    """Read an NHS number (modulus 11, NHS Data Dictionary); one digit ten times is a filler."""
    text = re.sub(r"[\s-]|\.0+$", "", text_of(value))
    if is_nothing(text.lower()):
        return Reading(None)
    if not re.fullmatch(r"[0-9]{9,10}", text):
        return Reading(None, ("nhs_format",))
    digits = text.zfill(10)  # Scottish numbers begin with 0 until a spreadsheet has had them.
    # The check digit alone: the library's is_valid also wants a date in every number of the Scottish range,
    # where test data and other countries' numbers have none.
    if len(set(digits)) == 1 or calculate_checksum(digits[:9]) != int(digits[9]):
        return Reading(None, ("nhs_check_digit",))
    return Reading(digits)


def read_sex(value: Cell) -> Reading:
    """Read a sex; what is neither male nor female is kept out of the comparison."""
    text = re.sub(r"\.0+$", "", fold(text_of(value))).strip(" .")
    if text in ("m", "male", "man", "boy", "1"):
        return Reading("m")
    if text in ("f", "female", "woman", "girl", "2", "w"):
        return Reading("f")
    return Reading(None, () if is_nothing(text) or text in ("0", "9", "u", "nk") else ("unknown_sex",))


def normalise_area(value: Cell) -> str | None:
    """An area as an id: a council's name without its kind, words joined by hyphens."""
    return read_area(value).value


def read_area(value: Cell) -> Reading:
    """Read an area; "St Albans City Council" and "st-albans" become the same id."""
    text = text_of(value)
    if is_nothing(text.lower()):
        return Reading(None)
    slug = re.sub(r"[^a-z0-9]+", "-", strip_apostrophes(fold(text))).strip("-")
    slug = re.sub(r"^(london-|royal-)?(borough|city|district|county)-of-", "", slug)
    slug = re.sub(r"(-(borough|city|district|county|metropolitan))*-council$", "", slug)
    return Reading(slug[:MAX_AREA_CHARACTERS].strip("-")) if slug else Reading(None, ("area_format",))
