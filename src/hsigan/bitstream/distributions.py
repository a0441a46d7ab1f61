"""Probabilities of rounded Gaussian and Laplacian numbers, the same in every bit on every machine.

Only +, -, *, / and the square root are used, which IEEE 754 rounds alike everywhere; the
exponentials of system libraries differ in their last bits.
"""

from __future__ import annotations

import math

import numpy as np

from hsigan.bitstream.frequencies import Floats
from hsigan.errors import InputError

_LARGEST_SCALE = 2.0**11
_GAUSSIAN_REACH, _LAPLACIAN_REACH = 4.9, 14.0
"""In scales: what lies beyond is left to the escape, some 2**-20."""


def scale_table() -> Floats:
    """Return HiFiC's 64 scales, spaced evenly in their logarithm from 0.11 to 256.

    They are rounded to multiples of 2**-20, so that they too are the same everywhere.
    """
    scales = np.exp(np.linspace(math.log(0.11), math.log(256), 64))
    return np.asarray(np.round(scales * 2**20) / 2**20)


def gaussian_probabilities(scale: float) -> Floats:
    """Return the probabilities of -k ... k for a rounded Gaussian number around 0.

    Parameters
    ----------
    scale : its standard deviation, above 0 and up to 2048

    Raises
    ------
    InputError
        The scale is out of range.
    """
    ends = _ends(scale, _GAUSSIAN_REACH) / (scale * math.sqrt(2))
    halves = np.diff(_error_function(ends)) / 2
    return np.concatenate([halves[::-1], _error_function(ends[:1]), halves])


def laplacian_probabilities(scale: float) -> Floats:
    """Return the probabilities of -k ... k for a rounded Laplacian number around 0.

    Parameters
    ----------
    scale : its mean absolute value, above 0 and up to 2048

    Raises
    ------
    InputError
        The scale is out of range.
    """
    tails = _exponential(-_ends(scale, _LAPLACIAN_REACH) / scale)
    halves = -np.diff(tails) / 2
    return np.concatenate([halves[::-1], 1 - tails[:1], halves])


def _ends(scale: float, reach: float) -> Floats:
    """Return 0.5, 1.5, ... up to the first beyond ``reach`` scales, at least two."""
    if not 0 < scale <= _LARGEST_SCALE:
        raise InputError(
            f"a scale must be above 0 and up to {_LARGEST_SCALE}. Got {scale} instead."
        )
    return np.arange(math.ceil(reach * scale) + 2, dtype=np.float64) + 0.5


def _exponential(x: Floats) -> Floats:
    """Return exp(x) for x <= 0: the series of x / 2**16, squared 16 times."""
    small = np.maximum(x, -700.0) / 2**16
    value = np.ones_like(small)
    for order in range(8, 0, -1):
        value = 1 + small / order * value
    for _ in range(16):
        value = value * value
    return value


def _error_function(x: Floats) -> Floats:
    """Return erf(x) for x >= 0, by the series 2 / sqrt(pi) exp(-x**2) (x + 2 x**3 / 3 + ...).

    From 6 on it is 1 (Abramowitz and Stegun 1964, equation 7.1.6).
    """
    inner = np.minimum(x, 6.0)
    term, total = inner, inner
    for order in range(1, 160):
        term = term * (2 * inner * inner) / (2 * order + 1)
        total = total + term
    value = 2 / math.sqrt(math.pi) * _exponential(-inner * inner) * total
    return np.where(x >= 6, 1.0, np.minimum(value, 1.0))
