"""Disclosure profiles: from which count on a number is shown, and how it is rounded.

A profile is data (`suppression/1`, TOML), chosen by name. The house rule of `county-default`: 0-7 are all
shown as `*`, because a visible 0 beside a `*` would prove that somebody exists; others to the nearest 5.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import resources

from hub.errors import SettingsError

FORMAT = "suppression/1"
HIDDEN = "*"
LARGEST_SETTING = 100


@dataclass(frozen=True, slots=True)
class Profile:
    """One named set of disclosure rules.

    Attributes:
        name: What it is called.
        largest_hidden: Counts from 0 to this one are hidden.
        base: All others are rounded to the nearest multiple of it; a tie goes up.
        protection: Width that the interval of a hidden small count, cut to 0..largest_hidden, must keep
            against whoever subtracts; where it is `largest_hidden`, neither end can be excluded.
        reveal_margin: A cell hidden in the run before is shown from `largest_hidden + 1 + reveal_margin`.
    """

    name: str
    largest_hidden: int
    base: int
    protection: int
    reveal_margin: int

    def __post_init__(self) -> None:
        """Refuse what would protect nothing."""
        for field in fields(self)[1:]:
            value = getattr(self, field.name)
            if type(value) is not int or not 0 <= value <= LARGEST_SETTING:
                raise SettingsError(f"profile {self.name}, {field.name}: not a number of 0 to 100")
        if not 1 <= self.protection <= self.largest_hidden:
            raise SettingsError(f"profile {self.name}, protection: not from 1 to largest_hidden")
        # A shown count must never round to 0, which would be a visible 0.
        if self.base < 1 or self.rounded(self.largest_hidden + 1) == 0:
            raise SettingsError(f"profile {self.name}, base: below 1, or rounds a shown count to 0")

    def hides(self, count: int) -> bool:
        """Whether a count is too small to be shown."""
        return count <= self.largest_hidden

    def rounded(self, count: int) -> int:
        """The nearest multiple of the base; a tie goes up."""
        return (count + self.base // 2) // self.base * self.base

    def behind(self, shown: int) -> tuple[int, int]:
        """The smallest and the largest count that are shown as this number."""
        lowest = shown - self.base // 2
        return max(lowest, self.largest_hidden + 1), lowest + self.base - 1


def parse_profiles(text: str) -> dict[str, Profile]:
    """Read profiles by name.

    Raises:
        SettingsError: The text is no TOML, or a key is unknown, missing or out of bounds.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise SettingsError("profiles: the file is not TOML") from None
    if document.get("format") != FORMAT:
        raise SettingsError(f"profiles, format: not {FORMAT}")
    if set(document) != {"format", "profile"} or not isinstance(document["profile"], Mapping):
        raise SettingsError("profiles: tables other than profile.<name>")
    return {name: _profile(name, entry) for name, entry in document["profile"].items()}


def _profile(name: str, entry: object) -> Profile:
    keys = {field.name for field in fields(Profile)} - {"name"}
    if not isinstance(entry, Mapping) or set(entry) != keys:
        raise SettingsError(f"profile {name}: its keys must be {', '.join(sorted(keys))}")
    return Profile(name, **entry)


def shipped_profile(name: str = "county-default") -> Profile:
    """One of the profiles that come with the program.

    Raises:
        SettingsError: There is none of this name.
    """
    text = resources.files("hub").joinpath("data/suppression-1.toml").read_text("utf-8")
    profiles = parse_profiles(text)
    if name not in profiles:
        raise SettingsError(f"profile: not one of {', '.join(sorted(profiles))}")
    return profiles[name]


def format_count(shown: int | None) -> str:
    """A count as every output writes it: the number, or `*`."""
    return HIDDEN if shown is None else str(shown)
