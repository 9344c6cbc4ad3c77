"""A seal reaches every row that is exactly the same person, those of later files too, and says which."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from sqlalchemy import select

from hub.models import Record
from node.caseload import find_handle, sealed_handles
from node.sealing import Sealed, seal_person, unseal_person
from tests.federation import Federation
from tests.people import people, person

FIRST = {**person(3), "chain": "310442", "nhs_number": "9434765919"}
NOBODY = {name: "" for name in FIRST}


def other(local_id: str, **fields: str) -> Mapping[str, str]:
    """A row of another reference that shares only these fields with the first."""
    return {**NOBODY, "local_id": local_id, **fields}


def born(local_id: str, **changes: str) -> Mapping[str, str]:
    return other(local_id, **{name: FIRST[name] for name in ("dob", "forename", "surname")} | changes)


def held_by_hub(federation: Federation, *local_ids: str) -> list[bool]:
    """Whether the hub holds the records of some references."""
    store = federation.nodes["holder"].store
    with federation.hub.database.reading() as session:
        held = set(session.scalars(select(Record.handle)))
    return [find_handle(store, local_id) in held for local_id in local_ids]


@pytest.mark.parametrize(
    ("row", "same"),
    [
        pytest.param(other("B-1", chain=FIRST["chain"]), True, id="same CHAIN number"),
        pytest.param(other("B-1", nhs_number=FIRST["nhs_number"]), True, id="same NHS number"),
        pytest.param(born("B-1"), True, id="same birth date and names"),
        pytest.param(born("B-1", aliases=""), True, id="no aliases"),
        pytest.param(
            other("B-1", dob=FIRST["dob"], forename="Zed", surname="Quill",
                  aliases=f"{FIRST['forename']} {FIRST['surname']}"), True, id="the name is an alias there",
        ),
        pytest.param(born("B-1", forename="Zed"), False, id="another forename"),
        pytest.param(born("B-1", surname="Quill"), False, id="another surname"),
        pytest.param(born("B-1", dob="1961-07-08"), False, id="another birth date"),
        pytest.param(born("B-1", dob=""), False, id="names without a birth date"),
        pytest.param(
            other("B-1", dob=FIRST["dob"], initials="".join(FIRST[n][0] for n in ("forename", "surname"))),
            False, id="initials alone",
        ),
    ],
)  # fmt: skip
def test_exactly_the_same_people_are_sealed_together(
    federation: Federation, row: Mapping[str, str], same: bool
) -> None:
    federation.share("holder", [FIRST, *people(5, first=10), row])
    holder = federation.nodes["holder"]
    sealed = seal_person(holder, FIRST["local_id"])
    assert sealed == Sealed(known=True, others=("B-1",) if same else ())
    assert held_by_hub(federation, FIRST["local_id"])[0] is False
    assert (find_handle(holder.store, "B-1") in sealed_handles(holder.store)) == same


def test_two_1_january_dates_are_not_the_same_person(federation: Federation) -> None:
    placeholder = {**born("A-1", dob="1980-01-01"), "chain": "1"}
    federation.share("holder", [placeholder, {**born("B-1", dob="1980-01-01"), "chain": "2"}])
    assert seal_person(federation.nodes["holder"], "A-1").others == ()


def test_the_same_as_the_same_is_the_same(federation: Federation) -> None:
    chained = other("B-1", chain=FIRST["chain"], nhs_number="4010232137")
    further = other("C-1", nhs_number="4010232137")
    federation.share("holder", [FIRST, chained, further, *people(3, first=10)])
    holder = federation.nodes["holder"]
    assert seal_person(holder, "C-1").others == ("B-1", FIRST["local_id"])
    assert held_by_hub(federation, "B-1", "C-1", FIRST["local_id"]) == [False] * 3
    assert unseal_person(holder, FIRST["local_id"]).others == ("B-1", "C-1")


def test_a_row_that_comes_later_is_sealed_before_it_can_be_pushed(federation: Federation) -> None:
    rows = [FIRST, *people(5, first=10)]
    federation.share("holder", rows)
    seal_person(federation.nodes["holder"], FIRST["local_id"])
    federation.share("holder", [*rows, born("B-1")])
    assert held_by_hub(federation, FIRST["local_id"], "B-1", people(1, first=10)[0]["local_id"]) == [
        False,
        False,
        True,
    ]


def test_a_seal_reaches_further_also_once_the_sealed_row_has_left_the_file(federation: Federation) -> None:
    rows = people(5, first=10)
    federation.share("holder", [FIRST, *rows])
    seal_person(federation.nodes["holder"], FIRST["local_id"])
    federation.share("holder", rows)
    federation.share("holder", [*rows, other("B-1", chain=FIRST["chain"])])
    assert held_by_hub(federation, "B-1") == [False]
