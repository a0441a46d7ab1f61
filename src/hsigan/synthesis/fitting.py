"""From checked arrays to a trained generator, for each objective."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hsigan.scene.scaling import SpectralScaler
from hsigan.synthesis.class_covariance import REST_SHRINKAGE, Density
from hsigan.synthesis.feature_space import FeatureSpace
from hsigan.synthesis.kernels import kernel_generator
from hsigan.synthesis.shrinkage import likeliest_shrinkages
from hsigan.synthesis.trained import HyperSpectra, KernelSpectra, Trained
from hsigan.synthesis.validation import FEATURES, LEAST, scaled_distance, validation_distance
from hsigan.training.hypergan import HyperganConfig, SpectraTensors, train_hypergan
from hsigan.training.run_folder import RunFolder
from hsigan.training.spectral import FeatureTensors, SpectralConfig, train_spectral
from hsigan.training.state import Report, TrainingState

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class TrainingPixels:
    """Spectra (N, B) with class codes 0 ... K-1; validation pixels likewise; unlabelled spectra.

    Patches (N, B, P, P) travel likewise, where a GAN is trained on patches.
    """

    spectra: NDArray[Any]
    codes: Codes
    validation: tuple[NDArray[Any], Codes] | None = None
    unlabelled: NDArray[Any] | None = None

    @property
    def classes(self) -> int:
        """K."""
        return int(self.codes.max()) + 1


def train(
    config: HyperganConfig | SpectralConfig,
    pixels: TrainingPixels,
    seed: int,
    device: str = "cpu",
    run: RunFolder | None = None,
    report: Report | None = None,
) -> tuple[Trained, TrainingState]:
    """Scale or encode with what the training pixels show, train, and join the two."""
    if isinstance(config, HyperganConfig):
        return _train_hypergan(config, pixels, seed, device, run, report)
    return _train_spectral(config, pixels, seed, device, run, report)


def _train_hypergan(
    config: HyperganConfig,
    pixels: TrainingPixels,
    seed: int,
    device: str,
    run: RunFolder | None,
    report: Report | None,
) -> tuple[HyperSpectra, TrainingState]:
    scaler = SpectralScaler("minmax").fit(pixels.spectra)
    unlabelled = pixels.unlabelled
    data = SpectraTensors(
        torch.from_numpy(scaler.transform(pixels.spectra)),
        torch.from_numpy(pixels.codes),
        pixels.classes,
        None if unlabelled is None else torch.from_numpy(scaler.transform(unlabelled)),
    ).to(torch.device(device))
    validate = None
    if pixels.validation is not None:
        random = np.random.default_rng(seed)
        space = FeatureSpace.fit(pixels.spectra, pixels.codes, FEATURES, 1.0, random)
        known = 0 if config.mode == "unsupervised" else pixels.classes
        validate = scaled_distance(space, scaler, pixels.validation, known, seed)
    generator, state = train_hypergan(data, config, seed, run, report, validate)
    return HyperSpectra(generator.cpu(), scaler), state


def _train_spectral(
    config: SpectralConfig,
    pixels: TrainingPixels,
    seed: int,
    device: str,
    run: RunFolder | None,
    report: Report | None,
) -> tuple[KernelSpectra, TrainingState]:
    if pixels.validation is not None:
        return _bend_kernels(config, pixels, seed, device, run, report)
    # No validation pixels: a fifth of the training pixels says how many steps help, and a second
    # training with all of them takes as many. Where a fifth is too little to tell, none.
    part, held_out = _hold_out(pixels, seed)
    steps = 0
    if held_out is not None and config.steps:
        trial = replace(part, validation=held_out)
        _, state = _bend_kernels(config, trial, seed, device, None, report)
        if state.interrupted:  # how many steps help is not known yet: train none, or none further
            unbent = config.model_copy(update={"steps": 0})
            trained, state = _bend_kernels(unbent, pixels, seed, device, run, report)
            state.interrupted = True
            return trained, state
        steps = int(state.numbers["best_step"])
    chosen = config.model_copy(update={"steps": steps})
    return _bend_kernels(chosen, pixels, seed, device, run, report)


def _bend_kernels(
    config: SpectralConfig,
    pixels: TrainingPixels,
    seed: int,
    device: str,
    run: RunFolder | None,
    report: Report | None,
) -> tuple[KernelSpectra, TrainingState]:
    random = np.random.default_rng(seed)
    chosen = config.rest_shrinkage
    outside = REST_SHRINKAGE if isinstance(chosen, str) else chosen
    space = FeatureSpace.fit(pixels.spectra, pixels.codes, config.features, outside, random)
    features = space.encode(pixels.spectra)
    rest: Floats | float = outside
    if isinstance(chosen, str):  # "auto"
        rest = likeliest_shrinkages(features, pixels.codes, space.deviations)
    sizes = {"noise": config.noise, "width": config.width}
    density = Density(config.shrinkage, rest, config.reach, config.kept_variance)
    generator = kernel_generator(space, pixels.spectra, pixels.codes, density, random, **sizes)
    unlabelled = pixels.unlabelled
    data = FeatureTensors(
        torch.from_numpy(features).float(),
        torch.from_numpy(pixels.codes),
        pixels.classes,
        None if unlabelled is None else torch.from_numpy(space.encode(unlabelled)).float(),
    ).to(torch.device(device))
    validate = None
    if pixels.validation is not None:
        validate = validation_distance(space, *pixels.validation, pixels.classes, seed)
        if validate is None:  # nothing can tell a better generator from a worse one
            config = config.model_copy(update={"steps": 0})
    generator, state = train_spectral(
        data, generator.to(device), config, seed, validate, run, report
    )
    return KernelSpectra(generator.cpu(), space), state


def _hold_out(
    pixels: TrainingPixels, seed: int
) -> tuple[TrainingPixels, tuple[Floats, Codes] | None]:
    """Set a fifth of each class aside that has pixels enough to be compared."""
    random = np.random.default_rng(seed)
    aside = np.zeros(len(pixels.codes), dtype=bool)
    for code in range(pixels.classes):
        own = random.permutation(np.flatnonzero(pixels.codes == code))
        if len(own) >= 5 * LEAST:
            aside[own[: len(own) // 5]] = True
    if not aside.any():
        return pixels, None
    part = replace(pixels, spectra=pixels.spectra[~aside], codes=pixels.codes[~aside])
    return part, (pixels.spectra[aside], pixels.codes[aside])
