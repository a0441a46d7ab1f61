"""One partition of an augmentation experiment, from tuning to records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hsigan.classification import CLASSIFIERS, Classifier, Tuned, best_of, tune
from hsigan.classification.tuning import cross_validation_parts
from hsigan.evaluation.augmentation_config import AugmentationConfig
from hsigan.evaluation.augmentation_methods import (
    METHODS,
    TrainingSet,
    augmented_set,
    fit_generator,
    make_generator,
    possible,
    real_set,
    transformed_set,
)
from hsigan.evaluation.augmentation_partition import Partition
from hsigan.evaluation.reference import REAL, Reference, best_reference
from hsigan.evaluation.results import Record
from hsigan.metrics.accuracy import score
from hsigan.sampling.patches import PatchView
from hsigan.synthesis.auto import (
    AutoChoice,
    Candidate,
    Generator,
    cross_validated_gains,
    decide,
    group_gains,
)
from hsigan.synthesis.transductive import self_train

BEST = "best"
"""The name of "the classifier that was best on validation data with real pixels alone"."""
IMPOSSIBLE = "impossible"
"""The metric, always 1, of a method that a partition lacks the unlabelled pixels for."""

Work = tuple[str, float | None]


@dataclass
class PartitionRun:
    """The state of one partition: tuned classifiers, fitted generators, fits already made.

    Test pixels are read in ``scores`` alone, after everything has been chosen.
    """

    data: Partition
    config: AugmentationConfig
    tuned: dict[str, Tuned]
    best: str
    reference: Reference
    generators: dict[str, Generator] = field(default_factory=dict)
    fitted: dict[tuple[str, float | None, str], Classifier] = field(default_factory=dict)
    choices: dict[str, AutoChoice] = field(default_factory=dict)
    keep: Path | None = None

    @classmethod
    def begin(
        cls, data: Partition, config: AugmentationConfig, keep: Path | None = None
    ) -> PartitionRun:
        """Tune every classifier on the real pixels, once for all methods."""
        name = config.classifiers[0]
        kind = CLASSIFIERS.get(name)
        alone = len(config.classifiers) == 1 and not len(data.y_validation)
        if alone and kind is not None and kind.settled:
            # Nothing to choose: cross-validating ten thousand epochs would only cost hours.
            settled = Tuned(name, dict(kind.default), pixels=len(data.y))
            return cls(data, config, {name: settled}, name, (name, REAL), keep=keep)
        validation = (data.X_validation, data.y_validation)
        tuned = {
            n: tune(n, data.X, data.y, *validation, seed=data.seed, settings=config.networks.get(n))
            for n in config.classifiers
        }
        reference = best_reference(
            data,
            tuned,
            config.reference_methods,
            lambda method: make_generator(method, data, config.gan),
            config.amounts[0],
        )
        return cls(data, config, tuned, best_of(tuned.values()).name, reference, keep=keep)

    def training_set(self, method: str, amount: float | None) -> TrainingSet:
        """Return what a method makes of the training pixels."""
        kind = METHODS[method].kind
        if kind == "real":
            return real_set(self.data)
        if kind == "generator" and amount is not None:
            return augmented_set(self.data, self._generator(method), amount, method)
        return transformed_set(self.data, method)

    def scores(self, method: str, amount: float | None) -> dict[str, dict[str, float]]:
        """Return the accuracies on the test pixels for each classifier and for ``BEST``."""
        if METHODS[method].kind == "auto":
            result = {name: self._auto_scores(name) for name in self.config.classifiers}
        else:
            pixels = self.training_set(method, amount)
            result = {
                name: self._test(self.fit(method, amount, name, pixels), pixels.X_test)
                for name in self.config.classifiers
            }
        result[BEST] = dict(result[self.best])
        return result

    def reference_accuracy(self) -> float:
        """Return the overall accuracy (%) on the test pixels that every gain is stated over."""
        name, method = self.reference
        amount = None if method == REAL else self.config.amounts[0]
        return self._test(self.fit(method, amount, name), self.data.X_test)["overall_accuracy"]

    def _generator(self, method: str) -> Generator:
        if method not in self.generators:
            self.generators[method] = fit_generator(method, self.data, self.config.gan, self.keep)
        return self.generators[method]

    def fit(
        self, method: str, amount: float | None, name: str, pixels: TrainingSet | None = None
    ) -> Classifier:
        """Fit a classifier on what a method makes of the training pixels; remember it."""
        key = (method, amount, name)
        if key not in self.fitted:
            chosen = self.training_set(method, amount) if pixels is None else pixels
            fit = self._fitter(name, chosen)
            self.fitted[key] = (
                fit(chosen.X, chosen.y)
                if chosen.X_target is None
                else self_train(fit, chosen.X, chosen.y, chosen.X_target)
            )
        return self.fitted[key]

    def _fitter(
        self, name: str, pixels: TrainingSet
    ) -> Callable[[NDArray[Any], NDArray[Any]], Classifier]:
        few = not len(pixels.y_validation)

        def fit(X: NDArray[Any], y: NDArray[Any]) -> Classifier:
            return (
                self.tuned[name]
                .build(self.data.seed)
                .fit(
                    X,
                    y,
                    X_validation=None if few else pixels.X_validation,
                    y_validation=None if few else pixels.y_validation,
                )
            )

        return fit

    def _test(self, classifier: Classifier, X_test: NDArray[Any] | PatchView) -> dict[str, float]:
        accuracy = score(self.data.y_test, classifier.predict(X_test), self.data.classes)
        return {
            "overall_accuracy": accuracy.overall_percent,
            "average_accuracy": accuracy.average_percent,
            "kappa": accuracy.kappa,
        }

    def _auto_scores(self, name: str) -> dict[str, float]:
        """Return the scores of what ``auto`` chose; without a choice, those of the real pixels."""
        if not self.choices:
            self.choices = self.decide_auto()
        chosen = self.choices[name].candidate
        method, amount = ("none", None) if chosen is None else (chosen.method, chosen.amount)
        scores = self._test(self.fit(method, amount, name), self.data.X_test)
        return {**scores, "augmented": float(chosen is not None)}

    def decide_auto(self) -> dict[str, AutoChoice]:
        """Return what ``auto`` chooses for each classifier, by validation data alone."""
        names, data, config = self.config.classifiers, self.data, self.config
        methods = [m for m in config.auto_methods if possible(m, data)]
        if len(data.y_validation):
            return {name: decide(self._validation_gains(name, methods), 0.0) for name in names}
        parts = cross_validation_parts(data.y, config.auto_folds, data.seed)
        gains = cross_validated_gains(
            data.X,
            data.y,
            parts,
            {m: partial(make_generator, m, data, config.gan) for m in methods},
            config.auto_amounts,
            {name: self._fitter(name, real_set(data)) for name in names},
            X_unlabelled=data.X_unlabelled if len(data.X_unlabelled) > 1 else None,
            seed=data.seed,
        )
        held_out = float(np.mean([len(h) / len(t) for t, h in parts]))
        return {name: decide(gains[name], held_out, data.seed) for name in names}

    def _validation_gains(self, name: str, methods: list[str]) -> dict[Candidate, NDArray[Any]]:
        data = self.data
        alone = self.fit("none", None, name).predict(data.X_validation) == data.y_validation
        gains = {}
        for method in methods:
            for amount in self.config.auto_amounts:
                fitted = self.fit(method, amount, name)
                together = fitted.predict(data.X_validation) == data.y_validation
                gains[Candidate(method, amount)] = group_gains(
                    together, alone, data.validation_group
                )
        return gains


def works(config: AugmentationConfig) -> list[Work]:
    """Return what is run in each partition: methods with their amounts, "none" first, auto last."""
    methods = ["none", *(m for m in config.methods if m not in ("none", "auto"))]
    methods += ["auto"] if "auto" in config.methods else []
    return [
        (method, amount)
        for method in methods
        for amount in (config.amounts if METHODS[method].kind == "generator" else (None,))
    ]


def run_partition(
    data: Partition,
    config: AugmentationConfig,
    scene: str,
    done: set[Work],
    keep: Path | None = None,
) -> Iterator[tuple[Work, list[Record]]]:
    """Yield the records of each method and amount that is not done yet.

    A method that the partition lacks the unlabelled pixels for has one record, which says so.

    The gain over the best is the accuracy less that, on the same test pixels, of the classifier
    that was best on validation data with real pixels alone, or with the reference methods.
    """
    if all(work in done for work in works(config)):
        return
    run = PartitionRun.begin(data, config, keep)
    reference = run.reference_accuracy()
    for method, amount in works(config):
        if (method, amount) in done:
            continue
        if not possible(method, data):
            told = _records(config, scene, data.seed, (method, amount), None, {IMPOSSIBLE: 1.0})
            yield (method, amount), told
            continue
        records = []
        for name, figures in run.scores(method, amount).items():
            figures["gain_over_best"] = figures["overall_accuracy"] - reference
            if method == "none" and name != BEST:
                validated = run.tuned[name].validation_percent
                figures |= {"validation_accuracy": validated} if np.isfinite(validated) else {}
            records += _records(config, scene, data.seed, (method, amount), name, figures)
        yield (method, amount), records


_UNITS = {
    "overall_accuracy": "%",
    "average_accuracy": "%",
    "validation_accuracy": "%",
    "gain_over_best": "points",
}


def _records(
    config: AugmentationConfig,
    scene: str,
    seed: int,
    work: Work,
    classifier: str | None,
    figures: dict[str, float],
) -> list[Record]:
    return [
        Record(
            experiment="augmentation",
            scene=scene,
            split=config.split_name(),
            labels_per_class=config.split.get("train_per_class"),
            method=work[0],
            amount=work[1],
            classifier=classifier,
            seed=seed,
            metric=metric,
            value=value,
            unit=_UNITS.get(metric),
        )
        for metric, value in figures.items()
    ]
