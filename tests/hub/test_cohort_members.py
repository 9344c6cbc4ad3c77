"""Who is in a cohort: the shipped rules by cases, any rule by a second plain implementation."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.cohort_members import Membership, Stay, membership, warnings_for
from hub.cohort_rules import SHIPPED, parse_rule, shipped_rule
from hub.errors import MalformedError
from hub.months import month_of
from hub.service_kinds import SERVICE_KINDS
from tests.hub.cohort_files import AREAS, HEAD, KINDS, SETS, SHIPPED_FILES, requirements
from tests.hub.plain_cohorts import is_member

NOW = month_of("2026-06")


def stay(
    kind: str, first: str, last: str = "2026-06", *, area: str = "watford", is_open: bool = True
) -> Stay:
    return Stay(kind, area, month_of(first), month_of(last), is_open)


def held(rule_id: str, *stays: Stay) -> Membership:
    return membership(shipped_rule(rule_id), stays, at=NOW)


@pytest.mark.parametrize(
    ("rule_id", "stays", "member"),
    [
        pytest.param("mcn", [], False, id="mcn: never seen"),
        pytest.param("mcn", [stay("housing", "2026-01")], False, id="mcn: one of five"),
        pytest.param(
            "mcn",
            [stay("housing", "2026-01"), stay("outreach", "2026-01")],
            False,
            id="mcn: one domain twice",
        ),
        pytest.param(
            "mcn", [stay("housing", "2026-01"), stay("probation", "2020-01", "2020-02")], True, id="mcn: two"
        ),
        pytest.param(
            "mcn",
            [stay("police", "2026-01"), stay("employment", "2026-01")],
            True,
            id="mcn: worklessness counts",
        ),
        pytest.param(
            "mcn",
            [stay("housing", "2026-01"), stay("domestic_abuse", "2026-01")],
            False,
            id="mcn: domestic abuse does not count",
        ),
        pytest.param(
            "mcn",
            [stay("housing", "2026-01"), stay("primary_care", "2026-01")],
            False,
            id="mcn: a general practice is no domain",
        ),
        pytest.param(
            "mcn",
            [stay("housing", "2026-01"), stay("police", "2026-07", "2026-08")],
            False,
            id="mcn: what comes later is not counted",
        ),
        pytest.param(
            "smd", [stay("housing", "2026-01"), stay("police", "2026-01")], False, id="smd: two of five"
        ),
        pytest.param(
            "smd",
            [stay("housing", "2026-01"), stay("police", "2026-01"), stay("domestic_abuse", "2026-01")],
            True,
            id="smd: three with domestic abuse",
        ),
        pytest.param(
            "smd",
            [stay("housing", "2026-01"), stay("police", "2026-01"), stay("employment", "2026-01")],
            False,
            id="smd: worklessness does not count",
        ),
        pytest.param(
            "entrenched",
            [stay("housing", "2022-01", "2022-06"), stay("outreach", "2026-01", area="dacorum")],
            True,
            id="entrenched: long, two areas, two services, returned",
        ),
        pytest.param(
            "entrenched",
            [stay("housing", "2022-01", "2022-06"), stay("outreach", "2026-01")],
            False,
            id="entrenched: one area",
        ),
        pytest.param(
            "entrenched",
            [stay("housing", "2022-01"), stay("outreach", "2026-01", area="dacorum")],
            False,
            id="entrenched: never away",
        ),
        pytest.param(
            "entrenched",
            [stay("housing", "2023-07", "2023-08"), stay("outreach", "2026-01", area="dacorum")],
            False,
            id="entrenched: 35 months",
        ),
        pytest.param(
            "entrenched",
            [stay("housing", "2023-06", "2023-08"), stay("outreach", "2026-01", area="dacorum")],
            True,
            id="entrenched: 36 months",
        ),
        pytest.param(
            "entrenched",
            [stay("housing", "2020-01", "2020-08"), stay("outreach", "2025-01", "2025-05", area="dacorum")],
            False,
            id="entrenched: not seen for 13 months",
        ),
        pytest.param("new", [stay("housing", "2025-12")], True, id="new: six months ago"),
        pytest.param("new", [stay("housing", "2025-11")], False, id="new: seven months ago"),
        pytest.param(
            "new",
            [stay("housing", "2026-06"), stay("police", "2019-01", "2019-01")],
            False,
            id="new: seen once long ago",
        ),
        pytest.param("long-term", [stay("housing", "2024-06")], True, id="long-term: two years"),
        pytest.param("long-term", [stay("housing", "2024-07")], False, id="long-term: a month short"),
        pytest.param(
            "long-term",
            [stay("housing", "2024-01", "2024-06"), stay("police", "2025-07")],
            False,
            id="long-term: a year away",
        ),
        pytest.param(
            "long-term",
            [stay("housing", "2024-01", "2024-06"), stay("police", "2025-06")],
            True,
            id="long-term: eleven months away",
        ),
        pytest.param("long-term", [stay("housing", "2020-01", "2026-02")], False, id="long-term: gone"),
        pytest.param("long-term", [stay("housing", "2020-01", "2026-03")], True, id="long-term: just there"),
        pytest.param(
            "returning",
            [stay("housing", "2024-01", "2024-12"), stay("police", "2025-07")],
            True,
            id="returning: after six months, twelve months ago at most",
        ),
        pytest.param(
            "returning",
            [stay("housing", "2024-01", "2025-01"), stay("police", "2025-07")],
            False,
            id="returning: after five months",
        ),
        pytest.param(
            "returning",
            [stay("housing", "2020-01", "2020-12"), stay("police", "2025-05")],
            False,
            id="returning: thirteen months ago",
        ),
        pytest.param("returning", [stay("housing", "2026-01")], False, id="returning: never before"),
    ],
)
def test_shipped_rules_by_cases(rule_id: str, stays: list[Stay], member: bool) -> None:
    assert held(rule_id, *stays).member is member


@pytest.mark.parametrize(
    ("stays", "rule_id", "words"),
    [
        ([], "mcn", ["not seen by any service"]),
        (
            [stay("housing", "2026-01"), stay("substance_misuse", "2026-01")],
            "mcn",
            ["2 of 5 domains (homelessness, substance misuse), 2 needed"],
        ),
        (
            [stay("housing", "2022-01", "2022-06"), stay("outreach", "2026-01")],
            "entrenched",
            [
                "first seen 53 months ago, at least 36 needed",
                "last seen 0 months ago, at most 12 needed",
                "1 areas (watford), 2 needed",
                "2 kinds of service (housing, street outreach), 2 needed",
                "back 1 times after 6 months or more away, 1 needed",
            ],
        ),
    ],
)
def test_the_reasons_are_given_in_words(stays: list[Stay], rule_id: str, words: list[str]) -> None:
    assert [reason.words for reason in held(rule_id, *stays).reasons] == words


def test_a_stay_that_runs_past_the_snapshot_is_seen_in_its_month() -> None:
    later = stay("housing", "2026-01", "2027-01")
    assert membership(shipped_rule("new"), [later], at=NOW).member


@pytest.mark.parametrize(
    ("rule_id", "others", "member"),
    [
        pytest.param("mcn", [stay("police", "2026-01")], True, id="a service counts, whenever it was"),
        pytest.param("new", [stay("police", "2026-06")], False, id="may have been seen before"),
        pytest.param("long-term", [stay("police", "2020-01")], False, id="may have been away"),
        pytest.param(
            "returning",
            [stay("police", "2024-01", "2024-12"), stay("police", "2025-07")],
            False,
            id="may have been seen between",
        ),
    ],
)
def test_a_service_that_shares_no_months_shows_nothing_of_when(
    rule_id: str, others: list[Stay], member: bool
) -> None:
    assert held(rule_id, Stay("housing", None, None, None, None), *others).member is member


dated = st.builds(
    lambda kind, area, first, length, is_open: Stay(kind, area, NOW - first, NOW - first + length, is_open),
    st.sampled_from(KINDS), st.sampled_from(AREAS), st.integers(-3, 40), st.integers(0, 20), st.booleans(),
)  # fmt: skip
# Of agencies that share no months, or do not know when it began, or are of no kind or without an area.
undated = st.builds(
    lambda kind, area, closed: Stay(
        kind, area, None, None if closed is None else NOW - closed, None if closed is None else False
    ),
    st.sampled_from([*KINDS, None]), st.sampled_from([*AREAS, None]), st.none() | st.integers(0, 40),
)  # fmt: skip
stays = st.one_of(dated, dated, undated)


@settings(max_examples=400, deadline=None)
@given(st.lists(requirements(), min_size=1, max_size=3, unique=True), st.lists(stays, max_size=6))
def test_a_second_plain_implementation_agrees(needed: list[str], timeline: list[Stay]) -> None:
    text = HEAD + SETS + "\n".join(needed)
    assert membership(parse_rule(text, file="x.toml"), timeline, at=NOW).member is is_member(
        text, timeline, NOW
    )


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SHIPPED), st.lists(stays, max_size=6))
def test_the_second_implementation_agrees_on_the_shipped_rules(rule_id: str, timeline: list[Stay]) -> None:
    text = SHIPPED_FILES.joinpath(f"{rule_id}.toml").read_text("utf-8")
    assert held(rule_id, *timeline).member is is_member(text, timeline, NOW)


@given(st.sampled_from(SHIPPED), st.lists(stays, max_size=6), st.randoms())
def test_the_order_of_a_timeline_does_not_matter(rule_id: str, timeline: list[Stay], random: object) -> None:
    turned = list(timeline)
    random.shuffle(turned)  # type: ignore[attr-defined]
    assert held(rule_id, *timeline) == held(rule_id, *turned)


def test_a_partnership_of_all_kinds_is_not_warned() -> None:
    for rule_id in SHIPPED:
        assert warnings_for(shipped_rule(rule_id), SERVICE_KINDS) == ()


def test_missing_kinds_that_see_women_and_domains_nobody_covers_are_told() -> None:
    assert warnings_for(shipped_rule("smd"), {"housing", "police", "childrens_services"}) == (
        "nobody from mental health takes part: women are undercounted",
        "nobody from domestic abuse takes part: women are undercounted",
        "nobody can be counted under domestic abuse: no service of that kind takes part",
        "nobody can be counted under mental ill health: no service of that kind takes part",
        "nobody can be counted under substance misuse: no service of that kind takes part",
        "nobody can be a member: 3 domains are needed, 2 take part",
    )


def test_a_rule_of_more_kinds_than_take_part_is_told() -> None:
    missing = set(SERVICE_KINDS) - {"housing"}
    assert warnings_for(shipped_rule("entrenched"), missing) == ()
    only = warnings_for(shipped_rule("entrenched"), {"housing"})
    assert only[-1] == "nobody can be a member: 2 kinds are needed, 1 take part"


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "26-01", "2026-01-01", ""])
def test_a_month_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        month_of(text)


def test_a_stay_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(MalformedError):
        stay("housing", "2026-02", "2026-01")
