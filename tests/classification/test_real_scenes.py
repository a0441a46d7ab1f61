"""What is known about the real scenes holds: published facts, not our own figures."""

from pathlib import Path

import numpy as np

from hsigan.classification import tune
from hsigan.evaluation.augmentation_partition import make_partition
from hsigan.sampling import SplitOptions, split_scenes
from hsigan.scene import open_scene


def test_a_linear_svm_reaches_about_98_percent_on_salinas_a(data_dir: Path) -> None:
    folder = data_dir / "salinas_a"
    scene = open_scene(folder / "SalinasA_corrected.mat", labels=folder / "SalinasA_gt.mat")
    accuracies = []
    for seed in range(3):
        split = split_scenes([scene], SplitOptions(train=0.03, seed=seed))
        data = make_partition([scene], split, seed)
        pixels = (data.X, data.y, data.X_validation, data.y_validation)
        fitted = tune("svm-linear", *pixels).build().fit(data.X, data.y)
        accuracies.append(100.0 * (fitted.predict(data.X_test) == data.y_test).mean())
    assert 96.5 < np.mean(accuracies) < 99.5
