"""`knownto hub alarms`: scan the log now, and say where alarms begin."""

from __future__ import annotations

import click

from cli.log_homes import hub_database
from cli.output import emit, format_option


@click.group()
def alarms() -> None:
    """Alarms over the access log."""


@alarms.command()
@format_option()
@click.pass_context
def scan(ctx: click.Context, output_format: str) -> None:
    """Scan what the log has new, now; a served hub does so by itself every minute.

    It can be run beside a served hub and as often as one likes: what was scanned is not scanned again.
    """
    from hub.alarm_scan import scan as scan_log
    from hub.clock import system_clock
    from hub.service import limits_of

    with hub_database(ctx) as (database, settings):
        done = scan_log(database, limits=limits_of(settings), at=system_clock())
    emit({"entries": done.entries, "raised": done.raised}, output_format)


@alarms.command()
@format_option("table", "json", "csv")
@click.pass_context
def thresholds(ctx: click.Context, output_format: str) -> None:
    """List where alarms begin, and by when items are due: the [review] table of hub.toml, with defaults."""
    from hub.review_settings import ReviewSettings

    with hub_database(ctx) as (_, settings):
        values = settings.review.model_dump(mode="json")
    shown = [
        {"setting": name, "value": _shown(values[name]), "what": field.description}
        for name, field in ReviewSettings.model_fields.items()
    ]
    emit(shown, output_format)


def _shown(value: object) -> object:
    return f"{len(value)} days" if isinstance(value, list) and len(value) > 10 else value
