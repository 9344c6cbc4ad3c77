"""The words: what an answer is called, and what its evidence says, for people who read no weights.

Answers travel as one letter, evidence as ids (docs/protocol.md sections 9 and 10). The words are the same
in screens, command line, API and exports, and stand here once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from node.errors import IntegrityError


class AnswerWord(StrEnum):
    """The five answers; there is no sixth, and never "Not known"."""

    KNOWN = "Known"
    POSSIBLY_KNOWN = "Possibly known - ring to check"
    NO_SHARED_MATCH = "No shared match"
    NO_REPLY_YET = "No reply yet"
    NOT_ASKED = "Not asked"


WORDS: Mapping[str, AnswerWord] = {
    "K": AnswerWord.KNOWN,
    "P": AnswerWord.POSSIBLY_KNOWN,
    "N": AnswerWord.NO_SHARED_MATCH,
    "R": AnswerWord.NO_REPLY_YET,
    "A": AnswerWord.NOT_ASKED,
}
DISCLOSED = frozenset({"K", "P"})


def word_of(code: str) -> AnswerWord:
    """The answer word of a code.

    Raises:
        IntegrityError: The hub answered outside the vocabulary.
    """
    try:
        return WORDS[code]
    except KeyError:
        raise IntegrityError("the hub's answer holds a code outside the vocabulary") from None


@dataclass(frozen=True, slots=True)
class EvidenceStep:
    """One comparison's part in an answer.

    Attributes:
        comparison: Comparison id, such as `identity`.
        level: The level it reached, such as `exact`.
        weight: Match weight in bits, log2(m/u).
    """

    comparison: str
    level: str
    weight: float

    @property
    def words(self) -> str:
        """What this step says, in words."""
        return words_of_level(self.comparison, self.level)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why an agency was answered Known or Possibly known.

    Attributes:
        posterior: P(the agency knows the person), in [0, 1].
        prior: The weight the search started from, in bits (log2 odds).
        steps: The comparisons, each with its weight.
    """

    posterior: float
    prior: float
    steps: tuple[EvidenceStep, ...]

    @property
    def total_weight(self) -> float:
        """The sum of the steps' weights, in bits."""
        return sum(step.weight for step in self.steps)


def parse_evidence(document: Mapping[str, Any]) -> Evidence:
    """Read an `evidence/1` document.

    Raises:
        IntegrityError: It is malformed.
    """
    try:
        if document["format"] != "evidence/1":
            raise ValueError
        steps = tuple(
            EvidenceStep(str(step["comparison"]), str(step["level"]), float(step["weight"]))
            for step in document["steps"]
        )
        return Evidence(float(document["posterior"]), float(document["prior"]), steps)
    except (KeyError, TypeError, ValueError):
        raise IntegrityError("the hub's answer holds malformed evidence") from None


DATE_WORDS: Mapping[str, str] = {
    "exact": "the date of birth agrees",
    "swapped": "day and month of birth look swapped",
    "day_missing": "month and year of birth agree, the day is not known",
    "month_missing": "day and year of birth agree, the month is not known",
    "year_missing": "day and month of birth agree, the year is not known",
    "day_differs": "month and year of birth agree, the day differs",
    "month_differs": "day and year of birth agree, the month differs",
    "year_differs": "day and month of birth agree, the year differs",
    "year": "the year of birth agrees",
    "none": "the date of birth does not agree together with the initials",
}
INITIALS_WORDS: Mapping[str, str] = {
    "both": "both initials agree",
    "swapped": "the initials agree in swapped order",
    "last": "the surname's initial agrees, the forename's does not",
    "first": "the forename's initial agrees, the surname's does not",
    "none": "the initials show no agreement",
}
SOUNDS_WORDS: Mapping[str, str] = {
    "both": "both names sound the same",
    "surname": "the surname sounds the same",
    "differ": "the names sound different",
    "absent": "",  # often because names are not shared at all: nothing to say
    "none": "",
}
GRADE_WORDS: Mapping[str, str] = {
    "same": "is spelled the same",
    "close": "is spelled nearly the same",
    "alike": "is spelled alike",
    "form": "is another form of the same name or sounds the same",
    "begins": "begins with the same letter and is spelled differently",
    "distant": "is spelled differently",
    "other": "is another one",
}
SEEN_WORDS: Mapping[str, str] = {
    "stored": "",
    "asked": "found by allowing for a typing error",
}
# Instead of "no agreement" and "different", where the two could not be compared.
NOT_COMPARED: Mapping[str, str] = {
    "date=none": "the date of birth could not be compared",
    "initials=none": "the initials could not be compared",
    "sounds=differ": "how the names sound could not be compared",
}
DATES_THAT_HIDE_SOUNDS = frozenset({"date=none", "date=swapped"})
SOUNDS_ALIKE = frozenset({"sounds=both", "sounds=surname"})
COMPLETENESS_WORDS: Mapping[str, str] = {
    "whole": "",
    "incomplete": "one side has no whole date of birth or not both initials",
}
COMPARISON_WORDS: Mapping[str, Mapping[str, str]] = {
    "chain": {
        "agree": "the CHAIN number agrees",
        "partial": "the CHAIN number agrees but for one digit",
        "differ": "the CHAIN numbers differ",
        "absent": "one side has no CHAIN number",
    },
    "nhs_number": {
        "agree": "the NHS number agrees",
        "partial": "the NHS number agrees but for one digit",
        "differ": "the NHS numbers differ",
        "absent": "one side has no NHS number",
    },
    "coincidence": {"possible": "a twin or another relation could look the same, so it says less"},
    "other_case": {
        "claims": "another person on this list fits the same record, and only one of them can be it",
    },
    "rivals": {
        "others": "another record there fits too, and only one of them can be it",
        "alone": "no other record there fits, and the two agencies share many people",
    },
    "initials": {
        "common": "these initials are common there, so they say less",
        "rare": "these initials are rare there, so they say more",
    },
    "sex": {
        "agree": "the sex agrees",
        "differ": "the sex differs",
        "absent": "one side does not say the sex",
    },
    "area": {
        "agree": "the same area",
        "differ": "another area",
        "absent": "one side does not say the area",
    },
}
COMPARISON_NAMES: Mapping[str, str] = {
    "identity": "date of birth and names",
    "names": "names",
    "coincidence": "twins and coincidence",
    "other_case": "another case of this list",
    "rivals": "other records that fit",
    "initials": "how common the initials are",
    "chain": "CHAIN number",
    "nhs_number": "NHS number",
    "sex": "sex",
    "area": "area",
}
FAMILIES: Mapping[str, Mapping[str, str]] = {
    "date": DATE_WORDS,
    "initials": INITIALS_WORDS,
    "sounds": SOUNDS_WORDS,
    "seen": SEEN_WORDS,
}


def words_of_level(comparison: str, level: str) -> str:
    """What a comparison's level says, in words.

    An identity level joins several findings, such as `date=exact initials=both sounds=none whole`. An id that
    this release does not know is shown as it is: it names no value.
    """
    if comparison in COMPARISON_WORDS:
        return COMPARISON_WORDS[comparison].get(level, f"{COMPARISON_NAMES[comparison]}: {level}")
    parts = level.split(" ")
    said = [NOT_COMPARED[part] if _is_not_compared(part, parts) else _words_of_part(part) for part in parts]
    return ", ".join(words for words in said if words)


def _is_not_compared(part: str, parts: Sequence[str]) -> bool:
    """Whether a finding is missing because nothing could have shown it.

    Slots join birth date with names. What they say of names needs parts of the date that agree where they
    stand, so that without a date, or with day and month swapped, unlike names cannot be told from like ones.
    """
    if part == "sounds=differ":
        return not DATES_THAT_HIDE_SOUNDS.isdisjoint(parts)
    if part == "initials=none":
        return "date=none" in parts or "incomplete" in parts or not SOUNDS_ALIKE.isdisjoint(parts)
    return part == "date=none" and "incomplete" in parts


def _words_of_part(part: str) -> str:
    family, mark, level = part.partition("=")
    if not mark:
        return COMPLETENESS_WORDS.get(part, part)
    if family == "names":
        forename, _, surname = level.partition("/")
        return f"the forename {_grade(forename)}, the surname {_grade(surname)}"
    return FAMILIES.get(family, {}).get(level, part)


def _grade(level: str) -> str:
    return GRADE_WORDS.get(level, level)


WATERFALL_COLUMNS = 40
# Weights travel with two decimals: their sum, as a probability, is right to less than this.
NOTICEABLE = 0.01
MOST_BITS = 100.0  # beyond which a probability is 1 to every decimal


def name_weights(evidence: Evidence) -> list[tuple[str, float]]:
    """The prior and every step, named and in bits, in the order in which they add up."""
    named = [(COMPARISON_NAMES.get(step.comparison, step.comparison), step.weight) for step in evidence.steps]
    return [("before comparing", evidence.prior), *named]


def explain_evidence(evidence: Evidence, *, certain: str) -> dict[str, Any]:
    """Evidence for people and scripts: sentences, steps with their weights, and a waterfall of text.

    Args:
        evidence: What speaks for and against.
        certain: What the posterior is the probability of, such as `that the agency knows the person`.
    """
    said = [*(step.words for step in evidence.steps), _words_of_rivals(evidence)]
    return {
        "words": [words[0].upper() + words[1:] + "." for words in said if words],
        "posterior": evidence.posterior,
        "prior_bits": evidence.prior,
        "steps": [
            {"comparison": s.comparison, "level": s.level, "words": s.words, "weight_bits": s.weight}
            for s in evidence.steps
        ],
        "waterfall": [
            *draw_waterfall(evidence),
            f"probability {certain}: {format_posterior(evidence.posterior)}",
        ],
    }


def _words_of_rivals(evidence: Evidence) -> str:
    """Why the probability is another than the weights together say, where it is: other records count too."""
    alone = 1 / (1 + 2 ** -min(evidence.prior + evidence.total_weight, MOST_BITS))
    if evidence.posterior < alone - NOTICEABLE:
        return (
            "other records fit as well and only one of them can be this person, so the probability is lower "
            "than these weights together say"
        )
    if evidence.posterior > alone + NOTICEABLE:
        return (
            "several records there fit, so the probability that one of them is this person is higher than "
            "these weights of the best one say"
        )
    return ""


def format_posterior(posterior: float) -> str:
    """A probability for people, with three decimals; never as if it were certain."""
    if posterior >= 0.9995:
        return "above 0.999"
    return f"{posterior:.3f}" if posterior >= 0.0005 else "below 0.001"


def draw_waterfall(evidence: Evidence) -> list[str]:
    """The weights as lines of text, from the prior to the sum, in bits.

    Every bar starts where the one before ended; `+` speaks for, `-` against. The scale is the same for all.
    """
    steps = name_weights(evidence)
    ends = [0.0]
    for _, weight in steps:
        ends.append(ends[-1] + weight)
    low, high = min(ends), max(ends)
    scale = WATERFALL_COLUMNS / ((high - low) or 1.0)
    lines = []
    for (name, weight), start, end in zip(steps, ends, ends[1:], strict=False):
        left = round((min(start, end) - low) * scale)
        width = max(1, round(abs(weight) * scale)) if weight else 0
        bar = " " * left + ("+" if weight > 0 else "-") * width
        lines.append(f"{name:<28}{weight:+8.2f}  {bar}".rstrip())
    lines.append(f"{'together':<28}{ends[-1]:+8.2f}  bits")
    return lines
