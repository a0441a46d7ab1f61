"""The kernel density that the spectral GAN starts from, fitted without a gradient.

A kernel sits on every training pixel. Along the leading directions of a class the kernels' centres
are pulled towards the mean as the kernels widen, so that the class keeps its variance there. Along
the many small ones they stay where they are: the variance that few pixels show there is less than
that of new pixels (Ledoit and Wolf, J. Multivariate Anal. 2004), and what the kernels add is a
twentieth of the class's variance at most. Along the small ones classes mostly share one covariance,
for few pixels cannot tell their own (Friedman, J. Am. Stat. Assoc. 1989, shares along all alike).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from hsigan.models.generators import KernelGenerator
from hsigan.synthesis.class_covariance import (
    Density,
    class_covariances,
    leading_projection,
    roots,
)
from hsigan.synthesis.feature_space import Array, FeatureSpace

PROBES = 400
"""Pixels of a class that its bandwidth is measured with, at most."""


def kernel_generator(
    space: FeatureSpace,
    spectra: NDArray[np.floating],
    codes: NDArray[np.int64],
    density: Density,
    random: np.random.Generator,
    **sizes: int,
) -> KernelGenerator:
    """Return a generator whose kernels are fitted and whose network is still flat.

    Parameters
    ----------
    space
        Fitted on the same pixels.
    spectra, codes
        Training pixels (N, B) and their class codes 0 ... K-1; every class has one at least.
    density
        How wide it is to be.
    sizes
        ``noise`` and ``width`` of the network.
    """
    order = np.argsort(codes, kind="stable")
    codes, spectra = codes[order], np.asarray(spectra)[order]
    features = space.encode(spectra)
    classes = int(codes.max()) + 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(random.integers(2**62)))
        generator = KernelGenerator(features.shape[1], classes, len(features), **sizes)
    covariances = class_covariances(features, codes, space.deviations, density)
    named = np.repeat(np.eye(classes)[:, None], PROBES, axis=1)
    counts = np.bincount(codes, minlength=classes)
    for code in range(classes):
        own = features[codes == code]
        mean = own.mean(axis=0)
        covariance = covariances[code]
        root, inverse = roots(covariance)
        leading = (own - mean) @ leading_projection(covariance, space.deviations, density.kept)
        centres = partial(_centres, anchors=(own - mean) @ inverse, leading=leading @ inverse)
        place = partial(_place, mean=mean, root=root)
        class_spectra = spectra[codes == code]
        bandwidth = _bandwidth(
            space, class_spectra, named[code], place, centres, density.reach, random
        )
        generator.means[code] = torch.from_numpy(mean)
        generator.roots[code] = torch.from_numpy(root)
        generator.bandwidths[code] = bandwidth
        kept = torch.from_numpy(centres(bandwidth)).float()
        generator.centres[torch.from_numpy(codes == code)] = kept
    generator.counts.copy_(torch.from_numpy(counts))
    generator.offsets.copy_(torch.from_numpy(np.cumsum(counts) - counts))
    return generator


def _bandwidth(
    space: FeatureSpace,
    spectra: NDArray[np.floating],
    weights: Array,
    place: Callable[[Array], Array],
    centres: Callable[[float], Array],
    reach: float,
    random: np.random.Generator,
) -> float:
    """Find the bandwidth at which samples lie ``reach`` times as far from the pixels as those do.

    ``spectra`` are the class's pixels, ``weights`` (PROBES, K) name the class, ``place`` maps
    class coordinates to features, ``centres`` a bandwidth to the kernels' centres (N, D). Distances
    are Euclidean in standardised bands.
    """
    if len(spectra) < 2:
        return 1.0
    real = (spectra - space.mean) / space.scale
    probes = real[random.permutation(len(real))[:PROBES]]
    spacing = float(np.median(np.sort(cdist(probes, real), axis=1)[:, 1]))
    pick = random.integers(len(real), size=PROBES)
    noise = random.standard_normal((PROBES, len(space.deviations)))
    low, high = 0.0, 1.0
    for _ in range(8):
        h = (low + high) / 2
        u = centres(h)[pick] + h * noise
        fakes = (space.decode(place(u), weights, random) - space.mean) / space.scale
        nearest = float(np.median(cdist(fakes, real).min(axis=1)))
        low, high = (h, high) if nearest < reach * spacing else (low, h)
    return high


def _centres(bandwidth: float, anchors: Array, leading: Array) -> Array:
    """Pull anchors (N, D) towards the mean along their leading part (N, D)."""
    centres: Array = anchors - (1 - np.sqrt(1 - bandwidth**2)) * leading
    return centres


def _place(u: Array, mean: Array, root: Array) -> Array:
    return mean + u @ root
