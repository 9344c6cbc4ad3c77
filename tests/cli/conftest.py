"""Two agencies that share, for commands in processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import Desk, open_network
from tests.federation import PASSPHRASE, Federation


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    with open_network(tmp_path_factory.mktemp("cli") / "network") as federation:
        yield federation


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.touch(mode=0o600)
    path.write_text(PASSPHRASE)
    return path


@pytest.fixture
def asker(network: Federation, passphrase: Path) -> Desk:
    return Desk(network, "asker", passphrase)


@pytest.fixture
def holder(network: Federation, passphrase: Path) -> Desk:
    return Desk(network, "holder", passphrase)
