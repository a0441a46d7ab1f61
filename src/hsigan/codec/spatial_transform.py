"""A nearly orthonormal wavelet transform of component planes: NumPy, any height and width.

The biorthogonal 9/7 filters of Cohen, Daubechies and Feauveau (1992), in the lifting steps of
Daubechies and Sweldens (1998), with mirrored borders. Both filters are scaled to the gain
``sqrt(2)``, so that a uniform quantiser of the coefficients makes about the same mean squared error
in the planes.

A plane of coefficients has the size of the plane of samples: the low band lies in the upper left
corner, transformed again at every level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]

LIFTING_STEPS = (-1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971)
LOW_SCALE = 1.149604398860241  # makes the gain of the low filter at frequency zero sqrt(2)
COARSEST_PX = 5
MOST_LEVELS = 6


@dataclass(frozen=True)
class Subband:
    """Where one subband of a transformed plane lies.

    Attributes
    ----------
    level : int
        1 for the finest details; the low band has the number of levels.
    detail_y, detail_x : bool
        High-pass along rows' index and along columns' index; both False for the low band.
    top, left, height, width : int
        The rectangle in the plane of coefficients; either side may be 0.
    """

    level: int
    detail_y: bool
    detail_x: bool
    top: int
    left: int
    height: int
    width: int

    @property
    def region(self) -> tuple[slice, slice]:
        """Rows and columns of the plane of coefficients."""
        rows = slice(self.top, self.top + self.height)
        return rows, slice(self.left, self.left + self.width)


def level_count(height: int, width: int) -> int:
    """Return how often a plane of this size is split: until the low band is 5 px or less wide."""
    longest = max(height, width)
    levels = 0
    while longest > COARSEST_PX and levels < MOST_LEVELS:
        longest = (longest + 1) // 2
        levels += 1
    return levels


def subbands(height: int, width: int) -> list[Subband]:
    """List the subbands of a plane, coarse to fine; those without a coefficient are left out."""
    levels = level_count(height, width)
    sizes = [(height, width)]
    for _ in range(levels):
        rows, columns = sizes[-1]
        sizes.append(((rows + 1) // 2, (columns + 1) // 2))
    bands = [Subband(levels, False, False, 0, 0, *sizes[-1])]
    for level in range(levels, 0, -1):
        (rows, columns), (low_rows, low_columns) = sizes[level - 1], sizes[level]
        bands += [
            Subband(level, False, True, 0, low_columns, low_rows, columns - low_columns),
            Subband(level, True, False, low_rows, 0, rows - low_rows, low_columns),
            Subband(
                level, True, True, low_rows, low_columns, rows - low_rows, columns - low_columns
            ),
        ]
    return [band for band in bands if band.height and band.width]


def forward(planes: npt.NDArray[np.floating]) -> F32:
    """Transform component planes.

    Parameters
    ----------
    planes : array (K, H, W)
        Component planes in the scene's units.

    Returns
    -------
    array (K, H, W) of float32
        Coefficients, at the scale of an orthonormal transform.
    """
    coefficients = np.array(planes, np.float32)
    height, width = coefficients.shape[1:]
    for _ in range(level_count(height, width)):
        part = coefficients[:, :height, :width]
        _split(part, 2)
        _split(part, 1)
        height, width = (height + 1) // 2, (width + 1) // 2
    return coefficients


def inverse(coefficients: npt.NDArray[np.floating]) -> F32:
    """Undo `forward`.

    Parameters
    ----------
    coefficients : array (K, H, W)
        Coefficients as `forward` lays them out.

    Returns
    -------
    array (K, H, W) of float32
        Component planes.
    """
    planes = np.array(coefficients, np.float32)
    sizes = [planes.shape[1:]]
    for _ in range(level_count(*sizes[0]) - 1):
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    if level_count(*sizes[0]) == 0:
        return planes
    for height, width in reversed(sizes):
        part = planes[:, :height, :width]
        _merge(part, 1)
        _merge(part, 2)
    return planes


def _split(planes: F32, axis: int) -> None:
    """Split one axis into its low half and its high half, in place."""
    if planes.shape[axis] == 1:
        return
    samples = np.moveaxis(planes, axis, 0)
    low, high = samples[0::2].copy(), samples[1::2].copy()
    for index, factor in enumerate(LIFTING_STEPS):
        _lift(low, high, index, np.float32(factor))
    count = low.shape[0]
    np.multiply(low, np.float32(LOW_SCALE), out=samples[:count])
    np.multiply(high, np.float32(1 / LOW_SCALE), out=samples[count:])


def _merge(planes: F32, axis: int) -> None:
    """Undo `_split`, in place."""
    if planes.shape[axis] == 1:
        return
    samples = np.moveaxis(planes, axis, 0)
    count = (samples.shape[0] + 1) // 2
    low = samples[:count] * np.float32(1 / LOW_SCALE)
    high = samples[count:] * np.float32(LOW_SCALE)
    for index in (3, 2, 1, 0):
        _lift(low, high, index, np.float32(-LIFTING_STEPS[index]))
    samples[0::2], samples[1::2] = low, high


def _lift(low: F32, high: F32, step: int, factor: np.float32) -> None:
    """Add to one half what lies to both sides of it in the other, mirrored at the borders."""
    if step % 2 == 0:  # sample 2i + 1 lies between samples 2i and 2i + 2
        count = low.shape[0] - 1
        high[:count] += factor * (low[:count] + low[1:])
        if high.shape[0] > count:
            high[-1] += (2 * factor) * low[-1]
        return
    low[0] += (2 * factor) * high[0]
    count = high.shape[0] - 1
    low[1 : count + 1] += factor * (high[:-1] + high[1:])
    if low.shape[0] > count + 1:
        low[-1] += (2 * factor) * high[-1]
