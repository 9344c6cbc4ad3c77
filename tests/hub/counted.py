"""A partnership whose people are known: agencies, an agreement, records, months and clusters, as tables.

What pushes and a linking run would leave, written at once, so that a count can be held against the people.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, update

from hub.database import Database
from hub.linking_models import ClusterMember, LinkRun, LinkState
from hub.models import Agency, Agreement, AgreementParty, Consent, Record
from hub.month_models import RecordMonths
from hub.months import month_of

AT = datetime(2026, 6, 15, 12, tzinfo=UTC)
AGREEMENT = "cohorts"
RUN = 1


@dataclass
class Partnership:
    """The hub's tables with people in them; a record is named by agency and number."""

    database: Database
    rng: random.Random = field(default_factory=lambda: random.Random(5))
    handles: dict[tuple[str, int], str] = field(default_factory=dict)
    clusters: int = 0

    def begin(self, services: dict[str, str], **agreement: Any) -> None:
        """Agencies by id with their service, who have agreed to be counted, and a linking run."""
        with self.database.writing() as session:
            for agency, service in services.items():
                session.add(
                    Agency(
                        agency=agency, name=agency, service=service, area=None, custodian=False,
                        state="confirmed", as_of=AT - timedelta(days=3),
                    )
                )  # fmt: skip
            session.flush()
            session.add(
                LinkRun(
                    run=RUN, kind="full", state="complete", epoch="2026-1", schema_digest="", model_digest="",
                    index_digest="", started=AT, completed=AT, records=0, tokens=0,
                )
            )  # fmt: skip
            session.flush()
            session.execute(update(LinkState).values(run=RUN))
        self.agree(AGREEMENT, sorted(services), **agreement)

    def agree(
        self,
        name: str,
        parties: Sequence[str],
        *,
        purposes: Sequence[str] = ("cohort_identification", "statistics"),
        bases: Sequence[str] = ("public_task",),
        unsigned: Sequence[str] = (),
        days: int = 30,
        expires: datetime = AT + timedelta(days=200),
    ) -> None:
        """An agreement, signed by all parties but some."""
        document = {
            "agreement": name,
            "purposes": list(purposes),
            "lawful_bases": list(bases),
            "maximum_age_days": days,
        }
        with self.database.writing() as session:
            session.add(
                Agreement(
                    agreement=name, digest="", document=json.dumps(document),
                    not_before=AT - timedelta(days=100), expires=expires,
                )
            )  # fmt: skip
            session.flush()
            for party in parties:
                signature = None if party in unsigned else "signed"
                session.add(AgreementParty(agreement=name, agency=party, signature=signature, signed_at=AT))

    def add(self, *records: tuple[str, str | None, str | None, str | None], times: int = 1) -> list[int]:
        """So many people, each with these records: agency, area, month of opening, month of closing.

        Returns:
            Their clusters.
        """
        found = []
        with self.database.writing() as session:
            for _ in range(times):
                self.clusters += 1
                found.append(self.clusters)
                for agency, area, opened, closed in records:
                    handle = f"{self.rng.getrandbits(128):032x}"
                    number = sum(one == agency for one, _ in self.handles)
                    self.handles[agency, number] = handle
                    row = Record(agency=agency, handle=handle, area=area, card=b"", sha256=b"")
                    session.add(row)
                    session.flush()
                    if opened or closed:
                        session.add(
                            RecordMonths(record=row.record, opened=_month(opened), closed=_month(closed))
                        )
                    session.add(ClusterMember(run=RUN, agency=agency, handle=handle, cluster=self.clusters))
        return found

    def take_off(self, cluster: int, agency: str) -> None:
        """Take a person's records at an agency off the hub: sealed, or closed and removed."""
        with self.database.writing() as session:
            chosen = (ClusterMember.cluster == cluster, ClusterMember.agency == agency)
            handles = [row.handle for row in session.query(ClusterMember).where(*chosen)]
            session.execute(delete(ClusterMember).where(*chosen))
            session.execute(delete(Record).where(Record.agency == agency, Record.handle.in_(handles)))

    def handles_of(self, clusters: Iterable[int], agency: str) -> list[str]:
        """An agency's handles of some people, sorted."""
        with self.database.reading() as session:
            rows = session.query(ClusterMember).where(
                ClusterMember.cluster.in_(list(clusters)), ClusterMember.agency == agency
            )
            return sorted(row.handle for row in rows)

    def consent(self, agency: str, handle: str, *, version: int = 1, **changes: Any) -> None:
        """A version of a record's consent: for everybody and for counting, but for the changes."""
        document = {
            "consent": handle[::-1],
            "version": version,
            "recipients": ["*"],
            "purposes": ["cohort_identification", "statistics"],
            "data_classes": ["known_to"],
            "valid_from": "2026-01-01T00:00:00Z",
            "valid_until": None,
            "withdrawn_at": None,
            "objected_at": None,
        } | changes
        with self.database.writing() as session:
            session.add(Consent(agency=agency, handle=handle, version=version, document=json.dumps(document)))


def _month(text: str | None) -> int | None:
    return None if text is None else month_of(text)
