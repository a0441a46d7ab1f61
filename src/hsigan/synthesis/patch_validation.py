"""The distance by which a patch GAN's training chooses its checkpoint, on validation patches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hsigan.metrics import kernel_mmd, median_pair_distance
from hsigan.synthesis.feature_space import Array
from hsigan.synthesis.validation import LEAST
from hsigan.training.patch import Validate
from hsigan.training.state import one_hot

SHAPES = 10
TEXTURES = 5
PATCHES = 150
FITTED = 300
"""Components of whole patches and of their textures; patches compared per class, and fitted on."""


@dataclass(frozen=True)
class PatchShape:
    """What a patch looks like, in a few numbers: its leading components, and its texture.

    Whole patches in their leading principal components show colour and slow gradients, and hide
    whether neighbours are as rough as real ones are; so the root mean square of the differences
    between neighbouring pixels, feature by feature, enters in its own leading components.

    Attributes
    ----------
    centre, components : (C P P,) and (S, C P P) arrays
    texture_centre, texture_components : (C,) and (T, C) arrays
    balance : float
        By which textures weigh as much as whole patches.
    """

    centre: Array
    components: Array
    texture_centre: Array
    texture_components: Array
    balance: float

    @classmethod
    def fit(cls, features: NDArray[np.floating]) -> PatchShape:
        """Fit on features (N, C, P, P) of training patches."""
        rows, textures = _flat(features), _texture(features)
        centre, components, spread = _principal(rows, SHAPES)
        texture_centre, texture_components, texture_spread = _principal(textures, TEXTURES)
        balance = spread / max(texture_spread, 1e-12)
        return cls(centre, components, texture_centre, texture_components, balance)

    def encode(self, features: NDArray[np.floating]) -> Array:
        """Return (N, S + T) numbers of features (N, C, P, P)."""
        shapes = (_flat(features) - self.centre) @ self.components.T
        textures = (_texture(features) - self.texture_centre) @ self.texture_components.T
        return np.concatenate([shapes, self.balance * textures], axis=1)


def patch_distance(
    features: NDArray[np.float32],
    validation: NDArray[np.float32],
    codes: NDArray[np.int64],
    classes: int,
    deviations: Array,
    seed: int,
) -> Validate | None:
    """Return a function that measures, per class, the unbiased kernel MMD^2 to validation patches.

    As `hsigan.synthesis.validation`, in the numbers of `PatchShape`. The latents are the same at
    every call. None where no class has patches enough.

    Parameters
    ----------
    features
        (N, C, P, P) of the training patches.
    validation, codes
        (M, C, P, P) of the validation patches, and their class codes.
    classes
        K, or 0 where the generator knows no classes.
    deviations
        (C,) by which features weigh.
    """
    random = np.random.default_rng(seed)
    weight = deviations[:, None, None].astype(np.float32)
    shape = PatchShape.fit(features[random.permutation(len(features))[:FITTED]] * weight)
    real = {
        code: shape.encode(
            validation[random.permutation(np.flatnonzero(codes == code))[:PATCHES]] * weight
        )
        for code in range(max(classes, 1))
        if (codes == code).sum() >= LEAST
    }
    if not real:
        return None
    widths = {code: median_pair_distance(rows) for code, rows in real.items()}

    def validate(generator: Any) -> list[float]:
        device = next(generator.parameters()).device
        latent_random = torch.Generator(device).manual_seed(seed)
        distances = []
        for code, rows in real.items():
            labels = torch.full((PATCHES,), code, device=device)
            latents = generator.draw_latents(labels, latent_random)
            with torch.inference_mode():
                fakes = generator(latents, one_hot(labels, classes))[:, 0].cpu().numpy()
            # A diverged generator has no distance; the training names what is not finite.
            finite = bool(np.isfinite(fakes).all())
            drawn = shape.encode(fakes * weight) if finite else rows
            distance = kernel_mmd(drawn, rows, widths[code])
            distances.append(distance if finite else float("nan"))
        return distances

    return validate


def _flat(features: NDArray[np.floating]) -> Array:
    return features.reshape(len(features), -1).astype(np.float64)


def _texture(features: NDArray[np.floating]) -> Array:
    """Return the rms difference between neighbours along rows and columns, (N, C)."""
    down = np.square(np.diff(features, axis=2)).mean(axis=(2, 3))
    across = np.square(np.diff(features, axis=3)).mean(axis=(2, 3))
    return np.asarray(np.sqrt((down + across) / 2), dtype=np.float64)


def _principal(rows: Array, most: int) -> tuple[Array, Array, float]:
    """Return the mean (D,), leading components (d, D) and total deviation of rows (N, D)."""
    centre = rows.mean(axis=0)
    _, _, components = np.linalg.svd(rows - centre, full_matrices=False)
    return centre, components[:most], float(np.sqrt((rows - centre).var(axis=0).sum()))
