"""What a linking run leaves for the next: scored pairs and parameters, as arrays and one JSON document.

Written when pairs are scored, which is most of the work, so that a killed run goes on from there; and by
every increment. It holds handles and pairs, no tag and no value, and goes when a new epoch begins.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from hub.linking_index import DIGEST_BYTES, IndexRecords, Reference
from hub.linking_models import LinkArray, LinkRun
from hub.pair_lists import PairArray, array_name, pair_arrays
from matcher.increments import LinkedIndex
from matcher.linking import first_tokens
from matcher.model import format_model, parse_model
from matcher.scoring import LinkingParameters, RecordPairs

HANDLE_BYTES = 16
_PAIR_ARRAYS = ("left", "right", "pattern", "log_odds", "posterior")
_PARAMETER_ARRAYS = ("priors", "same_area", "known", "crowding")
_SCALARS = ("area_odds", "usual_neighbours", "usual_weak", "reference_records")


@dataclass(frozen=True, slots=True, repr=False)
class Scored:
    """An index whose pairs are scored, and which record is whose.

    Attributes:
        linked: Pairs and parameters.
        agencies: The agencies the parameters were estimated with; codes are indexes into it.
        references: Agency and handle of each record.
        digests: Digest of what each record was compared by.
        lists: Pairs across agencies by array name (`hub.pair_lists`), kept with the rest and not loaded.
    """

    linked: LinkedIndex
    agencies: tuple[str, ...]
    references: tuple[Reference, ...]
    digests: tuple[bytes, ...]
    lists: Mapping[str, PairArray]

    @staticmethod
    def of(linked: LinkedIndex, records: IndexRecords, agencies: tuple[str, ...]) -> Scored:
        """The records of an index with their pairs."""
        area = records.tokens.area[first_tokens(records.tokens)]
        lists = dict(pair_arrays(linked, agencies, records.references, area))
        return Scored(linked, agencies, records.references, records.digests, lists)


def save_scored(session: Session, run: LinkRun, scored: Scored) -> None:
    """Keep what a run has scored, in place of what was kept for it before."""
    parameters = scored.linked.parameters
    run.fitted_digest = parameters.model.digest
    run.parameters = json.dumps(
        {name: getattr(parameters, name) for name in _SCALARS}
        | {"agencies": scored.agencies, "records": scored.linked.record_count}
        | {"model": format_model(parameters.model), "shipped": format_model(parameters.shipped)}
    )
    session.flush()
    forget_scored(session, run.run)
    for name, array in (_arrays(scored) | dict(scored.lists)).items():
        session.execute(insert(LinkArray).values(run=run.run, name=name, data=_packed(array)))


def load_scored(session: Session, run: LinkRun) -> Scored:
    """What a run has kept. A model comes back as its file says it, to nine digits."""
    stored = select(LinkArray.name, LinkArray.data).where(
        LinkArray.run == run.run, LinkArray.name.not_like(array_name("%"))
    )
    arrays = {name: np.load(io.BytesIO(data), allow_pickle=False) for name, data in session.execute(stored)}
    document = json.loads(run.parameters or "")
    parameters = LinkingParameters(
        model=parse_model(document["model"]),
        shipped=parse_model(document["shipped"]),
        **{name: document[name] for name in _SCALARS},
        **{name: arrays[name] for name in _PARAMETER_ARRAYS},
    )
    pairs = RecordPairs(**{name: arrays[name] for name in _PAIR_ARRAYS})
    agencies = tuple(document["agencies"])
    return Scored(
        linked=LinkedIndex(pairs, parameters, document["records"]),
        agencies=agencies,
        references=_references(arrays, agencies),
        digests=tuple(row.tobytes() for row in arrays["digests"]),
        lists={},
    )


def is_scored(session: Session, run: LinkRun) -> bool:
    """Whether what a run has scored is still kept."""
    return session.scalar(select(LinkArray.name).where(LinkArray.run == run.run).limit(1)) is not None


def agencies_of(run: LinkRun) -> tuple[str, ...]:
    """The agencies that a scored run's parameters were estimated with."""
    return tuple(json.loads(run.parameters or "{}").get("agencies", ()))


def forget_scored(session: Session, run: int) -> None:
    """Delete a run's arrays."""
    session.execute(
        delete(LinkArray).where(LinkArray.run == run), execution_options={"synchronize_session": False}
    )


def _arrays(scored: Scored) -> dict[str, np.ndarray[Any, Any]]:
    code = {agency: number for number, agency in enumerate(scored.agencies)}
    handles = b"".join(bytes.fromhex(handle) for _, handle in scored.references)
    digests = np.frombuffer(b"".join(scored.digests), np.uint8)
    linked = scored.linked
    return {
        **{name: getattr(linked.pairs, name) for name in _PAIR_ARRAYS},
        **{name: getattr(linked.parameters, name) for name in _PARAMETER_ARRAYS},
        "agency": np.array([code[agency] for agency, _ in scored.references], np.int64),
        "handles": np.frombuffer(handles, np.uint8).reshape(-1, HANDLE_BYTES),
        "digests": digests.reshape(-1, DIGEST_BYTES),
    }


def _references(
    arrays: Mapping[str, np.ndarray[Any, Any]], agencies: tuple[str, ...]
) -> tuple[Reference, ...]:
    handles = arrays["handles"].tobytes().hex()
    width = 2 * HANDLE_BYTES
    return tuple(
        (agencies[code], handles[n * width : (n + 1) * width])
        for n, code in enumerate(arrays["agency"].tolist())
    )


def _packed(array: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
