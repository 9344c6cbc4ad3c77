"""Settings: one frozen value from hub.toml and the environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from hub.errors import NotInitialisedError, SettingsError
from hub.settings import HubSettings, format_settings, load_settings


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KNOWNTO_HUB_HOME", raising=False)


def write(home: Path, text: str) -> Path:
    (home / "hub.toml").write_text(text)
    return home


def test_a_first_file_gives_the_defaults(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, format_settings(network="county", database_url="")))
    assert settings.network == "county"
    assert settings.url == f"sqlite:///{tmp_path / 'hub.sqlite3'}"
    assert (settings.staff_cases_per_day, settings.node_cases_per_day) == (200, 5000)
    assert (settings.known_posterior, settings.possibly_posterior) == (0.95, 0.50)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KNOWNTO_HUB_STAFF_CASES_PER_DAY", "50")
    home = write(tmp_path, 'network = "county"\nstaff_cases_per_day = 20\n')
    assert load_settings(home).staff_cases_per_day == 50


def test_settings_are_frozen(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, 'network = "county"\n'))
    with pytest.raises(ValidationError):
        settings.network = "other"


def test_a_home_without_a_file_is_not_a_hub(tmp_path: Path) -> None:
    with pytest.raises(NotInitialisedError):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param('network = "Not An Id"', "network", id="network is no id"),
        pytest.param('network = "a"\nbudget = 7', "budget", id="unknown setting"),
        pytest.param('network = "a"\ninvitation_hours = 25', "invitation_hours", id="token lives too long"),
        pytest.param('network = "a"\nknown_posterior = 0.4', "thresholds", id="thresholds out of order"),
        pytest.param('network = "a"\norigins = []', "origins", id="no origin"),
        pytest.param("network = ", "not TOML", id="not TOML"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named) as caught:
        load_settings(write(tmp_path, text))
    assert "Not An Id" not in str(caught.value)


def test_every_setting_says_what_it_is_for() -> None:
    assert all(field.description for field in HubSettings.model_fields.values())


def test_a_database_url_with_a_password_is_not_printed(tmp_path: Path) -> None:
    url = 'postgresql+psycopg://hub:secret"word@localhost/hub'
    settings = load_settings(write(tmp_path, format_settings(network="county", database_url=url)))
    assert settings.url == url
    assert "secret" not in repr(settings)
