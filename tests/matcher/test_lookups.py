"""Look-ups: is this person among the records of each agency, and why?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from matcher.candidates import Meetings, SlotIndex
from matcher.decisions import Thresholds
from matcher.lookups import LookupScores, explain_pattern, score_lookups
from matcher.model import Model, Probabilities, shipped_model
from matcher.patterns import compare
from matcher.schema import LinkageSchema, shipped_schema
from matcher.weights import log_odds
from node.identifiers import BirthDate, Identifiers
from tests.matcher.factories import encoder_for, person, tokens_of

SCHEMA = shipped_schema(["dob", "initials", "chain", "sex", "area"])
MODEL = shipped_model(SCHEMA)
KNOWN = Thresholds().known
SIZES = (1000, 1000, 1000)
NAMES = shipped_schema(["dob", "names", "chain"])
ASKED = person(initials="js", chain="100200", sex="f")


def look_up(
    cases: list[list[Identifiers]],
    held: list[tuple[int, list[Identifiers]]],
    *,
    areas: tuple[list[int], list[int]] | None = None,
    holder_areas: np.ndarray | None = None,
    holder_known: np.ndarray | None = None,
    sizes: tuple[int, ...] = SIZES,
    schema: LinkageSchema = SCHEMA,
    model: Model | None = None,
) -> LookupScores:
    """Ask about cases among held records, each with its holder; by stored slots and probes."""
    asked = tokens_of(schema, cases, area=areas[0] if areas else None)
    records = [record for _, record in held]
    index = SlotIndex(schema, tokens_of(schema, records, area=areas[1] if areas else None))
    encoder = encoder_for(schema)
    columns = encoder.columns([identity for case in cases for identity in case])
    met = [index.meetings_of_slots(asked)]
    for number, probe in enumerate(schema.asked):
        for rows, variants in encoder.probes(columns, probe):
            askers, holders = index.find(probe.asks, rows, variants)
            met.append(Meetings(askers, holders, np.full(len(askers), number)))
    return score_lookups(
        schema,
        model or shipped_model(schema),
        cases=asked,
        candidates=index.tokens,
        pairs=compare(schema, asked, index.tokens, Meetings.concatenate(met)),
        holder_of_record=np.asarray([holder for holder, _ in held], np.int64),
        holder_sizes=np.asarray(sizes),
        holder_areas=holder_areas,
        holder_known=holder_known,
    )


def test_an_agency_with_the_same_person_knows_them_and_the_others_do_not() -> None:
    scores = look_up([[ASKED]], [(1, [ASKED]), (2, [person("1990-05-05", initials="mw")])])
    assert scores.posterior.shape == (1, 3)
    assert scores.posterior[0, 1] > 0.999
    assert scores.posterior[0, [0, 2]].tolist() == [0.0, 0.0]
    assert scores.best_record.tolist() == [[-1, 0, -1]]


def test_weaker_agreement_is_less_likely_and_another_year_hardly_at_all() -> None:
    """Without the CHAIN number, in this order: date and initials, one initial off, another year."""
    bare = replace(ASKED, chain=None)
    held = [
        (0, [replace(bare)]),
        (1, [replace(bare, surname_initial="t")]),
        (2, [replace(bare, birth=BirthDate(1961, 3, 27))]),
    ]
    exact, initial, year = look_up([[bare]], held).posterior[0]
    assert exact > 0.5 > year
    assert exact > initial > year


def test_a_chain_number_that_differs_speaks_against_and_one_that_agrees_for() -> None:
    held = [(0, [replace(ASKED, chain=None)]), (1, [replace(ASKED, chain="999888")]), (2, [ASKED])]
    unknown, differs, agrees = look_up([[ASKED]], held).posterior[0]
    assert agrees > unknown > differs


def test_three_who_share_date_and_initials_make_the_agency_sure_and_none_of_them_above_a_third() -> None:
    """The set posterior: the agency knows the person, though nobody can say by which record."""
    twin = replace(ASKED, sex=None)
    scores = look_up([[twin]], [(1, [twin])] * 3)
    one = look_up([[twin]], [(1, [twin])]).posterior[0, 1]
    assert scores.posterior[0, 1] > max(0.95, one)
    explanation = scores.explain(0, 1)
    assert explanation is not None
    # Each of the three alone: its odds beside those of the other two and of nobody.
    each = 2 ** (explanation.prior_bits + sum(step.weight for step in explanation.steps))
    assert each / (1 + 3 * each) < 1 / 3
    assert scores.posterior[0, 1] == pytest.approx(3 * each / (1 + 3 * each))


@pytest.mark.parametrize("size", [16, 2000], ids=["a small agency", "a large one"])
@pytest.mark.parametrize(
    ("asked", "held", "known"),
    [
        pytest.param("james", "james", True, id="the same forename"),
        pytest.param("jim", "james", True, id="a short form"),
        pytest.param("bob", "robert", True, id="a short form that begins otherwise"),
        pytest.param("catherine", "kathryn", True, id="another spelling that sounds the same"),
        pytest.param("jane", "james", False, id="another forename that begins alike"),
        pytest.param("ron", "robert", False, id="another whose letters are much the same"),
        pytest.param("mark", "mary ann", False, id="another beside two forenames"),
        pytest.param("george", "grace", False, id="another forename"),
    ],
)
def test_a_sibling_born_on_one_day_is_never_known_and_a_short_form_is(
    asked: str, held: str, known: bool, size: int
) -> None:
    scores = look_up(
        [[person(forename=asked)]], [(0, [person(forename=held)])], sizes=(size, size), schema=NAMES
    )
    assert (scores.posterior[0, 0] >= KNOWN) == known
    assert scores.posterior[0, 0] >= 0.5


def coincidence(scores: LookupScores) -> float:
    """Bits that the twins of the first case cost it at the first holder."""
    explanation = scores.explain(0, 0)
    assert explanation is not None
    return sum(step.weight for step in explanation.steps if step.comparison == "coincidence")


def test_a_large_index_that_holds_few_twins_is_believed_and_a_small_one_is_not() -> None:
    asked, held = [[person(forename="jane")]], [(0, [person(forename="james")])]
    model = shipped_model(NAMES)
    pattern = score_of_first_pair(asked, held)
    m, u = (float(value[0]) for value in model.product(np.asarray([pattern])))
    counted = replace(model, joint={pattern: Probabilities(m, u)})

    def taken_off(model: Model, size: int) -> float:
        sizes, known = (size,) * 60, np.full(60, 0.2)
        return coincidence(look_up(asked, held, holder_known=known, sizes=sizes, schema=NAMES, model=model))

    assert taken_off(counted, 10) == pytest.approx(taken_off(model, 10), abs=0.2)
    assert taken_off(model, 2000) < -2.5
    assert taken_off(counted, 2000) > -0.5


def score_of_first_pair(asked: list[list[Identifiers]], held: list[tuple[int, list[Identifiers]]]) -> int:
    """The joint pattern of the only case and the only record."""
    return int(look_up(asked, held, schema=NAMES)._explained.pattern[0])


def test_a_twin_is_no_likelier_known_than_the_person_asked_about() -> None:
    asked, held = [[person(forename="jane")]], [(0, [person(forename="james")])]
    taken = [
        coincidence(look_up(asked, held, schema=NAMES, holder_known=np.full(3, known)))
        for known in (0.01, 0.1, 0.4)
    ]
    assert taken[0] == pytest.approx(taken[1] + np.log2(10))
    assert taken[1] == pytest.approx(taken[2])


def test_no_candidate_at_all_is_no_posterior() -> None:
    scores = look_up([[ASKED]], [(0, [person("1990-05-05", initials="mw")])])
    assert scores.posterior.tolist() == [[0.0, 0.0, 0.0]]
    assert (scores.best_record == -1).all()
    assert scores.explain(0, 0) is None


@pytest.mark.parametrize(
    ("cases", "held"),
    [
        pytest.param([], [(0, [ASKED])], id="no case"),
        pytest.param([[ASKED]], [], id="nothing held"),
        pytest.param([[person(None)]], [(0, [ASKED])], id="a case with nothing to ask"),
    ],
)
def test_empty_questions_and_empty_agencies_are_answered(
    cases: list[list[Identifiers]], held: list[tuple[int, list[Identifiers]]]
) -> None:
    scores = look_up(cases, held)
    assert scores.posterior.shape == (len(cases), 3)
    assert not scores.posterior.any()


def test_steps_add_up_to_the_log_odds_of_the_posterior() -> None:
    slipped = replace(ASKED, birth=BirthDate(1980, 3, 21), sex=None)
    for held in (ASKED, slipped, replace(ASKED, chain="100201"), replace(ASKED, surname_initial=None)):
        explanation = look_up([[ASKED]], [(1, [held])]).explain(0, 1)
        assert explanation is not None
        total = explanation.prior_bits + sum(step.weight for step in explanation.steps)
        # With one record the set posterior is the pair's.
        assert total == pytest.approx(log_odds(explanation.posterior), abs=1e-6)


def test_steps_name_comparisons_and_levels_and_leave_out_what_is_absent() -> None:
    held = replace(ASKED, chain="100201", sex=None)
    explanation = look_up([[ASKED]], [(1, [held])]).explain(0, 1)
    assert explanation is not None
    levels = {step.comparison: step.level for step in explanation.steps}
    assert levels.pop("identity").startswith("date=exact initials=both")
    levels.pop("initials", None)
    assert levels == {"chain": "partial"}


def test_a_pattern_is_explained_by_all_of_its_weight() -> None:
    code = int(np.flatnonzero(MODEL.identity[0] > 0.5)[0]) * 48
    weight = float(MODEL.weights(np.asarray([code]))[0])
    steps = explain_pattern(MODEL, code, weight=weight)
    assert [step.comparison for step in steps] == ["identity", "chain", "nhs_number", "sex"]
    assert sum(step.weight for step in steps) == pytest.approx(weight)


def test_an_alias_of_the_case_or_of_the_record_finds_the_person() -> None:
    former = person(initials="jz")
    for case, held in (([ASKED, former], [former]), ([former], [person(initials="mw"), former])):
        assert look_up([case], [(1, held)]).posterior[0, 1] > 0.5


def test_a_record_with_two_tokens_that_both_fit_counts_once() -> None:
    bare = replace(ASKED, chain=None)
    once = look_up([[bare]], [(1, [bare])]).posterior[0, 1]
    twice = look_up([[bare]], [(1, [bare, replace(bare)])]).posterior[0, 1]
    assert twice == pytest.approx(once)


def test_cases_asked_together_are_answered_as_each_alone() -> None:
    cases = [[ASKED], [person("1990-05-05", initials="mw", chain="7")], [person("1970-01-31", initials="ab")]]
    held = [(0, cases[1]), (1, cases[0]), (1, cases[2]), (2, cases[1])]
    together = look_up(cases, held).posterior
    alone = [look_up([case], held).posterior[0].tolist() for case in cases]
    assert together.tolist() == [pytest.approx(row) for row in alone]


def test_the_order_of_records_does_not_matter() -> None:
    held = [(1, [ASKED]), (1, [replace(ASKED, chain=None)]), (0, [replace(ASKED, surname_initial="t")])]
    one, other = look_up([[ASKED]], held), look_up([[ASKED]], held[::-1])
    assert one.posterior.tolist() == [pytest.approx(row) for row in other.posterior.tolist()]
    # The best record is the same one, counted from the other end.
    assert (one.best_record[0, 1], other.best_record[0, 1]) == (0, 2)


def test_area_speaks_where_it_can_tell_and_is_named() -> None:
    bare = replace(ASKED, chain=None)
    spread = np.asarray([[500.0, 500.0]] * 3)
    posterior = {}
    for held_in in (0, 1, -1):
        scores = look_up([[bare]], [(1, [bare])], areas=([0], [held_in]), holder_areas=spread)
        posterior[held_in] = scores.posterior[0, 1]
        explanation = scores.explain(0, 1)
        assert explanation is not None
        named = {step.comparison: step.level for step in explanation.steps}
        assert named.get("area") == {0: "agree", 1: "differ", -1: None}[held_in]
    assert posterior[0] > posterior[-1] > posterior[1]


def test_area_says_nothing_of_an_agency_that_serves_one_area_only() -> None:
    bare = replace(ASKED, chain=None)
    one_area = np.asarray([[1000.0, 0.0]] * 3)
    told = look_up([[bare]], [(1, [bare])], areas=([0], [0]), holder_areas=one_area)
    untold = look_up([[bare]], [(1, [bare])])
    assert told.posterior.tolist() == untold.posterior.tolist()


def test_a_placeholder_of_1_january_is_weaker_evidence_than_the_date_it_stands_for() -> None:
    weak = person(BirthDate(1980, 1, 1, weak=True), initials="js")
    whole = person("1980-07-13", initials="js")
    assert (
        look_up([[weak]], [(0, [weak])]).posterior.max() < look_up([[whole]], [(0, [whole])]).posterior.max()
    )
    for asked, held in ((weak, whole), (whole, weak)):
        assert not look_up([[asked]], [(0, [held])]).posterior.any()


@pytest.mark.parametrize("size", [50, 1000, 20_000])
def test_a_placeholder_of_1_january_is_never_known_by_its_year_and_initials(size: int) -> None:
    weak = person(BirthDate(1980, 1, 1, weak=True), initials="js", sex="f")
    held = [(0, [weak]), (1, [person("1980-07-13", initials="js", sex="f")])]
    for asked in held:
        others = [other for other in held if other != asked]
        assert look_up([asked[1]], others, sizes=(size,) * 3).posterior.max() < 0.95
    assert 0 < look_up([[weak]], held, sizes=(size,) * 3).posterior.max() < 0.95


def test_a_placeholder_beside_a_chain_number_that_agrees_is_known() -> None:
    weak = person(BirthDate(1980, 1, 1, weak=True), initials="js", chain="100200")
    assert look_up([[weak]], [(0, [weak])]).posterior[0, 0] > 0.99
