"""Why an item is in the review queue, in words for the officer.

A second time beside the node's: the two never import each other, and a test holds them together.
"""

from __future__ import annotations

from collections.abc import Mapping

from hub.alarms import OLDER_ENTRIES, Kind

KIND_WORDS: Mapping[str, str] = {
    Kind.REPEATED_PERSON: "one person was asked about again and again",
    Kind.PERSON_BUDGET: "one person was asked about too often in one day",
    Kind.NEAR_CASES: "a request was full of variants of one birth date",
    Kind.NO_MATCH_SHARE: "nearly nobody who was asked about is known to anybody",
    Kind.OFF_LIST: "many people nobody knows were asked about outside conferences",
    Kind.OUT_OF_HOURS: "somebody asked when the office is closed",
    Kind.VOLUME_OUTLIER: "far more was asked than on the busiest day before",
    Kind.BUDGET_NEAR: "most of a day's budget was used",
    Kind.BUDGET_EXHAUSTED: "a day's budget was used up",
    Kind.REFUSALS: "calls were refused again and again",
    Kind.REPLAYS: "requests were sent again and again",
    Kind.LOG_BOUND: "as many refused look-ups or reported events as are logged in a day",
    Kind.WITNESS_REFUSED: "a node could not agree with the log as its witness",
    Kind.LOG_DIFFERENCE: "a node's copy of the log differs from the hub's",
    Kind.EMERGENCY: "an emergency was declared",
    Kind.OVERRIDE: "a public task overrode consent",
    Kind.BREACH_FOUND: "an agency that was asked, or the hub, found a breach",
    Kind.SAMPLE: "drawn at random",
}
OUTCOME_WORDS: Mapping[str, str] = {
    "justified": "Justified: it was right to ask",
    "queried": "Queried: ask first, decide later",
    "breach": "Breach: it was not right to ask",
}


def say_kind(kind: str) -> str:
    """Why an item is there."""
    return KIND_WORDS.get(kind, kind)


def say_numbers(numbers: Mapping[str, int]) -> str:
    """How far, such as "look-ups: 4, records: 1"."""
    shown = {name: count for name, count in numbers.items() if name != OLDER_ENTRIES}
    return ", ".join(f"{_say_name(name)}: {count}" for name, count in shown.items())


def _say_name(name: str) -> str:
    return name.replace("_", " ").replace("lookups", "look-ups")
