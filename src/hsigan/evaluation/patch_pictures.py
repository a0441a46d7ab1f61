"""What the report shows of patches: real and fake ones in colour, and how networks weigh bands.

``arrays.npz`` then holds, beside the arrays of other evaluations:

- ``patches/real/{class}``: held-out patches in colour, (n, P, P, 3) uint8;
- ``patches/{method}/{class}``: a method's patches, in the same stretch;
- ``band_weights/{method}/{network}/{class}``: the mean weight (B,) that a network with attention
  gives each band of the class's patches, 0 to 1; ``network`` is ``generator`` or ``critic``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hsigan.evaluation.colour_bands import colour_bands
from hsigan.sampling import PatchView

Pair = tuple[Any, ArrayLike]


def patch_pictures(
    held_out: Pair,
    samples: Mapping[str, Pair],
    wavelengths_nm: NDArray[np.float64] | None,
    seed: int,
    per_class: int = 9,
) -> dict[str, NDArray[np.uint8]]:
    """Return real and fake patches of each class in colour, drawn at random.

    Each class has one stretch, between the 2 and 98 % quantiles of its real patches colour by
    colour, for reals and fakes alike: texture inside a field would not show in that of the scene.

    Parameters
    ----------
    held_out : (X, y)
        Real patches (N, B, P, P), an array or a ``PatchView``, and their class ids.
    samples : mapping of name to (X, y)
        Fakes in the same units and bands.
    wavelengths_nm : (B,) or None
        Of the bands, in nanometres.
    seed : int
        Of the draw.
    per_class : int
        Patches shown of each class and method, at most.
    """
    bands = colour_bands(held_out[0].shape[1], wavelengths_nm)
    arrays = {}
    for class_id in np.unique(np.asarray(held_out[1])).tolist():
        rng = np.random.default_rng([seed, class_id])
        # The stretch comes from more patches than are shown: a few have few quantiles.
        real = _colours(held_out, class_id, bands, 4 * per_class, rng)
        low, high = np.quantile(real, [0.02, 0.98], axis=(0, 1, 2))
        arrays[f"patches/real/{class_id}"] = _stretched(real[:per_class], low, high)
        for name, pair in samples.items():
            own = np.random.default_rng([seed, class_id])
            fake = _colours(pair, class_id, bands, per_class, own)
            if len(fake):
                arrays[f"patches/{name}/{class_id}"] = _stretched(fake, low, high)
    return arrays


def band_weight_arrays(
    method: str, network: str, weights: ArrayLike, labels: ArrayLike
) -> dict[str, NDArray[np.float32]]:
    """Return the mean band weights of each class.

    Parameters
    ----------
    method : the generator's name in the records
    network : "generator" or "critic"
    weights : (N, B) in [0, 1], as the networks' ``band_weights`` reads them out
    labels : (N,) class ids of the patches that were weighed
    """
    table, ids = np.asarray(weights), np.asarray(labels)
    return {
        f"band_weights/{method}/{network}/{class_id}": table[ids == class_id]
        .mean(axis=0)
        .astype(np.float32)
        for class_id in np.unique(ids).tolist()
    }


def _colours(
    pair: Pair, class_id: int, bands: list[int], at_most: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return patches (n, P, P, 3) of a class over the three bands."""
    X: NDArray[Any] | PatchView = pair[0]
    members = rng.permutation(np.flatnonzero(np.asarray(pair[1]) == class_id))[:at_most]
    return np.moveaxis(X[members][:, bands].astype(np.float64), 1, 3)


def _stretched(
    colours: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.uint8]:
    span = np.where(high > low, high - low, 1.0)
    return np.asarray((255 * np.clip((colours - low) / span, 0, 1)).round().astype(np.uint8))
