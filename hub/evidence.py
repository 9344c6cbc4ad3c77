"""Evidence beside an answer: which comparisons spoke for it and how much, in ids, never in values.

docs/protocol.md, section 10. Padded with spaces to one size; the words are made at the asking node.
"""

from __future__ import annotations

import json

from hub.schemas import EVIDENCE_BYTES
from matcher.decisions import Designation
from matcher.lookups import Explanation

DESIGNATIONS = {Designation.LINK: "link", Designation.POSSIBLE_LINK: "possible_link"}


def format_evidence(explanation: Explanation, designation: Designation) -> bytes:
    """The `evidence/1` document of a match, exactly 1,024 bytes."""
    document = {
        "format": "evidence/1",
        "posterior": f"{explanation.posterior:.3f}",
        "prior": f"{explanation.prior_bits:.2f}",
        "steps": [
            {"comparison": step.comparison, "level": step.level, "weight": f"{step.weight:.2f}"}
            for step in explanation.steps
        ],
        "designation": DESIGNATIONS[designation],
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    if len(text) > EVIDENCE_BYTES:
        raise ValueError(f"evidence is longer than {EVIDENCE_BYTES} bytes")
    return text.ljust(EVIDENCE_BYTES)
