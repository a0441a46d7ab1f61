"""Does augmentation help? Paired gains with intervals, accuracies, and the sweep of amounts.

Gains are paired by seed: the same partition with and without synthetic spectra.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes

from hsigan.evaluation.statistics import Interval
from hsigan.report.blocks import Block, Cell, Figure, Fold, Key, Panel, Table
from hsigan.report.colours import line_styles
from hsigan.report.drawing import INK, MUTED, draw
from hsigan.report.settings import number, plain_range, short, signed, signed_range
from hsigan.report.study import (
    ACCURACY,
    AUGMENTED,
    BEST,
    OVER_BEST,
    REFERENCE,
    Study,
    classifier_label,
    method_label,
)

_OPEN_SWEEPS = 6
_ALONE = (REFERENCE, None)
_FURTHER = {
    "average_accuracy": ("Average accuracy", 1),
    "kappa": ("Cohen's kappa", 3),
    "validation_accuracy": ("Accuracy on validation pixels", 1),
}


def gain_blocks(study: Study) -> list[Block]:
    """Return the picture of gains, the tables, and the sweep of one setting."""
    reading = (
        "Points of overall accuracy gained by adding synthetic spectra, with 95 % intervals over "
        "partitions; the line at zero is the same classifier on real pixels alone. Only a filled "
        f"mark right of zero shows a gain. {_chance(study)}"
    )
    heading = f"Gain per method: {study.setting.title}"
    blocks: list[Block] = [Figure(heading, _forests(study), reading, size="large")]
    blocks += [_gain_table(study), *_over_best_table(study), *_sweep(study)]
    further = [_plain_table(study, metric) for metric in _FURTHER if _was_taken(study, metric)]
    return blocks + ([Fold("Average accuracy and kappa", further)] if further else [])


def _was_taken(study: Study, metric: str) -> bool:
    return any(name == metric for name, _, _, _ in study.figures)


def _chance(study: Study) -> str:
    """Say how many gains there are, and how many chance alone would show."""
    works = [study.shown(method) for method in study.methods]
    gains = [study.gain(c, work) for work in works for c in study.classifiers]
    gains = [gain for gain in gains if gain.count > 1]
    if not gains:
        return "With one partition there is no interval."
    sure = sum(gain.above_zero for gain in gains)
    return (
        f"Here {sure} of {len(gains)} intervals lie above zero; if nothing helped, about "
        f"{number(0.025 * len(gains), 1)} would by chance."
    )


def _forests(study: Study) -> list[Panel]:
    """Return a panel per classifier, all on one scale."""
    rows: dict[str, list[tuple[str, Interval]]] = {}
    for classifier in study.classifiers:
        gains = [(m, study.gain(classifier, study.shown(m))) for m in study.methods]
        if found := [(method, gain) for method, gain in gains if gain.count]:
            rows[classifier] = found
    ends = [e for found in rows.values() for _, g in found for e in (g.low, g.mean, g.high)]
    reach = [end for end in ends if math.isfinite(end)] + [0.0]
    margin = 0.04 * (max(reach) - min(reach)) + 1e-6
    limits = (min(reach) - margin, max(reach) + margin)
    return [
        Panel(_forest(found, name, limits), classifier_label(name)) for name, found in rows.items()
    ]


def _forest(
    rows: Sequence[tuple[str, Interval]], classifier: str, limits: tuple[float, float]
) -> Markup:
    def paint(axes: Axes) -> None:
        axes.axvline(0, color=MUTED, lw=1.2)
        for place, (_, gain) in enumerate(reversed(rows)):
            sure = gain.above_zero or gain.high < 0
            colour = "#1a8c72" if gain.above_zero else "#b5482a" if gain.high < 0 else MUTED
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


def _columns(study: Study) -> list[str]:
    return ["method", *map(classifier_label, study.classifiers)]


def _gain_table(study: Study) -> Table:
    alone = [study.mean(ACCURACY, classifier, _ALONE) for classifier in study.classifiers]
    first = [Cell(number(one.mean, 1), plain_range(one, 1), "strong") for one in alone]
    rows = [(method_label(REFERENCE), first)]
    for method in study.methods:
        cells = [_gain_cell(study, classifier, method) for classifier in study.classifiers]
        rows.append((method_label(method), cells))
    amounts = {study.shown(method)[1] for method in study.methods} - {None}
    fakes = ", ".join(sorted(f"{amount:g}" for amount in amounts if amount is not None))
    reading = (
        "First row: overall accuracy in percent on real pixels alone. Below: the paired gain in "
        f"points over it with its 95 % interval ({len(study.seeds)} partitions), then the accuracy "
        "reached. Bold green: the whole interval lies above zero; bold red: below."
        + (f" Fakes per real pixel: {fakes}." if fakes else "")
        + _auto_remark(study)
    )
    return Table(f"Augmentation: {study.setting.title}", _columns(study), rows, reading, 1)


def _gain_cell(study: Study, classifier: str, method: str) -> Cell:
    work = study.shown(method)
    reached = number(study.mean(ACCURACY, classifier, work).mean, 1)
    return _tinted(study.gain(classifier, work), reached)


def _tinted(gain: Interval, remark: str = "") -> Cell:
    if not gain.count:
        return Cell("\N{EN DASH}")
    tone = "good" if gain.above_zero else "bad" if gain.high < 0 else "plain"
    return Cell(signed(gain.mean), "; ".join(filter(None, (signed_range(gain), remark))), tone)


def _auto_remark(study: Study) -> str:
    """Say how often ``auto`` chose to augment at all."""
    shares = [study.mean(AUGMENTED, name, ("auto", None)) for name in study.classifiers]
    shares = [share for share in shares if share.count]
    if not shares:
        return ""
    used = sum(round(share.mean * share.count) for share in shares)
    return f" auto augmented in {used} of {sum(share.count for share in shares)} cases."


def _over_best_table(study: Study) -> list[Table]:
    """Return the gains over the best real-only classifier, where they were recorded."""
    if not _was_taken(study, OVER_BEST):
        return []
    rows = []
    for method in (REFERENCE, *study.methods):
        work = study.shown(method)
        gains = [study.mean(OVER_BEST, classifier, work) for classifier in study.classifiers]
        rows.append((method_label(method), [_tinted(gain) for gain in gains]))
    reading = (
        "The harder comparison: points over the classifier that did best on validation data with "
        "real pixels alone, whatever the column's classifier is. A method helps in practice only "
        "where this is above zero."
    )
    heading = f"Against the best real-only classifier: {study.setting.title}"
    return [Table(heading, _columns(study), rows, reading, 1)]


def _plain_table(study: Study, metric: str) -> Table:
    heading, digits = _FURTHER[metric]
    rows = []
    for method in (REFERENCE, *study.methods):
        found = [study.mean(metric, c, study.shown(method)) for c in study.classifiers]
        if any(one.count for one in found):
            cells = [Cell(number(one.mean, digits), plain_range(one, digits)) for one in found]
            rows.append((method_label(method), cells))
    return Table(heading, _columns(study), rows, "Mean and 95 % interval over partitions.", 1)


def _sweep(study: Study) -> list[Block]:
    methods = [method for method in study.methods if len(study.amounts(method)) > 1]
    if not methods:
        return []
    classifiers = [name for name in study.classifiers if name != BEST] or study.classifiers
    looks = line_styles(classifiers)
    panels = [Panel(_sweep_panel(study, method, looks), method_label(method)) for method in methods]
    reading = (
        "The same gain against the number of fakes per real pixel. A line that bends down to the "
        "right says that too many fakes hurt; a flat one that the number does not matter."
    )
    legend = [Key(looks[name][0], name) for name in classifiers]
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
        for classifier, (colour, dash, marker) in looks.items():
            gains = [(a, study.gain(classifier, (method, a))) for a in amounts]
            gains = [(amount, gain) for amount, gain in gains if gain.count]
            at = [amount for amount, _ in gains]
            means = [gain.mean for _, gain in gains]
            axes.plot(at, means, dash, color=colour, marker=marker, ms=4.5)
            low, high = [gain.low for _, gain in gains], [gain.high for _, gain in gains]
            axes.fill_between(at, low, high, color=colour, alpha=0.08, lw=0)
        if min(amounts) > 0:
            axes.set_xscale("log")
        axes.set_xticks(amounts, [f"{amount:g}" for amount in amounts])
        axes.minorticks_off()
        axes.set(xlabel="fakes per real pixel", ylabel="gain, points")

    return draw(paint, f"Gain of {method} against the number of fakes per real pixel")


def gain_findings(found: Sequence[Study]) -> list[str]:
    """Return a sentence per setting: the best real-only classifier, and what was gained over it."""
    sentences = []
    for study in found:
        classifier = study.reference_classifier()
        alone = number(study.mean(ACCURACY, classifier, _ALONE).mean, 1)
        named = (
            "the classifier that is best on validation data" if classifier == BEST else classifier
        )
        told = list(dict.fromkeys([study.methods[0], *(m for m in study.methods if m == "auto")]))
        gains = [(method, study.gain(classifier, study.shown(method))) for method in told]
        parts = [f"{method} {_verdict(gain)}" for method, gain in gains if gain.count]
        sentences.append(
            f"{study.setting.title}: on real pixels alone {named} reaches {alone} % overall "
            f"accuracy; {'; '.join(parts) or 'nothing was compared with it'}."
        )
    return sentences


def _verdict(gain: Interval) -> str:
    if gain.count == 1:
        return f"changes it by {signed(gain.mean)} points in one run, which proves nothing"
    if gain.low == gain.high == 0:
        return f"leaves it exactly as it is in {gain.count} partitions"
    word = "a gain" if gain.above_zero else "a loss" if gain.high < 0 else "no gain shown"
    span = f"{signed_range(gain)}, {gain.count} partitions"
    return f"changes it by {signed(gain.mean)} points ({span}): {word}"
