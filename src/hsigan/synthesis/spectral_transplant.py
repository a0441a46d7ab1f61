"""Patches from a generator of spectra: its pixels in the texture of real patches."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from hsigan.errors import InputError, LabelError
from hsigan.sampling import centres_of
from hsigan.synthesis.auto import Generator
from hsigan.synthesis.baselines_base import within_class_scale
from hsigan.synthesis.baselines_density import SmoothedBootstrap
from hsigan.synthesis.patch_baseline import PatchBaseline, Patches


class SpectralTransplant(PatchBaseline):
    """Patches of a generator of spectra: a fake centre pixel in the texture of a real patch.

    The fake spectrum less the real centre's is added to every pixel of a real training patch of
    the class: the centre is the fake, and how its neighbours differ from it stays real. Of a few
    real patches drawn at random the one whose centre is nearest is taken, so that light and texture
    fit each other.

    Parameters
    ----------
    generator : of spectra (N, B), for example ``SpectralGAN()``; None is a ``SmoothedBootstrap``
    prefit : take the generator as it is; otherwise ``fit`` fits it on the patches' centre pixels
    candidates : real patches that each fake spectrum is compared with
    """

    def __init__(
        self, generator: Generator | None = None, prefit: bool = False, candidates: int = 5
    ) -> None:
        self.generator = generator
        self.prefit = prefit
        self.candidates = candidates

    def _prepare(self, unlabelled: object) -> None:
        self.scale_ = within_class_scale({k: centres_of(p) for k, p in self.spectra_.items()})

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        X_validation: Any = None,
        y_validation: ArrayLike | None = None,
        X_unlabelled: Any = None,
    ) -> Self:
        """Keep the patches (N, B, P, P), and fit the generator of spectra on all centre pixels.

        Parameters
        ----------
        X, y : (N, B, P, P) finite patches in any unit and their (N,) labels
        X_validation, y_validation, X_unlabelled : patches whose centres the generator may see

        Raises
        ------
        InputError
            Arrays that do not fit together, or a fitted generator of another number of bands.
        LabelError
            A fitted generator lacks a class.
        """
        super().fit(X, y)
        self.generator_: Any = SmoothedBootstrap() if self.generator is None else self.generator
        if not self.prefit or self.generator is None:
            more = [
                None if part is None else centres_of(part) for part in (X_validation, X_unlabelled)
            ]
            self.generator_.fit(centres_of(np.asarray(X)), y, more[0], y_validation, more[1])
        self._check_generator()
        # What augmentation asks of a generator beyond its samples
        for fact in ("class_shares_", "interrupted_"):
            if hasattr(self.generator_, fact):
                setattr(self, fact, getattr(self.generator_, fact))
        return self

    def _check_generator(self) -> None:
        if self.generator_.n_features_in_ != self.n_features_in_:
            raise InputError(
                f"the generator of SpectralTransplant makes {self.generator_.n_features_in_} bands "
                f"and the patches have {self.n_features_in_}: fit both on the same pixels."
            )
        missing = np.setdiff1d(self.classes_, self.generator_.classes_)
        if len(missing):
            raise LabelError(
                f"the generator of SpectralTransplant does not know class {missing[0]}; it knows "
                f"{self.generator_.classes_.tolist()}"
            )

    def _draw(self, label: Any, count: int, rng: np.random.Generator) -> Patches:
        patches: Patches = self.spectra_[label]
        spectra, _ = self.generator_.sample({label: count}, random_state=rng)
        centres = centres_of(patches)  # (N_k, B)
        tried = rng.integers(len(patches), size=(count, self.candidates))
        far = [((spectra - centres[try_]) / self.scale_) ** 2 for try_ in tried.T]
        nearest = np.argmin([gap.sum(axis=1) for gap in far], axis=0)  # (n,)
        chosen = patches[tried[np.arange(count), nearest]]
        return np.asarray(chosen + (spectra - centres_of(chosen))[:, :, None, None])
