"""Splink 5 on plain text: the set-up that `benchmarks.splink_plain_text` measures Known To against.

It runs in an environment of its own, because Splink pins other libraries:

    python3 -m venv .venv-splink && .venv-splink/bin/pip install "splink>=5,<6"

The set-up follows Splink's documentation (DuckDB; `DateOfBirthComparison`; term-frequency adjustments; u by
random sampling; m by EM over several blocking rules; the prior by deterministic rules) and goes beyond it
where that made Splink better on these files, all of it without truth:

* one joint comparison of both names (or initials) with the levels of the documentation's "swapped" and
  fuzzy matches: errors in the two are not independent;
* u of CHAIN and NHS numbers from their number space: random pairs that agree are mostly matches, so
  that sampling would measure the match rate; one wrong digit or a transposition is a level of its own;
* blocking rules for prediction that keep every pair that could be told from chance.

Only weights and counts leave it: for each match weight, how many pairs have it and how many are true.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

COLUMNS = ("dob", "forename", "surname", "chain", "nhs_number", "sex", "area")
TRUTH = "truth.csv"
# Possible values of each number: CHAIN and FEBRL's numbers have seven digits; NHS nine and a check digit.
NUMBER_SPACE = {"chain": 1e7, "nhs_number": 1e9}
# One digit wrong (9 for each of about 7) or two neighbours exchanged.
MISTYPINGS = 70
SAMPLED_PAIRS = 1e7
SEED = 1
# Share of matches that agree on a deterministic rule, as a guess: it moves the prior, not the order of pairs.
DETERMINISTIC_RECALL = 0.8
SMALLEST_M = 1e-4
# Blocking on one field alone is affordable up to here, and finds pairs that nothing else does.
SMALL = 20_000


def load(connection: Any, directory: Path) -> int:
    """Read all agencies' tables into one, `person`, with derived columns; the number of records."""
    files = [path for path in sorted(directory.glob("*.csv")) if path.name != TRUTH]
    connection.execute("create table raw as " + " union all ".join(_select(connection, f) for f in files))
    connection.execute(
        """
        create table person as select row_number() over (order by agency, local_id) as unique_id, *,
            forename || ' ' || surname as full_name,
            left(forename, 1) as forename_initial, left(surname, 1) as surname_initial,
            left(forename, 1) || left(surname, 1) as initials,
            substr(dob, 1, 4) as year, substr(dob, 6, 2) as month, substr(dob, 9, 2) as day,
            substr(dob, 1, 7) as year_month, substr(dob, 6, 5) as month_day,
            substr(dob, 1, 4) || substr(dob, 9, 2) as year_day
        from raw
        """
    )
    return int(connection.execute("select count(*) from person").fetchall()[0][0])


def _select(connection: Any, path: Path) -> str:
    """Every column in lower case, without blanks around it, null where empty or missing."""
    table = f"read_csv('{path}', all_varchar = true, header = true)"
    present = {row[0] for row in connection.execute(f"describe select * from {table}").fetchall()}
    columns = [
        f"nullif(lower(trim({c})), '') as {c}" if c in present else f"null::varchar as {c}" for c in COLUMNS
    ]
    return f"select '{path.stem}' as agency, local_id, {', '.join(columns)} from {table}"


def comparisons(fields: Sequence[str]) -> list[Any]:
    """One comparison for each kind of evidence the fields give."""
    chosen: list[Any] = [
        date_comparison(fields),
        names_comparison() if "names" in fields else initials_comparison(),
    ]
    chosen += [number_comparison(field) for field in NUMBER_SPACE if field in fields]
    if "sex" in fields:
        chosen.append(cl.ExactMatch("sex"))
    if "area" in fields:
        chosen.append(cl.ExactMatch("area").configure(term_frequency_adjustments=True))
    return chosen


def date_comparison(fields: Sequence[str]) -> Any:
    """Splink's own beside initials; beside names, where that did better, by which parts agree.

    Both weigh an equal date by its frequency, which tames 1 January.
    """
    if "names" not in fields:
        library = cl.DateOfBirthComparison("dob", input_is_string=True, invalid_dates_as_null=False)
        return library.configure(term_frequency_adjustments=True)
    return cl.CustomComparison(
        output_column_name="dob",
        comparison_levels=[
            cll.NullLevel("dob"),
            cll.ExactMatchLevel("dob", term_frequency_adjustments=True),
            cll.CustomLevel("year_l = year_r and month_l = day_r and day_l = month_r", "exchanged"),
            cll.ExactMatchLevel("year_month"),
            cll.ExactMatchLevel("year_day"),
            cll.ExactMatchLevel("month_day"),
            cll.ExactMatchLevel("year"),
            cll.DamerauLevenshteinLevel("dob", 2),
            cll.ElseLevel(),
        ],
    )


def names_comparison() -> Any:
    """Both names, exchanged, alike by Jaro-Winkler in steps, or one of them.

    Term frequency stands where its base is right: on both names equal, and on one equal and the other not.
    """
    levels = [
        cll.And(cll.NullLevel("forename"), cll.NullLevel("surname")),
        cll.ExactMatchLevel("full_name", term_frequency_adjustments=True),
        cll.ColumnsReversedLevel("forename", "surname", symmetrical=True),
    ]
    for threshold in (0.88, 0.7):
        levels += [
            cll.And(cll.ExactMatchLevel("surname"), cll.JaroWinklerLevel("forename", threshold)),
            cll.And(cll.ExactMatchLevel("forename"), cll.JaroWinklerLevel("surname", threshold)),
            cll.And(cll.JaroWinklerLevel("forename", threshold), cll.JaroWinklerLevel("surname", threshold)),
        ]
    levels += [
        cll.ExactMatchLevel("surname", term_frequency_adjustments=True),
        cll.ExactMatchLevel("forename", term_frequency_adjustments=True),
        cll.JaroWinklerLevel("surname", 0.88),
        cll.JaroWinklerLevel("forename", 0.88),
        cll.ElseLevel(),
    ]
    return cl.CustomComparison(output_column_name="names", comparison_levels=levels)


def initials_comparison() -> Any:
    """Both initials, swapped, or one of them; term frequency on both together."""
    return cl.CustomComparison(
        output_column_name="initials",
        comparison_levels=[
            cll.NullLevel("initials"),
            cll.ExactMatchLevel("initials", term_frequency_adjustments=True),
            cll.ColumnsReversedLevel("forename_initial", "surname_initial", symmetrical=True),
            cll.ExactMatchLevel("surname_initial"),
            cll.ExactMatchLevel("forename_initial"),
            cll.ElseLevel(),
        ],
    )


def number_comparison(field: str) -> Any:
    """Equal, one typing error apart, or different; u is counted from the number space and held fixed."""
    equal = 1 / NUMBER_SPACE[field]
    probabilities = (equal, MISTYPINGS * equal, 1 - (1 + MISTYPINGS) * equal)
    levels = (cll.ExactMatchLevel(field), cll.DamerauLevenshteinLevel(field, 1), cll.ElseLevel())
    return cl.CustomComparison(
        output_column_name=field,
        comparison_levels=[cll.NullLevel(field)]
        + [
            level.configure(u_probability=u, fix_u_probability=True)
            for level, u in zip(levels, probabilities, strict=True)
        ],
    )


def prediction_rules(fields: Sequence[str], records: int) -> list[Any]:
    """Blocking rules that keep every pair which could be told from chance."""
    small = records <= SMALL
    parts = ("year_month", "year_day", "month_day")
    rules: list[Any] = [block_on("dob")]
    rules += [block_on(part, "initials") for part in parts]
    rules.append(
        "l.year = r.year and l.month = r.day and l.day = r.month and l.surname_initial = r.surname_initial"
    )
    if "names" in fields:
        rules += [block_on(part, name) for part in parts for name in ("surname", "forename")]
        rules += [block_on("forename", "surname")]
        rules += ["l.forename = r.surname and l.surname = r.forename and l.year = r.year"]
        rules += [block_on("surname"), block_on("forename")] if small else []
    elif small:
        rules += [block_on(part, f"{name}_initial") for part in parts for name in ("surname", "forename")]
        rules += [block_on("initials")]
    return rules + [block_on(field) for field in NUMBER_SPACE if field in fields]


def train(linker: Any, fields: Sequence[str]) -> None:
    """Prior by deterministic rules, u by sampling, m by EM over several blocking rules."""
    first, last = ("forename", "surname") if "names" in fields else ("forename_initial", "surname_initial")
    numbers = [field for field in NUMBER_SPACE if field in fields]
    linker.training.estimate_probability_two_random_records_match(
        [block_on("dob", first, last), *(block_on(field) for field in numbers)], recall=DETERMINISTIC_RECALL
    )
    # No early stopping: rare levels need the pairs.
    linker.training.estimate_u_using_random_sampling(
        max_pairs=SAMPLED_PAIRS, seed=SEED, min_count_per_level=None
    )
    # Sex follows from the forename among strangers too: left in this session, EM would invent matches.
    names = [first, last, *(["sex"] if "sex" in fields else [])]
    for blocked in (["dob"], names, *([field] for field in numbers)):
        linker.training.estimate_parameters_using_expectation_maximisation(
            block_on(*blocked), estimate_without_term_frequencies=True
        )


def link(connection: Any, fields: Sequence[str], records: int) -> str:
    """Train and predict; the name of the table of scored pairs."""
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=comparisons(fields),
        blocking_rules_to_generate_predictions=prediction_rules(fields, records),
        retain_matching_columns=False,
    )
    table = DuckDBAPI(connection=connection).register("person")
    linker = Linker(table, settings, log_level=logging.ERROR)
    train(linker, fields)
    trained = Linker(table, floored(linker.misc.save_model_to_json()), log_level=logging.ERROR)
    return str(trained.inference.predict().physical_name)


def floored(model: dict[str, Any]) -> dict[str, Any]:
    """The trained model without vetoes: a level no match showed in training may show tomorrow."""
    for comparison in model["comparisons"]:
        for level in comparison["comparison_levels"]:
            if "m_probability" in level:
                level["m_probability"] = max(level["m_probability"], SMALLEST_M)
    return model


def write_scores(connection: Any, directory: Path, scored: str, output: Path) -> tuple[int, int]:
    """For each match weight, how many pairs have it and how many are true; all pairs, all true pairs."""
    truth = f"read_csv('{directory / TRUTH}', all_varchar = true, header = true)"
    connection.execute(
        f"create table owner as select unique_id, person_id from person join {truth} using (agency, local_id)"
    )
    rows = connection.execute(
        f"""
        select match_weight, count(*), count(*) filter (a.person_id = b.person_id) from {scored}
        left join owner a on a.unique_id = unique_id_l left join owner b on b.unique_id = unique_id_r
        group by match_weight order by match_weight desc
        """
    ).fetchall()
    with output.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("weight", "pairs", "true"), *rows])
    people = f"select count(*) as n from {truth} group by person_id"
    true_pairs = connection.execute(f"select sum(n * (n - 1) // 2) from ({people})").fetchall()[0][0]
    return sum(row[1] for row in rows), int(true_pairs)


def main() -> None:
    """Link one folder and print the counts as JSON."""
    parser = argparse.ArgumentParser(description="Link a folder of caseloads with Splink, in plain text.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--fields", required=True)
    parser.add_argument("--scores", type=Path, required=True, help="where to write pairs by match weight")
    arguments = parser.parse_args()
    fields = arguments.fields.split(",")
    connection = duckdb.connect()
    started = time.perf_counter()
    records = load(connection, arguments.directory)
    scored = link(connection, fields, records)
    seconds = time.perf_counter() - started
    pairs, true_pairs = write_scores(connection, arguments.directory, scored, arguments.scores)
    print(json.dumps({"candidate_pairs": pairs, "true_pairs": true_pairs, "seconds": seconds}))


if __name__ == "__main__":
    main()
