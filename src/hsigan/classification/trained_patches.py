"""A trained classifier of patches on disk: its network, and a few patches to know it by.

``network.safetensors`` holds the weights and the scaling, ``training.npz`` some patches of the
training set and the probabilities that the network gave them. A network on another machine must
give nearly the same. Beside the head of a critic, ``gan`` holds the GAN that the critic is of.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hsigan.classification.critic_features import CriticFeatures
from hsigan.classification.patch_estimator import PatchClassifier, Patches
from hsigan.errors import RunError
from hsigan.synthesis.patch_gan import PatchGAN
from hsigan.training.run_folder import RunFolder

PatchReader = PatchClassifier | CriticFeatures
"""A classifier of patches (N, B, P, P)."""
_GAN = "gan"
_PROBES = 32
# bf16 on one machine and fp32 on another change probabilities by less, another network by more.
_MOST_DIFFERENCE = 0.1


def save_network(run: RunFolder, classifier: PatchReader) -> None:
    """Write weights, scaling and settings as ``network.safetensors``."""
    if isinstance(classifier, CriticFeatures):
        classifier.gan.save(run.path / _GAN)
    run.save("network", *classifier.state())


def probe_arrays(classifier: PatchReader, X: Patches) -> dict[str, NDArray[Any]]:
    """Return patches (n, B, P, P) spread over the training set, and their probabilities (n, K)."""
    spread = np.unique(np.linspace(0, len(X) - 1, _PROBES).astype(np.int64))
    patches = np.asarray(X[spread], dtype=np.float32)
    return {"patches": patches, "probabilities": classifier.predict_proba(patches)}


def load_network(
    run: RunFolder, arrays: dict[str, NDArray[Any]], device: str = "cpu"
) -> PatchReader:
    """Read a classifier of patches and see that it decides as it did.

    Raises
    ------
    RunError
        The weights are missing or damaged, or the libraries here compute something else.
    """
    tensors, facts = run.load("network")
    classifier: PatchReader
    if facts.get("name") == CriticFeatures.name:
        gan = PatchGAN.load(run.path / _GAN)
        classifier = CriticFeatures.from_state(gan, tensors, facts)
    else:
        classifier = PatchClassifier.from_state(tensors, facts, device)
    chances = classifier.predict_proba(arrays["patches"])
    difference = float(np.abs(chances - arrays["probabilities"]).max())
    if not difference <= _MOST_DIFFERENCE:
        raise RunError(
            f"the classifier in {run.path} gives its training patches other probabilities than "
            f"when it was trained (by up to {difference:.2f}): install the versions that its "
            "environment.json names, or train it again"
        )
    return classifier
