"""Hub and nodes killed at random moments of look-ups and log writes: no answer without its entry."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from keys.actors import Actor
from node.home import open_home
from node.reconcile import reconcile
from tests.e2e.drill import ASKERS, Drill, new_drill, require_in_order
from tests.federation import PASSPHRASE

# `make drill KILLS=200` runs the long form.
KILLS = int(os.environ.get("KNOWNTO_DRILL_KILLS", "4"))


def await_answers(drill: Drill, *, beyond: int) -> None:
    """Wait until more has been acknowledged than there was."""
    deadline = time.monotonic() + 120
    while len(drill.acknowledged()) <= beyond:
        assert time.monotonic() < deadline, "nothing is answered any more"
        time.sleep(0.02)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_no_answer_is_without_its_entry_and_no_acknowledged_entry_is_lost(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue("durable_postgres") if kind == "postgresql" else None
    url = "" if server is None else server.url(server.create_database())
    rng = random.Random(20261122)
    with new_drill(tmp_path / "network", url) as drill:
        for name in ("hub", *ASKERS):
            drill.start(name)
        before = 0
        for _ in range(KILLS):
            # Until there are answers again, so that the kill falls into work and not into a start.
            await_answers(drill, beyond=before)
            time.sleep(rng.uniform(0, 0.3))
            victim = rng.choice(("hub", "hub", *ASKERS))
            drill.kill(victim)
            if victim == "hub":
                time.sleep(0.2)  # A database server may still finish what the killed hub had begun.
                before = require_in_order(drill)
            else:
                before = len(drill.acknowledged())
            drill.start(victim)
        await_answers(drill, beyond=before)
        for name in ASKERS:
            drill.kill(name)
        assert require_in_order(drill) > before
        for name in ASKERS:
            with open_home(drill.root / name, PASSPHRASE) as node:
                officer = node.acting(Actor(f"{name}-ig", "ig"))
                assert reconcile(officer).differences == ()
