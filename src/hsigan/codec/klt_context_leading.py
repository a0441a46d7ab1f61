"""What of a tile codec klt-context codes: plain symbols, and the components that are worth bits."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hsigan.codec.klt_context_model import Coefficients, SharedBasis, Symbols
from hsigan.codec.klt_context_trellis import GRID, SLOPE

MOST_GRID = 2**28
"""The largest grid point that decoders take."""
_ROUNDING = 0.4
"""What is added before rounding down: less than a half widens the zone of zero."""
_SYMBOL_BITS = 3.0
"""What the first symbol of an empty plane takes beside its place."""
_AT_A_TIME = 24


def quantise(scaled: Coefficients) -> Symbols:
    """Return the symbols of values in steps under the even quantiser alone."""
    magnitudes = np.floor(np.abs(scaled) * np.float32(0.5 / GRID) + np.float32(_ROUNDING))
    return np.asarray(np.sign(scaled) * np.minimum(magnitudes, MOST_GRID), np.int32)


def _worths(scaled: Coefficients) -> NDArray[np.float64]:
    """Return what coding each component (K, h, w) would save, in squared steps.

    A symbol in an empty plane tells its place, sign and size.
    """
    places = scaled.shape[1] * scaled.shape[2]
    worths = np.zeros(len(scaled))
    for component, plane in enumerate(scaled):
        squares = np.square(plane[np.abs(plane) >= 2 * GRID * (1 - _ROUNDING)], dtype=np.float64)
        bits = len(squares) * (math.log2(places / max(len(squares), 1)) + _SYMBOL_BITS)
        worths[component] = squares.sum() - len(squares) / 12 - SLOPE * bits
    return worths


def _most_worth(worths: NDArray[np.float64]) -> int:
    totals = np.cumsum(worths)
    return int(np.argmax(totals)) + 1 if totals.max(initial=0.0) > 0 else 0


def leading_coefficients(values: Coefficients, basis: SharedBasis, step: float) -> Coefficients:
    """Return coefficients (K, h, w), in steps, of the components of a tile (B, h, w) to code.

    Components are transformed a few at a time, until none of these is worth its bits.
    """
    pieces: list[Coefficients] = []
    worths = np.empty(0)
    for start in range(0, len(values), _AT_A_TIME):
        pieces.append(basis.coefficients(values, slice(start, start + _AT_A_TIME)))
        pieces[-1] *= np.float32(1 / step)
        worths = np.append(worths, _worths(pieces[-1]))
        if _most_worth(worths) <= start:
            break
    return np.concatenate(pieces)[: _most_worth(worths)]
