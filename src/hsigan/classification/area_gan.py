"""A GAN of the area to be classified: transductive, from pixels whose labels a teacher guesses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from hsigan.classification.two_views import TwoViewClassifier
from hsigan.errors import InputError
from hsigan.synthesis.baselines_base import RandomState, check_labelled
from hsigan.synthesis.spectral_gan import SpectralGAN

# Wider spectra look more like unseen ones, but cost accuracy where they stand for another area:
# here the density is as wide as the pixels, as it was when all else was chosen.
AREA_DENSITY = {"features": 20, "reach": 1.0, "kept_variance": 1.0, "rest_shrinkage": 1.0}


class AreaGAN(BaseEstimator):  # type: ignore[misc]
    """Learn the classes as they look in another area, from its unlabelled pixels.

    Between areas the same class looks different, and synthetic pixels of the training area cannot
    tell how. Here a teacher (`TwoViewClassifier`) is trained on the labelled pixels and says how
    likely each unlabelled pixel belongs to each class; one label is drawn for each pixel by these
    probabilities; a `SpectralGAN` learns the classes from these pixels and draws new ones. A
    classifier trained on real pixels and such samples has seen the target area: results must be
    named transductive.

    Parameters
    ----------
    settings
        Of the `SpectralGAN`, laid over a narrower density than its own default.
    random_state
        Seed; None is 0.

    Attributes
    ----------
    teacher_ : TwoViewClassifier
    gan_ : SpectralGAN
    n_features_in_ : int
    interrupted_ : whether Ctrl-C stopped its training
    classes_ : (K,) array
    class_shares_ : dict
        Label to the share of the area that the teacher sees in it; `augment` draws by it, because
        a class that the teacher hardly finds there is better known from its labelled pixels.
    """

    def __init__(
        self, settings: Mapping[str, Any] | None = None, random_state: int | None = None
    ) -> None:
        self.settings = settings
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        X_validation: ArrayLike | None = None,
        y_validation: ArrayLike | None = None,
        X_unlabelled: ArrayLike | None = None,
    ) -> Self:
        """Learn from labelled spectra (N, B) and unlabelled spectra (M, B) of the target area.

        Validation pixels are not used: they lie in the training area.

        Raises
        ------
        InputError
            No unlabelled pixels, or arrays that do not fit.
        """
        spectra, labels = check_labelled(X, y, "AreaGAN")
        if X_unlabelled is None or len(np.asarray(X_unlabelled)) == 0:
            raise InputError("AreaGAN needs X_unlabelled: pixels of the area to be classified")
        pool = np.asarray(X_unlabelled, dtype=np.float64)
        seed = 0 if self.random_state is None else int(self.random_state)
        self.teacher_ = TwoViewClassifier(seed).fit(spectra, labels)
        self.classes_ = self.teacher_.classes_
        chances = self.teacher_.predict_proba(pool)  # (M, K)
        self.class_shares_ = dict(
            zip(self.classes_.tolist(), chances.mean(axis=0).tolist(), strict=True)
        )
        cumulative = chances.cumsum(axis=1)
        drawn = np.random.default_rng(seed).random((len(pool), 1))
        guessed = self.classes_[(drawn > cumulative[:, :-1]).sum(axis=1)]
        self.gan_ = SpectralGAN(
            "spectral", {**AREA_DENSITY, **(self.settings or {})}, random_state=seed
        )
        # The labelled pixels stay in, so that no class is without a pixel.
        self.gan_.fit(np.concatenate([spectra, pool]), np.concatenate([labels, guessed]))
        self.n_features_in_ = self.gan_.n_features_in_
        self.interrupted_ = self.gan_.interrupted_
        return self

    def sample(
        self,
        n_per_class: int | Mapping[Any, int],
        classes: Any = None,
        random_state: RandomState = None,
    ) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """Draw labelled spectra as `SpectralGAN.sample` does."""
        return self.gan_.sample(n_per_class, classes, random_state)
