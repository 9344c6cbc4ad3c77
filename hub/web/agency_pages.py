"""Agencies and agreements: who takes part, how current they are, and what was agreed until when."""

from __future__ import annotations

from starlette.responses import Response

from hub.agreement_states import describe_agreement, describe_agreements
from hub.status import describe_agencies
from hub.web.visits import Visit


def show_agencies(visit: Visit) -> Response:
    """Every agency and every agreement."""
    with visit.hub.database.reading() as session:
        agencies = describe_agencies(session, at=visit.at)
        agreements = describe_agreements(session, at=visit.at)
    return visit.show("agencies.html", agencies=agencies, agreements=agreements)


def show_agreement(visit: Visit) -> Response:
    """One agreement: its parties and their signatures, what it permits, its papers."""
    with visit.hub.database.reading() as session:
        found = describe_agreement(session, visit.part("agreement"), at=visit.at)
    return visit.show("agreement.html", agreement=found)
