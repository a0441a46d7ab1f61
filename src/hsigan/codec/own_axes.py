"""A scene's own principal axes, told as turns of the axes of its sensor.

Axes that are learned on other scenes are near those of a scene, not the same. Row k turns the axes
k, k + 1, ... so that the first of them comes to lie on the scene's own k-th axis, by the smallest
rotation that does so; those after it follow, and remain orthonormal. A row is the own axis in the
coordinates of the turned ones, times its length S: the square root of the sum of squares that the
scene has along it, in steps of the quantiser: then its entries are worth as much as coefficients
of the planes. Entries before k need not be told (they are 0), nor entry k itself (the axis has norm
1), and most of the others are small: half the bytes of a basis that stands alone, or less.

Payload: varint K, nothing behind it if it is 0; then the range coder's bytes: per row the length,
as a difference to what training expects, and the entries k + 1, ..., B - 1 in two passes, with
Laplacian tables. Which table depends on the rows before and on training, in integers and single
operations of float64: the same on every machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hsigan.bitstream.coder import SymbolDecoder, SymbolEncoder
from hsigan.bitstream.varint import ByteReader, varint
from hsigan.codec.basis import COMPACTION, axes_of
from hsigan.codec.coefficients import shared_tables
from hsigan.codec.interface import SceneSurvey
from hsigan.codec.klt_context_model import SharedBasis, component_variances
from hsigan.errors import StreamError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Symbols = NDArray[np.int32]

MOST_LENGTH = 8 * 28
"""Longer rows, of 2**28 steps, are not written; see `row_length`."""
_LARGEST_ENTRY = 2**29
_UNIT = 64
"""Expected magnitudes are integers of this part of a step."""
_SMALLEST, _LARGEST = 4, 2**40
_SMALLEST_SQUARE, _LARGEST_SQUARE = 2.0**-40, 2.0**1000
_LEAST_SUM = 2.0**-200
"""In place of a sum of squares that training puts at 0: a model of a lesser sensor, say."""
_LENGTH_TABLE = 28
_LAST_TABLE = 62
SAVED_SHARE = 0.35
"""Of the bits that turned axes would save white noise: symbols of a tile turn axes as well."""
_LENGTH_BITS = 5.0
_ROUNDING = 0.4
"""What is added to a magnitude before rounding down."""


@dataclass(frozen=True)
class AxisTurns:
    """The rows.

    Attributes
    ----------
    lengths
        (K,) int64, the numbers of `row_length`.
    entries
        K arrays (B - 1,), (B - 2,), ... of int32.
    """

    lengths: Integers
    entries: tuple[Symbols, ...]

    def __len__(self) -> int:
        return len(self.entries)


def row_length(number: int) -> float:
    """Return the length of a row in steps, eight to the octave: linear between powers of two."""
    return (8 + number % 8) / 8 * 2.0 ** (number // 8)


def _length_number(length: float) -> int:
    """Return the number of the longest row that is no longer, 0 ... `MOST_LENGTH`."""
    if length < 1:
        return 0
    mantissa, exponent = math.frexp(length)
    return min(MOST_LENGTH, 8 * (exponent - 1) + math.floor(16 * mantissa) - 8)


def _octave_parts(values: Floats) -> Integers:
    """Return about 4 log2 of positive numbers, rounded; linear between powers of two."""
    mantissas, exponents = np.frexp(values)
    return np.asarray(np.floor(0.5 + 4.0 * (exponents - 2.0 + 2.0 * mantissas)), np.int64)


class _Expected:
    """What is expected of rows: the same on both sides of a file.

    Parameters
    ----------
    basis : of the sensor
    step : of the quantiser
    pixels : of the scene
    """

    def __init__(self, basis: SharedBasis, step: float, pixels: int) -> None:
        squares = component_variances(basis.variances) * pixels / (step * step)
        squares = np.clip(squares, _SMALLEST_SQUARE, _LARGEST_SQUARE)
        self.lengths = _octave_parts(squares)  # 4 log2 of the square
        halves = np.minimum(np.floor(np.sqrt(squares) * (_UNIT / 2)), _LARGEST)
        self._magnitudes = halves.astype(np.int64)

    def tables_of_evens(self, row: int) -> NDArray[np.uint8]:
        """Return the tables of the entries at even places behind the diagonal."""
        self._row, smooth = row, self._smoothed(row)
        return _tables(smooth[0::2])

    def tables_of_odds(self, evens: Symbols) -> NDArray[np.uint8]:
        """Return the tables of the entries between them."""
        smooth = self._smoothed(self._row)[1::2]
        sides = _magnitudes(evens)
        left, right = sides[: len(smooth)], np.zeros(len(smooth), np.int64)
        right[: len(sides) - 1] = sides[1 : len(smooth) + 1]
        return _tables((5 * smooth + 3 * (_UNIT // 2) * (left + right)) >> 3)

    def learn(self, entries: Symbols) -> None:
        """Take the entries of the row."""
        known = self._magnitudes[self._row + 1 :]
        known += (_UNIT * _magnitudes(entries) - known) >> 2

    def _smoothed(self, row: int) -> Integers:
        padded = np.pad(self._magnitudes[row + 1 :], 1, mode="edge")
        return np.asarray((padded[:-2] + 2 * padded[1:-1] + padded[2:]) >> 2)


def _magnitudes(entries: Symbols) -> Integers:
    return np.abs(entries.astype(np.int64))


def _tables(expected: Integers) -> NDArray[np.uint8]:
    numbers = _octave_parts((expected + _SMALLEST).astype(np.float64)) - 4
    return np.clip(numbers, 0, _LAST_TABLE).astype(np.uint8)


def fit_turns(basis: SharedBasis, survey: SceneSurvey, step: float, most: int) -> AxisTurns:
    """Return the rows of a scene's own axes: the leading ones, as many as are worth their bytes.

    Parameters
    ----------
    basis : of the sensor
    survey : of the scene
    step : of the quantiser
    most : rows
    """
    own_variances, own_axes = axes_of(survey)
    pixels = survey.height * survey.width
    lengths: list[int] = []
    rows: list[Symbols] = []
    turned = basis.axes.astype(np.float64)
    covariance = turned.T @ survey.covariance @ turned
    worth, most_worth, best = 0.0, 0.0, 0
    for number in range(min(most, len(own_variances))):
        steps = math.sqrt(own_variances[number] * pixels) / step
        if steps < 1:
            break
        length = _length_number(steps)
        lengths.append(length)
        rows.append(_entries(turned[survey.usable, number:].T @ own_axes[:, number], length))
        before = _information(covariance, number, step)
        _turn(turned, number, rows[-1], length)
        _turn(covariance, number, rows[-1], length)
        _turn(covariance.T, number, rows[-1], length)
        saved = before - _information(covariance, number, step)
        worth += SAVED_SHARE * pixels * saved - _row_bits(rows[-1])
        if worth > most_worth:
            most_worth, best = worth, number + 1
    return AxisTurns(np.array(lengths[:best], np.int64), tuple(rows[:best]))


def _entries(axis: Floats, length: int) -> Symbols:
    """Return the entries of a row for an own axis in the coordinates of the turned ones.

    What rounding left of it may be nothing, where the axes before have it all: then nothing turns.
    """
    norm = float(np.linalg.norm(axis))
    factor = math.copysign(row_length(length), axis[0]) / norm if norm > 0 else 0.0
    scaled = axis[1:] * factor
    return np.asarray(np.sign(scaled) * np.floor(np.abs(scaled) + _ROUNDING), np.int32)


def _information(covariance: Floats, start: int, step: float) -> float:
    """Return bits per pixel of the components from ``start`` on, were they white noise."""
    ratios = np.diag(covariance)[start:] * (COMPACTION * 12.0 / (step * step))
    return float(0.5 * np.log2(1.0 + np.maximum(ratios, 0.0)).sum())


def _row_bits(entries: Symbols) -> float:
    """Return about how many bits a row takes."""
    return _LENGTH_BITS + float(np.log2(1.0 + 2.7 * np.abs(entries)).sum())


def turned_basis(basis: SharedBasis, turns: AxisTurns, step: float, pixels: int) -> SharedBasis:
    """Return the basis with its axes turned, and the variances that rows tell."""
    if not len(turns):
        return basis
    axes, variances = basis.axes.astype(np.float64), basis.variances.copy()
    expected = component_variances(basis.variances)
    for number, (entries, length) in enumerate(zip(turns.entries, turns.lengths, strict=True)):
        _turn(axes, number, entries, int(length))
        found = row_length(int(length)) * step
        variances[:, :, number] *= found * found / max(expected[number] * pixels, _LEAST_SUM)
    return SharedBasis(basis.mean, axes.astype(np.float32), variances)


def _turn(axes: Floats, number: int, entries: Symbols, length: int) -> None:
    """Turn the axes ``number``, ... (columns) by the rotation of a row, in place."""
    rest = entries / row_length(length)
    direction = np.concatenate([[math.sqrt(max(0.0, 1.0 - float(rest @ rest)))], rest])
    direction /= np.linalg.norm(direction)
    behind = axes[:, number:]
    first = behind @ direction
    middle = direction.copy()
    middle[0] += 1.0
    behind -= np.outer(behind @ middle, middle / middle[0])
    behind[:, 0] = first


def encode_turns(turns: AxisTurns, basis: SharedBasis, step: float, pixels: int) -> bytes:
    """Return the bytes of rows, see the module."""
    encoder = SymbolEncoder()
    expected = _Expected(basis, step, pixels)
    tables = shared_tables()
    for number, (entries, length) in enumerate(zip(turns.entries, turns.lengths, strict=True)):
        difference = np.array([length - expected.lengths[number]], np.int32)
        encoder.encode(difference, np.full(1, _LENGTH_TABLE, np.uint8), tables)
        if not len(entries):
            continue
        evens, odds = entries[0::2], entries[1::2]
        encoder.encode(evens, expected.tables_of_evens(number), tables)
        if len(odds):
            encoder.encode(odds, expected.tables_of_odds(evens), tables)
        expected.learn(entries)
    return varint(len(turns)) + encoder.finish()


def decode_turns(reader: ByteReader, basis: SharedBasis, step: float, pixels: int) -> AxisTurns:
    """Read rows; nothing may follow them.

    Raises
    ------
    StreamError
        They are damaged.
    """
    bands = len(basis.mean)
    count = reader.varint()
    if count > bands:
        raise StreamError("the side information is damaged: it has more axes than bands")
    decoder = SymbolDecoder(reader.take(reader.left()))
    expected = _Expected(basis, step, pixels)
    tables = shared_tables()
    lengths, rows = np.zeros(count, np.int64), []
    for number in range(count):
        difference = decoder.decode(np.full(1, _LENGTH_TABLE, np.uint8), tables)
        lengths[number] = expected.lengths[number] + int(difference[0])
        if not 0 <= lengths[number] <= MOST_LENGTH:
            raise StreamError("the side information is damaged: an axis has an impossible length")
        entries = np.zeros(bands - 1 - number, np.int32)
        if len(entries):
            entries[0::2] = decoder.decode(expected.tables_of_evens(number), tables)
            if len(entries) > 1:
                indexes = expected.tables_of_odds(entries[0::2])
                entries[1::2] = decoder.decode(indexes, tables)
            if np.abs(entries.astype(np.int64)).max() > _LARGEST_ENTRY:
                raise StreamError("the side information is damaged: an entry is too large")
            expected.learn(entries)
        rows.append(entries)
    decoder.finish()
    return AxisTurns(lengths, tuple(rows))
