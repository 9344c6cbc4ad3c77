"""Thousands of numbers as one parameter, on both databases."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import text

from hub.big_arrays import as_parameter
from hub.database import Database

READ = {
    "sqlite": text("SELECT value FROM json_each(:numbers) ORDER BY value"),
    "postgresql": text("SELECT unnest(CAST(:numbers AS bigint[])) ORDER BY 1"),
}


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param([], id="none"),
        pytest.param([7], id="one"),
        pytest.param([-(2**63), -1, 0, 1, 2**63 - 1], id="the smallest and the largest"),
        pytest.param([3, 1, 3, 2], id="some twice, in no order"),
        pytest.param(list(range(-2500, 2500)), id="thousands"),
    ],
)
def test_numbers_arrive_each_once(database: Database, numbers: list[int]) -> None:
    with database.reading() as session:
        parameter = as_parameter(session, np.array(numbers, dtype=np.int64))
        read = session.scalars(READ[database.engine.dialect.name], {"numbers": parameter}).all()
    assert read == sorted(set(numbers))
