"""`knownto hub`: what an operator types, and what comes back."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click import Option
from click.testing import CliRunner, Result

from cli.hub_commands import hub
from cli.main import exit_code, knownto
from hub import errors
from hub.app import create_app
from hub.database import Database
from hub.log_views import read_entries
from hub.membership import enrol
from hub.settings import load_settings
from keys.identity import NodeIdentity
from tests.hub.conftest import NOW


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "ORIGINS"):
        monkeypatch.delenv(f"KNOWNTO_HUB_{name}", raising=False)
    return tmp_path / "hub"


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(knownto, ["--home", str(home), "hub", *arguments])


def run_json(home: Path, *arguments: str) -> dict[str, object]:
    result = run(home, *arguments, "--format", "json")
    assert result.exit_code == 0, result.output
    document: dict[str, object] = json.loads(result.stdout)
    return document


@pytest.fixture
def hub_home(home: Path) -> Path:
    run_json(home, "init", "--network", "county")
    return home


def test_init_makes_a_hub_and_prints_its_fingerprint(home: Path) -> None:
    made = run_json(home, "init", "--network", "county")
    assert made["network"] == "county"
    for name in ("identity.key", "pepper.key", "hub.toml", "hub.sqlite3"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
    app = create_app(load_settings(home))
    assert app.state.hub.identity.public.fingerprint == made["fingerprint"]
    app.state.hub.database.close()


@pytest.mark.parametrize(
    "url",
    ["postgresql+psycopg://hub:s3cr3t@db/hub", "postgresql+psycopg://db/hub?user=hub&password=s3cr3t"],
    ids=["before the host", "in the query"],
)
def test_a_database_password_is_no_argument(home: Path, url: str) -> None:
    result = run(home, "init", "--network", "county", "--database-url", url)
    assert result.exit_code == 2 and "KNOWNTO_HUB_DATABASE_URL" in result.output
    assert "s3cr3t" not in result.output
    assert not home.exists()


def test_a_database_url_is_typed_where_it_has_a_password(home: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'elsewhere.sqlite3'}"
    words = ["--home", str(home), "hub", "init", "--network", "county", "--database-url", "-"]
    result = CliRunner().invoke(knownto, words, input=f"{url}\n")
    assert result.exit_code == 0, result.output
    assert load_settings(home).database_url == url and (tmp_path / "elsewhere.sqlite3").exists()


def test_a_second_init_is_refused_and_changes_nothing(hub_home: Path) -> None:
    before = (hub_home / "identity.key").read_bytes()
    result = run(hub_home, "init", "--network", "other")
    assert isinstance(result.exception, errors.AlreadyInitialisedError)
    assert (hub_home / "identity.key").read_bytes() == before


def test_a_dry_init_makes_nothing(home: Path) -> None:
    assert run(home, "init", "--network", "county", "--dry-run").exit_code == 0
    assert not home.exists()


def test_an_agency_is_added_invited_enrolled_and_confirmed(hub_home: Path) -> None:
    run_json(hub_home, "agency", "add", "cgl", "--name", "CGL", "--service", "substance_use", "--custodian")
    invited = run_json(hub_home, "invite", "cgl")
    identity = NodeIdentity.generate(exchange_key=bytes(32))
    database = Database(load_settings(hub_home).url)
    with database.writing() as session:
        enrol(session, "cgl", token=str(invited["token"]), identity=identity.public, at=NOW)
    database.close()
    wrong = NodeIdentity.generate(exchange_key=bytes(32)).public.fingerprint
    refused = run(hub_home, "confirm", "cgl", "--fingerprint", wrong)
    assert isinstance(refused.exception, errors.FingerprintMismatchError)
    assert exit_code(refused.exception) == 5
    spoken = identity.public.fingerprint.replace("-", " ").upper()
    assert run_json(hub_home, "confirm", "cgl", "--fingerprint", spoken)["state"] == "confirmed"
    listed = run(hub_home, "agency", "list", "--format", "json")
    [agency] = json.loads(listed.stdout)
    assert (agency["agency"], agency["state"], agency["custodian"]) == ("cgl", "confirmed", True)
    database = Database(load_settings(hub_home).url)
    with database.reading() as session:
        actions = [entry["action"] for _, entry in read_entries(session, after=0, limit=10)]
    database.close()
    assert actions == ["node:enrolment:pending", "node:enrolment:confirmed"]
    assert run_json(hub_home, "status")["confirmed"] == 1


def test_a_dry_run_writes_nothing(hub_home: Path) -> None:
    arguments = ("agency", "add", "cgl", "--name", "CGL", "--service", "outreach", "--dry-run")
    assert run(hub_home, *arguments).exit_code == 0
    assert json.loads(run(hub_home, "agency", "list", "--format", "json").stdout) == []


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("agency", "add", "C G L", "--name", "x", "--service", "other"), id="id that is none"),
        pytest.param(("agency", "add", "cgl", "--name", "x", "--service", "spying"), id="unknown service"),
        pytest.param(("init", "--network", "Not An Id"), id="network that is no id"),
        pytest.param(("serve", "--port", "0"), id="no port"),
    ],
)
def test_wrong_usage_is_refused_as_such(hub_home: Path, arguments: tuple[str, ...]) -> None:
    assert run(hub_home, *arguments).exit_code == 2


def test_listening_beyond_this_machine_has_to_be_asked_for(hub_home: Path) -> None:
    result = run(hub_home, "serve", "--host", "0.0.0.0")
    assert isinstance(result.exception, errors.RemoteBindingRefusedError)
    assert exit_code(result.exception) == 4


def test_a_home_without_a_hub_says_how_to_make_one(home: Path) -> None:
    result = run(home, "status")
    assert isinstance(result.exception, errors.NotInitialisedError)
    assert exit_code(result.exception) == 10
    assert "knownto hub init" in str(result.exception)


def test_an_upgrade_of_an_up_to_date_database_does_nothing(hub_home: Path) -> None:
    result = run(hub_home, "upgrade")
    assert (result.exit_code, result.stderr.strip()) == (0, "The database is up to date.")


def test_every_command_and_option_has_help() -> None:
    def commands(group: object) -> list[object]:
        below = list(getattr(group, "commands", {}).values())
        return below + [command for one in below for command in commands(one)]

    for command in commands(hub):
        assert command.help  # type: ignore[attr-defined]
        options = [option for option in command.params if isinstance(option, Option)]  # type: ignore[attr-defined]
        assert all(option.help for option in options)


def test_erasing_texts_counts_them_logs_it_and_takes_no_recent_day(hub_home: Path) -> None:
    assert CliRunner().invoke(knownto, ["--home", str(hub_home), "log", "show"]).exit_code == 0
    for words in (("--before", "2026-01-01"), ()):
        erased = run_json(hub_home, "erase-texts", *words)
        assert erased == {"entries": 0, "reviews": 0, "budgets": 0}
    for day in ("2999-01-01", f"{datetime.now(UTC) - timedelta(days=88):%Y-%m-%d}"):
        refused = run(hub_home, "erase-texts", "--before", day)
        assert refused.exit_code == 2
        assert "at least 90 days" in refused.output
