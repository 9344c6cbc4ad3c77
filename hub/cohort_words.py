"""A cohort rule in plain words, for the people who agree to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from hub.cohort_rules import CohortRule, Requirement
from hub.service_kinds import kind_words, plain_words


def explain_rule(rule: CohortRule) -> str:
    """What a rule counts, line by line: its title, all that must be so, and what its words stand for."""
    lines = [
        f"{rule.title} ({rule.rule_id}, version {rule.version})",
        "Counts a person where all of this is so:",
    ]
    lines += [f"- {_WORDS[needed.rule](needed)}" for needed in rule.requirements]
    used = {name for needed in rule.requirements for name in needed.of}
    for title, table, words_of in (
        ("Domains", rule.domains, kind_words),
        ("Sub-regions", rule.sub_regions, plain_words),
    ):
        named = [
            f"- {plain_words(name)}: {_listed(map(words_of, table[name]))}" for name in table if name in used
        ]
        lines += [f"{title}:", *named] if named else []
    return "\n".join(lines)


def _listed(words: Iterable[str]) -> str:
    """Words as people list them: a, b or c."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _names(needed: Requirement) -> list[str]:
    words = kind_words if needed.rule == "kinds" else plain_words
    return [words(name) for name in needed.of]


def _only(needed: Requirement) -> str:
    """The part of a timeline that counts."""
    status = {"open": ", open cases only", "closed": ", closed cases only", None: ""}[needed.status]
    within = "" if needed.within_months is None else f", in the last {_months(needed.within_months)}"
    return status + within


def _months(number: int | None) -> str:
    return "1 month" if number == 1 else f"{number} months"


def _seen_by(noun: str) -> Callable[[Requirement], str]:
    def words(needed: Requirement) -> str:
        if not needed.of:
            return f"seen {noun.format(f'at least {needed.at_least}')}{_only(needed)}"
        number = f"at least {needed.at_least} of {len(needed.of)}"
        return f"seen {noun.format(number)}: {_listed(_names(needed))}{_only(needed)}"

    return words


def _sub_region(needed: Requirement) -> str:
    return f"seen in {_listed(_names(needed))}{_only(needed)}"


def _ago(verb: str) -> Callable[[Requirement], str]:
    def words(needed: Requirement) -> str:
        least, most = needed.at_least_months_ago, needed.at_most_months_ago
        parts = [f"{_months(least)} ago or longer"] * (least is not None)
        parts += [f"{_months(most)} ago or less"] * (most is not None)
        return f"{verb} seen {' and '.join(parts)}"

    return words


def _longest_gap(needed: Requirement) -> str:
    parts = [f"away once for {_months(needed.at_least)} or longer"] * (needed.at_least is not None)
    parts += [f"never away for more than {_months(needed.at_most)}"] * (needed.at_most is not None)
    return f"{' and '.join(parts)}, by no service seen"


def _returns(needed: Requirement) -> str:
    number = "once" if needed.at_least == 1 else f"{needed.at_least} times"
    return f"came back at least {number} after {_months(needed.gap_months)} or more away{_only(needed)}"


def _status(needed: Requirement) -> str:
    return "open at some service" if needed.status == "open" else "open at no service"


_WORDS: Mapping[str, Callable[[Requirement], str]] = {
    "kinds": _seen_by("by {} kinds of service"),
    "domains": _seen_by("under {} domains"),
    "areas": _seen_by("in {} areas"),
    "sub_region": _sub_region,
    "first_seen": _ago("first"),
    "last_seen": _ago("last"),
    "longest_gap": _longest_gap,
    "returns": _returns,
    "status": _status,
}
