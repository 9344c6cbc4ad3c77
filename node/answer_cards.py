"""Another agency's answer card, read: whoever holds the linkage key could have written anything into it."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass

MONTH = r"[0-9]{4}-(0[1-9]|1[0-2])"


@dataclass(frozen=True, slots=True)
class AnswerCard:
    """What a holding agency says of a case beside the word.

    Attributes:
        open: Whether the case is open there; None where not said.
        last_contact: Month of the last contact, YYYY-MM, or None.
        team: The team to ring, or None.
    """

    open: bool | None
    last_contact: str | None
    team: str | None


def read_card(plain: bytes) -> AnswerCard:
    """Read a card's text; what a terminal or a spreadsheet would obey and not show is taken out of the team.

    Raises:
        ValueError: It is not a card as `node.pushing.card_text` writes it.
    """
    card = json.loads(plain)
    if not isinstance(card, dict):
        raise ValueError("card: not an object")
    is_open, last_contact, team = card.get("open"), card.get("last_contact"), card.get("team")
    if not (is_open is None or isinstance(is_open, bool)):
        raise ValueError("card, open: neither true, false nor null")
    if not (last_contact is None or (isinstance(last_contact, str) and re.fullmatch(MONTH, last_contact))):
        raise ValueError("card, last_contact: not YYYY-MM")
    if not (team is None or isinstance(team, str)):
        raise ValueError("card, team: not text")
    return AnswerCard(is_open, last_contact, _shown(team or "") or None)


def _shown(text: str) -> str:
    """Text without control, format and private characters and halves of characters (category C)."""
    return "".join(char for char in text if not unicodedata.category(char).startswith("C")).strip()
