"""Decisions on pairs: they part and join clusters, are undone bit for bit, and hold while the data do."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from cli.main import knownto
from hub.errors import NotInitialisedError
from hub.linking import list_runs
from hub.pair_models import PairDecision
from keys.actors import Actor
from tests.hub.conftest import Network
from tests.hub.paired_caseloads import ALL, COORDINATOR, PEOPLE, Paired, share_pairs
from tests.hub.people import make_people

SOMEBODY, ALIAS, OTHER_ALIAS = make_people(3, seed=99)
ONE, TWO = ("holder-1", 21), ("holder-2", 21)


@pytest.fixture
def paired(partnership: Network) -> Paired:
    return share_pairs(partnership)


def conflicts(paired: Paired) -> int | None:
    with paired.network.database.reading() as session:
        return list_runs(session)[0].conflicts


@pytest.mark.parametrize("agency", ALL)
@pytest.mark.parametrize("full", [False, True], ids=["changes", "full run"])
def test_different_people_are_parted_and_undoing_restores_it_bit_for_bit(
    paired: Paired, agency: str, full: bool
) -> None:
    link = paired.link if full else paired.link_changes
    before = paired.shared.members()
    assert paired.together(ONE, TWO)
    paired.decided(agency, 21, "different")
    link()
    assert not paired.together(ONE, TWO)
    apart = paired.shared.members()
    assert sum(apart[one] != before[one] for one in before) == 1
    paired.decided(agency, 21, "undone")
    link()
    assert paired.shared.members() == before
    paired.decided(agency, 21, "different")
    link()
    assert paired.shared.members() == apart


@pytest.mark.parametrize("full", [False, True], ids=["changes", "full run"])
def test_the_same_person_is_joined_and_undoing_restores_it_bit_for_bit(paired: Paired, full: bool) -> None:
    link = paired.link if full else paired.link_changes
    paired.decided("holder-1", 21, "different")
    paired.decided("holder-2", 21, "different")
    link()
    before = paired.shared.members()
    for agency in ALL:
        paired.decided(agency, 21, "same")
    link()
    assert paired.together(ONE, TWO)
    for agency in ALL:
        paired.decided(agency, 21, "different")
    link()
    assert paired.shared.members() == before


@pytest.mark.parametrize("full", [False, True], ids=["changes", "full run"])
def test_same_joins_what_the_evidence_keeps_apart(paired: Paired, full: bool) -> None:
    """Two whole clusters with ids of their own become one, and each has its own again."""
    link = paired.link if full else paired.link_changes
    pair = paired.pair_of("holder-1", 21)["pair"]
    paired.shared.change("holder-1", 21, SOMEBODY)
    paired.shared.push("holder-1", push="push-2")
    paired.link()
    before = paired.shared.members()
    assert not paired.together(ONE, TWO)
    assert paired.decide("holder-1", pair, "same").status == 200
    link()
    assert paired.together(ONE, TWO)
    assert len(set(paired.shared.members().values())) == len(set(before.values())) - 1
    assert paired.decide("holder-1", pair, "undone").status == 200
    link()
    assert paired.shared.members() == before


def test_a_served_hub_finds_that_something_was_decided(paired: Paired) -> None:
    result = CliRunner().invoke(knownto, ["--home", str(paired.network.home), "hub", "link", "--changes"])
    assert "Nothing has changed" in result.stderr
    paired.decided("holder-1", 21, "different")
    result = CliRunner().invoke(knownto, ["--home", str(paired.network.home), "hub", "link", "--changes"])
    assert result.exit_code == 0 and not paired.together(ONE, TWO)


@pytest.mark.parametrize("verdict", ["same", "different"])
def test_what_one_agency_decides_is_asked_of_neither_again(paired: Paired, verdict: str) -> None:
    paired.decided("holder-1", 21, verdict)
    for agency in ALL:
        assert 21 not in paired.numbers(agency)
        assert 21 in paired.numbers(agency, "?state=all")
    paired.link_changes()
    paired.link()
    assert 21 not in paired.numbers("holder-2")
    shown = paired.pair_of("holder-2", 21)
    assert shown["decision"] is None and shown["theirs"]["verdict"] == verdict
    assert "staff" not in shown["theirs"] and shown["theirs"]["reason"] == "files_compared"


def test_whoever_is_not_sure_is_asked_again_and_last(paired: Paired) -> None:
    first = paired.numbers("holder-1")[0]
    paired.decided("holder-1", first, "not_sure")
    for agency in ALL:
        assert paired.numbers(agency)[-1] == first
    before = paired.shared.members()
    paired.link_changes()
    assert paired.shared.members() == before


def test_new_data_have_it_asked_again_and_a_new_area_or_card_does_not(paired: Paired) -> None:
    paired.decided("holder-1", 21, "different")
    paired.link_changes()
    record = paired.shared.records["holder-1"][21]
    fresh = paired.network.nodes["holder-1"].record([PEOPLE[21]], paired.network.schema, area="south")
    paired.shared.records["holder-1"][21] = record | {"area": "south", "card": fresh["card"]}
    paired.shared.push("holder-1", push="push-2")
    paired.link_changes()
    assert 21 not in paired.numbers("holder-1") and not paired.together(ONE, TWO)
    alias = paired.network.nodes["holder-1"].record([PEOPLE[21], ALIAS], paired.network.schema)
    paired.shared.records["holder-1"][21] = record | {"tokens": alias["tokens"]}
    paired.shared.push("holder-1", push="push-3")
    paired.link_changes()
    assert 21 in paired.numbers("holder-1") and paired.together(ONE, TWO)
    assert paired.pair_of("holder-2", 21)["theirs"]["holds"] is False


def test_decisions_survive_a_new_epoch_and_are_held_to_its_data(paired: Paired) -> None:
    paired.decided("holder-1", 21, "different")
    paired.decided("holder-1", 22, "different")
    paired.link()
    alias = paired.network.nodes["holder-1"].record([PEOPLE[22], OTHER_ALIAS], paired.network.schema)
    paired.shared.records["holder-1"][22] |= {"tokens": alias["tokens"]}
    paired.shared.push("holder-1", push="push-2")
    paired.network.begin_epoch(paired.network.nodes["asker"], "2026-2")
    for agency in ALL:
        paired.shared.push(agency, push="push-3", epoch="2026-2")
    paired.link()
    assert not paired.together(ONE, TWO), "as far as anybody knows nothing has changed"
    assert paired.together(("holder-1", 22), ("holder-2", 22)), "what had changed before stays changed"
    alias = paired.network.nodes["holder-1"].record([PEOPLE[21], ALIAS], paired.network.schema)
    paired.shared.records["holder-1"][21] |= {"tokens": alias["tokens"]}
    paired.shared.push("holder-1", push="push-4", epoch="2026-2")
    paired.link_changes()
    assert paired.together(ONE, TWO)


def test_two_agencies_that_contradict_each_other_are_both_told_and_nothing_is_guessed(paired: Paired) -> None:
    before = paired.shared.members()
    pair = paired.pair_of("holder-1", 21)["pair"]
    paired.queue("holder-2")
    paired.decided("holder-1", 21, "different")
    assert paired.decide("holder-2", pair, "same").status == 200
    paired.link_changes()
    assert paired.shared.members() == before, "by the evidence alone"
    assert conflicts(paired) == 1
    for agency in ALL:
        [odd] = [one for one in paired.queue(agency) if one["at_odds"]]
        assert odd["pair"] == pair
        assert {odd["decision"]["verdict"], odd["theirs"]["verdict"]} == {"same", "different"}
    assert paired.decide("holder-2", pair, "undone", "entered_by_mistake").status == 200
    paired.link_changes()
    assert not paired.together(ONE, TWO) and conflicts(paired) == 0
    assert not any(one["at_odds"] for one in paired.queue("holder-1", "?state=all"))


def test_decisions_that_contradict_each_other_through_a_third_record_are_reported(paired: Paired) -> None:
    """A is B, C is B: then A is C; and somebody says of another pair of theirs that it is not."""
    for agency in ALL:
        second = paired.network.nodes[agency].record([PEOPLE[21]], paired.network.schema)
        paired.shared.records[agency][121] = second
        paired.shared.push(agency, push="push-2")
        paired.consent(agency, 121)
    paired.link()
    queue = paired.queue("holder-1", "?state=all")
    named = {paired.handle("holder-1", n): n for n in (21, 121)}
    pairs = [(pair["pair"], named[pair["handle"]]) for pair in queue if pair["handle"] in named]
    assert len(pairs) == 4
    for pair, _ in pairs[:3]:
        assert paired.decide("holder-1", pair, "same").status == 200
    assert paired.decide("holder-1", pairs[3][0], "different").status == 200
    paired.link_changes()
    assert conflicts(paired) == 1
    for agency in ALL:
        odd = [one["pair"] for one in paired.queue(agency) if one["at_odds"]]
        assert odd == [pairs[3][0]]
    paired.consent("holder-2", 121, withdrawn_at="2026-02-01T00:00:00Z")
    assert not any(one["at_odds"] for one in paired.queue("holder-1", "?state=all")), "nobody may know why"


def test_the_history_has_every_decision_and_names_only_the_own_staff(paired: Paired) -> None:
    pair = paired.pair_of("holder-1", 21)["pair"]
    paired.queue("holder-2")
    paired.decide("holder-1", pair, "not_sure", "too_little_known")
    paired.decide("holder-1", pair, "same", "agency_asked")
    paired.decide("holder-2", pair, "different", "person_asked")
    paired.decide("holder-1", pair, "undone", "entered_by_mistake")
    shown = paired.history("holder-1", pair).document
    said = [(one["agency"], one["verdict"], one["reason"]) for one in shown["decisions"]]
    assert said == [
        ("holder-1", "not_sure", "too_little_known"),
        ("holder-1", "same", "agency_asked"),
        ("holder-2", "different", "person_asked"),
        ("holder-1", "undone", "entered_by_mistake"),
    ]
    staff = [one["staff"] for one in shown["decisions"]]
    assert staff == [COORDINATOR.staff, COORDINATOR.staff, None, COORDINATOR.staff]
    assert (shown["handle"], shown["agency"]) == (paired.handle("holder-1", 21), "holder-2")


def test_an_own_decision_can_be_taken_back_when_the_pair_is_withheld(paired: Paired) -> None:
    pair = paired.pair_of("holder-1", 21)["pair"]
    paired.queue("holder-2")
    paired.decide("holder-2", pair, "same")
    paired.decided("holder-1", 21, "different")
    paired.consent("holder-2", 21, withdrawn_at="2026-02-01T00:00:00Z")
    shown = paired.history("holder-1", pair).document
    assert shown["agency"] is None and [one["agency"] for one in shown["decisions"]] == ["holder-1"]
    assert paired.decide("holder-1", pair, "same").code == "not_found"
    undone = paired.decide("holder-1", pair, "undone").document
    assert [one["verdict"] for one in undone["decisions"]] == ["different", "undone"]
    assert paired.decide("holder-1", pair, "undone").code == "not_found"
    [entry] = [e for e in paired.network.nodes["holder-2"].log() if e["action"] == "pairs:decision:made"][-1:]
    assert entry["agency"] == "holder-1" and entry["cases"][0]["handle"] == paired.handle("holder-2", 21)


def test_the_same_decision_again_changes_nothing_and_a_second_person_s_is_another(paired: Paired) -> None:
    pair = paired.pair_of("holder-1", 21)["pair"]
    for _ in range(3):
        assert paired.decide("holder-1", pair, "same").status == 200
    body = {"format": "pair-decision/1", "verdict": "same", "reason": "files_compared"}
    path = f"/v1/pairs/{pair}/decisions"
    second = paired.network.nodes["holder-1"].call("POST", path, body, actor=Actor("second", "coordinator"))
    assert [one["staff"] for one in second.document["decisions"]] == [COORDINATOR.staff, "second"]
    with paired.network.database.reading() as session:
        assert len(session.scalars(select(PairDecision)).all()) == 2


def test_a_decision_is_logged_for_both_and_holds_no_value_of_the_other(paired: Paired) -> None:
    pair = paired.pair_of("holder-1", 21)["pair"]
    paired.decide("holder-1", pair, "different", "relatives")
    [own] = [e for e in paired.network.nodes["holder-1"].log() if e["action"] == "pairs:decision:made"]
    assert (own["pair"], own["verdict"], own["reason"]) == (pair, "different", "relatives")
    assert own["handle"] == paired.handle("holder-1", 21)
    assert paired.handle("holder-2", 21) not in json.dumps(own)
    [seen] = [e for e in paired.network.nodes["holder-2"].log() if e["action"] == "pairs:decision:made"]
    [case] = seen["cases"]
    assert (case["pair"], case["handle"]) == (pair, paired.handle("holder-2", 21))
    assert paired.handle("holder-1", 21) not in json.dumps(seen)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"verdict": "maybe", "reason": "other"}, id="verdict nobody has"),
        pytest.param({"verdict": "same", "reason": "she told me so"}, id="free text"),
        pytest.param({"verdict": "same"}, id="no reason"),
        pytest.param({"verdict": "same", "reason": "other", "note": "x"}, id="a further field"),
    ],
)
def test_a_decision_that_breaks_a_rule_is_malformed(paired: Paired, body: dict[str, str]) -> None:
    pair = paired.pair_of("holder-1", 21)["pair"]
    node = paired.network.nodes["holder-1"]
    answer = node.call(
        "POST", f"/v1/pairs/{pair}/decisions", {"format": "pair-decision/1"} | body, actor=COORDINATOR
    )
    assert answer.code == "malformed" and "she told" not in answer.body.decode()


def test_decisions_are_the_labels_by_which_linking_is_measured(paired: Paired) -> None:
    pair = paired.pair_of("holder-1", 23)["pair"]
    paired.queue("holder-2")
    for number, verdict in ((20, "same"), (21, "same"), (22, "different"), (23, "same")):
        paired.decided("holder-1", number, verdict)
    assert paired.decide("holder-2", pair, "different").status == 200
    words = ["--home", str(paired.network.home), "hub", "decisions", "--format", "json"]
    result = CliRunner().invoke(knownto, words)
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert (shown["same"], shown["different"], shown["contradictory"], shown["outdated"]) == (2, 1, 1, 0)
    [half, _, sure] = shown["thresholds"]
    assert (half["precision_found"], half["precision_of"]) == (2, 3)
    assert half["precision"] == pytest.approx(2 / 3, abs=1e-4)
    assert half["precision_low"] < half["precision"] < half["precision_high"]
    assert (sure["recall"], sure["recall_of"]) == (1.0, 2)
    assert shown["strata"][-1]["same_of"] == 3 and shown["strata"][-1]["pairs"] >= 19
    assert not any(handle in result.output for handle in (paired.handle("holder-1", n) for n in (20, 21)))


def test_there_is_nothing_to_measure_before_a_run(network: Network) -> None:
    result = CliRunner().invoke(knownto, ["--home", str(network.home), "hub", "decisions"])
    assert isinstance(result.exception, NotInitialisedError)
