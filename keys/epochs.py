"""Epochs: the lifetime of a linkage key and of everything encoded with it.

    staged ──▶ current ──▶ overlap ──▶ retired
       └──────────┴────────────────────▶

One epoch at a time is current, and only it takes new tokens. An epoch in overlap can still be read until its
end. Nothing leaves `retired`. No key is here, so the hub may use this module.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from keys.errors import EpochClosedError, KeyFormatError
from keys.formats import require_aware, require_digest, require_id


class EpochState(StrEnum):
    """Where an epoch is in its life."""

    STAGED = "staged"
    CURRENT = "current"
    OVERLAP = "overlap"
    RETIRED = "retired"


_NEXT_STATES: dict[EpochState, frozenset[EpochState]] = {
    EpochState.STAGED: frozenset({EpochState.CURRENT, EpochState.RETIRED}),
    EpochState.CURRENT: frozenset({EpochState.OVERLAP, EpochState.RETIRED}),
    EpochState.OVERLAP: frozenset({EpochState.RETIRED}),
    EpochState.RETIRED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch of a network.

    Attributes:
        epoch_id: Its id.
        network: The network's id.
        schema_digest: Digest of the linkage schema its tokens are made by.
        linkage_key_id: Public name of its linkage key.
        state: Where it is in its life.
        created_at: When the custodian made it (aware).
        overlap_ends_at: Until when it can be read; given in state `overlap` and only there.
    """

    epoch_id: str
    network: str
    schema_digest: str
    linkage_key_id: str
    state: EpochState
    created_at: datetime
    overlap_ends_at: datetime | None = None

    def __post_init__(self) -> None:
        require_id(self.epoch_id, field="epoch")
        require_id(self.network, field="network")
        require_digest(self.schema_digest, field="schema_digest")
        require_aware(self.created_at)
        if (self.state is EpochState.OVERLAP) != (self.overlap_ends_at is not None):
            raise KeyFormatError("overlap_ends_at: belongs to an epoch in overlap, and only there")
        if self.overlap_ends_at is not None:
            require_aware(self.overlap_ends_at)

    def is_readable(self, at: datetime) -> bool:
        """Whether tokens of this epoch may be compared at this time."""
        require_aware(at)
        if self.state is EpochState.OVERLAP and self.overlap_ends_at is not None:
            return at < self.overlap_ends_at
        return self.state is EpochState.CURRENT


def move_epoch(epoch: Epoch, state: EpochState, *, overlap_ends_at: datetime | None = None) -> Epoch:
    """The epoch in its next state.

    Raises:
        EpochClosedError: No epoch goes from its state to that one.
        KeyFormatError: `overlap_ends_at` is missing for `overlap`, or given for another state.
    """
    if state not in _NEXT_STATES[epoch.state]:
        raise EpochClosedError(f"epoch: {epoch.state} does not become {state}")
    return replace(epoch, state=state, overlap_ends_at=overlap_ends_at)


def readable_epochs(epochs: Iterable[Epoch], at: datetime) -> tuple[Epoch, ...]:
    """The epochs whose tokens may be compared at this time, newest first."""
    readable = (epoch for epoch in epochs if epoch.is_readable(at))
    return tuple(sorted(readable, key=lambda epoch: (epoch.created_at, epoch.epoch_id), reverse=True))


def writable_epoch(epochs: Iterable[Epoch], at: datetime) -> Epoch | None:
    """The one epoch that takes new tokens at this time, if there is one.

    Raises:
        EpochClosedError: More than one is current, so that nobody can say which is meant.
    """
    current = [epoch for epoch in epochs if epoch.state is EpochState.CURRENT and epoch.is_readable(at)]
    if len(current) > 1:
        raise EpochClosedError("epoch: more than one is current")
    return current[0] if current else None


def require_writable(epochs: Iterable[Epoch], epoch_id: str, *, at: datetime) -> Epoch:
    """The epoch of that id, if it takes new tokens at this time.

    Raises:
        EpochClosedError: Another epoch is current, or none is.
    """
    epoch = writable_epoch(epochs, at)
    if epoch is None:
        raise EpochClosedError("epoch: none is current")
    if epoch.epoch_id != epoch_id:
        raise EpochClosedError("epoch: not the current one")
    return epoch
