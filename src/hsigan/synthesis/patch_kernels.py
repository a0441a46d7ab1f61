"""The density of whole patches that recipe ``patch`` starts from, fitted without a gradient."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from hsigan.models.patch_kernels import PatchKernelGenerator
from hsigan.synthesis.feature_space import Array
from hsigan.synthesis.shrinkage import own_share

PROBES = 200
"""Patches of a class that its bandwidth is measured with, at most."""
ANCHORS = 1000
"""Training patches of a class that the density keeps, at most."""


def patch_kernel_generator(
    features: NDArray[np.float32],
    codes: NDArray[np.int64],
    deviations: Array,
    random: np.random.Generator,
    **sizes: int,
) -> PatchKernelGenerator:
    """Return a generator whose density is fitted and whose network is still flat.

    Parameters
    ----------
    features, codes
        Of the training patches: (N, C, P, P) and class codes 0 ... K-1; each class has one at
        least.
    deviations
        (C,) standard deviation along each component, by which features weigh in distances.
    sizes
        ``noise`` and ``width`` of the network.
    """
    classes = int(codes.max()) + 1
    members = [random.permutation(np.flatnonzero(codes == code)) for code in range(classes)]
    own = [features[rows[:ANCHORS]] for rows in members]
    counts = np.array([len(rows) for rows in own])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(random.integers(2**62)))
        shape = int(features.shape[1]), int(features.shape[2])  # C, P
        generator = PatchKernelGenerator(*shape, classes, int(counts.sum()), **sizes)
    means = np.stack([rows.mean(axis=0) for rows in own])
    anchors = [rows - mean for rows, mean in zip(own, means, strict=True)]
    if counts.max() == 1:  # all that is known is the spread between the classes
        anchors = list((means - means.mean(axis=0))[:, None])
    energies = np.array([(rows**2).sum() / max(1, len(rows) - 1) for rows in anchors])
    pooled = float((energies * (counts - 1)).sum() / max(1, (counts - 1).sum())) + 1e-12
    shares = np.array([own_share(int(count), 1.0) for count in counts])
    generator.means.copy_(torch.from_numpy(means))
    generator.anchors.copy_(torch.from_numpy(np.concatenate(anchors)))
    generator.counts.copy_(torch.from_numpy(counts))
    generator.offsets.copy_(torch.from_numpy(np.cumsum(counts) - counts))
    generator.own_shares.copy_(torch.from_numpy(shares))
    scales = np.where(counts > 1, energies / pooled, 1.0)
    generator.pooled_scales.copy_(torch.from_numpy(scales))
    for code, rows in enumerate(own):
        generator.bandwidths[code] = _bandwidth(generator, code, rows, deviations, random)
    return generator


def _bandwidth(
    generator: PatchKernelGenerator,
    code: int,
    own: NDArray[np.float32],
    deviations: Array,
    random: np.random.Generator,
) -> float:
    """Find the bandwidth at which samples are as far from training patches as those are apart."""
    if len(own) < 2:
        return 1.0
    weighted = (own * deviations[:, None, None]).reshape(len(own), -1)
    probes = weighted[random.permutation(len(own))[:PROBES]]
    spacing = float(np.median(np.sort(cdist(probes, weighted), axis=1)[:, 1]))
    labels = torch.full((PROBES,), code)
    weights = torch.eye(generator.classes)[labels]
    seed = int(random.integers(2**62))
    low, high = 0.0, 1.0
    for _ in range(8):
        h = (low + high) / 2
        generator.bandwidths[code] = h
        latents = generator.draw_latents(labels, torch.Generator().manual_seed(seed))
        fakes = generator.base(latents, weights).numpy() * deviations[:, None, None]
        nearest = float(np.median(cdist(fakes.reshape(PROBES, -1), weighted).min(axis=1)))
        low, high = (h, high) if nearest < spacing else (low, h)
    return high
