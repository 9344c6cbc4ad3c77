"""The look-up, end to end at the hub: who is answered what, and what cannot be told from an answer."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from hub.log_views import read_entries
from keys.documents import canonical_bytes
from tests.hub.client import Answer, codes, flatten
from tests.hub.conftest import EPOCH, Network
from tests.hub.known_person import KNOWN, PEOPLE, STRANGER, TASK, ask, lines, share, used_cases


def test_a_person_whose_holders_have_consent_is_known(partnership: Network) -> None:
    for holder in ("holder-1", "holder-2"):
        share(partnership, holder)
    answer = ask(partnership)
    assert answer.status == 200, answer.document
    assert codes(answer, 0) == {"holder-1": "K", "holder-2": "K"}
    assert codes(answer, 1) == {"holder-1": "N", "holder-2": "N"}


def test_a_disclosed_answer_carries_the_holders_card_and_evidence_without_values(
    partnership: Network,
) -> None:
    node = partnership.nodes["holder-1"]
    record = node.record([KNOWN], partnership.schema)
    node.push([record], partnership.schema, epoch=EPOCH)
    node.consent(record["handle"])
    line = lines(ask(partnership))["holder-1"]
    assert line["card"] == record["card"]
    evidence = base64.b64decode(line["evidence"])
    assert len(evidence) == 1024
    document = json.loads(evidence)
    assert set(document) == {"format", "posterior", "prior", "steps", "designation"}
    assert (document["format"], document["designation"]) == ("evidence/1", "link")
    assert float(document["posterior"]) >= 0.95
    assert document["steps"][0]["comparison"] == "identity"
    assert all(set(step) == {"comparison", "level", "weight"} for step in document["steps"])


def test_an_agency_that_has_not_shared_gives_no_reply_yet_for_everybody(partnership: Network) -> None:
    share(partnership, "holder-1")
    answer = ask(partnership)
    assert [codes(answer, case)["holder-2"] for case in (0, 1)] == ["R", "R"]


def test_a_caseload_older_than_the_agreement_allows_gives_no_reply_yet(partnership: Network) -> None:
    share(partnership, "holder-1")
    partnership.clock.move(days=31)
    answer = ask(partnership)
    assert [codes(answer, case)["holder-1"] for case in (0, 1)] == ["R", "R"]


def test_no_reply_yet_never_becomes_no_shared_match_whatever_consent_says(partnership: Network) -> None:
    handle = share(partnership, "holder-1")
    node = partnership.nodes["holder-1"]
    partnership.clock.move(days=31)
    for version, changes in enumerate(
        (
            {"withdrawn_at": "2026-02-01T00:00:00Z"},
            {"valid_until": "2026-01-06T00:00:00Z", "lifts": True},
            {},
        ),
        start=2,
    ):
        assert node.consent(handle, version=version, **changes).status == 200
        answer = ask(partnership)
        assert [codes(answer, case)["holder-1"] for case in (0, 1)] == ["R", "R"]


def test_a_push_that_was_not_completed_still_gives_no_reply_yet(partnership: Network) -> None:
    node = partnership.nodes["holder-1"]
    record = node.record([KNOWN], partnership.schema)
    batch = {"format": "batch/1", "epoch": EPOCH, "schema_digest": partnership.schema.digest}
    answer = node.call("POST", "/v1/pushes/p/batches/0", batch | {"records": [record], "removed": []})
    assert answer.status == 200
    node.consent(record["handle"])
    assert codes(ask(partnership))["holder-1"] == "R"


def test_agencies_that_are_not_asked_or_not_covered_are_not_asked(partnership: Network) -> None:
    share(partnership, "holder-1")
    share(partnership, "holder-2")
    partnership.join("outsider")
    answer = ask(partnership, agencies=["holder-2", "outsider"])
    assert codes(answer) == {"holder-1": "A", "holder-2": "K", "outsider": "A"}


def test_the_basis_of_each_case_has_to_be_covered_by_the_agreement_with_each_agency(
    network: Network,
) -> None:
    asker = network.join("asker", custodian=True)
    for name in ("holder-1", "holder-2"):
        network.join(name)
    network.agree("asker", "holder-1", name="consent-only", lawful_bases=["consent"])
    network.agree("asker", "holder-2", name="task-only", lawful_bases=["public_task"])
    network.begin_epoch(asker)
    share(network, "holder-1")
    share(network, "holder-2")
    document = asker.question([KNOWN, KNOWN], network.schema, epoch=EPOCH)
    document["cases"][1]["basis"] = TASK
    asker.approve(TASK["override"])
    answer = asker.look_up(document)
    assert codes(answer, 0) == {"holder-1": "K", "holder-2": "A"}
    assert codes(answer, 1) == {"holder-1": "A", "holder-2": "K"}


def test_the_asking_agencys_own_records_are_never_asked(partnership: Network) -> None:
    share(partnership, "asker")
    assert "asker" not in codes(ask(partnership))


def masked(answer: Answer) -> bytes:
    """An answer without what differs between any two: request, place in the log, time, salts and hashes."""
    document = answer.document
    receipt = flatten(document["receipt"])
    for drawn in ("index", "at", "request", "request_signature"):
        del receipt[drawn]
    changes = {"request": "", "log_index": 0, "answered_at": "", "receipt": receipt}
    return canonical_bytes(document | changes)


WITHHELD = {
    "consent_missing": None,
    "withdrawn": {"withdrawn_at": "2026-02-01T00:00:00Z"},
    "objection": {"objected_at": "2026-02-01T00:00:00Z"},
    "consent_not_yet_valid": {"valid_from": "2026-03-01T00:00:00Z"},
    "consent_expired": {"valid_until": "2026-02-01T00:00:00Z"},
    "recipient_out_of_scope": {"recipients": ["holder-2"]},
    "purpose_out_of_scope": {"purposes": ["statistics"]},
}


@pytest.mark.parametrize("reason", WITHHELD)
def test_a_withheld_answer_is_byte_for_byte_that_of_a_stranger(partnership: Network, reason: str) -> None:
    changes = WITHHELD[reason]
    share(partnership, "holder-1", consent=changes is not None, **(changes or {}))
    answer = ask(partnership)
    withheld, unknown = lines(answer, 0), lines(answer, 1)
    assert withheld == unknown
    assert logged_reason(partnership, answer) == reason


def logged_reason(network: Network, answer: Answer) -> str:
    """The reason in the log for holder-1 and the first case."""
    with network.database.reading() as session:
        [(_, entry)] = read_entries(session, after=answer.document["log_index"] - 1, limit=1)
    return str(entry["cases"][0]["reasons"]["holder-1"])


def test_a_hub_that_knows_the_person_and_one_that_does_not_answer_alike_when_withheld(
    partnership: Network,
) -> None:
    node = partnership.nodes["holder-1"]
    others = [node.record([person], partnership.schema) for person in PEOPLE[2:20]]
    node.push(others, partnership.schema, epoch=EPOCH)
    unknown = ask(partnership)
    node.push([*others, node.record([KNOWN], partnership.schema)], partnership.schema, epoch=EPOCH)
    withheld = ask(partnership)
    assert masked(withheld) == masked(unknown)


def test_answers_have_one_size_whatever_they_say(partnership: Network) -> None:
    sizes = {size_in_log(ask(partnership))}
    handle = share(partnership, "holder-1")
    sizes.add(size_in_log(ask(partnership)))
    sizes.add(size_in_log(ask(partnership, agencies=["holder-2"])))
    partnership.nodes["holder-1"].consent(handle, version=2, withdrawn_at="2026-02-01T00:00:00Z")
    sizes.add(size_in_log(ask(partnership)))
    partnership.clock.move(days=40)
    sizes.add(size_in_log(ask(partnership)))
    assert len(sizes) == 1


def size_in_log(answer: Answer) -> int:
    """The size of an answer but for its place in the log, and for whom was asked, which it repeats."""
    receipt = answer.document["receipt"]
    question = receipt["parts"]["question"]["text"]
    varying = [receipt["leaf"], receipt["inclusion"], question["scope"], question["agencies"]]
    index = len(str(receipt["index"]))  # Stands in the answer, the receipt and the checkpoint.
    return len(answer.body) - sum(len(json.dumps(one, separators=(",", ":"))) for one in varying) - 3 * index


def test_consent_withdrawn_counts_from_the_next_look_up_on(partnership: Network) -> None:
    handle = share(partnership, "holder-1")
    assert codes(ask(partnership))["holder-1"] == "K"
    partnership.nodes["holder-1"].consent(handle, version=2, withdrawn_at="2026-02-03T09:30:00Z")
    assert codes(ask(partnership))["holder-1"] == "N"


@pytest.mark.parametrize("end", ["withdrawn_at", "objected_at"])
@pytest.mark.parametrize("basis", [None, "public task"])
def test_a_person_kept_twice_is_withheld_when_either_record_forbids_it(
    partnership: Network, end: str, basis: str | None
) -> None:
    node = partnership.nodes["holder-1"]
    others = [node.record([person], partnership.schema) for person in PEOPLE[2:20]]
    twice = [node.record([KNOWN], partnership.schema), node.record([KNOWN], partnership.schema)]
    assert node.push([*others, *twice], partnership.schema, epoch=EPOCH).status == 200
    for record in twice:
        node.consent(record["handle"])
    stated = TASK if basis else None
    assert codes(ask(partnership, basis=stated))["holder-1"] == "K"
    for record in twice:
        node.consent(record["handle"], version=2, **{end: "2026-02-03T09:30:00Z"})
        assert codes(ask(partnership, basis=stated))["holder-1"] == "N"
        node.consent(record["handle"], version=3, lifts=True)
    assert codes(ask(partnership, basis=stated))["holder-1"] == "K"


def test_a_public_task_needs_no_consent_and_yields_to_a_withdrawal(partnership: Network) -> None:
    handle = share(partnership, "holder-1", consent=False)
    assert codes(ask(partnership, basis=TASK))["holder-1"] == "K"
    partnership.nodes["holder-1"].consent(handle, objected_at="2026-02-03T09:30:00Z")
    assert codes(ask(partnership, basis=TASK))["holder-1"] == "N"


def test_an_agreement_that_ends_ends_the_answers(partnership: Network) -> None:
    share(partnership, "holder-1")
    partnership.clock.at = partnership.clock.at.replace(year=2027)
    assert ask(partnership).code == "no_agreement"


def test_a_probe_finds_who_was_written_down_with_another_year(partnership: Network) -> None:
    node, asker = partnership.nodes["holder-1"], partnership.nodes["asker"]
    record = node.record([KNOWN], partnership.schema)
    node.push([record], partnership.schema, epoch=EPOCH)
    node.consent(record["handle"])
    slipped = replace(KNOWN, year=KNOWN.year + 1)
    question = asker.question([slipped], partnership.schema, epoch=EPOCH)
    answer = asker.look_up(question)
    assert codes(answer)["holder-1"] in "KP"
    steps = json.loads(base64.b64decode(lines(answer)["holder-1"]["evidence"]))["steps"]
    assert "year_differs" in steps[0]["level"]


def test_an_alias_answers_for_its_record(partnership: Network) -> None:
    node, asker = partnership.nodes["holder-1"], partnership.nodes["asker"]
    record = node.record([PEOPLE[10], KNOWN], partnership.schema)
    node.push([record], partnership.schema, epoch=EPOCH)
    node.consent(record["handle"])
    for person in (PEOPLE[10], KNOWN):
        question = asker.question([person], partnership.schema, epoch=EPOCH)
        assert codes(asker.look_up(question))["holder-1"] == "K"


def test_a_repeated_request_is_answered_again_without_cost(partnership: Network) -> None:
    share(partnership, "holder-1")
    asker = partnership.nodes["asker"]
    question = asker.question([KNOWN, STRANGER], partnership.schema, epoch=EPOCH)
    first, second = asker.look_up(question), asker.look_up(question)
    assert codes(first) == codes(second) == {"holder-1": "K", "holder-2": "R"}
    assert used_cases(partnership) == {"": 2, "worker-1": 2}
    assert second.document["log_index"] == first.document["log_index"] + 1


def test_a_repeated_request_never_tells_more_than_the_first_answer(partnership: Network) -> None:
    node, asker = partnership.nodes["holder-1"], partnership.nodes["asker"]
    node.push([], partnership.schema, epoch=EPOCH)
    question = asker.question([KNOWN], partnership.schema, epoch=EPOCH)
    assert codes(asker.look_up(question))["holder-1"] == "N"
    share(partnership, "holder-1")
    assert codes(asker.look_up(question))["holder-1"] == "N"
    assert codes(ask(partnership))["holder-1"] == "K"


def test_a_repeated_request_respects_a_withdrawal_in_between(partnership: Network) -> None:
    handle = share(partnership, "holder-1")
    asker = partnership.nodes["asker"]
    question = asker.question([KNOWN], partnership.schema, epoch=EPOCH)
    assert codes(asker.look_up(question))["holder-1"] == "K"
    partnership.nodes["holder-1"].consent(handle, version=2, withdrawn_at="2026-02-03T09:30:00Z")
    assert codes(asker.look_up(question))["holder-1"] == "N"


def test_a_request_id_with_another_body_is_a_conflict(partnership: Network) -> None:
    asker = partnership.nodes["asker"]
    question = asker.question([KNOWN], partnership.schema, epoch=EPOCH)
    assert asker.look_up(question).status == 200
    assert asker.look_up(question | {"staff": "worker-2"}).code == "conflict"
    assert used_cases(partnership) == {"": 1, "worker-1": 1}


def test_request_ids_of_two_agencies_do_not_meet(partnership: Network) -> None:
    question = partnership.nodes["asker"].question([KNOWN], partnership.schema, epoch=EPOCH)
    assert partnership.nodes["asker"].look_up(question).status == 200
    assert partnership.nodes["holder-1"].look_up(question | {"staff": "worker-9"}).status == 200
