"""Which months of a record may go to the hub."""

from __future__ import annotations

from datetime import date

import pytest

from node.identifiers import Record
from node.months import months_of

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("opened", "closed", "months"),
    [
        pytest.param(date(2026, 2, 3), None, {"opened": "2026-02", "closed": None}, id="open"),
        pytest.param(
            date(2025, 2, 3), date(2026, 1, 31), {"opened": "2025-02", "closed": "2026-01"}, id="closed"
        ),
        pytest.param(
            None, date(2026, 1, 31), {"opened": None, "closed": "2026-01"}, id="opened is not known"
        ),
        pytest.param(
            date(2026, 2, 3), date(2026, 12, 1), {"opened": "2026-02", "closed": None}, id="planned to close"
        ),
        pytest.param(TODAY, TODAY, {"opened": "2026-11", "closed": "2026-11"}, id="today"),
        pytest.param(date(2026, 12, 1), None, None, id="planned to open"),
        pytest.param(None, None, None, id="neither day"),
    ],
)
def test_months_are_told_of_days_that_have_come(
    opened: date | None, closed: date | None, months: dict[str, str | None] | None
) -> None:
    record = Record(row=2, local_id="A1", identifiers=(), opened=opened, closed=closed)
    assert months_of(record, today=TODAY) == months
