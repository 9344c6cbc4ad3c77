"""When an answer leaves: on a fixed time quantum, so that how long it took to work out tells nothing.

The work for a withheld, an unknown and a disclosed person is nearly the same by design (everything is matched
and decided for everybody, and masked last). What small difference remains would show in the mean of many
timings; released only at whole multiples of a quantum, it does not, unless the work itself takes longer than
a multiple more. Source: DESIGN.md, section 7, "sizes, timing".
"""

from __future__ import annotations

import math

QUANTISED = frozenset({("POST", "/v1/lookups")})


def seconds_until_release(elapsed_seconds: float, *, quantum_seconds: float) -> float:
    """How long to hold an answer back that took this long.

    Args:
        elapsed_seconds: Since the call came in; at least 0.
        quantum_seconds: The quantum; 0 releases at once.
    """
    if quantum_seconds == 0:
        return 0.0
    quanta = max(1, math.ceil(elapsed_seconds / quantum_seconds))
    return max(0.0, quanta * quantum_seconds - elapsed_seconds)
