"""Gives generated patches the mean and the covariance that the classes are known to have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hsigan.synthesis.class_covariance import Density, class_covariances
from hsigan.synthesis.feature_space import Array, FeatureSpace
from hsigan.synthesis.shrinkage import likeliest_shrinkages, own_share

FEATURES = 40
"""Principal components of the centre pixels whose moments are set; the rest is class noise."""
MOST_GAIN = 3.0
"""Where the generator hardly varies it is stretched this far; noise makes up the rest."""
MOST_CORRELATION = 0.98
"""Of neighbouring pixels in the noise."""
SHRINKAGE = 10.0
"""How many pixels the correlations of all classes count as beside those of a class."""
BLOCK = 20_736
"""Pixels that are moved at a time, so that double precision never holds all patches."""

_OWN = ("drawn_means", "means", "maps", "noises", "correlations")


@dataclass(frozen=True)
class ClassMoments:
    """Moves every pixel of a class's generated patches by one affine map.

    ::

        x' = m_w + A_w (x - f_w) + R_w n     A C_f A' + R R' = C

    f and C_f are the mean and the covariance of the generator's own centre pixels, m and C those of
    the training patches' centre pixels, whose class is known; C is the covariance from which
    `hsigan.training.spectral` starts. A is the map between the two normal distributions that moves
    pixels least in units of C (Dowson and Landau, J. Multivariate Anal. 1982), as far as
    `MOST_GAIN` allows; n is normal, along each of the class's D principal axes a field over the
    patch whose neighbours are correlated as those in training patches are. All are in a
    `FeatureSpace`; what lies outside is the class's own noise. An adversary gets none of this right
    in a few hundred steps, and a linear classifier learns from fakes little else.

    Attributes
    ----------
    space : FeatureSpace
        Fitted on the centre pixels of the training patches.
    drawn_means, means : (K, D) arrays
        f and m.
    maps, noises : (K, D, D) arrays
        A and R.
    correlations : (K, D) array
        Of neighbouring pixels in each number of n.
    """

    space: FeatureSpace
    drawn_means: Array
    means: Array
    maps: Array
    noises: Array
    correlations: Array

    @classmethod
    def fit(
        cls,
        spectra: NDArray[np.floating],
        neighbours: NDArray[np.floating],
        codes: NDArray[np.int64],
        draw: Callable[[int], NDArray[np.floating]],
        random: np.random.Generator,
    ) -> ClassMoments:
        """Fit on what the training patches show.

        Parameters
        ----------
        spectra, neighbours
            Centre pixels (N, B), and the pixels beside them (N, M, B).
        codes
            Classes (N,) of the centres, 0 ... K-1; every class has one at least.
        draw
            Returns the centre pixels (M', B) of patches that the generator makes of a class.
        random
            Draws what describes the noise outside the components.
        """
        space = FeatureSpace.fit(spectra, codes, FEATURES, 1.0, random)
        features = space.encode(spectra)
        rest = likeliest_shrinkages(features, codes, space.deviations)
        density = Density(rest_shrinkage=rest)
        wanted = class_covariances(features, codes, space.deviations, density)
        means = np.stack([features[codes == code].mean(axis=0) for code in range(len(wanted))])
        beside = space.encode(neighbours.reshape(-1, neighbours.shape[2]))
        beside = beside.reshape(*neighbours.shape[:2], -1)
        whitened = [_principal(covariance, space.deviations) for covariance in wanted]
        own, near = np.empty_like(features), np.empty_like(beside)
        drawn_means = np.empty_like(means)
        maps, noises = np.empty_like(wanted), np.empty_like(wanted)
        for code, (root, inverse) in enumerate(whitened):
            rows = codes == code
            own[rows] = (features[rows] - means[code]) @ inverse.T
            near[rows] = (beside[rows] - means[code]) @ inverse.T
            drawn = space.encode(draw(code))
            drawn_means[code] = drawn.mean(axis=0)
            maps[code], noises[code] = _map(np.atleast_2d(np.cov(drawn.T)), root, inverse)
        correlations = _neighbour_correlations(own, near, codes)
        return cls(space, drawn_means, means, maps, noises, correlations)

    def apply(
        self, patches: NDArray[np.floating], weights: Array, random: np.random.Generator | None
    ) -> NDArray[np.float32]:
        """Return patches (N, B, P, P) moved, under class weights (N, K); without random, no noise.

        With K = 0 the patches have no class, and all are moved alike.
        """
        if not weights.shape[1]:
            weights = np.ones((len(patches), 1))
        moved = np.empty(patches.shape, dtype=np.float32)
        size = max(1, BLOCK // patches.shape[2] ** 2)
        for start in range(0, len(patches), size):
            rows = slice(start, start + size)
            moved[rows] = self._apply(patches[rows], weights[rows], random)
        return moved

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the state as plain arrays."""
        own = {key: np.asarray(getattr(self, key)) for key in _OWN}
        return own | {f"space.{key}": array for key, array in self.space.to_arrays().items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> ClassMoments:
        """Return the moments that `to_arrays` describes."""
        inner = {key[6:]: array for key, array in arrays.items() if key.startswith("space.")}
        own = {key: arrays[key].astype(np.float64) for key in _OWN}
        return cls(FeatureSpace.from_arrays(inner), **own)

    def _apply(
        self, patches: NDArray[np.floating], weights: Array, random: np.random.Generator | None
    ) -> NDArray[np.float32]:
        count, bands, side = patches.shape[:3]
        pixels = patches.transpose(0, 2, 3, 1).reshape(-1, bands)
        features = self.space.encode(pixels)
        shares = np.repeat(weights, side**2, axis=0)
        features -= shares @ self.drawn_means
        moved = shares @ self.means
        for code in range(shares.shape[1]):
            rows = shares[:, code] > 0
            own = features[rows] @ self.maps[code].T
            if random is not None:
                noise = _field(len(own) // side**2, side, self.correlations[code], random)
                own = own + noise @ self.noises[code].T
            moved[rows] += shares[rows, code, None] * own
        spectra = self.space.decode(moved, shares, random)
        return spectra.reshape(count, side, side, bands).transpose(0, 3, 1, 2)


def _principal(covariance: Array, deviations: Array) -> tuple[Array, Array]:
    """Return a root (D, D) of a covariance, and its inverse, along its principal axes.

    Column k of the root is the axis with the k-th largest variance in standardised bands.
    """
    values, vectors = np.linalg.eigh(covariance * np.outer(deviations, deviations))
    values, vectors = values[::-1], vectors[:, ::-1]
    lengths = np.sqrt(np.maximum(values, 1e-8 * max(values[0], 1e-12)))
    return (vectors * lengths) / deviations[:, None], (vectors / lengths).T * deviations


def _map(drawn: Array, root: Array, inverse: Array) -> tuple[Array, Array]:
    """Return the map (D, D) from one covariance towards that of a root, and a root of the rest."""
    values, vectors = np.linalg.eigh(inverse @ drawn @ inverse.T)
    values = np.maximum(values, 0.0)
    gains = np.minimum(1 / np.sqrt(np.maximum(values, 1e-12)), MOST_GAIN)
    missing = np.sqrt(np.maximum(1 - gains**2 * values, 0.0))
    outer = root @ vectors
    return (outer * gains) @ vectors.T @ inverse, (outer * missing) @ vectors.T


def _neighbour_correlations(own: Array, near: Array, codes: NDArray[np.int64]) -> Array:
    """Return the correlation of neighbours along each principal axis of each class, (K, D).

    ``own`` (N, D) are centre pixels along the axes of their class, ``near`` (N, M, D) those beside
    them. A class of few pixels leans on the axes of the same rank in all classes.
    """
    together = (own[:, None] * near).mean(axis=1)
    here, beside = own**2, (near**2).mean(axis=1)

    def correlation(rows: NDArray[np.bool_]) -> Array:
        # beside a centre may lie another class, with more variance
        spread = np.sqrt(here[rows].mean(axis=0) * beside[rows].mean(axis=0))
        return np.asarray(together[rows].mean(axis=0) / np.maximum(spread, 1e-12))

    pooled = correlation(np.ones(len(codes), dtype=bool))
    found = []
    for code in range(int(codes.max()) + 1):
        rows = codes == code
        trust = own_share(int(rows.sum()), SHRINKAGE)
        found.append(trust * correlation(rows) + (1 - trust) * pooled)
    return np.clip(np.stack(found), 0.0, MOST_CORRELATION)


def _field(count: int, side: int, correlations: Array, random: np.random.Generator) -> Array:
    """Draw normal fields over patches, (count P P, D), with such correlations between neighbours.

    The correlation of two pixels is that of neighbours to the power of their city block distance.
    """
    apart = np.abs(np.subtract.outer(np.arange(side), np.arange(side)))
    factors = np.linalg.cholesky(correlations[:, None, None] ** apart)  # (D, P, P)
    white = random.standard_normal((count, len(correlations), side, side))
    fields = factors @ white @ factors.swapaxes(1, 2)
    return fields.transpose(0, 2, 3, 1).reshape(-1, len(correlations))
