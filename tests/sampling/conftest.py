"""Label maps with real geometry, and small ones made here."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import loadmat

GROUND_TRUTH = {
    "botswana": ("Botswana_gt.mat", "Botswana_gt"),
    "houston_test": ("houston_gt.mat", "houston_gt_te"),
    "houston_train": ("houston_gt.mat", "houston_gt_tr"),
    "indian_pines": ("indian_pines_corrected_gt.mat", "indian_pines_gt"),
    "indian_pines_disjoint": ("indianpines_disjoint_dset.mat", "indianpines_disjoint_dset"),
    "ksc": ("KSC_gt.mat", "KSC_gt"),
    "pavia_centre": ("paviaC_gt.mat", "pavia_gt"),
    "pavia_university": ("paviaU_gt.mat", "paviaU_gt"),
    "salinas": ("salinas_gt.mat", "salinas_gt"),
}


@pytest.fixture(scope="session")
def ground_truth(data_dir: Path) -> dict[str, NDArray[Any]]:
    """Return every real label map by name."""
    folder = data_dir / "ground_truth"
    maps = {name: loadmat(folder / file)[key] for name, (file, key) in GROUND_TRUTH.items()}
    maps["salinas_a"] = loadmat(data_dir / "salinas_a" / "SalinasA_gt.mat")["salinasA_gt"]
    return maps


@pytest.fixture
def fields() -> NDArray[np.int64]:
    """Return a 60 x 60 map of 5 x 5 patches of four classes, a seventh of it without labels."""
    rng = np.random.default_rng(3)
    patches = rng.choice([1, 2, 5, 9], size=(12, 12))
    labels = np.kron(patches, np.ones((5, 5), dtype=np.int64))
    labels[rng.random(labels.shape) < 1 / 7] = 0
    return labels
