"""The queue of pairs across agencies: who is shown what, and that the withheld look like nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select, text

from hub.database import Database
from hub.pair_models import PairTold
from hub.pairs import _statement
from hub.policy import policy_digest
from hub.purposes import PURPOSES_OF_ROLE, Purpose
from hub.roles import PERMISSIONS
from hub.settings import load_settings
from keys.actors import Role
from tests.hub.client import flatten
from tests.hub.conftest import EPOCH, Network, open_network
from tests.hub.paired_caseloads import (
    ALL,
    CONSENTED,
    COORDINATOR,
    DEDUPLICATION,
    PEOPLE,
    TWIN,
    TWIN_THERE,
    Paired,
    evidence_of,
    other_of,
    share_pairs,
)


@pytest.fixture
def paired(partnership: Network) -> Paired:
    return share_pairs(partnership)


def test_both_agencies_see_their_own_record_and_whose_the_other_is(paired: Paired) -> None:
    pairs = {agency: {pair["pair"]: pair for pair in paired.queue(agency)} for agency in ALL}
    assert pairs["holder-1"].keys() == pairs["holder-2"].keys(), "one id, to talk about it"
    for agency in ALL:
        assert sorted(paired.numbers(agency)) == list(CONSENTED)
        text = str(paired.page(agency))
        for number in ALL[other_of(agency)]:
            record = paired.shared.records[other_of(agency)].get(number)
            assert record is None or record["handle"] not in text
        for pair in pairs[agency].values():
            assert pair["agency"] == other_of(agency)
            shown = evidence_of(pair)
            assert shown["designation"] == "link" and float(shown["posterior"]) > 0.99
            assert {step["comparison"] for step in shown["steps"]} >= {"identity", "chain"}


def expire(paired: Paired, agency: str) -> None:
    paired.consent(agency, 21, valid_until="2026-02-01T00:00:00Z")


def no_of_another_record(paired: Paired, agency: str) -> None:
    """The same person stands there twice, and has withdrawn in the other record."""
    second = paired.network.nodes[agency].record([PEOPLE[21]], paired.network.schema)
    paired.shared.records[agency][121] = second
    paired.shared.push(agency, push="push-2")
    paired.consent(agency, 121, withdrawn_at="2026-02-01T00:00:00Z", valid_until=None)
    paired.link()


CAUSES: dict[str, Callable[[Paired, str], None]] = {
    "withdrawn": lambda p, a: p.consent(a, 21, withdrawn_at="2026-02-01T00:00:00Z"),
    "objected": lambda p, a: p.consent(a, 21, objected_at="2026-02-01T00:00:00Z"),
    "expired": expire,
    "not yet valid": lambda p, a: p.consent(a, 21, valid_from="2026-03-01T00:00:00Z"),
    "another purpose": lambda p, a: p.consent(a, 21, purposes=["case_conference"]),
    "another recipient": lambda p, a: p.consent(a, 21, recipients=["asker"]),
    "contact alone": lambda p, a: p.consent(a, 21, data_classes=["contact"]),
    "withdrawn in another record of the person": no_of_another_record,
    "taken off the hub": lambda p, a: p.shared.remove(a, 21, push="push-2"),
}


@pytest.mark.parametrize("agency", ALL)
@pytest.mark.parametrize("cause", CAUSES)
def test_a_withheld_pair_looks_like_no_pair_to_both(paired: Paired, cause: str, agency: str) -> None:
    """As if one of the two records were not there at all, in every field of every pair."""
    before = {one: paired.page(one) for one in ALL}
    handles = {one: paired.handle(one, 21) for one in ALL}
    CAUSES[cause](paired, agency)
    for one in ALL:
        expected = [pair for pair in before[one]["pairs"] if pair["handle"] != handles[one]]
        now = paired.page(one)
        assert without_groups(now["pairs"]) == without_groups(expected)
        assert [pair["group"] for pair in now["pairs"]] == [1, 2, 3]
        assert not now["more"]


def without_groups(pairs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = [{key: value for key, value in pair.items() if key not in ("group", "evidence")} for pair in pairs]
    return sorted(kept, key=lambda pair: pair["pair"])


def test_what_is_shown_of_a_pair_does_not_depend_on_who_else_fits(paired: Paired) -> None:
    """A rival at the other agency, withheld, changes no digit; the posterior of linking it does change."""
    before = paired.page("holder-1")
    double = paired.network.nodes["holder-2"].record([PEOPLE[22]], paired.network.schema)
    paired.shared.records["holder-2"][122] = double
    paired.shared.push("holder-2", push="push-2")
    paired.link_changes()
    assert paired.page("holder-1") == before


def test_decided_or_not_a_withheld_pair_is_answered_like_one_that_never_was(paired: Paired) -> None:
    pair = paired.pair_of("holder-1", 21)["pair"]
    CAUSES["withdrawn"](paired, "holder-2")
    for ask in (
        lambda name: paired.decide("holder-1", name, "same"),
        lambda name: paired.decide("holder-1", name, "undone"),
        lambda name: paired.history("holder-1", name),
    ):
        withheld, unknown = ask(pair), ask("0" * 32)
        assert withheld.status == unknown.status == 404
        if "undo" not in withheld.document["detail"]:
            assert withheld.body == unknown.body


def test_no_pair_can_be_decided_that_was_not_shown(paired: Paired) -> None:
    pair = paired.pair_of("holder-1", 21)["pair"]
    assert paired.decide("holder-2", pair, "same").code == "not_found"
    paired.queue("holder-2")
    assert paired.decide("holder-2", pair, "same").status == 200
    assert paired.network.nodes["asker"].call(
        "POST",
        f"/v1/pairs/{pair}/decisions",
        {"format": "pair-decision/1", "verdict": "same", "reason": "other"},
        actor=COORDINATOR,
    ).code in ("not_found", "no_agreement")


def test_without_an_agreement_that_names_the_purpose_there_is_no_pair(network: Network) -> None:
    asker = network.join("asker", custodian=True)
    network.join("holder-1")
    network.join("holder-2")
    network.agree("asker", "holder-1", "holder-2", purposes=["case_conference"])
    network.begin_epoch(asker)
    paired = share_pairs(network)
    assert paired.queue("holder-1") == paired.queue("holder-2") == []
    network.agree("holder-1", "holder-2", name="isa-2", purposes=["referral_deduplication"])
    assert len(paired.queue("holder-1")) == len(paired.queue("holder-2")) == len(CONSENTED)


def test_an_agency_that_has_not_shared_for_long_is_in_no_pair(paired: Paired) -> None:
    paired.network.clock.move(days=20)
    paired.shared.push("holder-1", push="push-2")
    assert len(paired.queue("holder-1")) == len(CONSENTED)
    paired.network.clock.move(days=20)
    assert paired.queue("holder-1") == paired.queue("holder-2") == []


def test_what_is_uncertain_comes_first_and_twins_are_flagged(paired: Paired) -> None:
    paired.consent("holder-1", TWIN)
    paired.consent("holder-2", TWIN_THERE)
    queue = paired.queue("holder-1")
    assert queue[0]["handle"] == paired.handle("holder-1", TWIN)
    assert queue[0]["may_be_twins"] and not any(pair["may_be_twins"] for pair in queue[1:])
    posteriors = [float(evidence_of(pair)["posterior"]) for pair in queue]
    assert posteriors == sorted(posteriors)
    assert [pair["group"] for pair in queue] == [1, 2, 3, 4, 5]


def test_pairs_that_hang_together_are_one_group(paired: Paired) -> None:
    second = paired.network.nodes["holder-1"].record([PEOPLE[22]], paired.network.schema)
    paired.shared.records["holder-1"][122] = second
    paired.shared.push("holder-1", push="push-2")
    paired.consent("holder-1", 122)
    paired.link()
    for agency in ALL:
        queue = paired.queue(agency)
        groups = [pair["group"] for pair in queue]
        assert len(queue) == 5 and sorted(set(groups)) == [1, 2, 3, 4] and groups == sorted(groups)
    page = paired.page("holder-1", "?limit=3")
    assert len(page["pairs"]) == 3 and page["more"]


def test_reading_is_logged_for_the_reader_and_for_whoever_was_told_of(paired: Paired) -> None:
    queue = paired.queue("holder-1")
    [own] = [one for one in paired.network.nodes["holder-1"].log() if one["action"] == "pairs:queue:read"]
    assert own["staff"] == COORDINATOR.staff and sorted(own["pairs"]) == sorted(p["pair"] for p in queue)
    [seen] = [one for one in paired.network.nodes["holder-2"].log() if one["action"] == "pairs:queue:read"]
    assert (seen["agency"], seen["staff"], seen["purpose"]) == (
        "holder-1", COORDINATOR.staff, "referral_deduplication",
    )  # fmt: skip
    assert seen["policy"] == policy_digest(load_settings(paired.network.home))
    told = {case["handle"] for case in seen["cases"]}
    assert told == {paired.handle("holder-2", number) for number in CONSENTED}
    assert {case["answer"] for case in seen["cases"]} == {"K"}
    assert not [one for one in paired.network.nodes["asker"].log() if one["action"].startswith("pairs:")]


def test_an_empty_reading_is_logged_too_and_its_leaf_is_like_any_other(paired: Paired) -> None:
    paired.queue("holder-1")
    assert paired.network.nodes["asker"].call("GET", "/v1/pairs", actor=COORDINATOR).document["pairs"] == []
    lines = {}
    for agency in ("holder-1", "asker"):
        page = paired.network.nodes[agency].call("GET", "/v1/log?limit=1000").document["entries"]
        lines[agency] = next(flatten(line) for line in page if flatten(line)["action"] == "pairs:queue:read")
    assert lines["asker"]["pairs"] == []
    assert lines["asker"].keys() == lines["holder-1"].keys()


def test_a_pair_costs_budget_once(database_url: str, tmp_path: Any, clock: Any, schema: Any) -> None:
    settings = {"staff_cases_per_day": 5}
    with open_network(
        tmp_path / "hub", database_url=database_url, clock=clock, schema=schema, **settings
    ) as network:
        asker = network.join("asker", custodian=True)
        network.join("holder-1")
        network.join("holder-2")
        network.agree("asker", "holder-1", "holder-2")
        network.begin_epoch(asker)
        paired = share_pairs(network)
        for _ in range(3):
            assert len(paired.queue("holder-1")) == 4
        for number in (25, 26):
            for agency in ALL:
                paired.consent(agency, number)
        assert paired.read("holder-1").code == "budget_exhausted"
        assert len(paired.queue("holder-1", "?limit=5")) == 5
        with network.database.reading() as session:
            told = select(func.count()).select_from(PairTold).where(PairTold.agency == "holder-1")
            assert session.scalar(told) == 5, "what was refused was not told"
        network.clock.move(days=1)
        assert len(paired.queue("holder-1")) == 6


def test_nothing_is_shown_before_a_run_and_in_a_new_epoch(paired: Paired) -> None:
    paired.network.begin_epoch(paired.network.nodes["asker"], "2026-2")
    assert paired.queue("holder-1") == []
    for agency in ALL:
        paired.shared.push(agency, push="push-2", epoch="2026-2")
    assert paired.queue("holder-1") == []
    paired.link()
    assert len(paired.queue("holder-1")) == len(CONSENTED)


def test_only_whoever_may_ask_for_this_purpose_may_read_or_decide() -> None:
    calls = [permission for (_, path), permission in PERMISSIONS.items() if path.startswith("/v1/pairs")]
    may_ask = {
        role for role in Role if Purpose.REFERRAL_DEDUPLICATION in PURPOSES_OF_ROLE.get(role, frozenset())
    }
    assert len(calls) == 3 and all(permission.roles == may_ask for permission in calls)


@pytest.mark.parametrize("query", ["?limit=0", "?limit=201", "?state=some", "?limit=x"])
def test_a_query_that_breaks_a_rule_is_malformed(paired: Paired, query: str) -> None:
    assert paired.read("holder-1", query).code == "malformed"


def test_consent_as_look_ups_need_it_is_enough(paired: Paired) -> None:
    """The same consent that lets a look-up for this purpose be answered lets the pair be shown."""
    node = paired.network.nodes["holder-1"]
    basis = {
        "kind": "consent", "captured_at": "2026-01-05T10:00:00Z", "method": "verbal",
        "scope": DEDUPLICATION["purposes"],
    }  # fmt: skip
    question = node.question(
        [PEOPLE[20], PEOPLE[30]], paired.network.schema, epoch=EPOCH, purpose="referral_deduplication"
    )
    for case in question["cases"]:
        case["basis"] = basis
    answers = [
        {line["agency"]: line["answer"] for line in case["answers"]}["holder-2"]
        for case in node.look_up(question).document["cases"]
    ]
    assert answers == ["K", "N"]
    assert 20 in paired.numbers("holder-1") and 30 not in paired.numbers("holder-1")


@pytest.mark.parametrize("table", ["consents", "records", "(SELECT * FROM cluster_members WHERE run = 1)"])
def test_rows_of_named_records_are_searched_by_key_and_no_table_is_gone_through(
    database: Database, table: str
) -> None:
    """SQLite would else go through the table, and through all names for each row: minutes for a county."""
    if database.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by its own statistics")
    statement = f"EXPLAIN QUERY PLAN {_statement('sqlite', table, 't.agency, t.handle').text}"
    with database.reading() as session:
        steps = [row.detail for row in session.execute(text(statement), {"pairs": "[]"})]
    assert steps[0].startswith("SCAN pair ")
    assert all(step.startswith("SEARCH") and "agency=? AND handle=?" in step for step in steps[1:])
    assert len(steps) == 2
