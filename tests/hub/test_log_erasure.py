"""Erasing texts under retention: they are gone from the file, and everything else still holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hub.access_log import Action
from hub.erasure import erase_texts, forget_freed_pages
from hub.errors import UnavailableError
from hub.log_models import LogEntry, LogPart, LogSubject
from hub.log_verify import verify_log
from hub.log_views import read_entries
from tests.hub.client import codes
from tests.hub.conftest import EPOCH, NETWORK, Network
from tests.hub.test_log_proofs import PEOPLE, ask, share, verify_line
from tests.hub.witness import Witness


def erase(network: Network, before: datetime) -> int:
    with network.database.writing() as session:
        return erase_texts(session, before=before, at=network.clock())


def findings(network: Network) -> object:
    with network.database.reading() as session:
        return verify_log(session, network=NETWORK).findings


@pytest.fixture
def old_and_new(partnership: Network) -> tuple[Network, datetime]:
    """Look-ups of before and after a time."""
    share(partnership)
    ask(partnership, 0)
    partnership.clock.move(days=10)
    middle = partnership.clock()
    partnership.clock.move(hours=1)
    ask(partnership, 1)
    return partnership, middle


def test_texts_go_and_proofs_stay(old_and_new: tuple[Network, datetime]) -> None:
    network, middle = old_and_new
    witness = Witness(network.nodes["asker"])
    witness.sync()
    assert erase(network, middle) > 0
    for agency in ("asker", "holder-1"):
        page = network.nodes[agency].call("GET", "/v1/log?limit=1000").document
        flat = [verify_line(network, line, page["checkpoint"]) for line in page["entries"]]
        answered = [entry for entry in flat if entry["action"] == Action.LOOKUP_ANSWERED]
        assert ["cases" in entry for entry in answered] == [False, True]
        assert ["staff" in entry for entry in answered] == [False, True]
    assert findings(network) == ()
    assert witness.sync() == "stored"


def test_what_was_erased_is_counted_and_logged(old_and_new: tuple[Network, datetime]) -> None:
    network, middle = old_and_new
    erased = erase(network, middle)
    with network.database.reading() as session:
        found = verify_log(session, network=NETWORK)
        last = read_entries(session, after=found.entries - 1, limit=1)
        [(_, entry)] = last
        kept = select(func.min(LogEntry.at)).where(LogEntry.index.in_(select(LogPart.index)))
        assert session.scalar(kept) >= middle
        handles = session.scalars(select(LogSubject.handle)).all()
    assert found.erased == erased == entry["entries"]
    assert entry["action"] == "log:texts:erased"
    assert [handle is None for handle in handles].count(True) == 1
    assert erase(network, middle) == 0


def test_erasing_again_later_erases_what_has_become_old(old_and_new: tuple[Network, datetime]) -> None:
    network, middle = old_and_new
    erase(network, middle)
    network.clock.move(days=1)
    assert erase(network, network.clock()) > 0
    assert findings(network) == ()


def test_a_text_that_is_missing_without_an_erasure_is_found(old_and_new: tuple[Network, datetime]) -> None:
    network, _middle = old_and_new
    with network.database.writing() as session:
        session.delete(session.scalars(select(LogPart).where(LogPart.name == "who")).first())
    assert {finding.rule for finding in findings(network)} == {"part_missing"}  # type: ignore[attr-defined]


def test_a_repeat_of_an_erased_look_up_tells_nothing(partnership: Network) -> None:
    """What was told the first time is no longer known, so it cannot be told again."""
    share(partnership)
    asker = partnership.nodes["asker"]
    question = asker.question(PEOPLE[:1], partnership.schema, epoch=EPOCH)
    assert codes(asker.look_up(question))["holder-1"] == "K"
    partnership.clock.move(days=1)
    erase(partnership, partnership.clock() - timedelta(hours=1))
    answer = asker.look_up(question)
    assert answer.status == 200
    assert codes(answer)["holder-1"] != "K"


def test_no_byte_of_an_erased_text_is_left_in_the_file(old_and_new: tuple[Network, datetime]) -> None:
    network, middle = old_and_new
    if network.database.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's files are its own; its vacuum overwrites in its own time")
    with network.database.reading() as session:
        old = select(LogEntry.index).where(LogEntry.at < middle)
        salts = session.scalars(select(LogPart.salt).where(LogPart.index.in_(old))).all()
    path = Path(network.database.engine.url.database or "")
    assert all(salt in stored_bytes(path) for salt in salts)
    erase(network, middle)
    forget_freed_pages(network.database)
    assert not any(salt in stored_bytes(path) for salt in salts)


def test_texts_that_a_reader_keeps_in_the_write_ahead_log_are_not_called_gone(
    old_and_new: tuple[Network, datetime],
) -> None:
    network, middle = old_and_new
    if network.database.engine.dialect.name != "sqlite":
        pytest.skip("only SQLite's log is ours to empty")
    with network.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(LogEntry))
        erase(network, middle)
        with pytest.raises(UnavailableError, match="run it again"):
            forget_freed_pages(network.database)
    forget_freed_pages(network.database)


def stored_bytes(path: Path) -> bytes:
    return b"".join(one.read_bytes() for one in sorted(path.parent.glob(path.name + "*")))
