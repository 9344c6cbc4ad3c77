"""The truth of an evaluation: which record is whom, as a table `agency, local_id, person_id`."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np

from node.errors import RecordFormatError

# A record: its agency's id and its local id. Local ids repeat across agencies.
Reference = tuple[str, str]


def read_truth(path: Path) -> dict[Reference, str]:
    """Person of every record; records without one are left out, and are nobody else.

    Raises:
        RecordFormatError: The file is no table, lacks a column, or says of one record that it is two people.
    """
    truth: dict[Reference, str] = {}
    for number, row in read_table(path, "truth", "agency", "local_id", "person_id"):
        person = row["person_id"]
        if person and truth.setdefault((row["agency"], row["local_id"]), person) != person:
            raise RecordFormatError("truth", "a record stands here twice, as two people", row=number)
    return truth


def truth_about(truth: Mapping[Reference, str], agencies: Collection[str]) -> dict[Reference, str]:
    """The truth about the records of some agencies."""
    return {record: person for record, person in truth.items() if record[0] in agencies}


def count_pairs(truth: Mapping[Reference, str]) -> int:
    """Pairs of records of one person."""
    sizes = np.unique(list(truth.values()), return_counts=True)[1] if truth else np.zeros(0, np.int64)
    return int((sizes * (sizes - 1) // 2).sum())


def read_table(path: Path, kind: str, *columns: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV file with their numbers, as a spreadsheet counts them, cut to some columns.

    Raises:
        RecordFormatError: The file is no CSV table in UTF-8, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise RecordFormatError(kind, f"the header has no column {missing[0]}", row=1)
            for row in reader:
                yield reader.line_num, {name: (row[name] or "").strip() for name in columns}
    except (UnicodeDecodeError, csv.Error):
        raise RecordFormatError(kind, "is no CSV table in UTF-8") from None
