"""One pass over a scene: means, covariance, peak, and what of it is data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hsigan.codec.interface import Floats, SceneSurvey
from hsigan.errors import InputError
from hsigan.scene.dataset import is_data

_BLOCK_BYTES = 32 * 2**20
_MOST_PIXELS = 60_000
"""Means and covariance are taken over a regular grid of about so many pixels at most."""
_SMALLEST, _LARGEST = 1e-15, 1e15
"""Codecs work in float32; sums of squares of larger numbers overflow there, of smaller vanish."""


def row_blocks(scene: xr.Dataset, rows: int | None = None) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield first row and values (h, W, B), block by block; a lazy scene is read as they come."""
    height, width, bands = scene["values"].shape
    if rows is None:
        rows = max(1, _BLOCK_BYTES // (width * bands * scene["values"].dtype.itemsize))
    for start in range(0, height, rows):
        yield start, scene["values"][start : start + rows].values


def survey_scene(scene: xr.Dataset) -> SceneSurvey:
    """Survey a scene.

    The peak, the share of valid samples and the usable bands are exact; means and covariance of a
    large scene are over a regular grid of its pixels.

    Parameters
    ----------
    scene : a scene, possibly on disk

    Returns
    -------
    SceneSurvey

    Raises
    ------
    InputError
        Its values are too large or too small for what float32 can square.
    """
    height, width, bands = scene["values"].shape
    stride = max(1, math.isqrt(height * width // _MOST_PIXELS))
    low, high = np.full(bands, np.inf), np.full(bands, -np.inf)
    valid, sampled = 0, []
    for start, block in row_blocks(scene):
        known = None if _all_data(block, scene) else is_data(block, scene)
        valid += block.size if known is None else int(known.sum())
        lowest, highest = _extremes(block, known)
        low, high = np.minimum(low, lowest), np.maximum(high, highest)
        _check_largest(low, high)
        rows = slice(-start % stride, None, stride)
        sampled.append(_known_spectra(block[rows, ::stride], known, rows, stride))
    has_data = low <= high
    usable = low < high
    _check_smallest(low[has_data], high[has_data])
    mean, covariance = _moments(np.concatenate(sampled), low, high)
    covariance[~usable] = 0.0
    covariance[:, ~usable] = 0.0
    wavelengths = scene["wavelength_nm"].values if "wavelength_nm" in scene.coords else None
    return SceneSurvey(
        height=height,
        width=width,
        bands=bands,
        dtype=str(scene["values"].dtype),
        band_mean=mean,
        band_std=np.sqrt(np.diag(covariance)),
        covariance=covariance,
        peak=float(high.max()) if has_data.any() else 0.0,
        share_valid=valid / (height * width * bands),
        wavelengths_nm=wavelengths,
        usable=usable,
    )


def pooled(surveys: Sequence[SceneSurvey]) -> tuple[Floats, Floats]:
    """Return mean (B,) and covariance (B, B) of all pixels of several scenes together."""
    weights = np.array([each.height * each.width for each in surveys], dtype=np.float64)
    weights /= weights.sum()
    mean = np.einsum("s,sb->b", weights, np.stack([each.band_mean for each in surveys]))
    covariance = np.zeros((len(mean), len(mean)))
    for weight, each in zip(weights, surveys, strict=True):
        offset = each.band_mean - mean
        covariance += weight * (each.covariance + np.outer(offset, offset))
    return mean, covariance


def _all_data(block: NDArray[Any], scene: xr.Dataset) -> bool:
    """Say whether nothing can be missing, without looking at every number of an integer scene."""
    return block.dtype.kind in "iu" and scene["values"].attrs.get("nodata") is None


def _extremes(block: NDArray[Any], known: NDArray[np.bool_] | None) -> tuple[Floats, Floats]:
    """Return the least and the largest valid value of each band; infinities where there is none."""
    axes = (0, 1)
    if known is None:
        return block.min(axis=axes).astype(np.float64), block.max(axis=axes).astype(np.float64)
    low = np.where(known, block, np.inf).min(axis=axes)
    high = np.where(known, block, -np.inf).max(axis=axes)
    return low.astype(np.float64), high.astype(np.float64)


def _check_largest(low: Floats, high: Floats) -> None:
    largest = max((float(v) for v in (-low.min(), high.max()) if math.isfinite(v)), default=0.0)
    if largest > _LARGEST:
        raise InputError(
            f"this scene holds values of {largest:.3g}, and codecs take up to {_LARGEST:g}: if "
            "that stands for no data, name it (--nodata); else scale the values."
        )


def _check_smallest(low: Floats, high: Floats) -> None:
    largest = float(np.maximum(-low, high).max(initial=0.0))
    if 0 < largest < _SMALLEST:
        raise InputError(
            f"the largest value of this scene is {largest:.3g}, and codecs take values from "
            f"{_SMALLEST:g} on: scale them."
        )


def _known_spectra(
    block: NDArray[Any], known: NDArray[np.bool_] | None, rows: slice, stride: int
) -> NDArray[np.float32]:
    """Return the sampled spectra (N, B), NaN where there is no data."""
    spectra = block.astype(np.float32)
    if known is not None:
        spectra[~known[rows, ::stride]] = np.nan
    return spectra.reshape(-1, block.shape[2])


def _moments(spectra: NDArray[np.float32], low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Return mean and covariance of spectra (N, B) with gaps.

    Where enough pixels have all their data only these count for the covariance; else a missing
    sample is taken as its band's mean. A constant band's mean is its value exactly.
    """
    bands = spectra.shape[1]
    has_data = low <= high
    missing = np.isnan(spectra)
    counts = len(spectra) - missing.sum(axis=0)
    sums = np.nansum(spectra, axis=0, dtype=np.float64)
    middle = np.where(has_data, (np.where(has_data, low, 0) + np.where(has_data, high, 0)) / 2, 0.0)
    mean = np.where(counts > 0, sums / np.maximum(counts, 1), middle)
    mean = np.where(low == high, low, mean)
    centred = np.where(missing, np.float32(0), spectra - mean.astype(np.float32))
    complete = ~missing[:, has_data].any(axis=1)
    if complete.sum() >= max(2 * bands, len(spectra) // 4):
        centred = centred[complete]
    covariance = (centred.T @ centred).astype(np.float64) / max(1, len(centred))
    return mean, covariance
