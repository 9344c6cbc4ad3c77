"""From a posterior to a decision: Fellegi and Sunter's A1, A2 and A3."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from matcher.errors import ModelParameterError


class Designation(Enum):
    """What is said of a pair, or of a person at an agency."""

    LINK = "link"
    POSSIBLE_LINK = "possible_link"
    NON_LINK = "non_link"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Posteriors from which something is known, and possibly known."""

    known: float = 0.95
    possibly: float = 0.50

    def __post_init__(self) -> None:
        """Refuse thresholds out of order."""
        if not 0 < self.possibly <= self.known <= 1:
            raise ModelParameterError("thresholds: 0 < possibly <= known <= 1 is needed")


def decide(posterior: float, thresholds: Thresholds) -> Designation:
    """The designation of a posterior."""
    if posterior >= thresholds.known:
        return Designation.LINK
    return Designation.POSSIBLE_LINK if posterior >= thresholds.possibly else Designation.NON_LINK
