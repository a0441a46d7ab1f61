"""Between patches in a file's units and the features that a patch GAN works on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hsigan.synthesis.feature_space import Array, FeatureSpace

BATCH = 256
"""Patches encoded or decoded at a time, so that double precision never holds them all."""
FRONT_PIXELS = 20_000
"""Pixels of the training patches that principal components are found with, at most."""


class Patches(Protocol):
    """An array (N, B, P, P), or a view that cuts its patches when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, B, P, P)."""
        ...

    def __getitem__(self, key: slice) -> NDArray[Any]:
        """Return some of the patches (n, B, P, P)."""
        ...


@dataclass(frozen=True)
class BandFront:
    """Standardised bands: what 3-D convolutions run over.

    Attributes
    ----------
    mean, scale : (B,) arrays
        Of the pixels of the training patches, per band.
    low, high : (B,) arrays
        Standardised values are clipped to this range: one dead pixel near a rare class would
        otherwise outweigh all that the networks could learn of it.
    """

    mean: Array
    scale: Array
    low: Array
    high: Array

    @classmethod
    def fit(
        cls, patches: Patches, codes: NDArray[np.int64], random: np.random.Generator
    ) -> BandFront:
        """Fit on some pixels of each training patch (N, B, P, P); codes (N,) are the patches'."""
        space = _fit_space(patches, codes, 1, random)
        return cls(space.mean, space.scale, space.low, space.high)

    @property
    def features(self) -> int:
        """B."""
        return len(self.mean)

    def encode(self, patches: Patches) -> NDArray[np.float32]:
        """Return features (N, B, P, P) of patches (N, B, P, P)."""
        encoded = np.empty(patches.shape, dtype=np.float32)
        for start, batch in zip(range(0, len(encoded), BATCH), batches(patches), strict=True):
            standardised = (batch - _planes(self.mean)) / _planes(self.scale)
            clipped = np.clip(standardised, _planes(self.low), _planes(self.high))
            encoded[start : start + BATCH] = clipped
        return encoded

    def decode(
        self, features: NDArray[np.floating], weights: Array, random: np.random.Generator | None
    ) -> NDArray[np.float32]:
        """Return patches (N, B, P, P) of features likewise; weights and random are not needed."""
        values = features * _planes(self.scale) + _planes(self.mean)
        decoded: NDArray[np.float32] = values.astype(np.float32)
        return decoded

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the state as plain arrays."""
        return {key: np.asarray(value) for key, value in vars(self).items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> BandFront:
        """Return the front that `to_arrays` describes."""
        return cls(**arrays)  # type: ignore[arg-type]


@dataclass(frozen=True)
class ComponentFront:
    """Every pixel's spectrum in a few whitened principal components; the rest as noise.

    The space is that of `SpectralGAN`, fitted on the pixels of the training patches. What it
    leaves out of a spectrum is drawn anew for each pixel of a decoded patch.
    """

    space: FeatureSpace

    @classmethod
    def fit(
        cls,
        patches: Patches,
        codes: NDArray[np.int64],
        components: int,
        random: np.random.Generator,
    ) -> ComponentFront:
        """Fit on some pixels of each training patch (N, B, P, P); codes (N,) are the patches'."""
        return cls(_fit_space(patches, codes, components, random))

    @property
    def features(self) -> int:
        """C."""
        return len(self.space.deviations)

    def encode(self, patches: Patches) -> NDArray[np.float32]:
        """Return features (N, C, P, P) of patches (N, B, P, P)."""
        count, bands, side = patches.shape[:3]
        encoded = np.empty((count, self.features, side, side), dtype=np.float32)
        for start, batch in zip(range(0, count, BATCH), batches(patches), strict=True):
            rows = self.space.encode(batch.transpose(0, 2, 3, 1).reshape(-1, bands))
            shape = (len(batch), side, side, self.features)
            encoded[start : start + BATCH] = rows.reshape(shape).transpose(0, 3, 1, 2)
        return encoded

    def decode(
        self, features: NDArray[np.floating], weights: Array, random: np.random.Generator | None
    ) -> NDArray[np.float32]:
        """Return patches (N, B, P, P) for features (N, C, P, P) and class weights (N, K).

        Without ``random`` no residual noise is added: what one expects to see.
        """
        count, _, side = features.shape[:3]
        decoded = np.empty((count, len(self.space.mean), side, side), dtype=np.float32)
        for start in range(0, count, BATCH):
            part = features[start : start + BATCH]
            rows = part.transpose(0, 2, 3, 1).reshape(-1, part.shape[1]).astype(np.float64)
            shares = np.repeat(weights[start : start + BATCH], side**2, axis=0)
            spectra = self.space.decode(rows, shares, random)
            shape = (len(part), side, side, -1)
            decoded[start : start + BATCH] = spectra.reshape(shape).transpose(0, 3, 1, 2)
        return decoded

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the state as plain arrays."""
        return self.space.to_arrays()

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> ComponentFront:
        """Return the front that `to_arrays` describes."""
        return cls(FeatureSpace.from_arrays(arrays))


Front = BandFront | ComponentFront


def batches(patches: Patches) -> Iterator[NDArray[Any]]:
    """Return patches some at a time, (n, B, P, P)."""
    for start in range(0, patches.shape[0], BATCH):
        yield np.asarray(patches[start : start + BATCH])


def _fit_space(
    patches: Patches, codes: NDArray[np.int64], components: int, random: np.random.Generator
) -> FeatureSpace:
    """Fit principal components on as many pixels of each patch as memory allows."""
    count, bands, side = patches.shape[:3]
    each = max(1, min(side**2, FRONT_PIXELS // count))
    spectra = np.empty((count, each, bands))
    for start, batch in zip(range(0, count, BATCH), batches(patches), strict=True):
        pixels = batch.reshape(len(batch), bands, side**2).transpose(0, 2, 1)
        pick = random.permuted(np.tile(np.arange(side**2), (len(batch), 1)), axis=1)[:, :each]
        spectra[start : start + BATCH] = np.take_along_axis(pixels, pick[:, :, None], axis=1)
    rows = spectra.reshape(-1, bands)
    return FeatureSpace.fit(rows, np.repeat(codes, each), components, 1.0, random)


def _planes(values: Array) -> Array:
    return values[:, None, None]
