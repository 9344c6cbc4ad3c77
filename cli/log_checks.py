"""`knownto log verify` and `reconcile`: what information governance can prove."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from cli.log_homes import READERS, hub_database, is_hub
from cli.output import CompletedWithWarnings, emit, format_option, say
from cli.terminal import open_node, staff_option

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--offline", is_flag=True, help="Verify what the node keeps without asking the hub.")
@format_option()
@staff_option()
@click.pass_context
def verify(ctx: click.Context, offline: bool, output_format: str) -> None:
    """Work the log out again from stored bytes; exit code 8 with index and rule where it fails.

    A node also reads again what the hub shows now and compares it, unless --offline says not to. What only
    lacks a proof that the hub has yet to give ends with exit code 3.
    """
    report = _verify_hub_home(ctx) if is_hub(ctx) else _verify_node_home(ctx, offline)
    failures, unproved = report.pop("failures"), report.pop("unproved", 0)
    if output_format == "json":
        emit({**report, "failures": failures}, "json")
    else:
        emit(report, output_format)
        if failures:
            emit(failures, output_format, columns=("index", "rule"))
    if 0 < len(failures) == unproved:
        raise CompletedWithWarnings(f"checkpoints not proved yet: {unproved}; nothing contradicts them")
    _fail_on(len(failures), "the log does not verify")


@click.command()
@click.option("--with", "file", type=FILE, help="What another agency exported with 'log export --for'.")
@format_option()
@staff_option()
@click.pass_context
def reconcile(ctx: click.Context, file: Path | None, output_format: str) -> None:
    """Compare what this node asked and was shown with what the hub shows now; exit code 8 if they differ.

    Everything is looked at, and how many differences there are is logged at the hub, which raises an alarm.
    """
    from node.outbox import send_waiting
    from node.reconcile import reconcile as compare

    if is_hub(ctx):
        raise click.UsageError("a hub has nothing to compare its log with: this is done at an agency's node")
    # The node's copy is not brought up to date first: that stops at the first entry which does not verify.
    node = open_node(ctx, READERS)
    send_waiting(node)
    done = compare(node, others=list(_read_lines(file)) if file else ())
    differences = [{"index": one.index, "difference": one.describe()} for one in done.differences]
    report = {
        "entries": done.entries,
        "receipts": done.receipts,
        "texts_erased": done.texts_erased,
        "answers_lost": list(done.answers_lost),
        "differences": differences,
    }
    if output_format == "json":
        emit(report, "json")
    else:
        emit(
            {**report, "differences": len(differences), "answers_lost": len(done.answers_lost)}, output_format
        )
        if differences:
            emit(differences, output_format)
    _fail_on(len(differences), "the hub's log and this node's copies differ")


def _verify_hub_home(ctx: click.Context) -> dict[str, Any]:
    from hub.log_verify import verify_log

    with hub_database(ctx) as (database, settings), database.reading() as session:
        found = verify_log(session, network=settings.network)
    return {
        "entries": found.entries,
        "parts": found.parts,
        "erased": found.erased,
        "subtrees": found.subtrees,
        "cosignatures": found.cosignatures,
        "root": found.root.hex(),
        "failures": [{"index": one.index, "rule": one.rule} for one in found.findings],
    }


def _verify_node_home(ctx: click.Context, offline: bool) -> dict[str, Any]:
    from node.errors import IntegrityError
    from node.log_verify import verify_hub, verify_kept
    from node.reconcile import compare

    node = open_node(ctx, READERS)
    report: dict[str, Any] = {"compared_with_hub": not offline}
    failures: list[dict[str, Any]] = []
    if offline:
        say("Not looked at: what the hub shows now (without --offline it is read again and compared).")
    else:
        try:
            head = verify_hub(node)
            report |= {
                "hub_entries": head.size,
                "hub_entries_cosigned": head.cosigned_size,
                "cosigned_by": list(head.cosigned_by),
                "quorum": head.quorum,
            }
        except IntegrityError as error:
            failures.append({"index": None, "rule": str(error)})
        done = compare(node)
        report |= {"entries_compared": done.entries, "texts_erased": done.texts_erased}
        failures += [{"index": one.index, "rule": one.describe()} for one in done.differences]
    kept = verify_kept(node)
    failures += [{"index": one.index, "rule": one.rule} for one in kept.failures]
    return {
        "entries": kept.entries,
        "receipts": kept.receipts,
        "checkpoints": kept.checkpoints,
        "witnessed_entries": kept.witnessed_size,
        **report,
        "unproved": sum(one.unproved for one in kept.failures),
        "failures": failures,
    }


def _read_lines(file: Path) -> Iterable[dict[str, Any]]:
    from node.errors import RecordFormatError

    for number, line in enumerate(file.read_text("utf-8").splitlines(), start=1):
        try:
            document = json.loads(line)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise RecordFormatError("export", "must be one JSON object a line", row=number)
        yield document


def _fail_on(failures: int, sentence: str) -> None:
    from node.errors import IntegrityError

    if failures:
        raise IntegrityError(f"{sentence}: {failures} findings, listed above by index and rule")
