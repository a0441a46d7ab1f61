"""From checked arrays to a trained generator, for each objective."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hsigan.scene.scaling import SpectralScaler
from hsigan.synthesis.feature_space import FeatureSpace
from hsigan.synthesis.kernels import kernel_generator
from hsigan.synthesis.trained import HyperSpectra, KernelSpectra, Trained
from hsigan.synthesis.validation import validation_distance
from hsigan.training.hypergan import HyperganConfig, SpectraTensors, train_hypergan
from hsigan.training.run_folder import RunFolder
from hsigan.training.spectral import FeatureTensors, SpectralConfig, train_spectral
from hsigan.training.state import Report, TrainingState

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class TrainingPixels:
    """Spectra (N, B) with class codes 0 ... K-1; validation pixels likewise; unlabelled spectra."""

    spectra: Floats
    codes: Codes
    validation: tuple[Floats, Codes] | None = None
    unlabelled: Floats | None = None

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
    generator, state = train_hypergan(data, config, seed, run, report)
    return HyperSpectra(generator.cpu(), scaler), state


def _train_spectral(
    config: SpectralConfig,
    pixels: TrainingPixels,
    seed: int,
    device: str,
    run: RunFolder | None,
    report: Report | None,
) -> tuple[KernelSpectra, TrainingState]:
    random = np.random.default_rng(seed)
    shrinkage = config.shrinkage
    space = FeatureSpace.fit(pixels.spectra, pixels.codes, config.features, shrinkage, random)
    sizes = {"noise": config.noise, "width": config.width}
    generator = kernel_generator(space, pixels.spectra, pixels.codes, shrinkage, random, **sizes)
    unlabelled = pixels.unlabelled
    data = FeatureTensors(
        torch.from_numpy(space.encode(pixels.spectra)).float(),
        torch.from_numpy(pixels.codes),
        pixels.classes,
        None if unlabelled is None else torch.from_numpy(space.encode(unlabelled)).float(),
    ).to(torch.device(device))
    validate = None
    if pixels.validation is not None:
        validate = validation_distance(space, *pixels.validation, pixels.classes, seed)
    generator, state = train_spectral(
        data, generator.to(device), config, seed, validate, run, report
    )
    return KernelSpectra(generator.cpu(), space), state
