"""Documented: every command has help, every setting a description, every data file a reader."""

from __future__ import annotations

import ast
import importlib
import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import click
import pytest

from cli.main import COMMANDS, knownto
from hub.settings import HubSettings
from matcher.model import parse_model
from matcher.schema import FIELDS, parse_schema, shipped_schema
from node.settings import NodeSettings

ROOT = Path(__file__).parents[1]


def commands(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """A command and all below it."""
    yield name, command
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from commands(f"{name} {below.name}", below)


def every_command() -> list[tuple[str, click.Command]]:
    context = click.Context(knownto)
    found = []
    for name in COMMANDS:
        command = knownto.get_command(context, name)
        assert command is not None
        found += commands(name, command)
    return found


EVERY_COMMAND = every_command()
each_command = pytest.mark.parametrize(
    ("name", "command"), EVERY_COMMAND, ids=[name for name, _ in EVERY_COMMAND]
)


@each_command
def test_a_command_says_what_it_does(name: str, command: click.Command) -> None:
    text = command.help or ""
    assert len(text.split()) >= 3, name
    assert text.strip()[0].isupper(), name
    assert text.strip().splitlines()[0].endswith("."), name


@each_command
def test_an_option_says_what_it_is_for(name: str, command: click.Command) -> None:
    undescribed = [
        option.opts[0] for option in command.params if isinstance(option, click.Option) and not option.help
    ]
    assert not undescribed, name


@each_command
def test_no_argument_or_option_takes_an_identifier(name: str, command: click.Command) -> None:
    """A command line is read by everybody on the machine and kept in histories."""
    personal = {
        "dob",
        "forename",
        "surname",
        "name_of_person",
        "initials",
        "chain",
        "nhs_number",
        "sex",
        "birth",
    }
    assert not personal & {parameter.name for parameter in command.params}, name


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_of_commands_begins_as_the_command_itself_does(name: str) -> None:
    """The table is what `knownto --help` prints without loading a command; the command may say more."""
    told, own = COMMANDS[name][1].split(), dict(EVERY_COMMAND)[name].get_short_help_str(limit=200).split()
    assert told[0] == own[0]


def test_every_command_group_stands_in_the_table_or_below_it() -> None:
    """A command that nobody can call is a command that nobody can find."""
    reachable = {id(command) for _, command in EVERY_COMMAND}
    for path in sorted((ROOT / "cli").rglob("*.py")):
        module = importlib.import_module(
            ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        )
        for name, value in vars(module).items():
            if isinstance(value, click.Command) and value is not knownto:
                assert id(value) in reachable, f"{path.relative_to(ROOT)}: {name}"


def test_the_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    knownto.main(["--help"], standalone_mode=False)
    printed = capsys.readouterr().out
    for name, (_, text) in COMMANDS.items():
        assert name in printed and text.split()[0] in printed


@pytest.mark.parametrize("name", HubSettings.model_fields)
def test_every_setting_of_the_hub_is_described(name: str) -> None:
    assert HubSettings.model_fields[name].description


# Named for what they are: a comment would say the name again.
SELF_EXPLAINING = {"agency", "result_days", "case_warning", "timeout_seconds"}


def test_every_setting_of_a_node_is_described() -> None:
    """By a description, or by a comment on its line, where people who edit the file's model look."""
    source = (ROOT / "node" / "settings.py").read_text("utf-8")
    (settings,) = [
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name == "NodeSettings"
    ]
    lines = source.splitlines()
    commented = {
        node.target.id
        for node in settings.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        and "# " in lines[node.end_lineno - 1 if node.end_lineno else 0]
    }  # fmt: skip
    described = {name for name, field in NodeSettings.model_fields.items() if field.description}
    assert set(NodeSettings.model_fields) - commented - described <= SELF_EXPLAINING


DATA = sorted(entry.name for entry in resources.files("matcher").joinpath("data").iterdir())


@pytest.mark.parametrize("name", DATA)
def test_every_data_file_of_the_matcher_loads(name: str) -> None:
    text = resources.files("matcher").joinpath(f"data/{name}").read_text("utf-8")
    document = json.loads(text)
    if document["format"] == "slots/1":
        parse_schema(document | {"fields": list(FIELDS)})
    else:
        parse_model(text)


@pytest.mark.parametrize(
    "fields", [["dob", "initials"], ["dob", "names"], ["chain"], list(FIELDS)], ids=",".join
)
def test_the_shipped_schema_of_any_fields_is_a_schema(fields: list[str]) -> None:
    schema = shipped_schema(fields)
    assert parse_schema(json.loads(json.dumps(schema.document))).digest == schema.digest


def test_every_slot_and_probe_of_the_shipped_schema_says_what_it_shows() -> None:
    whole = json.loads(resources.files("matcher").joinpath("data/slots-1.json").read_text("utf-8"))
    for entry in [*whole["stored"], *whole["asked"]]:
        assert entry["shows"]


def test_no_two_decisions_have_one_number() -> None:
    names = sorted(path.name for path in (ROOT / "docs" / "adr").glob("*.md"))
    numbers = [name[:4] for name in names]
    assert len(numbers) > 10 and len(set(numbers)) == len(numbers)
    for name in names:
        first = (ROOT / "docs" / "adr" / name).read_text("utf-8").splitlines()[0]
        assert first.startswith(f"# {name[:4]} "), name
