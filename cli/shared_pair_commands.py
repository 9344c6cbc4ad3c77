"""`knownto duplicates across`: who may be another agency's person too, and what was decided of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.output import CompletedWithWarnings, emit, format_option, say
from cli.terminal import open_node, staff_option
from keys.actors import Role

if TYPE_CHECKING:
    from node.shared_pairs import SharedDecision, SharedHistory, SharedPair

CERTAIN = "that the two records are one person"
VERDICTS = ("same", "different", "not-sure", "undo")
# The keys of `node.shared_pairs.REASONS`, which a test holds them to: a command is listed without the node.
REASONS = (
    "files_compared", "agency_asked", "person_asked", "document_seen", "relatives", "too_little_known",
    "entered_by_mistake", "other",
)  # fmt: skip
COLUMNS = ("group", "pair", "reference", "agency", "posterior", "decision", "theirs", "words")
HISTORY = ("at", "agency", "staff", "verdict", "holds", "words")


@click.group()
def across() -> None:
    """Find people whom another agency has as well, and decide it; takes the role coordinator."""


@across.command("list")
@click.option("--all", "everything", is_flag=True, help="List what is settled as well.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 200), help="At most so many.")
@format_option("table", "json", "csv")
@staff_option()
@click.pass_context
def list_(ctx: click.Context, everything: bool, limit: int, output_format: str) -> None:
    """List pairs of own and other agencies' records that may be one person, the most uncertain first.

    Only those of which both agencies may be told, by consent and agreement, for referral de-duplication. What
    is shown for the first time is charged to the day's budget as a look-up would be; every reading is logged,
    and the other agency sees that its record was told of.
    """
    from node.shared_pairs import fetch_pairs

    node = open_node(ctx, Role.COORDINATOR)
    pairs, more = fetch_pairs(node, everything=everything, limit=limit)
    rows = [_row(one) for one in pairs]
    if output_format == "json":
        emit(rows, output_format)
    else:
        emit([row | {"words": " ".join(row["words"])} for row in rows], output_format, columns=COLUMNS)
    if more:
        say("There are more pairs: decide these first, or ask for more by --limit.")
    at_odds = sum(one.at_odds for one in pairs)
    if at_odds:
        raise CompletedWithWarnings(f"decisions at odds: {at_odds} pairs; speak with the other agency")


@across.command()
@click.argument("pair")
@click.argument("verdict", type=click.Choice(VERDICTS))
@click.option(
    "--reason", required=True, type=click.Choice(REASONS), help="Why; the hub gets this word alone."
)
@format_option("table", "json", "csv")
@staff_option()
@click.pass_context
def decide(ctx: click.Context, pair: str, verdict: str, reason: str, output_format: str) -> None:
    """Decide a listed PAIR: the same person, different people, not sure; or undo what this agency decided.

    Both agencies see it. Where they contradict each other both are told, and nothing is guessed.
    """
    from node.shared_pairs import decide_shared

    node = open_node(ctx, Role.COORDINATOR)
    chosen = "undone" if verdict == "undo" else verdict.replace("-", "_")
    _emit_history(decide_shared(node, pair, verdict=chosen, reason=reason), output_format)


@across.command()
@click.argument("pair")
@format_option("table", "json", "csv")
@staff_option()
@click.pass_context
def history(ctx: click.Context, pair: str, output_format: str) -> None:
    """Show every decision of a PAIR, oldest first."""
    from node.shared_pairs import fetch_history

    _emit_history(fetch_history(open_node(ctx, Role.COORDINATOR), pair), output_format)


def _emit_history(found: SharedHistory, output_format: str) -> None:
    emit([_decision_row(one) for one in found.decisions], output_format, columns=HISTORY)
    if found.agency is None:
        say("This pair is not shown any more; these are this agency's own decisions.")


def _row(pair: SharedPair) -> dict[str, Any]:
    """A pair as scripts read it."""
    return {
        "group": pair.group,
        "pair": pair.pair,
        "reference": pair.reference,
        "agency": pair.agency,
        "posterior": pair.evidence.posterior,
        "may_be_twins": pair.may_be_twins,
        "decision": None if pair.decision is None else pair.decision.verdict,
        "theirs": None if pair.theirs is None else pair.theirs.verdict,
        "changed_since": pair.changed_since,
        "at_odds": pair.at_odds,
        "weight_bits": round(pair.evidence.total_weight, 2),
        "words": _words(pair),
    }


def _words(pair: SharedPair) -> list[str]:
    """The evidence in sentences, and what to watch out for."""
    from node.answers import explain_evidence

    words: list[str] = explain_evidence(pair.evidence, certain=CERTAIN)["words"]
    if pair.may_be_twins:
        words.append("May be twins: born on one day under one surname, with other forenames.")
    if pair.changed_since:
        words.append("The data have changed since it was decided.")
    if pair.at_odds:
        words.append("Decisions contradict each other: speak with the other agency.")
    return words


def _decision_row(decision: SharedDecision) -> dict[str, Any]:
    return {
        "at": decision.at,
        "agency": decision.agency,
        "staff": decision.staff,
        "verdict": decision.verdict,
        "holds": decision.holds,
        "reason": decision.reason,
        "words": decision.words,
    }
