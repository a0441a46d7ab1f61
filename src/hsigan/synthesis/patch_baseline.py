"""What every simple generator of patches shares: input checks and the sampling loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hsigan.errors import InputError
from hsigan.metrics import check_patches
from hsigan.synthesis.baselines_base import RandomState, SimpleGenerator

Patches = NDArray[Any]
"""(N, B, P, P) float32: patches are many numbers, and no statistic here needs more digits."""


class PatchBaseline(SimpleGenerator):
    """Base of the patch generators: ``fit`` on labelled patches, then ``sample``.

    After ``fit``: ``classes_`` (K,), ``n_features_in_`` the bands, ``patch_shape_`` (B, P, P) and
    ``spectra_``, a dict from label to the training patches (N_k, B, P, P) of the class.
    """

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        X_validation: Any = None,
        y_validation: ArrayLike | None = None,
        X_unlabelled: Any = None,
    ) -> Self:
        """Learn from labelled patches.

        Parameters
        ----------
        X : (N, B, P, P) finite patches in any unit
        y : (N,) labels
        X_validation, y_validation, X_unlabelled : for ``SpectralTransplant`` alone

        Raises
        ------
        InputError
            X is not a finite (N, B, P, P) array, or X and y differ in length.
        """
        patches, labels = check_patches(X, f"the X of {type(self).__name__}"), np.asarray(y)
        if labels.shape != (len(patches),):
            raise InputError(
                f"the y of {type(self).__name__} must have one label for each of {len(patches)} "
                f"patches. Got shape {labels.shape} instead."
            )
        self.patch_shape_ = patches.shape[1:]
        self.n_features_in_ = patches.shape[1]
        self.classes_ = np.unique(labels)
        self.spectra_ = {label: patches[labels == label] for label in self.classes_.tolist()}
        self._prepare(None)
        return self

    def sample(
        self,
        n_per_class: int | Mapping[Any, int],
        classes: Sequence[Any] | None = None,
        random_state: RandomState = None,
    ) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """Draw labelled patches, class by class in the order of ``classes``.

        Parameters
        ----------
        n_per_class : a number for every class, or a dict from label to number
        classes : the labels to draw; by default the keys of the dict, or all fitted classes
        random_state : seed or generator

        Returns
        -------
        X : (N, B, P, P) float32, in the units of the training patches
        y : (N,) labels

        Raises
        ------
        LabelError
            A class that was not fitted.
        """
        X, y = super().sample(n_per_class, classes, random_state)
        return X.reshape(-1, *self.patch_shape_), y
