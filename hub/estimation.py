"""A model fitted to the hub's own index, and the share of the network's people that each agency knows.

Only stored slots are in the index: probes come with questions and are not kept. Such a fit counts the
patterns that stored slots show and no others, so a question's probes would be weighed by shipped parameters
and its stored slots by fitted ones. Therefore the fit is conservative: patterns that were counted get their
fitted m and u, and nothing else of the shipped model is changed or rescaled. What that does to answers is in
docs/benchmarks.md, "A model fitted to the index": sometimes better, sometimes worse than the shipped model,
so it is stored and shown, and used only when an operator says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from matcher.candidates import Meetings, stored_meetings
from matcher.linking import LinkingRun, link, share_known_elsewhere
from matcher.model import Model, shipped_model
from matcher.schema import LinkageSchema
from matcher.tokens import IntArray, TokenSet

FITTED_NAME = "fitted to the index"


@dataclass(frozen=True, slots=True)
class IndexFit:
    """What an index says of itself.

    Attributes:
        model: The shipped model with the counted patterns' fitted m and u; it carries the schema's digest.
        known: For each agency, the share of all other agencies' records whose person it knows.
        converged: Whether EM converged; an iteration limit reached is not convergence.
    """

    model: Model
    known: Mapping[str, float]
    converged: bool


def fit_index(
    schema: LinkageSchema, tokens: TokenSet, *, agency: IntArray, agencies: tuple[str, ...]
) -> IndexFit:
    """Fit a model to stored slots alone.

    Args:
        schema: The current epoch's.
        tokens: All tokens of the epoch, as slots or as peppered tags.
        agency: Agency of each record, an index into `agencies`, shape (records,).
        agencies: Ids of the agencies that hold records.
    """
    shipped = shipped_model(schema)
    meetings = Meetings.concatenate(stored_meetings(schema, tokens))
    run = link(schema, tokens, meetings, agency=agency, shipped=shipped)
    known = share_known_elsewhere(run.pairs, agency)
    return IndexFit(
        model=counted_patterns_only(run, shipped, schema),
        known={name: float(rate) for name, rate in zip(agencies, np.clip(known, 0.0, 1.0), strict=True)},
        converged=run.fit.converged,
    )


def counted_patterns_only(run: LinkingRun, shipped: Model, schema: LinkageSchema) -> Model:
    """The shipped model with the fitted m and u of the patterns that were counted, and no other change."""
    fitted = run.fit.model
    return replace(
        shipped, name=FITTED_NAME, joint=fitted.joint, schema_digest=schema.digest, notes=fitted.notes
    )
