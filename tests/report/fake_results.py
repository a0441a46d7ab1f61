"""A results folder such as the evaluations write, drawn from a seed."""

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from hsigan.evaluation.results import FLOOR, FLOOR_HIGH, FLOOR_LOW, Record, ResultsFolder

CLASS_NAMES = (
    "Broccoli, green weeds",
    "Corn, senesced",
    "Lettuce, 4 weeks <script>alert(1)</script>",
    "Lettuce, 5 weeks",
    "Lettuce, 6 weeks & costs $x^2$",
    "A very long class name that nobody wanted to have, but the legend of the survey has it so",
)
CLASSIFIERS = ("best", "nn-1d", "lda", "svm-linear", "svm-rbf", "random-forest")
METHODS = (
    "spectral",
    "hypergan",
    "auto",
    "duplication",
    "gaussian",
    "smote",
    "mixup",
    "relighting",
)
BANDS, HEIGHT, WIDTH = 120, 60, 84

Floats = NDArray[np.float64]


def write_fake_results(
    folder: Path,
    class_names: tuple[str, ...] = CLASS_NAMES,
    methods: tuple[str, ...] = METHODS,
    seeds: int = 10,
) -> ResultsFolder:
    """Write records, facts and arrays of a whole study with these classes and methods."""
    rng = np.random.default_rng(7)
    ids = [1, *range(10, 9 + len(class_names))]
    store = ResultsFolder(folder)
    store.append(synthesis_records(rng, ids, methods))
    store.append(augmentation_records(rng, methods, seeds))
    store.write_experiment(
        {
            "title": "Synthetic spectra of a simulated valley",
            "command": "hsigan evaluate synthesis valley.hdr --train 0.03 -o results",
            "options": {"train": 0.03, "validation": 0.2, "recipe": "spectral", "resume": True},
            "scene": {
                "name": "valley",
                "shape": [HEIGHT, WIDTH],
                "class_ids": ids,
                "class_names": list(class_names),
                "bands": BANDS,
            },
            "seeds": list(range(seeds)),
            "seconds": 431.0,
        }
    )
    store.save_arrays(picture_arrays(rng, ids, methods))
    store.write_summary()
    return store


def synthesis_records(
    rng: np.random.Generator, ids: list[int], methods: tuple[str, ...]
) -> list[Record]:
    """Return figures per class and overall with their floors, and Table 1."""
    centres = {
        "frechet_distance": 0.31,
        "kernel_mmd": 0.0006,
        "two_sample_accuracy": 51.0,
        "coverage": 0.93,
        "precision": 0.90,
        "recall": 0.88,
        "deviation_ratio": 1.0,
        "neighbour_ratio": 1.02,
        "memorised_share": 0.05,
        "roughness_ratio": 1.0,
    }
    records = []
    for class_id in (*ids, None):
        for metric, centre in centres.items():
            floor = centre * rng.uniform(0.95, 1.05)
            place = {"metric": metric, "class_id": class_id}
            bounds = zip((FLOOR, FLOOR_LOW, FLOOR_HIGH), (1.0, 0.93, 1.07), strict=True)
            records += [_record("synthesis", method=m, value=floor * f, **place) for m, f in bounds]
            for index, method in enumerate(methods):
                value = floor * rng.normal(1 + 0.12 * index, 0.04)
                if metric in ("coverage", "precision", "recall"):
                    value = floor * rng.normal(1 - 0.06 * index, 0.01)
                records.append(_record("synthesis", method=method, value=value, **place))
        for index, method in enumerate(methods):
            value = float(np.exp(rng.normal(0.03 + 0.35 * index, 0.2)))
            place = {"metric": "frechet_over_floor", "class_id": class_id}
            records.append(_record("synthesis", method=method, value=value, **place))
    for classifier in ("svm-linear", "lda"):
        for method in (FLOOR, *methods):
            for cell in ("real_real", "real_fake", "fake_fake", "fake_real", "both_real"):
                place = {"metric": f"accuracy_{cell}", "classifier": classifier, "unit": "%"}
                value = rng.normal(97.5, 0.8)
                records.append(_record("synthesis", method=method, value=value, **place))
    return records


def augmentation_records(
    rng: np.random.Generator, methods: tuple[str, ...], seeds: int
) -> list[Record]:
    """Return accuracies over seeds: every method, classifier and amount."""
    records = []
    for seed in range(seeds):
        partition = rng.normal(0, 1.5)
        for strength, classifier in enumerate(CLASSIFIERS):
            alone = 88.0 + strength + partition
            place = {"classifier": classifier, "seed": seed, "unit": "%"}
            records += _accuracies("none", alone, None, place)
            for index, method in enumerate(methods):
                for amount in (0.5, 1.0, 2.0, 5.0):
                    gain = 0.9 - 0.25 * index - 0.2 * np.log(amount) ** 2
                    value = alone + rng.normal(gain, 0.6)
                    records += _accuracies(method, value, amount, place)
    return records


def _accuracies(
    method: str, value: float, amount: float | None, place: dict[str, object]
) -> list[Record]:
    figures = {
        "overall_accuracy": value,
        "average_accuracy": value - 2,
        "gain_over_best": value - 92,
    }
    return [
        _record("augmentation", method=method, metric=metric, value=figure, amount=amount, **place)
        for metric, figure in figures.items()
    ]


def _record(experiment: str, **keys: object) -> Record:
    return Record(experiment=experiment, scene="valley", split="random 3 %", **keys)  # type: ignore[arg-type]


def picture_arrays(
    rng: np.random.Generator, ids: list[int], methods: tuple[str, ...]
) -> dict[str, NDArray[np.generic]]:
    """Return the scene, its labels and split, spectra, components, interpolations and a map."""
    wavelengths = np.concatenate([np.linspace(410, 1340, 70), np.linspace(1440, 2450, BANDS - 70)])
    means = {class_id: _spectrum(rng, wavelengths) for class_id in ids}
    labels = _patches(rng, ids)
    split = np.where(labels > 0, rng.choice([1, 2, 3], labels.shape, p=[0.04, 0.02, 0.94]), 0)
    arrays: dict[str, NDArray[np.generic]] = {
        "wavelengths_nm": wavelengths,
        "scene/0/labels": labels,
        "scene/0/split": split.astype(np.uint8),
        "scene/0/rgb": _colours(rng, labels, means),
        "map/svm-linear/0": np.where(labels > 0, labels, ids[0]),
        "attention/whatever": np.zeros(3),
    }
    for index, method in enumerate(("real", "train", *methods)):
        points, owners = [], []
        for class_id, mean in means.items():
            width = max(1 - 0.06 * index, 0.2)
            arrays[f"spectra/{method}/{class_id}/mean"] = mean * (1 + 0.01 * index)
            arrays[f"spectra/{method}/{class_id}/std"] = 0.06 * mean * width + 20
            centre = np.array([np.cos(class_id), np.sin(class_id)]) * 3
            points.append(rng.normal(centre, 0.5 * width, (120, 2)))
            owners += [class_id] * 120
        arrays[f"pca/{method}/points"] = np.concatenate(points).astype(np.float32)
        arrays[f"pca/{method}/labels"] = np.array(owners)
    for class_id, mean in means.items():
        gains = np.linspace(0.92, 1.08, 9)[:, None]
        arrays[f"interpolation/within/{class_id}"] = mean * gains
    weights = np.linspace(0, 1, 9)[:, None]
    for first, last in pairwise(ids):
        passage = (1 - weights) * means[first] + weights * means[last]
        arrays[f"interpolation/between/{first}-{last}"] = passage
    return arrays


def _spectrum(rng: np.random.Generator, wavelengths: Floats) -> Floats:
    bumps = [
        height * np.exp(-(((wavelengths - centre) / width) ** 2))
        for height, centre, width in zip(
            rng.uniform(300, 2500, 6),
            rng.uniform(400, 2400, 6),
            rng.uniform(80, 500, 6),
            strict=True,
        )
    ]
    return np.asarray(400 + np.sum(bumps, axis=0))


def _patches(rng: np.random.Generator, ids: list[int]) -> NDArray[np.int32]:
    fields = [
        ndimage.gaussian_filter(rng.normal(size=(HEIGHT, WIDTH)), 7) for _ in range(len(ids) + 2)
    ]
    winner = np.argmax(fields, axis=0)
    return np.array([*ids, 0, 0], dtype=np.int32)[winner]


def _colours(
    rng: np.random.Generator, labels: NDArray[np.int32], means: dict[int, Floats]
) -> NDArray[np.uint8]:
    image = np.full((*labels.shape, 3), 90.0)
    for class_id, mean in means.items():
        image[labels == class_id] = mean[[25, 14, 5]] / mean.max() * 200
    return np.clip(image + rng.normal(0, 9, image.shape), 0, 255).astype(np.uint8)
