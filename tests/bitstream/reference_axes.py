"""The turns of klt-context's axes to a scene's own, written from docs/file-format.md alone."""

import math
from functools import cache
from itertools import accumulate

import numpy as np

from .reference import varint
from .reference_context import Calls

Row = tuple[int, list[int]]
"""The number of a length, and the entries behind the diagonal."""


def exponential(x: float) -> float:
    z, v = max(x, -700.0) / 2**16, 1.0
    for j in range(8, 0, -1):
        v = 1 + (z / j) * v
    for _ in range(16):
        v = v * v
    return v


@cache
def laplacian(n: int) -> tuple[int, list[int]]:
    """Return offset and frequencies of the Laplacian table n."""
    scale = round(2 ** (n / 4 - 5) * 2**20) / 2**20
    k = math.ceil(14 * scale) + 1
    t = [exponential(-(i + 0.5) / scale) for i in range(k + 1)]
    half = [(t[i - 1] - t[i]) / 2 for i in range(1, k + 1)]
    chances = [*half[::-1], 1 - t[0], *half]
    share = 2**24 - len(chances) - 1
    ends = [math.floor(p * share) + i + 1 for i, p in enumerate(accumulate(chances))]
    return -k, [b - a for a, b in zip([0, *ends], [*ends, 2**24], strict=True)]


def tables_of(indexes: list[int]) -> tuple[list[int], list[list[int]]]:
    """Return offsets and tables up to the largest index; those that do not occur are empty."""
    made = [laplacian(n) if n in indexes else (0, []) for n in range(max(indexes) + 1)]
    return [offset for offset, _ in made], [table for _, table in made]


def octaves(q: float) -> int:
    mantissa, exponent = math.frexp(q)
    return math.floor(0.5 + 4.0 * ((exponent - 2.0) + 2.0 * mantissa))


def table(h: int) -> int:
    return max(0, min(62, octaves(float(h + 4)) - 4))


def component_sums(variances: np.ndarray) -> list[float]:
    v = [float(each) for each in variances[6][0]]
    for level in range(1, 7):
        for o in range(3):
            row = variances[level - 1][o]
            v = [a + 4.0**-level * float(b) for a, b in zip(v, row, strict=True)]
    return v


def after_bands(side: bytes) -> int:
    """Return the place behind the step and the bands that are not coded."""
    runs, place = varint(side, 3)
    for _ in range(runs):
        place = varint(side, varint(side, place)[1])[1] + 4
    return place


class AxisTurns:
    """The rows of a SIDE payload."""

    def __init__(self, arrays: dict, step: float, pixels: int, side: bytes) -> None:
        self.arrays, self.step, self.pixels = arrays, step, float(pixels)
        place = after_bands(side)
        count, place = varint(side, place) if place < len(side) else (0, place)
        self.calls = Calls(side[place:])
        self.v = component_sums(arrays["variances"])
        self.q = [max(2.0**-40, min(2.0**1000, (v * self.pixels) / (step * step))) for v in self.v]
        self.m = [min(math.floor(32.0 * math.sqrt(q)), 2**40) for q in self.q]
        self.rows = [self.row(r) for r in range(count)]

    def read(self, indexes: list[int]) -> list[int]:
        return self.calls.read(indexes, tables_of(indexes)) if indexes else []

    def row(self, r: int) -> Row:
        number = self.read([28])[0] + octaves(self.q[r])
        m, last = self.m, len(self.m) - 1
        x = dict.fromkeys(range(r + 1, last + 2), 0)
        h = {
            j: (m[max(j - 1, r + 1)] + 2 * m[j] + m[min(j + 1, last)]) // 4
            for j in range(r + 1, last + 1)
        }
        first, second = range(r + 1, last + 1, 2), range(r + 2, last + 1, 2)
        symbols = self.read([table(h[j]) for j in first])
        x.update(zip(first, symbols, strict=True))
        near = {j: abs(x[j - 1]) + abs(x[j + 1]) for j in second}
        symbols = self.read([table((5 * h[j] + 96 * near[j]) // 8) for j in second])
        x.update(zip(second, symbols, strict=True))
        for j in h:
            m[j] += (64 * abs(x[j]) - m[j]) // 4
        return number, [x[j] for j in h]

    def turned(self) -> dict[str, np.ndarray]:
        """Return the arrays of the model, of the scene's own axes."""
        axes = self.arrays["axes"].astype(float)
        variances = self.arrays["variances"].copy()
        for r, (number, entries) in enumerate(self.rows):
            length = (8 + number % 8) / 8 * 2.0 ** (number // 8)
            rest = np.array(entries, float) / length
            d = np.array([math.sqrt(max(0.0, 1.0 - (rest**2).sum())), *rest])
            d /= math.sqrt((d**2).sum())
            own = axes[:, r:] @ d
            w = (axes[:, r] + own) / (1 + d[0])
            axes[:, r + 1 :] -= np.outer(w, d[1:])
            axes[:, r] = own
            told = length * self.step
            variances[:, :, r] *= (told * told) / max(self.v[r] * self.pixels, 2.0**-200)
        return {**self.arrays, "axes": axes, "variances": variances}
