"""An agency's own people in a cohort: counted at the hub, opened here, the sealed left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub.cohort_counts import Counting
from hub.cohort_rules import shipped_rule
from hub.cohort_snapshots import keep_snapshot, release_snapshot
from hub.linking import link_all
from node import cohorts
from node.caseload import mark_sealed
from node.cohorts import fetch_cohorts, open_cohort
from node.errors import HubRefusedError, IntegrityError, RecordFormatError
from node.home import Node
from tests.federation import NOW, Federation, running_federation
from tests.people import people

BOTH = range(21, 41)


@pytest.fixture
def counted(tmp_path: Path) -> Any:
    """Housing and probation share forty people each, of whom twenty are the same."""
    with running_federation(tmp_path) as federation:
        federation.add("council", custodian=True)
        federation.add("probation", service="probation")
        federation.begin_epoch(["dob", "names", "chain"], custodian="council")
        federation.agree("council", "probation")
        federation.agree(
            "council", "probation", agreement="cohorts", lawful_bases=["public_task"],
            purposes=["cohort_identification"],
        )  # fmt: skip
        federation.share("council", people(40, prefix="C"))
        federation.share("probation", people(40, first=21, prefix="P"))
        link_all(federation.hub.database, clock=federation.clock, report=lambda _: None)
        yield federation


def release(federation: Federation) -> str:
    counting = Counting("n-ali", NOW)
    name = keep_snapshot(federation.hub.database, shipped_rule("mcn"), counting)
    with federation.hub.database.writing() as session:
        release_snapshot(session, name, staff="n-ali", at=NOW)
    return name


def coordinator(federation: Federation, agency: str) -> Node:
    return federation.acting(agency, "coordinator")


def test_each_agency_opens_its_own_references(counted: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohorts, "PAGE_REFERENCES", 7)
    name = release(counted)
    for agency, letter in (("council", "C"), ("probation", "P")):
        node = coordinator(counted, agency)
        [cohort] = fetch_cohorts(node.client())
        assert cohort.cohort == name
        people = open_cohort(node, name)
        assert people.references == tuple(f"{letter}{number:05}" for number in BOTH)
        assert people.gone == 0


def test_whoever_was_sealed_while_the_hub_was_away_is_left_out(counted: Federation) -> None:
    name, node = release(counted), coordinator(counted, "council")
    handle = next(h for h in _handles(counted, name) if cohorts.reference_of(node.store, h) == "C00030")
    with node.store.transaction():
        mark_sealed(node.store, handle, sealed=True)
    people = open_cohort(node, name)
    assert (len(people.references), people.gone) == (len(BOTH) - 1, 1)
    assert "C00030" not in people.references


def _handles(federation: Federation, name: str) -> list[str]:
    return list(cohorts._handles(coordinator(federation, "council").client(), name))


def test_a_cohort_that_is_not_released_is_not_found(counted: Federation) -> None:
    with pytest.raises(HubRefusedError, match="none of this name is released"):
        open_cohort(coordinator(counted, "council"), "mcn-1-2026-11-23")


@pytest.mark.parametrize("role", ["officer", "responder", "ig"])
def test_other_roles_read_no_list(counted: Federation, role: str) -> None:
    name = release(counted)
    with pytest.raises(HubRefusedError, match="this role may not make this call"):
        open_cohort(counted.acting("council", role), name)


def test_a_name_that_is_none_never_reaches_the_hub(counted: Federation) -> None:
    with pytest.raises(RecordFormatError):
        open_cohort(coordinator(counted, "council"), "../log")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"handles": "ab", "more": False}, id="no list"),
        pytest.param({"handles": [], "more": True}, id="more of nothing"),
        pytest.param({"handles": ["ab" * 16, "aa" * 16], "more": False}, id="out of order"),
        pytest.param({"handles": ["ab" * 16] * 2, "more": False}, id="twice"),
        pytest.param({"handles": ["A1"], "more": False}, id="no handle"),
        pytest.param({"handles": ["00" * 16], "more": False}, id="before the page before"),
    ],
)
def test_an_answer_that_is_no_list_of_references_is_an_integrity_failure(answer: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        cohorts._read_page(answer, after="11" * 16)
