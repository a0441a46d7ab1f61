"""Fake patches of one partition: judged, pictured, and how their networks weigh the bands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hsigan.classification import make_classifier
from hsigan.classification.patch_estimator import PatchClassifier
from hsigan.evaluation.augmentation_partition import Partition
from hsigan.evaluation.patch_pictures import band_weight_arrays, patch_pictures
from hsigan.evaluation.patch_synthesis import FitClassifier, count_patch_steps, judge_patches
from hsigan.evaluation.synthesis import Progress, Setting, SynthesisResult
from hsigan.synthesis import SpectralGAN
from hsigan.synthesis.patch_gan import PatchGAN

JUDGES = ("ssftt", "lda")
"""Classifiers trained on fake patches alone. The first one's features, learned from real patches,
are what the Frechet distance on features compares."""
WEIGHED = 64
"""Training patches of a class over which a critic's weights of the bands are averaged, at most."""


def judge_partition(
    data: Partition,
    samples: Mapping[str, tuple[NDArray[Any], NDArray[Any]]],
    gans: Mapping[str, SpectralGAN],
    setting: Setting,
    report: Progress,
) -> SynthesisResult:
    """Judge patches on a partition; the arrays then hold pictures of them and weights of bands.

    Parameters
    ----------
    data : a partition of patches; all networks are trained on its training part alone
    samples : name -> fake patches (N, B, P, P) and their labels (N,)
    gans : name -> trained GAN, where there is one
    setting : what the records say, and the seed
    report : called at each of the ``count_judging_steps`` steps
    """

    def fitter(name: str) -> FitClassifier:
        return lambda X, y: make_classifier(name, None, setting.seed).fit(X, y).predict

    network = PatchClassifier(JUDGES[0], random_state=setting.seed).fit(data.X, data.y)
    report("trained the network whose features compare patches")
    held_out = (data.X_test, data.y_test)
    judged = judge_patches(
        (data.X, data.y),
        held_out,
        samples,
        setting,
        features=network.features,
        classifiers={name: fitter(name) for name in JUDGES},
        wavelengths_nm=data.wavelengths_nm,
        progress=report,
    )
    judged.arrays |= patch_pictures(held_out, samples, data.wavelengths_nm, setting.seed)
    for name, gan in gans.items():
        if isinstance(gan, PatchGAN) and gan.has_attention_:
            weights = gan.band_weights(random_state=setting.seed)
            judged.arrays |= band_weight_arrays(name, "generator", weights, gan.classes_)
            judged.arrays |= _critic_arrays(name, gan, data, setting.seed)
    return judged


def _critic_arrays(
    name: str, gan: PatchGAN, data: Partition, seed: int
) -> dict[str, NDArray[np.float32]]:
    """Return how the critic weighs the bands of some training patches of each class."""
    order = np.random.default_rng(seed).permutation(len(data.y))
    rows = np.concatenate([order[data.y[order] == label][:WEIGHED] for label in gan.classes_])
    if not len(rows):
        return {}
    weights = gan.critic_band_weights(data.X[rows], data.y[rows])
    return band_weight_arrays(name, "critic", weights, data.y[rows])


def count_judging_steps(classes: int, methods: int) -> int:
    """Return how often ``judge_partition`` reports progress."""
    return 1 + count_patch_steps(classes, methods, len(JUDGES))
