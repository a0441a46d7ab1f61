"""`GANOverSampler`: the GAN inside an imbalanced-learn pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray

from hsigan.synthesis.spectral_gan import SpectralGAN


class GANOverSampler(BaseOverSampler):  # type: ignore[misc]
    """Fill up rare classes with spectra from a `SpectralGAN`.

    Parameters
    ----------
    sampling_strategy
        As in imbalanced-learn: ``"auto"`` brings every class to the size of the largest; a dict
        gives the size of each class after resampling.
    recipe, settings
        Of `SpectralGAN`.
    random_state
        Seed of training and drawing; None is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hsigan import GANOverSampler
    >>> random = np.random.default_rng(0)
    >>> X = random.normal(size=(60, 20)).cumsum(axis=1)
    >>> y = np.repeat([1, 2], [45, 15])
    >>> X_more, y_more = GANOverSampler(settings={"steps": 10}).fit_resample(X, y)
    >>> np.bincount(y_more)[1:].tolist()
    [45, 45]
    """

    def __init__(
        self,
        *,
        sampling_strategy: str | Mapping[Any, int] | Callable[..., Any] = "auto",
        recipe: str = "spectral",
        settings: Mapping[str, Any] | None = None,
        random_state: int | None = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.recipe = recipe
        self.settings = settings
        self.random_state = random_state

    def _fit_resample(
        self, X: NDArray[Any], y: NDArray[Any], **params: Any
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        missing = {label: count for label, count in self.sampling_strategy_.items() if count}
        if not missing:
            return X.copy(), y.copy()
        gan = SpectralGAN(self.recipe, self.settings, random_state=self.random_state)
        seed = 0 if self.random_state is None else self.random_state
        drawn, labels = gan.fit(X, y).sample(missing, random_state=seed)
        self.gan_ = gan
        return np.concatenate([X, drawn.astype(X.dtype)]), np.concatenate([y, labels])
