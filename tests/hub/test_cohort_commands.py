"""`knownto hub cohort check`: a rule in words, and what this network's agencies cannot show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner, Result

from cli.main import exit_code, knownto
from hub.cohort_rules import SHIPPED, CohortRuleError, shipped_rule
from hub.membership import add_agency
from hub.models import Agency
from hub.schemas import Service
from hub.service_kinds import KINDS_THAT_SEE_WOMEN, SERVICE_KINDS, kind_of_service
from tests.hub.conftest import Network


def run(network: Network, *arguments: str) -> Result:
    return CliRunner().invoke(knownto, ["--home", str(network.home), "hub", "cohort", "check", *arguments])


def staff_with(network: Network, *services: str, confirmed: bool = True) -> None:
    with network.database.writing() as session:
        for service in services:
            agency = f"agency-{service.replace('_', '-')}"
            add_agency(session, agency, name=agency, service=service, area=None, custodian=False)
            if confirmed:
                session.get_one(Agency, agency).state = "confirmed"


def test_a_rule_is_said_in_words_with_its_digest(network: Network) -> None:
    result = run(network, "mcn")
    rule = shipped_rule("mcn")
    assert rule.title in result.stdout and rule.digest in result.stdout
    assert "at least 2 of 5" in result.stdout


def test_missing_kinds_of_service_are_warned_of(network: Network) -> None:
    result = run(network, "mcn", "--format", "json")
    assert result.exception is not None and exit_code(result.exception) == 3
    warnings = json.loads(result.stdout)["warnings"]
    assert any("women are undercounted" in one for one in warnings)
    assert any("nobody can be a member" in one for one in warnings)


def test_nothing_is_warned_of_where_every_kind_takes_part(network: Network) -> None:
    staff_with(network, *KINDS_THAT_SEE_WOMEN, "housing", "probation", "substance_use")
    result = run(network, "smd", "--format", "json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["warnings"] == []


def test_an_agency_that_is_not_confirmed_takes_no_part(network: Network) -> None:
    staff_with(network, *KINDS_THAT_SEE_WOMEN, "housing", "probation", "substance_use", confirmed=False)
    assert run(network, "smd").exit_code != 0


@pytest.mark.parametrize("rule_id", SHIPPED)
def test_every_shipped_rule_can_be_checked(network: Network, rule_id: str) -> None:
    assert json.loads(run(network, rule_id, "--format", "json").stdout)["id"] == rule_id


def test_a_file_that_breaks_the_format_is_refused(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "west.toml"
    path.write_text('format = "cohort/1"\nid = "west"\n')
    for argument in (str(path), str(tmp_path / "absent.toml")):
        result = run(network, argument)
        assert isinstance(result.exception, CohortRuleError)
        assert exit_code(result.exception) == 7


def test_every_service_of_the_network_has_a_kind_or_is_known_to_have_none() -> None:
    without = {service for service in get_args(Service) if kind_of_service(service) is None}
    assert without == {"vcse", "other"}
    assert all(kind_of_service(kind) == kind for kind in SERVICE_KINDS)
