"""Physical plausibility: range, smoothness, and how bands vary together.

All take spectra (N, B) in the scene's own units, fakes first, reals second.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hsigan.errors import InputError
from hsigan.metrics.spectra import check_spectra


def outside_range_share(fake: ArrayLike, real: ArrayLike) -> float:
    """Return the share of the fakes' values that lie outside the reals' range of the band."""
    fake, real = _pair(fake, real)
    outside = (fake < real.min(axis=0)) | (fake > real.max(axis=0))
    return float(outside.mean())


def roughness(spectra: ArrayLike) -> NDArray[np.float64]:
    """Return each spectrum's energy of second differences over its energy about its mean.

    Second differences along the bands grow with noise and vanish on straight lines. NaN for a
    flat spectrum.

    Parameters
    ----------
    spectra : array-like, (N, B)
        At least three bands.

    Returns
    -------
    (N,) array, no unit; a gain or an offset changes nothing.
    """
    spectra = check_spectra(spectra, "spectra")
    if spectra.shape[1] < 3:
        raise InputError(f"roughness needs at least 3 bands. Got {spectra.shape[1]} instead.")
    bends = (np.diff(spectra, n=2, axis=1) ** 2).sum(axis=1)
    energy = ((spectra - spectra.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    return np.asarray(np.divide(bends, energy, out=np.full(len(spectra), np.nan), where=energy > 0))


def roughness_ratio(fake: ArrayLike, real: ArrayLike) -> float:
    """Return the fakes' median roughness over the reals': above 1 too noisy, below 1 too smooth.

    NaN where the reals are straight lines or either set has no usable spectrum.
    """
    fake, real = _pair(fake, real)
    rough_fake, rough_real = (
        values[np.isfinite(values)] for values in map(roughness, (fake, real))
    )
    if not (len(rough_fake) and len(rough_real)) or np.median(rough_real) == 0:
        return float("nan")
    return float(np.median(rough_fake) / np.median(rough_real))


def deviation_ratio(fake: ArrayLike, real: ArrayLike) -> float:
    """Return the fakes' standard deviation over the reals', band by band, the median over bands.

    Below 1: too little within-class diversity. NaN under two spectra or where the reals do not
    vary.
    """
    fake, real = _pair(fake, real)
    if min(len(fake), len(real)) < 2:
        return float("nan")
    spread = real.std(axis=0, ddof=1)
    varying = spread > 0
    if not varying.any():
        return float("nan")
    return float(np.median(fake.std(axis=0, ddof=1)[varying] / spread[varying]))


def band_correlation_distance(fake: ArrayLike, real: ArrayLike) -> float:
    """Return the root mean square difference of the two band correlation matrices, 0 to 2.

    A band that does not vary correlates with none. NaN under three spectra.
    """
    fake, real = _pair(fake, real)
    if min(len(fake), len(real)) < 3:
        return float("nan")
    return float(np.sqrt(np.mean((_correlation(fake) - _correlation(real)) ** 2)))


def _correlation(spectra: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = spectra - spectra.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    unit = centred / np.where(length > 0, length, 1)
    return np.asarray(unit.T @ unit)  # (B, B)


def _pair(fake: ArrayLike, real: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    real = check_spectra(real, "real spectra")
    return check_spectra(fake, "fake spectra", real.shape[1]), real
