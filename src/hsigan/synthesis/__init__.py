"""Estimators that learn labelled spectra or patches and draw new ones; sample files."""

from hsigan.synthesis.balance import balancing_counts
from hsigan.synthesis.oversampler import GANOverSampler
from hsigan.synthesis.patch_gan import PatchGAN
from hsigan.synthesis.samples import Samples, load_samples
from hsigan.synthesis.spectral_gan import SpectralGAN

__all__ = [
    "GANOverSampler",
    "PatchGAN",
    "Samples",
    "SpectralGAN",
    "balancing_counts",
    "load_samples",
]
