"""Pushed caseloads: whole records, idempotent batches, and current only when both sides agree."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.models import Record, SharedArea, Tag, Token
from hub.month_models import RecordMonths
from hub.months import month_of
from tests.hub.client import Answer, Node
from tests.hub.conftest import EPOCH, Network
from tests.hub.people import make_people, slot_bytes

PEOPLE = make_people(12, seed=8)


@pytest.fixture
def node(partnership: Network) -> Node:
    return partnership.nodes["holder-1"]


def send(
    node: Node,
    network: Network,
    records: list[dict[str, Any]],
    removed: list[str] | None = None,
    **changes: Any,
) -> Answer:
    batch = {"format": "batch/1", "epoch": EPOCH, "schema_digest": network.schema.digest}
    body = batch | {"records": records, "removed": removed or []} | changes
    return node.call("POST", "/v1/pushes/p-1/batches/0", body)


def counts(network: Network) -> tuple[int, int, int]:
    with network.database.reading() as session:
        return tuple(  # type: ignore[return-value]
            session.scalar(select(func.count()).select_from(table)) for table in (Record, Token, Tag)
        )


def as_of(node: Node) -> str | None:
    agencies = node.call("GET", "/v1/agencies").document["agencies"]
    return next(view["as_of"] for view in agencies if view["agency"] == node.agency)


def test_a_completed_push_moves_the_time_the_caseload_is_as_of(partnership: Network, node: Node) -> None:
    records = [node.record([person], partnership.schema) for person in PEOPLE]
    answer = node.push(records, partnership.schema, epoch=EPOCH)
    assert answer.document == {"as_of": "2026-02-03T09:30:00Z", "records": 12}
    assert as_of(node) == "2026-02-03T09:30:00Z"
    assert as_of(partnership.nodes["holder-2"]) is None


def test_a_batch_alone_does_not_make_a_caseload_current(partnership: Network, node: Node) -> None:
    answer = send(node, partnership, [node.record([PEOPLE[0]], partnership.schema)])
    assert answer.document == {"records": 1, "removed": 0}
    assert as_of(node) is None


def test_repeating_a_batch_changes_nothing(partnership: Network, node: Node) -> None:
    records = [node.record(PEOPLE[n : n + 2], partnership.schema) for n in range(5)]
    send(node, partnership, records)
    before = counts(partnership)
    assert send(node, partnership, records).status == 200
    assert counts(partnership) == before
    assert node.complete(records, partnership.schema, epoch=EPOCH).status == 200


def test_a_record_is_replaced_whole(partnership: Network, node: Node) -> None:
    record = node.record(PEOPLE[:3], partnership.schema)
    send(node, partnership, [record])
    changed = node.record([PEOPLE[4]], partnership.schema, area="south") | {"handle": record["handle"]}
    send(node, partnership, [changed])
    assert counts(partnership)[:2] == (1, 1)
    assert node.complete([changed], partnership.schema, epoch=EPOCH).status == 200


def test_removed_records_leave_no_tag_behind(partnership: Network, node: Node) -> None:
    records = [node.record([person], partnership.schema) for person in PEOPLE[:4]]
    send(node, partnership, records)
    handles = [record["handle"] for record in records[:3]]
    assert send(node, partnership, [], handles).document == {"records": 0, "removed": 3}
    assert send(node, partnership, [], handles).document == {"records": 0, "removed": 0}
    assert counts(partnership)[:2] == (1, 1)
    assert node.complete(records[3:], partnership.schema, epoch=EPOCH).status == 200


def test_two_agencies_may_use_one_handle(partnership: Network, node: Node) -> None:
    other = partnership.nodes["holder-2"]
    record = node.record([PEOPLE[0]], partnership.schema)
    send(node, partnership, [record])
    send(other, partnership, [record])
    assert counts(partnership)[0] == 2
    send(other, partnership, [], [record["handle"]])
    assert node.complete([record], partnership.schema, epoch=EPOCH).status == 200


@pytest.mark.parametrize("defect", ["count", "digest"])
def test_a_push_that_differs_from_what_the_hub_holds_is_a_conflict(
    partnership: Network, node: Node, defect: str
) -> None:
    records = [node.record([person], partnership.schema) for person in PEOPLE[:3]]
    send(node, partnership, records)
    other = node.record([PEOPLE[5]], partnership.schema)
    believed = [*records, other] if defect == "count" else [*records[:2], other]
    assert node.complete(believed, partnership.schema, epoch=EPOCH).code == "conflict"
    assert as_of(node) is None


def test_removing_the_caseload_leaves_nothing_of_it(partnership: Network, node: Node) -> None:
    other = partnership.nodes["holder-2"]
    for holder in (node, other):
        records = [holder.record([person], partnership.schema) for person in PEOPLE]
        assert holder.push(records, partnership.schema, epoch=EPOCH).status == 200
    assert node.call("DELETE", "/v1/caseload").document == {"removed": 12}
    assert (as_of(node), as_of(other)) == (None, "2026-02-03T09:30:00Z")
    assert counts(partnership)[:2] == (12, 12)
    with partnership.database.reading() as session:
        assert {row.agency for row in session.scalars(select(SharedArea))} == {"holder-2"}


def test_areas_are_counted_when_a_push_completes(partnership: Network, node: Node) -> None:
    areas = ["north", "north", "south", None]
    records = [
        node.record([person], partnership.schema, area=area)
        for person, area in zip(PEOPLE, areas, strict=False)
    ]
    for _ in range(2):
        assert node.push(records, partnership.schema, epoch=EPOCH).status == 200
    with partnership.database.reading() as session:
        found = {row.area: row.records for row in session.scalars(select(SharedArea))}
    assert found == {"north": 2, "south": 1}


def token_changed(record: dict[str, Any], **changes: str) -> dict[str, Any]:
    return record | {"tokens": [record["tokens"][0] | changes]}


def defects(node: Node, network: Network) -> dict[str, dict[str, Any]]:
    record = node.record([PEOPLE[0]], network.schema)
    short = base64.b64encode(bytes(8)).decode()
    slots = bytearray(base64.b64decode(record["tokens"][0]["slots"]))
    slots[0] ^= 1
    nine = base64.b64encode(bytes(slots)).decode()
    return {
        "handle that is no handle": record | {"handle": "XYZ"},
        "no token": record | {"tokens": []},
        "nine tokens": record | {"tokens": record["tokens"] * 9},
        "slots too short": token_changed(record, slots=short),
        "another number of bits set": token_changed(record, slots=nine),
        "slots without padding": token_changed(record, slots=record["tokens"][0]["slots"].rstrip("=")[:-1]),
        "names too short": token_changed(record, names=short),
        "card too short": record | {"card": short},
        "card that is not base64": record | {"card": "*" * 344},
        "area that is no id": record | {"area": "North Side"},
        "unknown field": record | {"forename": "sentinelname"},
    }


@pytest.mark.parametrize(
    "defect",
    [
        "handle that is no handle",
        "no token",
        "nine tokens",
        "slots too short",
        "another number of bits set",
        "slots without padding",
        "names too short",
        "card too short",
        "card that is not base64",
        "area that is no id",
        "unknown field",
    ],
)
def test_a_malformed_record_is_refused_and_nothing_of_its_batch_is_stored(
    partnership: Network, node: Node, defect: str
) -> None:
    good = node.record([PEOPLE[1]], partnership.schema)
    answer = send(node, partnership, [good, defects(node, partnership)[defect]])
    assert (answer.status, answer.code) == (422, "malformed"), answer.document
    assert "sentinelname" not in answer.body.decode()
    assert counts(partnership) == (0, 0, 0)


def test_a_handle_twice_in_a_batch_is_refused(partnership: Network, node: Node) -> None:
    record = node.record([PEOPLE[1]], partnership.schema)
    assert send(node, partnership, [record, record]).code == "malformed"
    assert send(node, partnership, [record], [record["handle"]]).code == "malformed"


def test_more_than_500_records_in_a_batch_are_refused(partnership: Network, node: Node) -> None:
    record = node.record([PEOPLE[1]], partnership.schema)
    records = [record | {"handle": node.new_id()} for _ in range(501)]
    assert send(node, partnership, records).code == "malformed"


def test_another_epoch_or_schema_is_refused(partnership: Network, node: Node) -> None:
    assert send(node, partnership, [], epoch="2025-1").code == "epoch_mismatch"
    assert send(node, partnership, [], schema_digest="00" * 32).code == "schema_mismatch"


def test_the_database_holds_no_slot_as_the_node_sent_it(partnership: Network, node: Node) -> None:
    record = node.record([PEOPLE[0]], partnership.schema)
    send(node, partnership, [record])
    slots = base64.b64decode(record["tokens"][0]["slots"])
    names = base64.b64decode(record["tokens"][0]["names"])
    sent = {slots[at : at + 8] for at in range(0, len(slots), 8)} - {bytes(8)}
    assert (
        slot_bytes(
            "F",
            [
                (PEOPLE[0].year, PEOPLE[0].month, PEOPLE[0].day),
                (PEOPLE[0].forename % 20, PEOPLE[0].surname % 20),
            ],
        )
        in sent
    )
    with partnership.database.reading() as session:
        [token] = session.scalars(select(Token))
        stored = {token.tags[at : at + 8] for at in range(0, len(token.tags), 8)}
        tags = {tag.to_bytes(8, "big", signed=True) for tag in session.scalars(select(Tag.tag))}
        assert token.names != names
    assert not sent & (stored | tags)
    searched = [slot.search for slot in partnership.schema.stored]
    assert tags == {token.tags[8 * n : 8 * n + 8] for n, search in enumerate(searched) if search} - {bytes(8)}


def stored_months(network: Network) -> list[tuple[int | None, int | None]]:
    with network.database.reading() as session:
        rows = session.scalars(select(RecordMonths).order_by(RecordMonths.record))
        return [(row.opened, row.closed) for row in rows]


def test_months_are_kept_for_records_that_bring_them(partnership: Network, node: Node) -> None:
    schema = partnership.schema
    brought = [
        {"opened": "2025-11", "closed": None},
        {"opened": "2024-01", "closed": "2024-03"},
        {"opened": None, "closed": "2024-12"},
    ]
    records = [node.record([one], schema) for one in PEOPLE[:4]]
    dated = [record | {"months": months} for record, months in zip(records[:3], brought, strict=True)]
    records = [*dated, records[3]]
    assert node.push(records, schema, epoch=EPOCH).status == 200
    assert stored_months(partnership) == [
        (month_of("2025-11"), None),
        (month_of("2024-01"), month_of("2024-03")),
        (None, month_of("2024-12")),
    ]


def test_months_go_with_their_record(partnership: Network, node: Node) -> None:
    months = {"months": {"opened": "2025-11", "closed": None}}
    records = [node.record([person], partnership.schema) | months for person in PEOPLE[:3]]
    send(node, partnership, records)
    without = {name: value for name, value in records[0].items() if name != "months"}
    send(node, partnership, [without], removed=[records[1]["handle"]])
    assert len(stored_months(partnership)) == 1
    node.call("DELETE", "/v1/caseload")
    assert stored_months(partnership) == []


@pytest.mark.parametrize(
    "months",
    [
        pytest.param({"opened": None, "closed": None}, id="neither month"),
        pytest.param({"opened": "2025-11-03", "closed": None}, id="a day"),
        pytest.param({"opened": "2025-13", "closed": None}, id="a thirteenth month"),
        pytest.param({"opened": "2025-11", "closed": "2025-10"}, id="closed before it was opened"),
        pytest.param({"opened": "2025-11"}, id="closed left out"),
    ],
)
def test_months_that_make_no_sense_are_refused(
    partnership: Network, node: Node, months: dict[str, Any]
) -> None:
    record = node.record([PEOPLE[0]], partnership.schema) | {"months": months}
    answer = send(node, partnership, [record])
    assert (answer.status, answer.document["code"]) == (422, "malformed")
    assert stored_months(partnership) == []
