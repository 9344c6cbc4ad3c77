"""`knownto hub`: the operator's commands. An operator sees agencies and the log, never a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from cli.alarm_commands import alarms
from cli.cohort_commands import cohort
from cli.hub_staff_commands import staff, web
from cli.linking_commands import decisions, link
from cli.log_homes import hub_database
from cli.movement_commands import movement
from cli.output import emit, format_option, say
from cli.overlap_commands import overlap
from cli.terminal import read_line

if TYPE_CHECKING:
    from hub.database import Database
    from hub.settings import HubSettings

ID = r"[a-z0-9][a-z0-9-]{0,63}"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Check and say what would happen; change nothing."
)


class Identifier(click.ParamType[str]):
    """An id of the protocol: lower-case letters, digits and hyphens."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the form."""
        import re

        if not re.fullmatch(ID, str(value)):
            self.fail("an id has 1 to 64 lower-case letters, digits and hyphens", param, ctx)
        return str(value)


@click.group()
def hub() -> None:
    """Run the hub of a partnership."""


@hub.command()
@click.option("--network", type=Identifier(), required=True, help="Id of the partnership's network.")
@click.option(
    "--database-url",
    default="",
    callback=lambda _ctx, _param, value: _database_url(value),
    help="SQLAlchemy URL (postgresql+psycopg://...) without a password; - to type one that has it.  "
    "[default: hub.sqlite3 in the home]",
)
@dry_run_option
@format_option()
@click.pass_context
def init(ctx: click.Context, network: str, database_url: str, dry_run: bool, output_format: str) -> None:
    """Make a hub: settings, identity, pepper and an empty database."""
    from hub.homes import initialise, require_new

    home = _home(ctx)
    if dry_run:
        require_new(home)
        say("Nothing made: the home is free for a new hub.")
        return
    identity = initialise(home, network=network, database_url=database_url)
    emit({"network": network, "fingerprint": identity.fingerprint}, output_format)
    say("Read the fingerprint out to every agency, in person or by telephone: their nodes pin it.")
    say("Back up identity.key and pepper.key apart from the database.")


@hub.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8400, show_default=True, type=click.IntRange(1, 65535), help="Port.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes.")
@click.option("--allow-remote", is_flag=True, help="Permit an address that other machines can reach.")
@click.pass_context
def serve(ctx: click.Context, host: str, port: int, workers: int, allow_remote: bool) -> None:
    """Serve the hub until it is stopped.

    Nodes must call it by one of the `origins` in hub.toml. Behind a proxy that ends TLS, set them there.
    """
    import os

    import uvicorn

    from hub.app import HOME_VARIABLE, create_app
    from hub.errors import RemoteBindingRefusedError

    if host not in LOOPBACK and not allow_remote:
        raise RemoteBindingRefusedError("host: other machines can reach it; --allow-remote permits that")
    home, settings = _home(ctx), _settings(ctx)
    if "origins" not in settings.model_fields_set:
        shown = f"[{host}]" if ":" in host else host
        names = sorted({shown, "127.0.0.1", "localhost", "[::1]"}) if host in LOOPBACK else [shown]
        origins = ", ".join(f'"http://{name}:{port}"' for name in names)
        os.environ["KNOWNTO_HUB_ORIGINS"] = f"[{origins}]"
    os.environ[HOME_VARIABLE] = str(home)
    create_app(_settings(ctx)).state.hub.database.close()  # Everything wrong with the home shows here, once.
    say(f"Serving network {settings.network} on {host}, port {port}. Stop with Ctrl-C.")
    # The access log of a web server holds paths and addresses that nobody needs; the hub keeps its own.
    uvicorn.run(
        "hub.app:app_of_environment",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="warning",
    )


@hub.group()
def agency() -> None:
    """The agencies of the network."""


@agency.command("add")
@click.argument("agency_id", metavar="ID", type=Identifier())
@click.option("--name", required=True, help="What people call the agency.")
@click.option("--service", required=True, help="Kind of service: housing, probation, outreach, ...")
@click.option("--area", type=Identifier(), help="Area it serves.  [default: county-wide]")
@click.option("--custodian", is_flag=True, help="It keeps the network's linkage keys.")
@dry_run_option
@format_option()
@click.pass_context
def add(
    ctx: click.Context,
    agency_id: str,
    name: str,
    service: str,
    area: str | None,
    custodian: bool,
    dry_run: bool,
    output_format: str,
) -> None:
    """Add an agency to the network; then invite it."""
    from hub.membership import add_agency
    from hub.schemas import Service

    if service not in get_args(Service):
        raise click.BadParameter(f"one of {', '.join(get_args(Service))}", param_hint="--service")
    with _database(ctx) as database, _changing(database, dry_run) as session:
        row = add_agency(session, agency_id, name=name, service=service, area=area, custodian=custodian)
        shown = {"agency": row.agency, "state": row.state, "custodian": row.custodian}
    emit(shown, output_format)


@agency.command("list")
@format_option("table", "json", "csv")
@click.pass_context
def list_(ctx: click.Context, output_format: str) -> None:
    """List the agencies, their state and how current their caseloads are."""
    from hub.clock import format_time
    from hub.membership import list_agencies

    columns = ("agency", "name", "service", "area", "custodian", "state", "fingerprint", "records", "as_of")
    with _database(ctx) as database, database.reading() as session:
        rows = [
            {name: getattr(row, name, None) for name in columns}
            | {
                "records": row.shared_records,
                "as_of": None if row.as_of is None else format_time(row.as_of),
            }
            for row in list_agencies(session)
        ]
    emit(rows, output_format, columns=columns)


@hub.command()
@click.argument("agency_id", metavar="ID", type=Identifier())
@dry_run_option
@format_option()
@click.pass_context
def invite(ctx: click.Context, agency_id: str, dry_run: bool, output_format: str) -> None:
    """Make a one-time enrolment token for an agency, shown only now.

    An earlier token of the agency no longer works.
    """
    from hub.clock import format_time, system_clock
    from hub.membership import invite as invite_agency

    hours = _settings(ctx).invitation_hours
    with _database(ctx) as database, _changing(database, dry_run) as session:
        token = invite_agency(session, agency_id, at=system_clock(), hours=hours)
        from hub.models import Agency

        row = session.get_one(Agency, agency_id)
        expires = format_time(row.invitation_expires) if row.invitation_expires else ""
    if dry_run:
        return
    emit({"agency": agency_id, "token": token, "expires": expires}, output_format)
    say("Give it to the agency over a safe channel; it works once and is shown only now.")


@hub.command()
@click.argument("agency_id", metavar="ID", type=Identifier())
@click.option("--fingerprint", required=True, help="As the agency reads it out from its own screen.")
@dry_run_option
@format_option()
@click.pass_context
def confirm(ctx: click.Context, agency_id: str, fingerprint: str, dry_run: bool, output_format: str) -> None:
    """Confirm an enrolled agency by the fingerprint that it reads out."""
    from hub.clock import system_clock
    from hub.membership import confirm as confirm_agency

    with _database(ctx) as database, _changing(database, dry_run) as session:
        row = confirm_agency(session, agency_id, fingerprint=fingerprint, at=system_clock())
        shown = {"agency": row.agency, "state": row.state, "fingerprint": row.fingerprint}
    emit(shown, output_format)


@hub.command()
@format_option()
@click.pass_context
def status(ctx: click.Context, output_format: str) -> None:
    """Say how the hub is: identity, layout of the database, epoch, agencies, log."""
    from hub.access_log import log_size
    from hub.epochs import current_epoch_id
    from hub.membership import list_agencies
    from hub.secrets import load_identity, load_pepper_key
    from hub.upgrades import layout_of, newest_layout

    settings, home = _settings(ctx), _home(ctx)
    load_pepper_key(home)
    with _database(ctx, outdated=True) as database:
        layout = layout_of(database)
        shown: dict[str, Any] = {
            "network": settings.network,
            "fingerprint": load_identity(home).public.fingerprint,
            "database": database.engine.dialect.name,
            "layout": "current" if layout == newest_layout() else "needs `knownto hub upgrade`",
        }
        if layout == newest_layout():
            with database.reading() as session:
                agencies = list_agencies(session)
                shown |= {
                    "epoch": current_epoch_id(session),
                    "agencies": len(agencies),
                    "confirmed": sum(row.state == "confirmed" for row in agencies),
                    "records": sum(row.shared_records for row in agencies),
                    "log_entries": log_size(session),
                }
    emit(shown, output_format)


@hub.command()
@format_option("markdown", "json")
@click.pass_context
def policy(ctx: click.Context, output_format: str) -> None:
    """Print the rules of disclosure, their settings and agencies, and the digest that log entries name."""
    from hub.clock import system_clock
    from hub.policy import describe_policy, format_policy

    with _database(ctx) as database, database.reading() as session:
        described = describe_policy(session, _settings(ctx), at=system_clock())
    if output_format == "json":
        emit(described, "json")
    else:
        click.echo(format_policy(described), nl=False)


hub.add_command(alarms)
hub.add_command(link)
hub.add_command(decisions)
hub.add_command(cohort)
hub.add_command(overlap)
hub.add_command(movement)
hub.add_command(web)
hub.add_command(staff)


@hub.command("erase-texts")
@click.option(
    "--before",
    type=click.DateTime(["%Y-%m-%d"]),
    help="First day (UTC) whose entries keep their texts.  [default: retention_days of hub.toml ago]",
)
@dry_run_option
@format_option()
@click.pass_context
def erase_texts(ctx: click.Context, before: datetime | None, dry_run: bool, output_format: str) -> None:
    """Erase what the log's old entries say about people; the entries and every proof stay. Logged.

    Decided items of the review queue and their notes of that age go with them, and budgets of past days.
    """
    from hub.clock import system_clock
    from hub.erasure import forget_freed_pages
    from hub.retention import forget, unfinished_before

    at = system_clock()
    first_kept = _first_kept(before, at, retention_days=_settings(ctx).retention_days)
    with _database(ctx) as database:
        with database.reading() as session:
            unfinished = unfinished_before(session, first_kept)
        with _changing(database, dry_run) as session:
            forgotten = forget(session, before=first_kept, at=at)
        if not dry_run:
            forget_freed_pages(database)
    if unfinished.open_reviews:
        say(f"Open items of the review queue from before that day: {unfinished.open_reviews}.")
    if unfinished.unread_by:
        say(f"Had not fetched all of their entries from before that day: {', '.join(unfinished.unread_by)}.")
    emit(asdict(forgotten), output_format)


def _first_kept(before: datetime | None, at: datetime, *, retention_days: int) -> datetime:
    """The beginning of the first day that is kept; never a day that alarms still look at."""
    from hub.settings import LEAST_RETENTION_DAYS

    today = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if before is None:
        return today - timedelta(days=retention_days)
    first_kept = before.replace(tzinfo=UTC)
    if first_kept > today - timedelta(days=LEAST_RETENTION_DAYS):
        raise click.UsageError(f"--before: texts are kept for at least {LEAST_RETENTION_DAYS} days")
    return first_kept


@hub.command()
@dry_run_option
@click.pass_context
def upgrade(ctx: click.Context, dry_run: bool) -> None:
    """Bring the database to the layout this program needs."""
    from hub.homes import prepare_database
    from hub.upgrades import layout_of, newest_layout

    with _database(ctx, outdated=True) as database:
        before = layout_of(database)
    if before == newest_layout():
        say("The database is up to date.")
    elif dry_run:
        say("The database would be upgraded. Back it up first.")
    else:
        prepare_database(_settings(ctx))
        say("The database is up to date now.")


@hub.command()
@click.option("--use", is_flag=True, help="Weigh look-ups by it, and by what it found each agency to know.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the model (model/1) to a file too."
)
@dry_run_option
@format_option()
@click.pass_context
def estimate(ctx: click.Context, use: bool, out: Path | None, dry_run: bool, output_format: str) -> None:
    """Fit a model to the hub's own index, and keep it.

    It is kept and shown; look-ups go on with the shipped model unless --use is given, and without --use
    they go back to it. The index has no probes, so only what stored slots show is fitted: measured on a
    county, look-ups came out better calibrated than with the shipped model where initials are shared, and
    worse where names are (docs/benchmarks.md, "A model fitted to the index").
    """
    from hub.clock import system_clock
    from hub.estimation import estimate as estimate_model
    from hub.estimation import store_fit
    from matcher.model import format_model

    with _database(ctx) as database:
        with database.reading() as session:
            fit, epoch = estimate_model(session)
        if not dry_run:
            with database.writing() as session:
                store_fit(session, fit, in_use=use, at=system_clock())
    if out is not None:
        out.write_text(format_model(fit.model), encoding="utf-8")
    shown = {
        "epoch": epoch.epoch,
        "schema_digest": fit.model.schema_digest,
        "model_digest": fit.model.digest,
        **fit.model.notes,
        "patterns": len(fit.model.joint),
        "stored": not dry_run,
        "in_use": use and not dry_run,
        "known": {agency: round(rate, 4) for agency, rate in fit.known.items()},
    }
    emit(shown, output_format)
    if not fit.converged:
        say("EM reached its iteration limit: that is not convergence.")
    if dry_run:
        say("Nothing changed: this was a dry run.")
    elif not use:
        say("Look-ups are weighed by the shipped model; --use would weigh them by this one.")


def _database_url(value: str) -> str:
    """The URL; one with a password is refused among the command's words, where others can read it."""
    if value == "-":
        return read_line("Database URL", hidden=True)
    if value and _has_password(value):
        raise click.BadParameter(
            "it holds a password, which every process listing shows: give - and type the URL, or set "
            "KNOWNTO_HUB_DATABASE_URL for this and every later command"
        )
    return value


def _has_password(url: str) -> bool:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parts = make_url(url)
    except ArgumentError:  # Refused later, without the text of it.
        return False
    return parts.password is not None or "password" in parts.query


def _home(ctx: click.Context) -> Path:
    home: Path = ctx.obj["home"]
    return home


def _settings(ctx: click.Context) -> HubSettings:
    from hub.settings import load_settings

    return load_settings(_home(ctx))


@contextmanager
def _database(ctx: click.Context, *, outdated: bool = False) -> Iterator[Database]:
    """The hub's database, of the newest layout unless said otherwise."""
    with hub_database(ctx, outdated=outdated) as (database, _):
        yield database


@contextmanager
def _changing(database: Database, dry_run: bool) -> Iterator[Any]:
    """A writing transaction; a dry run does all of it and takes it back."""
    with database.writing() as session:
        yield session
        if dry_run:
            session.rollback()
            say("Nothing changed: this was a dry run.")
