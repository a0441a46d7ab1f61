"""How patches look in the plane: what neighbours have in common, and how steep values run.

All take patches (N, B, P, P). A texture is measured once per patch and band; sets of patches are
then compared by the distributions of these figures over the patches, so that a floor of resampled
patches costs no second look at the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hsigan.errors import InputError

Bandwise = NDArray[np.float64]
_PATCHES_AT_ONCE = 32


@dataclass(frozen=True)
class Texture:
    """Two figures of N patches, band by band.

    ``autocorrelation`` is Moran's I, without unit, NaN where a band is flat over the patch;
    ``gradient`` is the mean gradient magnitude in the patches' units per pixel.
    """

    autocorrelation: Bandwise  # (N, B)
    gradient: Bandwise  # (N, B)

    def __len__(self) -> int:
        return len(self.gradient)

    def take(self, indices: NDArray[np.int64]) -> Texture:
        """Return the figures of some of the patches."""
        return Texture(self.autocorrelation[indices], self.gradient[indices])


def check_patches(
    patches: ArrayLike, what: str, shape: tuple[int, ...] | None = None
) -> NDArray[np.float32]:
    """Return ``patches`` as a float32 (N, B, P, P) array, or say what is wrong with it.

    Parameters
    ----------
    patches : array-like, (N, B, P, P)
    what : str
        How the message names them ("fake patches").
    shape : (B, P, P), optional
        What each patch must have.

    Raises
    ------
    InputError
        No patch, other dimensions, sides under two pixels or of unequal length, or a value that is
        not finite.
    """
    array = np.asarray(patches, dtype=np.float32)
    if array.ndim != 4 or 0 in array.shape[:2] or not 2 <= array.shape[2] == array.shape[3]:
        raise InputError(
            f"{what} must be a (patches, bands, side, side) array with a side of 2 pixels or more. "
            f"Got shape {array.shape}."
        )
    if shape is not None and array.shape[1:] != tuple(shape):
        raise InputError(
            f"{what} must have bands and sides {tuple(shape)} like the patches they are compared "
            f"with. Got {array.shape[1:]} instead."
        )
    # A sum is NaN or infinite where a value is: no second array of the patches' size is needed.
    bad = int((~np.isfinite(array.reshape(len(array), -1).sum(axis=1, dtype=np.float64))).sum())
    if bad:
        raise InputError(f"{what}: {bad} of {len(array)} hold NaN or infinity; leave them out.")
    return array


def flat_patches(patches: NDArray[Any]) -> NDArray[Any]:
    """Return patches (N, B, P, P) as vectors (N, B P P), as ``SpectralSpace`` takes them."""
    return patches.reshape(len(patches), -1)


def measure_texture(patches: ArrayLike) -> Texture:
    """Return Moran's I and the mean gradient magnitude of patches (N, B, P, P), band by band."""
    checked = check_patches(patches, "patches")
    starts = range(0, len(checked), _PATCHES_AT_ONCE)
    blocks = [checked[i : i + _PATCHES_AT_ONCE].astype(np.float64) for i in starts]
    return Texture(
        np.concatenate([_morans_i(block) for block in blocks]),
        np.concatenate([_gradient_magnitude(block) for block in blocks]),
    )


def _morans_i(patches: NDArray[np.float64]) -> Bandwise:
    """Return Moran's I (N, B) over pixels that share an edge, each pair with weight one.

    ``I = (n / pairs) sum_pairs (x_i - m)(x_j - m) / sum_i (x_i - m)^2`` (Moran 1950; Cliff and Ord
    1981, "rook's case"), with m the patch's own mean in the band: near 1 for slow gradients,
    -1 / (n - 1) on average for pixels without order, -1 for a chessboard.
    """
    side = patches.shape[-1]
    deviation = patches - patches.mean(axis=(2, 3), keepdims=True)
    energy = (deviation**2).sum(axis=(2, 3))
    across = (deviation[..., :, 1:] * deviation[..., :, :-1]).sum(axis=(2, 3))
    down = (deviation[..., 1:, :] * deviation[..., :-1, :]).sum(axis=(2, 3))
    pairs = 2 * side * (side - 1)
    # What rounding leaves of a flat band is no variation.
    level = np.abs(patches).max(axis=(2, 3))
    varies = energy > (1e-6 * level * side) ** 2
    ratio = np.full(energy.shape, np.nan)
    np.divide((across + down) * side**2 / pairs, energy, out=ratio, where=varies)
    return ratio


def _gradient_magnitude(patches: NDArray[np.float64]) -> Bandwise:
    """Return the mean over a patch of the length of (dx, dy), forward differences: (N, B)."""
    across = np.diff(patches, axis=3)[:, :, :-1, :]
    down = np.diff(patches, axis=2)[:, :, :, :-1]
    return np.asarray(np.hypot(across, down).mean(axis=(2, 3)))


def autocorrelation_offset(fake: Texture, real: Texture) -> float:
    """Return the fakes' mean Moran's I less the reals', averaged over the bands.

    Above 0: smoother than reality. Below: speckled. NaN where no band varies in both.
    """
    offset = _mean(fake.autocorrelation) - _mean(real.autocorrelation)  # (B,)
    return _mean_of_known(offset)


def autocorrelation_distance(fake: Texture, real: Texture) -> float:
    """Return the distance between the distributions of Moran's I, averaged over the bands.

    It is the Wasserstein distance over the patches, 0 to 2, without unit.
    """
    distance = wasserstein_distances(fake.autocorrelation, real.autocorrelation)
    return _mean_of_known(distance)


def gradient_ratio(fake: Texture, real: Texture) -> float:
    """Return the fakes' mean gradient magnitude over the reals', the median over the bands.

    Above 1: more contrast between neighbours than in reality, or noise. Below: blurred. NaN where
    the reals are flat.
    """
    steep = real.gradient.mean(axis=0)
    varying = steep > 0
    if not varying.any():
        return float("nan")
    return float(np.median(fake.gradient.mean(axis=0)[varying] / steep[varying]))


def gradient_distance(fake: Texture, real: Texture) -> float:
    """Return the distance between the distributions of patches' mean gradient magnitudes.

    It is the Wasserstein distance over the patches in units of the reals' mean, averaged over the
    bands: 0.1 means that a patch has to change its contrast by a tenth of the mean to look real.
    """
    steep = real.gradient.mean(axis=0)
    distance = wasserstein_distances(fake.gradient, real.gradient)
    return _mean_of_known(distance[steep > 0] / steep[steep > 0])


def wasserstein_distances(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Return the Wasserstein-1 distance between the columns of two tables.

    It is the area between the two distribution functions (Vallender 1974), exact for sets of any
    two sizes; values of NaN count for nothing.

    Parameters
    ----------
    first, second : array-like, (N, D) and (M, D)

    Returns
    -------
    (D,) array in the columns' units; NaN where a column has no finite value.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    values = np.concatenate([a, b])
    weights = np.concatenate([_shares(a), -_shares(b)])
    values = np.where(np.isfinite(values), values, 0.0)  # of weight 0: they lie anywhere
    order = np.argsort(values, axis=0)
    gaps = np.diff(np.take_along_axis(values, order, axis=0), axis=0)
    between = np.cumsum(np.take_along_axis(weights, order, axis=0), axis=0)[:-1]
    distance = (np.abs(between) * gaps).sum(axis=0)
    known = np.isfinite(a).any(axis=0) & np.isfinite(b).any(axis=0)
    return np.asarray(np.where(known, distance, np.nan))


def _shares(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each finite value of a column weighs, one in all; 0 for the others."""
    finite = np.isfinite(table)
    return np.asarray(finite / np.maximum(finite.sum(axis=0), 1))


def _mean(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each column's mean over its finite values, NaN where there is none."""
    finite = np.isfinite(table)
    total = np.where(finite, table, 0.0).sum(axis=0)
    count = finite.sum(axis=0)
    return np.asarray(np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0))


def _mean_of_known(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
