"""How real are the fakes: every figure per class and overall, beside its real-against-real floor.

The floor answers what a figure would be for real pixels: training pixels drawn with repetition
against held-out pixels (or held-out ones against the training pixels, where a figure measures the
distance to those), as many as there are fakes, twenty times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hsigan.evaluation.accuracy_table import AccuracyJudge
from hsigan.evaluation.class_figures import UNITS, ClassJudge
from hsigan.evaluation.figure_records import Figures, FloorDraws, figure_records
from hsigan.evaluation.labelled import Labelled, counts_of, require_same_classes
from hsigan.evaluation.results import FLOOR, Record
from hsigan.metrics import SpectralSpace, fit_space

Progress = Callable[[str], None]
_HELD_OUT_AT_MOST = 2000


@dataclass(frozen=True)
class Setting:
    """What every record of one evaluation says, and how much is drawn."""

    scene: str
    split: str | None = None
    labels_per_class: int | None = None
    seed: int = 0
    experiment: str = "synthesis"
    floor_draws: int = 20
    points_per_method: int = 2000

    def record(self, method: str, metric: str, value: float, **keys: Any) -> Record:
        """Return a record of this setting."""
        return Record(
            experiment=self.experiment,
            scene=self.scene,
            split=self.split,
            labels_per_class=self.labels_per_class,
            seed=self.seed,
            method=method,
            metric=metric,
            value=value,
            **keys,
        )


@dataclass
class SynthesisResult:
    """Records for ``results.jsonl`` and arrays for ``arrays.npz``."""

    records: list[Record] = field(default_factory=list)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)


def evaluate_synthesis(
    train: tuple[ArrayLike, ArrayLike],
    held_out: tuple[ArrayLike, ArrayLike],
    samples: Mapping[str, tuple[ArrayLike, ArrayLike]],
    setting: Setting,
    *,
    wavelengths_nm: ArrayLike | None = None,
    progress: Progress | None = None,
) -> SynthesisResult:
    """Judge the samples of any number of generators on one split.

    All are judged on equally many spectra per class: as many as the method with the fewest has.

    Parameters
    ----------
    train : (X, y)
        Real training spectra (N, B) in the scene's units and their class ids (N,).
    held_out : (X, y)
        Real spectra of the same classes that no generator saw; at most 2000 per class are used.
    samples : mapping of name to (X, y)
        Fakes of all those classes, in the same units and bands.
    setting : Setting
        What the records say, the seed, the number of draws of the floor.
    wavelengths_nm : array-like, (B,), optional
        Copied into the arrays.
    progress : callable, optional
        Called with a few words at each of the ``count_steps`` steps.

    Raises
    ------
    InputError, LabelError
        Arrays that do not fit each other, or a class that is missing somewhere.
    """
    real = Labelled.checked(*train, "training spectra")
    bands = real.spectra.shape[1]
    unseen = Labelled.checked(*held_out, "held-out spectra", bands)
    require_same_classes(unseen, real.classes, "the held-out pixels")
    fakes = {
        name: Labelled.checked(*pair, f"samples {name!r}", bands) for name, pair in samples.items()
    }
    for name, fake in fakes.items():
        require_same_classes(fake, real.classes, f"samples {name!r}")
    report = progress or (lambda _: None)
    result = SynthesisResult()
    result.arrays |= _picture_arrays(real, unseen, fakes, setting)
    if wavelengths_nm is not None:
        result.arrays["wavelengths_nm"] = np.asarray(wavelengths_nm, dtype=np.float64)
    result.records += _class_records(real, unseen, fakes, setting, report)
    result.records += _table_records(real, unseen, fakes, setting, report)
    return result


def count_steps(classes: int, methods: int) -> int:
    """Return how often ``evaluate_synthesis`` reports progress."""
    return (classes + (classes > 1)) * (1 + methods)


def _class_records(
    train: Labelled,
    held_out: Labelled,
    fakes: dict[str, Labelled],
    setting: Setting,
    report: Progress,
) -> list[Record]:
    rng = np.random.default_rng(setting.seed)
    space = fit_space(train.spectra, train.labels)
    held_out = held_out.take(dict.fromkeys(train.classes.tolist(), _HELD_OUT_AT_MOST), rng)
    counts = _common_counts(train.classes, fakes, held_out)
    draws: FloorDraws = {}
    figures: dict[str, Figures] = {name: {} for name in fakes}
    for class_id, count in counts.items():
        judge = ClassJudge(space, class_id, train.of(class_id), held_out.of(class_id))
        floor_rng = np.random.default_rng([setting.seed, class_id])
        draws[class_id] = [judge.floor_draw(count, floor_rng) for _ in range(setting.floor_draws)]
        report(f"floor of class {class_id}")
        for name, fake in fakes.items():
            # A seed per class: no method's figures depend on which others are judged beside it.
            own = np.random.default_rng([setting.seed, class_id])
            figures[name][class_id] = judge.judge(fake.take({class_id: count}, own).spectra, own)
            report(f"{name}, class {class_id}")
    return figure_records(draws, figures, UNITS, setting)


def _common_counts(
    classes: NDArray[np.int64], fakes: dict[str, Labelled], held_out: Labelled
) -> dict[int, int]:
    """Return how many fakes per class are judged; without fakes, as many as are held out."""
    parts = [counts_of(fake.labels) for fake in fakes.values()] or [counts_of(held_out.labels)]
    return {
        class_id: min([_HELD_OUT_AT_MOST, *(part[class_id] for part in parts)])
        for class_id in classes.tolist()
    }


def _table_records(
    train: Labelled,
    held_out: Labelled,
    fakes: dict[str, Labelled],
    setting: Setting,
    report: Progress,
) -> list[Record]:
    """Return Table 1 for every method, and for resampled training pixels as the floor."""
    if len(train.classes) < 2:
        return []
    rng = np.random.default_rng(setting.seed)
    judge = AccuracyJudge.begin(train, held_out, setting.seed)
    resampled = train.bootstrap({k: max(v, 20) for k, v in counts_of(train.labels).items()}, rng)
    records = []
    for name, fake in {FLOOR: resampled, **fakes}.items():
        for classifier, cells in judge.cells(fake, setting.seed).items():
            records += [
                setting.record(name, f"accuracy_{cell}", value, classifier=classifier, unit="%")
                for cell, value in cells.items()
            ]
        report(f"classifiers, {name}")
    return records


def _picture_arrays(
    train: Labelled,
    held_out: Labelled,
    fakes: dict[str, Labelled],
    setting: Setting,
) -> dict[str, NDArray[Any]]:
    """Return mean and deviation spectra (Fig. 2) and two principal components (Fig. 3)."""
    space = fit_space(train.spectra, train.labels, dimensions=2)
    arrays: dict[str, NDArray[Any]] = {}
    for name, part in {"train": train, "real": held_out, **fakes}.items():
        for class_id in part.classes.tolist():
            spectra = part.of(class_id)
            arrays[f"spectra/{name}/{class_id}/mean"] = spectra.mean(axis=0).astype(np.float32)
            arrays[f"spectra/{name}/{class_id}/std"] = spectra.std(axis=0).astype(np.float32)
        rng = np.random.default_rng(setting.seed)
        shown = part.take(_shown(part, setting.points_per_method), rng)
        arrays[f"pca/{name}/points"] = _plane(space, shown)
        arrays[f"pca/{name}/labels"] = shown.labels
    return arrays


def _shown(part: Labelled, at_most: int) -> dict[int, int]:
    counts = counts_of(part.labels)
    factor = min(1.0, at_most / sum(counts.values()))
    return {class_id: max(1, int(count * factor)) for class_id, count in counts.items()}


def _plane(space: SpectralSpace, part: Labelled) -> NDArray[np.float32]:
    points = space.project(part.spectra).astype(np.float32)
    return points if points.shape[1] == 2 else np.pad(points, ((0, 0), (0, 1)))
