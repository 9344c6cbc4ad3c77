"""Disclosure control from outside: tables as a reader gets them, and an attacker who solves them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import ConflictError, MalformedError, SettingsError
from hub.suppression import Margin, Published, Withheld, format_count, margin, publish
from hub.suppression_ledger import Ledger, ledger_document, parse_ledger
from hub.suppression_profiles import Profile, parse_profiles, shipped_profile
from hub.suppression_tables import Population, Question
from tests.hub.suppression_attacker import Attacker

COUNTY = shipped_profile()
DAY = "2026-01-01"
HEAD = "format = 'suppression/1'\n"
SLOW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def population(counts: Mapping[str, int], *, snapshot: str = DAY, dimension: str = "area") -> Population:
    return Population(
        snapshot, {dimension: tuple(counts)}, {(level,): count for level, count in counts.items()}
    )


def crossed(rows: Mapping[str, Mapping[str, int]], *, snapshot: str = DAY) -> Population:
    levels = tuple(next(iter(rows.values())))
    counts = {(area, sex): count for area, row in rows.items() for sex, count in row.items()}
    return Population(snapshot, {"area": tuple(rows), "sex": levels}, counts)


def shown(table: Published | Withheld) -> dict[tuple[str, ...], str]:
    assert isinstance(table, Published)
    return {key: format_count(value) for key, value in table.cells.items()}


AREAS, SEXES, TOTAL = Question(("area",)), Question(("sex",)), Question(())


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "*"), (1, "*"), (7, "*"), (8, "10"), (9, "10"), (12, "10"), (13, "15"), (17, "15"), (998, "1000")],
)
def test_a_count_is_a_star_up_to_seven_and_else_the_nearest_five(count: int, text: str) -> None:
    _, table = publish(Ledger(), population({"north": count}), AREAS, profile=COUNTY)
    assert shown(table) == {("north",): text}


@pytest.mark.parametrize("name", ["county-default", "public"])
def test_a_number_shown_leaves_open_just_the_counts_that_round_to_it(name: str) -> None:
    profile = shipped_profile(name)
    for count in range(profile.largest_hidden + 1, 300):
        low, high = profile.behind(profile.rounded(count))
        rounds_alike = [
            other
            for other in range(profile.largest_hidden + 1, 320)
            if profile.rounded(other) == profile.rounded(count)
        ]
        assert [low, high] == [rounds_alike[0], rounds_alike[-1]]


def test_the_same_people_under_another_spelling_are_the_same_question() -> None:
    people = crossed({"north": {"F": 12, "M": 3}, "south": {"F": 13, "M": 21}})
    ledger, first = publish(Ledger(), people, AREAS, profile=COUNTY)
    spelt = Question(("area",), {"sex": frozenset({"F", "M"})})
    after, again = publish(ledger, people, spelt, profile=COUNTY)
    assert (after, again) == (ledger, first)


def test_totals_add_the_numbers_shown_and_say_where_something_is_hidden() -> None:
    rows = {"north": {"F": 12, "M": 3}, "south": {"F": 13, "M": 21}, "west": {"F": 0, "M": 7}}
    _, table = publish(Ledger(), crossed(rows), Question(("area", "sex")), profile=COUNTY)
    assert isinstance(table, Published)
    assert margin(table, ("area",)) == {
        ("north",): Margin(10, complete=False),
        ("south",): Margin(35, complete=True),
        ("west",): Margin(None, complete=False),
    }
    assert margin(table) == {(): Margin(45, complete=False)}


def test_rounded_totals_alone_let_an_attacker_narrow_a_star() -> None:
    """The attack itself, so that the tests below cannot pass for want of an attacker."""
    people = crossed({"north": {"F": 40, "M": 6}})
    attacker = Attacker()
    attacker.see(people, SEXES, Published(DAY, ("sex",), {("F",): 40, ("M",): None}))
    attacker.see(people, TOTAL, Published(DAY, (), {(): 45}))
    (star,) = attacker.hidden
    assert attacker.interval(star) == (1, 7)
    assert attacker.values(star, largest=60) == set(range(1, 8))


def test_a_total_beside_one_star_hides_itself() -> None:
    people = crossed({"north": {"F": 40, "M": 6}})
    ledger, sexes = publish(Ledger(), people, SEXES, profile=COUNTY)
    _, total = publish(ledger, people, TOTAL, profile=COUNTY)
    assert shown(sexes) == {("F",): "40", ("M",): "*"}
    assert shown(total) == {(): "*"}


def test_a_cell_beside_a_published_total_hides_a_neighbour() -> None:
    people = crossed({"north": {"F": 40, "M": 6}})
    ledger, total = publish(Ledger(), people, TOTAL, profile=COUNTY)
    _, sexes = publish(ledger, people, SEXES, profile=COUNTY)
    assert shown(total) == {(): "45"}
    assert shown(sexes) == {("F",): "*", ("M",): "*"}


def test_a_table_whose_stars_alone_say_too_much_is_withheld() -> None:
    people = crossed({"north": {"F": 5, "M": 5}})
    ledger, _ = publish(Ledger(), people, TOTAL, profile=COUNTY)
    after, sexes = publish(ledger, people, SEXES, profile=COUNTY)
    assert sexes == Withheld(DAY)
    assert after.releases == ledger.releases


@pytest.mark.parametrize(("extra", "text"), [(0, "*"), (1, "*"), (7, "*"), (8, "50"), (12, "50")])
def test_a_cohort_within_a_published_one_needs_a_difference_that_is_not_small(extra: int, text: str) -> None:
    levels = {"inner": 40, "outer only": extra, "neither": 100}
    people = population(levels, dimension="cohort")
    inner = Question((), {"cohort": frozenset({"inner"})})
    outer = Question((), {"cohort": frozenset({"inner", "outer only"})})
    ledger, _ = publish(Ledger(), people, inner, profile=COUNTY)
    _, table = publish(ledger, people, outer, profile=COUNTY)
    assert shown(table) == {(): text}


def test_a_cohort_thought_of_later_is_held_against_the_tables_before() -> None:
    """The later population has a dimension more; the earlier tables are split along with it."""
    ledger, _ = publish(Ledger(), population({"north": 40, "south": 30}), AREAS, profile=COUNTY)
    counts = {("north", "in"): 36, ("north", "out"): 4, ("south", "in"): 20, ("south", "out"): 10}
    later = Population(DAY, {"area": ("north", "south"), "mcn": ("in", "out")}, counts)
    cohort = Question(("area",), {"mcn": frozenset({"in"})})
    _, table = publish(ledger, later, cohort, profile=COUNTY)
    assert shown(table) == {("north",): "*", ("south",): "20"}


def test_a_dimension_published_before_may_not_be_left_out() -> None:
    ledger, _ = publish(Ledger(), crossed({"north": {"F": 40, "M": 6}}), SEXES, profile=COUNTY)
    with pytest.raises(MalformedError, match="sex stood in tables published before"):
        publish(ledger, population({"north": 46}), AREAS, profile=COUNTY)


def test_a_combination_that_cannot_be_hides_nobody() -> None:
    """20 in all, 12 of whom two services know: who knows that one service is not enough has the rest."""
    services, cohort = ("a", "a+b", "b+c"), ("in", "out")
    never = frozenset({(("services", "a"), ("mcn", "in"))})
    counts = {("a+b", "in"): 12, ("b+c", "in"): 3, ("a", "out"): 50}
    people = Population(DAY, {"services": services, "mcn": cohort}, counts, never)
    inside = {"mcn": frozenset({"in"})}
    ledger, total = publish(Ledger(), people, Question((), inside), profile=COUNTY)
    assert shown(total) == {(): "15"}
    _, table = publish(ledger, people, Question(("services",), inside), profile=COUNTY)
    assert shown(table) == {("a+b",): "*", ("b+c",): "*"}
    ignored = Population(DAY, people.dimensions, counts)
    ledger, _ = publish(Ledger(), ignored, Question((), inside), profile=COUNTY)
    _, table = publish(ledger, ignored, Question(("services",), inside), profile=COUNTY)
    assert ("a",) in table.cells  # type: ignore[union-attr]


def test_somebody_who_cannot_be_is_refused() -> None:
    never = frozenset({(("services", "a"), ("mcn", "in"))})
    with pytest.raises(MalformedError, match="nobody can have together"):
        Population(DAY, {"mcn": ("in", "out"), "services": ("a", "b")}, {("in", "a"): 1}, never)


def test_the_same_question_about_the_same_snapshot_gets_the_same_answer() -> None:
    people = crossed({"north": {"F": 40, "M": 6}, "south": {"F": 9, "M": 9}})
    ledger, first = publish(Ledger(), people, Question(("area", "sex")), profile=COUNTY)
    ledger, _ = publish(ledger, people, TOTAL, profile=COUNTY)
    again, turned = publish(ledger, people, Question(("sex", "area")), profile=COUNTY)
    assert shown(turned) == {key[::-1]: text for key, text in shown(first).items()}
    assert again.releases == ledger.releases


def test_a_snapshot_cannot_be_counted_a_second_time_otherwise() -> None:
    ledger, _ = publish(Ledger(), population({"north": 40}), AREAS, profile=COUNTY)
    with pytest.raises(ConflictError):
        publish(ledger, population({"north": 41}), TOTAL, profile=COUNTY)


def test_an_older_snapshot_is_refused() -> None:
    ledger, _ = publish(Ledger(), population({"north": 40}), AREAS, profile=COUNTY)
    with pytest.raises(MalformedError, match="older"):
        publish(ledger, population({"north": 40}, snapshot="2025-12-01"), AREAS, profile=COUNTY)


@pytest.mark.parametrize(
    ("counts", "texts"),
    [
        pytest.param([7, 8], ["*", "*"], id="one more does not tell that it was seven"),
        pytest.param([7, 12, 13], ["*", "*", "15"], id="shown again well above"),
        pytest.param([8, 9, 8], ["10", "10", "10"], id="never hidden, never late"),
        pytest.param([8, 7, 8, 13], ["10", "*", "*", "15"], id="down and up again"),
    ],
)
def test_a_cell_once_hidden_is_shown_again_late(counts: list[int], texts: list[str]) -> None:
    ledger, seen = Ledger(), []
    for run, count in enumerate(counts):
        people = population({"north": count}, snapshot=str(date(2026, 1 + run, 1)))
        ledger, table = publish(ledger, people, AREAS, profile=COUNTY)
        seen += shown(table).values()
    assert seen == texts


def test_who_joined_and_left_is_held_against_both_runs() -> None:
    """40 (38-42) then, 45 (43-47) now: 3 who left and 8 who joined are as good as told by the rest."""
    counts = {("in", "in"): 38, ("in", "out"): 3, ("out", "in"): 8, ("out", "out"): 50}
    people = Population(DAY, {"then": ("in", "out"), "now": ("in", "out")}, counts)
    ledger, attacker = Ledger(), Attacker()
    for question in (Question(("then",)), Question(("now",)), Question(("then", "now"))):
        ledger, table = publish(ledger, people, question, profile=COUNTY)
        if isinstance(table, Published):
            attacker.see(people, question, table)
    for group in attacker.targets():
        assert attacker.values(group, largest=60) >= {0, 7}


@st.composite
def questions(draw: st.DrawFn, dimensions: Mapping[str, tuple[str, ...]]) -> Question:
    by, where = [], {}
    for name, levels in dimensions.items():
        use = draw(st.sampled_from(["by", "where", "all"]))
        if use == "by":
            by.append(name)
        elif use == "where":
            where[name] = frozenset(draw(st.sets(st.sampled_from(levels), min_size=1)))
    return Question(tuple(by), where)


@st.composite
def runs(
    draw: st.DrawFn, dimensions: Mapping[str, tuple[str, ...]], *, most_runs: int, largest: int = 40
) -> list[tuple[Population, list[Question]]]:
    """Runs of a population some of whose atoms change, each with some questions."""
    atoms = list(product(*dimensions.values()))
    size = st.one_of(st.integers(0, 9), st.integers(0, min(largest, 9)), st.integers(0, largest))
    counts = {atom: draw(size) for atom in atoms}
    found = []
    for run in range(draw(st.integers(1, most_runs))):
        if run:
            counts = counts | {
                atom: max(0, counts[atom] + draw(st.integers(-3, 3)))
                for atom in draw(st.sets(st.sampled_from(atoms), max_size=2))
            }
        snapshot = str(date(2026, 1, 1) + timedelta(days=90 * run))
        asked = draw(st.lists(questions(dimensions), min_size=1, max_size=4))
        found.append((Population(snapshot, dimensions, counts), asked))
    return found


def publish_all(plan: list[tuple[Population, list[Question]]]) -> tuple[Ledger, Attacker]:
    ledger, attacker = Ledger(), Attacker()
    for people, asked in plan:
        for question in asked:
            ledger, table = publish(ledger, people, question, profile=COUNTY)
            if isinstance(table, Published):
                attacker.see(people, question, table)
    return ledger, attacker


SQUARE = {"a": ("x", "y"), "b": ("x", "y")}
CUBE = {"area": ("n", "s", "w"), "need": ("h", "d"), "cohort": ("inner", "outer only", "neither")}


@SLOW
@given(runs(SQUARE, most_runs=1, largest=14))
def test_trying_every_solution_of_small_tables_excludes_neither_end_of_a_small_count(
    plan: list[tuple[Population, list[Question]]],
) -> None:
    _, attacker = publish_all(plan)
    for group in attacker.targets():
        assert attacker.values(group, largest=30) >= {0, 7}


@SLOW
@given(runs(CUBE, most_runs=10))
def test_no_small_count_is_narrowed_by_ten_runs_of_tables_and_nested_cohorts(
    plan: list[tuple[Population, list[Question]]],
) -> None:
    _, attacker = publish_all(plan)
    for group in attacker.targets():
        low, high = attacker.interval(group)
        assert low <= 0 and high >= 7


@SLOW
@given(runs(CUBE, most_runs=3))
def test_whatever_is_shown_keeps_the_primary_rule_and_truth_within_reach(
    plan: list[tuple[Population, list[Question]]],
) -> None:
    ledger = Ledger()
    for people, asked in plan:
        for question in asked:
            ledger, table = publish(ledger, people, question, profile=COUNTY)
            if isinstance(table, Published):
                for value in table.cells.values():
                    assert value is None or (value >= 10 and value % 5 == 0)
    for cell in ledger.cells():
        count = ledger.true_count(cell.group)
        assert cell.shown in (None, 5 * round(count / 5))
        assert count > 7 or cell.shown is None


@SLOW
@given(runs(SQUARE, most_runs=4))
def test_a_ledger_kept_as_json_goes_on_as_it_was(plan: list[tuple[Population, list[Question]]]) -> None:
    kept, there = Ledger(), Ledger()
    for people, asked in plan:
        for question in asked:
            there, table = publish(there, people, question, profile=COUNTY)
            kept = parse_ledger(json.loads(json.dumps(ledger_document(kept))))
            kept, same = publish(kept, people, question, profile=COUNTY)
            assert same == table
    assert kept == there


def test_a_ledger_prints_no_count() -> None:
    ledger, _ = publish(Ledger(), population({"north": 41}), AREAS, profile=COUNTY)
    assert "41" not in repr(ledger)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"largest_hidden": -1}, id="negative"),
        pytest.param({"largest_hidden": True}, id="not a number"),
        pytest.param({"protection": 8}, id="protection wider than what is hidden"),
        pytest.param({"protection": 0}, id="no protection"),
        pytest.param({"base": 0}, id="base zero"),
        pytest.param({"base": 20}, id="base that shows a zero"),
    ],
)
def test_a_profile_that_would_not_protect_is_refused(change: dict[str, int]) -> None:
    good = {"largest_hidden": 7, "base": 5, "protection": 7, "reveal_margin": 5}
    with pytest.raises(SettingsError, match="profile weak"):
        Profile("weak", **(good | change))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("format = ", id="no TOML"),
        pytest.param("format = 'suppression/2'", id="another format"),
        pytest.param("format = 'suppression/1'\nprofiles = 1", id="unknown table"),
        pytest.param(f"{HEAD}[profile.a]\nbase = 5", id="missing keys"),
        pytest.param(
            f"{HEAD}[profile.a]\nlargest_hidden=7\nbase=5\nprotection=7\nreveal_margin=5\nx=1",
            id="unknown key",
        ),
    ],
)
def test_a_profile_file_with_a_defect_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_profiles(text)


def test_a_profile_nobody_ships_is_refused() -> None:
    with pytest.raises(SettingsError, match="county-default"):
        shipped_profile("none")


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(Question(("need",)), id="unknown dimension"),
        pytest.param(Question(("area", "area")), id="dimension twice"),
        pytest.param(Question((), {"area": frozenset({"moon"})}), id="unknown level"),
    ],
)
def test_a_question_beyond_the_population_is_refused(question: Question) -> None:
    with pytest.raises(MalformedError):
        publish(Ledger(), population({"north": 40}), question, profile=COUNTY)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: Population(DAY, {"a": ("x", "x")}, {}), id="level twice"),
        pytest.param(lambda: Population(DAY, {"a": ("x",)}, {("y",): 1}), id="unknown level"),
        pytest.param(lambda: Population(DAY, {"a": ("x",)}, {("x", "x"): 1}), id="too many levels"),
        pytest.param(lambda: Population(DAY, {"a": ("x",)}, {("x",): -1}), id="negative count"),
        pytest.param(
            lambda: Population(DAY, {str(n): ("in", "out") for n in range(16)}, {}), id="too many atoms"
        ),
    ],
)
def test_a_population_with_a_defect_is_refused(make: object) -> None:
    with pytest.raises(MalformedError):
        make()  # type: ignore[operator]
