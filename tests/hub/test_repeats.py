"""A request that is sent again costs nothing, so it must not be a way to watch for somebody to appear."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hub import lookups
from hub.erasure import erase_texts
from hub.log_models import LogEvent
from hub.matching import match_cases
from hub.models import LookupRequest
from matcher.decisions import Designation
from tests.hub.client import Answer
from tests.hub.conftest import EPOCH, Network
from tests.hub.people import make_people
from tests.hub.test_log_events import EVENT

PEOPLE = make_people(30, seed=5)
KNOWN, STRANGER = PEOPLE[0], PEOPLE[29]


def share(network: Network, agency: str) -> None:
    node = network.nodes[agency]
    records = [node.record([person], network.schema) for person in PEOPLE[:20]]
    assert node.push(records, network.schema, epoch=EPOCH).status == 200
    assert node.consent(records[0]["handle"]).status == 200


def question(network: Network) -> dict[str, Any]:
    return network.nodes["asker"].question([KNOWN, STRANGER], network.schema, epoch=EPOCH)


def require_alike(answer: Answer) -> None:
    """The known person and the stranger are answered in the same bytes."""
    known, stranger = (case["answers"] for case in answer.document["cases"])
    assert known == stranger


def test_a_repeat_tells_nobody_apart_at_an_agency_that_has_shared_since(partnership: Network) -> None:
    asker, asked = partnership.nodes["asker"], question(partnership)
    require_alike(asker.look_up(asked))
    share(partnership, "holder-1")
    require_alike(asker.look_up(asked))


def test_a_repeat_tells_nobody_apart_at_an_agency_that_has_joined_since(partnership: Network) -> None:
    asker, asked = partnership.nodes["asker"], question(partnership)
    require_alike(asker.look_up(asked))
    partnership.join("holder-3")
    partnership.agree("asker", "holder-3", name="isa-2")
    share(partnership, "holder-3")
    require_alike(asker.look_up(asked))


def test_a_repeat_tells_nobody_apart_once_the_first_answer_is_erased(partnership: Network) -> None:
    share(partnership, "holder-1")
    asker, asked = partnership.nodes["asker"], question(partnership)
    asker.look_up(asked)
    partnership.clock.move(days=1)
    with partnership.database.writing() as session:
        at = partnership.clock()
        assert erase_texts(session, before=at - timedelta(hours=1), at=at)
    require_alike(asker.look_up(asked))


def test_a_repeat_does_not_say_that_a_possible_match_has_become_a_sure_one(
    partnership: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    share(partnership, "holder-1")
    asker, asked = partnership.nodes["asker"], question(partnership)

    def possibly(*arguments: Any, **options: Any) -> Any:
        found = match_cases(*arguments, **options)
        return {cell: replace(match, designation=Designation.POSSIBLE_LINK) for cell, match in found.items()}

    monkeypatch.setattr(lookups, "match_cases", possibly)
    assert asker.look_up(asked).document["cases"][0]["answers"][0]["answer"] == "P"
    monkeypatch.setattr(lookups, "match_cases", match_cases)
    require_alike(asker.look_up(asked))


def test_a_request_is_repeated_for_a_day_and_no_longer(partnership: Network) -> None:
    """Somebody would otherwise ask once, and watch for ever without budget or alarm."""
    share(partnership, "holder-1")
    asker, asked = partnership.nodes["asker"], question(partnership)
    assert asker.look_up(asked).status == 200
    partnership.clock.move(days=1)
    assert asker.look_up(asked).status == 200
    partnership.clock.move(seconds=1)
    assert asker.look_up(asked).code == "conflict"


def test_what_is_kept_of_a_request_or_event_cannot_be_tried_out_without_the_pepper(
    partnership: Network,
) -> None:
    asker, event = partnership.nodes["asker"], {**EVENT, "event": "ab" * 16}
    asked = question(partnership)
    assert asker.look_up(asked).status == 200
    assert asker.call("POST", "/v1/log/events", event).status == 201
    with partnership.database.reading() as session:
        kept = {*session.scalars(select(LookupRequest.body_digest))}
        kept |= {*session.scalars(select(LogEvent.body_digest))}
    plain = {hashlib.sha256(json.dumps(body).encode()).digest() for body in (asked, event)}
    assert len(kept) == 2 and not kept & plain
