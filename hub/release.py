"""When an answer leaves: on a fixed time quantum, so that how long it took to work out tells nothing.

The work for a withheld, an unknown and a disclosed person is nearly the same by design (everything is matched
and decided for everybody, and masked last). What small difference remains would show in the mean of many
timings; released only at whole multiples of a quantum, it does not, unless the work itself takes longer than
a multiple more. So the quantum grows with what is asked, never with what is found: somebody who asks about
one person in fifty cases multiplies the difference by fifty, and waits the longer.
Source: DESIGN.md, section 7, "sizes, timing".
"""

from __future__ import annotations

import math

QUANTISED = frozenset({("POST", "/v1/lookups"), ("GET", "/v1/pairs")})

# A token asked at one agency is a cell. Fifteen cases at eight agencies, 120 cells, take 45 to 90 ms of the
# 95 of a default quantum, whoever is known.
CELLS_PER_QUANTUM = 150
# One cell that matches takes up to half a millisecond more than one that does not (fifty copies of one person
# at two agencies, on a busy machine: 150 ms against 100). Where a question is full of one person, a quantum
# for every thirty cells is six times that.
MOST_ALIKE, CELLS_PER_QUANTUM_ALIKE = 10, 30


def quanta_of(cells: int, *, alike: int) -> float:
    """How many quanta a look-up takes at least, by what is asked alone.

    Args:
        cells: Tokens asked, times the agencies that are answered for.
        alike: Pairs of its cases that are one person, or variants of one birth date.
    """
    if alike > MOST_ALIKE:
        return 1 + cells / CELLS_PER_QUANTUM_ALIKE
    return max(1, math.ceil(cells / CELLS_PER_QUANTUM))


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
