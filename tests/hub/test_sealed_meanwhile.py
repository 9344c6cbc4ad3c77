"""A record that leaves the hub while an answer about it is worked out is not shown, and looks like nobody."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete

from hub import lookups
from hub.log_views import read_entries
from hub.models import Record
from tests.hub.client import codes
from tests.hub.conftest import EPOCH, Network
from tests.hub.people import make_people

KNOWN, STRANGER = make_people(2, seed=5)


def test_a_record_sealed_after_it_was_matched_is_withheld(
    partnership: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker, holder = partnership.nodes["asker"], partnership.nodes["holder-1"]
    record = holder.record([KNOWN], partnership.schema)
    assert holder.push([record], partnership.schema, epoch=EPOCH).status == 200
    holder.consent(record["handle"])
    match_cases = lookups.match_cases

    def then_sealed(*arguments: Any, **options: Any) -> Any:
        found = match_cases(*arguments, **options)
        with partnership.database.writing() as session:
            session.execute(delete(Record).where(Record.handle == record["handle"]))
        return found

    monkeypatch.setattr(lookups, "match_cases", then_sealed)
    answer = asker.look_up(asker.question([KNOWN, STRANGER], partnership.schema, epoch=EPOCH))
    assert codes(answer)["holder-1"] == "N"
    sealed, unknown = ([*case["answers"]] for case in answer.document["cases"])
    assert sealed == unknown
    with partnership.database.reading() as session:
        assert '"sealed"' in str(read_entries(session, after=0, limit=100)).replace("'", '"')
