"""`knownto keys`: fingerprints to read out, and the linkage key made, handed out and received under them."""

from __future__ import annotations

from pathlib import Path

import click

from cli.output import emit, format_option, say
from cli.terminal import ANY_ROLE, open_node, read_next_passphrase, staff_option
from keys.actors import Role


@click.group()
def keys() -> None:
    """Make, hand out and receive linkage keys."""


@keys.command()
@format_option()
@staff_option()
@click.pass_context
def fingerprint(ctx: click.Context, output_format: str) -> None:
    """Print this node's fingerprint, to be read out, and the pinned hub's."""
    node = open_node(ctx, ANY_ROLE)
    emit(
        {
            "agency": node.settings.agency,
            "fingerprint": node.identity.public.fingerprint,
            "hub_fingerprint": node.settings.hub_fingerprint,
        },
        output_format,
    )


@keys.command()
@click.option(
    "--fields",
    required=True,
    help="What is compared, comma-separated: dob, initials, names, chain, nhs_number, sex, area.",
)
@format_option()
@staff_option()
@click.pass_context
def make(ctx: click.Context, fields: str, output_format: str) -> None:
    """Make a new linkage key and begin its epoch (custodian only).

    It is current at once: every member needs the new key and pushes again.
    """
    from node.epochs import make_epoch

    document = make_epoch(
        open_node(ctx, Role.CUSTODIAN), [field.strip() for field in fields.split(",") if field.strip()]
    )
    emit(_describe(document), output_format)
    say("Next, for every member: knownto keys share AGENCY --fingerprint WHAT-THEY-READ-OUT")


@keys.command()
@click.argument("agency")
@click.option("--fingerprint", required=True, help="The member's fingerprint, as they read it out.")
@staff_option()
@click.pass_context
def share(ctx: click.Context, agency: str, fingerprint: str) -> None:
    """Wrap the linkage key for one member; the hub relays it and cannot open it (custodian only)."""
    from node.epochs import share_key

    share_key(open_node(ctx, Role.CUSTODIAN), agency, fingerprint=fingerprint)
    say(f"The linkage key waits at the hub, sealed for {agency}.")


@keys.command()
@click.option("--custodian-fingerprint", required=True, help="The custodian's fingerprint as read out.")
@format_option()
@staff_option()
@click.pass_context
def receive(ctx: click.Context, custodian_fingerprint: str, output_format: str) -> None:
    """Receive the current linkage key from the custodian.

    The custodian's own node takes the key it made, where the hub's answer to `knownto keys make` was lost.
    """
    from node.epochs import receive_key

    node = open_node(ctx, Role.CUSTODIAN)
    before = node.epoch_document()
    document = receive_key(node, custodian_fingerprint=custodian_fingerprint)
    emit(_describe(document), output_format)
    if before is not None and before["epoch"] == document["epoch"]:
        say("Nothing new: this node has the key of the current epoch already.")


@keys.command()
@format_option()
@staff_option()
@click.pass_context
def status(ctx: click.Context, output_format: str) -> None:
    """Show the epoch this node holds the linkage key of."""
    node = open_node(ctx, ANY_ROLE)
    emit(_describe(node.epoch_key().document), output_format)


@keys.command()
@click.option(
    "--new-file",
    type=click.Path(path_type=Path),
    help="A file only its owner can read (0600), with the new passphrase.  [default: prompted for]",
)
@staff_option()
@click.pass_context
def passphrase(ctx: click.Context, new_file: Path | None) -> None:
    """Put this node's keys under another passphrase (operator only).

    The old one opens nothing here any more, but still opens backups made before.
    """
    node = open_node(ctx, Role.OPERATOR)
    node.keystore.change_passphrase(read_next_passphrase(new_file))
    say("The keys are under the new passphrase. Backups made before still open with the old one.")


def _describe(document: object) -> dict[str, object]:
    assert isinstance(document, dict)
    return {
        "epoch": document["epoch"],
        "fields": ",".join(document["schema"]["fields"]),
        "schema_digest": document["schema_digest"],
        "linkage_key_id": document["linkage_key_id"],
        "created_at": document["created_at"],
    }
