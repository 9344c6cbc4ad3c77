"""The words of the hub's pages, for people who read no protocol."""

from __future__ import annotations

from pages.templating import Naming

ROLE_WORDS = {"ig": "information governance", "analyst": "analyst", "operator": "operator"}


def say_number(number: int) -> str:
    """A number as people write it: 12,345."""
    return f"{number:,}"


def say_plainly(word: str) -> str:
    """A word of the protocol as people write it: "case_conference" is Case conference."""
    return word.replace("_", " ").capitalize()


NAMING = Naming(filters={"number": say_number, "plain": say_plainly}, words={"role_words": ROLE_WORDS})
