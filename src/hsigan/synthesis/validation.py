"""The distance by which a training chooses its checkpoint, on validation pixels alone."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist

from hsigan.models.generators import KernelGenerator
from hsigan.synthesis.feature_space import FeatureSpace
from hsigan.training.spectral import Validate
from hsigan.training.state import one_hot

FEATURES = 10
PIXELS = 300
LEAST = 5
"""Leading features compared; pixels of a class at most; a class with fewer pixels is left out."""


def validation_distance(
    space: FeatureSpace,
    spectra: NDArray[np.floating],
    codes: NDArray[np.int64],
    classes: int,
    seed: int,
) -> Validate | None:
    """Return a function that measures, per class, the unbiased kernel MMD^2 to validation pixels.

    Gretton et al. (JMLR 2012), equation 3, summed over Gaussian kernels of half, one and two times
    the median distance, in the leading principal components. The latents are the same at every
    call, so that two checkpoints differ by their weights alone. None where no class has pixels
    enough.
    """
    variance = space.deviations[:FEATURES]
    encoded = space.encode(spectra)[:, :FEATURES] * variance
    real = {
        code: encoded[codes == code][:PIXELS]
        for code in range(classes)
        if (codes == code).sum() >= LEAST
    }
    if not real:
        return None
    widths = {code: float(np.median(pdist(pixels))) or 1.0 for code, pixels in real.items()}

    def validate(generator: KernelGenerator) -> list[float]:
        random = torch.Generator(generator.means.device).manual_seed(seed)
        distances = []
        for code, pixels in real.items():
            labels = torch.full((PIXELS,), code, device=generator.means.device)
            latents = generator.draw_latents(labels, random)
            with torch.inference_mode():
                features = generator(latents, one_hot(labels, classes)).cpu().numpy()
            fakes = features[:, :FEATURES] * variance
            distances.append(_kernel_distance(fakes, pixels, widths[code]))
        return distances

    return validate


def _kernel_distance(
    fakes: NDArray[np.floating], pixels: NDArray[np.floating], width: float
) -> float:
    squared = [cdist(a, b, "sqeuclidean") for a, b in ((fakes, fakes), (pixels, pixels))]
    between = cdist(fakes, pixels, "sqeuclidean")
    total = 0.0
    for factor in (0.5, 1.0, 2.0):
        scale = -1 / (2 * (factor * width) ** 2)
        for own in squared:
            count = len(own)
            total += (np.exp(scale * own).sum() - count) / (count * (count - 1))
        total -= 2 * np.exp(scale * between).mean()
    return float(total)
