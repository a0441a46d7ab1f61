"""Paths through the latent space: within a class, between classes, arbitrary mixtures (Fig. 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from hsigan.errors import InputError, LabelError
from hsigan.synthesis.baselines_base import RandomState
from hsigan.synthesis.spectral_gan import SpectralGAN


def within_class(
    gan: SpectralGAN, label: Any, steps: int, random_state: RandomState = None
) -> NDArray[np.float32]:
    """Walk in a straight line between two latents of one class: (steps, B) spectra."""
    _check_known(gan, [label])
    random = np.random.default_rng(random_state)
    # One at a time: latents that are drawn together may be each other's opposites.
    ends = [gan.draw_latents([label], random) for _ in range(2)]  # (1, Z) each
    share = torch.linspace(0, 1, _checked_steps(steps))[:, None]
    latents = (1 - share) * ends[0] + share * ends[1]
    weights = class_weights(gan, {label: 1.0})
    return gan.decode(latents, np.tile(weights, (steps, 1)))


def between_classes(
    gan: SpectralGAN, start: Any, end: Any, steps: int, random_state: RandomState = None
) -> NDArray[np.float32]:
    """Hold one latent and move the class weights from ``start`` to ``end``: (steps, B) spectra."""
    share = np.linspace(0, 1, _checked_steps(steps))[:, None]
    first, last = class_weights(gan, {start: 1.0}), class_weights(gan, {end: 1.0})
    latents = gan.draw_latents([start], random_state).repeat(steps, 1)
    return gan.decode(latents, (1 - share) * first + share * last)


def mixtures(
    gan: SpectralGAN, weights: ArrayLike, random_state: RandomState = None
) -> NDArray[np.float32]:
    """Return one spectrum (N, B) for each row of class weights (N, K), columns as ``classes_``.

    The latent of a row is drawn as for its heaviest class.
    """
    W = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    if W.shape[1] != len(gan.classes_):
        raise InputError(
            f"weights need one column for each of {len(gan.classes_)} classes. Got {W.shape[1]}"
        )
    labels = gan.classes_[W.argmax(axis=1)]
    return gan.decode(gan.draw_latents(labels, random_state), W)


def class_weights(gan: SpectralGAN, shares: Mapping[Any, float]) -> NDArray[np.float64]:
    """Return (K,) weights that sum to one for a table of labels and shares.

    Raises
    ------
    LabelError
        A class that the GAN was not trained on.
    InputError
        A share that is below zero or not finite, or none above.
    """
    _check_known(gan, shares)
    weights = np.array([float(shares.get(label, 0.0)) for label in gan.classes_.tolist()])
    if (weights < 0).any() or not 0 < sum(weights.tolist()) < np.inf:
        raise InputError(
            f"shares must be finite, not negative, and one above zero. Got {dict(shares)}"
        )
    normalised: NDArray[np.float64] = weights / weights.sum()
    return normalised


def _check_known(gan: SpectralGAN, labels: Any) -> None:
    unknown = [label for label in labels if label not in set(gan.classes_.tolist())]
    if unknown:
        raise LabelError(f"class {unknown[0]!r} was not trained; known: {gan.classes_.tolist()}")


def _checked_steps(steps: int) -> int:
    if steps < 2:
        raise InputError(f"an interpolation takes two steps at least. Got {steps}")
    return steps
