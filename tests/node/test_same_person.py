"""What may change in a row and still be the same person, and what cannot."""

from __future__ import annotations

from datetime import date

import pytest

from node.identifiers import Identifiers
from node.records import read_person
from node.same_person import may_be_same_person

TODAY = date(2026, 11, 22)
BEFORE = {"dob": "1984-03-17", "forename": "Amara", "surname": "Lindqvist"}


def _ways(fields: dict[str, str]) -> tuple[Identifiers, ...]:
    return read_person(fields, today=TODAY)[0]


SAME = [
    pytest.param({}, {}, id="nothing"),
    pytest.param({}, {"surname": "Okafor"}, id="a new surname"),
    pytest.param({}, {"forename": "Ruth", "surname": "Okafor"}, id="new names under the same date"),
    pytest.param({}, {"dob": "1984-03-18", "surname": "Okafor"}, id="another day and surname"),
    pytest.param({}, {"dob": "03/11/1984"}, id="another day and month"),
    pytest.param({"dob": "1984-03-07"}, {"dob": "1984-07-03", "surname": "Okafor"}, id="day, month swapped"),
    pytest.param({}, {"dob": "1951-09-30"}, id="another date under the same names"),
    pytest.param({}, {"dob": "1951-09-30", "forename": "Amarah", "surname": "Lindkvist"}, id="same sounds"),
    pytest.param({}, {"dob": "", "forename": "", "chain": "7"}, id="only the surname is left"),
    pytest.param({"dob": "01/01/1984"}, {"dob": "1984-03-17", "surname": "Okafor"}, id="1 January mended"),
    pytest.param({"dob": "1984"}, {"dob": "1984-03-17"}, id="a year made whole"),
    pytest.param({"chain": "42"}, {"chain": "42", "dob": "1951-09-30", "forename": "Jo", "surname": "Hall"},
                 id="the same CHAIN number"),
    pytest.param({"nhs_number": "9434765919"},
                 {"nhs_number": "9434765919", "dob": "1951-09-30", "forename": "Jo", "surname": "Hall"},
                 id="the same NHS number"),
    pytest.param({"aliases": "Jo Hall"}, {"dob": "1951-09-30", "forename": "Jo", "surname": "Hall"},
                 id="an alias becomes the name"),
    pytest.param({"forename": "", "surname": "", "initials": "AL"}, {"dob": "1984-03-18"},
                 id="names in place of initials"),
    pytest.param({"dob": "", "forename": "", "surname": ""}, {}, id="nothing was said before"),
]  # fmt: skip
OTHERS = [
    pytest.param({}, {"dob": "1951-09-30", "forename": "Jo", "surname": "Hall"}, id="everything"),
    pytest.param({}, {"dob": "1951-09-30", "forename": "Jo"}, id="date and forename: a sibling's row"),
    pytest.param({}, {"dob": "1951-09-30", "surname": "Hall"}, id="date and surname"),
    pytest.param({}, {"dob": "1984-03-18", "forename": "Jo", "surname": "Hall"}, id="neighbours by date"),
    pytest.param({"dob": ""}, {"dob": "1951-09-30", "forename": "Jo"}, id="a date and another forename"),
    pytest.param({"forename": "", "surname": "", "initials": "AL"}, {"dob": "1951-09-30"},
                 id="another date under the same initials"),
    pytest.param({"chain": "42", "dob": "", "forename": "", "surname": ""},
                 {"chain": "43", "dob": "", "forename": "", "surname": ""}, id="another number alone"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "now"), SAME)
def test_a_row_that_may_be_the_same_person(before: dict[str, str], now: dict[str, str]) -> None:
    assert may_be_same_person(_ways(BEFORE | before), _ways(BEFORE | now))


@pytest.mark.parametrize(("before", "now"), OTHERS)
def test_a_row_that_cannot_be_the_same_person(before: dict[str, str], now: dict[str, str]) -> None:
    assert not may_be_same_person(_ways(BEFORE | before), _ways(BEFORE | now))
    assert not may_be_same_person(_ways(BEFORE | now), _ways(BEFORE | before))
