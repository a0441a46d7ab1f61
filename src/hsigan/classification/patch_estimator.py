"""The classifiers of patches behind one interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from torch import Tensor, nn

from hsigan.errors import InputError, LabelError
from hsigan.models.patch_classifiers import PATCH_CLASSIFIERS
from hsigan.recipe import build_config, load_recipe
from hsigan.sampling.patches import PatchView, centres_of
from hsigan.synthesis.gan_inputs import check_device
from hsigan.training.patch_classifier import (
    PatchClassifierConfig,
    Progress,
    TrainingPatches,
    train_patch_classifier,
)
from hsigan.training.precision import autocast

Patches = NDArray[Any] | PatchView
"""Patches (N, B, P, P) in the scene's units, cut already or cut when they are needed.

Spectra (N, B) are patches of one pixel.
"""

# Numbers of the patches that are predicted together: what layers make of more is slow to move.
_BATCH_VALUES = 1_000_000
# Training patches up to 512 MB are standardised once, more of them a batch at a time.
_KEPT_VALUES = 128_000_000
# Validation patches that training looks at; more cost time and hardly change the choice.
_MOST_VALIDATION = 500


def patch_classifier_config(
    name: str, params: Mapping[str, Any] | None = None
) -> PatchClassifierConfig:
    """Return a classifier's complete settings: its recipe with ``params`` laid over it.

    Raises
    ------
    InputError
        There is no such classifier.
    RecipeError
        An unknown setting or an impossible value.
    """
    if name not in PATCH_CLASSIFIERS:
        raise InputError(
            f"there is no patch classifier {name!r}; known: {', '.join(PATCH_CLASSIFIERS)}"
        )
    values = load_recipe("classifier", name)
    return build_config(PatchClassifierConfig, {**values, **(params or {})})


class PatchClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """One of the published networks on patches standardised per band.

    Mean and deviation of the bands, and the principal components where the paper has them, come
    from the centre pixels of the X of ``fit`` and from nothing else. Patches of any side are taken;
    what the paper takes stands in the recipe. `PatchView`s are cut a batch at a time.

    Parameters
    ----------
    name : a key of ``PATCH_CLASSIFIERS``
    params : settings that differ from the recipe of that name (see `PatchClassifierConfig`)
    random_state : seed of weights, dropout and order
    device : where the network is, such as "cpu" or "cuda"

    Attributes
    ----------
    classes_ : (K,) labels
    n_features_in_ : number of bands B
    patch_px_ : side P of the patches
    step_ : step of the training whose weights are kept
    network_ : nn.Module
    """

    def __init__(
        self,
        name: str = "ssftt",
        params: Mapping[str, Any] | None = None,
        random_state: int = 0,
        device: str = "cpu",
    ) -> None:
        self.name = name
        self.params = params
        self.random_state = random_state
        self.device = device

    def fit(
        self,
        X: Patches,
        y: ArrayLike,
        X_validation: Patches | None = None,
        y_validation: ArrayLike | None = None,
        report: Progress | None = None,
    ) -> Self:
        """Fit on patches X (N, B, P, P) in any unit and labels y (N,).

        Validation patches stop the training; those of classes that y lacks are left out. ``report``
        is called with steps done and steps at most.

        Raises
        ------
        LabelError
            There is only one class.
        InputError
            X and y do not fit each other, or X is not finite; or there is no such device.
        """
        check_device(self.device)
        config = patch_classifier_config(self.name, self.params)
        X, labels = _as_patches(X), np.asarray(y)
        _check(X, labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        self.n_features_in_, self.patch_px_ = X.shape[1], X.shape[2]
        self._fit_view(centres_of(X).astype(np.float64), config.components)
        with torch.random.fork_rng(devices=_cuda_devices(self.device)):
            # PyTorch draws weights and dropout from its global generator: seeded, then restored.
            torch.manual_seed(self.random_state)
            self.network_ = self._build()
            self.step_ = train_patch_classifier(
                self.network_,
                self._labelled(X, codes),
                self._validation(X_validation, y_validation),
                config,
                self.random_state,
                report,
            )
        return self

    def predict(self, X: Patches) -> NDArray[Any]:
        """Return the most probable labels (N,) of patches (N, B, P, P)."""
        codes = [logits.argmax(dim=1).cpu().numpy() for logits in self._walk(X, self.network_)]
        return np.asarray(self.classes_[np.concatenate([np.empty(0, dtype=np.int64), *codes])])

    def predict_proba(self, X: Patches) -> NDArray[np.float64]:
        """Return the soft-max of the logits (N, K)."""
        chances = [
            torch.softmax(logits.double(), dim=1).cpu().numpy()
            for logits in self._walk(X, self.network_)
        ]
        return np.concatenate([np.empty((0, len(self.classes_))), *chances])

    def features(self, X: Patches) -> NDArray[np.float32]:
        """Return what the network's last layer decides by, (N, F), of patches (N, B, P, P)."""
        of_network = cast(Callable[[Tensor], Tensor], self.network_.features)
        return np.concatenate([features.cpu().numpy() for features in self._walk(X, of_network)])

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return tensors and plain facts from which `from_state` makes the classifier again."""
        tensors = {f"network.{key}": value for key, value in self.network_.state_dict().items()}
        view = {"view.mean": self.mean_, "view.scale": self.scale_}
        if self.projection_ is not None:
            view["view.projection"] = self.projection_
        tensors |= {key: torch.from_numpy(value) for key, value in view.items()}
        facts = {
            "name": self.name,
            "params": None if self.params is None else dict(self.params),
            "random_state": self.random_state,
            "classes": self.classes_.tolist(),
            "patch_px": self.patch_px_,
            "step": self.step_,
        }
        return tensors, facts

    @classmethod
    def from_state(
        cls, tensors: Mapping[str, Tensor], facts: Mapping[str, Any], device: str = "cpu"
    ) -> Self:
        """Make a fitted classifier of what `state` returned."""
        classifier = cls(facts["name"], facts["params"], facts["random_state"], device)
        classifier.classes_ = np.asarray(facts["classes"])
        classifier.mean_ = tensors["view.mean"].numpy()
        classifier.scale_ = tensors["view.scale"].numpy()
        projection = tensors.get("view.projection")
        classifier.projection_ = None if projection is None else projection.numpy()
        classifier.n_features_in_ = len(classifier.mean_)
        classifier.patch_px_, classifier.step_ = int(facts["patch_px"]), int(facts["step"])
        classifier.network_ = classifier._build()
        prefix = "network."
        classifier.network_.load_state_dict(
            {key.removeprefix(prefix): t for key, t in tensors.items() if key.startswith(prefix)}
        )
        classifier.network_.eval()
        return classifier

    def _build(self) -> nn.Module:
        bands = self.n_features_in_ if self.projection_ is None else self.projection_.shape[1]
        make = PATCH_CLASSIFIERS[self.name]
        return make(bands, self.patch_px_, len(self.classes_)).to(self.device)

    def _fit_view(self, centres: NDArray[np.float64], components: int) -> None:
        """Learn scaling and whitened principal components from centre pixels (N, B)."""
        self.mean_ = centres.mean(axis=0)
        deviation = centres.std(axis=0)
        self.scale_ = np.where(deviation > 0, deviation, 1.0)
        self.projection_: NDArray[np.float64] | None = None  # (B, C)
        if components:
            _, singular, axes = np.linalg.svd((centres - self.mean_) / self.scale_, False)
            # Directions in which nothing varies are left out: they cannot be whitened.
            count = min(components, int((singular > 1e-6 * singular[0]).sum()))
            spread = singular[:count] / np.sqrt(len(centres))
            self.projection_ = np.ascontiguousarray((axes[:count] / spread[:, None]).T)

    def _view(self, patches: NDArray[Any]) -> Tensor:
        """Return patches (n, B, P, P) standardised, (n, B, P, P), or as components (n, C, P, P)."""
        raw = torch.from_numpy(np.ascontiguousarray(patches, dtype=np.float32)).to(self.device)
        mean, scale = (
            torch.from_numpy(v).float().to(self.device)[:, None, None]
            for v in (self.mean_, self.scale_)
        )
        scaled = (raw - mean) / scale
        if self.projection_ is None:
            return scaled
        projection = torch.from_numpy(self.projection_).float().to(self.device)
        return torch.einsum("nbhw,bc->nchw", scaled, projection).contiguous()

    def _labelled(self, X: Patches, codes: NDArray[np.int64]) -> TrainingPatches:
        held_codes = torch.from_numpy(codes).to(self.device)
        if int(np.prod(X.shape)) > _KEPT_VALUES:
            return TrainingPatches(lambda chosen: self._view(X[chosen.numpy()]), held_codes)
        whole = self._view(X[:])
        return TrainingPatches(lambda chosen: whole[chosen], held_codes)

    def _validation(self, X: Patches | None, y: ArrayLike | None) -> TrainingPatches | None:
        if X is None or y is None:
            return None
        labels = np.asarray(y)
        known = np.flatnonzero(np.isin(labels, self.classes_))
        if not len(known):
            return None
        if len(known) > _MOST_VALIDATION:
            random = np.random.default_rng(self.random_state)
            known = np.sort(random.choice(known, _MOST_VALIDATION, replace=False))
        held_out = _as_patches(X[known])
        return self._labelled(held_out, np.searchsorted(self.classes_, labels[known]))

    @torch.no_grad()
    def _walk(self, X: Patches, network: Callable[[Tensor], Tensor]) -> Iterator[Tensor]:
        expected = (self.n_features_in_, self.patch_px_, self.patch_px_)
        X = _as_patches(X)
        if X.ndim != 4 or X.shape[1:] != expected:
            raise InputError(
                f"{self.name} was fitted on patches (N, {', '.join(map(str, expected))}). "
                f"Got {X.shape} instead."
            )
        together = max(1, _BATCH_VALUES // int(np.prod(expected)))
        precision = patch_classifier_config(self.name, self.params).precision
        for start in range(0, len(X), together):
            patches = self._view(X[start : start + together])
            with autocast(precision, patches.device):
                seen = network(patches)
            yield seen.float()


def _as_patches(X: Patches) -> Patches:
    if isinstance(X, PatchView) or X.ndim != 2:
        return X
    return np.asarray(X)[:, :, None, None]


def _check(X: Patches, labels: NDArray[Any]) -> None:
    if X.ndim != 4 or X.shape[2] != X.shape[3] or labels.shape != X.shape[:1] or not len(labels):
        raise InputError(
            "a patch classifier needs patches (N, bands, side, side) and one label each. "
            f"Got X {X.shape} and y {labels.shape} instead."
        )
    if isinstance(X, np.ndarray) and not np.isfinite(X).all():
        raise InputError("the X of a classifier must be finite; leave out such pixels or bands.")
    if len(np.unique(labels)) < 2:
        raise LabelError(
            f"a classifier needs two classes or more. Got only class {labels[0]} "
            f"in {len(labels)} training patches; add labels or change the split."
        )


def _cuda_devices(device: str) -> list[torch.device]:
    return [torch.device(device)] if device.startswith("cuda") else []
