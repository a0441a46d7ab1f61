"""Numbers of any size, coded by Exp-Golomb codes: for symbols that their tables do not cover.

A number x >= 0 has the class c = floor(log2(x + 1)), and c bits say which number of the class it
is. Of a list, the classes come first, then class by class the bits of all its numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hsigan.bitstream.frequencies import PRECISION_BITS, Floats, Frequencies
from hsigan.bitstream.models import Model, Sink, Source, uniform

Numbers = NDArray[np.int64]
_CLASSES = 33
_PIECE_BITS = 16


def _class_frequencies() -> Frequencies:
    table = np.full(_CLASSES, 15, np.uint32)
    table[:16] = 2 ** np.arange(23, 7, -1)
    table[16] += 1
    return table


CLASS_FREQUENCIES = _class_frequencies()
"""A class costs what Golomb gave it, c + 1 bits, up to 15, and some 20 bits beyond."""
_CLASS_MODEL = Model(CLASS_FREQUENCIES)


def encode_escapes(sink: Sink, numbers: Numbers) -> None:
    """Append numbers (N,), 0 ... 2**33 - 2."""
    classes = _classes(numbers)
    sink.put(_CLASS_MODEL, classes.astype(np.int32))
    for number_class in range(1, _CLASSES):
        rest = numbers[classes == number_class] + 1 - (1 << number_class)
        if number_class > _PIECE_BITS:
            sink.put(uniform(number_class - _PIECE_BITS), (rest >> _PIECE_BITS).astype(np.int32))
        piece = min(number_class, _PIECE_BITS)
        sink.put(uniform(piece), (rest & (1 << piece) - 1).astype(np.int32))


def decode_escapes(source: Source, count: int) -> Numbers:
    """Return numbers (count,)."""
    classes = source.draw(_CLASS_MODEL, count)
    numbers = np.zeros(count, np.int64)
    for number_class in range(1, _CLASSES):
        places = np.flatnonzero(classes == number_class)
        rest = np.zeros(len(places), np.int64)
        if number_class > _PIECE_BITS:
            rest += source.draw(uniform(number_class - _PIECE_BITS), len(places))
            rest <<= _PIECE_BITS
        rest += source.draw(uniform(min(number_class, _PIECE_BITS)), len(places))
        numbers[places] = rest + (1 << number_class) - 1
    return numbers


def escape_bits(numbers: Numbers) -> Floats:
    """Return the information of numbers (N,)."""
    classes = _classes(numbers)
    return PRECISION_BITS - np.log2(CLASS_FREQUENCIES)[classes] + classes


def _classes(numbers: Numbers) -> Numbers:
    """Return floor(log2(number + 1)): exact, as float64 holds these numbers."""
    return np.frexp((numbers + 1).astype(np.float64))[1].astype(np.int64) - 1
