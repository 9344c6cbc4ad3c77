"""Thousands of whole numbers as one parameter of a statement.

PostgreSQL takes them as its own binary array, made from numpy's memory at once: as a list each would be
adapted by itself, as text each would be written and parsed. SQLite takes a JSON list.
Source: PostgreSQL 15, src/backend/utils/adt/arrayfuncs.c, array_recv.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import psycopg
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format
from sqlalchemy.orm import Session

from hub.tags import Int64Array

BIGINT_OID, BIGINT_ARRAY_OID, BIGINT_BYTES = 20, 1016, 8
_ELEMENT = np.dtype([("size", ">i4"), ("value", ">i8")])


class BigArray:
    """Numbers in PostgreSQL's binary form of `bigint[]`."""

    __slots__ = ("data",)

    def __init__(self, numbers: Int64Array) -> None:
        """Write one dimension from 1, without nulls."""
        elements = np.empty(len(numbers), dtype=_ELEMENT)
        elements["size"], elements["value"] = BIGINT_BYTES, numbers
        head = struct.pack(">iiiii", 1, 0, BIGINT_OID, len(numbers), 1) if len(numbers) else _NONE
        self.data = head + elements.tobytes()


_NONE = struct.pack(">iii", 0, 0, BIGINT_OID)


class _BigArrayDumper(Dumper):
    oid, format = BIGINT_ARRAY_OID, Format.BINARY

    def dump(self, obj: BigArray) -> Buffer:
        return obj.data


def adapt_big_arrays(connection: psycopg.Connection[Any]) -> None:
    """Teach a new connection to PostgreSQL the form."""
    connection.adapters.register_dumper(BigArray, _BigArrayDumper)


def as_parameter(session: Session, numbers: Int64Array) -> BigArray | str:
    """Distinct numbers, ascending, as the session's database takes them."""
    wanted = np.unique(numbers)
    sqlite = session.get_bind().dialect.name == "sqlite"
    return json.dumps(wanted.tolist()) if sqlite else BigArray(wanted)
