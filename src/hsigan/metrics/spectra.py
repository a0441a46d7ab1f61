"""Spectra as vectors: checks, and the spectral angle."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hsigan.errors import InputError

_ROWS_AT_ONCE = 2048


def check_spectra(
    spectra: ArrayLike, what: str, bands: int | None = None, at_least: int = 1
) -> NDArray[np.float64]:
    """Return ``spectra`` as a float64 (N, B) array, or say what is wrong with it.

    Parameters
    ----------
    spectra : array-like, (N, B)
        Spectra, one per row.
    what : str
        How the message names them ("fake spectra").
    bands : int, optional
        The number of bands that they must have.
    at_least : int
        The number of spectra that are needed.

    Raises
    ------
    InputError
        Another number of dimensions or bands, too few spectra, or a value that is not finite.
    """
    array = np.asarray(spectra, dtype=np.float64)
    if array.ndim != 2:
        raise InputError(f"{what} must be a (spectra, bands) array. Got shape {array.shape}.")
    if bands is not None and array.shape[1] != bands:
        raise InputError(
            f"{what} must have {bands} bands like the spectra they are compared with. "
            f"Got {array.shape[1]} instead."
        )
    if len(array) < at_least:
        raise InputError(f"{what}: at least {at_least} needed. Got {len(array)} instead.")
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).any(axis=1).sum())
        raise InputError(f"{what}: {bad} of {len(array)} hold NaN or infinity; leave them out.")
    return array


def spectral_angle_deg(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Return the angle between spectra row by row, in degrees.

    Kruse et al. 1993: the arc cosine of the normalised dot product; a gain changes nothing. A
    spectrum of zeros has no direction: its angle is NaN.

    Parameters
    ----------
    first, second : array-like, (N, B) or (B,)
        Spectra in the same units; they broadcast against each other.
    """
    a = _directions(np.asarray(first, dtype=np.float64))
    b = _directions(np.asarray(second, dtype=np.float64))
    # The chord is exact where the cosine is blind: near 0 degrees.
    chord = np.linalg.norm(a - b, axis=-1)
    return np.asarray(np.degrees(2 * np.arcsin(np.clip(chord / 2, 0, 1))))


def nearest_angle_deg(spectra: ArrayLike, reference: ArrayLike) -> NDArray[np.float64]:
    """Return each spectrum's smallest spectral angle to any reference spectrum, in degrees.

    Parameters
    ----------
    spectra : array-like, (N, B)
    reference : array-like, (M, B)

    Returns
    -------
    (N,) array; NaN for a spectrum of zeros.
    """
    reference = check_spectra(reference, "reference spectra")
    spectra = check_spectra(spectra, "spectra", reference.shape[1])
    units, targets = _directions(spectra), _directions(reference)
    nearest = np.empty(len(units), dtype=np.int64)
    for start in range(0, len(units), _ROWS_AT_ONCE):
        cosine = units[start : start + _ROWS_AT_ONCE] @ targets.T  # (rows, M)
        nearest[start : start + _ROWS_AT_ONCE] = np.nan_to_num(cosine, nan=-2.0).argmax(axis=1)
    return spectral_angle_deg(spectra, reference[nearest])


def _directions(spectra: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(spectra, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(length > 0, spectra / np.where(length > 0, length, 1), np.nan))
