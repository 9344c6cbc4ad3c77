"""The lawful basis of a case, as typed in a list or given with a command."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from node.bases import (
    ApprovalSought,
    BasisDefaults,
    ConsentBasis,
    OverrideReference,
    PublicTaskBasis,
    read_basis,
)
from node.commitments import commit_reason, is_kept
from node.errors import RecordFormatError

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


def read(
    row_kind: str | None, detail: str | None, **defaults: object
) -> ConsentBasis | OverrideReference | ApprovalSought:
    return read_basis(row_kind, detail, defaults=BasisDefaults(**defaults), row=4, at=AT)  # type: ignore[arg-type]


@pytest.mark.parametrize("detail", ["2026-03-02 written", "02/03/2026; written", "2 March 2026 Written"])
def test_consent_is_a_day_and_a_method(detail: str) -> None:
    basis = read("consent", detail)
    assert basis.format("single_lookup") == {
        "kind": "consent",
        "captured_at": "2026-03-02T00:00:00Z",
        "method": "written",
        "scope": ["single_lookup"],
    }


def test_the_commands_options_fill_what_a_row_leaves_out() -> None:
    basis = read(None, None, kind="consent", captured_at=date(2026, 3, 2), method="verbal")
    assert basis == ConsentBasis(datetime(2026, 3, 2, tzinfo=UTC), "verbal")


def test_a_public_task_sends_a_promise_of_its_reason_and_not_the_reason() -> None:
    reason = commit_reason("said at the door; twice")
    basis = PublicTaskBasis("safeguarding_adult", "ig-lead", reason, "ab" * 16, AT)
    sent = basis.format("safeguarding_panel")
    assert sent["approver"] == "ig-lead"
    assert "door" not in str(sent)
    assert is_kept("said at the door; twice", salt=basis.reason.salt, digest=sent["reason_commitment"])
    assert not is_kept("something else", salt=basis.reason.salt, digest=sent["reason_commitment"])


@pytest.mark.parametrize(
    ("detail", "defaults", "sought"),
    [
        pytest.param("risk_to_life; IG-lead; words; more", {}, ("risk_to_life", "ig-lead"), id="all of it"),
        pytest.param("risk_to_life", {}, ("risk_to_life", None), id="a category alone"),
        pytest.param("risk_to_life; ; words", {}, ("risk_to_life", None), id="no approver"),
        pytest.param(
            "words", {"category": "risk_to_life", "approver": "ig"}, ("risk_to_life", "ig"), id="words"
        ),
        pytest.param(None, {"category": "risk_to_life"}, ("risk_to_life", None), id="nothing"),
    ],
)
def test_what_a_row_says_of_a_public_task_is_what_approval_to_look_for(
    detail: str | None, defaults: dict[str, object], sought: tuple[str, str | None]
) -> None:
    assert read("public_task", detail, **defaults) == ApprovalSought(*sought)


@pytest.mark.parametrize("typed", ["xx", "AB" * 16, ""])
def test_what_is_no_overrides_id_is_refused_and_not_repeated(typed: str) -> None:
    with pytest.raises(RecordFormatError, match="not an override's id") as caught:
        BasisDefaults(override=typed)
    assert not typed or typed not in str(caught.value)


def test_the_same_reason_is_promised_differently_each_time() -> None:
    assert commit_reason("words").digest != commit_reason("words").digest


@pytest.mark.parametrize(
    ("kind", "detail", "field"),
    [
        pytest.param(None, None, "basis", id="no basis at all"),
        pytest.param("curiosity", None, "basis", id="unknown basis"),
        pytest.param("consent", None, "basis_detail", id="consent without a day"),
        pytest.param("consent", "written", "basis_detail", id="method without a day"),
        pytest.param("consent", "2026-03-02", "basis_detail", id="day without a method"),
        pytest.param("consent", "2026-12-02 written", "basis_detail", id="consent from the future"),
        pytest.param("consent", "long ago written", "basis_detail", id="unreadable day"),
        pytest.param("public_task", None, "basis_detail", id="public task without anything"),
        pytest.param("public_task", "gossip; ig; words", "basis_detail", id="unknown category"),
        pytest.param("public_task", "said at the door", "basis_detail", id="words without a category"),
    ],
)
def test_a_bad_basis_is_named_by_row_and_column(kind: str | None, detail: str | None, field: str) -> None:
    with pytest.raises(RecordFormatError) as caught:
        read(kind, detail)
    assert (caught.value.row, caught.value.field) == (4, field)
    assert detail is None or detail not in str(caught.value)
