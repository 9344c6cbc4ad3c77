"""Bodies of the protocol print as their kind alone, wherever they are printed."""

from __future__ import annotations

from hub.schemas import Enrolment, WireRecord, WireToken

SENTINEL = "sentinel"


def test_a_body_prints_nothing_of_what_is_in_it() -> None:
    token = WireToken(slots=SENTINEL, names=SENTINEL)
    record = WireRecord(handle="0a" * 16, tokens=[token], area=SENTINEL, card=SENTINEL * 43)
    enrolment = Enrolment(
        format="enrolment/1",
        token=SENTINEL * 2,
        agency="holder-1",
        public_key="a" * 44,
        exchange_key="a" * 44,
    )
    for body in (token, record, enrolment, [record]):
        assert SENTINEL not in f"{body} {body!r}"
        assert type(body).__name__ in repr(body) or body == [record]
