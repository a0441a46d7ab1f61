"""Between spectra in a file's units and the few whitened features that the GAN works on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hsigan.synthesis.shrinkage import own_share

Array = NDArray[np.float64]
CLIP_SIGMA = 6.0
"""Outlier bands (dead detectors, glints) count this many standard deviations at most."""
RESIDUAL_ROWS = 500
"""Rows that describe a class's covariance outside the features, at most."""


@dataclass(frozen=True)
class FeatureSpace:
    """Standardised bands, rotated to principal components and whitened; the rest as noise.

    What the D components leave over is kept as the mean and covariance of each class outside
    them, so that a decoded spectrum has a real spectrum's noise and not only its shape.

    Attributes
    ----------
    mean, scale : (B,) arrays
        Of the training pixels, per band.
    low, high : (B,) arrays
        Standardised values are clipped to this range.
    centre : (B,) array
        Mean of the clipped standardised pixels.
    components : (D, B) array
    deviations : (D,) array
        Standard deviation along each component.
    residual_means : (K, B) array
    residual_factors : (K, R, B) array
        ``normal(R) @ factor`` has the class's covariance outside the components.
    """

    mean: Array
    scale: Array
    low: Array
    high: Array
    centre: Array
    components: Array
    deviations: Array
    residual_means: Array
    residual_factors: NDArray[np.float32]

    @classmethod
    def fit(
        cls,
        spectra: NDArray[np.floating],
        codes: NDArray[np.int64],
        features: int,
        shrinkage: float,
        random: np.random.Generator,
    ) -> FeatureSpace:
        """Fit on training pixels (N, B) with class codes (N,); D is ``features`` or fewer."""
        X = np.asarray(spectra, dtype=np.float64)
        mean, scale = X.mean(axis=0), X.std(axis=0)
        scale[scale <= 1e-12 * (np.abs(mean) + 1)] = 1.0  # a constant band stays constant
        Z = (X - mean) / scale
        low, high = _range(Z, codes)
        Z = np.clip(Z, low, high)
        centre = Z.mean(axis=0)
        _, singular, rows = np.linalg.svd(Z - centre, full_matrices=False)
        count = int(min(features, max(1, (singular > 1e-6 * singular[0]).sum())))
        components = rows[:count]
        deviations = np.maximum(singular[:count] / np.sqrt(max(1, len(X) - 1)), 1e-6)
        rest = (Z - centre) - (Z - centre) @ components.T @ components
        means, factors = _residuals(rest, codes, shrinkage, random)
        return cls(mean, scale, low, high, centre, components, deviations, means, factors)

    def encode(self, spectra: NDArray[np.floating]) -> Array:
        """Return whitened features (N, D) of spectra (N, B)."""
        Z = np.clip((np.asarray(spectra) - self.mean) / self.scale, self.low, self.high)
        encoded: Array = (Z - self.centre) @ self.components.T / self.deviations
        return encoded

    def decode(
        self, features: NDArray[np.floating], weights: Array, random: np.random.Generator | None
    ) -> NDArray[np.float32]:
        """Return spectra (N, B) for features (N, D) and class weights (N, K).

        With no column of weights all are of the one class there is. Without ``random`` no residual
        noise is added: what one expects to see.
        """
        if not weights.shape[1]:
            weights = np.ones((len(weights), 1))
        Z = (features * self.deviations) @ self.components + self.centre
        Z = Z + weights @ self.residual_means
        if random is not None:
            for code in range(weights.shape[1]):
                share = weights[:, code]
                rows = share > 0
                noise = random.standard_normal((int(rows.sum()), self.residual_factors.shape[1]))
                Z[rows] += share[rows, None] * (noise @ self.residual_factors[code])
        decoded: NDArray[np.float32] = (Z * self.scale + self.mean).astype(np.float32)
        return decoded

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the state as plain arrays."""
        return {key: np.asarray(value) for key, value in vars(self).items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> FeatureSpace:
        """Return the space that `to_arrays` describes."""
        return cls(**arrays)  # type: ignore[arg-type]


def _range(Z: Array, codes: NDArray[np.int64]) -> tuple[Array, Array]:
    """Return the range of each band: six deviations around the mean, and around every class.

    A rare class may lie farther than that from a mean that common classes decide.
    """
    medians = np.stack([np.median(Z[codes == code], axis=0) for code in range(codes.max() + 1)])
    within = np.clip(Z - medians[codes], -CLIP_SIGMA, CLIP_SIGMA).std(axis=0)
    low = np.minimum(-CLIP_SIGMA, medians.min(axis=0) - CLIP_SIGMA * within)
    high = np.maximum(CLIP_SIGMA, medians.max(axis=0) + CLIP_SIGMA * within)
    return low, high


def _residuals(
    rest: Array, codes: NDArray[np.int64], shrinkage: float, random: np.random.Generator
) -> tuple[Array, NDArray[np.float32]]:
    classes = int(codes.max()) + 1
    means = np.stack([rest[codes == code].mean(axis=0) for code in range(classes)])
    within = rest - means[codes]
    pooled = _rows(within, len(rest) - classes, random)
    factors = []
    for code in range(classes):
        own = within[codes == code]
        trust = own_share(len(own), shrinkage)
        # a single pixel shows no spread of its own: it borrows that of all classes as it is
        scale = np.sqrt(_energy(own, len(own) - 1) / _energy(pooled, 1)) if trust else 1.0
        target = np.sqrt(1 - trust) * scale * pooled
        factors.append(np.concatenate([np.sqrt(trust) * _rows(own, len(own) - 1, random), target]))
    longest = max(len(rows) for rows in factors)
    padded = [np.pad(rows, ((0, longest - len(rows)), (0, 0))) for rows in factors]
    return means, np.stack(padded).astype(np.float32)


def _energy(rows: Array, freedom: int) -> float:
    """Return the trace of the covariance of centred rows, never 0."""
    return float((rows**2).sum() / max(1, freedom)) + 1e-12


def _rows(centred: Array, freedom: int, random: np.random.Generator) -> Array:
    """Return at most RESIDUAL_ROWS rows whose normal combinations have the rows' covariance."""
    kept = centred
    if len(centred) > RESIDUAL_ROWS // 2:
        pick = random.choice(len(centred), RESIDUAL_ROWS // 2, replace=False)
        kept = centred[pick] * np.sqrt(len(centred) / len(pick))
    rows: Array = kept / np.sqrt(max(1, freedom))
    return rows
