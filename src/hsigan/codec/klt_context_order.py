"""In which order codec klt-context codes the symbols of a tile, and what it knows at each.

::

    subbands, coarse to fine
      components, first to last
        four passes over a grid of 2 x 2 positions: (0, 0), (1, 1), (0, 1), (1, 0)

Contexts are magnitudes of symbols that are decoded already: neighbours in the subband, the parent
in the coarser one, siblings of the other orientations, the same place in the components before, and
averages. All are integers, and so is all that is done with them, because the decoder must come to
the same numbers on any machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hsigan.codec.spatial_transform import Subband, level_count, subbands

Symbols = NDArray[np.int32]
Magnitudes = NDArray[np.int32]
Contexts = NDArray[np.float32]

PASSES = ((0, 0), (1, 1), (0, 1), (1, 0))
LOCAL_COUNT = 11
"""Neighbours beside, above and below, diagonal; parent, and around it; siblings; the component
before, and around the place in it; the second before; the fading average of all before."""
SHARED_COUNT = 14
LARGEST_MAGNITUDE = 2047
_LARGEST_SUM = 2**16 - 1
_LARGEST_FADING = 511
_NEIGHBOURS, _PARENT, _SIBLINGS, _BEFORE = slice(0, 3), slice(3, 5), slice(5, 7), slice(7, 11)


def _logarithm_table() -> NDArray[np.uint8]:
    """Return about 8 log2(1 + n), up to 127, for n = 0 ... 2**16 - 1, made without floats' logs.

    Between powers of two it is linear, so that it holds the same integers on every machine.
    """
    numbers = np.arange(1, 2**16 + 1, dtype=np.int64)
    table = np.zeros(2**16, np.int64)
    for exponent in range(17):
        start, stop = 2**exponent, min(2 ** (exponent + 1), 2**16 + 1)
        part = numbers[start - 1 : stop - 1]
        table[start - 1 : stop - 1] = 8 * exponent + (8 * (part - start) + start // 2) // start
    return np.minimum(table, 127).astype(np.uint8)


LOGARITHM = _logarithm_table()
_LOGARITHM_FLOAT = LOGARITHM.astype(np.float32)


def average_context(total: int, count: int) -> int:
    """Return the context of a mean magnitude."""
    return int(LOGARITHM[min(_LARGEST_SUM, total * 64 // max(count, 1))])


def prior_contexts(variances: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return about 64 + 8 log2(deviation), 0 ... 127, of variances (K,) in squared steps.

    The logarithm is linear between powers of two: the same integers on every machine.
    """
    mantissas, exponents = np.frexp(variances + 2.0**-20)
    logarithms = 4.0 * (exponents - 2.0 + 2.0 * mantissas)  # of the deviation, 8 to the octave
    return np.clip(np.floor(64.5 + logarithms), 0, 127).astype(np.int64)


class TileContexts:
    """Follows the coding of one tile, and says what is known of the symbols that come next.

    ::

        for band, variances in ...:
            contexts.open_band(band, variances)
            for component in range(K):
                contexts.open(band, component)
                for number, region in contexts.passes():
                    local, shared = contexts.of(number)
                    ... code the symbols of `region` ...
                    contexts.put(number, symbols)
                contexts.close()

    Parameters
    ----------
    height, width : size of the tile
    count : K, components
    """

    def __init__(self, height: int, width: int, count: int) -> None:
        self.bands = subbands(height, width)
        self._priors = np.full(count, 64, np.int64)
        self._numbers = {_key(band): number for number, band in enumerate(self.bands)}
        self._levels = level_count(height, width)
        # Per subband: magnitudes (K, h, w) and their sums around each place, as they are known.
        self._own: list[Magnitudes] = []
        self._around: list[Magnitudes] = []
        self._averages = np.zeros((len(self.bands), count), np.int64)
        self._sums = np.zeros((len(self.bands), count), np.int64)

    def open_band(self, number: int, variances: NDArray[np.float64]) -> None:
        """Begin a subband, or begin the last one again; they come in order.

        Parameters
        ----------
        number : of the subband in `bands`
        variances : (K,) what is expected of its components, in squared steps
        """
        band = self.bands[number]
        shape = (len(variances), band.height, band.width)
        del self._own[number:], self._around[number:]
        self._own.append(np.zeros(shape, np.int32))
        self._around.append(np.zeros(shape, np.int32))
        self._fading = np.zeros(shape[1:], np.int32)
        self._priors = prior_contexts(variances)

    def open(self, number: int, component: int) -> None:
        """Begin a component of the subband; they come in order."""
        band = self.bands[number]
        self._number, self._component, self.band = number, component, band
        self._padded = np.zeros((band.height + 2, band.width + 2), np.int32)
        self._base = np.zeros((LOCAL_COUNT, band.height, band.width), np.float32)
        self._shared = np.zeros(SHARED_COUNT, np.int32)
        self._sum = self._count = 0
        self._set_parent()
        self._set_siblings()
        self._set_before()
        self._set_shared()

    def _set_parent(self) -> None:
        band = self.band
        if not (band.detail_y or band.detail_x):
            return
        number = self._numbers.get((band.level + 1, band.detail_y, band.detail_x))
        half = 1
        if number is None:
            number, half = 0, 0  # the low band, of the same size or larger by one
        parent = self.bands[number]
        rows = np.minimum(np.arange(band.height) >> half, parent.height - 1)
        columns = np.minimum(np.arange(band.width) >> half, parent.width - 1)
        k = self._component
        for place, source in ((0, self._own), (1, self._around)):
            values = _LOGARITHM_FLOAT[source[number][k]]
            self._base[_PARENT][place] = values[rows][:, columns]
        self._shared[1] = self._averages[number, k]

    def _set_siblings(self) -> None:
        band, k = self.band, self._component
        wanted = [(False, True)] * band.detail_y + [(True, False)] * (band.detail_y & band.detail_x)
        numbers = [self._numbers.get((band.level, *each)) for each in wanted]
        for place, number in enumerate(each for each in numbers if each is not None):
            around = self._around[number][k]
            height, width = min(band.height, around.shape[0]), min(band.width, around.shape[1])
            values = _LOGARITHM_FLOAT[around[:height, :width]]
            self._base[_SIBLINGS][place, :height, :width] = values
            self._shared[3] = self._averages[number, k]

    def _set_before(self) -> None:
        k, base = self._component, self._base[_BEFORE]
        own, around = self._own[self._number], self._around[self._number]
        if k > 0:
            base[0], base[1] = _LOGARITHM_FLOAT[own[k - 1]], _LOGARITHM_FLOAT[around[k - 1]]
            base[3] = _LOGARITHM_FLOAT[around_sums(self._fading) >> 4]
            self._shared[0] = self._averages[self._number, k - 1]
            self._shared[12] = self._priors[k - 1]
        else:
            self._shared[12] = 64
        if k > 1:
            base[2] = _LOGARITHM_FLOAT[around[k - 2]]

    def _set_shared(self) -> None:
        band, k, shared = self.band, self._component, self._shared
        shared[4] = self._priors[k]
        shared[9] = 64 * (band.detail_y != band.detail_x)
        shared[10] = 64 * (band.detail_y and band.detail_x)
        is_low = not (band.detail_y or band.detail_x)
        shared[11] = 112 if is_low else 16 * min(band.level, 6)
        before = sum(each.height * each.width for each in self.bands[: self._number])
        shared[13] = average_context(int(self._sums[: self._number, k].sum()), before)

    def passes(self) -> list[tuple[int, tuple[slice, slice]]]:
        """List the passes over the subband: number, and rows and columns in the subband."""
        return [
            (number, (slice(row, None, 2), slice(column, None, 2)))
            for number, (row, column) in enumerate(PASSES)
            if row < self.band.height and column < self.band.width
        ]

    def of(self, number: int) -> tuple[Contexts, NDArray[np.int32]]:
        """Return the contexts of a pass: (LOCAL_COUNT, N) that differ, (SHARED_COUNT,) shared."""
        row, column = PASSES[number]
        local = self._base[:, row::2, column::2].copy()
        self._shared[5:9] = 0
        self._shared[5 + number] = 64
        if number > 0:
            self._shared[2] = average_context(self._sum, self._count)
            _, height, width = local.shape

            def shifted(down: int, right: int) -> Magnitudes:
                top, left = 1 + row + down, 1 + column + right
                return self._padded[top : top + 2 * height - 1 : 2, left : left + 2 * width - 1 : 2]

            sums = (
                shifted(0, -1) + shifted(0, 1),
                shifted(-1, 0) + shifted(1, 0),
                shifted(-1, -1) + shifted(-1, 1) + shifted(1, -1) + shifted(1, 1),
            )
            for place, values in enumerate(sums):
                local[place] = _LOGARITHM_FLOAT[values]
        return local.reshape(LOCAL_COUNT, -1), self._shared

    def put(self, number: int, symbols: Symbols) -> None:
        """Take the symbols (N,) of a pass."""
        row, column = PASSES[number]
        inner = self._padded[1:-1, 1:-1][row::2, column::2]
        np.minimum(np.abs(symbols.reshape(inner.shape)), LARGEST_MAGNITUDE, out=inner)
        self._sum += int(inner.sum())
        self._count += inner.size

    def close(self) -> None:
        """End the component."""
        k, number = self._component, self._number
        own = self._padded[1:-1, 1:-1]
        self._own[number][k] = own
        self._around[number][k] = _around_padded(self._padded)
        self._averages[number, k] = average_context(self._sum, self._count)
        self._sums[number, k] = self._sum
        self._fading += 4 * np.minimum(own, _LARGEST_FADING) - (self._fading >> 2)


def _key(band: Subband) -> tuple[int, bool, bool]:
    return band.level, band.detail_y, band.detail_x


def around_sums(values: Magnitudes) -> Magnitudes:
    """Return sums over 3 x 3 places with the weights 1 2 1, 2 4 2, 1 2 1."""
    return _around_padded(np.pad(values, 1))


def _around_padded(padded: Magnitudes) -> Magnitudes:
    rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    return np.asarray(rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:])
