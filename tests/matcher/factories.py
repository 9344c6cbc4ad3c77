"""Made-up people, encoded under a fixed key: what tests of the matcher compare.

A linkage key made of the bytes 0 to 31 protects nobody, which is right for people who do not exist.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from keys.linkage import LinkageKey
from matcher.candidates import Meetings, SlotIndex, stored_meetings
from matcher.patterns import compare, pattern_levels
from matcher.schema import LinkageSchema
from matcher.tokens import IntArray, TokenSet
from node.identifiers import BirthDate, Identifiers
from node.slots import Encoder, LinkageKeyProvider

KEY = LinkageKey.from_bytes(bytes(range(32)))
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def encoder_for(schema: LinkageSchema, key: LinkageKey = KEY) -> Encoder:
    """The encoder of a schema under the fixed key."""
    return Encoder(schema, LinkageKeyProvider(key, schema.digest))


def person(
    dob: str | BirthDate | None = "1980-03-27",
    forename: str | None = "john",
    surname: str | None = "smith",
    *,
    initials: str | None = None,
    chain: str | None = None,
    nhs_number: str | None = None,
    sex: str | None = None,
) -> Identifiers:
    """Somebody, as a caseload says it; `initials` (two letters, `-` for none) instead of the names."""
    birth = BirthDate(*map(int, dob.split("-"))) if isinstance(dob, str) else dob
    if initials is not None:
        forename = surname = None
    first = initials[0] if initials else forename and forename[0]
    last = initials[1] if initials else surname and surname[0]
    return Identifiers(
        birth=birth,
        forename=forename,
        surname=surname,
        forename_initial=None if first == "-" else first,
        surname_initial=None if last == "-" else last,
        chain=chain,
        nhs_number=nhs_number,
        sex=sex,
    )


Record = Sequence[Identifiers]


def tokens_of(
    schema: LinkageSchema, records: Sequence[Record], *, area: Sequence[int] | None = None
) -> TokenSet:
    """Tokens of records with one or more identities each; no area unless given, one a record."""
    encoder = encoder_for(schema)
    owner = np.asarray([index for index, record in enumerate(records) for _ in record], np.int64)
    identities = [identity for record in records for identity in record]
    columns = encoder.columns(identities)
    areas = np.full(len(records), -1, np.int64) if area is None else np.asarray(area, np.int64)
    return TokenSet(encoder.slots(columns), encoder.names(identities, columns), owner, areas[owner])


def probe_meetings(schema: LinkageSchema, tokens: TokenSet, records: Sequence[Record]) -> list[Meetings]:
    """Meetings of every record's probes with all the others."""
    encoder, index = encoder_for(schema), SlotIndex(schema, tokens)
    columns = encoder.columns([identity for record in records for identity in record])
    return [
        index.meetings_of_probe(asked, rows, variants)
        for asked, probe in enumerate(schema.asked)
        for rows, variants in encoder.probes(columns, probe)
    ]


def all_meetings(schema: LinkageSchema, tokens: TokenSet, records: Sequence[Record]) -> Meetings:
    """Meetings by stored slots and by probes."""
    return Meetings.concatenate([*stored_meetings(schema, tokens), *probe_meetings(schema, tokens, records)])


def pattern_of(schema: LinkageSchema, one: Identifiers, other: Identifiers) -> dict[str, str] | None:
    """What two people show in words, each asking the other; None where nothing meets."""
    records = [[one], [other]]
    tokens = tokens_of(schema, records)
    pairs = compare(schema, tokens, tokens, all_meetings(schema, tokens, records))
    return dict(pattern_levels(int(pairs.pattern[0]))) if len(pairs) else None


def stranger(rng: random.Random) -> Identifiers:
    """A person with initials alone, drawn alike from 60 years and 26 letters."""
    born = date(1945, 1, 1) + timedelta(days=rng.randrange(60 * 365))
    return Identifiers(
        birth=BirthDate(born.year, born.month, born.day),
        forename_initial=rng.choice(LETTERS),
        surname_initial=rng.choice(LETTERS),
        chain=str(rng.randrange(10**8, 10**9)),
        sex=rng.choice("fm"),
    )


def written_again(known: Identifiers, rng: random.Random) -> Identifiers:
    """The same person at another agency: one in five without CHAIN number, one in ten with a slip."""
    slip = rng.random()
    birth = known.birth
    assert birth is not None
    assert birth.year is not None
    if slip < 0.05:
        birth = replace(birth, year=birth.year + rng.choice([-10, -1, 1]))
    again = replace(known, birth=birth, chain=None if rng.random() < 0.2 else known.chain)
    if 0.05 <= slip < 0.10:
        again = replace(again, forename_initial=rng.choice(LETTERS))
    return again


def county(
    *, people: int, agencies: int, shared: float, seed: int
) -> tuple[list[list[Identifiers]], IntArray, IntArray]:
    """A small county: each person at one agency, and a share of them at a second.

    Returns:
        Records, the agency of each and the person of each.
    """
    rng = random.Random(seed)
    records: list[list[Identifiers]] = []
    agency: list[int] = []
    who: list[int] = []
    for number in range(people):
        known, home = stranger(rng), rng.randrange(agencies)
        records.append([known])
        agency.append(home)
        who.append(number)
        if agencies > 1 and rng.random() < shared:
            records.append([written_again(known, rng)])
            agency.append((home + 1 + rng.randrange(agencies - 1)) % agencies)
            who.append(number)
    return records, np.asarray(agency, np.int64), np.asarray(who, np.int64)
