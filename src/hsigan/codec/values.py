"""Samples that are no data: told apart, filled for encoders, and put back as they were.

Each sample is of a kind (`SampleCode`): valid, the scene's nodata value, NaN, an infinity. Kinds
are kept exactly, in a mask beside the tile; what a codec does to the rest is rounded into the
scene's own type and never becomes the nodata value.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from hsigan.bitstream.header import DTYPES
from hsigan.bitstream.mask import SampleCode, restore_samples, sample_codes
from hsigan.codec.interface import Tile
from hsigan.errors import InputError

Kinds = NDArray[np.uint8]
"""(B, h, w)."""


def check_dtype(dtype: np.dtype[Any]) -> None:
    """Refuse numeric types that files do not hold.

    Raises
    ------
    InputError
        It is none of `DTYPES`.
    """
    if dtype.name not in DTYPES:
        raise InputError(
            f"scenes of type {dtype} cannot be compressed: convert them to one of "
            f"{', '.join(DTYPES)} first."
        )


def kinds_of(values: NDArray[Any], nodata: float | None) -> Kinds | None:
    """Return the `SampleCode` of each sample, or None where all are valid.

    Parameters
    ----------
    values : any shape, in the scene's own type
    nodata : the scene's nodata value
    """
    if values.dtype.kind != "f" and nodata is None:
        return None
    kinds = sample_codes(values, nodata)
    return kinds if kinds.any() else None


def has_data(kinds: Kinds | None) -> bool:
    """Say whether a tile holds a valid sample; codecs are asked only about such tiles."""
    return kinds is None or bool((kinds == SampleCode.VALID).any())


def fill(values: NDArray[Any], kinds: Kinds | None, band_mean: NDArray[np.float64]) -> Tile:
    """Return (B, h, w) float32 in which samples without data go on as their neighbours.

    A sample takes the nearest valid one of its band; a band without any takes its mean.
    """
    filled = np.ascontiguousarray(values, dtype=np.float32)
    if kinds is None:
        return filled
    if filled is values:
        filled = filled.copy()
    missing = kinds != SampleCode.VALID
    done: list[tuple[NDArray[np.bool_], NDArray[np.intp]]] = []
    for band in np.flatnonzero(missing.any(axis=(1, 2))):
        gaps = missing[band]
        if gaps.all():
            filled[band] = band_mean[band]
            continue
        nearest = next((found for known, found in done if np.array_equal(known, gaps)), None)
        if nearest is None:
            nearest = _nearest_valid(gaps)
            done.append((gaps, nearest))
        filled[band][gaps] = filled[band][nearest[0], nearest[1]]
    return filled


def _nearest_valid(gaps: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return rows and columns (2, N) of the valid samples that are nearest to the gaps (h, w)."""
    found = ndimage.distance_transform_edt(gaps, return_distances=False, return_indices=True)
    return np.asarray(found, dtype=np.intp)[:, gaps]


def restore(
    decoded: Tile, kinds: Kinds | None, dtype: np.dtype[Any], nodata: float | None
) -> NDArray[Any]:
    """Return values in the scene's own type: rounded, clipped, and with what is no data put back.

    Parameters
    ----------
    decoded : (B, h, w) float32, finite
    kinds : what is no data, None where all is
    dtype, nodata : of the scene
    """
    if dtype.kind == "f":
        values = _floats(decoded, dtype, nodata)
    else:
        values = _integers(decoded, dtype, nodata)
    if kinds is not None:
        restore_samples(values, kinds, nodata)
    return values


def _integers(decoded: Tile, dtype: np.dtype[Any], nodata: float | None) -> NDArray[Any]:
    limits = np.iinfo(dtype)
    wide = np.float32 if dtype.itemsize <= 2 else np.float64
    rounded = np.rint(decoded, dtype=wide)
    values = np.clip(rounded, limits.min, limits.max, out=rounded).astype(dtype)
    if nodata is not None and float(nodata).is_integer() and limits.min <= nodata <= limits.max:
        step = 1 if nodata < limits.max else -1
        values[values == dtype.type(nodata)] = int(nodata) + step
    return values


def _floats(decoded: Tile, dtype: np.dtype[Any], nodata: float | None) -> NDArray[Any]:
    values = decoded.astype(dtype)
    if nodata is not None:
        with np.errstate(over="ignore"):
            number = dtype.type(nodata)
        values[values == number] = np.nextafter(number, dtype.type(0 if number else 1))
    return values
