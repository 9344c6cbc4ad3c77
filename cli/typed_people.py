"""One person as a command reads them: prompted for at a terminal, or text of stdin; never from its words."""

from __future__ import annotations

import json

import click

PERSON_FIELDS = ("dob", "forename", "surname", "initials", "chain", "nhs_number", "sex", "area")
RARER_FIELDS = ("aliases", "former_surnames", "other_chain")


def prompt_fields(*names: str) -> dict[str, str]:
    """What is typed for some of the contract's names, without what is left empty."""
    prompts = {"case_ref": "Case reference", "dob": "Date of birth"}
    typed = {}
    for name in names:
        label = prompts.get(name, name.replace("_", " ").capitalize())
        typed[name] = click.prompt(label, default="", show_default=False, err=True)
    return {name: text.strip() for name, text in typed.items() if text.strip()}


def parse_fields(text: str, *further: str) -> dict[str, str]:
    """One person as a JSON object, or as lines of `name: value`.

    Args:
        text: What came on stdin.
        further: Names that are taken beside the person's.

    Raises:
        RecordFormatError: It is neither, or has a name that is not known.
    """
    from node.errors import RecordFormatError

    known = {*further, *RARER_FIELDS, *PERSON_FIELDS}
    if text.lstrip().startswith("{"):
        try:
            document = json.loads(text)
        except ValueError:
            raise RecordFormatError("person", "is not a JSON object") from None
    else:
        lines = [line for line in text.splitlines() if line.strip()]
        if not all(":" in line for line in lines):
            raise RecordFormatError("person", "every line must be name: value")
        document = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if not isinstance(document, dict) or set(document) - known:
        raise RecordFormatError("person", f"the names are {', '.join(sorted(known))}")
    return {name: str(value) for name, value in document.items() if value is not None}
