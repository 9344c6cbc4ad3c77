"""Errors of the shell around the pages.

PagesError
├── AccountFormatError     a password or a code that cannot be taken: field and rule, never the value
├── LinkSpentError         a link for setting up an account that is not good (any more)
├── NotSignedInError       a page that takes somebody was let through for nobody
└── UnknownMemberError     nobody of this staff id is on the roster
"""

from __future__ import annotations


class PagesError(Exception):
    """Any failure the shell foresees."""


class AccountFormatError(PagesError):
    """What was typed to set up an account breaks a rule.

    Attributes:
        field: "password" or "code".
        rule: What it breaks, in words that follow the field's name.
    """

    def __init__(self, field: str, rule: str) -> None:
        self.field = field
        self.rule = rule
        super().__init__(f"{field}: {rule}")


class LinkSpentError(PagesError):
    """The link was used, has expired or never was."""


class NotSignedInError(PagesError):
    """Nobody is signed in."""


class UnknownMemberError(PagesError):
    """The roster has nobody of this staff id."""
