"""Arrays in, numbers out."""

from hsigan.metrics.accuracy import Accuracy, confusion_matrix, score
from hsigan.metrics.distribution import (
    Prdc,
    frechet_distance,
    kernel_mmd,
    median_pair_distance,
    paired_kernel_mmd,
    prdc,
    two_sample_accuracy,
)
from hsigan.metrics.neighbours import memorised_share, nearest_distance, neighbour_ratio
from hsigan.metrics.physical import (
    band_correlation_distance,
    deviation_ratio,
    outside_range_share,
    roughness,
    roughness_ratio,
)
from hsigan.metrics.space import SpectralSpace, fit_space, usable_dimensions
from hsigan.metrics.spatial import (
    Texture,
    autocorrelation_distance,
    autocorrelation_offset,
    check_patches,
    flat_patches,
    gradient_distance,
    gradient_ratio,
    measure_texture,
)
from hsigan.metrics.spectra import check_spectra, nearest_angle_deg, spectral_angle_deg

__all__ = [
    "Accuracy",
    "Prdc",
    "SpectralSpace",
    "Texture",
    "autocorrelation_distance",
    "autocorrelation_offset",
    "band_correlation_distance",
    "check_patches",
    "check_spectra",
    "confusion_matrix",
    "deviation_ratio",
    "fit_space",
    "flat_patches",
    "frechet_distance",
    "gradient_distance",
    "gradient_ratio",
    "kernel_mmd",
    "measure_texture",
    "median_pair_distance",
    "memorised_share",
    "nearest_angle_deg",
    "nearest_distance",
    "neighbour_ratio",
    "outside_range_share",
    "paired_kernel_mmd",
    "prdc",
    "roughness",
    "roughness_ratio",
    "score",
    "spectral_angle_deg",
    "two_sample_accuracy",
    "usable_dimensions",
]
