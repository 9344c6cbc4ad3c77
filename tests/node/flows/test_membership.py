"""The hub relays documents and keys, and is believed in none of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from keys.custody import ExchangeKey
from keys.identity import NodeIdentity
from node.client import HubClient
from node.epochs import make_epoch, receive_key, share_key
from node.errors import (
    HubRefusedError,
    HubUnreachableError,
    IntegrityError,
    NotInitialisedError,
    PolicyError,
    RecordFormatError,
)
from node.membership import (
    fetch_agencies,
    fetch_agreements,
    live_partners,
    propose_agreement,
    sign_agreement,
)
from node.times import format_time
from tests.broken_transports import broken
from tests.federation import Federation, agreement_document
from tests.people import person


class LyingHub:
    """A client whose answers were altered by the hub itself, so that its signature is of no help."""

    def __init__(self, client: HubClient, lies: dict[str, Any]) -> None:
        self._client, self._lies = client, lies
        self.identity = client.identity

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._client.call(method, path, body)
        for part, lie in self._lies.items():
            if part in path:
                answer = lie(answer)
        return answer


def replaced_keys(agency: str) -> Any:
    """A hub that hands out keys of its own for an agency, with a fingerprint that fits them."""
    exchange = ExchangeKey.generate()
    forged = NodeIdentity.generate(exchange_key=exchange.public_bytes).public

    def lie(answer: Any) -> Any:
        for entry in answer["agencies"]:
            if entry["agency"] == agency:
                entry["public_key"] = forged.public_key_base64
                entry["exchange_key"] = forged.exchange_key_base64
                entry["fingerprint"] = forged.fingerprint
        return answer

    return lie


def test_what_is_missing_before_a_key_is_said_in_order(federation: Federation) -> None:
    newcomer = federation.make_node("newcomer")
    with pytest.raises(NotInitialisedError, match="has not enrolled"):
        newcomer.epoch_key()
    federation.add("latecomer")
    with pytest.raises(NotInitialisedError, match=r"keys make.*keys share.*keys receive"):
        federation.nodes["latecomer"].epoch_key()


def test_other_keys_than_before_are_noticed(federation: Federation) -> None:
    node = federation.nodes["asker"]
    fetch_agencies(node.client(), node.store)
    liar: Any = LyingHub(node.client(), {"/agencies": replaced_keys("holder")})
    with pytest.raises(IntegrityError, match="other keys"):
        fetch_agencies(liar, node.store)


def test_a_fingerprint_that_does_not_fit_its_keys_is_noticed(federation: Federation) -> None:
    node = federation.nodes["asker"]

    def lie(answer: Any) -> Any:
        answer["agencies"][1]["fingerprint"] = answer["agencies"][0]["fingerprint"]
        return answer

    liar: Any = LyingHub(node.client(), {"/agencies": lie})
    with pytest.raises(IntegrityError, match="does not fit"):
        fetch_agencies(liar, node.store)


def test_no_key_is_handed_out_under_another_fingerprint(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    custodian, holder = federation.nodes["asker"], federation.nodes["holder"]
    federation.add("newcomer")
    liar = LyingHub(custodian.client(), {"/agencies": replaced_keys("newcomer")})
    monkeypatch.setattr(type(custodian), "client", lambda self: liar)
    newcomer = federation.nodes["newcomer"].identity.public.fingerprint
    with pytest.raises(IntegrityError, match="no key was handed out"):
        share_key(custodian, "newcomer", fingerprint=newcomer)
    with pytest.raises(IntegrityError, match="no key was handed out"):
        share_key(custodian, "newcomer", fingerprint=holder.identity.public.fingerprint)


@pytest.mark.parametrize(
    ("part", "lie"),
    [
        pytest.param("/current", lambda a: a | {"network": "elsewhere"}, id="epoch of another network"),
        pytest.param("/current", lambda a: a | {"linkage_key_id": "0" * 16}, id="epoch of another key"),
        pytest.param("/current", lambda a: a | {"signature": "A" * 86 + "=="}, id="epoch not signed"),
        pytest.param(
            "/current", lambda a: a | {"schema": a["schema"] | {"fields": ["dob"]}}, id="schema altered"
        ),
        pytest.param("/envelope", lambda a: a | {"epoch": "another"}, id="envelope of another epoch"),
        pytest.param("/envelope", lambda a: a | {"recipient": a["custodian"]}, id="envelope for another"),
        pytest.param("/envelope", lambda a: a | {"signature": "A" * 86 + "=="}, id="envelope not signed"),
    ],
)
def test_a_relayed_key_that_was_tampered_with_is_refused(
    federation: Federation, monkeypatch: pytest.MonkeyPatch, part: str, lie: Any
) -> None:
    holder = federation.acting("holder", "custodian")
    custodian = federation.nodes["asker"].identity.public.fingerprint
    liar = LyingHub(holder.client(), {part: lie})
    monkeypatch.setattr(type(holder), "client", lambda self: liar)
    with pytest.raises(IntegrityError):
        receive_key(holder, custodian_fingerprint=custodian)


def test_a_custodian_whose_fingerprint_was_not_read_out_is_refused(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    with pytest.raises(IntegrityError, match="custodian"):
        receive_key(holder, custodian_fingerprint=holder.identity.public.fingerprint)


@pytest.mark.parametrize("member", ["asker", "holder"])
def test_receiving_the_same_epoch_again_changes_nothing(federation: Federation, member: str) -> None:
    node, custodian = federation.acting(member, "custodian"), federation.nodes["asker"].identity.public
    before = node.epoch_key()
    receive_key(node, custodian_fingerprint=custodian.fingerprint)
    after = node.epoch_key()
    assert (after.document, after.linkage_key.key_id) == (before.document, before.linkage_key.key_id)


def test_a_custodian_whose_answer_was_lost_takes_the_key_it_made(federation: Federation) -> None:
    keeper = federation.acting("asker", "custodian")
    old = keeper.epoch_key()
    federation.clock.advance(minutes=1)
    with (
        broken(keeper, lambda request, _: request.method == "POST", after_answer=True),
        pytest.raises(HubUnreachableError),
    ):
        make_epoch(keeper, ["dob", "names"])
    assert keeper.epoch_key().epoch == old.epoch, "or nothing was lost"
    document = receive_key(keeper, custodian_fingerprint=keeper.identity.public.fingerprint)
    new = keeper.epoch_key()
    assert new.epoch == document["epoch"] != old.epoch
    assert new.linkage_key.key_id == document["linkage_key_id"] != old.linkage_key.key_id
    keeper.keystore.remove(f"linkage/{new.epoch}")
    with pytest.raises(NotInitialisedError):
        receive_key(keeper, custodian_fingerprint=keeper.identity.public.fingerprint)


@pytest.mark.parametrize("member", ["asker", "holder"])
def test_an_older_epoch_is_refused_though_the_custodian_signed_it(
    federation: Federation, monkeypatch: pytest.MonkeyPatch, member: str
) -> None:
    node, custodian = federation.acting(member, "custodian"), federation.nodes["asker"].identity.public
    old = node.client().call("GET", "/v1/epochs/current")
    federation.clock.advance(minutes=1)
    federation.begin_epoch(["dob", "names"], custodian="asker")
    newest = node.epoch_key().epoch
    liar = LyingHub(node.client(), {"/current": lambda _: old})
    monkeypatch.setattr(type(node), "client", lambda self: liar)
    with pytest.raises(IntegrityError, match="older"):
        receive_key(node, custodian_fingerprint=custodian.fingerprint)
    assert node.epoch_key().epoch == newest


def test_only_the_custodian_makes_epochs(federation: Federation) -> None:
    holder = federation.acting("holder", "custodian")
    before = holder.epoch_key().epoch
    with pytest.raises(HubRefusedError) as refused:
        make_epoch(holder, ["dob", "names"])
    assert refused.value.code == "not_custodian"
    assert holder.epoch_key().epoch == before


def test_a_forged_signature_on_an_agreement_is_noticed(federation: Federation) -> None:
    node = federation.nodes["asker"]
    agencies = fetch_agencies(node.client(), node.store)

    def lie(answer: Any) -> Any:
        entry = answer["agreements"][0]
        entry["signatures"]["holder"] = entry["signatures"]["asker"]
        return answer

    liar: Any = LyingHub(node.client(), {"/agreements": lie})
    with pytest.raises(IntegrityError, match="does not verify"):
        fetch_agreements(liar, agencies)


def test_an_altered_agreement_is_noticed(federation: Federation) -> None:
    node = federation.nodes["asker"]
    agencies = fetch_agencies(node.client(), node.store)

    def lie(answer: Any) -> Any:
        answer["agreements"][0]["maximum_age_days"] = 366
        return answer

    liar: Any = LyingHub(node.client(), {"/agreements": lie})
    with pytest.raises(IntegrityError, match="digest"):
        fetch_agreements(liar, agencies)


def test_an_agreement_is_live_between_those_who_signed_while_in_date(federation: Federation) -> None:
    node = federation.nodes["asker"]
    federation.add("late")
    federation.agree("asker", "late", agreement="second", sign=["asker"])
    agencies = fetch_agencies(node.client(), node.store)
    agreements = fetch_agreements(node.client(), agencies)
    now = federation.clock()
    assert list(live_partners(agreements, "asker", at=now)) == ["holder"]
    federation.clock.advance(days=181)
    assert live_partners(agreements, "asker", at=federation.clock()) == {}


def _states(federation: Federation) -> dict[str, str]:
    client = federation.acting("asker", "ig").client()
    found = fetch_agreements(client, fetch_agencies(client, federation.nodes["asker"].store))
    return {one.agreement: one.state(at=federation.clock()) for one in found}


def test_the_state_of_an_agreement_is_said_in_words(federation: Federation) -> None:
    later = federation.clock() + timedelta(days=30)
    federation.agree("asker", "holder", agreement="half", sign=["asker"])
    federation.agree("asker", "holder", agreement="later", not_before=format_time(later))
    federation.add("late")
    federation.agree("asker", "holder", "late", agreement="partly", sign=["asker", "holder"])
    assert _states(federation) == {
        "sharing": "live", "half": "waiting for signatures", "later": "not yet",
        "partly": "live between those who signed",
    }  # fmt: skip
    federation.clock.advance(days=400)
    assert set(_states(federation).values()) == {"expired"}


def test_an_agreement_that_has_expired_is_neither_proposed_nor_signed(federation: Federation) -> None:
    federation.agree("asker", "holder", agreement="half", sign=["asker"])
    client = federation.acting("holder", "ig").client()
    document = agreement_document(("asker", "holder"), at=federation.clock(), agreement="old")
    federation.clock.advance(days=400)
    with pytest.raises(RecordFormatError, match="lies in the past"):
        propose_agreement(client, document)
    found = fetch_agreements(client, fetch_agencies(client, federation.nodes["holder"].store))
    (half,) = [one for one in found if one.agreement == "half"]
    with pytest.raises(PolicyError, match="agreement half expired on"):
        sign_agreement(client, half)


def test_a_look_up_refused_for_want_of_an_agreement_says_what_is_wrong_with_it(
    federation: Federation,
) -> None:
    federation.add("other")
    federation.agree("asker", "other", agreement="half", sign=["asker"])
    federation.clock.advance(days=181)
    with pytest.raises(HubRefusedError) as refused:
        federation.ask("asker", person(1))
    assert refused.value.code == "no_agreement"
    assert "sharing expired on" in refused.value.detail


def test_a_push_refused_for_want_of_an_agreement_says_what_is_wrong_with_it(federation: Federation) -> None:
    federation.clock.advance(days=181)
    with pytest.raises(HubRefusedError, match=r"no_agreement \(sharing expired on"):
        federation.share("holder", [person(1)])
