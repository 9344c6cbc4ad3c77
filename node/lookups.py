"""The look-up: which services know these people? Asked with tokens and probes, answered in five words.

Case references and typed reasons stay here; the hub learns a number for each case. Every agency of the
network is answered for every case, so a missing line is an error and never read as "No shared match".
"""

from __future__ import annotations

import json
import re
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from keys.actors import Actor
from keys.cards import open_card
from keys.errors import CustodyError, KeyFormatError
from keys.formats import decode_base64, encode_base64
from node.answer_cards import read_card
from node.answers import DISCLOSED, AnswerWord, Evidence, parse_evidence, word_of
from node.bases import Basis
from node.encoding import EncodedCase, encode_cases
from node.errors import IntegrityError, RecordFormatError
from node.home import EpochKey, Node
from node.identifiers import Case
from node.membership import Agency, fetch_agencies, saying_why_no_agreement
from node.outbox import send_waiting
from node.pushing import format_token
from node.receipts import accept_answer, keep_asked
from node.settings import ID_PATTERN
from node.slots import LinkageKeyProvider
from node.times import parse_time
from node.witnessing import witness_log

MOST_CASES = 50  # docs/protocol.md section 9
LOOKUP_PURPOSES = ("case_conference", "single_lookup", "referral_deduplication", "safeguarding_panel")


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, and what for.

    Attributes:
        staff: Staff id of the person who asks.
        role: Their role, as this agency vouches.
        purpose: One of `LOOKUP_PURPOSES`.
        conference: Reference of the conference, or None.
        agencies: Which agencies to ask, or None for all.
    """

    staff: str
    role: str
    purpose: str
    conference: str | None = None
    agencies: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, repr=False)
class AgencyAnswer:
    """One agency's answer about one case.

    Attributes:
        agency: The agency's id.
        name: Its name.
        word: One of the five words.
        open: Whether the case is open there; None where not said.
        last_contact: Month of the last contact, YYYY-MM, or None.
        team: The team to ring, or None.
        evidence: Why, where the word is Known or Possibly known.
        card_unreadable: The agency's card does not open (its node used another key), or is no card.
        card_withheld: It is known there, and neither the purpose nor the person's consent reaches the card.
    """

    agency: str
    name: str
    word: AnswerWord
    open: bool | None = None
    last_contact: str | None = None
    team: str | None = None
    evidence: Mapping[str, Any] | None = None
    card_unreadable: bool = False
    card_withheld: bool = False

    def explain(self) -> Evidence | None:
        """The evidence, read."""
        return None if self.evidence is None else parse_evidence(self.evidence)


@dataclass(frozen=True, slots=True, repr=False)
class CaseResult:
    """All agencies' answers about one case, sorted by agency."""

    case_ref: str
    row: int
    answers: tuple[AgencyAnswer, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far the agencies asked are up to date.

    Attributes:
        agencies: How many were asked about at least one case.
        stale: Those of them that have not shared, or too long ago, sorted.
    """

    agencies: int
    stale: tuple[str, ...]

    @property
    def up_to_date(self) -> int:
        """How many are up to date."""
        return self.agencies - len(self.stale)

    @property
    def words(self) -> str:
        """The line of a sheet."""
        return f"{self.up_to_date} of {self.agencies} agencies up to date"


@dataclass(frozen=True, slots=True, repr=False)
class LookupResult:
    """A look-up's answer, verified and opened."""

    request: str
    log_index: int
    answered_at: datetime
    cases: tuple[CaseResult, ...]
    coverage: Coverage

    def agency_titles(self) -> dict[str, str]:
        """What to call each agency, in the order of the answers: its name, with its id where others have it.

        `case` counts as taken: it heads the column of case references.
        """
        names = {answer.agency: answer.name for case in self.cases for answer in case.answers}
        with_id = {agency: f"{name} ({agency})" for agency, name in names.items()}
        taken = Counter(title.casefold() for title in ("case", *names.values(), *with_id.values()))
        return {
            agency: name if taken[name.casefold()] == 1 else with_id[agency] for agency, name in names.items()
        }

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Agencies with a card that cannot be read."""
        found = {answer.agency for case in self.cases for answer in case.answers if answer.card_unreadable}
        return tuple(sorted(found))


def askable_cases(node: Node, cases: Sequence[Case]) -> list[Case]:
    """Those of the cases of which anything can be asked under the fields that the partnership shares."""
    epoch = node.epoch_key()
    provider = LinkageKeyProvider(epoch.linkage_key, epoch.schema.digest)
    encoded = encode_cases(epoch.schema, provider, cases)
    return [case for case, of_case in zip(cases, encoded, strict=True) if of_case.tokens]


def look_up(node: Node, cases: Sequence[tuple[Case, Basis]], asking: Asking) -> LookupResult:
    """Ask the hub about some cases.

    Args:
        node: The asking node.
        cases: 1 to 50 cases, each with its lawful basis.
        asking: Who asks, and what for.

    Raises:
        RecordFormatError: Too many cases, or one of which nothing can be asked.
        HubRefusedError: The hub refused the look-up.
        IntegrityError: The answer is not complete, not for this question, or not proved to be in the log.
    """
    if not 1 <= len(cases) <= MOST_CASES:
        rule = f"has {len(cases)} cases to ask about, and a look-up takes 1 to {MOST_CASES}: split the list"
        raise RecordFormatError("case list", rule)
    _require_conference(asking)
    send_waiting(node)
    witness_log(node)
    epoch, client = node.epoch_key(), node.client(Actor(asking.staff, asking.role))
    agencies = fetch_agencies(client, node.store)
    _require_askable(asking, agencies, own=node.settings.agency)
    provider = LinkageKeyProvider(epoch.linkage_key, epoch.schema.digest)
    encoded = encode_cases(epoch.schema, provider, [case for case, _ in cases])
    body = _format_request(epoch, cases, encoded, asking)
    others = [agencies[agency] for agency in sorted(agencies) if agency != node.settings.agency]
    keep_asked(node.store, body)
    with saying_why_no_agreement(node):
        answer = client.call("POST", "/v1/lookups", body)
    ids = [other.agency for other in others]
    accept_answer(node, answer, asked=body, others=ids, signature=client.signature)
    return _read_answer(answer, request=body["request"], cases=cases, others=others, epoch=epoch)


def _require_conference(asking: Asking) -> None:
    if asking.conference is not None and not re.fullmatch(ID_PATTERN, asking.conference):
        rule = "must be lower-case letters, digits and hyphens, such as mdt-2026-11"
        raise RecordFormatError("look-up", rule, field="conference")


def _require_askable(asking: Asking, agencies: Mapping[str, Agency], *, own: str) -> None:
    if own in (asking.agencies or ()):
        rule = "names this agency itself, which is not asked: leave it out, and look in your own records"
        raise RecordFormatError("look-up", rule, field="agencies")
    if set(asking.agencies or ()) - set(agencies):
        rule = f"names an agency the network does not have; it has {', '.join(sorted(agencies))}"
        raise RecordFormatError("look-up", rule, field="agencies")


def _format_request(
    epoch: EpochKey, cases: Sequence[tuple[Case, Basis]], encoded: Sequence[EncodedCase], asking: Asking
) -> dict[str, Any]:
    return {
        "format": "lookup/1",
        "request": secrets.token_hex(16),
        "epoch": epoch.epoch,
        "schema_digest": epoch.schema.digest,
        "staff": asking.staff,
        "role": asking.role,
        "purpose": asking.purpose,
        "conference": asking.conference,
        "agencies": None if asking.agencies is None else sorted(asking.agencies),
        "cases": [
            _format_case(number, case, of_case, basis.format(asking.purpose))
            for number, ((case, basis), of_case) in enumerate(zip(cases, encoded, strict=True))
        ],
    }


def _format_case(number: int, case: Case, encoded: EncodedCase, basis: Mapping[str, Any]) -> dict[str, Any]:
    if not encoded.tokens:
        raise RecordFormatError("case list", "nothing can be asked under this schema", row=case.row)
    return {
        "case": number,
        "tokens": [format_token(token) for token in encoded.tokens],
        "area": case.area,
        "probes": [
            {"token": probe.token, "probe": probe.probe_id, "variants": encode_base64(probe.variants)}
            for probe in encoded.probes
        ],
        "basis": dict(basis),
    }


def _read_answer(
    document: Mapping[str, Any],
    *,
    request: str,
    cases: Sequence[tuple[Case, Basis]],
    others: Sequence[Agency],
    epoch: EpochKey,
) -> LookupResult:
    try:
        if (document["format"], document["request"]) != ("answer/1", request):
            raise IntegrityError("the hub answered another request")
        if [entry["case"] for entry in document["cases"]] != list(range(len(cases))):
            raise IntegrityError("the hub did not answer every case once")
        results = tuple(
            _read_case(entry["answers"], case, others, epoch)
            for entry, (case, _) in zip(document["cases"], cases, strict=True)
        )
        index, answered_at = int(document["log_index"]), parse_time(document["answered_at"])
    except (KeyError, TypeError, ValueError):
        raise IntegrityError("the hub's answer is not of the form answer/1") from None
    return LookupResult(request, index, answered_at, results, coverage_of(results))


def _read_case(
    entries: Sequence[Mapping[str, Any]], case: Case, others: Sequence[Agency], epoch: EpochKey
) -> CaseResult:
    if [entry["agency"] for entry in entries] != [other.agency for other in others]:
        raise IntegrityError("the hub did not answer for every agency once")
    answers = (_read_agency(entry, other, epoch) for entry, other in zip(entries, others, strict=True))
    return CaseResult(case.case_ref, case.row, tuple(answers))


def _read_agency(entry: Mapping[str, Any], agency: Agency, epoch: EpochKey) -> AgencyAnswer:
    word = word_of(entry["answer"])
    if entry["answer"] not in DISCLOSED:
        return AgencyAnswer(agency.agency, agency.name, word)
    evidence = json.loads(decode_base64(entry["evidence"], field="evidence"))
    parse_evidence(evidence)
    try:
        sealed = decode_base64(entry["card"], field="card")
        if not any(sealed):  # The purpose or the person's consent does not reach the card.
            return AgencyAnswer(agency.agency, agency.name, word, evidence=evidence, card_withheld=True)
        plain = open_card(epoch.linkage_key, sealed, epoch=epoch.epoch, agency=agency.agency)
        card = read_card(plain)
    except (CustodyError, KeyFormatError, ValueError):
        return AgencyAnswer(agency.agency, agency.name, word, evidence=evidence, card_unreadable=True)
    shown = (card.open, card.last_contact, card.team)
    return AgencyAnswer(agency.agency, agency.name, word, *shown, evidence=evidence)


def coverage_of(cases: Sequence[CaseResult]) -> Coverage:
    """Asked means asked about at least one case; stale is a property of the agency, never of a person."""
    asked, stale = set(), set()
    for case in cases:
        for answer in case.answers:
            if answer.word is not AnswerWord.NOT_ASKED:
                asked.add(answer.agency)
            if answer.word is AnswerWord.NO_REPLY_YET:
                stale.add(answer.agency)
    return Coverage(len(asked), tuple(sorted(stale)))
