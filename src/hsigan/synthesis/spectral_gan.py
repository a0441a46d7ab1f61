"""`SpectralGAN`: labelled spectra in, as many new labelled spectra as wanted out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from hsigan.errors import InputError, LabelError, RunError
from hsigan.recipe import recipe_names
from hsigan.synthesis.baselines_base import RandomState, class_counts
from hsigan.synthesis.fitting import TrainingPixels, train
from hsigan.synthesis.gan_inputs import (
    check_device,
    check_more,
    check_training,
    check_unlabelled,
    check_validation,
    fingerprint,
)
from hsigan.synthesis.gan_settings import spectral_settings
from hsigan.synthesis.trained import load_trained
from hsigan.training.distributed import rank
from hsigan.training.hypergan import HyperganConfig
from hsigan.training.run_folder import RunFolder
from hsigan.training.state import Report, TrainingState

GENERATOR = "checkpoints/generator"


class SpectralGAN(BaseEstimator):  # type: ignore[misc]
    """A generative adversarial network for labelled spectra.

    Parameters
    ----------
    recipe
        ``"spectral"`` (the default, see `hsigan.training.spectral`), ``"hypergan"`` (Audebert et
        al., IGARSS 2018), ``"hypergan-notebook"``, or the path of a TOML file.
    settings
        Values laid over the recipe's: ``{"steps": 300}``.
    run
        A run folder to write, and to resume where it holds a run of these pixels, or None.
    device
        ``"cpu"`` or ``"cuda"``.
    random_state
        Seed of the whole training; None is 0, because a run must be repeatable.
    report
        Called with step and losses.

    Attributes
    ----------
    classes_ : (K,) array; n_features_in_ : int
    trained_ : the networks and what leads back to the units of X
    config_ : the resolved settings
    step_, interrupted_, kept_start_ : step reached; stopped by Ctrl-C; no step beat the start
    """

    block = 20_000  # samples drawn at a time, so that memory holds them

    def __init__(
        self,
        recipe: str = "spectral",
        settings: Mapping[str, Any] | None = None,
        *,
        run: RunFolder | None = None,
        device: str = "cpu",
        random_state: int | None = None,
        report: Report | None = None,
    ) -> None:
        self.recipe = recipe
        self.settings = settings
        self.run = run
        self.device = device
        self.random_state = random_state
        self.report = report

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        X_validation: ArrayLike | None = None,
        y_validation: ArrayLike | None = None,
        X_unlabelled: ArrayLike | None = None,
    ) -> Self:
        """Train on spectra X (N, B) in any unit with labels y (N,).

        Parameters
        ----------
        X, y
            Training pixels; y may be left out for an unsupervised recipe alone.
        X_validation, y_validation
            Pixels that choose the checkpoint (recipe ``spectral``). Without them the density is
            kept as it is where labels are few.
        X_unlabelled
            (M, B) pixels without a label, for the semi-supervised mode.

        Raises
        ------
        InputError
            Arrays that do not fit together or hold too little, or a value that is not finite.
        DivergedError
            The training left the finite numbers.
        RunError
            The run folder holds a run of other settings or pixels.
        """
        self.config_ = self._settings()
        check_device(self.device)
        pixels = self._check_pixels(X, y, X_validation, y_validation, X_unlabelled)
        if self.run is not None:
            RunFolder.create(self.run.path, self.run_settings(), resume=True)
            self.run.check_pixels(fingerprint(pixels))
        self.trained_, state = self._train(pixels, int(self.random_state or 0))
        self.step_, self.interrupted_ = state.step, state.interrupted
        self.kept_start_ = state.kept_start
        if self.run is not None and rank() == 0:
            self.save(self.run.path)
        if state.interrupted:
            warnings.warn(
                f"training was interrupted after step {state.step}; the generator is usable as it "
                "is, and a run folder can be resumed",
                stacklevel=2,
            )
        return self

    def _check_pixels(
        self,
        X: ArrayLike,
        y: ArrayLike | None,
        X_validation: ArrayLike | None,
        y_validation: ArrayLike | None,
        X_unlabelled: ArrayLike | None,
    ) -> TrainingPixels:
        mode = self.config_.mode
        spectra, labels = check_training(self, X, y, mode)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        unlabelled = check_more(X_unlabelled, "X_unlabelled", self.n_features_in_)
        more = check_more(X_validation, "X_validation", self.n_features_in_)
        validation = check_validation(more, y_validation, self.classes_, mode)
        unlabelled = check_unlabelled(unlabelled, mode)
        return TrainingPixels(spectra, codes.astype(np.int64), validation, unlabelled)

    def sample(
        self,
        n_per_class: int | Mapping[Any, int],
        classes: Sequence[Any] | None = None,
        random_state: RandomState = None,
    ) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """Draw labelled spectra, class by class.

        Parameters
        ----------
        n_per_class
            A number for every class, or a dict from label to number.
        classes
            The labels to draw; by default the keys of the dict, or all classes.
        random_state
            Seed or generator.

        Returns
        -------
        X, y : (N, B) float32 in the units of the training spectra, and (N,) labels

        Raises
        ------
        LabelError
            A class that the GAN was not trained on.
        """
        check_is_fitted(self, "trained_")
        drawn = [(np.empty((0, *self.sample_shape_), dtype=np.float32), self.classes_[:0])]
        drawn += self.sample_blocks(n_per_class, classes, random_state)
        spectra, labels = zip(*drawn, strict=True)
        return np.concatenate(spectra), np.concatenate(labels)

    def sample_blocks(
        self,
        n_per_class: int | Mapping[Any, int],
        classes: Sequence[Any] | None = None,
        random_state: RandomState = None,
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[Any]]]:
        """Draw what `sample` draws, at most ``block`` samples of one class at a time."""
        check_is_fitted(self, "trained_")
        random = np.random.default_rng(random_state)
        for label, count in class_counts(n_per_class, classes, self.classes_).items():
            one = (self.classes_ == label).astype(np.float64)
            for start in range(0, count, self.block):
                size = min(self.block, count - start)
                latents = self.draw_latents([label] * size, random)
                spectra = self._spectra(latents, np.tile(one, (size, 1)), random)
                yield spectra, np.full(size, label, dtype=self.classes_.dtype)

    def draw_latents(self, labels: Sequence[Any], random_state: RandomState = None) -> torch.Tensor:
        """Draw one latent vector for each of (N,) labels: (N, Z)."""
        check_is_fitted(self, "trained_")
        random = np.random.default_rng(random_state)
        known = set(self.classes_.tolist())
        unknown = [label for label in labels if label not in known]
        if unknown:
            raise LabelError(
                f"class {unknown[0]!r} was not trained; known: {self.classes_.tolist()}"
            )
        codes = torch.from_numpy(np.searchsorted(self.classes_, np.asarray(labels)))
        torch_random = torch.Generator().manual_seed(int(random.integers(2**62)))
        latents: torch.Tensor = self.trained_.generator.draw_latents(codes, torch_random)
        return latents

    def decode(self, latents: torch.Tensor, weights: ArrayLike) -> NDArray[np.float32]:
        """Return the spectra (N, B) that latents (N, Z) and class weights (N, K) mean, noise-free.

        Class weights are non-negative and sum to one; one-hot weights name a class.
        """
        check_is_fitted(self, "trained_")
        W = np.asarray(weights, dtype=np.float64)
        if W.shape != (len(latents), len(self.classes_)):
            raise InputError(
                f"weights must have shape ({len(latents)}, {len(self.classes_)}). Got {W.shape}"
            )
        if (W < 0).any() or not np.allclose(W.sum(axis=1), 1):
            raise InputError("class weights must not be negative and must sum to one in each row")
        return self._spectra(latents, W, None)

    def save(self, path: str | Path) -> None:
        """Write the trained generator into a folder that `load` reads; nothing in it is code."""
        check_is_fitted(self, "trained_")
        run = RunFolder(path)
        if not run.exists():
            run = RunFolder.create(path, self.run_settings())
        facts = {
            "objective": self.config_.objective,
            "classes": self.classes_.tolist(),
            "bands": self.n_features_in_,
            "step": self.step_,
        }
        self.trained_.save(run, GENERATOR, facts)

    def run_settings(self) -> dict[str, Any]:
        """Return what a run folder's config.toml holds of this estimator: resolved, complete."""
        return {
            "recipe": str(self.recipe),
            "seed": 0 if self.random_state is None else int(self.random_state),
            "settings": self._settings().model_dump(),
        }

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a trained GAN from a run folder.

        Raises
        ------
        RunError
            The folder holds no trained generator.
        """
        run = RunFolder(path)
        settings = run.config()
        trained, facts = cls._read(run)
        try:
            own = settings["settings"]
            known = settings["recipe"] in recipe_names("gan")  # a file of one's own may be gone
            recipe = settings["recipe"] if known else own["objective"]
            gan = cls(recipe, own, random_state=settings["seed"])
            gan.classes_ = np.array(facts["classes"])
            gan.n_features_in_ = int(facts["bands"])
            gan.step_ = int(facts["step"])
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"the run in {path} is damaged: {error}") from error
        gan.config_ = gan._settings()
        gan.trained_ = trained
        return gan

    def _settings(self) -> Any:
        return spectral_settings(self.recipe, self.settings)

    def _train(self, pixels: TrainingPixels, seed: int) -> tuple[Any, TrainingState]:
        return train(self.config_, pixels, seed, self.device, self.run, self.report)

    @staticmethod
    def _read(run: RunFolder) -> tuple[Any, dict[str, Any]]:
        return load_trained(run, GENERATOR)

    @property
    def sample_shape_(self) -> tuple[int, ...]:
        """The shape of one sample: (B,)."""
        return (self.n_features_in_,)

    def _spectra(
        self,
        latents: torch.Tensor,
        weights: NDArray[np.float64],
        random: np.random.Generator | None,
    ) -> NDArray[np.float32]:
        if self.config_.mode == "unsupervised" and isinstance(self.config_, HyperganConfig):
            weights = weights[:, :0]
        shares = torch.from_numpy(weights).float()
        return np.asarray(self.trained_.spectra(latents, shares, random))
