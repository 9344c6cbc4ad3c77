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


def test_a_record_that_takes_the_number_of_a_sealed_one_is_not_shown_in_its_place(
    partnership: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite gives the number of the last record, once it has left, to the next that comes."""
    asker, holder = partnership.nodes["asker"], partnership.nodes["holder-1"]
    sealed = holder.record([KNOWN], partnership.schema)
    other = partnership.nodes["holder-2"].record([STRANGER], partnership.schema)
    assert holder.push([sealed], partnership.schema, epoch=EPOCH).status == 200
    holder.consent(sealed["handle"])
    match_cases = lookups.match_cases

    def then_replaced(*arguments: Any, **options: Any) -> Any:
        found = match_cases(*arguments, **options)
        heading = {"format": "batch/1", "epoch": EPOCH, "schema_digest": partnership.schema.digest}
        gone = heading | {"records": [], "removed": [sealed["handle"]]}
        assert holder.call("POST", "/v1/pushes/push-2/batches/0", gone).status == 200
        pushed = partnership.nodes["holder-2"].push([other], partnership.schema, epoch=EPOCH)
        assert pushed.status == 200
        return found

    monkeypatch.setattr(lookups, "match_cases", then_replaced)
    answer = asker.look_up(asker.question([KNOWN], partnership.schema, epoch=EPOCH))
    assert codes(answer)["holder-1"] == "N"
    assert other["card"] not in answer.body.decode()
