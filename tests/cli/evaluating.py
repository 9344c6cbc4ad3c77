"""`knownto evaluate` as tests run it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from cli.main import exit_code, knownto


def run(*arguments: str | Path) -> Result:
    """Run a subcommand."""
    return CliRunner().invoke(knownto, ["evaluate", *map(str, arguments)])


def code_of(result: Result) -> int:
    """The exit code the process would leave with."""
    if result.exception is None or isinstance(result.exception, SystemExit):
        return result.exit_code
    return exit_code(result.exception)


def printed(*arguments: str | Path) -> dict[str, Any]:
    """The JSON document a subcommand prints."""
    result = run(*arguments, "--format", "json")
    assert result.exception is None, type(result.exception)
    document = json.loads(result.stdout, parse_constant=no_number)
    assert isinstance(document, dict)
    return document


def no_number(text: str) -> None:
    """Refuse NaN and infinities, which JSON has not."""
    raise AssertionError(f"{text} is no number of JSON")
