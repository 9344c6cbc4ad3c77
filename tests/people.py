"""Invented people in the contract's columns; every test that needs rows takes them from here."""

from __future__ import annotations

FORENAMES = ("oliver", "amelia", "harriet", "kwame", "zofia", "declan", "priya", "tomasz", "ruth", "idris")
SURNAMES = ("barnaby", "okafor", "kowalska", "fitzgerald", "lindqvist", "mcallister", "sandhu", "vasquez")


def person(number: int, *, prefix: str = "H", **changes: str) -> dict[str, str]:
    """One invented person; the same number is the same person whatever the prefix."""
    return {
        "local_id": f"{prefix}{number:05}",
        "case_ref": f"case-{number}",
        "dob": f"{1950 + number % 53}-{1 + number % 12:02}-{2 + number % 27:02}",
        "forename": FORENAMES[number % len(FORENAMES)],
        "surname": SURNAMES[number % len(SURNAMES)],
        "opened": "2026-02-03",
        **changes,
    }


def people(count: int, *, first: int = 1, prefix: str = "H") -> list[dict[str, str]]:
    """Some invented people."""
    return [person(number, prefix=prefix) for number in range(first, first + count)]
