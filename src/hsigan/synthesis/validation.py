"""The distance by which a training chooses its checkpoint, on validation pixels alone."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from hsigan.metrics import kernel_mmd, median_pair_distance
from hsigan.models.generators import KernelGenerator
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
    random = np.random.default_rng(seed)  # pixels come in scan order: the first lie together
    variance = space.deviations[:FEATURES]
    encoded = space.encode(spectra)[:, :FEATURES] * variance
    real = {
        code: random.permutation(encoded[codes == code])[:PIXELS]
        for code in range(classes)
        if (codes == code).sum() >= LEAST
    }
    if not real:
        return None
    widths = {code: median_pair_distance(pixels) for code, pixels in real.items()}

    def validate(generator: KernelGenerator) -> list[float]:
        latent_random = torch.Generator(generator.means.device).manual_seed(seed)
        distances = []
        for code, pixels in real.items():
            labels = torch.full((PIXELS,), code, device=generator.means.device)
            latents = generator.draw_latents(labels, latent_random)
            with torch.inference_mode():
                features = generator(latents, one_hot(labels, classes)).cpu().numpy()
            fakes = features[:, :FEATURES] * variance
            # A diverged generator has no distance; the training names what is not finite.
            finite = bool(np.isfinite(fakes).all())
            distances.append(kernel_mmd(fakes, pixels, widths[code]) if finite else float("nan"))
        return distances

    return validate
