"""The distance by which a training chooses its checkpoint, on validation pixels alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hsigan.metrics import kernel_mmd, median_pair_distance
from hsigan.models.generators import HyperGenerator, KernelGenerator
from hsigan.scene.scaling import SpectralScaler
from hsigan.synthesis.feature_space import FeatureSpace
from hsigan.training.spectral import Validate
from hsigan.training.state import one_hot

FEATURES = 10
PIXELS = 300
LEAST = 20
"""Leading features compared; pixels of a class at most; a class with fewer pixels is left out."""


def validation_distance(
    space: FeatureSpace,
    spectra: NDArray[np.floating],
    codes: NDArray[np.int64],
    classes: int,
    seed: int,
) -> Validate | None:
    """Return a function that measures, per class, the unbiased kernel MMD^2 to validation pixels.

    `hsigan.metrics.kernel_mmd` (Gretton et al., JMLR 2012, equation 3) in the leading principal
    components, with the median distance of the validation pixels. The latents are the same at every
    call, so that two checkpoints differ by their weights alone. None where no class has pixels
    enough.
    """
    real = _real_pixels(space, spectra, codes, classes, seed)

    def validate(generator: KernelGenerator) -> list[float]:
        device = generator.means.device
        return _distances(real, space, _draws(generator, classes, seed, device))

    return validate if real else None


def scaled_distance(
    space: FeatureSpace,
    scaler: SpectralScaler,
    pixels: tuple[NDArray[np.floating], NDArray[np.int64]],
    classes: int,
    seed: int,
) -> Callable[[HyperGenerator], list[float]] | None:
    """Return the same for a generator of spectra that ``scaler`` has scaled to [0, 1]."""
    real = _real_pixels(space, *pixels, max(classes, 1), seed)

    def validate(generator: HyperGenerator) -> list[float]:
        device = next(generator.parameters()).device
        draw = _draws(generator, classes, seed, device)
        return _distances(
            real, space, lambda code: space.encode(scaler.inverse_transform(draw(code)))
        )

    return validate if real else None


RealPixels = dict[int, tuple[NDArray[np.float64], float]]
"""By class: leading components (N, 10), and the median of their distances."""
Draw = Callable[[int], NDArray[np.floating]]
"""Gives what a generator makes of a class."""


def _draws(
    generator: KernelGenerator | HyperGenerator, classes: int, seed: int, device: torch.device
) -> Draw:
    latent_random = torch.Generator(device).manual_seed(seed)

    def draw(code: int) -> NDArray[np.floating]:
        labels = torch.full((PIXELS,), code, device=device)
        latents = generator.draw_latents(labels, latent_random)
        with torch.inference_mode():
            made: Tensor = generator(latents, one_hot(labels, classes))
        return np.asarray(made.float().cpu().numpy())

    return draw


def _real_pixels(
    space: FeatureSpace,
    spectra: NDArray[np.floating],
    codes: NDArray[np.int64],
    classes: int,
    seed: int,
) -> RealPixels:
    """Return the pixels of each class that has enough."""
    random = np.random.default_rng(seed)  # pixels come in scan order: the first lie together
    encoded = space.encode(spectra)[:, :FEATURES] * space.deviations[:FEATURES]
    chosen = {
        code: random.permutation(encoded[codes == code])[:PIXELS]
        for code in range(classes)
        if (codes == code).sum() >= LEAST
    }
    return {code: (pixels, median_pair_distance(pixels)) for code, pixels in chosen.items()}


def _distances(real: RealPixels, space: FeatureSpace, draw: Draw) -> list[float]:
    distances = []
    for code, (pixels, width) in real.items():
        fakes = draw(code)[:, :FEATURES] * space.deviations[:FEATURES]
        # A diverged generator has no distance; the training names what is not finite.
        finite = bool(np.isfinite(fakes).all())
        distances.append(kernel_mmd(fakes, pixels, width) if finite else float("nan"))
    return distances
