"""Linking runs, the model and cohort rules at the hub's pages."""

from __future__ import annotations

import html
from typing import Any

import pytest

from hub.cohort_rules import SHIPPED, shipped_rule
from hub.cohort_words import explain_rule
from hub.estimation import estimate, store_fit
from hub.linking import link_all, list_runs
from tests.federation import Federation, running_federation
from tests.hub.web.conftest import enter_people, signed_in
from tests.hub.web.test_pages import text_of
from tests.pages.browser import Browser
from tests.people import people


@pytest.fixture
def analyst(federation: Federation, app: Any) -> Browser:
    return signed_in(federation, app, "h-analyst")


def test_linking_says_what_to_do_and_what_was_found(federation: Federation, analyst: Browser) -> None:
    analyst.get("/linking")
    assert "A full run is needed: there was none yet" in text_of(analyst)
    assert "There were none yet" in text_of(analyst)
    link_all(federation.hub.database, clock=federation.clock, report=lambda _: None)
    analyst.get("/linking")
    assert "Everything that was shared is linked." in text_of(analyst)
    with federation.hub.database.reading() as session:
        [run] = list_runs(session)
        assert f"{run.epoch} 23 November 2026, 9:0" in text_of(analyst)
        assert f" {run.records} {run.pairs} {run.links} {run.clusters} {run.conflicts} " in text_of(analyst)
    federation.share("holder", people(22))
    analyst.get("/linking")
    assert "Changes are waiting" in text_of(analyst)
    federation.share("asker", people(3))
    analyst.get("/linking")
    assert "an agency has shared records that had none" in text_of(analyst)


def test_the_model_is_the_shipped_one_until_an_operator_uses_another(
    federation: Federation, analyst: Browser
) -> None:
    analyst.get("/model")
    assert "The model as it is shipped" in text_of(analyst) and "Not yet: an operator" in text_of(analyst)
    federation.share("asker", people(12))
    for in_use, says in ((False, "kept and not in use"), (True, "and in use")):
        with federation.hub.database.writing() as session:
            fit, _ = estimate(session)
            store_fit(session, fit, in_use=in_use, at=federation.clock())
        analyst.get("/model")
        assert f"23 November 2026, {says}" in text_of(analyst)
        assert (fit.model.digest in text_of(analyst)) == in_use
    share = f"Asker service {100 * fit.known['asker']:.1f} %"
    assert share in text_of(analyst)


def test_a_hub_without_a_key_has_neither_runs_nor_a_model(tmp_path: Any) -> None:
    from hub.web.application import create_app

    with running_federation(tmp_path) as federation:
        enter_people(federation)
        analyst = signed_in(federation, create_app(federation.hub), "h-analyst")
        analyst.get("/linking")
        assert "no linkage key has been made" in text_of(analyst)
        analyst.get("/model")
        assert "There is none in use yet" in text_of(analyst)
        analyst.get("/agencies")
        assert text_of(analyst).count("There are none yet") == 2
        analyst.get("/")
        assert "No entry yet" in text_of(analyst) and "an operator adds one" in text_of(analyst)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_rule_is_in_words_to_the_last_line(person_of: dict[str, Browser], name: str) -> None:
    analyst = person_of["analyst"]
    analyst.get("/cohorts")
    analyst.get(analyst.link(f"/cohorts/{name}"))
    shown = html.unescape(text_of(analyst)).casefold()
    for line in explain_rule(shipped_rule(name)).splitlines()[1:]:
        assert line.removeprefix("- ").removesuffix(":").casefold() in shown
    assert shipped_rule(name).digest in shown
    assert "a count by this rule would miss people here" in shown


def test_a_rule_that_is_not_shipped_is_not_found(person_of: dict[str, Browser]) -> None:
    assert person_of["analyst"].get("/cohorts/hub.toml").status_code == 404
