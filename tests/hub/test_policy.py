"""The rules as a page and as a digest: made from what decides, and changing when it does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import knownto
from hub import policy
from hub.disclosure import RULES
from hub.homes import initialise
from hub.purposes import CARD_OF_PURPOSE, Purpose
from hub.service import rules_of
from hub.settings import HubSettings
from tests.hub.conftest import Network

PAGE = Path(__file__).parents[2] / "docs" / "disclosure.md"
HOW = 'python -c "from hub.policy import format_rules; print(format_rules(), end=str())" > docs/disclosure.md'


@pytest.fixture
def settings(tmp_path: Path) -> HubSettings:
    return HubSettings(home=tmp_path, network="county")


def test_the_page_is_that_of_the_rules() -> None:
    assert PAGE.read_text("utf-8") == policy.format_rules(), HOW


def test_the_page_has_every_rule_in_its_order_and_every_purpose() -> None:
    page = policy.format_rules()
    places = [page.index(f"| `{rule.reason}` |") for rule in RULES]
    assert places == sorted(places)
    for purpose in Purpose:
        (line,) = [line for line in page.splitlines() if line.startswith(f"| `{purpose}` |")]
        assert ("nothing" in line) == (purpose not in CARD_OF_PURPOSE)


def test_the_digest_is_the_one_look_ups_log(settings: HubSettings) -> None:
    assert rules_of(settings).policy == policy.policy_digest(settings)


@pytest.mark.parametrize(
    "changes",
    [
        {"known_posterior": 0.96},
        {"possibly_posterior": 0.6},
        {"staff_cases_per_day": 7},
        {"node_cases_per_day": 7},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_another_setting_is_another_policy(settings: HubSettings, changes: dict[str, float]) -> None:
    assert policy.policy_digest(settings) != policy.policy_digest(settings.model_copy(update=changes))


@pytest.mark.parametrize("module", ["live_agreements.py", "lookups.py", "matching.py", "disclosure.py"])
def test_what_matches_and_decides_is_part_of_the_policy(settings: HubSettings, module: str) -> None:
    assert module in policy.policy_document(settings)["code"]


@pytest.mark.parametrize("module", policy.DECIDING_MODULES)
def test_another_rule_is_another_policy(
    settings: HubSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: str
) -> None:
    before = policy.policy_digest(settings)
    for name in policy.DECIDING_MODULES:
        content = policy.files("hub").joinpath(name).read_bytes()
        (tmp_path / name).write_bytes(content.replace(b" not ", b" ", 1) if name == module else content)
    monkeypatch.setattr(policy, "files", lambda package: tmp_path)
    assert policy.policy_digest(settings) != before


def test_a_purpose_reaches_the_parties_of_its_live_agreements(network: Network) -> None:
    for agency in ("asker", "holder-1", "holder-2"):
        network.join(agency)
    network.agree("asker", "holder-1", name="narrow", purposes=["safeguarding_panel"])
    network.agree("asker", "holder-1", "holder-2", name="wide", purposes=["single_lookup", "statistics"])
    with network.database.reading() as session:
        reached = policy.reached_agencies(session, at=network.clock())
    assert reached["safeguarding_panel"] == ["asker", "holder-1"]
    assert reached["single_lookup"] == ["asker", "holder-1", "holder-2"]
    assert reached["case_conference"] == []
    assert "statistics" not in reached


def test_the_command_prints_the_page_and_the_digest(tmp_path: Path) -> None:
    initialise(tmp_path / "hub", network="county", database_url="")
    runner = CliRunner()
    page = runner.invoke(knownto, ["--home", str(tmp_path / "hub"), "hub", "policy"], catch_exceptions=False)
    told = runner.invoke(knownto, ["--home", str(tmp_path / "hub"), "hub", "policy", "--format", "json"])
    described = json.loads(told.stdout)
    assert page.stdout.startswith(policy.format_rules())
    assert described["digest"] in page.stdout
    assert [rule["reason"] for rule in described["rules"]] == [str(rule.reason) for rule in RULES]
