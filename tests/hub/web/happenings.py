"""Something of everything that the hub's pages show: look-ups, a refusal, an alarm, a linking run."""

from __future__ import annotations

import pytest

from hub.alarm_scan import scan
from hub.linking import link_all
from hub.service import limits_of
from node.errors import HubRefusedError
from tests.federation import Federation
from tests.people import person

ASKED = (3, 4, 11)


def let_things_happen(federation: Federation) -> None:
    """A conference list asked about, one person asked about again and again, one look-up refused."""
    federation.ask("asker", *(person(number) for number in ASKED), conference="mdt-1")
    for _ in range(4):
        federation.clock.advance(minutes=1)
        federation.ask("asker", person(3))
    with pytest.raises(HubRefusedError):
        federation.ask("asker", person(3), purpose="statistics")
    scan_log(federation)
    link_all(federation.hub.database, clock=federation.clock, report=lambda _: None)


def scan_log(federation: Federation) -> int:
    """Put into the review queue what there is; how many items were made."""
    hub = federation.hub
    return scan(hub.database, limits=limits_of(hub.settings), at=federation.clock()).raised
