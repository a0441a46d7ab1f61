"""What a trained critic sees, as the features of a classifier: frozen, and trained further.

Command: ``python benchmarks/critic_features.py --recipe salinas-a-patches -o docs/results/NAME``

In each partition the recipe ``factorised-conditional`` is trained twice, for some steps and for a
single one, whose critic has seen next to nothing; on the features of either a classifier learns
from the real patches. Beside them stand linear discriminant analysis on the centre pixel and
``ssftt``. All learn from the same pixels. An interrupted run continues.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from hsigan import PatchGAN
from hsigan.classification import CriticFeatures, tune
from hsigan.cli.experiment import experiment_config, open_experiment, with_class_ids
from hsigan.cli.options import Reading
from hsigan.evaluation.augmentation_partition import Partition, make_partition
from hsigan.evaluation.results import Record, ResultsFolder
from hsigan.metrics.accuracy import score
from hsigan.sampling import split_scenes

EXPERIMENT = "critic features"
PLAIN = ("lda", "ssftt")


def classifiers(data: Partition, steps: int) -> Iterator[tuple[str, object]]:
    """Yield classifiers that were fitted on a partition's real patches, by name."""
    few = not len(data.y_validation)
    held_out = (None, None) if few else (data.X_validation, data.y_validation)
    for name in PLAIN:
        classifier = tune(name, data.X, data.y, *held_out, seed=data.seed).build(data.seed)
        ends_by_validation = name == "ssftt"
        yield name, classifier.fit(data.X, data.y, *(held_out if ends_by_validation else ()))
    for count in (1, steps):
        gan = PatchGAN("factorised-conditional", {"steps": count}, random_state=data.seed)
        gan.fit(data.X, data.y, *held_out)
        for tuning in ("frozen", "fine-tuned"):
            fitted = CriticFeatures(gan, tuning, data.seed).fit(data.X, data.y, *held_out)
            yield f"{tuning}, critic after {count} steps", fitted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="salinas-a-patches")
    parser.add_argument("--seeds", type=int, default=5, help="partitions")
    parser.add_argument("--steps", type=int, default=150, help="steps of the GAN")
    parser.add_argument("-o", "--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    started = time.perf_counter()
    config = experiment_config(arguments.recipe, {}, {}, [])
    scenes = open_experiment([], config, Reading())
    config = with_class_ids(config, scenes[0])
    folder = ResultsFolder(arguments.out)
    for seed in range(arguments.seeds):
        if (seed,) in folder.done("seed"):
            continue
        split = split_scenes(scenes, config.split_options(seed))
        data = make_partition(scenes, split, seed, patch_px=config.patch_px)
        records = []
        for name, classifier in classifiers(data, arguments.steps):
            accuracy = score(data.y_test, classifier.predict(data.X_test), data.classes)
            print(f"partition {seed}  {name:36s} {accuracy.overall_percent:6.2f} %", flush=True)
            records.append(
                Record(
                    experiment=EXPERIMENT,
                    scene=arguments.recipe,
                    split=config.split_name(),
                    method=name,
                    seed=seed,
                    metric="overall_accuracy",
                    value=accuracy.overall_percent,
                    unit="%",
                )
            )
        folder.append(records)
    options = f"--recipe {arguments.recipe} --seeds {arguments.seeds} --steps {arguments.steps}"
    command = f"python benchmarks/critic_features.py {options}"
    folder.write_experiment(
        {
            "title": "A critic's features as those of a classifier",
            "command": f"{command} -o docs/results/{arguments.out.name}",
            "seeds": list(range(arguments.seeds)),
            "seconds": round(time.perf_counter() - started, 1),
        }
    )


if __name__ == "__main__":
    main()
