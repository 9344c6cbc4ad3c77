"""Linking runs, and the model by which look-ups are weighed."""

from __future__ import annotations

import json

from starlette.responses import Response

from hub.epochs import current_epoch
from hub.estimation import read_weighing
from hub.linking import full_run_needed, have_changes, list_runs
from hub.membership import list_agencies
from hub.models import IndexModel
from hub.web.visits import Visit
from matcher.model_tables import model_rows, scalar_rows

RUNS_SHOWN = 50
NAMES = (
    "run", "kind", "state", "epoch", "started", "completed", "records", "pairs", "links", "clusters",
    "conflicts",
)  # fmt: skip
# The parameters that are no level's, in words.
SCALAR_WORDS = {
    "area_odds": "How much likelier a match is in the same area, as odds",
    "same_year": "Chance that two strangers share the birth year",
    "same_initials": "Chance that two strangers share both initials",
    "known_rate": "How many agencies are expected to know somebody who is asked about",
    "duplicate_rate": "Chance that a record stands twice at its own agency",
    "crowding_shape": "How unevenly initials are spread; 0 where that is not used",
}


def show_linking(visit: Visit) -> Response:
    """What waits to be linked, and the newest runs."""
    with visit.hub.database.reading() as session:
        epoch = current_epoch(session)
        needed = full_run_needed(session) if epoch else None
        waiting = epoch is not None and have_changes(session)
        runs = [{name: getattr(row, name) for name in NAMES} for row in list_runs(session)[:RUNS_SHOWN]]
    return visit.show(
        "linking.html", epoch=epoch.epoch if epoch else None, needed=needed, waiting=waiting, runs=runs,
        shown=RUNS_SHOWN,
    )  # fmt: skip


def show_model(visit: Visit) -> Response:
    """What weighs look-ups now, and every level of it."""
    with visit.hub.database.reading() as session:
        epoch = current_epoch(session)
        if epoch is None:
            return visit.show("model.html", weighing=None)
        weighing = read_weighing(session, epoch.schema)
        kept = session.get(IndexModel, epoch.schema.digest)
        fitted = None if kept is None else (kept.fitted_at, kept.in_use, json.loads(kept.known))
        names = {row.agency: row.name for row in list_agencies(session)}
    return visit.show(
        "model.html", weighing=weighing, fitted=fitted, names=names, rows=model_rows(weighing.model),
        scalars=[(SCALAR_WORDS[row["name"]], row["value"]) for row in scalar_rows(weighing.model)],
    )  # fmt: skip
