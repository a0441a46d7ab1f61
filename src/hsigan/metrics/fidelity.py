"""How far a decoded scene is from the original: PSNR, spectral angle, SSIM, the largest error.

All take cubes (H, W, B) in the same units, the original first, and ``valid``: a mask of pixels
(H, W) or of samples (H, W, B). By default those samples are valid that are finite in the original.
Work is done band by band or by blocks of rows, so that no second cube in 64 bits is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import correlate1d

from hsigan.errors import InputError
from hsigan.metrics.spectra import spectral_angle_deg

Cube = NDArray[Any]
Plane = NDArray[np.float64]
Mask = NDArray[np.bool_]

WINDOW_PX = 11
WINDOW_SIGMA_PX = 1.5
_ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class Fidelity:
    """All figures of one decoded scene, with the peak and the lowest valid value they refer to."""

    psnr_db: float
    spectral_angle_deg: float
    ssim: float
    max_error: float
    mse: float
    peak: float
    minimum: float


def measure_fidelity(
    original: ArrayLike, decoded: ArrayLike, peak: float | None = None, valid: Mask | None = None
) -> Fidelity:
    """Return every figure of this module; parameters and errors as in `psnr_db`."""
    first, second, mask = _checked(original, decoded, valid)
    low, high = _valid_range(first, mask)
    top = high if peak is None else peak
    squared, largest = _errors(first, second, mask)
    return Fidelity(
        psnr_db=_decibel(squared, top),
        spectral_angle_deg=_mean_angle(first, second, mask),
        ssim=_mean_ssim(first, second, mask, top - low),
        max_error=largest,
        mse=squared,
        peak=top,
        minimum=low,
    )


def psnr_db(
    original: ArrayLike, decoded: ArrayLike, peak: float | None = None, valid: Mask | None = None
) -> float:
    """Return the peak signal-to-noise ratio ``10 log10(peak^2 / mse)`` of all bands together.

    Parameters
    ----------
    original, decoded : array-like, (H, W, B)
        In the same units.
    peak : float, optional
        By default the original's largest valid value.
    valid : (H, W) or (H, W, B) array of bool, optional
        What counts.

    Returns
    -------
    float
        In dB; infinity for an exact copy.

    Raises
    ------
    InputError
        Other shapes, no valid sample, a decoded value that is not finite where the original is
        valid, or a peak that is not above zero.
    """
    first, second, mask = _checked(original, decoded, valid)
    top = _valid_range(first, mask)[1] if peak is None else peak
    return _decibel(_errors(first, second, mask)[0], top)


def mse(original: ArrayLike, decoded: ArrayLike, valid: Mask | None = None) -> float:
    """Return the mean squared error over valid samples, in squared units of the scene."""
    return _errors(*_checked(original, decoded, valid))[0]


def max_error(original: ArrayLike, decoded: ArrayLike, valid: Mask | None = None) -> float:
    """Return the largest absolute error of a valid sample, in the scene's units."""
    return _errors(*_checked(original, decoded, valid))[1]


def mean_spectral_angle_deg(
    original: ArrayLike, decoded: ArrayLike, valid: Mask | None = None
) -> float:
    """Return the mean spectral angle of the pixels, in degrees (Kruse et al. 1993).

    Samples that are not valid take no part in their pixel's angle. A pixel whose original or
    decoded spectrum is all zero has no angle and is left out; NaN where no pixel has one.
    """
    return _mean_angle(*_checked(original, decoded, valid))


def ssim(
    original: ArrayLike, decoded: ArrayLike, peak: float | None = None, valid: Mask | None = None
) -> float:
    """Return the mean structural similarity over windows, then over bands.

    Wang, Bovik, Sheikh and Simoncelli 2004: Gaussian windows of 11 x 11 pixels with a deviation of
    1.5 pixels that lie wholly in the image, K1 = 0.01, K2 = 0.03. The dynamic range is the peak
    less the lowest valid value of the scene, the same for all bands. Beyond the paper: along an
    axis shorter than 11 pixels the window is cut, symmetrically, to the axis' length, so that one
    position is left; inside a window, samples that are not valid have no weight, and windows count
    as much as the valid weight in them. A band without a valid sample is left out.

    Parameters are those of `psnr_db`.

    Returns
    -------
    float
        At most 1, which is an exact copy; of a constant scene 1 for an exact copy, else NaN.
    """
    first, second, mask = _checked(original, decoded, valid)
    low, high = _valid_range(first, mask)
    return _mean_ssim(first, second, mask, (high if peak is None else peak) - low)


def _checked(
    original: ArrayLike, decoded: ArrayLike, valid: Mask | None
) -> tuple[Cube, Cube, Mask]:
    """Return both cubes and a mask (H, W, 1) or (H, W, B), or say what is wrong with them."""
    first, second = np.asarray(original), np.asarray(decoded)
    if first.ndim != 3 or first.shape != second.shape:
        raise InputError(
            "original and decoded must be (rows, columns, bands) arrays of one shape. "
            f"Got {first.shape} and {second.shape} instead."
        )
    mask = np.isfinite(first) if valid is None else np.asarray(valid, dtype=np.bool_)
    mask = mask[:, :, None] if mask.shape == first.shape[:2] else mask
    if mask.shape[:2] != first.shape[:2] or mask.shape[2] not in (1, first.shape[2]):
        raise InputError(
            f"the mask must have the shape {first.shape[:2]} or {first.shape}. Got {mask.shape}."
        )
    if not mask.any():
        raise InputError("no sample is valid; there is nothing to compare.")
    for what, cube in (("original", first), ("decoded", second)):
        bad = sum(
            int((~np.isfinite(cube[:, :, band]) & _plane_mask(mask, band)).sum())
            for band in range(cube.shape[2])
        )
        if bad:
            raise InputError(
                f"the {what} cube holds {bad} values that are not finite where samples are valid; "
                "mark them as not valid, or repair the decoder."
            )
    return first, second, mask


def _plane_mask(mask: Mask, band: int) -> Mask:
    return np.asarray(mask[:, :, min(band, mask.shape[2] - 1)])


def _planes(*cubes: Cube, mask: Mask) -> Iterator[tuple[list[Plane], Mask]]:
    """Yield each band of the cubes in 64 bits, with what is valid in it."""
    for band in range(cubes[0].shape[2]):
        yield [cube[:, :, band].astype(np.float64) for cube in cubes], _plane_mask(mask, band)


def _valid_range(cube: Cube, mask: Mask) -> tuple[float, float]:
    known = [plane[valid] for (plane,), valid in _planes(cube, mask=mask) if valid.any()]
    return min(float(k.min()) for k in known), max(float(k.max()) for k in known)


def _errors(first: Cube, second: Cube, mask: Mask) -> tuple[float, float]:
    """Return the mean squared and the largest absolute error."""
    total, largest, count = 0.0, 0.0, 0
    for (a, b), valid in _planes(first, second, mask=mask):
        error = (a - b)[valid]
        if len(error):
            total += float(error @ error)
            largest = max(largest, float(np.abs(error).max()))
            count += len(error)
    return total / count, largest


def _decibel(squared: float, peak: float) -> float:
    if peak <= 0:
        raise InputError(
            f"PSNR needs a peak above zero, and the largest valid value is {peak:g}; give a peak."
        )
    return float("inf") if squared == 0 else float(10 * np.log10(peak**2 / squared))


def _mean_angle(first: Cube, second: Cube, mask: Mask) -> float:
    total, count = 0.0, 0
    for start in range(0, first.shape[0], _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        a, b = (np.where(mask[rows], cube[rows], 0).astype(np.float64) for cube in (first, second))
        angles = spectral_angle_deg(a, b)
        known = np.isfinite(angles)
        total, count = total + float(angles[known].sum()), count + int(known.sum())
    return total / count if count else float("nan")


def _mean_ssim(first: Cube, second: Cube, mask: Mask, dynamic_range: float) -> float:
    if not dynamic_range > 0:
        return 1.0 if _errors(first, second, mask)[1] == 0 else float("nan")
    kernels = [_window(length) for length in first.shape[:2]]
    bands = [
        _band_ssim(a, b, valid, kernels, dynamic_range)
        for (a, b), valid in _planes(first, second, mask=mask)
        if valid.any()
    ]
    known = [value for value in bands if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _window(length: int) -> Plane:
    """Return Gaussian weights that sum to one, as many as fit into the length, at most 11."""
    taps = min(WINDOW_PX, length)
    distance = np.arange(taps) - (taps - 1) / 2
    weights = np.exp(-(distance**2) / (2 * WINDOW_SIGMA_PX**2))
    return np.asarray(weights / weights.sum())


def _band_ssim(
    first: Plane, second: Plane, valid: Mask, kernels: list[Plane], dynamic_range: float
) -> float:
    """Return one band's SSIM, the mean over windows, each as heavy as its valid weight."""
    # Variances are differences of squares: about a level inside the data they keep their digits.
    level = float(first[valid].mean())
    a, b = (np.where(valid, plane - level, 0.0) for plane in (first, second))
    weight = _windowed(valid.astype(np.float64), kernels)
    if not weight.sum() > 0:  # all valid samples lie where no whole window reaches
        return float("nan")
    safe = np.where(weight > 0, weight, 1.0)
    mean_a, mean_b, square_a, square_b, product = (
        _windowed(plane, kernels) / safe for plane in (a, b, a * a, b * b, a * b)
    )
    variances = (square_a - mean_a**2) + (square_b - mean_b**2)
    covariance = product - mean_a * mean_b
    mean_a, mean_b = mean_a + level, mean_b + level
    c1, c2 = (0.01 * dynamic_range) ** 2, (0.03 * dynamic_range) ** 2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (2 * covariance + c2) / (variances + c2)
    return float((luminance * structure * weight).sum() / weight.sum())


def _windowed(plane: Plane, kernels: list[Plane]) -> Plane:
    """Return the weighted sums of all windows that lie wholly in the plane."""
    for axis, kernel in enumerate(kernels):
        count = plane.shape[axis] - len(kernel) + 1
        start = len(kernel) // 2  # where correlate1d puts the sum of the first whole window
        sums = correlate1d(plane, kernel, axis=axis, mode="constant")
        plane = np.asarray(sums.take(range(start, start + count), axis=axis))
    return plane
