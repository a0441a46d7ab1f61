"""Trellis-coded quantisation along the components, by real costs.

Two quantisers share a grid of half steps: one has its even points, the other its odd ones and zero.
The parity of each symbol decides which quantiser comes next at the same place (four states, as in
Versatile Video Coding; Schwarz et al., "Quantization and entropy coding in the Versatile Video
Coding standard", IEEE TCSVT 31 (10), 2021; Marcellin and Fischer 1990). The encoder looks for the
path of the least squared error plus `SLOPE` times bits (Viterbi), at all places at once.

::

    state    quantiser    symbol even -> state    symbol odd -> state
      0        even               0                       2
      1        even               2                       0
      2        odd                1                       3
      3        odd                3                       1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hsigan.bitstream.tables import CodingTables

Symbols = NDArray[np.int32]
Values = NDArray[np.float32]

STATES = 4
NEXT_STATE: NDArray[np.uint8] = np.array([[0, 2], [2, 0], [1, 3], [3, 1]], np.uint8)
GRID = 0.5625
"""Distance of the grid's points, in steps: each quantiser alone is coarser than a step by 1/8."""
SLOPE = 0.1
"""Squared steps of error that a bit may cost."""
_SMALLEST = 0.4
_TABULATED = 24
# Into each state lead two branches, from a state with a parity.
_BRANCHES = (((0, 0), (1, 1)), ((2, 0), (3, 1)), ((0, 1), (1, 0)), ((2, 1), (3, 0)))
_PLACES = 4096
"""At a time: what lies in the processor's cache."""


@dataclass(frozen=True)
class SymbolCosts:
    """Bits of magnitudes, per table.

    Attributes
    ----------
    bits
        (T, 24) float32: of the magnitudes 0 ... 23, sign included.
    slope
        (T,) float32: bits for each further 1.
    """

    bits: Values
    slope: Values

    @classmethod
    def of(cls, tables: CodingTables) -> SymbolCosts:
        """Read the costs off symmetric tables."""
        bits = np.empty((len(tables), _TABULATED), np.float32)
        for place, row in enumerate(tables.bits):
            upper = row[-int(tables.offsets[place]) : -1][:_TABULATED]
            bits[place, : len(upper)] = upper
            missing = np.arange(1, _TABULATED - len(upper) + 1)
            bits[place, len(upper) :] = max(upper[-1], row[-1]) + 2 * missing
        return cls(bits, np.maximum((bits[:, -1] - bits[:, -5]) / 4, 0.0))

    def of_magnitudes(self, tables: NDArray[Any], magnitudes: Symbols) -> Values:
        """Return bits (N,) of magnitudes under tables (N,)."""
        near = np.minimum(magnitudes, _TABULATED - 1)
        far = self.slope[tables] * (magnitudes - near)
        return np.asarray(self.bits[tables, near] + far, np.float32)


def grid_points(symbols: Symbols, states: NDArray[np.uint8]) -> Symbols:
    """Return the points of the grid that symbols stand for at states, of one shape."""
    return 2 * symbols - np.where(states >= 2, np.sign(symbols), 0)


def state_paths(symbols: Symbols) -> NDArray[np.uint8]:
    """Return the states (K, N) at which symbols (K, N) were coded."""
    states = np.zeros(symbols.shape, np.uint8)
    for component in range(len(symbols) - 1):
        states[component + 1] = NEXT_STATE[states[component], symbols[component] & 1]
    return states


def search_symbols(
    values: Values, tables: NDArray[np.uint8], costs: SymbolCosts, table_count: int
) -> Symbols:
    """Return the symbols (K, N) of the best path at each place.

    Parameters
    ----------
    values : (K, N) in steps
    tables : (K, N), those of the even quantiser; the odd one's follow ``table_count`` later
    """
    symbols = np.zeros(values.shape, np.int32)
    # Where all are small, zeros are the best path.
    worthwhile = np.flatnonzero(np.abs(values).max(axis=0) >= _SMALLEST)
    for start in range(0, len(worthwhile), _PLACES):
        part = worthwhile[start : start + _PLACES]
        symbols[:, part] = _search(values[:, part], tables[:, part], costs, table_count)
    return symbols


def _search(
    values: Values, tables: NDArray[np.uint8], costs: SymbolCosts, table_count: int
) -> Symbols:
    count, places = values.shape
    magnitudes = np.empty((count, STATES, places), np.int32)
    came_from = np.empty((count, STATES, places), np.uint8)
    totals = np.full((STATES, places), np.float32(1e30))
    totals[0] = 0
    for component in range(count):
        chosen, prices = _best_of_each(
            np.abs(values[component]) / np.float32(GRID), tables[component], costs, table_count
        )
        updated = np.empty_like(totals)
        for state, ((one, parity), (other, other_parity)) in enumerate(_BRANCHES):
            first = totals[one] + prices[one >> 1][parity]
            second = totals[other] + prices[other >> 1][other_parity]
            is_second = second < first
            updated[state] = np.where(is_second, second, first)
            came_from[component, state] = np.where(is_second, other, one)
            magnitudes[component, state] = np.where(
                is_second, chosen[other >> 1][other_parity], chosen[one >> 1][parity]
            )
        totals = updated
    return _trace_back(totals, magnitudes, came_from) * np.sign(values).astype(np.int32)


def _best_of_each(
    scaled: Values, tables: NDArray[np.uint8], costs: SymbolCosts, table_count: int
) -> tuple[list[list[Symbols]], list[list[Values]]]:
    """Return magnitudes and prices by quantiser and parity, of values >= 0 on the grid's scale."""
    slope = np.float32(SLOPE / GRID**2)
    nearest = np.minimum(scaled, np.float32(2**29))
    candidates = [
        [2 * np.rint(nearest / 4), 2 * np.floor(nearest / 4) + 1],
        [
            2 * np.rint(np.maximum((nearest - 3) / 4, 0)) + 2,
            2 * np.rint(np.maximum((nearest - 1) / 4, 0)) + 1,
        ],
    ]
    magnitudes: list[list[Symbols]] = []
    prices: list[list[Values]] = []
    for odd in (0, 1):
        rows = tables + np.uint8(odd * table_count)
        zero = np.square(scaled) + slope * costs.bits[rows, 0]
        magnitudes.append([])
        prices.append([])
        for parity in (0, 1):
            points = candidates[odd][parity]
            chosen = points.astype(np.int32)
            price = np.square(scaled - (2 * points - odd))
            price += slope * costs.of_magnitudes(rows, chosen)
            if parity == 0:
                is_zero = (zero <= price) | (chosen == 0)
                chosen, price = np.where(is_zero, 0, chosen), np.where(is_zero, zero, price)
            magnitudes[odd].append(chosen)
            prices[odd].append(price)
    return magnitudes, prices


def _trace_back(totals: Values, magnitudes: Symbols, came_from: NDArray[np.uint8]) -> Symbols:
    state = np.argmin(totals, axis=0)
    places = np.arange(totals.shape[1])
    path = np.empty((len(magnitudes), len(places)), np.int32)
    for component in range(len(magnitudes) - 1, -1, -1):
        path[component] = magnitudes[component, state, places]
        state = came_from[component, state, places]
    return path
