"""Decoders of the symbols of learned codecs, written from docs/file-format.md alone."""

import json
import math
from binascii import crc32

import numpy as np

from .reference import RangeDecoder, decode_call, varint


def read_model(content: bytes) -> tuple[dict[str, np.ndarray], dict]:
    """Return arrays and facts of a model file."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    facts = json.loads(header.pop("__metadata__")["hsigan"])
    kinds = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U32": "<u4"}
    kinds |= {"I8": "i1", "U8": "u1"}
    arrays = {}
    for name, entry in header.items():
        first, end = (start + offset for offset in entry["data_offsets"])
        values = np.frombuffer(content[first:end], kinds[entry["dtype"]])
        arrays[name] = values.reshape(entry["shape"])
    return arrays, facts


def tables_of(arrays: dict[str, np.ndarray], prefix: str) -> tuple[list[int], list[list[int]]]:
    ends = np.cumsum(arrays[prefix + "lengths"])
    parts = np.split(arrays[prefix + "frequencies"], ends[:-1])
    return arrays[prefix + "offsets"].tolist(), [part.tolist() for part in parts]


class Calls:
    """The symbols of a payload, and a checksum of indexes and symbols."""

    def __init__(self, payload: bytes) -> None:
        self.coder, self.checksum = RangeDecoder(payload), 0

    def read(self, indexes: list[int], tables: tuple[list[int], list[list[int]]]) -> list[int]:
        symbols = decode_call(self.coder, indexes, *tables)
        both = np.array(indexes, "<u2").tobytes() + np.array(symbols, "<i4").tobytes()
        self.checksum = crc32(both, self.checksum)
        return symbols


def logarithm(n: int) -> int:
    e = int(n + 1).bit_length() - 1
    return min(127, 8 * e + (8 * (n + 1 - 2**e) + 2**e // 2) // 2**e)


def average(total: int, count: int) -> int:
    return logarithm(min(65535, 64 * total // max(count, 1)))


def prior(v: float) -> int:
    mantissa, exponent = math.frexp(v + 2.0**-20)
    return max(0, min(127, math.floor(64.5 + 4.0 * ((exponent - 2.0) + 2.0 * mantissa))))


def around(m: np.ndarray) -> np.ndarray:
    p = np.pad(m, 1)
    weights = ((1, 2, 1), (2, 4, 2), (1, 2, 1))
    height, width = m.shape
    return sum(weights[i][j] * p[i : i + height, j : j + width] for i in range(3) for j in range(3))


def product(left: list, right: list) -> list:
    total = [[0.0] * len(right[0]) for _ in left]
    for k, row in enumerate(right):
        for i, own in enumerate(left):
            for j, other in enumerate(row):
                total[i][j] += own[k] * other
    return total


def transposed(matrix: list) -> list:
    return [list(row) for row in zip(*matrix, strict=True)]


def turn_rows(matrix: list, turns: list) -> None:
    for p, q, cosine, sine in turns:
        upper, lower = matrix[p], matrix[q]
        pairs = list(zip(upper, lower, strict=True))
        matrix[p] = [cosine * a - sine * b for a, b in pairs]
        matrix[q] = [sine * a + cosine * b for a, b in pairs]


def sweep(c: list, a: list) -> tuple[list, list]:
    count = len(c)
    players = list(range(count + count % 2))
    n = len(players)
    for _ in range(n - 1):
        turns = []
        for i in range(n // 2):
            p, q = sorted((players[i], players[n - 1 - i]))
            if q >= count:
                continue
            across, d, t = c[p][q], c[q][q] - c[p][p], 0.0
            if abs(across) > 1e-30 * abs(d):
                h = d / (2 * across)
                t = (-1 if h < 0 else 1) / (abs(h) + math.sqrt(1 + h * h))
            cosine = 1 / math.sqrt(1 + t * t)
            turns.append((p, q, cosine, t * cosine))
        turn_rows(c, turns)
        c, a = transposed(c), transposed(a)
        turn_rows(c, turns)
        turn_rows(a, turns)
        c, a = transposed(c), transposed(a)
        players.insert(1, players.pop())
    return c, a


def subbands(height: int, width: int) -> list[tuple[int, bool, bool, int, int]]:
    """Return level, details along y and x, height and width."""
    sizes = [(height, width)]
    while max(sizes[-1]) > 5 and len(sizes) < 7:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    bands = [(len(sizes) - 1, False, False, *sizes[-1])]
    for level in range(len(sizes) - 1, 0, -1):
        (rows, columns), (low_rows, low_columns) = sizes[level - 1], sizes[level]
        bands += [
            (level, False, True, low_rows, columns - low_columns),
            (level, True, False, rows - low_rows, low_columns),
            (level, True, True, rows - low_rows, columns - low_columns),
        ]
    return [band for band in bands if band[3] and band[4]]


NEXT = ((0, 2), (2, 0), (1, 3), (3, 1))
PASSES = ((0, 0), (1, 1), (0, 1), (1, 0))


class ContextDecoder:
    """The symbols of one tile of klt-context."""

    def __init__(self, arrays: dict, step: float, payload: bytes, size: tuple[int, int]) -> None:
        first, place = varint(payload, 0)
        self.count = first >> 3 if "repair.faithful.first.bias" in arrays else first
        self.calls = Calls(payload[place:])
        self.arrays, self.step = arrays, step
        self.tables, self.t = tables_of(arrays, "tables."), int(arrays["network.counts"][1])
        self.layers = [
            (arrays[f"network.weight_{i}"].astype(int), arrays[f"network.bias_{i}"].astype(int))
            for i in range(3)
        ]
        self.bands = subbands(*size)
        self.axes = np.eye(self.count).tolist()
        self.scatter: dict[int, list] = {}
        self.counts: dict[int, int] = {}
        self.m: dict[tuple[int, bool, bool], np.ndarray] = {}
        # Coefficients of the components (K, h, w), in steps, of each subband.
        self.values = [self.subband(number) for number in range(len(self.bands))]

    def expected(self, number: int) -> list[float]:
        level, y, x, _, _ = self.bands[number]
        variances, squared = self.arrays["variances"], self.step * self.step
        row = variances[level - 1][y + 2 * x - 1] if y or x else variances[6][0] * 4.0**level
        v = [float(each) / squared for each in row[: self.count]]
        if not (y or x) or level > 3:
            return v
        c = [[0.0] * self.count for _ in v]
        for k, each in enumerate(v):
            c[k][k] = (each + 1 / 12) * 30
        w = 30.0
        for other in sorted(self.scatter):
            f = 0.25 ** (other - level)
            for mine, theirs in zip(c, self.scatter[other], strict=True):
                mine[:] = [a + f * b for a, b in zip(mine, theirs, strict=True)]
            w += f * self.counts[other]
        c = product(product(transposed(self.axes), c), self.axes)
        c, self.axes = sweep(c, self.axes)
        return [c[k][k] / w for k in range(self.count)]

    def learn(self, number: int, points: np.ndarray) -> None:
        level, y, x, _, _ = self.bands[number]
        level += not (y or x)
        g = np.clip(points, -(2**18), 2**18).reshape(self.count, -1)
        inner = [[float(each) * (81 / 256) for each in row] for row in g @ g.T]
        turned = product(product(self.axes, inner), transposed(self.axes))
        before = self.scatter.get(level, [[0.0] * self.count for _ in turned])
        self.scatter[level] = [
            [a + b for a, b in zip(*rows, strict=True)] for rows in zip(before, turned, strict=True)
        ]
        self.counts[level] = self.counts.get(level, 0) + g.shape[1]

    def subband(self, number: int) -> np.ndarray:
        height, width = self.bands[number][3:]
        e = self.expected(number)
        symbols = np.zeros((self.count, height, width), int)
        self.m[self.bands[number][:3]] = np.zeros_like(symbols)
        states, fading = np.zeros((height, width), int), np.zeros((height, width), int)
        points, values = np.zeros_like(symbols), np.zeros(symbols.shape)
        self.indexes = np.zeros((height, width), int)
        for k in range(self.count):
            self.component(number, k, (e, states, fading, symbols))
            own = self.m[self.bands[number][:3]][k]
            points[k] = 2 * symbols[k] - np.sign(symbols[k]) * (states >= 2)
            closer = self.arrays["shrinkage"][self.indexes, np.clip(abs(symbols[k]), 1, 3) - 1]
            values[k] = 9 / 16 * points[k] - np.sign(symbols[k]) * closer
            fading += 4 * np.minimum(own, 511) - fading // 4
            states = np.array(NEXT)[states, symbols[k] % 2]
        self.learn(number, points)
        return np.tensordot(np.array(self.axes), values, 1)

    def component(self, number: int, k: int, known: tuple) -> None:
        e, states, fading, symbols = known
        height, width = self.bands[number][3:]
        own = self.m[self.bands[number][:3]][k]
        base, shared = self.contexts(number, k, e, fading)
        total = count = 0
        for place, (row, column) in enumerate(PASSES):
            where = [(i, j) for i in range(row, height, 2) for j in range(column, width, 2)]
            if not where:
                continue
            shared[5:9] = [64 * (place == each) for each in range(4)]
            shared[2] = average(total, count) if place else 0
            padded = np.pad(own, 1)
            indexes = []
            for i, j in where:
                local = base[:, i, j].tolist()
                if place:
                    p = padded[i : i + 3, j : j + 3]
                    beside, above = p[1, 0] + p[1, 2], p[0, 1] + p[2, 1]
                    corners = p[0, 0] + p[0, 2] + p[2, 0] + p[2, 2]
                    local[:3] = [logarithm(int(each)) for each in (beside, above, corners)]
                indexes.append(self.network(local + shared) + self.t * int(states[i, j] >= 2))
            rows, columns = zip(*where, strict=True)
            self.indexes[rows, columns] = indexes
            for (i, j), symbol in zip(where, self.calls.read(indexes, self.tables), strict=True):
                symbols[k, i, j], own[i, j] = symbol, min(abs(symbol), 2047)
                total, count = total + int(own[i, j]), count + 1

    def contexts(
        self, number: int, k: int, e: list[float], fading: np.ndarray
    ) -> tuple[np.ndarray, list[int]]:
        level, y, x, height, width = self.bands[number]
        logs, mine = np.vectorize(logarithm), self.m[level, y, x]
        base, shared = np.zeros((11, height, width), int), [0] * 14
        if y or x:
            parent, halved = self.m.get((level + 1, y, x)), 2
            if parent is None:
                parent, halved = self.m[self.bands[0][:3]], 1
            rows = np.minimum(np.arange(height) // halved, parent.shape[1] - 1)
            columns = np.minimum(np.arange(width) // halved, parent.shape[2] - 1)
            base[3] = logs(parent[k])[rows][:, columns]
            base[4] = logs(around(parent[k]))[rows][:, columns]
            shared[1] = average(int(parent[k].sum()), parent[k].size)
        siblings = [(level, False, True)] * y + [(level, True, False)] * (y and x)
        for place, each in enumerate(key for key in siblings if key in self.m):
            near = logs(around(self.m[each][k]))[:height, :width]
            base[5 + place, : near.shape[0], : near.shape[1]] = near
            shared[3] = average(int(self.m[each][k].sum()), self.m[each][k].size)
        shared[12] = 64
        if k > 0:
            base[7], base[8] = logs(mine[k - 1]), logs(around(mine[k - 1]))
            base[10] = logs(around(fading) // 16)
            shared[0], shared[12] = average(int(mine[k - 1].sum()), mine[0].size), prior(e[k - 1])
        if k > 1:
            base[9] = logs(around(mine[k - 2]))
        shared[4] = prior(e[k])
        shared[9], shared[10] = 64 * (y != x), 64 * (y and x)
        shared[11] = 16 * level if y or x else 112
        before = [self.m[each[:3]][k] for each in self.bands[:number]]
        shared[13] = average(sum(int(m.sum()) for m in before), sum(m.size for m in before))
        return base, shared

    def network(self, contexts: list[int]) -> int:
        x = np.array(contexts)
        for weight, bias in self.layers[:2]:
            x = np.clip((weight @ x + bias) // 256, 0, 1023)
        weight, bias = self.layers[2]
        return max(0, min(self.t - 1, round(int((weight @ x + bias)[0]) / 2**14)))
