"""The templates' environment: the shell's filters, and what a site adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

OWN_TEMPLATES = Path(__file__).parent / "templates"
LONDON = "Europe/London"


@dataclass(frozen=True, slots=True)
class Naming:
    """What a site's templates use beside the shell's own.

    Attributes:
        filters: Functions by their name in templates.
        words: Values that every template sees.
    """

    filters: Mapping[str, Callable[..., str]] = field(default_factory=dict)
    words: Mapping[str, Any] = field(default_factory=dict)


def new_environment(templates: Path, naming: Naming) -> Environment:
    """An environment that escapes everything and fails on a name nobody gave."""
    environment = Environment(
        loader=FileSystemLoader([templates, OWN_TEMPLATES]), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"day": format_day, "clock": format_clock, "capitalize_first": capitalise}
    environment.filters |= naming.filters
    environment.globals |= naming.words
    return environment


def format_day(day: date) -> str:
    """As people write it: 3 December 2026."""
    shown = day.astimezone(ZoneInfo(LONDON)) if isinstance(day, datetime) else day
    return f"{shown.day} {shown:%B %Y}"


def format_clock(at: datetime) -> str:
    """As the clock on the wall shows it: 9:05am."""
    shown = at.replace(tzinfo=at.tzinfo or UTC).astimezone(ZoneInfo(LONDON))
    return f"{shown.hour % 12 or 12}:{shown:%M}{'am' if shown.hour < 12 else 'pm'}"


def capitalise(text: str) -> str:
    """The first letter alone: names further on keep theirs."""
    return text[:1].upper() + text[1:]
