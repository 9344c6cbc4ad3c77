"""Consent of the people of this caseload: versions that count up, withdrawal that takes effect at once.

Every change is kept here first and sent straight away. If the hub cannot be reached it waits, in order, and
goes out before anything else this node does; until then this node says that the hub does not know it yet.
Refusal and withdrawal block nothing but being shown to others: the row stays in the caseload.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from node.caseload import identifiers_under, is_held, parked_row, reference_of, require_handle
from node.consent_terms import (
    EVERYONE,
    ConsentEntry,
    ConsentTerms,
    Ended,
    Refusal,
    noes,
    nothing_agreed,
    state_of,
)
from node.consent_versions import CHAIN_FIELDS, add_version, find_document, find_witness
from node.duplicates import People, same_people
from node.errors import HubRefusedError, PolicyError, RecordFormatError
from node.home import Node
from node.identifiers import BirthDate
from node.membership import agency_ids
from node.pushing import forget_shared
from node.store import Store
from node.times import format_time, parse_time

ADULT_YEARS = 18  # Family Law Reform Act 1969, section 1; parental responsibility ends there.


@dataclass(frozen=True, slots=True, repr=False)
class KeptConsent:
    """One version of one person's consent, by default the newest.

    Attributes:
        local_id: The agency's own reference.
        document: The `consent/2` document.
        witness: Who witnessed it, or None; it stays here.
        sent: Whether the hub has it.
    """

    local_id: str
    document: Mapping[str, Any]
    witness: str | None
    sent: bool

    def state(self, at: datetime) -> str:
        """In one word: given, not yet, ended, refused, withdrawn or objected."""
        return state_of(self.document, at)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came of a list.

    Attributes:
        changed: How many new versions there are.
        outdated: Entries (from 0) left out, because what is kept is newer.
        said_no: Entries left out, because the person has said no and no list lifts that.
        also: This agency's other references of the same people, on which a no was kept too, sorted.
    """

    changed: int
    outdated: tuple[int, ...] = ()
    said_no: tuple[int, ...] = ()
    also: tuple[str, ...] = ()


def record_consent(
    node: Node, local_id: str, terms: ConsentTerms, *, lifts_objection: bool = False
) -> tuple[str, ...]:
    """Keep a person's consent here, as a new version; `send_consents` sends it.

    One that ends a no ends it on every record that is exactly the same person, or it would end nothing.

    Args:
        node: The node.
        local_id: The agency's own reference.
        terms: What the person agreed to.
        lifts_objection: Whether it is meant to end the person's withdrawal or objection.

    Returns:
        The other references of the person on which it was recorded, because they had a no.

    Raises:
        RecordFormatError: The caseload has no such reference, a recipient is no agency of the network, or a
            parent acted for an adult.
        PolicyError: The consent was given before the person withdrew or objected, or before a later consent;
            it would end a no and is not said to; or it is said to, and there is none.
    """
    handle = require_handle(node.store, local_id)
    _require_not_held(node.store, handle)
    if terms.captured_at > node.clock():
        raise RecordFormatError("consent", "lies in the future", field="captured_at")
    _require_child(node.store, handle, terms)
    require_recipients(node, terms.recipients)
    with node.store.transaction():
        same = same_people(node.store, [handle]) - {handle}
        refusing = {one for one in same if noes(find_document(node.store, one))}
        newest = [find_document(node.store, one) for one in (handle, *refusing)]
        if any(is_outdated(terms, one) for one in newest):
            raise PolicyError(
                "the person has withdrawn or objected since this consent was given, or has given a later "
                "one; only a later one counts: give the day it was given with --captured-at"
            )
        _require_lifting(any(map(noes, newest)), lifts_objection)
        for one in refusing:
            _require_not_held(node.store, one)
        for one in (handle, *refusing):
            add_version(node.store, one, terms.document(), terms.witness)
    return _references(node.store, refusing)


def _require_lifting(said_no: bool, lifts_objection: bool) -> None:
    """Refuse to end a no in passing, and to end one that was never said: it may be somebody else's record."""
    if said_no and not lifts_objection:
        raise PolicyError(
            "consent, local_id: this person has withdrawn or objected, on this record or on another one of "
            "theirs, and a consent does not end that by itself; if they have changed their mind, record it "
            "with --lifts-objection"
        )
    if lifts_objection and not said_no:
        raise PolicyError(
            "consent, local_id: this person has neither withdrawn nor objected, so there is nothing to lift; "
            "check the reference, or leave out --lifts-objection"
        )


def record_consents(node: Node, entries: Sequence[tuple[str, ConsentEntry]]) -> Recorded:
    """Keep many people's consents and refusals, all or none; an unchanged one makes no new version.

    What is older than what is kept is left out: an old list recorded again must neither bring back what was
    taken back nor widen what was narrowed since. A consent of somebody who has said no is left out whatever
    its day: ending a no is an act of its own, one person at a time (`record_consent`). A no is kept on every
    record that is exactly the same person, and before the list's consents, so that their order tells nothing.
    """
    named = {name for _, entry in entries if isinstance(entry, ConsentTerms) for name in entry.recipients}
    require_recipients(node, named)
    with node.store.transaction():
        return keep_consents(node, entries)


def keep_consents(node: Node, entries: Sequence[tuple[str, ConsentEntry]]) -> Recorded:
    """As `record_consents`, in a transaction of the caller's, who has looked at the recipients."""
    handles = [require_handle(node.store, local_id) for local_id, _ in entries]
    for handle, (_, entry) in zip(handles, entries, strict=True):
        if isinstance(entry, ConsentTerms):
            _require_not_held(node.store, handle)
    changed, outdated, said_no, also = 0, list[int](), list[int](), set[str]()
    numbered = [(number, handles[number], entry) for number, (_, entry) in enumerate(entries)]
    numbered.sort(key=lambda one: isinstance(one[2], ConsentTerms))
    people = People(node.store) if any(isinstance(entry, Ended) for _, entry in entries) else None
    for number, handle, entry in numbered:
        newest = find_document(node.store, handle)
        if is_outdated(entry, newest):
            outdated.append(number)
        elif isinstance(entry, ConsentTerms) and noes(newest):
            said_no.append(number)
        else:
            changed += _keep(node.store, handle, entry, at=node.clock())
            if people is not None and isinstance(entry, Ended):
                also |= _keep_on_others(node.store, people, handle, entry, at=node.clock())
    also -= set(handles)
    return Recorded(changed, tuple(sorted(outdated)), tuple(said_no), _references(node.store, also))


def _keep_on_others(store: Store, people: People, handle: str, no: Ended, *, at: datetime) -> set[str]:
    """Keep a no on every other record of the person that lacks it; in a transaction. Which they were."""
    return {
        one
        for one in people.same_as([handle]) - {handle}
        if not is_outdated(no, find_document(store, one)) and _keep(store, one, no, at=at)
    }


def spread_noes(store: Store) -> set[str]:
    """Keep everybody's no on records of theirs that lack it, in a transaction; on which, by handle."""
    handles = [row["handle"] for row in store.connection.execute("SELECT DISTINCT handle FROM consent")]
    said = {handle: document for handle in handles if noes(document := find_document(store, handle))}
    people, reached = People(store) if said else None, set[str]()
    for handle, document in said.items():
        for kind in sorted(noes(document)):
            assert people is not None and document is not None
            said_at = parse_time(document[kind.field])
            reached |= _keep_on_others(store, people, handle, Ended(kind, said_at), at=said_at)
    return reached


def _require_not_held(store: Store, handle: str) -> None:
    """A consent under a reference that stands for somebody else now would show the one for the other."""
    if is_held(store, handle):
        rule = "is held: somebody else stands under the reference than before; see to it with 'node import'"
        raise RecordFormatError("caseload", rule, row=parked_row(store, handle), field="local_id")


def _require_child(store: Store, handle: str, terms: ConsentTerms) -> None:
    """A parent decides for a child; a birth date that is weak or not whole proves no age."""
    births = [way.birth for way in identifiers_under(store, handle) or () if way.birth is not None]
    given = terms.captured_at.date()
    if terms.acted_by == "parent" and any(_is_adult(born, given) for born in births):
        rule = (
            "parent: the person was 18 or older when this was given. For an adult it is the person, an "
            "attorney or a deputy, or best_interests where they lack capacity"
        )
        raise RecordFormatError("consent", rule, field="acted_by")


def _is_adult(born: BirthDate, at: date) -> bool:
    if born.weak or not born.complete or born.year is None:
        return False
    return (at.year - born.year, at.month, at.day) >= (ADULT_YEARS, born.month, born.day)


def require_recipients(node: Node, recipients: Iterable[str]) -> None:
    """Refuse consent for an agency that the network does not have: it would reach nobody, unnoticed.

    Where the hub has never been reached there is no list to check against, and the recipients are taken.

    Raises:
        RecordFormatError: An id is none of the network's.
    """
    wanted = set(recipients) - {EVERYONE}
    known = agency_ids(node, wanted)
    if known is not None and not wanted <= known:
        rule = f"names an agency the network does not have; it has {', '.join(sorted(known))}"
        raise RecordFormatError("consent", rule, field="recipients")


def is_outdated(entry: ConsentEntry, newest: Mapping[str, Any] | None) -> bool:
    """Whether what is kept is newer: a later consent, or a no at or after this consent.

    A no of the day of the consent holds: lists say the day alone, and where it is in doubt nothing is shown.
    """
    if newest is None:
        return False
    captured_at = parse_time(newest["captured_at"])
    if isinstance(entry, Ended):
        return entry.at is not None and entry.at.date() < captured_at.date()
    ends = [parse_time(newest[kind.field]) for kind in Refusal if newest[kind.field]]
    return entry.captured_at < captured_at or any(entry.captured_at <= end for end in ends)


def withdraw_consent(node: Node, local_id: str) -> tuple[str, ...]:
    """Keep that a person withdrew; nothing is shown of them from the next look-up on.

    Returns:
        The other references that are exactly the same person, on which it was kept too, sorted.
    """
    return record_consents(node, [(local_id, Ended(Refusal.WITHDRAWN))]).also


def record_objection(node: Node, local_id: str) -> tuple[str, ...]:
    """Keep that a person objected to being looked up, whatever the basis; returns as withdrawing does."""
    return record_consents(node, [(local_id, Ended(Refusal.OBJECTED))]).also


def list_consents(store: Store, *, history: bool = False) -> list[KeptConsent]:
    """The newest consent of everybody who has one, by local reference; with `history` every version."""
    rows = store.connection.execute(
        "SELECT handle, version, content, sent FROM consent ORDER BY handle, version"
    ).fetchall()
    kept: dict[tuple[str, int], KeptConsent] = {}
    for row in rows:
        content = store.vault.open(row["content"], table="consent", handle=row["handle"])
        local_id = reference_of(store, row["handle"]) or ""
        # Versions come in order: the newest overwrites those before it unless all are asked for.
        kept[row["handle"], row["version"] if history else 0] = KeptConsent(
            local_id, content["document"], content["witness"], bool(row["sent"])
        )
    return sorted(kept.values(), key=lambda one: (one.local_id, one.document["version"]))


def expiring_consents(store: Store, *, at: datetime, days: int) -> list[KeptConsent]:
    """Consents in force that end within some days, the first to end first."""
    until = at + timedelta(days=days)

    def ends(kept: KeptConsent) -> datetime | None:
        text = kept.document["valid_until"]
        return parse_time(text) if text is not None and kept.state(at) == "given" else None

    found = [(end, kept) for kept in list_consents(store) if (end := ends(kept)) is not None and end <= until]
    return [kept for _, kept in sorted(found, key=lambda pair: (pair[0], pair[1].local_id))]


def find_consent(store: Store, local_id: str) -> Mapping[str, Any] | None:
    """The newest consent of one person of the caseload, or None.

    Raises:
        RecordFormatError: The caseload has no such reference.
    """
    return find_document(store, require_handle(store, local_id))


def count_waiting(store: Store) -> int:
    """How many consent versions the hub does not have yet."""
    row = store.connection.execute("SELECT count(*) FROM consent WHERE NOT sent").fetchone()
    return int(row[0])


def send_consents(node: Node) -> int:
    """Send what the hub does not have yet, oldest first; returns how many went.

    Raises:
        HubUnreachableError: The hub gave no answer; what has not gone waits.
        HubRefusedError: The hub refused one; it and those after it wait.
    """
    store = node.store
    rows = store.connection.execute(
        "SELECT handle, version, content FROM consent WHERE NOT sent ORDER BY rowid"
    ).fetchall()
    if not rows:
        return 0
    client = node.client()
    waiting = [
        (row["handle"], store.vault.open(row["content"], table="consent", handle=row["handle"])["document"])
        for row in rows
    ]
    for number, (handle, document) in enumerate(waiting):
        try:
            client.call("PUT", f"/v1/consents/{handle}", document)
        except HubRefusedError as error:
            if error.code == "no_agreement" and any(_ends(one) for _, one in waiting[number:]):
                forget_shared(node)
            raise
        store.connection.execute(
            "UPDATE consent SET sent = 1 WHERE handle = ? AND version = ?", (handle, document["version"])
        )
    return len(rows)


def _ends(document: Mapping[str, Any]) -> bool:
    """Whether a version takes permission away, which must hold even where the hub takes no version.

    Without a live agreement the hub takes no consent and answers nothing; but an agreement that others bring
    to life later would find the old consent in force. So the caseload comes off until this node pushes again,
    which sends what is waiting first: this version, or a grant of somebody else that stands before it.
    """
    return document["withdrawn_at"] is not None or document["objected_at"] is not None


def _keep(store: Store, handle: str, entry: ConsentEntry, *, at: datetime) -> bool:
    """Keep an entry as a new version if it changes anything. Call it inside a transaction."""
    newest = find_document(store, handle)
    if isinstance(entry, Ended):
        if newest is not None and newest[entry.kind.field] is not None:
            return False
        said = entry.at or at
        # Whoever was never asked can still say no: the refusal needs no consent before it.
        base = newest or nothing_agreed(said)
        if newest is not None:  # Of the same day: after the consent it ends.
            said = max(said, parse_time(newest["captured_at"]))
        add_version(store, handle, {**base, entry.kind.field: format_time(said)}, find_witness(store, handle))
        return True
    terms = entry.document()
    known = newest is not None and terms == {k: newest[k] for k in newest if k not in CHAIN_FIELDS}
    if known and entry.witness == find_witness(store, handle):
        return False
    add_version(store, handle, terms, entry.witness)
    return True


def _references(store: Store, handles: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(reference_of(store, handle) or "" for handle in handles))
