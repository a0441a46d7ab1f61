"""`PatchGAN`: labelled patches in, as many new labelled patches as wanted out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from hsigan.errors import InputError, LabelError
from hsigan.sampling.patches import PatchView
from hsigan.synthesis.fitting import TrainingPixels
from hsigan.synthesis.gan_inputs import check_unlabelled, check_validation, given_patches
from hsigan.synthesis.gan_settings import patch_settings
from hsigan.synthesis.patch_fitting import train_patches
from hsigan.synthesis.patch_fronts import Patches
from hsigan.synthesis.patch_trained import TrainedPatches, load_trained_patches
from hsigan.synthesis.spectral_gan import GENERATOR, SpectralGAN
from hsigan.training.run_folder import RunFolder
from hsigan.training.state import Report, TrainingState


class PatchGAN(SpectralGAN):
    """A generative adversarial network for labelled patches: `SpectralGAN`, with neighbourhoods.

    All that is said there holds here, with patches (N, B, P, P) in the place of spectra (N, B): a
    patch lies around a pixel at index P // 2, whose label is the patch's.

    Parameters
    ----------
    recipe
        ``"patch"`` (the default: a density of whole patches, bent by an adversary), ``"conv3d"``,
        ``"conv3d-attention"`` (a network per class), ``"conv3d-conditional"``,
        ``"conv3d-cross-entropy"``, ``"factorised-conditional"``, ``"factorised-semi-supervised"``,
        or the path of a TOML file.
    settings, run, device, random_state, report
        As for `SpectralGAN`.

    Attributes
    ----------
    classes_ : (K,) array
    n_features_in_ : int
        B.
    patch_px_ : int
        P.
    trained_ : generator, critic and what leads back to the units of X
    config_, step_, interrupted_ : as for `SpectralGAN`
    """

    block = 250

    def __init__(
        self,
        recipe: str = "patch",
        settings: Mapping[str, Any] | None = None,
        *,
        run: RunFolder | None = None,
        device: str = "cpu",
        random_state: int | None = None,
        report: Report | None = None,
    ) -> None:
        super().__init__(
            recipe, settings, run=run, device=device, random_state=random_state, report=report
        )

    def features(self, X: Patches) -> NDArray[np.float32]:
        """Return the trained critic's view of patches (N, B, P, P), before its score: (N, F).

        What tells real from generated patches also tells classes apart (Radford et al., ICLR 2016,
        section 5.1).

        Raises
        ------
        InputError
            Patches of another shape, or a critic that was never trained: without validation patches
            recipe ``patch`` leaves its density as it is.
        """
        self._check_fitting(X)
        self.check_critic()
        trained: TrainedPatches = self.trained_
        return trained.critic_features(X)

    def check_critic(self) -> None:
        """Refuse a critic that was never trained.

        Raises
        ------
        InputError
            No step was taken.
        """
        check_is_fitted(self, "trained_")
        if self.step_ == 0:
            raise InputError(
                "the critic was not trained, so it has no features: take a recipe that starts from "
                "noise, such as factorised-conditional, or give recipe patch more validation "
                "patches (20 of a class)"
            )

    def encode(self, X: Patches) -> NDArray[np.float32]:
        """Return the features (N, C, P, P) of patches (N, B, P, P) that both networks work on."""
        self._check_fitting(X)
        trained: TrainedPatches = self.trained_
        return trained.front.encode(X)

    def band_weights(
        self, classes: Sequence[Any] | None = None, patches: int = 64, random_state: int = 0
    ) -> NDArray[np.float32]:
        """Return how much each band counts when a class is generated, (len(classes), B) in [0, 1].

        The mean over some generated patches of the attention weights; None means all classes.

        Raises
        ------
        InputError
            The recipe has no attention over the bands.
        """
        check_is_fitted(self, "trained_")
        if not self.has_attention_:
            raise InputError(f"recipe {self.recipe} has no attention over the bands")
        wanted = self.classes_.tolist() if classes is None else list(classes)
        random = np.random.default_rng(random_state)
        rows = []
        for label in wanted:
            latents = self.draw_latents([label] * patches, random)
            one = torch.from_numpy((self.classes_ == label).astype(np.float32))
            weights = one.expand(patches, -1)[:, : self._class_weights]
            with torch.inference_mode():
                rows.append(self.trained_.generator.band_weights(latents, weights).mean(dim=0))
        return np.asarray(torch.stack(rows).numpy())

    def critic_band_weights(self, X: NDArray[Any] | PatchView, y: ArrayLike) -> NDArray[np.float32]:
        """Return how much each band of each patch counts for the critic, (N, B) in [0, 1].

        Parameters
        ----------
        X, y
            Patches (N, B, P, P), such as the real ones it was trained on, and their labels (N,):
            where every class has a critic of its own, that of its class weighs a patch.

        Raises
        ------
        InputError
            The recipe has no attention over the bands, or patches and labels do not fit.
        LabelError
            A label that the GAN does not know.
        """
        self._check_fitting(X)
        if not self.has_attention_:
            raise InputError(f"recipe {self.recipe} has no attention over the bands")
        labels = _labels(y, X.shape[0], "supervised")
        strange = np.setdiff1d(labels, self.classes_)
        if len(strange):
            raise LabelError(
                f"the GAN knows no class {strange[0]}; known: {self.classes_.tolist()}"
            )
        weights = np.empty((len(labels), self.n_features_in_), dtype=np.float32)
        for code, label in enumerate(self.classes_):
            rows = np.flatnonzero(labels == label)
            if len(rows):
                weights[rows] = self.trained_.critic_band_weights(X[rows], code)
        return weights

    @property
    def has_attention_(self) -> bool:
        """Whether the networks weigh the bands, so that `band_weights` can be read out."""
        return bool(self.config_.attention)

    @property
    def patch_px_(self) -> int:
        """P."""
        check_is_fitted(self, "trained_")
        return int(self.trained_.generator.arguments["patch_px"])

    @property
    def sample_shape_(self) -> tuple[int, ...]:
        """The shape of one sample: (B, P, P)."""
        return (self.n_features_in_, self.patch_px_, self.patch_px_)

    @property
    def _class_weights(self) -> int:
        """Return K, or 0 where the generator knows no classes."""
        return 0 if self.config_.mode == "unsupervised" else len(self.classes_)

    def _check_pixels(
        self,
        X: ArrayLike,
        y: ArrayLike | None,
        X_validation: ArrayLike | None,
        y_validation: ArrayLike | None,
        X_unlabelled: ArrayLike | None,
    ) -> TrainingPixels:
        mode = self.config_.mode
        patches = given_patches(X, "X")
        if patches is None or len(patches) < 2:
            raise InputError("PatchGAN needs two patches or more. Got fewer")
        self.n_features_in_ = patches.shape[1]
        labels = _labels(y, len(patches), mode)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        unlabelled = given_patches(X_unlabelled, "X_unlabelled", patches.shape[1:])
        more = given_patches(X_validation, "X_validation", patches.shape[1:])
        validation = check_validation(more, y_validation, self.classes_, mode)
        unlabelled = check_unlabelled(unlabelled, mode)
        return TrainingPixels(patches, codes.astype(np.int64), validation, unlabelled)

    def _check_fitting(self, X: Patches) -> None:
        check_is_fitted(self, "trained_")
        if tuple(X.shape[1:]) != self.sample_shape_:
            raise InputError(f"X must be patches (N, *{self.sample_shape_}). Got {tuple(X.shape)}")

    def _settings(self) -> Any:
        return patch_settings(self.recipe, self.settings)

    def _train(self, pixels: TrainingPixels, seed: int) -> tuple[Any, TrainingState]:
        return train_patches(self.config_, pixels, seed, self.device, self.run, self.report)

    @staticmethod
    def _read(run: RunFolder) -> tuple[Any, dict[str, Any]]:
        return load_trained_patches(run, GENERATOR)

    def _spectra(
        self,
        latents: torch.Tensor,
        weights: NDArray[np.float64],
        random: np.random.Generator | None,
    ) -> NDArray[np.float32]:
        shares = torch.from_numpy(weights[:, : self._class_weights]).float()
        trained: TrainedPatches = self.trained_
        return trained.patches(latents, shares, random)


def _labels(y: ArrayLike | None, count: int, mode: str) -> NDArray[Any]:
    """Return labels (N,), all 0 in the unsupervised mode."""
    if mode == "unsupervised":
        return np.zeros(count, dtype=np.int64)
    labels = None if y is None else np.asarray(y)
    if labels is None or labels.shape != (count,):
        raise InputError(
            f"y must have one label for each of {count} patches in the {mode} mode. "
            f"Got {None if labels is None else labels.shape}"
        )
    return labels
