"""Errors of an agency's node, split by whose fault they are.

NodeError
├── NotInitialisedError        the operator has not run `knownto init` (or not finished enrolling)
├── RecordFormatError          the agency's file cannot be read: file kind, row, field, rule
│   └── HeaderNotFoundError    its columns cannot be told apart: somebody has to say which is which
├── NormalisationError         a caller asked for a rule the normaliser does not have
├── StoreError                 the node's own database or key file cannot be used
├── PolicyError                this node refuses by its own rules, before anything is sent
├── ChangedMeanwhileError      somebody else has changed it since it was read; nothing was changed again
├── AuthenticationError        a signature, an enrolment or a passphrase was not accepted
├── IntegrityError             an answer, a key envelope or a log does not verify
├── HubUnreachableError        no answer from the hub
└── HubRefusedError            the hub answered with a problem, whose code is kept

A message names file kind, row, field and rule, and never a value: not a cell, not a path, a header only where
`node.header_hints` is sure that it is one.
"""

from __future__ import annotations


class NodeError(Exception):
    """Any failure a node foresees."""


class NotInitialisedError(NodeError):
    """The node has no home, identity, enrolment or linkage key yet."""


class RecordFormatError(NodeError):
    """A file as a whole cannot be read, so nothing of it was taken.

    Attributes:
        kind: What the file was to be: "caseload", "case list", "mapping", "known-to sheet".
        rule: What it breaks, in words.
        row: Row of the file, counted from 1 as a spreadsheet shows it, or None for the file itself.
        field: The contract's name of the column, or None. Never the file's own header text.
    """

    def __init__(self, kind: str, rule: str, *, row: int | None = None, field: str | None = None) -> None:
        self.kind = kind
        self.rule = rule
        self.row = row
        self.field = field
        place = [kind, *([f"row {row}"] if row is not None else []), *([field] if field else [])]
        super().__init__(f"{', '.join(place)}: {rule}")


class HeaderNotFoundError(RecordFormatError):
    """The file can be read, and its columns cannot be told apart by their names."""


class NormalisationError(NodeError):
    """A value was offered to a rule that cannot take its type."""


class StoreError(NodeError):
    """The node's database or files are missing, locked, damaged or of another version."""


class PolicyError(NodeError):
    """This node's own rules forbid the step; nothing was sent."""


class ChangedMeanwhileError(NodeError):
    """Somebody else changed it between reading and writing; what was to be written was not."""


class AuthenticationError(NodeError):
    """A signature, enrolment or passphrase was not accepted."""


class IntegrityError(NodeError):
    """Something received or kept does not verify and must not be believed."""


class HubUnreachableError(NodeError):
    """The hub gave no answer; nothing is known about what it did."""


class HubRefusedError(NodeError):
    """The hub answered with a problem (docs/protocol.md section 3).

    Attributes:
        code: The problem's code, such as "no_agreement".
        status: The HTTP status, for the table of exit codes only.
    """

    def __init__(self, code: str, *, status: int = 0, detail: str = "") -> None:
        self.code = code
        self.status = status
        self.detail = detail
        super().__init__(f"the hub refused: {code}" + (f" ({detail})" if detail else ""))
