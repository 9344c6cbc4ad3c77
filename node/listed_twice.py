"""Rows of one case list, or of a spreadsheet of referrals, that are probably one person.

Compared as the own caseload is (`node.pair_search`), among themselves and at this node alone. It is a warning
and changes nothing: every row is asked about as it stands, because twins do sit on one list, and only
somebody who looks at the files can tell. Two rows of one person cost both of them certainty (ADR 0009).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.answers import Evidence
from node.identifiers import Case
from node.pair_search import find_pairs

# More are no slips any more, and nobody reads them.
MOST_NAMED = 20


@dataclass(frozen=True, slots=True, repr=False)
class ListedTwice:
    """Two rows that are probably one person.

    Attributes:
        rows: Their numbers in the file, the earlier one first.
        posterior: Probability that they are one person.
        may_be_twins: Born on one day under one surname, with forenames that are not alike.
        evidence: What speaks for and against.
    """

    rows: tuple[int, int]
    posterior: float
    may_be_twins: bool
    evidence: Evidence

    @property
    def sentence(self) -> str:
        """What it says to whoever made the list, by row and never by value."""
        one, other = self.rows
        if self.may_be_twins:
            return f"Rows {one} and {other} may be one person twice, or twins: look before the conference."
        return f"Rows {one} and {other} are probably one person: if so, take one of them off the list."


def sentences(found: Sequence[ListedTwice]) -> list[str]:
    """What is said of a list: of the likeliest pairs, and of how many more there are."""
    chosen = sorted(found, key=lambda one: (-one.posterior, one.rows))[:MOST_NAMED]
    said = [one.sentence for one in sorted(chosen, key=lambda one: one.rows)]
    more = len(found) - len(chosen)
    return said + ([f"So may {more} more pairs of rows: is a column filled with one value?"] if more else [])


def find_listed_twice(cases: Sequence[Case]) -> list[ListedTwice]:
    """Pairs of rows that are probably one person, in the order of the list.

    Only rows that can be asked about: a parked row has too little to be compared.
    """
    found = find_pairs([case.identifiers for case in cases], areas=[case.area for case in cases])
    return [
        ListedTwice(
            rows=(cases[pair.left].row, cases[pair.right].row),
            posterior=pair.posterior,
            may_be_twins=pair.may_be_twins,
            evidence=pair.evidence,
        )
        for pair in found.pairs
        if pair.likely
    ]
