"""A trained patch GAN's critic as the feature extractor of a classifier.

What a critic has learned from real and generated patches tells classes apart as well (Radford et
al., ICLR 2016, section 5.1): its last hidden features go into linear discriminant analysis, or it
is trained on with a linear head.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from hsigan.classification.lda import ShrinkageLDA
from hsigan.errors import InputError
from hsigan.synthesis.patch_fronts import BATCH, Patches
from hsigan.synthesis.patch_gan import PatchGAN
from hsigan.training.classifier import (
    ClassifierTraining,
    LabelledTensors,
    train_classifier_network,
)

TRAINING = ClassifierTraining(batch=32, max_steps=200, learning_rate=3e-4)


class CriticFeatures(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of patches (N, B, P, P) on the features of a GAN's critic.

    Parameters
    ----------
    gan : PatchGAN
        Fitted; on training patches alone where the classifier is to be judged on others.
    tuning : "frozen" or "fine-tuned"
        Frozen: features as the critic left them, standardised, and `ShrinkageLDA`. Fine-tuned: a
        linear head on top, both trained with cross-entropy; the GAN itself stays as it is.
    random_state : int
        Seed of the head and of the order of patches.

    Attributes
    ----------
    classes_ : (K,) labels
    step_ : step of the fine-tuning whose weights are kept; 0 where frozen
    """

    name: ClassVar[str] = "critic"

    def __init__(self, gan: PatchGAN, tuning: str = "frozen", random_state: int = 0) -> None:
        self.gan = gan
        self.tuning = tuning
        self.random_state = random_state

    def fit(
        self,
        X: Patches,
        y: ArrayLike,
        X_validation: Patches | None = None,
        y_validation: ArrayLike | None = None,
    ) -> Self:
        """Learn from patches X (N, B, P, P) in the GAN's units and labels y (N,).

        Parameters
        ----------
        X, y
            Training patches, real or generated.
        X_validation, y_validation
            Patches that stop the fine-tuning early; without them it takes all its steps. Those of
            classes that y lacks are left out.

        Raises
        ------
        InputError
            Labels of another number, or a tuning that is not known.
        """
        check_tuning(self.tuning)
        labels = np.asarray(y)
        if labels.shape != (X.shape[0],):
            raise InputError(f"y must have {X.shape[0]} labels. Got shape {labels.shape}")
        self.classes_, codes = np.unique(labels, return_inverse=True)
        self.step_ = 0
        if self.tuning == "frozen":
            features = self.gan.features(X)
            self.mean_, deviation = features.mean(axis=0), features.std(axis=0)
            self.scale_ = np.where(deviation > 0, deviation, 1.0)
            self.head_ = ShrinkageLDA().fit((features - self.mean_) / self.scale_, codes)
            return self
        validation = None
        if X_validation is not None and y_validation is not None:
            held_out = np.asarray(y_validation)
            known = np.flatnonzero(np.isin(held_out, self.classes_))
            if len(known):
                encoded = self.gan.encode(X_validation)[known]
                validation = _tensors(encoded, np.searchsorted(self.classes_, held_out[known]))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.random_state)
            self.network_ = _TunedCritic(self.gan, len(self.classes_))
        self.step_ = train_classifier_network(
            self.network_,
            _tensors(self.gan.encode(X), codes),
            validation,
            TRAINING,
            self.random_state,
        )
        return self

    @property
    def params(self) -> dict[str, str]:
        """Settings, as every classifier has them."""
        return {"tuning": self.tuning}

    @property
    def n_features_in_(self) -> int:
        """B."""
        return int(self.gan.n_features_in_)

    @property
    def patch_px_(self) -> int:
        """P."""
        return self.gan.patch_px_

    def predict_proba(self, X: Patches) -> NDArray[np.float64]:
        """Return class probabilities (N, K) of patches (N, B, P, P)."""
        check_is_fitted(self, "classes_")
        if self.tuning == "frozen":
            features = (self.gan.features(X) - self.mean_) / self.scale_
            return np.asarray(self.head_.predict_proba(features))
        rows = []
        for start in range(0, X.shape[0], BATCH):
            encoded = torch.from_numpy(self.gan.encode(X[start : start + BATCH]))
            with torch.inference_mode():
                rows.append(torch.softmax(self.network_(encoded).double(), dim=1).numpy())
        return np.concatenate(rows)

    def predict(self, X: Patches) -> NDArray[Any]:
        """Return labels (N,) of patches (N, B, P, P)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return tensors and plain facts from which `from_state` makes the classifier again."""
        check_is_fitted(self, "classes_")
        facts = {
            "name": self.name,
            "tuning": self.tuning,
            "random_state": self.random_state,
            "classes": self.classes_.tolist(),
            "step": self.step_,
        }
        if self.tuning == "fine-tuned":
            return dict(self.network_.state_dict()), facts
        head = {"coef": self.head_.coef_, "intercept": self.head_.intercept_}
        arrays = {"mean": self.mean_, "scale": self.scale_, **head}
        return {key: torch.from_numpy(np.asarray(value)) for key, value in arrays.items()}, facts

    @classmethod
    def from_state(
        cls, gan: PatchGAN, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]
    ) -> Self:
        """Make a fitted classifier of its GAN and what `state` returned."""
        classifier = cls(gan, facts["tuning"], facts["random_state"])
        classifier.classes_ = np.asarray(facts["classes"])
        classifier.step_ = int(facts["step"])
        if classifier.tuning == "fine-tuned":
            classifier.network_ = _TunedCritic(gan, len(classifier.classes_))
            classifier.network_.load_state_dict(dict(tensors))
            classifier.network_.eval()
            return classifier
        classifier.mean_, classifier.scale_ = tensors["mean"].numpy(), tensors["scale"].numpy()
        head = classifier.head_ = ShrinkageLDA()
        head.classes_ = np.arange(len(classifier.classes_))
        head.coef_, head.intercept_ = tensors["coef"].numpy(), tensors["intercept"].numpy()
        return classifier


def check_tuning(tuning: str) -> None:
    """Refuse a tuning that is not known.

    Raises
    ------
    InputError
        It is neither frozen nor fine-tuned.
    """
    if tuning not in ("frozen", "fine-tuned"):
        raise InputError(f"tuning must be frozen or fine-tuned. Got {tuning!r} instead.")


def _tensors(encoded: NDArray[np.float32], codes: NDArray[np.int64]) -> LabelledTensors:
    return LabelledTensors(
        torch.from_numpy(encoded), torch.from_numpy(codes), torch.ones(len(codes))
    )


class _TunedCritic(nn.Module):
    """A copy of the critic below its score, and a linear head on its features."""

    def __init__(self, gan: PatchGAN, classes: int) -> None:
        super().__init__()
        self.critic = copy.deepcopy(gan.trained_.critic).requires_grad_()
        shape = gan.trained_.generator.arguments
        features = shape.get("features", shape.get("bands")), shape["patch_px"], shape["patch_px"]
        width = self.critic.features(torch.zeros(1, 1, *features)).shape[1]
        self.head = nn.Linear(width, classes)
        nn.init.zeros_(self.head.weight)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (N, K) of encoded patches (N, C, P, P)."""
        logits: Tensor = self.head(self.critic.features(features[:, None]))
        return logits
