"""The kernel density that the spectral GAN starts from, fitted without a gradient."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from hsigan.models.generators import KernelGenerator
from hsigan.synthesis.feature_space import Array, FeatureSpace, own_share

PROBES = 400
"""Pixels of a class that its bandwidth is measured with, at most."""


def kernel_generator(
    space: FeatureSpace,
    spectra: NDArray[np.floating],
    codes: NDArray[np.int64],
    shrinkage: float,
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
    shrinkage
        How many pixels' worth of trust the pooled covariance has beside a class's own.
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
    pooled = _pooled_covariance(features, codes)
    named = np.repeat(np.eye(classes)[:, None], PROBES, axis=1)
    counts = np.bincount(codes, minlength=classes)
    for code in range(classes):
        own = features[codes == code]
        mean = own.mean(axis=0)
        root, inverse = _roots(_shrunk_covariance(own, pooled, space.deviations, shrinkage))
        anchors = (own - mean) @ inverse
        place = partial(_place, mean=mean, root=root)
        bandwidth = _bandwidth(space, spectra[codes == code], named[code], place, anchors, random)
        generator.means[code] = torch.from_numpy(mean)
        generator.roots[code] = torch.from_numpy(root)
        generator.bandwidths[code] = bandwidth
        generator.anchors[torch.from_numpy(codes == code)] = torch.from_numpy(anchors).float()
    generator.counts.copy_(torch.from_numpy(counts))
    generator.offsets.copy_(torch.from_numpy(np.cumsum(counts) - counts))
    return generator


def _bandwidth(
    space: FeatureSpace,
    spectra: NDArray[np.floating],
    weights: Array,
    place: Callable[[Array], Array],
    anchors: Array,
    random: np.random.Generator,
) -> float:
    """Find the bandwidth at which samples are as far from the training pixels as those are apart.

    ``spectra`` are the class's pixels, ``weights`` (PROBES, K) name the class, ``place`` maps
    class coordinates to features. Distances are Euclidean in standardised bands.
    """
    if len(spectra) < 2:
        return 1.0
    real = (spectra - space.mean) / space.scale
    probes = real[random.permutation(len(real))[:PROBES]]
    spacing = float(np.median(np.sort(cdist(probes, real), axis=1)[:, 1]))
    pick = random.integers(len(anchors), size=PROBES)
    noise = random.standard_normal((PROBES, anchors.shape[1]))
    low, high = 0.0, 1.0
    for _ in range(8):
        h = (low + high) / 2
        u = np.sqrt(1 - h**2) * anchors[pick] + h * noise
        fakes = (space.decode(place(u), weights, random) - space.mean) / space.scale
        nearest = float(np.median(cdist(fakes, real).min(axis=1)))
        low, high = (h, high) if nearest < spacing else (low, h)
    return high


def _place(u: Array, mean: Array, root: Array) -> Array:
    return mean + u @ root


def _pooled_covariance(features: Array, codes: NDArray[np.int64]) -> Array:
    classes = int(codes.max()) + 1
    means = np.stack([features[codes == code].mean(axis=0) for code in range(classes)])
    within = features - means[codes]
    if len(features) <= classes:  # one pixel each: all that is known is the spread between them
        within = features - features.mean(axis=0)
    pooled: Array = within.T @ within / max(1, len(features) - classes)
    return pooled


def _shrunk_covariance(own: Array, pooled: Array, deviations: Array, shrinkage: float) -> Array:
    """Mix a class's covariance with the pooled one, scaled to the class's own total variance."""
    trust = own_share(len(own), shrinkage)
    if trust == 0:
        return pooled
    covariance = np.atleast_2d(np.cov(own.T))
    variance = deviations**2  # totals are compared in standardised bands, not whitened features
    scale = (np.diag(covariance) @ variance) / max(float(np.diag(pooled) @ variance), 1e-12)
    mixed: Array = trust * covariance + (1 - trust) * scale * pooled
    return mixed


def _roots(covariance: Array) -> tuple[Array, Array]:
    """Return the symmetric square root and its inverse."""
    values, vectors = np.linalg.eigh(covariance)
    roots = np.sqrt(np.maximum(values, 1e-8 * max(values[-1], 1e-12)))
    return (vectors * roots) @ vectors.T, (vectors / roots) @ vectors.T
