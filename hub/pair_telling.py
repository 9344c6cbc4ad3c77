"""Of which pairs both their agencies may be told: to both, or to neither.

Being told of a pair is being told that the other agency knows the person. So each agency must be one that
may be told of the other's record for referral de-duplication, by the rules of look-ups (`hub.disclosure`),
each on the consent that it has itself recorded for its own. Somebody in whose records there one consent is
withdrawn, or who objected, is in no pair. Nobody reads a queue under a public task: that is asked for one
person, with a reason and an approver.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.consent import consents_in_force
from hub.disclosure import HolderConsent
from hub.linking_index import Reference
from hub.linking_models import ClusterMember, LinkState
from hub.live_agreements import LiveAgreement
from hub.models import Agency
from hub.outcomes import Asked, find_no_answer, may_tell
from hub.pairs import rows_of
from hub.purposes import ConsentBasis, Purpose, kind_of

PURPOSE = Purpose.REFERRAL_DEDUPLICATION
CLUSTERS_AT_ONCE = 500

# The own record, and the other agency's.
Pair = tuple[Reference, Reference]


@dataclass(frozen=True, slots=True, repr=False)
class Told:
    """A pair that may be told of, and the consents that decided it."""

    own: HolderConsent
    other: HolderConsent


def tell_pairs(
    session: Session, pairs: Sequence[Pair], *, agreements: Sequence[LiveAgreement], at: datetime
) -> dict[Pair, Told]:
    """Those of some pairs of which both agencies may be told, on what is recorded now.

    Args:
        session: A session.
        pairs: Pairs of one agency's records with other agencies'.
        agreements: Those in force that the agency has signed.
        at: Now.
    """
    # Whoever has recorded no consent is in no pair, which for most is all there is to ask.
    consented = consents_in_force(session, (end for pair in pairs for end in pair))
    likely = [(own, other) for own, other in pairs if own in consented and other in consented]
    records = {end for pair in likely for end in pair}
    there = {(row.agency, row.handle) for row in rows_of(session, "records", "t.agency, t.handle", records)}
    consents = _decisive_consents(session, there)
    agencies = {row.agency: row for row in session.scalars(select(Agency))}
    decided: dict[tuple[str, str, HolderConsent, HolderConsent], bool] = {}
    told = {}
    for own, other in likely:
        mine, theirs = consents.get(own), consents.get(other)
        if mine is None or theirs is None:
            continue
        key = own[0], other[0], mine, theirs  # The rules say the same of records alike.
        if key not in decided:
            decided[key] = all(
                _may_be_told(asker, basis, agencies[holder], consent, agreements=agreements, at=at)
                for asker, basis, holder, consent in (
                    (own[0], mine, other[0], theirs),
                    (other[0], theirs, own[0], mine),
                )
            )
        if decided[key]:
            told[own, other] = Told(mine, theirs)
    return told


def _may_be_told(
    asker: str,
    own: HolderConsent,
    holder: Agency,
    consent: HolderConsent,
    *,
    agreements: Sequence[LiveAgreement],
    at: datetime,
) -> bool:
    """Whether an agency may learn of another's record, on the consent it has recorded for its own."""
    asked = Asked(asker, "", PURPOSE, None, agreements, at)
    scope = frozenset(purpose for purpose in Purpose if purpose in own.purposes)
    # That its own consent holds now is asked when the other agency is the asker.
    basis = ConsentBasis(own.valid_from, "recorded", scope)
    no_answer = find_no_answer(asked, holder.agency, as_of=holder.as_of, basis=kind_of(basis))
    return no_answer is None and may_tell(asked, basis=basis, consent=consent)


def _decisive_consents(session: Session, records: Iterable[Reference]) -> dict[Reference, HolderConsent]:
    """Each record's consent; a no on another record of the person at the same agency decides."""
    mates = _cluster_mates(session, records)
    every = {one for own in mates.values() for one in own} | mates.keys()
    consents = consents_in_force(session, every)
    found = {}
    for record, others in mates.items():
        recorded = [consents.get(one) for one in (record, *sorted(others))]
        refused = (one for one in recorded if one is not None and (one.withdrawn_at or one.objected_at))
        consent = next(refused, recorded[0])
        if consent is not None:
            found[record] = consent
    return found


def _cluster_mates(session: Session, records: Iterable[Reference]) -> Mapping[Reference, set[Reference]]:
    """The other records of the same agency that are held to be the same person, by record."""
    run = session.get_one(LinkState, 1).run
    mates: dict[Reference, set[Reference]] = {record: set() for record in records}
    if run is None:
        return mates
    # Of one run: the key of the table begins with it.
    members_of_run = f"(SELECT agency, handle, cluster FROM cluster_members WHERE run = {run:d})"
    rows = rows_of(session, members_of_run, "t.agency, t.handle, t.cluster", mates)
    cluster_of = {(row.agency, row.handle): row.cluster for row in rows}
    members: dict[tuple[str, int], set[Reference]] = defaultdict(set)
    clusters = sorted(set(cluster_of.values()))
    for start in range(0, len(clusters), CLUSTERS_AT_ONCE):
        chosen = ClusterMember.cluster.in_(clusters[start : start + CLUSTERS_AT_ONCE])
        for row in session.execute(
            select(ClusterMember.agency, ClusterMember.handle, ClusterMember.cluster).where(
                ClusterMember.run == run, chosen
            )
        ):
            members[row.agency, row.cluster].add((row.agency, row.handle))
    for record, cluster in cluster_of.items():
        mates[record] = members[record[0], cluster] - {record}
    return mates
