"""Integer frequencies of 24 bits: made from floating point once, from then on integers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hsigan.errors import InputError

PRECISION_BITS = 24
TOTAL = 2**PRECISION_BITS
LARGEST_TABLE = 2**16
"""Symbols of one table, without its escape."""

Floats = NDArray[np.float64]
Frequencies = NDArray[np.uint32]


def freeze(probabilities: Floats) -> Frequencies:
    """Round probabilities (n,) and what they leave to 1 to n + 1 integers >= 1 that sum to 2**24.

    Every symbol gets 1 and its share of the rest; where the shares end is rounded down.

    Raises
    ------
    InputError
        A probability is negative or not finite, or they sum to more than 1 + 1e-6.
    """
    if probabilities.ndim != 1 or not 1 <= len(probabilities) <= LARGEST_TABLE:
        raise InputError("a table's probabilities must be an array of 1 ... 2**16 numbers")
    if not np.isfinite(probabilities).all() or probabilities.min() < 0:
        raise InputError("a table's probabilities must be finite and >= 0")
    total = math.fsum(probabilities)
    if total > 1 + 1e-6:
        raise InputError(f"a table's probabilities must sum to 1 at most. Got {total} instead.")
    full = np.append(probabilities, max(0.0, 1 - total)) / max(total, 1.0)
    room = TOTAL - len(full)
    ends = np.minimum(np.floor(np.cumsum(full) * room), room)
    ends[-1] = room
    return np.asarray(np.diff(ends, prepend=0.0) + 1, np.uint32)
