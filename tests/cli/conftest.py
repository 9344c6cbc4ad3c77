"""Two agencies that share, for commands in processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import Desk
from tests.e2e.test_killed_push import RealClock
from tests.federation import PASSPHRASE, Federation, running_federation


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Two nodes over sockets that share, for commands in processes of their own."""
    root = tmp_path_factory.mktemp("cli")
    with running_federation(root / "network", sockets=True, clock=RealClock()) as federation:
        federation.add("asker", custodian=True)
        federation.add("holder", team="Desk")
        federation.begin_epoch(["dob", "names", "chain"], custodian="asker")
        federation.agree("asker", "holder")
        federation.share(
            "holder", [{"local_id": "A1", "dob": "1980-02-03", "forename": "Ann", "surname": "Other"}]
        )
        federation.consent("holder", "A1")
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
