"""How real are fake patches: their centre pixels as spectra, and then what only patches have.

The floor is that of ``evaluation.synthesis``: training patches drawn with repetition against
held-out ones (or held-out ones against the training patches, where a figure measures the distance
to those), as many as there are fakes, twenty times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hsigan.errors import InputError
from hsigan.evaluation.accuracy_table import proportional_counts
from hsigan.evaluation.figure_records import Figures, FloorDraws, figure_records
from hsigan.evaluation.labelled import counts_of
from hsigan.evaluation.patch_figures import (
    PATCH_UNITS,
    Features,
    PatchClassJudge,
    Patches,
    PatchSpaces,
)
from hsigan.evaluation.results import Record
from hsigan.evaluation.synthesis import (
    Progress,
    Setting,
    SynthesisResult,
    count_steps,
    evaluate_synthesis,
)
from hsigan.metrics import check_patches, score
from hsigan.sampling import PatchView, centres_of

Ids = NDArray[np.int64]
Predict = Callable[[Any], NDArray[Any]]
FitClassifier = Callable[[Patches, Ids], Predict]
Pair = tuple[Any, ArrayLike]
_JUDGED_AT_MOST = 300


@dataclass(frozen=True)
class LabelledPatches:
    """Patches (N, B, P, P) in the scene's units, in memory or still uncut, and their class ids."""

    patches: Patches | PatchView
    labels: Ids

    @classmethod
    def checked(
        cls, pair: Pair, what: str, shape: tuple[int, ...] | None = None
    ) -> LabelledPatches:
        """Return the pair as ``LabelledPatches``, or say what is wrong with it.

        Raises
        ------
        InputError
            Not finite patches of the shape (B, P, P), or another number of labels.
        """
        X, labels = pair[0], np.asarray(pair[1])
        if isinstance(X, PatchView):  # its values are the scene's: valid by construction
            check_patches(X[:1], what, shape)
        else:
            X = check_patches(X, what, shape)
        if labels.shape != (len(X),):
            raise InputError(
                f"{what} need one label per patch ({len(X)}). Got shape {labels.shape}."
            )
        return cls(X, labels.astype(np.int64))

    @property
    def centres(self) -> tuple[NDArray[Any], Ids]:
        """The centre pixels' spectra (N, B) and the class ids."""
        return centres_of(self.patches), self.labels

    def of(
        self, class_id: int, at_most: int | None = None, rng: np.random.Generator | None = None
    ) -> Patches:
        """Return the patches of one class, or as many of them, drawn at random."""
        members = np.flatnonzero(self.labels == class_id)
        if rng is not None:
            members = np.sort(rng.permutation(members)[:at_most])
        return self.patches[members]

    def take(self, counts: dict[int, int], rng: np.random.Generator) -> LabelledPatches:
        """Return ``counts[class]`` randomly drawn patches of each class, or all that it has."""
        chosen = [self.of(class_id, count, rng) for class_id, count in counts.items()]
        labels = np.repeat(list(counts), [len(patches) for patches in chosen])
        return LabelledPatches(np.concatenate(chosen), labels)


def judge_patches(
    train: Pair,
    held_out: Pair,
    samples: Mapping[str, Pair],
    setting: Setting,
    *,
    features: Features | None = None,
    classifiers: Mapping[str, FitClassifier] | None = None,
    wavelengths_nm: ArrayLike | None = None,
    progress: Progress | None = None,
) -> SynthesisResult:
    """Judge the patches of any number of generators on one split.

    Their centre pixels get every figure of ``evaluate_synthesis``; at most 300 patches per class,
    of every method equally many, get those of ``PATCH_UNITS``.

    Parameters
    ----------
    train : (X, y)
        Real training patches (N, B, P, P) in the scene's units and their class ids (N,).
    held_out : (X, y)
        Real patches of the same classes that no generator saw; X may be a ``PatchView``.
    samples : mapping of name to (X, y)
        Fakes of all those classes, in the same units, bands and side.
    setting : Setting
        What the records say, the seed, the number of draws of the floor.
    features : callable, optional
        Patches (n, B, P, P) to the features (n, F) of a classifier trained on ``train`` alone; for
        the Frechet distance on features.
    classifiers : mapping of name to callable, optional
        Each takes training patches and labels and returns a function from patches (an array or a
        ``PatchView``) to labels. Trained on reals and on each method's fakes alone.
    wavelengths_nm : array-like, (B,), optional
        Copied into the arrays.
    progress : callable, optional
        Called with a few words at each of the ``count_patch_steps`` steps.

    Raises
    ------
    InputError, LabelError
        Arrays that do not fit each other, or a class that is missing somewhere.
    """
    real = LabelledPatches.checked(train, "training patches")
    shape = real.patches.shape[1:]
    unseen = LabelledPatches.checked(held_out, "held-out patches", shape)
    fakes = {
        name: LabelledPatches.checked(pair, f"samples {name!r}", shape)
        for name, pair in samples.items()
    }
    report = progress or (lambda _: None)
    result = evaluate_synthesis(
        real.centres,
        unseen.centres,
        {name: fake.centres for name, fake in fakes.items()},
        setting,
        wavelengths_nm=wavelengths_nm,
        progress=report,
    )
    result.records += _patch_records(real, unseen, fakes, features, setting, report)
    result.records += _accuracy_records(real, unseen, fakes, classifiers or {}, setting, report)
    return result


def count_patch_steps(classes: int, methods: int, classifiers: int) -> int:
    """Return how often ``judge_patches`` reports progress."""
    return count_steps(classes, methods) + classes * (1 + methods) + classifiers * (1 + methods)


def _patch_records(
    train: LabelledPatches,
    held_out: LabelledPatches,
    fakes: dict[str, LabelledPatches],
    features: Features | None,
    setting: Setting,
    report: Progress,
) -> list[Record]:
    spaces = PatchSpaces.fit(train.patches[:], train.labels, features, setting.seed)
    draws: FloorDraws = {}
    figures: dict[str, Figures] = {name: {} for name in fakes}
    for class_id, count in _common_counts(train, held_out, fakes).items():
        rng = np.random.default_rng([setting.seed, class_id])
        judge = PatchClassJudge(
            train=spaces.project(train.of(class_id), class_id),
            seen=spaces.measure(train.of(class_id, _JUDGED_AT_MOST, rng), class_id),
            held_out=spaces.measure(held_out.of(class_id, _JUDGED_AT_MOST, rng), class_id),
        )
        draws[class_id] = [judge.floor_draw(count, rng) for _ in range(setting.floor_draws)]
        report(f"floor of patches, class {class_id}")
        for name, fake in fakes.items():
            # A seed per class: no method's figures depend on which others are judged beside it.
            own = np.random.default_rng([setting.seed, class_id])
            chosen = spaces.measure(fake.of(class_id, count, own), class_id)
            figures[name][class_id] = judge.judge(chosen)
            report(f"patches of {name}, class {class_id}")
    taken = {k: unit for k, unit in PATCH_UNITS.items() if features or not k.startswith("feature")}
    return figure_records(draws, figures, taken, setting)


def _common_counts(
    train: LabelledPatches, held_out: LabelledPatches, fakes: dict[str, LabelledPatches]
) -> dict[int, int]:
    """Return how many fakes per class are judged; without fakes, as many as are held out."""
    parts = [counts_of(fake.labels) for fake in fakes.values()] or [counts_of(held_out.labels)]
    return {
        class_id: min([_JUDGED_AT_MOST, *(part[class_id] for part in parts)])
        for class_id in np.unique(train.labels).tolist()
    }


def _accuracy_records(
    train: LabelledPatches,
    held_out: LabelledPatches,
    fakes: dict[str, LabelledPatches],
    classifiers: Mapping[str, FitClassifier],
    setting: Setting,
    report: Progress,
) -> list[Record]:
    """Return overall accuracies of classifiers trained on reals, and on fakes alone.

    Fakes train in the class proportions of the real training patches.
    """
    records = []
    wanted = counts_of(train.labels)
    for classifier, fit in classifiers.items():
        predict = fit(train.patches[:], train.labels)
        real_real = _accuracy(predict, held_out)
        report(f"{classifier} on real patches")
        for name, fake in fakes.items():
            counts = proportional_counts(wanted, counts_of(fake.labels))
            chosen = fake.take(counts, np.random.default_rng(setting.seed))
            cells = {
                "real_real": real_real,
                "real_fake": _accuracy(predict, chosen),
                "fake_real": _accuracy(fit(chosen.patches[:], chosen.labels), held_out),
            }
            records += [
                setting.record(name, f"accuracy_{cell}", value, classifier=classifier, unit="%")
                for cell, value in cells.items()
            ]
            report(f"{classifier} on patches of {name}")
    return records


def _accuracy(predict: Predict, test: LabelledPatches) -> float:
    return score(test.labels, predict(test.patches)).overall_percent
