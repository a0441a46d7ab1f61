"""Does augmentation help? Accuracies, paired gains with intervals, and the sweep of amounts.

Gains are paired by seed: the same partition with and without synthetic spectra.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from hsigan.evaluation.results import Record
from hsigan.evaluation.statistics import Interval, mean_interval, paired_difference
from hsigan.report.blocks import Block, Cell, Figure, Fold, Key, Panel, Table
from hsigan.report.colours import line_styles
from hsigan.report.drawing import INK, MUTED, draw
from hsigan.report.folder import Results, ordered_methods
from hsigan.report.settings import (
    Setting,
    by_setting,
    in_order,
    number,
    plain_range,
    short,
    signed,
    signed_range,
)

REFERENCE = "none"
ACCURACIES = ("overall_accuracy", "oa", "OA", "accuracy")
_OPEN_SWEEPS = 6

Scores = dict[int, float]


@dataclass(frozen=True)
class Study:
    """The accuracies of one setting in percent: by classifier, method and amount, per seed."""

    setting: Setting
    scores: dict[tuple[str, str, float | None], Scores] = field(default_factory=dict)

    @property
    def classifiers(self) -> list[str]:
        """The classifiers that were run."""
        return in_order(classifier for classifier, _, _ in self.scores)

    @property
    def methods(self) -> list[str]:
        """The methods of augmentation, without the reference."""
        found = {method for _, method, _ in self.scores} - {REFERENCE}
        return ordered_methods(found)

    def amounts(self, method: str) -> list[float]:
        """Return the numbers of fakes per real that were tried with a method."""
        return sorted({a for _, m, a in self.scores if m == method and a is not None})

    def shown_amount(self, method: str) -> float | None:
        """Return the amount of the table: never the best one, but the one with most runs.

        Of amounts with as many runs, the one nearest to one fake per real.
        """
        runs: dict[float | None, int] = {}
        for (_, name, amount), scores in self.scores.items():
            if name == method:
                runs[amount] = runs.get(amount, 0) + len(scores)
        return max(runs, key=lambda a: (runs[a], -abs(math.log(a)) if a else 0.0))

    def reference(self, classifier: str) -> Scores:
        """Return the accuracies on real pixels alone."""
        found = [s for (c, m, _), s in self.scores.items() if (c, m) == (classifier, REFERENCE)]
        return found[0] if found else {}

    def gain(self, classifier: str, method: str, amount: float | None) -> Interval | None:
        """Return the paired gain in points over real pixels alone; None where it was not run."""
        scores = self.scores.get((classifier, method, amount))
        return paired_difference(scores, self.reference(classifier)) if scores else None

    def best_reference(self) -> tuple[str, Interval] | None:
        """Return the classifier with the highest mean accuracy on real pixels alone."""
        found = {c: mean_interval(list(self.reference(c).values())) for c in self.classifiers}
        found = {c: interval for c, interval in found.items() if interval.count}
        return max(found.items(), key=lambda item: item[1].mean) if found else None


def studies(records: Iterable[Record]) -> list[Study]:
    """Return the settings in which augmented classifiers were compared with ``none``."""
    found = []
    for setting, members in by_setting(records).items():
        study = Study(setting)
        for record in members:
            if record.metric in ACCURACIES and record.classifier and record.class_id is None:
                place = (record.classifier, record.method, record.amount)
                seed = -1 if record.seed is None else record.seed
                study.scores.setdefault(place, {})[seed] = _percent(record)
        if study.methods and any(method == REFERENCE for _, method, _ in study.scores):
            found.append(study)
    return found


def gain_blocks(results: Results, study: Study) -> list[Block]:
    """Return the picture of gains, the table, and the sweep of one setting."""
    where = study.setting.title
    panels = _forests(study)
    reading = (
        "Points of overall accuracy gained by adding synthetic spectra, with 95 % intervals over "
        "partitions; the line at zero is the same classifier on real pixels alone. Only a mark "
        "whose whole interval lies right of zero (filled) shows a gain, and with many marks a few "
        "do by chance."
    )
    blocks: list[Block] = [Figure(f"Gain per method: {where}", panels, reading, size="large")]
    blocks.append(_table(results, study))
    return blocks + _sweep(results, study)


def _percent(record: Record) -> float:
    return record.value if record.unit in ("%", "percent", "points") else 100 * record.value


def _forests(study: Study) -> list[Panel]:
    """Return a panel per classifier, all on one scale."""
    rows: dict[str, list[tuple[str, Interval]]] = {}
    for classifier in study.classifiers:
        gains = {m: study.gain(classifier, m, study.shown_amount(m)) for m in study.methods}
        found = [(m, gain) for m, gain in gains.items() if gain is not None and gain.count]
        if found:
            rows[classifier] = found
    ends = [e for found in rows.values() for _, g in found for e in (g.low, g.mean, g.high)]
    reach = [end for end in ends if math.isfinite(end)] + [0.0]
    margin = 0.04 * (max(reach) - min(reach)) + 1e-6
    limits = (min(reach) - margin, max(reach) + margin)
    return [Panel(_forest(found, name, limits), name) for name, found in rows.items()]


def _forest(
    rows: Sequence[tuple[str, Interval]], classifier: str, limits: tuple[float, float]
) -> Markup:
    def paint(axes: Axes) -> None:
        axes.axvline(0, color=MUTED, lw=1.2)
        for place, (_, gain) in enumerate(reversed(rows)):
            sure = gain.low > 0 or gain.high < 0
            colour = "#1a8c72" if gain.low > 0 else "#b5482a" if gain.high < 0 else MUTED
            if math.isfinite(gain.low):
                axes.plot([gain.low, gain.high], [place, place], color=colour, lw=2)
            face = colour if sure else "none"
            axes.plot(gain.mean, place, "o", ms=6, mfc=face, mec=colour, mew=1.5)
        axes.set_yticks(range(len(rows)), [short(method) for method, _ in reversed(rows)])
        axes.set_ylim(-0.7, len(rows) - 0.3)
        axes.set_xlim(limits)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("gain in overall accuracy, points")

    alt = f"Gains of {len(rows)} methods with {classifier}; the table below has the numbers"
    return draw(paint, alt, 400, 60 + 19 * max(len(rows), 2))


def _table(results: Results, study: Study) -> Table:
    best = study.best_reference()
    rows = []
    for classifier in study.classifiers:
        interval = mean_interval(list(study.reference(classifier).values()))
        tone = "strong" if best and classifier == best[0] else "plain"
        rows.append(Cell(number(interval.mean, 1), plain_range(interval, 1), tone))
    body = [(results.method_name(REFERENCE), rows)]
    amounts = set()
    for method in study.methods:
        amount = study.shown_amount(method)
        amounts.add(amount)
        cells = [_gain_cell(study, classifier, method, amount) for classifier in study.classifiers]
        body.append((results.method_name(method), cells))
    seeds = {seed for scores in study.scores.values() for seed in scores}
    fakes = {number(a, 1).removesuffix(".0") for a in amounts if a is not None}
    per_real = f" Fakes per real pixel: {', '.join(sorted(fakes))}." if fakes else ""
    reading = (
        "First row: overall accuracy in percent on real pixels alone, the best classifier in bold. "
        f"Below: paired gain in points over it, with the 95 % interval over {len(seeds)} "
        "partition(s), and the accuracy reached. Green and bold: the whole interval lies above "
        f"zero; red: below.{per_real}"
    )
    return Table(
        f"Augmentation: {study.setting.title}", ["method", *study.classifiers], body, reading, 1
    )


def _gain_cell(study: Study, classifier: str, method: str, amount: float | None) -> Cell:
    gain = study.gain(classifier, method, amount)
    if gain is None or not gain.count:
        return Cell("\N{EN DASH}")
    tone = "good" if gain.low > 0 else "bad" if gain.high < 0 else "plain"
    reached = mean_interval(list(study.scores[classifier, method, amount].values())).mean
    remark = "; ".join(filter(None, (signed_range(gain), number(reached, 1))))
    return Cell(signed(gain.mean), remark, tone)


def _sweep(results: Results, study: Study) -> list[Block]:
    methods = [method for method in study.methods if len(study.amounts(method)) > 1]
    if not methods:
        return []
    looks = line_styles(study.classifiers)
    panels = [
        Panel(_sweep_panel(study, method, looks), results.method_name(method)) for method in methods
    ]
    reading = (
        "The same gain against the number of fakes per real pixel. A line that bends down to the "
        "right says that too many fakes hurt; a flat one that the number does not matter."
    )
    legend = [Key(looks[classifier][0], classifier) for classifier in study.classifiers]
    heading = f"How many fakes per real? {study.setting.title}"
    blocks: list[Block] = [Figure(heading, panels[:_OPEN_SWEEPS], reading, legend)]
    if len(panels) > _OPEN_SWEEPS:
        rest = Figure(f"{heading}, continued", panels[_OPEN_SWEEPS:], reading, legend)
        blocks.append(Fold(f"The sweep of {len(rest.panels)} more methods", [rest]))
    return blocks


def _sweep_panel(study: Study, method: str, looks: dict[str, tuple[str, str, str]]) -> Markup:
    amounts = study.amounts(method)

    def paint(axes: Axes) -> None:
        axes.axhline(0, color=MUTED, lw=1.2)
        for classifier in study.classifiers:
            pairs = [(a, study.gain(classifier, method, a)) for a in amounts]
            points = [(a, gain) for a, gain in pairs if gain is not None and gain.count]
            colour, dash, marker = looks[classifier]
            at = [a for a, _ in points]
            axes.plot(at, [g.mean for _, g in points], dash, color=colour, marker=marker, ms=4.5)
            low, high = (np.array([getattr(g, end) for _, g in points]) for end in ("low", "high"))
            axes.fill_between(at, low, high, color=colour, alpha=0.08, lw=0)
        if min(amounts) > 0:
            axes.set_xscale("log")
        axes.set_xticks(amounts, [f"{amount:g}" for amount in amounts])
        axes.minorticks_off()
        axes.set(xlabel="fakes per real pixel", ylabel="gain, points")

    return draw(paint, f"Gain of {method} against the number of fakes per real pixel")


def gain_findings(results: Results, found: Sequence[Study]) -> list[str]:
    """Return a sentence per setting: the best real-only classifier, and what was gained over it."""
    sentences = []
    for study in found:
        best = study.best_reference()
        if best is None:
            continue
        classifier, interval = best
        method = study.methods[0]
        gain = study.gain(classifier, method, study.shown_amount(method))
        start = (
            f"{study.setting.title}: on real pixels alone {classifier} is best with "
            f"{number(interval.mean, 1)} % overall accuracy"
        )
        if gain is None or not gain.count:
            sentences.append(f"{start}.")
            continue
        verdict = "a gain" if gain.low > 0 else "a loss" if gain.high < 0 else "no gain shown"
        span = (
            f" ({signed_range(gain)}, {gain.count} partitions)" if gain.count > 1 else " (one run)"
        )
        verdict = verdict if gain.count > 1 else "one run proves nothing"
        name = results.method_name(method)
        sentences.append(
            f"{start}; with {name} it changes by {signed(gain.mean)} points{span}: {verdict}."
        )
    return sentences
