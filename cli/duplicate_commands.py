"""`knownto duplicates`: who may stand in this agency's caseload twice, and what somebody decided of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.output import CompletedWithWarnings, emit, format_option, say
from cli.shared_pair_commands import across
from cli.terminal import open_node, read_line, staff_option
from keys.actors import Role

if TYPE_CHECKING:
    from node.duplicate_decisions import PairDecision
    from node.duplicate_queue import QueuedPair

CERTAIN = "that the two records are one person"
VERDICTS = ("same", "different", "not-sure", "undo")
COLUMNS = ("group", "pair", "one", "other", "posterior", "likely", "forename", "surname", "decision", "words")
REACHED = ("sealed", "said_no", "left_sealed", "left_no")
HISTORY = ("at", "staff", "verdict", "holds", "reason")


@click.group()
def duplicates() -> None:
    """Find who stands in the caseload twice, and decide it; nothing is ever merged."""


duplicates.add_command(across)


@duplicates.command("list")
@click.option("--all", "decided", is_flag=True, help="List what is decided as well.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="At most so many pairs.")
@format_option("table", "json", "csv")
@staff_option()
@click.pass_context
def list_(ctx: click.Context, decided: bool, limit: int, output_format: str) -> None:
    """List pairs of the own caseload that may be one person, the likeliest first.

    Compared are all identifiers, at this node and nowhere else. Decided pairs come back only when the
    identifiers of one of their records have changed.
    """
    from node.duplicate_queue import list_duplicates

    node = open_node(ctx, Role.RESPONDER)
    queued = list_duplicates(node.store, decided=decided)
    rows = [_row(one) for one in queued[:limit]]
    if output_format == "json":
        emit(rows, output_format)
    else:
        emit([row | {"words": " ".join(row["words"])} for row in rows], output_format, columns=COLUMNS)
    if len(queued) > limit:
        say(f"{len(queued) - limit} more pairs: --limit {len(queued)} lists them.")
    at_odds = sum(one.at_odds for one in queued)
    if at_odds:
        raise CompletedWithWarnings(
            f"decisions at odds: {at_odds} pairs were decided to be different people and are joined by others"
        )


@duplicates.command()
@click.argument("pair")
@click.argument("verdict", type=click.Choice(VERDICTS))
@format_option()
@staff_option()
@click.pass_context
def decide(ctx: click.Context, pair: str, verdict: str, output_format: str) -> None:
    """Decide a listed PAIR: the same person, different people, not sure; or undo what was decided.

    The reason is prompted for, or a line of stdin; it stays at this node. The last decision counts, and every
    one is kept. A seal, a withdrawal or an objection of one record reaches the other at once where they are
    decided to be the same person; undoing that lifts none of them, and says which stay.
    """
    from node.deciding import decide_pair
    from node.duplicate_decisions import Verdict

    node = open_node(ctx, Role.RESPONDER)
    chosen = Verdict.UNDONE if verdict == "undo" else Verdict(verdict.replace("-", "_"))
    made = decide_pair(node, pair, verdict=chosen, reason=read_line("Reason"))
    row = {"pair": pair} | _decision_row(made.decision)
    if output_format == "json":
        emit(row | {name: list(getattr(made, name)) for name in REACHED}, output_format)
    else:
        emit(row, output_format)
        for remark in made.remarks():
            click.echo(remark)  # Own references are data: on stdout.
    if made.unsent is not None:
        raise made.unsent


@duplicates.command()
@click.argument("pair")
@format_option("table", "json", "csv")
@staff_option()
@click.pass_context
def history(ctx: click.Context, pair: str, output_format: str) -> None:
    """Show every decision of a PAIR, oldest first."""
    from node.duplicate_decisions import decisions_of

    node = open_node(ctx, Role.RESPONDER)
    emit([_decision_row(one) for one in decisions_of(node.store, pair)], output_format, columns=HISTORY)


def _row(queued: QueuedPair) -> dict[str, Any]:
    """A pair as scripts read it: own references, likelihoods, and what was decided."""
    found, decision = queued.found, queued.decision
    return {
        "group": queued.group,
        "pair": queued.pair,
        "one": queued.references[0],
        "other": queued.references[1],
        "posterior": round(found.posterior, 3),
        "likely": found.likely,
        "forename": None if found.forename is None else round(found.forename, 2),
        "surname": None if found.surname is None else round(found.surname, 2),
        "may_be_twins": found.may_be_twins,
        "decision": None if decision is None else str(decision.verdict),
        "changed_since": decision is not None and not decision.holds,
        "at_odds": queued.at_odds,
        "words": _words(queued),
    }


def _words(queued: QueuedPair) -> list[str]:
    """The evidence in sentences, and what to watch out for."""
    from node.answers import explain_evidence

    words: list[str] = explain_evidence(queued.found.evidence, certain=CERTAIN)["words"]
    if queued.found.may_be_twins:
        words.append("May be twins: born on one day under one surname, with other forenames.")
    if queued.decision is not None and not queued.decision.holds:
        words.append("The data have changed since it was decided.")
    if queued.at_odds:
        words.append("Other decisions make these two one person.")
    return words


def _decision_row(decision: PairDecision) -> dict[str, Any]:
    from node.times import format_time

    return {
        "verdict": str(decision.verdict),
        "staff": decision.staff,
        "at": format_time(decision.at),
        "reason": decision.reason,
        "holds": decision.holds,
    }
