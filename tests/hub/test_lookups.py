"""The look-up, end to end at the hub: who is answered what, and what is logged."""

from __future__ import annotations

from tests.hub.client import codes
from tests.hub.conftest import EPOCH, Network
from tests.hub.people import make_people

PEOPLE = make_people(12, seed=5)


def test_a_person_both_holders_share_is_known_to_both(partnership: Network) -> None:
    asker, first, second = (partnership.nodes[name] for name in ("asker", "holder-1", "holder-2"))
    for holder in (first, second):
        record = holder.record([PEOPLE[0]], partnership.schema)
        others = [holder.record([person], partnership.schema) for person in PEOPLE[2:8]]
        assert holder.push([record, *others], partnership.schema, epoch=EPOCH).status == 200
        assert holder.consent(record["handle"]).status == 200
    answer = asker.look_up(asker.question(PEOPLE[:2], partnership.schema, epoch=EPOCH))
    assert answer.status == 200, answer.body
    assert codes(answer, 0) == {"holder-1": "K", "holder-2": "K"}
    assert codes(answer, 1) == {"holder-1": "N", "holder-2": "N"}
