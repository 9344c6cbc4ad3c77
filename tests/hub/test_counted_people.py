"""Who is counted: a live agreement for it, a caseload that is not too old, and no no; unknown means deny."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from hub.cohort_members import Stay
from hub.counted_people import CountedPeople, Missing, read_people
from hub.counting_rules import find_circle
from hub.database import Database
from hub.errors import (
    AgreementMissingError,
    BasisNotPermittedError,
    MalformedError,
    NotInitialisedError,
)
from hub.linking_models import LinkState
from hub.models import Agency
from hub.months import month_of
from hub.purposes import LawfulBasis, Purpose
from tests.hub.counted import AT, Partnership

SERVICES = {"housing-a": "housing", "probation": "probation", "trust": "mental_health", "charity": "vcse"}
NOW = month_of("2026-06")


@pytest.fixture
def partnership(database: Database) -> Partnership:
    return Partnership(database)


def read(partnership: Partnership, **named: Any) -> CountedPeople:
    with partnership.database.reading() as session:
        circle = find_circle(
            session, **{"purpose": Purpose.COHORT_IDENTIFICATION, "at": AT, "agreement": None, **named}
        )
        return read_people(session, circle)


def agencies_of(people: CountedPeople, cluster: int) -> list[str]:
    return [record.agency for record in people.records.get(cluster, ())]


def test_people_are_the_clusters_with_what_is_known_of_their_records(partnership: Partnership) -> None:
    partnership.begin(SERVICES)
    [cluster] = partnership.add(
        ("housing-a", "watford", "2025-01", None),
        ("probation", "dacorum", "2024-02", "2024-05"),
        ("trust", None, None, None),
        ("charity", "watford", None, "2026-01"),
    )
    people = read(partnership)
    assert people.stays(NOW)[cluster] == (
        Stay(None, "watford", None, month_of("2026-01"), False),
        Stay("housing", "watford", month_of("2025-01"), NOW, True),
        Stay("probation", "dacorum", month_of("2024-02"), month_of("2024-05"), False),
        Stay("mental_health", None, None, None, None),
    )
    assert people.kinds == {"housing", "probation", "mental_health"}
    assert people.undated == ("trust",)


def test_a_case_that_closed_later_was_open_at_an_earlier_snapshot(partnership: Partnership) -> None:
    partnership.begin(SERVICES)
    [cluster] = partnership.add(("housing-a", "watford", "2025-01", "2026-03"))
    [then] = read(partnership).stays(month_of("2026-02"))[cluster]
    assert then.open is True


def test_an_agency_that_has_not_signed_or_shared_lately_is_not_counted(partnership: Partnership) -> None:
    partnership.begin(SERVICES, unsigned=["charity"])
    [cluster] = partnership.add(*[(agency, "watford", "2025-01", None) for agency in SERVICES])
    with partnership.database.writing() as session:
        session.execute(update(Agency).where(Agency.agency == "trust").values(as_of=AT - timedelta(days=31)))
        session.execute(update(Agency).where(Agency.agency == "probation").values(as_of=None))
    people = read(partnership)
    assert agencies_of(people, cluster) == ["housing-a"]
    assert people.missing == {"trust": Missing.TOO_OLD, "probation": Missing.NEVER_SHARED}


def test_whoever_has_no_record_left_is_nobody(partnership: Partnership) -> None:
    partnership.begin(SERVICES)
    first, second = partnership.add(("housing-a", "watford", "2025-01", None), times=2)
    partnership.take_off(first, "housing-a")
    assert set(read(partnership).records) == {second}


@pytest.mark.parametrize("no", ["withdrawn_at", "objected_at"])
@pytest.mark.parametrize("basis", ["public_task", "consent"])
def test_a_no_on_one_record_takes_all_of_that_agency_out(
    partnership: Partnership, no: str, basis: str
) -> None:
    partnership.begin(SERVICES, bases=[basis])
    [cluster] = partnership.add(
        ("housing-a", "watford", "2025-01", None),
        ("housing-a", "watford", "2025-03", None),
        ("trust", "watford", "2025-03", None),
    )
    for agency in ("housing-a", "trust"):
        for handle in partnership.handles_of([cluster], agency):
            partnership.consent(agency, handle)
    assert agencies_of(read(partnership), cluster) == ["housing-a", "housing-a", "trust"]
    one, _ = partnership.handles_of([cluster], "housing-a")
    partnership.consent("housing-a", one, version=2, **{no: "2026-06-01T00:00:00Z"})
    assert agencies_of(read(partnership), cluster) == ["trust"]


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        pytest.param({}, True, id="for everybody"),
        pytest.param({"recipients": ["charity", "probation", "trust"]}, True, id="for all who take part"),
        pytest.param({"recipients": ["probation", "trust"]}, False, id="for some who take part"),
        pytest.param({"purposes": ["statistics"]}, False, id="for another purpose"),
        pytest.param({"data_classes": ["contact"]}, False, id="not that the agency knows them"),
        pytest.param({"valid_from": "2026-06-16T00:00:00Z"}, False, id="not yet"),
        pytest.param({"valid_until": "2026-06-15T12:00:00Z"}, False, id="not any more"),
        pytest.param(None, False, id="none is recorded"),
    ],
)
def test_on_the_basis_of_consent_a_record_counts_by_its_own(
    partnership: Partnership, changes: dict[str, Any] | None, counted: bool
) -> None:
    partnership.begin(SERVICES, bases=["consent", "public_task"])
    [cluster] = partnership.add(("housing-a", "watford", "2025-01", None))
    if changes is not None:
        partnership.consent("housing-a", *partnership.handles_of([cluster], "housing-a"), **changes)
    assert (cluster in read(partnership).records) is counted
    assert cluster in read(partnership, basis=LawfulBasis.PUBLIC_TASK).records


def test_nobody_is_counted_without_a_live_agreement_that_names_the_purpose(partnership: Partnership) -> None:
    partnership.begin(SERVICES, purposes=["case_conference"])
    with pytest.raises(AgreementMissingError):
        read(partnership)
    partnership.agree("over", sorted(SERVICES), expires=AT)
    with pytest.raises(AgreementMissingError):
        read(partnership)
    partnership.agree("alone", sorted(SERVICES), unsigned=["charity", "probation", "trust"])
    with pytest.raises(AgreementMissingError):
        read(partnership)


def test_of_several_agreements_one_has_to_be_named(partnership: Partnership) -> None:
    partnership.begin(SERVICES)
    partnership.agree("second", ["housing-a", "trust"])
    [cluster] = partnership.add(("housing-a", "watford", None, None), ("probation", "watford", None, None))
    with pytest.raises(MalformedError, match="say which"):
        read(partnership)
    assert agencies_of(read(partnership, agreement="second"), cluster) == ["housing-a"]


def test_a_basis_the_agreement_does_not_rely_on_is_refused(partnership: Partnership) -> None:
    partnership.begin(SERVICES, bases=["public_task"])
    with pytest.raises(BasisNotPermittedError):
        read(partnership, basis=LawfulBasis.CONSENT)


def test_nobody_can_be_counted_before_a_linking_run(partnership: Partnership) -> None:
    partnership.begin(SERVICES)
    with partnership.database.writing() as session:
        session.execute(update(LinkState).values(run=None))
    with pytest.raises(NotInitialisedError):
        read(partnership)
