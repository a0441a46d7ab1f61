"""From checked patches to a trained GAN: front, networks, validation, training."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hsigan.models.patch_class_units import ClassUnitsGenerator
from hsigan.models.patch_critics import PatchCritic
from hsigan.models.patch_per_class import PerClassCritic
from hsigan.synthesis.class_moments import ClassMoments
from hsigan.synthesis.feature_space import Array
from hsigan.synthesis.fitting import TrainingPixels
from hsigan.synthesis.patch_fronts import BATCH, BandFront, ComponentFront, Front, batches
from hsigan.synthesis.patch_kernels import patch_kernel_generator
from hsigan.synthesis.patch_trained import TrainedPatches
from hsigan.synthesis.patch_validation import patch_distance
from hsigan.training.patch import (
    AnyCritic,
    AnyGenerator,
    PatchConfig,
    PatchTensors,
    Validate,
    train_patch,
)
from hsigan.training.run_folder import RunFolder
from hsigan.training.state import Report, TrainingState, one_hot

DRAWN_VALUES = 10_000_000
"""Values of the patches of each class that tell the generator's moments, about."""
LEAST_DRAWS, MOST_DRAWS = 100, 500
"""How many patches these are."""
_BESIDE = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])


def train_patches(
    config: PatchConfig,
    pixels: TrainingPixels,
    seed: int,
    device: str = "cpu",
    run: RunFolder | None = None,
    report: Report | None = None,
) -> tuple[TrainedPatches, TrainingState]:
    """Encode with what the training patches (N, B, P, P) show, train, and join the parts.

    Without validation patches, or with too few of them to tell a better generator from a worse
    one, a density stays as it is. Held-out training patches could not tell either: they share
    pixels with those that are left.
    """
    random = np.random.default_rng(seed)
    front = _fit_front(config, pixels, random)
    features = front.encode(pixels.spectra)
    classes = 0 if config.mode == "unsupervised" else pixels.classes
    networks = _networks(config, features, pixels.codes, classes, _deviations(front), random)
    validate = None
    if pixels.validation is not None:
        validate = _validation(pixels, front, features, classes, seed)
    if validate is None and config.start == "density":
        config = config.model_copy(update={"steps": 0})
    unlabelled = pixels.unlabelled
    data = PatchTensors(
        _volume(features),
        torch.from_numpy(pixels.codes),
        classes,
        None if unlabelled is None else _volume(front.encode(_some(unlabelled, config, random))),
    ).to(torch.device(device))
    networks = networks[0].to(device), networks[1].to(device)
    generator, critic, state = train_patch(data, networks, config, seed, validate, run, report)
    generator = generator.cpu()
    moments = None
    if config.start == "noise" and config.class_moments and len(pixels.codes) > pixels.classes:
        moments = _moments(generator, front, pixels, classes, random)
    return TrainedPatches(generator, critic.cpu(), front, moments), state


def _fit_front(config: PatchConfig, pixels: TrainingPixels, random: np.random.Generator) -> Front:
    if config.components:
        return ComponentFront.fit(pixels.spectra, pixels.codes, config.components, random)
    return BandFront.fit(pixels.spectra, pixels.codes, random)


def _networks(
    config: PatchConfig,
    features: NDArray[np.float32],
    codes: NDArray[np.int64],
    classes: int,
    deviations: Array,
    random: np.random.Generator,
) -> tuple[AnyGenerator, AnyCritic]:
    shape = int(features.shape[1]), int(features.shape[2])  # C, P
    body = {"convolution": config.convolution, "attention": config.attention}
    options: dict[str, Any] = {"width": config.width, **body}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(random.integers(2**62)))
        critic = (PerClassCritic if config.per_class else PatchCritic)(*shape, classes, **options)
        options |= {"noise": config.noise, "per_class": config.per_class}
        if config.start == "noise":
            generator = ClassUnitsGenerator(*shape, classes, **options)
            if config.class_units:
                _set_class_units(generator, features, codes)
            return generator, critic
    sizes = {"noise": config.noise, "width": config.width}
    return patch_kernel_generator(features, codes, deviations, random, **sizes), critic


def _set_class_units(
    generator: ClassUnitsGenerator, features: NDArray[np.float32], codes: NDArray[np.int64]
) -> None:
    """Give the generator the mean and deviation of each class's bands, where it knows classes."""
    for code in range(len(generator.means)):
        own = features[codes == code]
        scale = own.std(axis=(0, 2, 3))
        generator.means[code] = torch.from_numpy(own.mean(axis=(0, 2, 3)))
        generator.scales[code] = torch.from_numpy(np.maximum(scale, 1e-3))


def _moments(
    generator: AnyGenerator,
    front: Front,
    pixels: TrainingPixels,
    classes: int,
    random: np.random.Generator,
) -> ClassMoments:
    """Compare the generator's centre pixels with those of the training patches."""
    middle = pixels.spectra.shape[2] // 2
    centre = slice(middle, middle + 1)
    near = middle + _BESIDE
    near = near[((near >= 0) & (near < pixels.spectra.shape[2])).all(axis=1)]
    found = [
        (batch[:, :, middle, middle], batch[:, :, near[:, 0], near[:, 1]])
        for batch in batches(pixels.spectra)
    ]
    spectra, neighbours = (np.concatenate(parts) for parts in zip(*found, strict=True))
    latent_random = torch.Generator().manual_seed(int(random.integers(2**62)))
    draws = DRAWN_VALUES // int(np.prod(pixels.spectra.shape[1:]))
    draws = min(max(draws, LEAST_DRAWS), MOST_DRAWS)

    def draw(code: int) -> NDArray[np.float32]:
        labels = torch.full((draws,), code)
        latents, weights = generator.draw_latents(labels, latent_random), one_hot(labels, classes)
        rows = [slice(start, start + BATCH) for start in range(0, draws, BATCH)]
        with torch.inference_mode():
            found = [generator(latents[part], weights[part])[:, 0] for part in rows]
        centres = torch.cat(found)[:, :, centre, centre].numpy()
        return front.decode(centres, weights.numpy().astype(float), None)[:, :, 0, 0]

    return ClassMoments.fit(spectra, neighbours.swapaxes(1, 2), pixels.codes, draw, random)


def _validation(
    pixels: TrainingPixels, front: Front, features: NDArray[np.float32], classes: int, seed: int
) -> Validate | None:
    if pixels.validation is None:
        return None
    patches, codes = pixels.validation
    encoded = front.encode(patches)
    return patch_distance(features, encoded, codes, classes, _deviations(front), seed)


def _deviations(front: Front) -> Array:
    """Return how much each feature weighs in distances, (C,)."""
    if isinstance(front, ComponentFront):
        return front.space.deviations
    return np.ones(front.features)


def _some(patches: NDArray[Any], config: PatchConfig, random: np.random.Generator) -> NDArray[Any]:
    """Draw at most as many unlabelled patches as the settings say, in their order."""
    if len(patches) <= config.unlabelled_patches:
        return patches
    pick = random.choice(len(patches), config.unlabelled_patches, replace=False)
    return patches[np.sort(pick)]


def _volume(features: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(features)[:, None]  # (N, 1, C, P, P)
