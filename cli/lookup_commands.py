"""`knownto lookup` and `knownto why`: the known-to sheet, and the reasons behind an answer."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from cli.output import CompletedWithWarnings, emit, format_option, say
from cli.terminal import open_node, read_line, staff_option
from cli.typed_people import PERSON_FIELDS, parse_fields, prompt_fields
from keys.actors import Role

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
DAY = click.DateTime(["%Y-%m-%d", "%d/%m/%Y"])
# Who may ask, and so look at what was answered.
ASKING = (Role.OFFICER, Role.COORDINATOR)
PURPOSES = ("case_conference", "single_lookup", "referral_deduplication", "safeguarding_panel")
REASON_CATEGORIES = (
    "risk_to_life", "serious_harm", "safeguarding_adult",
    "safeguarding_child", "missing_person", "public_protection",
)  # fmt: skip


@click.command()
@click.argument("cases", type=FILE, required=False)
@click.option("--purpose", required=True, type=click.Choice(PURPOSES), help="What the answer is for.")
@click.option("--conference", help="Reference of the conference: an id such as mdt-2026-11.")
@staff_option()
@click.option(
    "--role",
    type=click.Choice(("officer", "coordinator")),
    help="Role of whoever asks.  [default: one of them that they hold]",
)
@click.option(
    "--basis",
    type=click.Choice(("consent", "public_task", "emergency")),
    help="For rows that do not say their own.",
)
@click.option("--captured-at", type=DAY, help="Consent: the day it was given.")
@click.option(
    "--method", type=click.Choice(("written", "verbal", "electronic")), help="Consent: how it was given."
)
@click.option("--reason-category", type=click.Choice(REASON_CATEGORIES), help="Public task: kind of reason.")
@click.option("--approver", help="Public task: staff id of whose approval it is.")
@click.option("--override", help="Id of an approved override or a declared emergency, for one case.")
@click.option("--agencies", help="Ask only these agencies, comma-separated ids.")
@click.option(
    "--stdin", "from_stdin", is_flag=True, help="One person from stdin: JSON, or lines of name: value."
)
@click.option("--map", "mapping_file", type=FILE, help="TOML file that names the case list's columns.")
@click.option(
    "--children", is_flag=True, help="Dates of birth of the last 10 years are right: it is about children."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the sheet here: NAME.xlsx or NAME.csv, where --format does not say which.",
)
@format_option("table", "json", "csv", "xlsx")
@click.pass_context
def lookup(ctx: click.Context, /, **options: Any) -> None:
    """Ask which services know the people of a case list (CSV or workbook), or one person prompted for.

    Cases without a usable date of birth, and public tasks that nobody has approved yet (`knownto override
    request`), are parked and named; the others go on, and the command ends with exit code 3. So it does where
    two rows are probably one person: both are asked about, and the rows are named.
    """
    options["output_format"] = _format_of_sheet(ctx, options)
    if options["output_format"] == "xlsx" and (options["out"] is None or options["cases"] is None):
        raise click.UsageError("--format xlsx needs a case list and --out FILE")
    if options["out"] is not None and (
        options["output_format"] not in ("csv", "xlsx") or not options["cases"]
    ):
        raise click.UsageError("--out is for a case list, as NAME.csv or NAME.xlsx, or with --format")
    # A list is a conference's, one person is an officer's own question.
    usual = (Role.COORDINATOR, Role.OFFICER) if options["cases"] else (Role.OFFICER, Role.COORDINATOR)
    node = open_node(ctx, options["role"] or usual)
    if options["out"] is not None:
        from node.sheets import require_place

        require_place(options["out"])  # Before anybody is asked: a look-up is logged, and counts.
    today = node.clock().date()
    case_list, cases, parked = _read(options, today)
    twice = _find_twice(cases)
    defaults = _defaults(options)
    result = _ask(node, cases, parked, defaults, options) if cases else None
    parked.sort(key=lambda row: row["row"])
    if len(cases) > node.settings.case_warning:
        say(f"{len(cases)} cases: a conference should take no more than {node.settings.case_warning}.")
    _print(result, case_list, parked, twice, options, node)
    _warn(result, parked, twice)


def _find_twice(cases: Sequence[Any]) -> list[Any]:
    """Rows that are probably one person; a single case needs no comparison, which takes a moment to load."""
    if len(cases) < 2:
        return []
    from node.listed_twice import find_listed_twice

    return find_listed_twice(cases)


def _format_of_sheet(ctx: click.Context, options: Mapping[str, Any]) -> str:
    """What --format says; where it says nothing, what the name of the sheet ends with."""
    said = ctx.get_parameter_source("output_format") is not ParameterSource.DEFAULT
    ending = options["out"].suffix.lower().removeprefix(".") if options["out"] is not None else ""
    return ending if ending in ("csv", "xlsx") and not said else options["output_format"]


def _read(options: Mapping[str, Any], today: date) -> tuple[Any, list[Any], list[dict[str, Any]]]:
    """The case list where there is one, the cases to ask about, and the parked rows."""
    if options["cases"] is None:
        return _read_one(options, today)
    from node.mapping import load_mapping
    from node.records import read_cases

    mapping = load_mapping(options["mapping_file"]) if options["mapping_file"] else None
    case_list = read_cases(options["cases"], mapping=mapping, today=today, children=options["children"])
    parked = [{"row": p.row, "case_ref": p.case_ref, "rule": p.rule} for p in case_list.parked]
    return case_list, list(case_list.cases), parked


def _read_one(options: Mapping[str, Any], today: date) -> tuple[None, list[Any], list[dict[str, Any]]]:
    from node.errors import RecordFormatError
    from node.identifiers import Case
    from node.quality import is_birth_date_doubtful
    from node.records import read_person

    if options["from_stdin"] or not sys.stdin.isatty():
        fields = parse_fields(sys.stdin.read(), "case_ref", "basis", "basis_detail")
    else:
        say("One person. Nothing typed here is kept by the shell; empty where not known.")
        fields = prompt_fields("case_ref", *PERSON_FIELDS)
    case_ref = fields.pop("case_ref", "") or "case"
    ways, area, findings = read_person(fields, today=today, children=options["children"])
    for finding in findings:
        say(f"{finding.field}: {finding.sentence}")
    if is_birth_date_doubtful(findings):
        return None, [], [{"row": 1, "case_ref": case_ref, "rule": "check_birth_date"}]
    if not any(way.usable for way in ways):
        rule = "no_birth_date" if ways[0].birth is None else "row_without_anything"
        if len(fields) == 0:
            raise RecordFormatError("person", "nothing was given")
        return None, [], [{"row": 1, "case_ref": case_ref, "rule": rule}]
    basis, detail = fields.get("basis"), fields.get("basis_detail")
    return None, [Case(1, case_ref, ways, area, basis or None, detail or None)], []


def _defaults(options: Mapping[str, Any]) -> Any:
    from node.bases import BasisDefaults

    captured, override = options["captured_at"], options["override"]
    return BasisDefaults(
        # What an id stands for, an override or an emergency, this node knows.
        kind=options["basis"] or ("public_task" if override else None),
        captured_at=captured.date() if captured else None,
        method=options["method"],
        category=options["reason_category"],
        approver=options["approver"],
        override=override.strip().lower() if override else None,
    )


def _ask(
    node: Any,
    cases: Sequence[Any],
    parked: list[dict[str, Any]],
    defaults: Any,
    options: Mapping[str, Any],
) -> Any:
    """Ask about the cases that can be asked about; the others join the parked."""
    from node.asking import ask_cases
    from node.lookups import Asking

    agencies = options["agencies"]
    asking = Asking(
        staff=node.actor.staff,
        role=node.actor.role,
        purpose=options["purpose"],
        conference=options["conference"],
        agencies=tuple(part.strip() for part in agencies.split(",")) if agencies else None,
    )
    rules = {row["case_ref"]: row["rule"] for row in parked if row["case_ref"]}
    asked = ask_cases(node, cases, defaults, asking, parked=rules)
    if asked.emergency:
        say("No shared match in an emergency does not mean that nobody knows the person: ring.")
    parked += [{"row": case.row, "case_ref": case.case_ref, "rule": rule} for case, rule in asked.parked]
    return asked.result


def _print(
    result: Any,
    case_list: Any,
    parked: list[dict[str, Any]],
    twice: Sequence[Any],
    options: Mapping[str, Any],
    node: Any,
) -> None:
    from node.known_to import as_document, as_flat_rows, as_grid_rows, make_sheet
    from node.records import ParkedCase

    chosen, now = options["output_format"], node.clock()
    if options["out"] is not None:
        # The reader's and those that could not be asked about after all: the sheet says why of each.
        named = replace(case_list, parked=tuple(ParkedCase(**row) for row in parked))
        destroy_by = (now + timedelta(days=node.settings.result_days)).date()
        sheet = make_sheet(result, named, at=now, destroy_by=destroy_by)
        (sheet.write_xlsx if chosen == "xlsx" else sheet.write_csv)(options["out"])
        say("Written.")
    elif chosen == "json":
        emit(as_document(result, parked, at=now) | {"listed_twice": list(map(_twice_row, twice))}, "json")
    elif chosen == "csv":
        columns = ("case_ref", "agency", "name", "answer", "open", "last_contact", "team")
        emit(as_flat_rows(result, at=now), "csv", columns=columns)
    elif result is not None:
        emit(as_grid_rows(result, at=now), "table")
    if result is not None:
        say(f"{result.coverage.words}." + (f" No reply yet from {', '.join(result.coverage.stale)}."
            if result.coverage.stale else ""))  # fmt: skip


def _twice_row(one: Any) -> dict[str, Any]:
    """Two rows as scripts read them."""
    from node.answers import explain_evidence

    certain = "that the two rows are one person"
    words = explain_evidence(one.evidence, certain=certain)["words"]
    probability = round(one.posterior, 3)
    return {
        "rows": list(one.rows),
        "posterior": probability,
        "may_be_twins": one.may_be_twins,
        "words": words,
    }


def _warn(result: Any, parked: Sequence[Mapping[str, Any]], twice: Sequence[Any]) -> None:
    """Name what was not done; the command then ends with exit code 3."""
    from node.quality import RULES

    for row in parked:
        say(f"Parked: row {row['row']}, {row['case_ref'] or 'no reference'}: {RULES[row['rule']].sentence}")
    if twice:
        from node.listed_twice import sentences

        for sentence in sentences(twice):
            say(sentence)
    unreadable = () if result is None else result.unreadable
    for agency in unreadable:
        say(f"The answer card of {agency} cannot be read: its node used another key, or wrote none. Ring it.")
    if parked:
        raise CompletedWithWarnings(f"cases parked and not looked up: {len(parked)}")
    if unreadable:
        raise CompletedWithWarnings("some answer cards cannot be read")
    if twice:
        raise CompletedWithWarnings(f"pairs of rows that are probably one person: {len(twice)}")


@click.command()
@click.argument("case_ref", required=False)
@click.option("--agency", help="Only this agency's answer.")
@click.option(
    "--svg",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the weights of one agency's answer as a picture, here.",
)
@format_option()
@staff_option()
@click.pass_context
def why(
    ctx: click.Context, case_ref: str | None, agency: str | None, svg: Path | None, output_format: str
) -> None:
    """Explain the answers about a case in the last look-up: which identifiers agree, and how much they weigh.

    Leave CASE_REF out where it is a CHAIN number: it is then prompted for, or read from stdin.
    """
    from node.errors import RecordFormatError
    from node.known_to import explain_answer
    from node.results import latest_answers, parked_rule

    node = open_node(ctx, ASKING)
    wanted = case_ref or read_line("Case reference")
    kept = latest_answers(node.store, wanted, at=node.clock())
    if kept is None:
        raise RecordFormatError(
            "look-up", _why_not(parked_rule(node.store, wanted), node.settings.result_days)
        )
    answers = [answer for answer in kept.answers if agency in (None, answer.agency)]
    if not answers:
        raise RecordFormatError("look-up", "this agency was not answered for", field="agency")
    if svg is not None:
        from node.waterfalls import draw_answer

        svg.write_text(draw_answer(answers), encoding="utf-8")
    explained = [explain_answer(answer) for answer in answers]
    if output_format == "json":
        emit({"request": kept.request, "answered_at": kept.answered_at, "answers": explained}, "json")
        return
    click.echo(f"Asked {kept.answered_at}; these answers are kept until {kept.expires_at}.")
    for one in explained:
        click.echo(f"\n{one['name']}: {one['answer']}")
        for line in (*one["words"], *one["waterfall"]):
            click.echo(f"  {line}")


def _why_not(rule: str | None, days: int) -> str:
    """Why there is no stored answer about a case, and what to do next."""
    from node.quality import RULES

    if rule is not None:
        return f"the case was parked: {RULES[rule].sentence} Then look it up again"
    return (
        f"no stored answer has this case reference: answers are kept for {days} days, and parked cases have "
        "none. Look the case up again"
    )
