"""`knownto log`: this agency's part of the access log, as its own node keeps it."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from cli.output import emit, format_option, say
from cli.terminal import open_node, staff_option
from keys.actors import Role

after_option = click.option(
    "--after", type=click.IntRange(min=0), default=0, help="Only entries after this index."
)
offline_option = click.option("--offline", is_flag=True, help="Show the node's copy without asking the hub.")


@click.group()
def log() -> None:
    """Read the access log: what was asked, and by whom."""


@log.command()
@after_option
@offline_option
@click.option("--all", "everything", is_flag=True, help="Also pushes, consents, agreements and keys.")
@format_option("table", "json", "csv")
@staff_option()
@click.pass_context
def show(ctx: click.Context, after: int, offline: bool, everything: bool, output_format: str) -> None:
    """Show look-ups: what this agency asked, and who asked about its people, by its own references."""
    from node.access_log import describe_log

    node = _synced(ctx, offline)
    lines = [asdict(line) for line in describe_log(node, after=after)]
    if not everything:
        lines = [line for line in lines if line["action"].startswith("lookup:")]
    columns = ["index", "at", "direction", "agency", "staff", "purpose", "reference", "basis", "outcome"]
    if everything or output_format != "table":
        columns.insert(2, "action")
    emit(lines, output_format, columns=columns)


@log.command()
@after_option
@offline_option
@staff_option()
@click.pass_context
def export(ctx: click.Context, after: int, offline: bool) -> None:
    """Print the kept entries as JSON lines, as the hub cut them for this agency."""
    from node.access_log import read_entries

    node = _synced(ctx, offline)
    for index, entry in read_entries(node.store, after=after):
        click.echo(json.dumps({"index": index, "entry": entry}, ensure_ascii=False))


def _synced(ctx: click.Context, offline: bool):  # type: ignore[no-untyped-def]
    from node.access_log import sync_log
    from node.outbox import send_waiting

    node = open_node(ctx, (Role.RESPONDER, Role.IG))
    if not offline:
        send_waiting(node)
        fetched = sync_log(node)
        say(f"{fetched} new entries.")
    return node
