"""The scanner: everything once, whatever it is interrupted by and however many do it."""

from __future__ import annotations

import json
import multiprocessing
import threading
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from hub.alarm_facts import Fact
from hub.alarm_scan import Scanned, scan
from hub.alarms import Limits
from hub.database import Database
from hub.review_models import ReviewFact, ReviewItem, ReviewTouch, SampleBlock
from hub.review_settings import ReviewSettings
from hub.reviews import Outcome, Reviewer, Verdict, decide, indices_of
from tests.hub.facts import LIMITS, TUESDAY, WrittenLog, lookup, refusal, touch

LATER = TUESDAY + timedelta(hours=1)
SPAWN = multiprocessing.get_context("spawn")
RECORD = frozenset({touch()})


def stalker(count: int = 6) -> list[Fact]:
    return [lookup(n, TUESDAY + timedelta(minutes=n), touched=RECORD) for n in range(1, count + 1)]


def run(
    database: Database, facts: list[Fact], *, at: datetime = LATER, limits: Limits = LIMITS, page: int = 200
) -> Scanned:
    return scan(database, limits=limits, at=at, read=WrittenLog(facts), draw=lambda n: n - 1, page=page)


def items(database: Database) -> list[tuple[str, str, str, tuple[int, ...]]]:
    """Kind, audience, staff and log entries of the whole queue, sorted."""
    with database.reading() as session:
        rows = session.scalars(select(ReviewItem)).all()
        return sorted((row.kind, row.audience, row.staff, tuple(indices_of(row))) for row in rows)


def test_a_scan_puts_alarms_where_they_belong_and_another_finds_nothing_new(database: Database) -> None:
    assert run(database, stalker()) == Scanned(entries=6, raised=4)
    six = (1, 2, 3, 4, 5, 6)
    expected = [
        ("person_budget", "northside", "", six),
        ("person_budget", "probation", "", six),
        ("repeated_person", "northside", "amara", six),
        ("repeated_person", "probation", "amara", six),
    ]
    assert items(database) == expected
    assert run(database, stalker()) == Scanned()
    assert items(database) == expected


@pytest.mark.parametrize("page", [1, 2, 5])
def test_alarms_are_the_same_however_many_entries_are_read_at_once(database: Database, page: int) -> None:
    facts = [*stalker(), *(refusal(n, at=TUESDAY + timedelta(minutes=n)) for n in range(7, 18))]
    facts += [lookup(18, TUESDAY + timedelta(days=1), cases=61, untold=58, conference=False, near=5)]
    run(database, facts, at=TUESDAY + timedelta(days=1, hours=1), page=page)
    kinds = Counter(kind for kind, *_ in items(database))
    assert kinds == {
        "person_budget": 2, "repeated_person": 2, "refusals": 1, "volume_outlier": 1, "near_cases": 1,
        "no_match_share": 1, "off_list": 1,
    }  # fmt: skip
    assert ("refusals", "northside", "amara", tuple(range(7, 18))) in items(database)


def test_one_kind_of_one_person_and_day_is_one_open_item_that_grows(database: Database) -> None:
    for count in (4, 5, 9):
        run(database, stalker(count))
    found = [one for one in items(database) if one[0] == "repeated_person" and one[2] == "amara"]
    assert found == [
        ("repeated_person", audience, "amara", tuple(range(1, 10))) for audience in ("northside", "probation")
    ]


def test_what_goes_on_after_a_decision_is_a_new_item(database: Database) -> None:
    run(database, stalker(4))
    with database.writing() as session:
        (item,) = session.scalars(select(ReviewItem.item).where(ReviewItem.audience == "northside"))
        decide(
            session,
            item,
            Reviewer("northside", "ig-lead"),
            Verdict(Outcome.JUSTIFIED, "ab" * 32, 4),
            at=LATER,
            settings=LIMITS.review,
        )
    assert run(database, stalker(4)).raised == 0
    assert run(database, stalker(5)).raised == 1
    with database.reading() as session:
        rows = session.scalars(
            select(ReviewItem).where(ReviewItem.audience == "northside").order_by(ReviewItem.number)
        ).all()
        assert [(row.number, row.outcome) for row in rows] == [(0, "justified"), (1, None)]


def test_a_queried_item_is_still_the_open_one(database: Database) -> None:
    run(database, stalker(4))
    with database.writing() as session:
        (item,) = session.scalars(select(ReviewItem.item).where(ReviewItem.audience == "northside"))
        decide(
            session,
            item,
            Reviewer("northside", "ig-lead"),
            Verdict(Outcome.QUERIED, "ab" * 32, 4),
            at=LATER,
            settings=LIMITS.review,
        )
    assert run(database, stalker(5)).raised == 0


def test_a_scan_that_fails_halfway_has_done_nothing_of_its_page(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise InterruptedError

    monkeypatch.setattr("hub.alarm_scan._forget", fail)
    with pytest.raises(InterruptedError):
        run(database, stalker())
    assert items(database) == []
    monkeypatch.undo()
    assert run(database, stalker()) == Scanned(entries=6, raised=4)


def test_threads_that_scan_at_once_find_everything_once(database: Database) -> None:
    facts = [
        lookup(n, TUESDAY + timedelta(minutes=n), staff=f"person-{n % 7}", touched=RECORD)
        for n in range(1, 201)
    ]
    errors: list[BaseException] = []

    def work() -> None:
        try:
            run(database, facts, at=TUESDAY + timedelta(days=1), page=7)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with database.reading() as session:
        assert len(session.scalars(select(ReviewFact.index)).all()) == 200
    found = Counter(kind for kind, *_ in items(database))
    # 7 people and the agency, at asker and holder; 10 blocks of 20.
    assert found["repeated_person"] == 16 and found["sample"] == 10


def scan_in_a_process(arguments: tuple[str, int]) -> int:
    """A worker of its own."""
    url, count = arguments
    database = Database(url, lock_timeout_seconds=30)
    facts = [lookup(n, TUESDAY + timedelta(seconds=n), staff=f"person-{n % 3}") for n in range(1, count + 1)]
    done = scan(database, limits=LIMITS, at=LATER, read=WrittenLog(facts), page=5)
    database.close()
    return done.entries


def test_processes_that_share_only_the_database_read_every_entry_once(database_url: str) -> None:
    with ProcessPoolExecutor(3, mp_context=SPAWN) as pool:
        read = list(pool.map(scan_in_a_process, [(database_url, 100)] * 3))
    database = Database(database_url)
    assert sum(read) == 100
    assert Counter(kind for kind, *_ in items(database))["sample"] == 5
    database.close()


def test_every_block_of_twenty_has_exactly_one_sample(database: Database) -> None:
    facts = [lookup(n, TUESDAY + timedelta(minutes=n)) for n in range(1, 101)]
    scan(database, limits=LIMITS, at=LATER, read=WrittenLog(facts), page=13)
    drawn = [indices[0] for kind, _, _, indices in items(database) if kind == "sample"]
    assert sorted((index - 1) // 20 for index in drawn) == [0, 1, 2, 3, 4]


def test_each_agency_has_its_own_blocks(database: Database) -> None:
    facts = [lookup(n, agency="northside" if n % 2 else "southside") for n in range(1, 41)]
    run(database, facts)
    found = [(audience, indices) for kind, audience, _, indices in items(database) if kind == "sample"]
    assert found == [("northside", (39,)), ("southside", (40,))]


def test_any_look_up_of_a_block_can_be_drawn_and_none_is_drawn_before_it_is_full(database: Database) -> None:
    offered: list[int] = []

    def draw(below: int) -> int:
        offered.append(below)
        return 0

    facts = [lookup(n) for n in range(1, 40)]
    scan(database, limits=LIMITS, at=LATER, read=WrittenLog(facts[:19]), draw=draw)
    assert offered == []
    scan(database, limits=LIMITS, at=LATER, read=WrittenLog(facts), draw=draw)
    assert offered == [20]


def test_the_draw_is_of_the_systems_secrets_by_default() -> None:
    import inspect
    import secrets

    assert inspect.signature(scan).parameters["draw"].default is secrets.randbelow


def test_an_incomplete_block_waits_no_longer_than_the_setting(database: Database) -> None:
    facts = [lookup(n, TUESDAY + timedelta(days=n)) for n in range(4)]
    facts = [replace(fact, index=n) for n, fact in enumerate(facts, start=1)]
    run(database, facts, at=TUESDAY + timedelta(days=27, hours=23))
    assert "sample" not in {kind for kind, *_ in items(database)}
    run(database, facts, at=TUESDAY + timedelta(days=28))
    assert [one[3] for one in items(database) if one[0] == "sample"] == [(4,)]
    run(database, facts, at=TUESDAY + timedelta(days=60))
    assert len([one for one in items(database) if one[0] == "sample"]) == 1


def test_a_hub_that_was_away_for_months_reads_on_without_losing_a_sample(database: Database) -> None:
    facts = [lookup(n, TUESDAY + timedelta(days=n)) for n in range(1, 60)]
    run(database, facts, at=TUESDAY + timedelta(days=200), page=10)
    drawn = [indices[0] for kind, _, _, indices in items(database) if kind == "sample"]
    assert len(drawn) >= 3
    with database.reading() as session:
        assert [json.loads(row.indices) for row in session.scalars(select(SampleBlock))] == [[]]


def test_volume_is_compared_with_the_days_before(database: Database) -> None:
    busy = [lookup(n, TUESDAY + timedelta(days=n - 1), cases=21) for n in (1, 2, 3)]
    run(database, [*busy, lookup(4, TUESDAY + timedelta(days=7), cases=63)], at=TUESDAY + timedelta(days=8))
    assert "volume_outlier" not in {kind for kind, *_ in items(database)}
    more = [
        *busy,
        lookup(4, TUESDAY + timedelta(days=7), cases=63),
        lookup(5, TUESDAY + timedelta(days=8), cases=200),
    ]
    run(database, more, at=TUESDAY + timedelta(days=9))
    assert ("volume_outlier", "northside", "amara", (5,)) in items(database)


def test_records_are_forgotten_once_no_rule_looks_at_them(database: Database) -> None:
    facts = stalker(3)
    run(database, facts)
    later = [*facts, lookup(4, TUESDAY + timedelta(days=29))]
    run(database, later, at=TUESDAY + timedelta(days=29))
    with database.reading() as session:
        assert session.scalars(select(ReviewTouch)).all() == []
        assert len(session.scalars(select(ReviewFact)).all()) == 4
    run(database, [*later, lookup(5, TUESDAY + timedelta(days=60))], at=TUESDAY + timedelta(days=60))
    with database.reading() as session:
        assert list(session.scalars(select(ReviewFact.index))) == [5]


def test_items_are_due_in_two_working_days_of_the_day_they_are_raised(database: Database) -> None:
    friday_night = datetime.fromisoformat("2026-04-02T23:30:00+00:00")  # Good Friday already, in London.
    run(database, stalker(4), at=friday_night)
    with database.reading() as session:
        assert {row.due.isoformat() for row in session.scalars(select(ReviewItem))} == {"2026-04-08"}


def test_the_queue_says_nothing_of_a_record(database: Database) -> None:
    run(database, stalker())
    with database.reading() as session:
        rows = session.execute(text("SELECT * FROM review_items")).all()
    assert rows and "r" * 16 not in repr(rows) and (b"r" * 16).hex() not in repr(rows)


def test_a_scan_holds_no_lock_while_it_reads(database: Database) -> None:
    """Somebody else can write while a page is worked out: look-ups never wait for alarms."""
    written: list[bool] = []

    def read(session: Session, *, after: int, limit: int) -> tuple[list[Fact], int]:
        if not written:
            with database.writing() as other:
                other.execute(text("UPDATE log_head SET size = size"))
            written.append(True)
        return WrittenLog(stalker())(session, after=after, limit=limit)

    scan(database, limits=LIMITS, at=LATER, read=read)
    assert written == [True] and len(items(database)) == 4


def test_settings_move_where_alarms_begin(database: Database) -> None:
    strict = Limits(ReviewSettings(repeats_by_staff=2), LIMITS.budget)
    run(database, stalker(2), limits=strict)
    assert [kind for kind, *_ in items(database)] == ["repeated_person"] * 2
