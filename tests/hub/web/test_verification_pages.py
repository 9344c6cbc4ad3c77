"""Verification at the hub's pages: what is witnessed, and what was tampered with."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from hub.log_verify import Finding
from hub.web import verification_pages
from hub.web.verification_pages import RULE_WORDS
from node.access_log import sync_log
from tests.federation import Federation
from tests.hub.web.conftest import signed_in
from tests.hub.web.test_pages import text_of
from tests.pages.browser import Browser


@pytest.fixture
def operator(federation: Federation, app: Any) -> Browser:
    browser = signed_in(federation, app, "h-operator")
    browser.get("/verification")
    return browser


def test_a_log_in_order_verifies_and_says_how_much_was_looked_at(operator: Browser) -> None:
    operator.post("/verification")
    assert "The log verifies" in text_of(operator) and "entries," in text_of(operator)


def test_witnesses_stand_with_what_they_cosigned_last(federation: Federation, operator: Browser) -> None:
    assert "None yet: its node syncs the log" in text_of(operator)
    for _ in range(2):
        for agency in ("asker", "holder"):
            sync_log(federation.acting(agency, "ig"))
    operator.get("/verification")
    assert "by 2 or more nodes" in text_of(operator)
    assert "Asker service" in text_of(operator) and "None yet" not in text_of(operator)
    cosigned = operator.page.text.split("that a quorum has cosigned:</p>")[1]
    assert cosigned.count("\n\u2014 ") == 3, "the hub's signature and those of both nodes"


@pytest.mark.parametrize(
    ("tampering", "says"),
    [
        pytest.param(
            "UPDATE log_parts SET text = CAST(replace(text, 'asker-ig', 'holder-ig') AS BLOB)",
            "a text is not the one that was promised",
            id="another name in a text",
        ),
        pytest.param(
            'DELETE FROM log_parts WHERE "index" = 5', "a promised text is gone", id="a text taken away"
        ),
        pytest.param(
            "UPDATE log_entries SET agency = 'holder' WHERE agency = 'asker'",
            "what stands beside the entry says something else",
            id="another agency beside an entry",
        ),
    ],
)
def test_a_log_that_was_tampered_with_is_named_by_entry_and_rule(
    federation: Federation, operator: Browser, tampering: str, says: str
) -> None:
    with federation.hub.database.writing() as session:
        assert session.execute(text(tampering)).rowcount > 0  # type: ignore[attr-defined]
    operator.post("/verification")
    assert "The log does not verify" in text_of(operator) and says in text_of(operator)
    assert "keep a copy of the database" in text_of(operator)


def test_a_second_verification_at_the_same_moment_waits_its_turn(operator: Browser) -> None:
    with verification_pages._verifying:
        operator.post("/verification")
    assert "Wait, and try again" in text_of(operator)
    operator.post("/verification")
    assert "The log verifies" in text_of(operator)


def test_every_rule_that_can_be_found_broken_has_words() -> None:
    doc = Finding.__doc__ or ""
    rules = {word.strip("`., \n") for word in doc.split("rule: ")[1].split()}
    assert {rule for rule in rules if "`" not in rule and rule} == RULE_WORDS.keys()
