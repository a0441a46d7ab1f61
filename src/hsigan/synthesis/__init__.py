"""Estimators that learn labelled spectra and draw new ones; sample files."""

from hsigan.synthesis.oversampler import GANOverSampler
from hsigan.synthesis.samples import Samples, load_samples
from hsigan.synthesis.spectral_gan import SpectralGAN

__all__ = ["GANOverSampler", "Samples", "SpectralGAN", "load_samples"]
