"""Generators that estimate a density per class: Gaussian, Gaussian mixture, smoothed bootstrap."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from hsigan.synthesis.baselines_base import (
    Floats,
    SimpleGenerator,
    covariance_roots,
    within_class_scale,
)


class ClassGaussian(SimpleGenerator):
    """A normal distribution per class, with shrunk covariance: works from two pixels per class.

    Parameters
    ----------
    covariance : "ledoit-wolf" or "oas"
    """

    def __init__(self, covariance: str = "ledoit-wolf") -> None:
        self.covariance = covariance

    def _prepare(self, unlabelled: Floats | None) -> None:
        self.roots_ = covariance_roots(self.spectra_, self.covariance)

    def _draw(self, label: Any, count: int, rng: np.random.Generator) -> Floats:
        root = self.roots_[label]
        noise = rng.standard_normal((count, root.shape[1]))  # (n, B)
        return np.asarray(self.spectra_[label].mean(axis=0) + noise @ root.T)


class SmoothedBootstrap(SimpleGenerator):
    """Training pixels with a little normal noise of the shape of their class.

    The noise is ``noise`` times the class's shrunk covariance root, that is isotropic noise of
    ``noise`` sigma in class-whitened space (Efron and Tibshirani 1993, smoothed bootstrap). The
    variance grows by ``noise`` squared: 9 % at the default.

    Parameters
    ----------
    noise : standard deviation of the noise, in class standard deviations
    covariance : "ledoit-wolf" or "oas"
    """

    def __init__(self, noise: float = 0.3, covariance: str = "ledoit-wolf") -> None:
        self.noise = noise
        self.covariance = covariance

    def _prepare(self, unlabelled: Floats | None) -> None:
        self.roots_ = covariance_roots(self.spectra_, self.covariance)

    def _draw(self, label: Any, count: int, rng: np.random.Generator) -> Floats:
        root = self.roots_[label]
        noise = rng.standard_normal((count, root.shape[1]))
        return np.asarray(self._resample(label, count, rng) + self.noise * noise @ root.T)


class ClassGaussianMixture(SimpleGenerator):
    """A Gaussian mixture per class in the leading principal components, sized by BIC.

    Bands are scaled by the pooled within-class deviation and projected on the principal components
    of all classes. What the components leave out is added back from a random training pixel of the
    class, so that fine spectral texture is that of real pixels.

    Parameters
    ----------
    components : at most this many principal components
    max_modes : at most this many Gaussians per class
    random_state : seed of the mixtures' initialisation
    """

    def __init__(self, components: int = 10, max_modes: int = 4, random_state: int = 0) -> None:
        self.components = components
        self.max_modes = max_modes
        self.random_state = random_state

    def _prepare(self, unlabelled: Floats | None) -> None:
        self.scale_ = within_class_scale(self.spectra_)
        everything = np.concatenate(list(self.spectra_.values())) / self.scale_
        self.mean_ = everything.mean(axis=0)
        _, _, axes = np.linalg.svd(everything - self.mean_, full_matrices=False)
        self.axes_ = axes[: self.components]  # (d, B)
        self.mixtures_: dict[Any, GaussianMixture | None] = {}
        self.residuals_: dict[Any, Floats] = {}
        for label, spectra in self.spectra_.items():
            if len(spectra) < 4:
                # Three points cannot say anything about modes: the class is only resampled.
                self.mixtures_[label] = None
                continue
            scores = (spectra / self.scale_ - self.mean_) @ self.axes_.T
            self.mixtures_[label] = self._best_mixture(scores)
            self.residuals_[label] = spectra - self._spectra_of(scores)

    def _best_mixture(self, scores: Floats) -> GaussianMixture:
        """Return the mixture with the lowest BIC; full covariances only where pixels suffice."""
        form = "full" if len(scores) >= 5 * scores.shape[1] else "diag"
        modes = range(1, 1 + max(1, min(self.max_modes, len(scores) // (4 * scores.shape[1]))))
        candidates = [
            GaussianMixture(
                m,
                covariance_type=form,
                reg_covar=1e-3 * float(scores.var(axis=0).mean()) + 1e-12,
                random_state=self.random_state,
            )
            for m in modes
        ]
        with warnings.catch_warnings():
            # A mixture that has not quite converged is still judged by its BIC.
            warnings.simplefilter("ignore", ConvergenceWarning)
            for candidate in candidates:
                candidate.fit(scores)
        return min(candidates, key=lambda mixture: float(mixture.bic(scores)))

    def _draw(self, label: Any, count: int, rng: np.random.Generator) -> Floats:
        mixture = self.mixtures_[label]
        if mixture is None:
            return self._resample(label, count, rng)
        mode = rng.choice(len(mixture.weights_), size=count, p=mixture.weights_)
        scores = np.empty((count, mixture.means_.shape[1]))
        for index, mean in enumerate(mixture.means_):
            chosen = mode == index
            covariance = mixture.covariances_[index]
            if covariance.ndim == 1:
                covariance = np.diag(covariance)
            scores[chosen] = rng.multivariate_normal(mean, covariance, int(chosen.sum()))
        residuals = self.residuals_[label]
        texture = residuals[rng.integers(len(residuals), size=count)]
        return self._spectra_of(scores) + texture

    def _spectra_of(self, scores: Floats) -> Floats:
        return np.asarray((self.mean_ + scores @ self.axes_) * self.scale_)
