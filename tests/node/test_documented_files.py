"""docs/caseloads.md says what the code does: every column, every rule, every limit's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.answers import AnswerWord
from node.mapping import CASE_LIST_FIELDS, CASELOAD_FIELDS
from node.quality import RULES
from node.sheets import BANDS, LONG_AGO, NOT_RECORDED

PAGE = (Path(__file__).parents[2] / "docs" / "caseloads.md").read_text("utf-8")


@pytest.mark.parametrize("column", sorted({*CASELOAD_FIELDS, *CASE_LIST_FIELDS}))
def test_every_column_is_explained(column: str) -> None:
    assert f"`{column}`" in PAGE


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_stands_in_the_table_as_it_is(rule: str) -> None:
    assert f"| `{rule}` | {RULES[rule].severity} | {RULES[rule].sentence} |" in PAGE


@pytest.mark.parametrize(
    "words", [*map(str, AnswerWord), *(band for _, band in BANDS), LONG_AGO, NOT_RECORDED]
)
def test_every_answer_and_band_is_named(words: str) -> None:
    assert f"*{words}*" in PAGE
