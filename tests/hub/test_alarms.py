"""Alarms: each rule at its boundary, what an asker's alarm may rest on, and nothing of an identifier."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.alarm_facts import Event, Fact, Touch
from hub.alarms import Alarm, Kind, Limits, alarms_of_day, duties_of
from hub.budgets import Budget
from hub.review_settings import ReviewSettings
from tests.hub.facts import LIMITS, TUESDAY, agency_day, alarms, kinds, lookup, refusal, touch

SUNDAY = datetime(2026, 2, 8, 11, 0, tzinfo=UTC)
GOOD_FRIDAY = datetime(2026, 4, 3, 11, 0, tzinfo=UTC)


def asked(times: int, *, every: timedelta = timedelta(minutes=5), **changes: object) -> list[Fact]:
    """Look-ups one after the other."""
    return [lookup(n, TUESDAY + (n - 1) * every, **changes) for n in range(1, times + 1)]


def daily(times: int, **changes: object) -> list[Fact]:
    """One look-up a day, the last on a working day."""
    start = datetime(2026, 2, 13, 10, tzinfo=UTC) - timedelta(days=times - 1)
    return [lookup(n, start + timedelta(days=n - 1), **changes) for n in range(1, times + 1)]


def seldom(times: int, *, apart: int = 5) -> list[Fact]:
    """One look-up of one person every so many days."""
    start = TUESDAY - timedelta(days=apart * (times - 1))
    return [lookup(n, start + timedelta(days=apart * (n - 1)), touched=RECORD) for n in range(1, times + 1)]


RECORD = frozenset({touch()})
HIDDEN = frozenset({touch(told=False)})
# (facts, the kinds of alarm of their last day)
BOUNDARIES = [
    pytest.param([lookup(1)], [], id="one look-up"),
    pytest.param(asked(3, touched=RECORD), [], id="one person three times"),
    pytest.param(asked(4, touched=RECORD), ["repeated_person"] * 2, id="four times: asker and holder"),
    pytest.param(asked(4, touched=HIDDEN), ["repeated_person"], id="four times withheld: the holder alone"),
    pytest.param(asked(4, touched=RECORD, repeats=True), [], id="one request answered again is not another"),
    pytest.param(daily(4, touched=RECORD)[:3], [], id="on three days"),
    pytest.param(
        [replace(f, at=f.at - timedelta(days=7)) if f.index == 1 else f for f in asked(4, touched=RECORD)],
        [],
        id="four times, the first more than seven days ago",
    ),
    pytest.param(
        [replace(f, at=f.at - timedelta(days=6)) if f.index == 1 else f for f in asked(4, touched=RECORD)],
        ["repeated_person"] * 2,
        id="four times within seven days",
    ),
    pytest.param(seldom(5), [], id="every five days, five times"),
    pytest.param(seldom(6), ["repeated_person"] * 2, id="every five days, six times"),
    pytest.param(seldom(6, apart=7), [], id="once a week"),
    pytest.param(
        [replace(f, staff=f"person-{f.index}") for f in asked(5, touched=RECORD)],
        [],
        id="five times in a day by five people",
    ),
    pytest.param(
        [replace(f, staff=f"person-{f.index}") for f in asked(6, touched=RECORD)],
        ["person_budget"] * 2,
        id="a sixth time in a day by one agency",
    ),
    pytest.param([lookup(1, cases=15, near=2)], [], id="a list with twins"),
    pytest.param([lookup(1, cases=15, near=3)], ["near_cases"], id="three date variants"),
    pytest.param([lookup(1, cases=29, untold=29)], [], id="29 cases nobody knows"),
    pytest.param([lookup(1, cases=30, untold=26)], ["no_match_share"], id="26 of 30 nobody knows"),
    pytest.param([lookup(1, cases=30, untold=25)], [], id="25 of 30 nobody knows"),
    pytest.param([lookup(1, cases=19, untold=19, conference=False)], [], id="19 off any list"),
    pytest.param([lookup(1, cases=20, untold=20, conference=False)], ["off_list"], id="20 off any list"),
    pytest.param([lookup(1, cases=20, untold=20)], [], id="20 of a conference list"),
    pytest.param([lookup(1, TUESDAY.replace(hour=7, minute=0))], [], id="at seven"),
    pytest.param([lookup(1, TUESDAY.replace(hour=6, minute=59))], ["out_of_hours"], id="before seven"),
    pytest.param([lookup(1, TUESDAY.replace(hour=19, minute=59))], [], id="before eight in the evening"),
    pytest.param([lookup(1, TUESDAY.replace(hour=20, minute=0))], ["out_of_hours"], id="at eight"),
    pytest.param([lookup(1, datetime(2026, 7, 7, 19, 30, tzinfo=UTC))], ["out_of_hours"], id="summer time"),
    pytest.param([lookup(1, SUNDAY)], ["out_of_hours"], id="on a Sunday"),
    pytest.param([lookup(1, GOOD_FRIDAY)], ["out_of_hours"], id="on Good Friday"),
    pytest.param([refusal(1, at=SUNDAY)], [], id="a refused look-up on a Sunday"),
    pytest.param([lookup(1, cases=60)], [], id="60 cases in a day"),
    pytest.param([lookup(1, cases=61)], ["volume_outlier"], id="61 cases in a day, after none"),
    pytest.param(
        [lookup(1, TUESDAY - timedelta(days=7), cases=21), lookup(2, cases=63)],
        [],
        id="three times the busiest day",
    ),
    pytest.param(
        [lookup(1, TUESDAY - timedelta(days=7), cases=20), lookup(2, cases=62)],
        ["volume_outlier"],
        id="more than three times the busiest day",
    ),
    pytest.param(
        [lookup(1, TUESDAY - timedelta(days=29), cases=50), lookup(2, cases=61)],
        ["volume_outlier"],
        id="the busy day is too long ago",
    ),
    pytest.param(
        [lookup(n, cases=50, staff=f"person-{n}") for n in range(1, 4)], [], id="150 cases of one agency"
    ),
    pytest.param(
        [lookup(n, cases=51 if n == 1 else 50, staff=f"person-{n}") for n in range(1, 4)],
        ["volume_outlier"],
        id="151 cases of one agency",
    ),
    pytest.param([refusal(n) for n in range(1, 10)], [], id="nine refusals"),
    pytest.param([refusal(n) for n in range(1, 11)], ["refusals"], id="ten refusals"),
    pytest.param([refusal(1, "budget_exhausted")], ["budget_exhausted"], id="the budget is used up"),
    pytest.param(asked(4, repeats=True), [], id="four repeats"),
    pytest.param(asked(5, repeats=True), ["replays"], id="five repeats"),
    pytest.param(
        [replace(f, event=Event.REPLAY, staff="", cases=0) for f in asked(5)], ["replays"], id="five replays"
    ),
    pytest.param(
        [replace(lookup(1), event=Event.BOUND_MET, staff="", cases=0)],
        ["log_bound"],
        id="as much as is logged in a day",
    ),
    pytest.param(
        [replace(lookup(1), event=Event.WITNESS_REFUSED, staff="", cases=0)],
        ["witness_refused"],
        id="a witness refused",
    ),
    pytest.param(
        [replace(lookup(1), event=Event.LOG_DIFFERENCE, cases=0)],
        ["log_reconciled_difference"],
        id="a difference between the copies of the log",
    ),
]


@pytest.mark.parametrize(("facts", "expected"), BOUNDARIES)
def test_an_alarm_begins_where_its_rule_says(facts: list[Fact], expected: list[str]) -> None:
    assert kinds(facts) == expected


@pytest.mark.parametrize(
    ("cases", "expected"),
    [(159, []), (160, ["budget_near"])],
    ids=["below four fifths of the budget", "four fifths of the budget"],
)
def test_a_budget_nearly_used_is_told_before_it_is(cases: int, expected: list[str]) -> None:
    quiet = Limits(ReviewSettings(volume_staff_cases=10_000, volume_agency_cases=10_000), Budget(200, 5_000))
    assert kinds([lookup(1, cases=cases)], quiet) == expected
    assert kinds([lookup(1, cases=cases, repeats=True)], quiet) == []
    assert kinds([lookup(1, cases=cases - 100, further=100)], quiet) == expected


@pytest.mark.parametrize(("entries", "older"), [(100, None), (101, 1), (130, 30)])
def test_an_alarm_names_the_newest_entries_and_counts_the_older(entries: int, older: int | None) -> None:
    (alarm,) = [one for one in alarms([refusal(n) for n in range(1, entries + 1)]) if one.kind == "refusals"]
    assert alarm.indices == tuple(range(max(1, entries - 99), entries + 1))
    assert alarm.numbers.get("older_entries") == older
    assert alarm.numbers["refused"] == entries


def test_the_budget_of_a_whole_agency_is_told_too() -> None:
    limits = Limits(ReviewSettings(volume_agency_cases=10_000), Budget(200, 100))
    found = alarms([lookup(n, cases=40, staff=f"person-{n}") for n in (1, 2)], limits)
    assert [(alarm.kind, alarm.staff, alarm.numbers["cases"]) for alarm in found] == [("budget_near", "", 80)]


def test_an_agency_that_works_round_the_clock_may_ask_at_night() -> None:
    limits = Limits(ReviewSettings(round_the_clock=("northside",)), LIMITS.budget)
    assert kinds([lookup(1, SUNDAY)], limits) == []


def test_many_people_asking_about_one_person_over_a_week_are_told() -> None:
    facts = [
        lookup(n, TUESDAY + timedelta(days=n % 3), staff=f"person-{n}", touched=RECORD) for n in range(8)
    ]
    assert kinds(sorted(facts, key=lambda fact: fact.at)) == ["repeated_person"] * 2
    assert kinds(sorted(facts[:7], key=lambda fact: fact.at)) == []


def test_a_holders_alarm_names_only_look_ups_of_its_own_record() -> None:
    both = frozenset({touch("probation", b"p" * 16), touch("housing", b"h" * 16)})
    one = frozenset({touch("housing", b"h" * 16)})
    facts = [lookup(n, touched=both if n <= 4 else one) for n in range(1, 6)]
    indices = {alarm.audience: alarm.indices for alarm in alarms(facts) if alarm.kind is Kind.REPEATED_PERSON}
    assert indices == {"northside": (1, 2, 3, 4, 5), "probation": (1, 2, 3, 4), "housing": (1, 2, 3, 4, 5)}


def test_all_who_asked_are_involved_and_the_agency_is_not_a_person() -> None:
    facts = [lookup(n, staff=f"person-{n}", touched=RECORD) for n in range(1, 7)]
    (own, _) = alarms(facts)
    assert own.staff == "" and own.involved == {f"person-{n}" for n in range(1, 7)}


def test_an_override_is_reviewed_at_the_asker_and_an_emergency_at_the_holders_too() -> None:
    override = lookup(1, overrides=1, approvers=frozenset({"ig-lead"}), touched=RECORD)
    (duty,) = duties_of(override)
    assert (duty.kind, duty.audience, duty.involved) == (Kind.OVERRIDE, "northside", {"amara", "ig-lead"})
    emergency = lookup(2, emergencies=1, touched=HIDDEN)
    assert [(duty.kind, duty.audience) for duty in duties_of(emergency)] == [
        (Kind.EMERGENCY, "northside"),
        (Kind.EMERGENCY, "probation"),
    ]
    assert duties_of(lookup(3, touched=RECORD)) == []


def test_an_emergency_says_the_same_to_the_asker_whether_or_not_anybody_matched() -> None:
    first = duties_of(lookup(1, emergencies=1, touched=HIDDEN))[0]
    second = duties_of(lookup(1, emergencies=1))[0]
    assert first == second


TOUCHES = st.frozensets(
    st.builds(
        Touch,
        st.sampled_from(["probation", "housing"]),
        st.sampled_from([b"1" * 16, b"2" * 16]),
        st.booleans(),
    ),
    max_size=3,
)
DAYS = st.lists(
    st.builds(
        lambda minute, days, cases, untold, conference, near, repeats, touched, staff: lookup(
            0,
            TUESDAY - timedelta(days=days) + timedelta(minutes=minute),
            cases=cases,
            untold=min(cases, untold),
            conference=conference,
            near=near,
            repeats=repeats,
            touched=touched,
            staff=staff,
        ),
        st.integers(-500, 500),
        st.integers(0, 8),
        st.integers(1, 50),
        st.integers(0, 50),
        st.booleans(),
        st.integers(0, 5),
        st.booleans(),
        TOUCHES,
        st.sampled_from(["amara", "bo"]),
    ),
    min_size=1,
    max_size=12,
).map(lambda facts: [replace(f, index=n) for n, f in enumerate(sorted(facts, key=lambda f: f.at), start=1)])


def for_asker(facts: list[Fact]) -> list[Alarm]:
    return [alarm for alarm in alarms(facts) if alarm.audience == "northside"]


@given(DAYS)
def test_what_the_asker_is_shown_never_depends_on_a_match_it_was_not_told(facts: list[Fact]) -> None:
    blind = [replace(fact, touched=frozenset(t for t in fact.touched if t.told)) for fact in facts]
    assert for_asker(facts) == for_asker(blind)


@given(DAYS)
def test_the_same_day_gives_the_same_alarms_in_whatever_order_facts_come(facts: list[Fact]) -> None:
    def key(alarm: Alarm) -> tuple[str, str, str, tuple[int, ...]]:
        return (alarm.kind, alarm.audience, alarm.staff, alarm.indices)

    day = agency_day(facts)
    turned = replace(day, facts=day.facts[::-1], askings=day.askings[::-1], tallies=day.tallies[::-1])
    assert sorted(alarms_of_day(day, LIMITS), key=key) == sorted(alarms_of_day(turned, LIMITS), key=key)


@given(DAYS)
def test_there_is_one_alarm_for_a_kind_audience_and_staff_id_of_a_day_and_it_rests_on_entries(
    facts: list[Fact],
) -> None:
    found = alarms(facts)
    keys = [(alarm.kind, alarm.audience, alarm.staff, alarm.occasion) for alarm in found]
    assert len(set(keys)) == len(keys)
    known = {fact.index for fact in facts}
    for alarm in found:
        assert alarm.indices and set(alarm.indices) <= known and list(alarm.indices) == sorted(alarm.indices)


@given(DAYS)
def test_asking_more_never_silences_an_alarm_about_repeats_or_volume(facts: list[Fact]) -> None:
    counted = {Kind.REPEATED_PERSON, Kind.PERSON_BUDGET, Kind.VOLUME_OUTLIER, Kind.NEAR_CASES, Kind.OFF_LIST}
    last = facts[-1]
    more = [*facts, replace(last, index=len(facts) + 1)]

    def found(some: list[Fact]) -> set[tuple[str, str, str]]:
        return {(alarm.kind, alarm.audience, alarm.staff) for alarm in alarms(some) if alarm.kind in counted}

    assert found(facts) <= found(more)


def test_an_alarm_has_no_place_for_a_record() -> None:
    names = {field.name for field in fields(Alarm)}
    assert names == {
        "kind", "audience", "agency", "staff", "occasion", "indices", "numbers", "involved",
    }  # fmt: skip
    found = alarms(asked(6, touched=RECORD))
    assert found and not any("72" * 16 in repr(alarm) or "rrrr" in repr(alarm) for alarm in found)
