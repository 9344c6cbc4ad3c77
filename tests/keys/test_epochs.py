"""The life of an epoch, as a table."""

from datetime import datetime

import pytest

from keys.epochs import Epoch, EpochState, move_epoch, readable_epochs, require_writable, writable_epoch
from keys.errors import EpochClosedError, KeyFormatError
from tests.keys.factories import AT, seconds

STAGED, CURRENT, OVERLAP, RETIRED = EpochState
END = AT + seconds(3600)


def epoch(state: EpochState, *, epoch_id: str = "2026-q4", created_at: datetime = AT) -> Epoch:
    return Epoch(
        epoch_id=epoch_id,
        network="north",
        schema_digest="a" * 64,
        linkage_key_id="b" * 16,
        state=state,
        created_at=created_at,
        overlap_ends_at=END if state is OVERLAP else None,
    )


MOVES = [
    pytest.param(STAGED, CURRENT, True, id="a staged epoch is promoted"),
    pytest.param(STAGED, OVERLAP, False, id="a staged epoch has nothing to overlap with"),
    pytest.param(STAGED, RETIRED, True, id="a staged epoch is given up"),
    pytest.param(CURRENT, STAGED, False, id="a current epoch does not go back"),
    pytest.param(CURRENT, OVERLAP, True, id="a current epoch is replaced and still read"),
    pytest.param(CURRENT, RETIRED, True, id="a current epoch is replaced at once"),
    pytest.param(OVERLAP, STAGED, False, id="an epoch in overlap is not staged again"),
    pytest.param(OVERLAP, CURRENT, False, id="an epoch in overlap does not come back"),
    pytest.param(OVERLAP, RETIRED, True, id="an overlap ends"),
    pytest.param(RETIRED, STAGED, False, id="a retired epoch is not staged again"),
    pytest.param(RETIRED, CURRENT, False, id="a retired epoch does not come back"),
    pytest.param(RETIRED, OVERLAP, False, id="a retired epoch is not read again"),
    *(pytest.param(state, state, False, id=f"{state} is no move from {state}") for state in EpochState),
]


@pytest.mark.parametrize(("before", "after", "allowed"), MOVES)
def test_an_epoch_moves_forward_only(before: EpochState, after: EpochState, allowed: bool) -> None:
    ends = END if after is OVERLAP else None
    if allowed:
        assert move_epoch(epoch(before), after, overlap_ends_at=ends) == epoch(after)
    else:
        with pytest.raises(EpochClosedError):
            move_epoch(epoch(before), after, overlap_ends_at=ends)


@pytest.mark.parametrize(
    ("state", "at", "readable", "writable"),
    [
        pytest.param(STAGED, AT, False, False, id="staged: not yet"),
        pytest.param(CURRENT, AT, True, True, id="current: both"),
        pytest.param(OVERLAP, END - seconds(1), True, False, id="overlap: read only"),
        pytest.param(OVERLAP, END, False, False, id="overlap at its end: neither"),
        pytest.param(RETIRED, AT, False, False, id="retired: neither"),
    ],
)
def test_what_an_epoch_allows(state: EpochState, at: datetime, readable: bool, writable: bool) -> None:
    one = epoch(state)
    assert readable_epochs([one], at) == ((one,) if readable else ())
    assert writable_epoch([one], at) == (one if writable else None)


def test_readable_epochs_come_newest_first() -> None:
    old = epoch(OVERLAP, epoch_id="2026-q3", created_at=AT - seconds(60))
    new = epoch(CURRENT)
    assert readable_epochs([old, new, epoch(RETIRED, epoch_id="2026-q2")], AT) == (new, old)


def test_the_current_epoch_is_required_by_its_id() -> None:
    assert require_writable([epoch(CURRENT)], "2026-q4", at=AT) == epoch(CURRENT)


@pytest.mark.parametrize(
    "epochs",
    [
        pytest.param([], id="no epoch at all"),
        pytest.param([epoch(RETIRED)], id="retired"),
        pytest.param([epoch(OVERLAP)], id="in overlap"),
        pytest.param([epoch(STAGED)], id="not yet current"),
        pytest.param([epoch(CURRENT, epoch_id="2027-q1")], id="another is current"),
        pytest.param([epoch(CURRENT), epoch(CURRENT, epoch_id="2027-q1")], id="two are current"),
    ],
)
def test_an_epoch_that_is_not_the_current_one_is_refused(epochs: list[Epoch]) -> None:
    with pytest.raises(EpochClosedError):
        require_writable(epochs, "2026-q4", at=AT)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"epoch_id": "Q4 2026"}, id="an id with a blank"),
        pytest.param({"network": ""}, id="no network"),
        pytest.param({"schema_digest": "a" * 63}, id="a digest too short"),
        pytest.param({"created_at": AT.replace(tzinfo=None)}, id="a time without zone"),
        pytest.param({"overlap_ends_at": END}, id="an end without overlap"),
        pytest.param({"state": OVERLAP}, id="an overlap without end"),
        pytest.param(
            {"state": OVERLAP, "overlap_ends_at": END.replace(tzinfo=None)}, id="an end without zone"
        ),
    ],
)
def test_an_epoch_that_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    given: dict[str, object] = {
        "epoch_id": "2026-q4",
        "network": "north",
        "schema_digest": "a" * 64,
        "linkage_key_id": "b" * 16,
        "state": CURRENT,
        "created_at": AT,
    }
    with pytest.raises(KeyFormatError):
        Epoch(**given | change)  # type: ignore[arg-type]


def test_a_naive_clock_is_refused() -> None:
    with pytest.raises(KeyFormatError):
        readable_epochs([epoch(CURRENT)], AT.replace(tzinfo=None))
