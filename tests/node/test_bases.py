"""The lawful basis of a case, as typed in a list or given with a command."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from node.bases import BasisDefaults, ConsentBasis, PublicTaskBasis, read_basis
from node.commitments import commit_reason, is_kept
from node.errors import RecordFormatError

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


def read(row_kind: str | None, detail: str | None, **defaults: object) -> ConsentBasis | PublicTaskBasis:
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
    basis = read("public_task", "safeguarding_adult; IG-lead; said at the door; twice")
    assert isinstance(basis, PublicTaskBasis)
    sent = basis.format("safeguarding_panel")
    assert sent["approver"] == "ig-lead"
    assert "door" not in str(sent)
    assert is_kept("said at the door; twice", salt=basis.reason.salt, digest=sent["reason_commitment"])
    assert not is_kept("something else", salt=basis.reason.salt, digest=sent["reason_commitment"])


def test_a_detail_without_category_is_the_reason_alone() -> None:
    basis = read("public_task", "said at the door", category="risk_to_life", approver="ig")
    assert isinstance(basis, PublicTaskBasis)
    assert (basis.category, basis.approver, basis.reason.text) == ("risk_to_life", "ig", "said at the door")


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
        pytest.param("public_task", "risk_to_life; ; words", "basis_detail", id="no approver"),
        pytest.param("public_task", "risk_to_life; ig", "basis_detail", id="no reason"),
    ],
)
def test_a_bad_basis_is_named_by_row_and_column(kind: str | None, detail: str | None, field: str) -> None:
    with pytest.raises(RecordFormatError) as caught:
        read(kind, detail)
    assert (caught.value.row, caught.value.field) == (4, field)
    assert detail is None or detail not in str(caught.value)
