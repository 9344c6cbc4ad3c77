"""Rows of one table for hundreds of records, named by agency and handle, in one statement.

The names are one JSON parameter: a list of pairs is compiled anew, slowly, for every other length, and
SQLite reads the whole table for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache

from sqlalchemy import Row, TextClause, text
from sqlalchemy.orm import Session

Handle = tuple[str, str]  # Of a record, with its agency: a handle alone is a name the holder chose.


def rows_of(
    session: Session, table: str, columns: str, wanted: Iterable[Handle]
) -> Sequence[Row[tuple[object, ...]]]:
    """The rows of a table that has the columns `agency` and `handle`, of each record that is named.

    Args:
        session: A session.
        table: Its name, or a select in brackets.
        columns: What is read, as SQL.
        wanted: Whose rows, each once.
    """
    pairs = sorted(set(wanted))
    if not pairs:
        return []
    statement = _statement(session.get_bind().dialect.name, table, columns)
    return session.execute(statement, {"pairs": json.dumps(pairs)}).all()


@lru_cache
def _statement(dialect: str, table: str, columns: str) -> TextClause:
    if dialect == "sqlite":
        pairs = "json_each(:pairs) AS pair"
        agency, handle = "json_extract(pair.value, '$[0]')", "json_extract(pair.value, '$[1]')"
        join = "CROSS JOIN"  # In this order, or SQLite may go through the table, and all pairs for each row.
    else:
        pairs = "json_array_elements(CAST(:pairs AS json)) AS pair(value)"
        agency, handle = "pair.value ->> 0", "pair.value ->> 1"
        join = "JOIN"
    return text(
        f"SELECT {columns} FROM {pairs} {join} {table} AS t ON t.agency = {agency} AND t.handle = {handle}"
    )
