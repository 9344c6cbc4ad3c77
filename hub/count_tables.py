"""A published result: tables with a stable shape, whatever was asked. Pure.

A *table* here is what a person reads under one heading: all areas, or all kinds of service. The first is one
question to the ledger, the second one question for each kind, because a person stands under several.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hub.suppression import Published, Withheld, format_count
from hub.suppression_tables import Key, Question


class Shown(StrEnum):
    """How a count is shown."""

    NUMBER = "number"
    HIDDEN = "hidden"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class CountTable:
    """What is asked under one heading: one question, or one for each level that has one number of its own.

    Attributes:
        dimension: The heading.
        questions: By level; under "" a question whose cells are the levels.
    """

    dimension: str
    questions: Mapping[str, Question]

    @property
    def digest(self) -> str:
        """The same for the same questions."""
        text = "\n".join(sorted(question.digest for question in self.questions.values()))
        return hashlib.sha256(b"knownto tables/1\n" + text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class CountRow:
    """One count as it may be shown: a number, `*`, or nothing where its table is withheld."""

    dimension: str
    levels: Key
    count: str
    shown: Shown


def rows_of(table: CountTable, answers: Mapping[str, Published | Withheld]) -> list[CountRow]:
    """The rows of a table.

    Args:
        table: What was asked.
        answers: By level, as in `table.questions`.
    """
    rows: list[CountRow] = []
    for level, answer in answers.items():
        if isinstance(answer, Withheld):
            rows.append(CountRow(table.dimension, (level,), "", Shown.WITHHELD))
            continue
        for key, number in answer.cells.items():
            levels = key or (level,)
            shown = Shown.HIDDEN if number is None else Shown.NUMBER
            rows.append(CountRow(table.dimension, levels, format_count(number), shown))
    return rows


def number_withheld(rows: Sequence[CountRow]) -> int:
    """How many of the rows stand for a table that was withheld."""
    return sum(row.shown is Shown.WITHHELD for row in rows)
