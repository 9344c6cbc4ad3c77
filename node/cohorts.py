"""Cohorts the hub has released: which there are, and this agency's own people in one, by own reference.

The hub names records by handle; what they mean is known here alone. Who is sealed here is left out, also
where the hub has not heard of it yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from node.caseload import is_in_caseload, is_sealed, reference_of
from node.client import HubClient
from node.errors import IntegrityError, RecordFormatError
from node.home import Node

COHORT = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
HANDLE = re.compile(r"[0-9a-f]{32}")
PAGE_REFERENCES = 500
NOT_THE_FORM = "the hub's answer is not a list of this agency's references"


@dataclass(frozen=True, slots=True)
class Cohort:
    """A released snapshot of a cohort."""

    cohort: str
    title: str
    day: str
    released_at: str


@dataclass(frozen=True, slots=True, repr=False)
class OwnPeople:
    """This agency's people in a cohort.

    Attributes:
        references: Own references, sorted.
        gone: Records the hub names that are not in the caseload any more, or are sealed.
    """

    references: tuple[str, ...]
    gone: int


def fetch_cohorts(client: HubClient) -> list[Cohort]:
    """The cohorts of which this agency may read its part, the newest first."""
    answer = client.call("GET", "/v1/cohorts")
    try:
        return [
            Cohort(**{name: str(entry[name]) for name in Cohort.__slots__}) for entry in answer["cohorts"]
        ]
    except (KeyError, TypeError):
        raise IntegrityError("the hub's answer is not a list of cohorts") from None


def open_cohort(node: Node, cohort: str) -> OwnPeople:
    """Read this agency's part of a cohort; the hub logs the reading.

    Raises:
        RecordFormatError: That is no cohort's name.
        HubRefusedError: None of this name is released to this agency.
        IntegrityError: The hub's answer is not of its form.
    """
    if not COHORT.fullmatch(cohort):
        raise RecordFormatError("cohort", "is a name as 'knownto cohort list' shows it", field="cohort")
    references, gone = [], 0
    for handle in _handles(node.client(), cohort):
        reference = reference_of(node.store, handle)
        if reference is None or is_sealed(node.store, handle) or not is_in_caseload(node.store, handle):
            gone += 1
        else:
            references.append(reference)
    return OwnPeople(tuple(sorted(references)), gone)


def _handles(client: HubClient, cohort: str) -> Iterator[str]:
    after = ""
    while True:
        path = f"/v1/cohorts/{cohort}/references?after={after}&limit={PAGE_REFERENCES}"
        handles, more = _read_page(client.call("GET", path), after=after)
        yield from handles
        if not more:
            return
        after = handles[-1]


def _read_page(answer: Mapping[str, Any], *, after: str) -> tuple[list[str], bool]:
    """Handles in order, behind the page before: a hub must not keep this node asking."""
    handles, more = answer.get("handles"), answer.get("more")
    if not isinstance(handles, list) or not isinstance(more, bool) or (more and not handles):
        raise IntegrityError(NOT_THE_FORM)
    for handle in handles:
        if not isinstance(handle, str) or not HANDLE.fullmatch(handle) or handle <= after:
            raise IntegrityError(NOT_THE_FORM)
        after = handle
    return handles, more
