"""What a demonstration shows at its end: one document for scripts, tables for people."""

import os
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from cli.demo import steps
from cli.demo.agencies import AGENCIES
from cli.demo.desk import PASSPHRASE_VARIABLE
from cli.demo.federation import HOST
from cli.demo.generator import Federation
from cli.demo.layout import HUB, Layout
from cli.demo.steps import Shared
from cli.output import print_table

FOUND = ("Known", "Possibly known - ring to check")
WORDS = (*FOUND, "No shared match", "No reply yet", "Not asked")


@dataclass(frozen=True, slots=True)
class Step:
    """A command to try, and what it does."""

    what: str
    command: str


@dataclass(frozen=True, slots=True)
class Report:
    """A finished demonstration.

    Attributes:
        seconds: How long it took, without the installation.
        agencies: One entry an agency: its caseload, and what it shared.
        sheet: The document of `knownto lookup --format json`.
        why: The document of `knownto why --format json` for one answer.
        log: Log lines by side, `asker` and `holder`.
        next: What to type next.
    """

    seconds: float
    agencies: list[dict[str, Any]]
    sheet: Any
    why: Any
    log: dict[str, Any]
    next: list[Step]

    def document(self) -> dict[str, Any]:
        """As `--format json` prints it: `next` is the commands alone."""
        return asdict(self) | {"next": [step.command for step in self.next]}


def describe_agencies(shared: Mapping[str, Shared]) -> list[dict[str, Any]]:
    """One entry an agency, in the order of the network."""
    return [
        {
            "agency": agency.agency_id,
            "name": agency.name,
            "service": agency.service,
            "area": agency.area,
            **asdict(shared[agency.agency_id]),
        }
        for agency in AGENCIES
    ]


def choose_answer(sheet: Any) -> tuple[str, str]:
    """The case and agency whose answer is most worth explaining: an uncertain one where there is one."""
    for word in reversed(FOUND):
        for case in reversed(sheet["cases"]):
            for answer in case["answers"]:
                if answer["answer"] == word:
                    return case["case_ref"], answer["agency"]
    return sheet["cases"][0]["case_ref"], sheet["cases"][0]["answers"][0]["agency"]


def next_steps(
    layout: Layout, *, port: int, serving: bool, kept: bool, explained: tuple[str, str]
) -> list[Step]:
    """What to try: commands that work as they stand, in the folder where the demonstration was started."""
    if not kept:
        keep = f"{_program()} demo --dir demo --serve"
        return [Step("Keep a demonstration, and its hub running, to try things with", keep)]
    serve = f"{_program()} --home {_relative(layout.home(HUB))} hub serve --port {port}"
    steps_to_try = [
        Step(what, _at(layout, who, command)) for what, who, command in _things_to_try(layout, explained)
    ]
    return (
        steps_to_try
        if serving
        else [Step("Serve the hub again, in a terminal of its own", serve), *steps_to_try]
    )


def _things_to_try(layout: Layout, explained: tuple[str, str]) -> list[tuple[str, str, str]]:
    """What it does, who types it, and the words after `knownto`."""
    case_ref, agency = explained
    asker, late, folder = steps.COORDINATING, steps.NOT_SHARED, _relative(layout.files)
    return [
        ("Why an answer is what it is", asker, f"why {case_ref} --agency {agency}"),
        ("How current every agency is", asker, "node status"),
        ("Mill Lane Surgery shares after all", late, "node push"),
        ("and records consents", late, f"consent record --file {folder}/consents-{late}.csv"),
        (
            "The conference once more, as a workbook: MDT-04 is now known there as well",
            asker,
            f"lookup {folder}/conference.csv --purpose {steps.PURPOSE} --conference {steps.CONFERENCE}"
            f" --staff {steps.STAFF} --format xlsx --out {_relative(layout.root)}/known-to.xlsx",
        ),
        (f"Who asked about the people of {steps.HOLDER}", steps.HOLDER, "log show"),
        (
            "The override of MDT-12, for information governance to review (a served hub looks every minute)",
            steps.CUSTODIAN,
            f"review list --staff {steps.APPROVER}",
        ),
    ]


def _at(layout: Layout, who: str, command: str) -> str:
    passphrase, home = _relative(layout.passphrase_file(who)), _relative(layout.home(who))
    return f"{PASSPHRASE_VARIABLE}={passphrase} {_program()} --home {home} {command}"


def _relative(path: Path) -> str:
    """The shorter of the two ways to write a path, ready for a shell."""
    return shlex.quote(min(os.path.relpath(path), str(path), key=len))


def _program() -> str:
    """How to start this very command line: by name where the shell finds it, else by its path."""
    own = Path(sys.executable).with_name("knownto")
    found = shutil.which("knownto")
    if not own.exists() or (found and Path(found).resolve() == own.resolve()):
        return "knownto"
    return _relative(own)


def print_report(report: Report, county: Federation, *, port: int | None) -> None:
    """Print the report for people, on stdout."""
    click.echo()
    _heading("The agencies")
    print_table(
        [entry | {"shared": _shared(entry["pushed"])} for entry in report.agencies],
        ["agency", "name", "area", "rows", "used", "weak", "unusable", "shared"],
    )
    _heading("The conference list")
    cases = [{"case": m.case_ref, "what_to_look_for": m.what} for m in county.conference]
    print_table(cases, ["case", "what_to_look_for"])
    _print_sheet(report.sheet)
    _print_why(report.why)
    _heading(f"What the look-up left in the log at {steps.COORDINATING}, which asked")
    _print_log(report.log["asker"])
    _heading(f"What it left at {steps.HOLDER}, by their own references")
    _print_log(report.log["holder"])
    _heading("What to type next")
    for step in report.next:
        click.echo(f"  # {step.what}\n  {step.command}")
    click.echo(f"\nDone in {report.seconds:.0f} seconds. Everybody in it was made up.")
    if port is not None:
        click.echo(f"The hub goes on serving on {HOST}:{port}. Ctrl-C stops it.")


def _print_sheet(sheet: Any) -> None:
    coverage = sheet["coverage"]
    _heading(f"The known-to sheet: {coverage['up_to_date']} of {coverage['agencies']} agencies up to date")
    words = [
        {"case": case["case_ref"]} | {answer["name"]: answer["answer"] for answer in case["answers"]}
        for case in sheet["cases"]
    ]
    print_table(words, list(words[0]))
    for row in sheet["parked"]:
        click.echo(f"Parked: row {row['row']}, {row['case_ref']}: no date of birth, so nobody was asked.\n")
    _heading("Whom to ring")
    print_table(_contacts(sheet), ["case", "service", "answer", "case_there", "last_contact", "team"])


def _contacts(sheet: Any) -> list[dict[str, Any]]:
    return [
        {
            "case": case["case_ref"],
            "service": answer["name"],
            "answer": answer["answer"],
            "case_there": {True: "open", False: "closed", None: ""}[answer["open"]],
            "last_contact": answer["last_contact"],
            "team": answer["team"],
        }
        for case in sheet["cases"]
        for answer in case["answers"]
        if answer["answer"] in FOUND
    ]


def _print_why(why: Any) -> None:
    for one in why["answers"]:
        _heading(f'Why {one["name"]} is "{one["answer"]}" for {why["case_ref"]}')
        for line in (*one["words"], *one["waterfall"]):
            click.echo(f"  {line}")
        click.echo()


def _print_log(lines: Any) -> None:
    """One look-up's lines; what they have in common stands above them."""
    for line in lines[:1]:
        click.echo(
            f"Entry {line['index']}, {line['at']}: {line['staff']} of {line['agency']} asked for"
            f" {line['purpose'].replace('_', ' ')} {line['conference']}."
        )
    print_table(
        [line | {"outcome": _tally(line["outcome"])} for line in lines], ["reference", "basis", "outcome"]
    )


def _tally(outcome: str) -> str:
    """How often each word was answered, where the line names every agency; else the line as it is."""
    if ": " not in outcome:
        return outcome
    words = Counter(part.split(": ", 1)[1] for part in outcome.split("; "))
    return ", ".join(f"{word} {words[word]}" for word in WORDS if word in words)


def _heading(text: str) -> None:
    click.secho(text, bold=True)


def _shared(pushed: int | None) -> str:
    return "not yet" if pushed is None else str(pushed)
