"""What commands read from people: passphrases, references, confirmations; never from their own words.

An identifier or secret among a command's words would stand in the shell's history and in every process
listing. So they are prompted for at a terminal, and read from stdin, one line each, where there is none.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from keys.actors import Role
from keys.private_files import read_private
from node.errors import AuthenticationError
from node.home import Node, open_home

PASSPHRASE_VARIABLE = "KNOWNTO_PASSPHRASE_FILE"
# What everybody of the roster may do: look at the node and at what it keeps for them.
ANY_ROLE = tuple(role for role in Role if role is not Role.NODE)


def staff_option() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--staff`: who acts; read by `open_node`, and not by the command."""

    def keep(ctx: click.Context, _parameter: click.Parameter, staff: str | None) -> None:
        ctx.obj["staff"] = staff

    return click.option(
        "--staff",
        envvar="KNOWNTO_STAFF",
        show_envvar=True,
        expose_value=False,
        callback=keep,
        help="Staff id of whoever acts.  [default: the node's setting]",
    )


def open_node(ctx: click.Context, role: str | tuple[str, ...]) -> Node:
    """The node of the home the command was given, opened with its passphrase for whoever acts.

    Answers and case lists whose time is over go with every command, whatever it does.

    Args:
        ctx: The command's context.
        role: What the command takes; of several, the first that the person holds.

    Raises:
        PolicyError: The person holds none of these roles now.
    """
    # Settings are looked at first: nobody should type a passphrase for a node that is not there.
    from node.expiry import drop_what_is_over
    from node.settings import load_settings
    from node.staff import require_actor

    home: Path = ctx.obj["home"]
    settings = load_settings(home)
    node = open_home(home, read_passphrase())
    ctx.call_on_close(node.close)
    staff = ctx.obj.get("staff") or settings.staff
    node.actor = require_actor(node.store, staff, (role,) if isinstance(role, str) else role)
    drop_what_is_over(node.store, at=node.clock())
    return node


def read_passphrase(*, new: bool = False) -> str:
    """The passphrase of the key store: from the file the environment names, or prompted for.

    Args:
        new: It is being set: ask twice.

    Raises:
        CustodyError: The file can be read by others.
        AuthenticationError: There is neither a file nor a terminal.
    """
    file = os.environ.get(PASSPHRASE_VARIABLE)
    if file:
        return _passphrase_in(Path(file))
    if not sys.stdin.isatty():
        raise AuthenticationError(
            f"no passphrase: there is no terminal, and {PASSPHRASE_VARIABLE} names no file"
        )
    return _prompt_passphrase(new=new)


def read_next_passphrase(file: Path | None) -> str:
    """The passphrase that is to replace the one read with `read_passphrase`.

    Args:
        file: Where it stands; without one it is prompted for, twice.

    Raises:
        CustodyError: The file can be read by others.
        AuthenticationError: There is neither a file nor a terminal.
    """
    if file is not None:
        return _passphrase_in(file)
    if not sys.stdin.isatty():
        raise AuthenticationError("no new passphrase: there is no terminal, and --new-file names no file")
    return _prompt_passphrase(new=True)


def _passphrase_in(file: Path) -> str:
    return read_private(file).decode("utf-8", "surrogateescape").rstrip("\r\n")


def _prompt_passphrase(*, new: bool) -> str:
    prompt = "New passphrase for this node's keys" if new else "Passphrase"
    passphrase: str = click.prompt(prompt, hide_input=True, confirmation_prompt=new, err=True)
    return passphrase


def read_line(prompt: str, *, hidden: bool = False) -> str:
    """One line typed at the prompt, or the next line of stdin where there is no terminal."""
    if sys.stdin.isatty():
        typed: str = click.prompt(prompt, hide_input=hidden, err=True)
        return typed.strip()
    line = sys.stdin.readline()
    if not line.strip():
        raise click.UsageError(f"{prompt}: nothing on stdin")
    return line.strip()


def confirm(question: str, *, otherwise: str) -> None:
    """Ask yes or no; no stops the command.

    Args:
        question: What is asked.
        otherwise: The option that stands for yes where there is no terminal.
    """
    if not sys.stdin.isatty():
        raise click.UsageError(f"there is no terminal to ask at; use {otherwise}")
    click.confirm(question, abort=True, err=True)
