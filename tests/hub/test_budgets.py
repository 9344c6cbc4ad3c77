"""Budgets: cases a day, of a staff id and of a node, whatever the number of workers."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from hub.alarm_scan import scan
from hub.budgets import Budget, cases_charged, charge, require_budget
from hub.database import Database
from hub.errors import BudgetExhaustedError
from hub.membership import add_agency
from hub.service import limits_of
from tests.hub.conftest import EPOCH, Network
from tests.hub.people import encode_token, make_people

AT = datetime(2026, 2, 3, 23, 59, tzinfo=UTC)
BUDGET = Budget(staff_cases=10, node_cases=25)


@pytest.fixture
def charged(database: Database) -> Database:
    with database.writing() as session:
        add_agency(session, "asker", name="A", service="other", area=None, custodian=False)
    return database


def spend(database: Database, staff: str, cases: int, *, at: datetime = AT) -> bool:
    try:
        with database.writing() as session:
            charge(session, BUDGET, agency="asker", staff=staff, cases=cases, at=at)
    except BudgetExhaustedError:
        return False
    return True


def test_a_staff_id_may_ask_up_to_its_budget_and_not_beyond(charged: Database) -> None:
    assert [spend(charged, "worker-1", cases) for cases in (6, 5, 4, 1)] == [True, False, True, False]


def test_a_node_may_ask_up_to_its_budget_whoever_asks(charged: Database) -> None:
    staff = [f"worker-{n}" for n in range(4)]
    assert [spend(charged, who, 8) for who in staff] == [True, True, True, False]
    assert spend(charged, "worker-9", 1)


def test_a_refused_charge_leaves_nothing_behind(charged: Database) -> None:
    assert not spend(charged, "worker-1", 11)
    assert [spend(charged, f"worker-{n}", 10) for n in (1, 2)] == [True, True]


def test_a_new_utc_day_has_a_new_budget(charged: Database) -> None:
    assert spend(charged, "worker-1", 10)
    assert not spend(charged, "worker-1", 1)
    assert spend(charged, "worker-1", 10, at=AT + timedelta(minutes=1))


def test_the_check_before_the_work_agrees_with_the_charge(charged: Database) -> None:
    spend(charged, "worker-1", 7)
    with charged.reading() as session:
        require_budget(session, BUDGET, agency="asker", staff="worker-1", cases=3, at=AT)
        with pytest.raises(BudgetExhaustedError, match="this staff id"):
            require_budget(session, BUDGET, agency="asker", staff="worker-1", cases=4, at=AT)


def test_many_at_once_never_spend_a_case_twice(charged: Database) -> None:
    results: list[bool] = []
    threads = [
        threading.Thread(target=lambda: results.append(spend(charged, "worker-1", 1))) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (results.count(True), results.count(False)) == (10, 6)


def test_an_exhausted_budget_refuses_the_look_up_and_is_logged(partnership: Network) -> None:
    asker = partnership.nodes["asker"]
    people = make_people(50, seed=2)
    answers = [asker.look_up(asker.question(people, partnership.schema, epoch=EPOCH)) for _ in range(5)]
    assert [answer.status for answer in answers] == [200] * 4 + [429]
    assert answers[-1].code == "budget_exhausted"
    other = asker.question(people[:1], partnership.schema, epoch=EPOCH, staff="worker-2")
    assert asker.look_up(other).status == 200
    refused = [entry for entry in asker.log() if entry["action"] == "lookup:refused:budget_exhausted"]
    assert [(entry["staff"], entry["cases_asked"]) for entry in refused] == [("worker-1", 50)]


@pytest.mark.parametrize(
    ("tokens", "cases"),
    [
        pytest.param([1], 1, id="one name"),
        pytest.param([3], 3, id="with an alias and a former name"),
        pytest.param([8], 8, id="as many as the wire takes"),
        pytest.param([1, 8, 3], 12, id="several cases"),
    ],
)
def test_each_token_is_charged_as_a_case(tokens: list[int], cases: int) -> None:
    assert cases_charged(tokens) == cases


def test_eight_people_in_one_case_use_up_eight_cases(partnership: Network) -> None:
    asker = partnership.nodes["asker"]
    people = make_people(8, seed=3)
    question = asker.question(people[:1], partnership.schema, epoch=EPOCH)
    question["cases"][0]["tokens"] = [encode_token(person, partnership.schema) for person in people]
    document = question | {"cases": [question["cases"][0] | {"case": number} for number in range(24)]}
    assert asker.look_up(document).status == 200  # 24 cases of eight are 192 of 200.
    few = asker.question(people[:2], partnership.schema, epoch=EPOCH)
    assert asker.look_up(few).status == 200
    assert asker.look_up(question | {"request": asker.new_id()}).code == "budget_exhausted"
    assert asker.look_up(document).status == 200, "a repeated request costs nothing"
    scan(
        partnership.database,
        limits=limits_of(partnership.client.app.state.hub.settings),
        at=partnership.clock(),
    )  # type: ignore[attr-defined]
    near = [
        one for one in asker.call("GET", "/v1/reviews").document["reviews"] if one["kind"] == "budget_near"
    ]
    assert [one["numbers"] for one in near] == [{"cases": 194, "budget": 200}]
