"""The `knownto` command: finds the subcommand, and turns errors into exit codes.

Subcommands are imported only when they are called, so that `knownto --help` stays quick: the help
text of each stands in the table below, and a test holds it to the command's own.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import click

COMMANDS = {
    "init": ("cli.node_commands:init", "Make this agency's node: its home, its keys, its settings."),
    "node": ("cli.node_commands:node", "Check, import and share this agency's caseload."),
    "hub": ("cli.hub_commands:hub", "Run the hub of a partnership."),
    "staff": ("cli.staff_commands:staff", "Say who works with this node, and in which roles."),
    "keys": ("cli.key_commands:keys", "Make, hand out and receive linkage keys."),
    "agreement": ("cli.agreement_commands:agreement", "Propose, read and sign agreements."),
    "consent": ("cli.consent_commands:consent", "Record and withdraw people's consent."),
    "override": (
        "cli.override_commands:override",
        "Ask for a public task to be approved, decide such requests, declare an emergency.",
    ),
    "duplicates": (
        "cli.duplicate_commands:duplicates",
        "Find who stands in the caseload twice, and decide it.",
    ),
    "cohort": (
        "cli.cohort_list_commands:cohort",
        "List this agency's own people in a cohort of the partnership.",
    ),
    "lookup": ("cli.lookup_commands:lookup", "Ask which services know the people of a case list."),
    "why": ("cli.lookup_commands:why", "Explain an answer of the last look-up."),
    "web": ("cli.web_commands:web", "Serve this node's pages to the people who work with it."),
    "log": ("cli.log_commands:log", "Read the access log: what was asked, and by whom."),
    "review": ("cli.review_commands:review", "Review alarms, overrides and look-ups drawn at random."),
    "evaluate": ("cli.evaluate_commands:evaluate", "Measure matching on files whose truth is known."),
    "demo": ("cli.demo.command:demo", "Run a whole partnership on this machine."),
}

UNEXPECTED, USAGE, WARNINGS, REFUSED, AUTHENTICATION = 1, 2, 3, 4, 5
UNREACHABLE, INVALID, INTEGRITY, NOT_INITIALISED = 6, 7, 8, 10

# Exit codes by class name, looked up along the class's ancestors: no package is imported for it.
EXIT_CODES = {
    "CompletedWithWarnings": WARNINGS,
    "PolicyError": REFUSED,
    "AuthenticationError": AUTHENTICATION,
    "CustodyError": AUTHENTICATION,
    "HubUnreachableError": UNREACHABLE,
    "RecordFormatError": INVALID,
    "NormalisationError": INVALID,
    "KeyFormatError": INVALID,
    "MatcherError": INVALID,
    "RequestError": INVALID,
    "SettingsError": INVALID,
    "UnavailableError": UNREACHABLE,
    "StoreError": UNREACHABLE,
    "AlreadyInitialisedError": REFUSED,
    "IntegrityError": INTEGRITY,
    "SignatureInvalidError": INTEGRITY,
    "NotInitialisedError": NOT_INITIALISED,
}
REFUSAL_EXIT_CODES = {
    "malformed": INVALID,
    "schema_mismatch": INVALID,
    "epoch_mismatch": INVALID,
    "too_large": INVALID,
    "not_found": INVALID,
    "conflict": INVALID,
    "signature_invalid": AUTHENTICATION,
    "replayed": AUTHENTICATION,
    "clock_skew": AUTHENTICATION,
    "unknown_key": AUTHENTICATION,
    "token_invalid": AUTHENTICATION,
    "log_unavailable": UNREACHABLE,
    "unavailable": UNREACHABLE,
    "unexpected": UNEXPECTED,
}
OUR_ERRORS = ("MatcherError", "KeysError", "NodeError", "HubError", "CompletedWithWarnings")


class LazyGroup(click.Group):
    """A group whose subcommands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in COMMANDS.items()])


@click.group(cls=LazyGroup)
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="KNOWNTO_HOME",
    show_envvar=True,
    help="Folder of this node or hub.  [default: ~/.knownto]",
)
@click.version_option(package_name="knownto")
@click.pass_context
def knownto(ctx: click.Context, home: Path | None) -> None:
    """Known To: which services already know this person?

    Asks and answers without any agency showing its records to another.
    """
    ctx.obj = {"home": home or Path.home() / ".knownto"}


def exit_code(error: BaseException) -> int:
    """The documented exit code of an error."""
    code = REFUSAL_EXIT_CODES.get(getattr(error, "code", ""))
    if code is not None:
        return code
    names = [ancestor.__name__ for ancestor in type(error).__mro__]
    for name in names:
        if name in EXIT_CODES:
            return EXIT_CODES[name]
    return REFUSED if "HubRefusedError" in names else UNEXPECTED


def is_ours(error: BaseException) -> bool:
    """Whether the error's message was written by us, and so carries no value."""
    return any(ancestor.__name__ in OUR_ERRORS for ancestor in type(error).__mro__)


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        result = knownto.main(prog_name="knownto", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(UNEXPECTED)
    except Exception as error:
        if os.environ.get("KNOWNTO_TRACEBACK") == "1":
            raise
        if is_ours(error):
            click.echo(f"knownto: {error}", err=True)
        else:
            # A foreign message may quote what it choked on: its class is all that is safe to print.
            click.echo(
                f"knownto: unexpected {type(error).__name__}; nothing more is printed, "
                "because it could carry a value. KNOWNTO_TRACEBACK=1 shows where.",
                err=True,
            )
        sys.exit(exit_code(error))
    sys.exit(result if isinstance(result, int) else 0)
