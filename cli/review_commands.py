"""`knownto review`: the information governance officer's queue, at a node its own, at the hub everybody's."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from cli.output import emit, format_option, print_table, say
from cli.review_homes import OpenQueue, open_queue
from cli.terminal import read_line, staff_option

if TYPE_CHECKING:
    from node.log_lines import LogLine
    from node.reviews import Decision, Review

HUB = "(hub)"  # No agency's id has brackets.
OUTCOMES = ("justified", "queried", "breach")
COLUMNS = ("item", "audience", "due_on", "state", "kind", "agency", "staff", "counts")
ENTRY = (
    "index", "at", "direction", "agency", "staff", "role", "purpose", "conference", "reference", "basis",
    "approver", "authority", "reason_category", "outcome",
)  # fmt: skip
AUTHORITY_COLUMNS = ("index", "reference", "basis", "approver", "authority", "reason_category", "reason")
ENTRY_COLUMNS = ("index", "at", "agency", "staff", "purpose", "reference", "basis", "outcome")
COUNTS = ("kind", "raised", "open", "queried", "justified", "breach", "late")


class Month(click.ParamType[str]):
    """A month of the calendar."""

    name = "YYYY-MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the form."""
        try:
            return f"{datetime.strptime(str(value), '%Y-%m'):%Y-%m}"
        except ValueError:
            self.fail("a month is written YYYY-MM", param, ctx)


@click.group()
def review() -> None:
    """Review alarms, overrides and look-ups drawn at random."""


@review.command("list")
@click.option("--all", "everything", is_flag=True, help="Also what is decided.")
@format_option("table", "json", "csv")
@staff_option()
@click.pass_context
def list_(ctx: click.Context, everything: bool, output_format: str) -> None:
    """List what is to be reviewed, oldest first; takes the role ig."""
    found = list(open_queue(ctx).reviews(everything))
    rows = [_row(one) for one in found]
    columns = COLUMNS if output_format == "table" else (*COLUMNS, "overdue", "raised_at")
    emit(rows, output_format, columns=columns)
    overdue = sum(one.overdue for one in found)
    if overdue:
        say(f"Overdue: {overdue}.")
    elif not found:
        say("Nothing is waiting.")


@review.command()
@click.argument("item")
@format_option()
@staff_option()
@click.pass_context
def show(ctx: click.Context, item: str, output_format: str) -> None:
    """Show an item: why it is there, the log entries it rests on, what was decided and noted."""
    queue = open_queue(ctx)
    found = queue.review(item)
    lines, notes = queue.lines(found), queue.notes(found)
    decisions = [_decision_row(one, notes) for one in found.decisions]
    if output_format == "json":
        entries = [_entry_row(line) | {"reason": _reason(queue, line)} for line in lines]
        emit(_row(found) | {"entries": entries, "decisions": decisions}, output_format)
        return
    _print_item(found, queue, lines, decisions)


@review.command()
@click.argument("item")
@click.option(
    "--outcome", type=click.Choice(OUTCOMES), required=True, help="What was found; queried leaves it open."
)
@click.option(
    "--seen",
    type=click.IntRange(1),
    required=True,
    help="The number `review show` gave as seen: if more has happened since, look again.",
)
@format_option()
@staff_option()
@click.pass_context
def decide(ctx: click.Context, item: str, outcome: str, seen: int, output_format: str) -> None:
    """Decide an item, with a note (prompted for, or one line of stdin).

    The words stay in this home, sealed; the log gets a promise of them. Nobody decides about what they asked
    or approved themselves; where nobody else is an officer, the hub's decides. A decided item can be decided
    again, and the history is kept.
    """
    queue = open_queue(ctx)
    decided = queue.decide(item, outcome, read_line("Note"), seen)
    emit(
        {"item": decided.item, "state": decided.state, "due_on": decided.due_on, "seen": decided.seen},
        output_format,
    )


@review.command()
@click.option("--month", type=Month(), help="Which month.  [default: this one]")
@format_option("table", "json", "csv")
@staff_option()
@click.pass_context
def summary(ctx: click.Context, month: str | None, output_format: str) -> None:
    """Count a month: what was raised and decided, what is late, how many look-ups were sampled."""
    queue = open_queue(ctx)
    counted = queue.summary(month or queue.month)
    if output_format == "json":
        emit(counted, output_format)
        return
    emit(list(counted["kinds"]), output_format, columns=COUNTS)
    say(f"{counted['month']}: {counted['lookups']} look-ups, {counted['sampled']} of them drawn at random.")


def _row(found: Review) -> dict[str, Any]:
    return {
        "item": found.item,
        "audience": found.audience or HUB,
        "due_on": found.due_on,
        "overdue": found.overdue,
        "state": found.state,
        "kind": found.kind,
        "words": found.words,
        "agency": found.agency,
        "staff": found.staff,
        "raised_at": found.raised_at,
        "indices": list(found.indices),
        "numbers": dict(found.numbers),
        "counts": found.counts,
        "seen": found.seen,
    }


def _entry_row(line: LogLine) -> dict[str, Any]:
    return {name: getattr(line, name) for name in ENTRY}


def _reason(queue: OpenQueue, line: LogLine) -> str | None:
    return None if line.authority is None else queue.reason(line.authority)


def _decision_row(decision: Decision, notes: dict[str, str]) -> dict[str, Any]:
    note = notes.get(decision.commitment)
    return asdict(decision) | {"agency": decision.agency or HUB, "note": note}


def _print_item(
    found: Review, queue: OpenQueue, lines: list[LogLine], decisions: list[dict[str, Any]]
) -> None:
    """An item on the screen: heading, entries, on whose authority, decisions."""
    from node.reviews import lines_under

    row = _row(found)
    heading = {name: row[name] for name in ("item", "kind", "words", "agency", "staff", "counts")}
    emit(heading | {name: row[name] for name in ("raised_at", "due_on", "state", "seen")}, "table")
    rests_on = lines_under(found.kind, lines)
    print_table([_entry_row(line) for line in rests_on], ENTRY_COLUMNS)
    if len(lines) > len(rests_on):
        say(
            f"{len(lines) - len(rests_on)} more lines of these look-ups are not under it: `knownto log show`."
        )
    by_authority = [
        _entry_row(line) | {"reason": _reason(queue, line) or "(kept where it was written)"}
        for line in lines
        if line.authority is not None
    ]
    if older := found.numbers.get("older_entries"):
        say(f"{older} more entries, older than these, are not listed: `knownto log search` finds them.")
    if by_authority:
        print_table(by_authority, AUTHORITY_COLUMNS)
    missing = len(set(found.indices) - {line.index for line in lines})
    if missing:
        say(f"{missing} entries are not shown here: they do not concern this agency, or were erased.")
    if decisions:
        shown = [one | {"note": one["note"] or "(kept where it was written)"} for one in decisions]
        print_table(shown, ("at", "agency", "reviewer", "outcome", "note"))
