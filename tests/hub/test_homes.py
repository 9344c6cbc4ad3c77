"""A hub's home: made once, and not at all where making it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub import homes
from hub.database import Database
from hub.errors import AlreadyInitialisedError, SettingsError
from hub.homes import initialise
from hub.settings import load_settings


def test_a_try_that_fails_leaves_nothing_that_refuses_the_next(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        initialise(tmp_path, network="Not An Id")
    assert not [path.name for path in tmp_path.iterdir()]
    initialise(tmp_path, network="county")
    assert load_settings(tmp_path).network == "county"


def test_a_database_that_cannot_be_prepared_leaves_a_home_to_try_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_reach(_database: Database) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(homes, "upgrade", out_of_reach)
        with pytest.raises(ConnectionError):
            initialise(tmp_path, network="county")
    initialise(tmp_path, network="county")


def test_a_hub_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    initialise(tmp_path, network="county")
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.[kt]*")}
    with pytest.raises(AlreadyInitialisedError):
        initialise(tmp_path, network="other")
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.[kt]*")} == before and len(before) == 3
