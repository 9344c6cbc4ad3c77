"""Words for every answer and every level of evidence that a schema or model can name."""

from __future__ import annotations

import pytest

from matcher.patterns import IDENTITY_COUNT, NUMBER_LEVELS, SEX_LEVELS, identity_id
from node.answers import (
    COMPARISON_WORDS,
    WORDS,
    AnswerWord,
    Evidence,
    EvidenceStep,
    draw_waterfall,
    explain_evidence,
    format_posterior,
    parse_evidence,
    word_of,
    words_of_level,
)
from node.errors import IntegrityError

EVIDENCE = {
    "format": "evidence/1",
    "posterior": "0.973",
    "prior": "-9.50",
    "designation": "link",
    "steps": [
        {"comparison": "identity", "level": "date=exact names=same/close seen=stored", "weight": "17.20"},
        {"comparison": "sex", "level": "differ", "weight": "-4.10"},
    ],
}


def test_the_five_words_are_those_of_the_domain() -> None:
    assert [str(word) for word in WORDS.values()] == [
        "Known",
        "Possibly known - ring to check",
        "No shared match",
        "No reply yet",
        "Not asked",
    ]
    assert all("not known" not in word.lower() for word in AnswerWord)


def test_a_code_outside_the_vocabulary_is_an_error_and_never_no_shared_match() -> None:
    for code in ("", "k", "X", "KN"):
        with pytest.raises(IntegrityError):
            word_of(code)


def test_every_identity_level_has_words() -> None:
    for code in range(IDENTITY_COUNT):
        words = words_of_level("identity", identity_id(code))
        assert words and "=" not in words and "/" not in words, identity_id(code)


def test_every_level_of_the_other_comparisons_has_words() -> None:
    levels = {
        "chain": NUMBER_LEVELS,
        "nhs_number": NUMBER_LEVELS,
        "sex": SEX_LEVELS,
        "area": ("agree", "differ"),
        "initials": ("common", "rare"),
        "rivals": ("others", "alone"),
    }
    for comparison, names in levels.items():
        assert set(names) <= set(COMPARISON_WORDS[comparison])


def test_a_level_of_a_later_release_is_shown_by_its_id() -> None:
    assert words_of_level("gait", "brisk") == "brisk"
    assert words_of_level("sex", "unclear") == "sex: unclear"


def test_evidence_is_read_with_its_weights() -> None:
    evidence = parse_evidence(EVIDENCE)
    assert (evidence.posterior, evidence.prior, evidence.total_weight) == (0.973, -9.5, pytest.approx(13.1))
    assert [step.words for step in evidence.steps] == [
        "the date of birth agrees, the forename is spelled the same, the surname is spelled nearly the same",
        "the sex differs",
    ]


def test_the_waterfall_adds_up_and_shows_what_speaks_against() -> None:
    lines = draw_waterfall(parse_evidence(EVIDENCE))
    assert [line.split()[-2] if "+" in line or "-" in line else "" for line in lines][:1] != [""]
    assert lines[-1].split()[1] == "+3.60"
    assert "+++" in lines[1] and "---" in lines[2]


@pytest.mark.parametrize(
    ("posterior", "shown"),
    [(1.0, "above 0.999"), (0.9995, "above 0.999"), (0.9994, "0.999"), (0.5, "0.500"), (0.0, "below 0.001")],
)
def test_nothing_is_said_to_be_certain(posterior: float, shown: str) -> None:
    assert format_posterior(posterior) == shown
    said = explain_evidence(Evidence(posterior, 0.0, ()), certain="that it rains")["waterfall"][-1]
    assert said == f"probability that it rains: {shown}"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"format": "evidence/2"}, id="another format"),
        pytest.param({"posterior": "sure"}, id="posterior not a number"),
        pytest.param({"steps": [{"comparison": "sex"}]}, id="step without level"),
        pytest.param({"steps": None}, id="no steps"),
    ],
)
def test_malformed_evidence_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        parse_evidence(EVIDENCE | changes)


@pytest.mark.parametrize(
    ("level", "says"),
    [
        pytest.param(
            "date=swapped initials=both sounds=differ whole",
            ["day and month of birth look swapped", "both initials agree",
             "how the names sound could not be compared"],
            id="day and month swapped: no slot of sounds can be shared",
        ),
        pytest.param(
            "date=none initials=none sounds=differ incomplete",
            ["the date of birth could not be compared", "the initials could not be compared",
             "how the names sound could not be compared",
             "one side has no whole date of birth or not both initials"],
            id="a number alone, something missing",
        ),
        pytest.param(
            "date=none initials=none sounds=differ whole",
            ["the date of birth does not agree together with the initials",
             "the initials could not be compared", "how the names sound could not be compared"],
            id="a number alone, nothing missing",
        ),
        pytest.param(
            "date=year_differs initials=none sounds=both whole",
            ["day and month of birth agree, the year differs", "the initials could not be compared",
             "both names sound the same"],
            id="found by sound, which says nothing of initials",
        ),
        pytest.param(
            "date=exact initials=first sounds=differ whole",
            ["the date of birth agrees", "the forename's initial agrees, the surname's does not",
             "the names sound different"],
            id="the date agrees: names were compared",
        ),
    ],
)  # fmt: skip
def test_what_could_not_be_compared_is_not_said_to_differ(level: str, says: list[str]) -> None:
    assert words_of_level("identity", level).split(", ") == ", ".join(says).split(", ")


@pytest.mark.parametrize(
    ("posterior", "says"),
    [(0.5, "lower than these weights"), (0.99, ""), (0.999, "")],
    ids=["rivals", "as the weights say", "within what rounding hides"],
)
def test_a_probability_the_weights_do_not_explain_is_explained(posterior: float, says: str) -> None:
    evidence = Evidence(posterior, -3.0, (EvidenceStep("chain", "agree", 9.63),))
    words = explain_evidence(evidence, certain="that it rains")["words"]
    assert (says in words[-1] and len(words) == 2) if says else len(words) == 1


def test_several_records_that_fit_are_likelier_together_than_the_best_alone() -> None:
    evidence = Evidence(0.8, -3.0, (EvidenceStep("chain", "agree", 3.0),))
    assert "higher than" in explain_evidence(evidence, certain="that it rains")["words"][-1]
