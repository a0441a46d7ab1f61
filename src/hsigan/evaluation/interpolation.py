"""Walks through a GAN's latent space, within a class and between classes (the paper's Fig. 4)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

STEPS = 9


class LatentGenerator(Protocol):
    """A generator that shows its latent vectors, as ``SpectralGAN`` does."""

    classes_: NDArray[Any]

    def draw_latents(self, labels: Any, random_state: Any = None) -> Any:
        """Draw one latent vector for each of (N,) labels."""
        ...

    def decode(self, latents: Any, weights: ArrayLike) -> NDArray[np.float32]:
        """Return spectra (N, B) of latents (N, Z) and class weights (N, K)."""
        ...


def interpolation_arrays(
    gan: LatentGenerator, seed: int, steps: int = STEPS
) -> dict[str, NDArray[np.float32]]:
    """Return walks as ``arrays.npz`` names them.

    ``interpolation/within/{class}`` (steps, B): one class, from one latent vector straight to
    another. ``interpolation/between/{a}-{b}`` (steps, B): one latent vector, while the class weight
    moves from a to b; for neighbours in the order of the ids.
    """
    rng = np.random.default_rng(seed)
    share = np.linspace(0, 1, steps)
    one_hot = np.eye(len(gan.classes_))
    arrays = {}
    for code, label in enumerate(gan.classes_.tolist()):
        ends = gan.draw_latents([label, label], rng)
        path = [ends[0] * float(1 - t) + ends[1] * float(t) for t in share]
        weights = np.tile(one_hot[code], (steps, 1))
        arrays[f"interpolation/within/{label}"] = gan.decode(_stacked(ends, path), weights)
    for first, second in pairwise(range(len(gan.classes_))):
        a, b = gan.classes_[[first, second]].tolist()
        still = gan.draw_latents([a], rng)
        weights = np.outer(1 - share, one_hot[first]) + np.outer(share, one_hot[second])
        path = [still[0]] * steps
        arrays[f"interpolation/between/{a}-{b}"] = gan.decode(_stacked(still, path), weights)
    return arrays


def mixed_spectra(
    gan: LatentGenerator, weights: NDArray[np.float64], seed: int
) -> NDArray[np.float32]:
    """Return spectra (N, B) for class weights (N, K), each with a latent of its largest class."""
    labels = gan.classes_[weights.argmax(axis=1)].tolist()
    return gan.decode(gan.draw_latents(labels, np.random.default_rng(seed)), weights)


def _stacked(like: Any, rows: list[Any]) -> Any:
    """Return rows as one batch of the kind (array or tensor) that ``like`` is."""
    if isinstance(like, np.ndarray):
        return np.stack(rows)
    import torch

    return torch.stack(rows)
