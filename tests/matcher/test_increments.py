"""Records that come later get what a full run by the same parameters would give them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from matcher.candidates import Meetings, SlotIndex
from matcher.errors import ModelParameterError, TokenFormatError
from matcher.increments import LinkedIndex, meetings_of_new, score_new_records, without_records
from matcher.linking import LinkingRun, link
from matcher.model import shipped_model
from matcher.patterns import compare
from matcher.schema import shipped_schema
from matcher.scoring import RecordPairs, best_of_records, score_against_rivals, score_terms
from matcher.tokens import IntArray, TokenSet
from node.identifiers import BirthDate, Identifiers
from tests.matcher.factories import all_meetings, county, person, tokens_of

SCHEMA = shipped_schema(["dob", "initials", "sex", "area"])
Records = list[list[Identifiers]]
NONE = np.zeros(0, np.int64)
NO_PAIRS = RecordPairs(NONE, NONE, NONE, np.zeros(0), np.zeros(0))


@pytest.fixture(scope="module")
def small() -> tuple[Records, IntArray]:
    records, agency, _ = county(people=900, agencies=4, shared=0.4, seed=3)
    # Mixed, so that later records have rivals and duplicates among earlier ones.
    order = np.random.default_rng(1).permutation(len(records))
    twice = order[:40]
    mixed = [records[n] for n in order] + [records[n] for n in twice]
    return mixed, np.r_[agency[order], agency[twice]]


@pytest.fixture(scope="module")
def tokens(small: tuple[Records, IntArray]) -> TokenSet:
    records, _ = small
    return tokens_of(SCHEMA, records, area=[n % 3 for n in range(len(records))])


@pytest.fixture(scope="module", params=[True, False], ids=["probes and stored slots", "stored slots alone"])
def meetings(request: pytest.FixtureRequest, small: tuple[Records, IntArray], tokens: TokenSet) -> Meetings:
    """All that meet, in whichever direction it was asked."""
    found = all_meetings(SCHEMA, tokens, small[0])
    return found if request.param else chosen(found, found.asked < 0)


def chosen(meetings: Meetings, rows: np.ndarray) -> Meetings:
    return Meetings(meetings.left[rows], meetings.right[rows], meetings.asked[rows])


def first(tokens: TokenSet, count: int) -> TokenSet:
    """The tokens of the first records."""
    rows = tokens.record < count
    return TokenSet(tokens.slots[rows], tokens.names[rows], tokens.record[rows], tokens.area[rows])


def meetings_between(tokens: TokenSet, meetings: Meetings, before: int, after: int) -> Meetings:
    """Those whose newer record is one of the records from `before` up to `after`."""
    newest = np.maximum(tokens.record[meetings.left], tokens.record[meetings.right])
    return chosen(meetings, (newest >= before) & (newest < after))


def grown(
    linked: LinkedIndex, tokens: TokenSet, meetings: Meetings, agency: IntArray, *steps: int
) -> LinkedIndex:
    """The index after records have come in some portions, up to each of the steps."""
    for step in steps:
        new = meetings_between(tokens, meetings, linked.record_count, step)
        linked = score_new_records(SCHEMA, first(tokens, step), new, agency=agency[:step], linked=linked)
    return linked


def assert_same(one: RecordPairs, other: RecordPairs) -> None:
    for name in ("left", "right", "pattern"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist()
    assert one.log_odds == pytest.approx(other.log_odds, abs=1e-12)
    assert one.posterior == pytest.approx(other.posterior, abs=1e-12)


def test_increments_and_a_full_run_give_the_same_links(
    tokens: TokenSet, meetings: Meetings, small: tuple[Records, IntArray]
) -> None:
    """From nothing to everything by what the full run found: its own pairs come out."""
    agency = small[1]
    shipped, probes = shipped_model(SCHEMA), bool((meetings.asked >= 0).any())
    run = link(SCHEMA, tokens, meetings, agency=agency, shipped=shipped, probes=probes)
    assert len(np.unique(run.pairs.posterior.round(9))) > 20
    nothing = LinkedIndex(NO_PAIRS, run.parameters, 0)
    for steps in ([400, 401, 900, len(agency)], [len(agency)], [len(agency) - 1, len(agency)]):
        assert_same(grown(nothing, tokens, meetings, agency, *steps).pairs, run.pairs)


def full_run(tokens: TokenSet, meetings: Meetings, agency: IntArray, like: LinkedIndex) -> RecordPairs:
    """Everything at once by held parameters, from the parts a linking run is made of."""
    held = like.parameters
    best = best_of_records(compare(SCHEMA, tokens, tokens, meetings), tokens, held.shipped)
    log_odds = score_terms(best, held, agency=agency, area=tokens.area).log_odds
    posterior = score_against_rivals(best, log_odds, held.known, agency=agency)
    return RecordPairs(best.left, best.right, best.pattern, log_odds, posterior)


def test_it_does_not_matter_in_which_portions_records_come(
    tokens: TokenSet, meetings: Meetings, small: tuple[Records, IntArray]
) -> None:
    """By what a run over the first 600 records found, none of which knew the later ones."""
    agency, count = small[1], len(small[1])
    early = meetings_between(tokens, meetings, 0, 600)
    run = link(
        SCHEMA, first(tokens, 600), early, agency=agency[:600], shipped=shipped_model(SCHEMA), probes=True
    )
    begun = LinkedIndex.of_run(run)
    at_once = grown(begun, tokens, meetings, agency, count)
    one_by_one = grown(begun, tokens, meetings, agency, *range(601, 640), 900, count)
    assert_same(at_once.pairs, one_by_one.pairs)
    assert_same(at_once.pairs, full_run(tokens, meetings, agency, at_once))
    assert at_once.parameters.crowding.tolist() == one_by_one.parameters.crowding.tolist()
    assert at_once.parameters.crowding[:600].tolist() == run.parameters.crowding.tolist()
    assert len(at_once.pairs.left) > len(run.pairs.left)


def test_a_new_weak_date_is_as_crowded_as_those_that_were_there() -> None:
    """By the strangers of its own year and initials; a rare one is less crowded than usual."""
    records, agency, _ = county(people=2000, agencies=3, shared=0.3, seed=22)
    letters = iter("jmd" * len(records))
    records[::2] = [
        [replace(one, forename_initial=next(letters), surname_initial="s")] for (one,) in records[::2]
    ]

    def weak(year: int) -> list[Identifiers]:
        return [person(BirthDate(year, 1, 1, weak=True), initials="js")]

    crowd = [weak(1970) for _ in range(30)] + [weak(year) for year in range(1940, 1960)]
    records = [*records, *crowd, weak(1970), weak(1935)]
    count = len(records)
    agency = np.r_[agency, [number % 3 for number in range(len(crowd) + 2)]]
    tokens = tokens_of(SCHEMA, records)
    meetings = all_meetings(SCHEMA, tokens, records)
    begun = LinkedIndex.of_run(
        link(
            SCHEMA,
            first(tokens, count - 2),
            meetings_between(tokens, meetings, 0, count - 2),
            agency=agency[: count - 2],
            shipped=shipped_model(SCHEMA),
            probes=True,
        )
    )
    new = meetings_between(tokens, meetings, count - 2, count)
    crowding = score_new_records(SCHEMA, tokens, new, agency=agency, linked=begun).parameters.crowding
    there = crowding[count - 52 : count - 22]
    assert 1 < there.min() <= crowding[-2] <= 1.1 * there.max()
    assert crowding[-1] < 1


def test_records_that_leave_are_as_if_they_had_never_come(
    tokens: TokenSet, meetings: Meetings, small: tuple[Records, IntArray]
) -> None:
    """Those that left were rivals, duplicates and neighbours of those that stayed."""
    agency, count = small[1], len(small[1])
    early = meetings_between(tokens, meetings, 0, 300)
    begun = LinkedIndex.of_run(
        link(
            SCHEMA, first(tokens, 300), early, agency=agency[:300], shipped=shipped_model(SCHEMA), probes=True
        )
    )
    gone = np.zeros(count, np.bool_)
    gone[300:] = np.random.default_rng(5).random(count - 300) < 0.3
    after = without_records(grown(begun, tokens, meetings, agency, count), gone=gone, agency=agency)
    rows = ~gone[tokens.record]
    number, at = np.cumsum(~gone) - 1, np.cumsum(rows) - 1
    stayed = TokenSet(tokens.slots[rows], tokens.names[rows], number[tokens.record[rows]], tokens.area[rows])
    both = rows[meetings.left] & rows[meetings.right]
    met = Meetings(at[meetings.left[both]], at[meetings.right[both]], meetings.asked[both])
    never = grown(begun, stayed, met, agency[~gone], stayed.record_count)
    assert_same(after.pairs, replace_log_odds(never.pairs, after.pairs))
    assert after.record_count == never.record_count == len(after.parameters.crowding)


def replace_log_odds(pairs: RecordPairs, like: RecordPairs) -> RecordPairs:
    """Pairs whose log odds and posteriors differ only as far as those who left had counted as neighbours."""
    assert pairs.log_odds == pytest.approx(like.log_odds, abs=0.5)
    assert pairs.posterior == pytest.approx(like.posterior, abs=0.05)
    return replace(pairs, log_odds=like.log_odds, posterior=like.posterior)


def test_meetings_of_new_tokens_are_those_of_a_full_search(
    tokens: TokenSet, small: tuple[Records, IntArray]
) -> None:
    found = all_meetings(SCHEMA, tokens, small[0])
    stored = meetings_between(tokens, chosen(found, found.asked < 0), 600, len(small[1]))
    later = tokens.record >= 600
    new = TokenSet(tokens.slots[later], tokens.names[later], tokens.record[later] - 600, tokens.area[later])
    met = meetings_of_new(SlotIndex(SCHEMA, first(tokens, 600)), new)
    assert set(zip(met.left.tolist(), met.right.tolist(), strict=True)) == set(
        zip(stored.left.tolist(), stored.right.tolist(), strict=True)
    )
    assert (met.left < met.right).all() and (met.asked == -1).all()


def linked_with_pair() -> tuple[list[list[Identifiers]], IntArray, LinkingRun]:
    """A county and, last, two records that are one person's."""
    records, agency, _ = county(people=800, agencies=3, shared=0.4, seed=8)
    one = person("1951-07-13", initials="qx", chain="700100", sex="f")
    records = [*records, [replace(one, chain=None)], [replace(one, chain=None, sex=None)]]
    agency = np.r_[agency, 0, 1]
    tokens = tokens_of(SCHEMA, records)
    run = link(
        SCHEMA,
        tokens,
        all_meetings(SCHEMA, tokens, records),
        agency=agency,
        shipped=shipped_model(SCHEMA),
        probes=True,
    )
    return records, agency, run


def test_a_new_rival_takes_from_a_pair_that_was_there_before() -> None:
    records, agency, run = linked_with_pair()
    n = len(records) - 2
    records = [*records, [person("1951-07-13", initials="qx", chain="900300", sex="f")]]
    tokens, agency = tokens_of(SCHEMA, records), np.r_[agency, 1]
    met = meetings_between(tokens, all_meetings(SCHEMA, tokens, records), n + 2, n + 3)
    after = score_new_records(SCHEMA, tokens, met, agency=agency, linked=LinkedIndex.of_run(run)).pairs
    before = dict(zip(zip(run.pairs.left, run.pairs.right, strict=True), run.pairs.posterior, strict=True))
    now = dict(zip(zip(after.left, after.right, strict=True), after.posterior, strict=True))
    assert now[n, n + 1] < before[n, n + 1]
    assert (n, n + 2) in now and (n, n + 2) not in before
    untouched = {pair for pair in before if not {n, n + 1} & set(pair)}
    assert {pair: now[pair] for pair in untouched} == {pair: before[pair] for pair in untouched}


def test_a_record_that_meets_nobody_changes_nothing() -> None:
    records, agency, run = linked_with_pair()
    tokens = tokens_of(SCHEMA, [*records, [person(None, initials="zz")]])
    nothing = Meetings(NONE, NONE, NONE)
    after = score_new_records(
        SCHEMA, tokens, nothing, agency=np.r_[agency, 2], linked=LinkedIndex.of_run(run)
    )
    assert after.pairs.posterior.tobytes() == run.pairs.posterior.tobytes()
    assert after.record_count == len(records) + 1


def test_what_does_not_fit_the_index_is_refused() -> None:
    records, agency, run = linked_with_pair()
    linked = LinkedIndex.of_run(run)
    tokens = tokens_of(SCHEMA, [*records, [person()]])
    nothing = Meetings(NONE, NONE, NONE)
    with pytest.raises(ModelParameterError, match="agency"):
        score_new_records(SCHEMA, tokens, nothing, agency=np.r_[agency, 3], linked=linked)
    with pytest.raises(TokenFormatError, match="records"):
        score_new_records(SCHEMA, tokens, nothing, agency=agency, linked=linked)
    with pytest.raises(TokenFormatError, match="records"):
        score_new_records(SCHEMA, tokens_of(SCHEMA, records[:5]), nothing, agency=agency[:5], linked=linked)
    again = Meetings(np.asarray([0]), np.asarray([1]), np.asarray([-1]))
    with pytest.raises(TokenFormatError, match="meetings"):
        score_new_records(SCHEMA, tokens, again, agency=np.r_[agency, 2], linked=linked)
