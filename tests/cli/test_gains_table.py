"""The table that `hsigan evaluate augmentation` prints."""

import pytest

from hsigan.cli.evaluate_augmentation import print_gains
from hsigan.evaluation.augmentation_config import AugmentationConfig
from hsigan.evaluation.results import Record

CONFIG = AugmentationConfig(methods=("none", "gaussian"))


def _records(seeds: int) -> list[Record]:
    return [
        Record(
            "augmentation", "s", method, "overall_accuracy", 80.0 + gain * (seed + 1),
            amount=amount, classifier="random-forest", seed=seed,
        )
        for seed in range(seeds)
        for method, amount, gain in (("none", None, 0.0), ("gaussian", 1.0, 1.5))
    ]  # fmt: skip


def test_one_partition_has_no_interval_and_two_have(capsys: pytest.CaptureFixture[str]) -> None:
    print_gains(_records(1), CONFIG)
    printed = capsys.readouterr().out
    assert "+1.50" in printed
    assert "nan" not in printed
    assert "random-forest" in printed
    print_gains(_records(2), CONFIG)
    assert "-7.28 to +11.78" in capsys.readouterr().out
