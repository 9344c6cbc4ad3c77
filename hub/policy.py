"""The rules of disclosure as people read them and as the log names them: tables in Markdown, and one digest.

Everything here is made from the rules themselves, so that what an information governance lead signs off is
what decides. docs/disclosure.md is `format_rules()`, held to it by a test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.disclosure import RULES, Rule
from hub.live_agreements import live_agreements
from hub.models import Agency
from hub.purposes import (
    APPROVAL_LIFE,
    CARD_OF_PURPOSE,
    EMERGENCY_LIFE,
    PURPOSES_OF_ROLE,
    ConsentBasis,
    EmergencyBasis,
    PublicTaskBasis,
    Purpose,
)
from hub.settings import HubSettings
from keys.documents import canonical_bytes

# The code that decides. Its bytes are in the digest: no rule changes without the log saying so, at the price
# of a new digest for a changed comment.
DECIDING_MODULES = (
    "disclosure.py",
    "live_agreements.py",
    "purposes.py",
    "lookups.py",
    "questions.py",
    "candidates.py",
    "matching.py",
    "telling.py",
    "outcomes.py",
    "repeats.py",
    "emergencies.py",
    "approvals.py",
    "consent.py",
    "pair_lists.py",
    "pair_telling.py",
    "pair_queue.py",
    "pair_reading.py",
    "pair_deciding.py",
)
BASIS_WORDS = {ConsentBasis: "consent", PublicTaskBasis: "public task", EmergencyBasis: "emergency"}
Row = Sequence[object]

INTRODUCTION = """\
# What may be disclosed

This page is made from the rules in `hub/disclosure.py` by `knownto hub policy`, and a test holds it to
them. At a hub, that command also prints the settings, the agencies each purpose reaches, and the digest
that log entries name.

Everybody is matched and weighed first; these lines come last. They are read from the top for each case and
each agency that has a matching record, and **the first that applies withholds the answer**. Whoever asks is
then told *No shared match*, in the same bytes as for somebody unknown; only where no agreement covers the
question (`no_agreement`) is it *Not asked*, and that too is told alike about everybody. The reason stands in
the log, for information governance and for the agency that holds the record."""

OF_PURPOSES = """\
## What is shown, by purpose

Where no line applies, this is shown. A purpose with nothing to show is never answered about a person. The
agencies a purpose reaches are the parties of live agreements that name it: an agreement of its own, with
fewer parties, gives a purpose its own circle."""

OF_BASES = """\
## By what right

A partnership's agreements say which bases it relies on; each case of a look-up says which is its own."""


def policy_document(settings: HubSettings) -> dict[str, Any]:
    """All that decides who is shown what: the rules' code and words, and the settings they work with."""
    return {
        "format": "policy/1",
        "code": {name: _sha256_of(name) for name in DECIDING_MODULES},
        "rules": [
            {"reason": str(rule.reason), "bases": _bases_of(rule), "words": rule.words} for rule in RULES
        ],
        "card": {str(purpose): shown for purpose, shown in CARD_OF_PURPOSE.items()},
        "settings": settings_of(settings),
    }


def policy_digest(settings: HubSettings) -> str:
    """The digest that log entries name, lower-case hex."""
    return hashlib.sha256(canonical_bytes(policy_document(settings))).hexdigest()


def settings_of(settings: HubSettings) -> dict[str, str]:
    """The settings that bear on an answer, as text: signed documents hold no floats."""
    return {
        "known_posterior": f"{settings.known_posterior:.4f}",
        "possibly_posterior": f"{settings.possibly_posterior:.4f}",
        "staff_cases_per_day": str(settings.staff_cases_per_day),
        "node_cases_per_day": str(settings.node_cases_per_day),
    }


def reached_agencies(session: Session, *, at: datetime) -> dict[str, list[str]]:
    """By purpose, the agencies that live agreements let ask and answer for it, sorted."""
    reached: dict[str, set[str]] = {str(purpose): set() for purpose in CARD_OF_PURPOSE}
    for agency in session.scalars(select(Agency.agency)):
        for agreement in live_agreements(session, agency, at=at):
            for purpose in agreement.purposes & set(reached):
                reached[purpose].add(agency)
    return {purpose: sorted(agencies) for purpose, agencies in reached.items()}


def format_rules() -> str:
    """The page: the order of decisions, what each purpose shows, what each basis needs."""
    order = [
        (number, ", ".join(_bases_of(rule)) or "every basis", rule.words, f"`{rule.reason}`")
        for number, rule in enumerate(RULES, start=1)
    ]
    parts = (
        INTRODUCTION,
        format_table(("", "asked under", "withheld where", "reason in the log"), order),
        OF_PURPOSES,
        format_table(("purpose", "who may ask", "shown"), [_purpose_row(purpose) for purpose in Purpose]),
        OF_BASES,
        format_table(("basis", "needs", "holds for", "cannot lift"), _basis_rows()),
    )
    return "\n\n".join(parts) + "\n"


def describe_policy(session: Session, settings: HubSettings, *, at: datetime) -> dict[str, Any]:
    """The policy in force at a hub, with its digest and the agencies it reaches now."""
    return {
        "digest": policy_digest(settings),
        **policy_document(settings),
        "agencies": reached_agencies(session, at=at),
    }


def format_policy(described: Mapping[str, Any]) -> str:
    """A described policy as a page: the rules, then what holds at this hub."""
    reached = [(f"`{purpose}`", ", ".join(ids) or "none") for purpose, ids in described["agencies"].items()]
    parts = (
        format_rules(),
        "## At this hub",
        format_table(("setting", "value"), [(f"`{k}`", v) for k, v in described["settings"].items()]),
        format_table(("purpose", "agencies, by the agreements live now"), reached),
        f"Digest of these rules and settings (`policy` in the log): `{described['digest']}`",
    )
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def format_table(headings: Sequence[str], rows: Sequence[Row]) -> str:
    """A table in Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _purpose_row(purpose: Purpose) -> Row:
    roles = [str(role) for role, purposes in PURPOSES_OF_ROLE.items() if purpose in purposes]
    shown = {True: "answer word, evidence, card", False: "answer word, evidence", None: "nothing"}
    return f"`{purpose}`", ", ".join(roles) or "nobody", shown[CARD_OF_PURPOSE.get(purpose)]


def _basis_rows() -> list[Row]:
    no = "a seal, a withdrawal, an objection"
    minutes = EMERGENCY_LIFE.seconds // 60
    return [
        (
            "consent",
            "the asker's consent for the purpose, and the holder's own record of consent: recipient, "
            "purpose, dates; with `contact` for the card",
            "as long as the holder's record says, read anew for every look-up",
            no,
        ),
        (
            "public task",
            "an override for one person, purpose and asker: a reason, typed at the asking agency, "
            "and an approver there who is not the asker",
            f"{APPROVAL_LIFE.days} days from the approval",
            no,
        ),
        (
            "emergency",
            "a reason, typed at the asking agency; one person, one purpose; reviewed afterwards at both "
            "sides",
            f"{minutes} minutes from the declaration",
            no,
        ),
    ]


def _bases_of(rule: Rule) -> list[str]:
    return [BASIS_WORDS[basis] for basis in rule.bases or ()]


def _sha256_of(module: str) -> str:
    return hashlib.sha256(files("hub").joinpath(module).read_bytes()).hexdigest()
