"""Accuracies with and without synthetic spectra, in the groups in which they may be compared."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from hsigan.evaluation.results import Record
from hsigan.evaluation.statistics import Interval, mean_interval, paired_difference
from hsigan.report.folder import ordered_methods
from hsigan.report.settings import Setting, by_setting, in_order, values_by_seed

REFERENCE, BEST = "none", "best"
ACCURACY, OVER_BEST, AUGMENTED = "overall_accuracy", "gain_over_best", "augmented"

# The evaluation's own tables hold the same; importing them would load every classifier.
SEES_UNLABELLED = {
    "label-propagation": "inductive",
    "ss-gan": "inductive",
    "hypergan-ss": "inductive",
    "factorised-semi-supervised": "inductive",
    "ss-gan-transductive": "transductive",
    "area-gan": "transductive",
    "coral": "transductive",
    "area-standardisation": "transductive",
    "self-training": "transductive",
}

Work = tuple[str, float | None]
Place = tuple[str, str, str, float | None]


@dataclass(frozen=True)
class Study:
    """The figures of one setting by metric, classifier, method and amount, each per seed.

    The classifier named ``best`` is, in each partition, the one that did best on validation data
    with real pixels alone.
    """

    setting: Setting
    figures: dict[Place, dict[int, float]] = field(default_factory=dict)

    @property
    def classifiers(self) -> list[str]:
        """The classifiers that were run, ``best`` first."""
        names = in_order(c for metric, c, _, _ in self.figures if metric == ACCURACY)
        return sorted(names, key=lambda name: name != BEST)

    @property
    def methods(self) -> list[str]:
        """The methods of augmentation, without the reference."""
        found = {method for metric, _, method, _ in self.figures if metric == ACCURACY}
        return ordered_methods(found - {REFERENCE})

    @property
    def seeds(self) -> set[int]:
        """The partitions."""
        return {seed for scores in self.figures.values() for seed in scores}

    def amounts(self, method: str) -> list[float]:
        """Return the numbers of fakes per real that were tried with a method."""
        return sorted({a for _, _, m, a in self.figures if m == method and a is not None})

    def shown(self, method: str) -> Work:
        """Return a method with the amount that tables show, chosen without looking at results.

        It is the amount with most runs, of those the one nearest to one fake per real.
        """
        runs: dict[float | None, int] = {}
        for (metric, _, name, amount), scores in self.figures.items():
            if name == method and metric == ACCURACY:
                runs[amount] = runs.get(amount, 0) + len(scores)
        distance = {amount: abs(math.log(amount)) if amount else 0.0 for amount in runs}
        return method, max(runs, key=lambda amount: (runs[amount], -distance[amount]))

    def mean(self, metric: str, classifier: str, work: Work) -> Interval:
        """Return a figure's mean over seeds; its count is 0 where it was not taken."""
        return mean_interval(list(self.figures.get((metric, classifier, *work), {}).values()))

    def gain(self, classifier: str, work: Work) -> Interval:
        """Return the paired gain in points over real pixels alone, with the same classifier."""
        scores = self.figures.get((ACCURACY, classifier, *work), {})
        alone = self.figures.get((ACCURACY, classifier, REFERENCE, None), {})
        return paired_difference(scores, alone)

    def reference_classifier(self) -> str:
        """Return ``best``, which was chosen on validation data, else the highest on real pixels."""
        if BEST in self.classifiers:
            return BEST
        means = {c: self.mean(ACCURACY, c, (REFERENCE, None)) for c in self.classifiers}
        return max(means, key=lambda c: means[c].mean if means[c].count else -math.inf)


def studies(records: Iterable[Record]) -> list[Study]:
    """Return the settings in which augmented classifiers were compared with ``none``."""
    found = []
    for setting, members in by_setting(records).items():
        groups: dict[Place, list[Record]] = {}
        for record in members:
            if record.classifier and record.class_id is None:
                place = (record.metric, record.classifier, record.method, record.amount)
                groups.setdefault(place, []).append(record)
        study = Study(setting, {place: values_by_seed(group) for place, group in groups.items()})
        references = {c for metric, c, m, _ in groups if (metric, m) == (ACCURACY, REFERENCE)}
        if references and study.methods:
            found.append(study)
    return found


def method_label(method: str) -> str:
    """Return a method's name, and which unlabelled pixels it saw: none of, or all of, the test."""
    if method == REFERENCE:
        return "none (real pixels only)"
    seen = SEES_UNLABELLED.get(method)
    return f"{method} ({seen})" if seen else method


def classifier_label(classifier: str) -> str:
    """Return a classifier's name; ``best`` says how it was chosen."""
    return "best on validation" if classifier == BEST else classifier
