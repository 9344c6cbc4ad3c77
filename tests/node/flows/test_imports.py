"""References that move, wrong files, and people who cannot be used yet: what an import holds and refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from node.caseload import find_handle, identifiers_under, is_in_caseload, parked_row, shareable_records
from node.consent import keep_consents, list_consents, record_objection, withdraw_consent
from node.consent_files import RowConsent, read_consents
from node.consent_lists import record_list
from node.consent_terms import Ended, Refusal
from node.errors import PolicyError, RecordFormatError
from node.home import Node
from node.identifiers import Record
from node.imports import ImportPlan, import_records, plan_import, require_plausible
from node.in_step import send_or_say_so
from node.people import RowReader
from node.pushing import push_caseload
from node.records import ParkedRecord
from node.sealing import seal_person
from tests.federation import Federation, records_of
from tests.people import people, person

ANN = {"dob": "1984-03-17", "forename": "Amara", "surname": "Lindqvist"}
BOB = {"dob": "1951-09-30", "forename": "Kwame", "surname": "Boateng"}


def _row(local_id: str, who: dict[str, str]) -> dict[str, str]:
    return {"local_id": local_id, **who}


def _import(node: Node, rows: list[dict[str, str]], same_person: tuple[int, ...] = ()) -> ImportPlan:
    records = records_of(rows)
    planned = plan_import(node.store, records, same_person=same_person)
    done = import_records(node.store, records, weak_rows=(), same_person=same_person)
    assert planned == replace(done, sealed=0, refused=0)
    return done


def _rows_of(plan: ImportPlan, rows: list[dict[str, str]]) -> list[str]:
    return [record.local_id for record in records_of(rows) if record.row in plan.held]


def _shared(node: Node) -> set[str]:
    return {kept.record.local_id for kept in shareable_records(node.store)}


@pytest.fixture
def holder(federation: Federation) -> Node:
    """Twenty people, of whom one agreed and one withdrew."""
    rows = [*people(20), _row("A", ANN), _row("B", BOB)]
    federation.share("holder", rows)
    federation.consent("holder", "A", "B")
    withdraw_consent(federation.nodes["holder"], "B")
    send_or_say_so(federation.nodes["holder"])
    return federation.nodes["holder"]


def test_a_withdrawn_person_under_another_s_consent_is_held_and_never_known(
    federation: Federation, holder: Node
) -> None:
    assert federation.words("asker", ANN)["holder"] == "Known"
    swapped = [*people(20), _row("A", BOB), _row("B", ANN)]
    plan = _import(holder, swapped)
    assert _rows_of(plan, swapped) == ["A", "B"]
    require_plausible(plan)
    push_caseload(holder)
    for who in (ANN, BOB):
        assert federation.words("asker", who)["holder"] == "No shared match"


def test_a_held_row_stays_held_until_it_is_confirmed(federation: Federation, holder: Node) -> None:
    rows = [*people(20), _row("A", BOB)]
    (held,) = _import(holder, rows).held
    assert _import(holder, rows).held == (held,)
    assert "A" not in _shared(holder)
    confirmed = _import(holder, rows, same_person=(held,))
    assert (confirmed.held, confirmed.added) == ((), 1)
    assert "A" in _shared(holder)
    send_or_say_so(holder)
    push_caseload(holder)
    # He withdrew under another reference, which goes on to hold.
    assert federation.words("asker", BOB)["holder"] == "No shared match"
    assert _import(holder, rows).held == (), "it is remembered as the person from then on"


def test_a_held_row_is_taken_again_once_the_person_is_back(holder: Node) -> None:
    _import(holder, [*people(20), _row("A", BOB)])
    assert _import(holder, [*people(20), _row("A", ANN | {"surname": "Okafor"})]).held == ()
    assert "A" in _shared(holder)


def test_a_withdrawal_goes_on_to_answer_for_the_person_s_other_record_while_its_row_is_held(
    federation: Federation, holder: Node
) -> None:
    rows = [
        *people(20),
        _row("A", ANN),
        _row("B", ANN | {"forename": "Zofia", "dob": "1990-07-07"}),
        _row("C", BOB),
    ]
    assert _rows_of(_import(holder, rows), rows) == ["B"]
    push_caseload(holder)
    with pytest.raises(PolicyError, match="withdrawn or objected"):
        federation.consent("holder", "C")
    assert federation.words("asker", BOB)["holder"] == "No shared match"


def test_a_reference_used_again_after_its_person_has_left_is_held(
    federation: Federation, holder: Node
) -> None:
    _import(holder, people(20))
    rows = [*people(20), _row("A", BOB)]
    assert _rows_of(_import(holder, rows), rows) == ["A"]
    assert "A" not in _shared(holder)


def test_whoever_left_without_consent_or_seal_is_not_remembered(holder: Node) -> None:
    _import(holder, people(19))
    gone, consenting = (find_handle(holder.store, local_id) for local_id in ("H00020", "A"))
    assert gone is not None and identifiers_under(holder.store, gone) is None
    assert consenting is not None and identifiers_under(holder.store, consenting) is not None


def test_somebody_else_under_a_sealed_reference_is_held(holder: Node) -> None:
    seal_person(holder, "H00001")
    rows = [_row("H00001", BOB), *people(19, first=2), _row("A", ANN), _row("B", BOB)]
    assert _rows_of(_import(holder, rows), rows) == ["H00001"]


def test_without_consent_or_seal_a_row_may_become_somebody_else(holder: Node) -> None:
    rows = [_row("H00001", ANN | {"dob": "1999-09-09"}), *people(19, first=2), _row("A", ANN), _row("B", BOB)]
    plan = _import(holder, rows)
    assert (plan.held, plan.moved, plan.changed) == ((), 1, 1)


def test_references_that_moved_down_a_row_are_refused_as_a_whole(holder: Node) -> None:
    moved = [person(number, local_id=f"H{number + 1:05}") for number in range(1, 21)]
    plan = plan_import(holder.store, records_of([*moved, _row("A", ANN), _row("B", BOB)]))
    with pytest.raises(RecordFormatError, match=r"19 of 21 references .* seem to have moved") as refused:
        require_plausible(plan)
    assert refused.value.field == "local_id"


def test_a_third_of_the_rows_changed_for_good_reasons_is_no_move(holder: Node) -> None:
    changed = [person(number, surname="newname") for number in range(1, 8)]
    require_plausible(_import(holder, [*changed, *people(13, first=8), _row("A", ANN), _row("B", BOB)]))


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        pytest.param(10, 4, True, id="six of ten leave"),
        pytest.param(10, 5, False, id="half leaves"),
        pytest.param(6, 2, False, id="four of six leave"),
        pytest.param(0, 4, False, id="the first import"),
    ],
)
def test_a_file_without_most_of_the_caseload_is_refused(
    federation: Federation, before: int, after: int, refused: bool
) -> None:
    store = federation.nodes["holder"].store
    import_records(store, records_of(people(before)), weak_rows=())
    plan = plan_import(store, records_of(people(after)))
    if refused:
        with pytest.raises(RecordFormatError, match=r"6 of the 10 people .* say --replace"):
            require_plausible(plan)
    else:
        require_plausible(plan)


def _parked(row: int, fields: dict[str, str]) -> ParkedRecord:
    ways, _ = RowReader(today=date(2026, 11, 23)).identifiers(fields, row)
    return ParkedRecord(row, fields["local_id"], ways)


def _import_parked(node: Node, rows: list[dict[str, str]], parked: dict[str, str]) -> None:
    import_records(node.store, records_of(rows), weak_rows=(), parked=[_parked(99, parked)])


def test_an_objection_of_somebody_parked_holds_when_the_row_is_mended(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    _import_parked(holder, people(3), {"local_id": "X", "forename": "Amara", "surname": "Lindqvist"})
    handle = find_handle(holder.store, "X")
    assert handle is not None and parked_row(holder.store, handle) == 99
    assert not is_in_caseload(holder.store, handle)
    record_objection(holder, "X")
    federation.share("holder", [*people(3), _row("X", ANN), _row("Y", ANN)])
    with pytest.raises(PolicyError, match="withdrawn or objected"):
        federation.consent("holder", "Y")
    assert parked_row(holder.store, handle) is None and "X" in _shared(holder)
    assert federation.words("asker", ANN)["holder"] == "No shared match"


def test_a_seal_of_somebody_parked_holds_when_the_row_is_mended(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    _import_parked(holder, people(3), {"local_id": "X", "forename": "Amara", "surname": "Lindqvist"})
    assert seal_person(holder, "X").known
    assert not seal_person(holder, "nobody's").known
    federation.share("holder", [*people(3), _row("X", ANN)])
    assert "X" not in _shared(holder)


def test_somebody_else_in_the_place_of_a_parked_objector_is_held(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    _import_parked(holder, people(3), {"local_id": "X", "forename": "Amara", "surname": "Lindqvist"})
    record_objection(holder, "X")
    rows = [*people(3), _row("X", BOB)]
    assert _rows_of(_import(holder, rows), rows) == ["X"]


def test_whoever_loses_their_date_is_parked_and_keeps_what_hangs_on_them(holder: Node) -> None:
    rows = [*people(20), _row("B", BOB)]
    _import_parked(holder, rows, {"local_id": "A", "forename": "Amara", "surname": "Lindqvist"})
    assert "A" not in _shared(holder)
    assert _rows_of(_import(holder, [*rows, _row("A", BOB)]), [*rows, _row("A", BOB)]) == ["A"]
    assert _import(holder, [*rows, _row("A", ANN)]).held == ()


def test_what_a_file_says_of_consent_is_kept_with_its_rows_or_not_at_all(holder: Node) -> None:
    rows = [*people(20), _row("A", {**ANN, "forename": "Amara Jo"}), _row("C", BOB)]

    def stopped(plan: ImportPlan) -> None:
        assert plan.added == 1
        keep_consents(holder, [("C", Ended(Refusal.OBJECTED)), ("A", Ended(Refusal.WITHDRAWN))])
        raise KeyboardInterrupt

    before, consents = _shared(holder), [one.document for one in list_consents(holder.store)]
    with pytest.raises(KeyboardInterrupt):
        import_records(holder.store, records_of(rows), weak_rows=(), with_it=stopped)
    assert _shared(holder) == before and find_handle(holder.store, "C") is None
    assert [one.document for one in list_consents(holder.store)] == consents


def test_nothing_that_an_import_prints_holds_a_value(holder: Node) -> None:
    plan = plan_import(holder.store, [Record(2, "A", records_of([_row("A", BOB)])[0].identifiers)])
    assert repr(_parked(3, _row("A", BOB))) == "ParkedRecord(row=3)"
    assert "boateng" not in repr(plan).lower()


HEADER = "local_id,captured_at,method,purposes,recipients,notice_version\n"


def _list(folder: Path, *local_ids: str) -> list[RowConsent]:
    file = folder / "list.csv"
    file.write_text(HEADER + "".join(f"{one},2026-03-02,written,case_conference,*,2\n" for one in local_ids))
    return read_consents(file, today=date(2026, 11, 23))


def test_a_list_with_unknown_references_is_refused_by_its_own_rows(holder: Node, tmp_path: Path) -> None:
    before = len(list_consents(holder.store))
    with pytest.raises(RecordFormatError, match=r"consent list, row 3, local_id: .*\(as are rows 5\)"):
        record_list(holder, _list(tmp_path, "A", "nobody", "H00001", "no one"))
    assert len(list_consents(holder.store)) == before


def test_a_list_is_recorded_for_people_who_are_parked_and_says_where_they_stand(
    federation: Federation, tmp_path: Path
) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(4))
    _import_parked(holder, people(3), {"local_id": "X", "forename": "Amara", "surname": "Lindqvist"})
    recorded = record_list(holder, _list(tmp_path, "H00001", "X", "H00004"))
    assert recorded.changed == 3
    assert recorded.remarks == (
        "Row 3: recorded; the person is parked at row 99 of the caseload and not shared.",
        "Row 4: recorded; the person has left the caseload.",
    )


def test_no_consent_is_recorded_under_a_held_reference(
    federation: Federation, holder: Node, tmp_path: Path
) -> None:
    rows = [*people(20), _row("A", BOB), _row("B", ANN)]
    held = _import(holder, rows).held
    with pytest.raises(RecordFormatError, match=r"consent list, row 3, local_id: the reference is held"):
        record_list(holder, _list(tmp_path, "H00001", "B"))
    with pytest.raises(RecordFormatError, match="is held"):
        federation.consent("holder", "B")
    record_objection(holder, "B")
    _import(holder, rows, same_person=held)
    assert record_list(holder, _list(tmp_path, "H00001")).changed == 1
    federation.consent("holder", "A")


def test_a_consent_of_the_future_is_refused(federation: Federation, holder: Node) -> None:
    with pytest.raises(RecordFormatError, match="captured_at: lies in the future"):
        federation.consent("holder", "H00001", captured_at=federation.clock() + timedelta(days=1))
