"""One in-process federation for the flows of a node: asker and holder with a key and a live agreement."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from tests.federation import Federation, running_federation
from tests.people import people


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    with running_federation(tmp_path) as federation:
        federation.add("asker", custodian=True)
        federation.add("holder", team="Duty desk")
        federation.begin_epoch(["dob", "names", "chain"], custodian="asker")
        federation.agree("asker", "holder")
        yield federation


@pytest.fixture
def sharing(federation: Federation) -> Federation:
    """The holder shares ten people, one of whom consents."""
    federation.share("holder", people(10))
    federation.consent("holder", "H00003")
    return federation


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Retries happen, without the waits between them."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield
