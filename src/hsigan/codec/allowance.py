"""How much squared error a tile may have at a step, and which of its planes are worth coding.

Where every coefficient of an orthonormal transform is quantised at one step, a large one errs by
step**2 / 12 on average, and a small one by all it has: reverse water-filling. JPEG 2000 takes a
distortion for a whole codestream. Counted so, it is the distortion at which all tiles are cut at
the same slope of rate and distortion, whether much or little is in them. The Haar wavelet serves
for the count: it is orthonormal, and only the sum matters.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[np.float32]

_LEVELS = 5
_PLANE_BITS = 48.0
"""What a component costs in a codestream though nothing is in it: a byte for each resolution."""

BITS_PER_ERROR = 12 / (2 * math.log(2))
"""Bits worth one step**2 of squared error: the slope at the distortion step**2 / 12."""


def allow_error(planes: Planes, step: float) -> tuple[int, float]:
    """Say how many planes to code, and with what squared error.

    Parameters
    ----------
    planes : (K, h, w) float32, the important ones first
    step : size of the quantiser's step

    Returns
    -------
    How many of the first planes are worth their bits, and the sum of squared errors that these may
    have.
    """
    allowed, worth = _count(planes, step)
    wanted = np.flatnonzero(worth > 0)
    kept = int(wanted[-1]) + 1 if wanted.size else 0
    return kept, float(allowed[:kept].sum())


def _count(planes: Planes, step: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return per plane (K,) the squared error that is allowed and the bits saved by coding it."""
    share = np.float32(12.0 / step**2)  # squares are counted in units of the error allowed
    allowed = np.zeros(len(planes))
    saved = np.full(len(planes), -_PLANE_BITS)
    low = planes
    for level in range(_LEVELS + 1):
        done = level == _LEVELS or max(low.shape[1:]) == 1
        if done:
            details = [low]
        else:
            low, details = _haar(low)
        for detail in details:
            squares = np.square(detail) * share
            allowed += np.minimum(squares, 1).sum(axis=(1, 2), dtype=np.float64)
            above = np.maximum(squares, 1)
            # The bits that the error is worth if it is left, less the bits of coding it.
            bits = (above - 1) * np.float32(BITS_PER_ERROR / 12) - 0.5 * np.log2(above)
            saved += bits.sum(axis=(1, 2), dtype=np.float64)
        if done:
            break
    return allowed * step**2 / 12, saved


def _haar(planes: Planes) -> tuple[Planes, list[Planes]]:
    """Return the low-pass planes and the details of one level; odd sides are padded by a copy."""
    height, width = planes.shape[1:]
    if height % 2 or width % 2:
        planes = np.pad(planes, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
    half = np.float32(0.5)
    rows, differences = planes[:, ::2] + planes[:, 1::2], planes[:, ::2] - planes[:, 1::2]
    low = (rows[:, :, ::2] + rows[:, :, 1::2]) * half
    details = [
        (rows[:, :, ::2] - rows[:, :, 1::2]) * half,
        (differences[:, :, ::2] + differences[:, :, 1::2]) * half,
        (differences[:, :, ::2] - differences[:, :, 1::2]) * half,
    ]
    return low, details
