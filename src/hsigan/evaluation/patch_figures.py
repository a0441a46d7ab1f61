"""All figures of one class of fake patches that a centre pixel does not have, and their floor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hsigan.metrics import (
    SpectralSpace,
    Texture,
    autocorrelation_distance,
    autocorrelation_offset,
    deviation_ratio,
    fit_space,
    flat_patches,
    frechet_distance,
    gradient_distance,
    gradient_ratio,
    measure_texture,
    memorised_share,
    neighbour_ratio,
)

Patches = NDArray[np.float32]
Points = NDArray[np.float64]
Features = Callable[[Patches], NDArray[Any]]

PATCH_UNITS: dict[str, str | None] = {
    "feature_frechet_distance": None,
    "patch_frechet_distance": None,
    "autocorrelation_offset": None,
    "autocorrelation_distance": None,
    "gradient_ratio": None,
    "gradient_distance": None,
    "patch_deviation_ratio": None,
    "patch_neighbour_ratio": None,
    "patch_memorised_share": None,
}
"""Every figure of whole patches with its unit; the last two compare with training patches."""

_FITTED_AT_MOST = 600
_PROJECTED_AT_ONCE = 256


@dataclass(frozen=True)
class PatchPoints:
    """What is known of N patches of a class: texture, values, principal components, features."""

    texture: Texture
    values: Points  # (N, B P P), standardised and clipped
    points: Points  # (N, D)
    features: Points | None  # (N, D)

    def draw(self, count: int, rng: np.random.Generator) -> PatchPoints:
        """Return ``count`` of the patches, drawn with repetition."""
        chosen = rng.integers(len(self.points), size=count)
        features = None if self.features is None else self.features[chosen]
        return PatchPoints(
            self.texture.take(chosen), self.values[chosen], self.points[chosen], features
        )


@dataclass(frozen=True)
class PatchSpaces:
    """Where whole patches are compared.

    Parameters
    ----------
    patches : SpectralSpace
        Principal components of whole patches, B P P values each.
    encode, features : callable and SpectralSpace, or both None
        Patches (n, B, P, P) to features (n, F), and the features' principal components.
    """

    patches: SpectralSpace
    encode: Features | None = None
    features: SpectralSpace | None = None

    @classmethod
    def fit(
        cls, patches: Patches, labels: NDArray[np.int64], encode: Features | None, seed: int
    ) -> PatchSpaces:
        """Fit on at most 600 real training patches, every class in its share."""
        rng = np.random.default_rng(seed)
        classes, counts = np.unique(labels, return_counts=True)
        share = min(1.0, _FITTED_AT_MOST / len(labels))
        members = [rng.permutation(np.flatnonzero(labels == c)) for c in classes]
        wanted = np.maximum(2, np.ceil(share * counts).astype(np.int64))
        kept = np.sort(np.concatenate([m[:w] for m, w in zip(members, wanted, strict=True)]))
        some, theirs = patches[kept], labels[kept]
        space = fit_space(flat_patches(some), theirs)
        return cls(space, encode, None if encode is None else fit_space(encode(some), theirs))

    def measure(self, patches: Patches, class_id: int) -> PatchPoints:
        """Return all that the figures need of patches (N, B, P, P) of a class."""
        features = None
        if self.encode is not None and self.features is not None:
            features = self.features.project(self.encode(patches), class_id)
        values = self.patches.standardise(flat_patches(patches), class_id)
        return PatchPoints(
            measure_texture(patches), values, values @ self.patches.components.T, features
        )

    def project(self, patches: Patches, class_id: int) -> Points:
        """Return the principal components (N, D) of any number of patches of a class."""
        starts = range(0, len(patches), _PROJECTED_AT_ONCE)
        blocks = [flat_patches(patches[i : i + _PROJECTED_AT_ONCE]) for i in starts]
        return np.concatenate([self.patches.project(block, class_id) for block in blocks])


@dataclass(frozen=True)
class PatchClassJudge:
    """What fake patches of one class are compared with.

    Parameters
    ----------
    train : (M, D) principal components of all training patches of the class
    seen : some of the training patches, from which the floor is drawn
    held_out : real patches of the class that no generator saw
    """

    train: Points
    seen: PatchPoints
    held_out: PatchPoints

    def judge(self, fake: PatchPoints) -> dict[str, float]:
        """Return every figure of ``PATCH_UNITS``, without the first where there are no features."""
        return self._against_held_out(fake) | self._against_train(fake)

    def floor_draw(self, count: int, rng: np.random.Generator) -> dict[str, float]:
        """Return the figures of ``count`` real patches, drawn with repetition.

        They are training patches where a figure compares with held-out patches, and held-out ones
        where it compares with training patches.
        """
        seen, unseen = self.seen.draw(count, rng), self.held_out.draw(count, rng)
        return self._against_held_out(seen) | self._against_train(unseen)

    def _against_held_out(self, fake: PatchPoints) -> dict[str, float]:
        real = self.held_out
        found = {}
        if fake.features is not None and real.features is not None:
            found["feature_frechet_distance"] = frechet_distance(fake.features, real.features)
        return found | {
            "patch_frechet_distance": frechet_distance(fake.points, real.points),
            "autocorrelation_offset": autocorrelation_offset(fake.texture, real.texture),
            "autocorrelation_distance": autocorrelation_distance(fake.texture, real.texture),
            "gradient_ratio": gradient_ratio(fake.texture, real.texture),
            "gradient_distance": gradient_distance(fake.texture, real.texture),
            "patch_deviation_ratio": deviation_ratio(fake.values, real.values),
        }

    def _against_train(self, fake: PatchPoints) -> dict[str, float]:
        return {
            "patch_neighbour_ratio": neighbour_ratio(fake.points, self.train),
            "patch_memorised_share": memorised_share(fake.points, self.train, self.held_out.points),
        }
