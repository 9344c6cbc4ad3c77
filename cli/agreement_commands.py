"""`knownto agreement`: propose, read and sign agreements, without which nothing moves."""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from cli.output import emit, format_option, say
from cli.terminal import confirm, open_node

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
DRAFT = """\
# An agreement between agencies: fill in, then: knownto agreement propose FILE.toml
agreement = "sharing-2026"             # its id: lower-case letters, digits and hyphens
title = "Information sharing, case conference"
parties = ["agency-one", "agency-two"] # ids of all agencies that are to sign, this one among them
# case_conference, single_lookup, referral_deduplication, cohort_identification, statistics,
# safeguarding_panel
purposes = ["case_conference", "single_lookup"]
lawful_bases = ["consent"]             # consent, public_task
maximum_age_days = 35                  # an agency that has not shared for longer shows as "No reply yet"
not_before = 2026-01-01                # the first day
expires = 2027-01-01                   # the day it no longer holds

[isa]                                  # the Information Sharing Agreement all parties signed on paper
title = "Information Sharing Agreement"
version = "1.0"
sha256 = ""                            # of the signed PDF: sha256sum ISA.pdf

[terms_of_reference]
title = "Terms of Reference"
version = "1.0"
sha256 = ""
"""


@click.group()
def agreement() -> None:
    """Propose, read and sign agreements."""


@agreement.command()
def draft() -> None:
    """Print a template to fill in."""
    click.echo(DRAFT, nl=False)


@agreement.command()
@click.argument("file", type=FILE)
@click.option("--dry-run", is_flag=True, help="Show the document; send nothing.")
@format_option()
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
    digest = propose_agreement(open_node(ctx).client(), document)
    emit({"agreement": document["agreement"], "digest": digest}, output_format)
    say(f"Next, at every party: knownto agreement sign {document['agreement']}")


@agreement.command("list")
@format_option("table", "json", "csv")
@click.pass_context
def list_(ctx: click.Context, output_format: str) -> None:
    """List the agreements of this agency, with the signatures that verify."""
    rows = [_row(found) for found in _fetch(ctx)]
    emit(rows, output_format, columns=("agreement", "title", "signed_by", "missing", "expires", "digest"))


@agreement.command()
@click.argument("agreement_id", metavar="ID")
@format_option()
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
@click.pass_context
def sign(ctx: click.Context, agreement_id: str, yes: bool, digest: str | None) -> None:
    """Show an agreement and sign it as this agency."""
    from node.errors import IntegrityError
    from node.membership import format_document, sign_agreement

    if yes and digest is None:
        raise click.UsageError("--yes needs --digest: nobody signs what they have not read")
    found = _find(ctx, agreement_id)
    if digest is not None and digest.lower() != found.digest:
        raise IntegrityError("the hub's document is not the one of this digest; nothing was signed")
    if not yes:
        say(format_document(found.document))
        say(f"Digest {found.digest}")
        confirm("Sign this agreement?", otherwise="--yes --digest")
    sign_agreement(ctx.obj["node"].client(), found)
    say(f"Signed {agreement_id}.")


def _fetch(ctx: click.Context) -> list[Any]:
    from node.membership import fetch_agencies, fetch_agreements

    node = ctx.obj["node"] = open_node(ctx)
    client = node.client()
    return fetch_agreements(client, fetch_agencies(client, node.store))


def _find(ctx: click.Context, agreement_id: str) -> Any:
    from node.errors import HubRefusedError

    for found in _fetch(ctx):
        if found.agreement == agreement_id:
            return found
    raise HubRefusedError("not_found", detail="agreement: no such one of which this agency is a party")


def _row(found: Any) -> dict[str, Any]:
    return {
        "agreement": found.agreement,
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
    missing = [name for name in tomllib.loads(DRAFT) if name not in document]
    if missing:
        raise RecordFormatError("agreement", "is missing", field=missing[0])
    if not isinstance(document["parties"], list):
        raise RecordFormatError("agreement", "must be a list of agency ids", field="parties")
    for field in ("not_before", "expires"):
        document[field] = _wire_time(document[field], field)
    document["parties"] = sorted(map(str, document["parties"]))
    return {"format": "agreement/1", **document}


def _wire_time(value: object, field: str) -> str:
    from node.errors import RecordFormatError
    from node.times import format_time, start_of_day

    if isinstance(value, datetime) and value.tzinfo is not None:
        return format_time(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return format_time(start_of_day(value))
    raise RecordFormatError("agreement", "must be a day such as 2026-12-31", field=field)
