"""The words of the hub's pages, for people who read no protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hub.log_files import summarise_line
from hub.log_words import say_action, say_answer, say_reason
from hub.review_words import say_kind, say_numbers
from pages.templating import Naming

ROLE_WORDS = {"ig": "information governance", "node": "by itself"}


def say_number(number: int) -> str:
    """A number as people write it: 12,345."""
    return f"{number:,}"


def say_plainly(word: str) -> str:
    """A word of the protocol as people write it: "case_conference" is Case conference."""
    return word.replace("_", " ").capitalize()


def say_role(role: str) -> str:
    """A role as people call it."""
    return ROLE_WORDS.get(role, role)


def say_weight(bits: float) -> str:
    """A weight with its sign."""
    return f"{bits:+.2f}"


FILTERS: Mapping[str, Callable[..., str]] = {
    "number": say_number,
    "plain": say_plainly,
    "action": say_action,
    "answer": say_answer,
    "reason": say_reason,
    "role": say_role,
    "weight": say_weight,
    "summary": summarise_line,
    "kind": say_kind,
    "numbers": say_numbers,
}
NAMING = Naming(filters=FILTERS)
