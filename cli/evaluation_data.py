"""Files whose truth is known, read and encoded as a partnership would: what `evaluate` measures on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from cli.evaluation_truth import Reference, count_pairs, read_table, read_truth, truth_about
from keys.linkage import LinkageKey
from matcher.candidates import Meetings
from matcher.errors import SchemaError
from matcher.schema import FIELDS, LinkageSchema, shipped_schema
from matcher.tokens import BoolArray, IntArray, TokenSet
from node.errors import RecordFormatError
from node.identifiers import Case, Record
from node.pair_search import encode, meet
from node.records import Caseload, read_caseload, read_cases
from node.slots import Encoder, LinkageKeyProvider

TABLES = (".csv", ".xlsx", ".xls", ".ods")
# Fixed, so that the same files give the same figures on every run. It protects nobody: the evaluation
# has the plain records in hand.
EVALUATION_KEY = bytes(range(32))


@dataclass(frozen=True, slots=True, repr=False)
class Population:
    """All records of all agencies, encoded.

    Attributes:
        schema: The shipped schema cut to the evaluated fields.
        agencies: Agency ids, sorted.
        tokens: Tokens of all records.
        agency: Agency of each record, shape (records,).
        person: Person of each record by the truth, shape (records,).
        areas: Area id of each area code.
        local_ids: Local id of each record; unique within its agency.
        rows: Rows of all tables, usable or not.
        true_pairs: Pairs of rows of these agencies that are one person by the truth, usable or not.
        unmet_truth: Records the truth knows at these agencies that no usable row is.
        other_truth: Records the truth knows at agencies that have no table.
        meetings: Tokens that share a stored slot or, if asked, met by a probe.
        encode_seconds, meet_seconds: Time to read and encode, and to find the meetings.
    """

    schema: LinkageSchema
    agencies: tuple[str, ...]
    tokens: TokenSet
    agency: IntArray
    person: IntArray
    areas: Mapping[str, int]
    local_ids: tuple[str, ...]
    rows: int
    true_pairs: int
    unmet_truth: int
    other_truth: int
    meetings: Meetings
    encode_seconds: float
    meet_seconds: float

    def is_match(self, left: IntArray, right: IntArray) -> BoolArray:
        """Whether pairs of records are one person by the truth."""
        return np.asarray(self.person[left] == self.person[right], dtype=np.bool_)


def parse_fields(text: str) -> LinkageSchema:
    """The schema of a comma-separated list of fields.

    Raises:
        SchemaError: A field is unknown, or nothing can be compared.
    """
    chosen = [field.strip() for field in text.split(",") if field.strip()]
    if not chosen:
        raise SchemaError(f"no fields; known are {', '.join(FIELDS)}")
    return shipped_schema(chosen)


def load_population(
    directory: Path,
    truth_file: Path | None,
    schema: LinkageSchema,
    *,
    with_probes: bool,
    today: date,
    leave_out: Sequence[Path] = (),
    advance: Callable[[int], None] = lambda _: None,
) -> Population:
    """Read, encode and meet all records of a folder.

    Args:
        directory: One table an agency; the file's stem is the agency's id.
        truth_file: `agency, local_id, person_id`; None where nothing is measured.
        schema: What to encode.
        with_probes: Ask as well as compare stored slots.
        today: Passed to the reader (two-digit years, dates in the future).
        leave_out: Tables of the folder that are no agency's.
        advance: Told of every agency read.

    Raises:
        RecordFormatError: A file cannot be read, no agency has one, or two have one name.
    """
    truth = read_truth(truth_file) if truth_file else {}
    started = time.perf_counter()
    files = _tables(directory, [path for path in (truth_file, *leave_out) if path])
    records: list[Record] = []
    agency: list[int] = []
    rows = 0
    for index, path in enumerate(files):
        caseload = _read_caseload(path, f"caseload {index + 1} of {len(files)} by name", today)
        records.extend(caseload.records)
        agency.extend([index] * len(caseload.records))
        rows += caseload.rows
        advance(1)
    agencies = tuple(path.stem for path in files)
    references = [(agencies[a], record.local_id) for a, record in zip(agency, records, strict=True)]
    here = truth_about(truth, agencies)
    shares_area = "area" in schema.fields
    areas = _area_codes([record.area for record in records]) if shares_area else {}
    encoder = evaluation_encoder(schema)
    tokens, identities = encode(encoder, [r.identifiers for r in records], [r.area for r in records], areas)
    encoded = time.perf_counter()
    meetings = meet(encoder, tokens, identities, with_probes=with_probes)
    return Population(
        schema=schema,
        agencies=agencies,
        tokens=tokens,
        agency=np.asarray(agency, dtype=np.int64),
        person=_people(references, here),
        areas=areas,
        local_ids=tuple(record.local_id for record in records),
        rows=rows,
        true_pairs=count_pairs(here),
        unmet_truth=len(here.keys() - set(references)),
        other_truth=len(truth) - len(here),
        meetings=meetings,
        encode_seconds=encoded - started,
        meet_seconds=time.perf_counter() - encoded,
    )


def evaluation_encoder(schema: LinkageSchema) -> Encoder:
    """The encoder under the evaluation's fixed key."""
    return Encoder(schema, LinkageKeyProvider(LinkageKey.from_bytes(EVALUATION_KEY), schema.digest))


def load_cases(path: Path, *, today: date) -> tuple[list[Case], list[str], int]:
    """Cases to look up, the person of each by the file's `person_id`, and how many rows were parked.

    Raises:
        RecordFormatError: The file cannot be read, or a case has no `person_id`.
    """
    listed = read_cases(path, today=today, children=True)
    rows = read_table(path, "case list", "case_ref", "person_id")
    person_of = {row["case_ref"]: row["person_id"] for _, row in rows}
    unsaid = next((case.row for case in listed.cases if not person_of.get(case.case_ref)), None)
    if unsaid is not None:
        raise RecordFormatError(
            "case list", "the truth about this case is not said", row=unsaid, field="person_id"
        )
    return list(listed.cases), [person_of[case.case_ref] for case in listed.cases], len(listed.parked)


def _tables(directory: Path, aside: Sequence[Path]) -> list[Path]:
    """The agencies' tables of a folder, by name."""
    left_out = {path.resolve() for path in aside}
    found = [path for path in sorted(directory.iterdir()) if path.suffix.lower() in TABLES]
    files = [path for path in found if path.resolve() not in left_out]
    if not files:
        raise RecordFormatError("folder", "no caseload tables in it")
    if len({path.stem for path in files}) < len(files):
        raise RecordFormatError("folder", "two tables have one name, which is to be their agency's")
    return files


def _read_caseload(path: Path, kind: str, today: date) -> Caseload:
    """A caseload; errors say which of the folder's it is, by number, for a name may say anything."""
    try:
        # What is measured may well be children.
        return read_caseload(path, today=today, children=True)
    except RecordFormatError as error:
        raise RecordFormatError(kind, error.rule, row=error.row, field=error.field) from None


def _people(references: Sequence[Reference], truth: Mapping[Reference, str]) -> IntArray:
    """Code of each record's person; a record the truth does not know is nobody else."""
    codes = {person: code for code, person in enumerate(sorted(set(truth.values())))}
    found = [codes.get(truth.get(at, ""), -1 - row) for row, at in enumerate(references)]
    return np.asarray(found, dtype=np.int64)


def _area_codes(areas: Sequence[str | None]) -> dict[str, int]:
    return {area: code for code, area in enumerate(sorted({area for area in areas if area}))}
