"""Linking runs on small counties whose truth is known."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from matcher.candidates import Meetings, stored_meetings
from matcher.linking import LinkingRun, _crowding_shape, link
from matcher.model import shipped_model
from matcher.patterns import compare
from matcher.schema import LinkageSchema, shipped_schema
from matcher.scoring import best_of_records
from node.identifiers import BirthDate, Identifiers
from tests.matcher.factories import all_meetings, county, person, stranger, tokens_of

SCHEMA = shipped_schema(["dob", "initials", "chain", "sex", "area"])
Records = list[list[Identifiers]]


def run_of(
    records: Records,
    agency: np.ndarray,
    *,
    schema: LinkageSchema = SCHEMA,
    area: list[int] | None = None,
    stored_only: bool = False,
) -> LinkingRun:
    """A linking run over these records."""
    tokens = tokens_of(schema, records, area=area)
    stored = Meetings.concatenate(stored_meetings(schema, tokens))
    meetings = stored if stored_only else all_meetings(schema, tokens, records)
    return link(
        schema, tokens, meetings, agency=agency, shipped=shipped_model(schema), probes=not stored_only
    )


def by_pair(run: LinkingRun, names: np.ndarray | None = None) -> dict[tuple[int, int], float]:
    """Posterior of each pair; records are renamed by `names`."""
    left, right = run.pairs.left, run.pairs.right
    if names is not None:
        left, right = names[left], names[right]
    pairs = zip(left.tolist(), right.tolist(), run.pairs.posterior.tolist(), strict=True)
    return {(min(a, b), max(a, b)): p for a, b, p in pairs}


@pytest.fixture(scope="module")
def small() -> tuple[Records, np.ndarray, np.ndarray]:
    return county(people=1500, agencies=4, shared=0.4, seed=3)


@pytest.fixture(scope="module")
def linked(small: tuple[Records, np.ndarray, np.ndarray]) -> LinkingRun:
    records, agency, _ = small
    return run_of(records, agency)


def test_people_seen_at_two_agencies_are_linked_and_strangers_are_not(
    small: tuple[Records, np.ndarray, np.ndarray], linked: LinkingRun
) -> None:
    """A gross check; `docs/benchmarks.md` has the figures."""
    _, _, who = small
    true_pairs = len(who) - len(np.unique(who))
    said = linked.pairs.posterior >= 0.95
    right = (who[linked.pairs.left] == who[linked.pairs.right]) & said
    assert right.sum() >= 0.97 * said.sum()
    assert right.sum() >= 0.85 * true_pairs


def test_pairs_come_in_ascending_order_and_are_of_two_records(linked: LinkingRun) -> None:
    pairs = list(zip(linked.pairs.left.tolist(), linked.pairs.right.tolist(), strict=True))
    assert pairs == sorted(set(pairs))
    assert all(left < right for left, right in pairs)
    assert ((linked.pairs.posterior >= 0) & (linked.pairs.posterior <= 1)).all()


def test_links_do_not_depend_on_the_order_of_agencies_or_areas(
    small: tuple[Records, np.ndarray, np.ndarray],
) -> None:
    records, agency, _ = small
    rng = random.Random(4)
    area = [rng.randrange(3) for _ in records]
    one = by_pair(run_of(records, agency, area=area))
    other = by_pair(run_of(records, 3 - agency, area=[2 - a for a in area]))
    assert one.keys() == other.keys()
    assert [other[pair] for pair in one] == pytest.approx(list(one.values()), abs=1e-9)


def test_the_same_run_twice_is_the_same_to_the_last_bit(
    small: tuple[Records, np.ndarray, np.ndarray], linked: LinkingRun
) -> None:
    records, agency, _ = small
    again = run_of(records, agency)
    assert again.pairs.posterior.tobytes() == linked.pairs.posterior.tobytes()
    assert again.fit.model.digest == linked.fit.model.digest


def test_probes_find_what_stored_slots_alone_do_not(
    small: tuple[Records, np.ndarray, np.ndarray], linked: LinkingRun
) -> None:
    records, agency, _ = small
    stored = run_of(records, agency, stored_only=True)
    assert by_pair(stored).keys() < by_pair(linked).keys()


@pytest.mark.parametrize(
    ("records", "agency"),
    [
        pytest.param([[person(initials="js")]], [0], id="one record"),
        pytest.param(
            [[person(initials="js")], [person("1990-05-05", initials="mw")]], [0, 1], id="two strangers"
        ),
        pytest.param([[person(None)], [person(None)]], [0, 1], id="records with nothing to compare"),
    ],
)
def test_too_little_to_link_links_nothing(records: Records, agency: list[int]) -> None:
    run = run_of(records, np.asarray(agency, np.int64))
    assert not len(run.pairs.posterior)
    assert np.isfinite(run.fit.priors).all()


@pytest.mark.parametrize("agency", [[0, 1], [0, 0]], ids=["two agencies", "one agency"])
def test_two_records_alone_get_a_posterior(agency: list[int]) -> None:
    same = person(initials="js", chain="100200", sex="f")
    run = run_of([[same], [same]], np.asarray(agency, np.int64))
    assert by_pair(run).keys() == {(0, 1)}
    assert 0 < run.pairs.posterior[0] <= 1


def test_one_agency_alone_is_searched_for_its_duplicates() -> None:
    records, agency, _ = county(people=400, agencies=1, shared=0.0, seed=6)
    records += [records[7], records[8]]
    run = run_of(records, np.r_[agency, 0, 0])
    linked = {pair for pair, p in by_pair(run).items() if p >= 0.5}
    assert linked == {(7, 400), (8, 401)}


@pytest.mark.parametrize("fields", [["dob", "initials"], ["dob", "initials", "chain", "sex"]], ids=",".join)
def test_agencies_that_share_nobody_are_told_of_nobody(fields: list[str]) -> None:
    rng = random.Random(9)
    records = [[stranger(rng)] for _ in range(1200)]
    agency = np.asarray([rng.randrange(4) for _ in records])
    run = run_of(records, agency, schema=shipped_schema(fields))
    assert not (run.pairs.posterior >= 0.95).any()
    assert run.pairs.posterior.sum() < 5


def test_two_equally_good_records_at_one_agency_each_get_half() -> None:
    """Rivals: they agree with the asker alike, and their CHAIN numbers say that they are two people."""
    records, agency, _ = county(people=800, agencies=3, shared=0.4, seed=8)
    one = person("1951-07-13", initials="qx", chain="700100", sex="f")
    rivals = [replace(one, chain=None, sex=None), replace(one, chain="900300")]
    alone = run_of([*records, [replace(one, chain=None)], [rivals[0]]], np.r_[agency, 0, 1])
    both = run_of(
        [*records, [replace(one, chain=None)], [rivals[0]], [replace(rivals[0])]], np.r_[agency, 0, 1, 1]
    )
    n = len(records)
    sure = by_pair(alone)[(n, n + 1)]
    halves = [by_pair(both)[(n, n + 1)], by_pair(both)[(n, n + 2)]]
    assert sure > 0.5
    assert halves[0] == pytest.approx(halves[1], abs=1e-9)
    assert halves[0] < sure


def test_an_alias_links_where_the_main_name_does_not() -> None:
    records, agency, _ = county(people=800, agencies=3, shared=0.4, seed=8)
    known = person("1951-07-13", initials="qx", chain="700100", sex="f")
    maiden = replace(known, surname_initial="z", chain=None)
    n, at = len(records), np.r_[agency, 0, 1]
    without = by_pair(run_of([*records, [known], [replace(maiden, forename_initial="a")]], at))
    with_alias = run_of([*records, [known, maiden], [maiden]], at)
    assert without.get((n, n + 1), 0.0) < 0.05
    assert by_pair(with_alias)[(n, n + 1)] > 0.5


def test_the_best_pair_of_tokens_speaks_for_a_pair_of_records() -> None:
    main, alias = person(initials="js"), person(initials="jt")
    records = [[main, alias], [alias, person("1990-05-05", initials="js")]]
    tokens = tokens_of(SCHEMA, records)
    model = shipped_model(SCHEMA)
    pairs = compare(SCHEMA, tokens, tokens, all_meetings(SCHEMA, tokens, records))
    assert len(pairs) > 1
    best = best_of_records(pairs, tokens, model)
    assert (best.left.tolist(), best.right.tolist()) == ([0], [1])
    assert model.weights(best.pattern)[0] == model.weights(pairs.pattern).max()


def test_area_decides_between_two_strangers_who_are_alike() -> None:
    """Among areas people rarely leave, a pair in one area is likelier than the same pair in two."""
    records, agency, who = county(people=1500, agencies=4, shared=0.4, seed=3)
    area = [int(person) % 5 for person in who]
    twin = person("1951-07-13", initials="qx")
    n, at = len(records), np.r_[agency, 0, 1]
    together = by_pair(run_of([*records, [twin], [twin]], at, area=[*area, 2, 2]))
    apart = by_pair(run_of([*records, [twin], [twin]], at, area=[*area, 2, 3]))
    unknown = by_pair(run_of([*records, [twin], [twin]], at, area=[*area, 2, -1]))
    assert together[(n, n + 1)] > unknown[(n, n + 1)] > apart[(n, n + 1)]


def test_placeholders_of_1_january_never_make_strangers_known() -> None:
    """1 January of two years only, so that initials agree by chance hundreds of times."""
    rng = random.Random(12)
    records, agency, _ = county(people=800, agencies=3, shared=0.3, seed=12)
    weak = [
        [replace(stranger(rng), birth=BirthDate(rng.choice([1970, 1980]), 1, 1, weak=True), chain=None)]
        for _ in range(600)
    ]
    run = run_of([*records, *weak], np.r_[agency, [rng.randrange(3) for _ in weak]])
    among = (run.pairs.left >= len(records)) & (run.pairs.right >= len(records))
    assert among.sum() > 100
    assert not (run.pairs.posterior[among] >= 0.95).any()


def test_a_year_with_initials_that_many_weak_dates_share_says_less_than_a_rare_one() -> None:
    """Half of all people share nine pairs of initials; 40 strangers of one of them have one weak year."""
    records, agency, _ = county(people=2500, agencies=3, shared=0.3, seed=21)
    rng = random.Random(21)
    common = [replace(one, forename_initial=rng.choice("jmd"), surname_initial=rng.choice("sbh"))
              for (one,) in records[::2]]  # fmt: skip
    records[::2] = [[one] for one in common]

    def weak(year: int, initials: str) -> list[Identifiers]:
        return [person(BirthDate(year, 1, 1, weak=True), initials=initials)]

    crowd = [weak(1970, "js") for _ in range(40)] + [weak(year, "qx") for year in range(1940, 1970)]
    n = len(records)
    more = [*crowd, weak(1931, "zu"), weak(1931, "zu")]
    at = np.r_[agency, [number % 3 for number in range(len(crowd))], 0, 1]
    run = run_of([*records, *more], at)
    assert 0 < run.fit.model.crowding_shape < 100
    crowding = run.parameters.crowding[n:]
    assert crowding[:40].min() > 1 > crowding[40:].max()
    found = by_pair(run)
    rare = found[(n + len(crowd), n + len(crowd) + 1)]
    assert rare > 2 * max(found[(n, n + other)] for other in range(1, 40))


@pytest.mark.parametrize("together", [1.0, 3.0])
def test_how_common_initials_are_is_recovered_where_strangers_have_several_records(together: float) -> None:
    rng = np.random.default_rng(4)
    common = rng.gamma(2.0, 1 / 2.0, 40_000)
    neighbours = (together * rng.poisson(common * 3.0 / together)).astype(np.float64)
    assert _crowding_shape(neighbours, together) == pytest.approx(2.0 * together, rel=0.1)


def test_neighbours_that_vary_by_chance_alone_say_nothing_of_initials() -> None:
    neighbours = (3.0 * np.random.default_rng(4).poisson(0.1, 40_000)).astype(np.float64)
    assert _crowding_shape(neighbours, 1.0) < 0.5
    assert _crowding_shape(neighbours, 3.1) >= 1000
