"""`knownto agreement`: propose, read and sign agreements, without which nothing moves."""

from __future__ import annotations

import hashlib
import json
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from cli.output import emit, format_option, say
from cli.terminal import ANY_ROLE, confirm, open_node, staff_option
from keys.actors import Role

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
DRAFT = """\
# An agreement between agencies: check every line, then: knownto agreement propose FILE.toml
agreement = {agreement}   # its id: lower-case letters, digits and hyphens
title = {title}
parties = {parties}   # ids of all agencies that are to sign
# case_conference, single_lookup, referral_deduplication, cohort_identification, statistics,
# safeguarding_panel
purposes = ["case_conference", "single_lookup"]
lawful_bases = ["consent"]   # consent, public_task
maximum_age_days = 35   # an agency that has not shared for longer shows as "No reply yet"
not_before = {not_before}   # the first day
expires = {expires}   # the day it no longer holds

[isa]   # the Information Sharing Agreement that all parties have signed on paper
title = "Information Sharing Agreement"
version = "1.0"
sha256 = {isa}   # of the signed paper: sha256sum FILE

[terms_of_reference]
title = "Terms of Reference"
version = "1.0"
sha256 = {terms}
"""
# Whoever runs the conference drafts its agreement; only information governance signs it.
PROPOSING = (Role.COORDINATOR, Role.IG)
FIELDS = (
    "agreement",
    "title",
    "parties",
    "purposes",
    "lawful_bases",
    "maximum_age_days",
    "not_before",
    "expires",
    "isa",
    "terms_of_reference",
)


@click.group()
def agreement() -> None:
    """Propose, read and sign agreements."""


@agreement.command()
@click.option("--id", "agreement_id", default="sharing", show_default=True, help="Id of the agreement.")
@click.option("--parties", default="agency-one,agency-two", help="Ids of the agencies, comma-separated.")
@click.option("--isa", type=FILE, help="The signed Information Sharing Agreement; its hash is filled in.")
@click.option("--terms", type=FILE, help="The signed Terms of Reference; its hash is filled in.")
def draft(agreement_id: str, parties: str, isa: Path | None, terms: Path | None) -> None:
    """Print a template to check and fill in: one year from today."""
    today = datetime.now(UTC).date()
    named = sorted(party.strip() for party in parties.split(",") if party.strip())
    filled = DRAFT.format(
        agreement=json.dumps(agreement_id),
        title=json.dumps("Information sharing for case conferences"),
        parties=json.dumps(named),
        not_before=today.isoformat(),
        expires=(today + timedelta(days=365)).isoformat(),
        isa=json.dumps(_sha256(isa)),
        terms=json.dumps(_sha256(terms)),
    )
    click.echo(filled, nl=False)


@agreement.command()
@click.argument("file", type=FILE)
@click.option("--dry-run", is_flag=True, help="Show the document; send nothing.")
@format_option()
@staff_option()
@click.pass_context
def propose(ctx: click.Context, file: Path, dry_run: bool, output_format: str) -> None:
    """Put an agreement before its parties; each then signs it."""
    from keys.documents import document_digest
    from node.membership import format_document, propose_agreement

    document = _read_agreement(file)
    if dry_run:
        click.echo(format_document(document))
        say(f"Digest {document_digest(document)}")
        return
    digest = propose_agreement(open_node(ctx, PROPOSING).client(), document)
    emit({"agreement": document["agreement"], "digest": digest}, output_format)
    say(f"Next, at every party: knownto agreement sign {document['agreement']}")


@agreement.command("list")
@format_option("table", "json", "csv")
@staff_option()
@click.pass_context
def list_(ctx: click.Context, output_format: str) -> None:
    """List the agreements of this agency, with the signatures that verify."""
    rows = [_row(found, at=datetime.now(UTC)) for found in _fetch(ctx)]
    columns = ("agreement", "state", "title", "signed_by", "missing", "expires", "digest")
    emit(rows, output_format, columns=columns)


@agreement.command()
@click.argument("agreement_id", metavar="ID")
@format_option()
@staff_option()
@click.pass_context
def show(ctx: click.Context, agreement_id: str, output_format: str) -> None:
    """Show one agreement whole."""
    from node.membership import format_document

    found = _find(ctx, agreement_id)
    if output_format == "json":
        emit({**found.document, "digest": found.digest, "signed_by": list(found.signed_by)}, "json")
        return
    click.echo(format_document(found.document))
    say(f"Digest {found.digest}\nSigned by {', '.join(found.signed_by) or 'nobody'}")


@agreement.command()
@click.argument("agreement_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask; needs --digest.")
@click.option("--digest", help="Digest of the document that was read: nothing else is signed.")
@staff_option()
@click.pass_context
def sign(ctx: click.Context, agreement_id: str, yes: bool, digest: str | None) -> None:
    """Show an agreement and sign it as this agency."""
    from node.errors import IntegrityError
    from node.membership import format_document, sign_agreement

    if yes and digest is None:
        raise click.UsageError("--yes needs --digest: nobody signs what they have not read")
    found = _find(ctx, agreement_id, Role.IG)
    if digest is not None and digest.lower() != found.digest:
        raise IntegrityError("the hub's document is not the one of this digest; nothing was signed")
    if not yes:
        say(format_document(found.document))
        say(f"Digest {found.digest}")
        confirm("Sign this agreement?", otherwise="--yes --digest")
    sign_agreement(ctx.obj["node"].client(), found)
    say(f"Signed {agreement_id}.")


def _fetch(ctx: click.Context, role: str | tuple[str, ...] = ANY_ROLE) -> list[Any]:
    from node.membership import fetch_agencies, fetch_agreements

    node = ctx.obj["node"] = open_node(ctx, role)
    client = node.client()
    return fetch_agreements(client, fetch_agencies(client, node.store))


def _find(ctx: click.Context, agreement_id: str, role: str | tuple[str, ...] = ANY_ROLE) -> Any:
    from node.errors import HubRefusedError

    for found in _fetch(ctx, role):
        if found.agreement == agreement_id:
            return found
    raise HubRefusedError("not_found", detail="agreement: no such one of which this agency is a party")


def _row(found: Any, *, at: datetime) -> dict[str, Any]:
    return {
        "agreement": found.agreement,
        "state": found.state(at=at),
        "title": found.document["title"],
        "signed_by": " ".join(found.signed_by),
        "missing": " ".join(party for party in found.parties if party not in found.signed_by),
        "expires": found.document["expires"],
        "digest": found.digest,
    }


def _read_agreement(file: Path) -> dict[str, Any]:
    """The agreement/1 document of a filled-in template; the hub checks the rest of its rules."""
    from node.errors import RecordFormatError

    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise RecordFormatError("agreement", "is not valid TOML") from None
    missing = [name for name in FIELDS if name not in document]
    if missing:
        raise RecordFormatError("agreement", "is missing", field=missing[0])
    if not isinstance(document["parties"], list):
        raise RecordFormatError("agreement", "must be a list of agency ids", field="parties")
    for field in ("not_before", "expires"):
        document[field] = _wire_time(document[field], field)
    document["parties"] = sorted(map(str, document["parties"]))
    return {"format": "agreement/1", **document}


def _sha256(paper: Path | None) -> str:
    return "" if paper is None else hashlib.sha256(paper.read_bytes()).hexdigest()


def _wire_time(value: object, field: str) -> str:
    from node.errors import RecordFormatError
    from node.times import format_time, start_of_day

    if isinstance(value, datetime) and value.tzinfo is not None:
        return format_time(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return format_time(start_of_day(value))
    raise RecordFormatError("agreement", "must be a day such as 2026-12-31", field=field)
