"""The simple generators of patches that a GAN must be compared with, by name.

All have the interface of ``PatchGAN``: ``fit(X, y, ...)`` with patches X (N, B, P, P), then
``sample(n_per_class, classes, random_state)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.decomposition import PCA

from hsigan.metrics import flat_patches
from hsigan.sampling import centres_of
from hsigan.synthesis.baselines_base import covariance_roots, within_class_scale
from hsigan.synthesis.patch_baseline import PatchBaseline, Patches
from hsigan.synthesis.spectral_transplant import SpectralTransplant


class FlipsRotations(PatchBaseline):
    """Training patches turned by quarters and mirrored: the eight symmetries of the square.

    Each of the eight is equally likely, to leave a patch as it is among them. In patches of even
    side the labelled pixel lies beside the middle, and so moves by one.
    """

    def _draw(self, label: Any, count: int, rng: np.random.Generator) -> Patches:
        patches: Patches = self._resample(label, count, rng)
        symmetry = rng.integers(8, size=count)
        for number in range(1, 8):
            chosen = symmetry == number
            turned = np.rot90(patches[chosen], number % 4, axes=(2, 3))
            patches[chosen] = turned if number < 4 else turned[..., ::-1]
        return patches


class RadiationNoise(PatchBaseline):
    """Training patches times a random gain, plus white noise.

    The "radiation noise" ``alpha x + beta n`` of Chen et al. 2016 as the toolbox DeepHyperX
    (Audebert, Le Saux and Lefevre 2019) has it: one uniform alpha per patch, n standard normal per
    value. The toolbox works on values scaled to 0 ... 1; here n is in units of each band's range
    over the training patches.

    Parameters
    ----------
    gain : (low, high) of alpha
    noise : beta
    """

    def __init__(self, gain: tuple[float, float] = (0.9, 1.1), noise: float = 1 / 25) -> None:
        self.gain = gain
        self.noise = noise

    def _prepare(self, unlabelled: object) -> None:
        self.range_ = _band_range(self.spectra_)

    def _draw(self, label: Any, count: int, rng: np.random.Generator) -> Patches:
        patches: Patches = self._resample(label, count, rng)
        gain = rng.uniform(*self.gain, size=(count, 1, 1, 1)).astype(np.float32)
        return gain * patches + self.noise * self.range_ * _noise(patches.shape, rng)


class MixtureNoise(PatchBaseline):
    """Training patches mixed, pixel by pixel, with other pixels of the class, plus white noise.

    The "mixture noise" ``(a x + b x') / (a + b) + beta n`` of Chen et al. 2016 as the toolbox
    DeepHyperX has it: two uniform weights per patch, n standard normal per value, and for each
    pixel of the patch its own x', a labelled pixel of its class drawn at random. The toolbox knows
    the label of every pixel of a patch; here only the centre's is known, so that all pixels of a
    patch are mixed with centre pixels of its class. n is in units of each band's range over the
    training patches, where the toolbox has scaled values.

    Parameters
    ----------
    weights : (low, high) of both weights
    noise : beta
    """

    def __init__(self, weights: tuple[float, float] = (0.01, 1.0), noise: float = 1 / 25) -> None:
        self.weights = weights
        self.noise = noise

    def _prepare(self, unlabelled: object) -> None:
        self.range_ = _band_range(self.spectra_)

    def _draw(self, label: Any, count: int, rng: np.random.Generator) -> Patches:
        patches: Patches = self._resample(label, count, rng)
        pixels = centres_of(self.spectra_[label])  # (N_k, B)
        side = self.patch_shape_[1]
        partner = pixels[rng.integers(len(pixels), size=(count, side, side))]  # (n, P, P, B)
        a, b = rng.uniform(*self.weights, size=(2, count, 1, 1, 1)).astype(np.float32)
        mixed = (a * patches + b * np.moveaxis(partner, 3, 1)) / (a + b)
        return np.asarray(mixed + self.noise * self.range_ * _noise(patches.shape, rng))


class PatchBootstrap(PatchBaseline):
    """Whole training patches with a little normal noise of the shape of their class.

    A smoothed bootstrap (Efron and Tibshirani 1993) in the leading principal components of
    patches: bands are scaled by their pooled within-class deviation, the noise is ``noise`` times
    the class's shrunk covariance root in the components, and what the components leave out stays
    that of the real patch. The variance along the components grows by ``noise`` squared.

    Parameters
    ----------
    noise : standard deviation of the noise, in class standard deviations
    components : at most this many principal components
    covariance : "ledoit-wolf" or "oas"
    random_state : seed of the randomised principal components of many patches
    """

    def __init__(
        self,
        noise: float = 0.3,
        components: int = 40,
        covariance: str = "ledoit-wolf",
        random_state: int = 0,
    ) -> None:
        self.noise = noise
        self.components = components
        self.covariance = covariance
        self.random_state = random_state

    def _prepare(self, unlabelled: object) -> None:
        pixels = {
            label: np.moveaxis(patches, 1, 3).reshape(-1, self.n_features_in_)
            for label, patches in self.spectra_.items()
        }
        self.scale_ = within_class_scale(pixels)[:, None, None].astype(np.float32)  # (B, 1, 1)
        points = {label: flat_patches(p / self.scale_) for label, p in self.spectra_.items()}
        self.axes_ = self._axes(np.concatenate(list(points.values())))  # (D, B P P)
        scores = {label: (p @ self.axes_.T).astype(np.float64) for label, p in points.items()}
        self.roots_ = covariance_roots(scores, self.covariance)

    def _axes(self, points: Patches) -> Patches:
        """Return the principal components; patches all alike have one, along which nothing lies."""
        if not np.ptp(points, axis=0).any():
            return np.zeros((1, points.shape[1]), dtype=np.float32)
        count = min(self.components, len(points) - 1, points.shape[1])
        found: Patches = PCA(count, random_state=self.random_state).fit(points).components_
        return found

    def _draw(self, label: Any, count: int, rng: np.random.Generator) -> Patches:
        root = self.roots_[label]  # (D, D)
        noise = self.noise * rng.standard_normal((count, root.shape[1])) @ root.T
        change = (noise.astype(np.float32) @ self.axes_).reshape(count, *self.patch_shape_)
        return np.asarray(self._resample(label, count, rng) + change * self.scale_)


def _band_range(patches: Mapping[Any, Patches]) -> Patches:
    """Return each band's largest less its smallest value over all patches: (B, 1, 1)."""
    highest = np.max([p.max(axis=(0, 2, 3)) for p in patches.values()], axis=0)
    lowest = np.min([p.min(axis=(0, 2, 3)) for p in patches.values()], axis=0)
    return np.asarray((highest - lowest)[:, None, None])


def _noise(shape: tuple[int, ...], rng: np.random.Generator) -> Patches:
    return rng.standard_normal(shape, dtype=np.float32)


PATCH_BASELINES: dict[str, type[PatchBaseline]] = {
    "flips-rotations": FlipsRotations,
    "radiation-noise": RadiationNoise,
    "mixture-noise": MixtureNoise,
    "patch-bootstrap": PatchBootstrap,
    "spectral-transplant": SpectralTransplant,
}
