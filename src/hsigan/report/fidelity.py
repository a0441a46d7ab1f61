"""How real are the fakes: every figure beside its real-against-real floor."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator

from hsigan.evaluation.results import FLOOR, FLOOR_HIGH, FLOOR_LOW, Record
from hsigan.evaluation.statistics import Interval, mean_interval
from hsigan.report.blocks import Block, Cell, Figure, Fold, Panel, Table
from hsigan.report.catalogue import METRICS, TABLE_CELLS, THEMES, Theme, metric_label
from hsigan.report.drawing import INK, MUTED, draw
from hsigan.report.folder import Results, ordered_methods
from hsigan.report.settings import Setting, by_setting, in_order, number, plain_range, short

_FLOORS = (FLOOR, FLOOR_LOW, FLOOR_HIGH)
_PICTURED = (
    "frechet_over_floor",
    "coverage",
    "neighbour_ratio",
    "deviation_ratio",
    "feature_frechet_over_floor",
    "patch_frechet_over_floor",
    "autocorrelation_offset",
    "gradient_ratio",
)
_LOGARITHMIC = ("frechet_over_floor", "feature_frechet_over_floor", "patch_frechet_over_floor")

Place = tuple[str, str, int | None]


@dataclass(frozen=True)
class Fidelity:
    """The figures of one setting: by metric, method and class (None: all classes), per seed."""

    setting: Setting
    figures: dict[Place, list[float]] = field(default_factory=dict)
    accuracies: dict[tuple[str, str, str], list[float]] = field(default_factory=dict)
    units: dict[str, str | None] = field(default_factory=dict)

    @property
    def methods(self) -> list[str]:
        """The generators that were judged, without the floors."""
        names = [method for _, method, _ in self.figures] + [m for _, _, m in self.accuracies]
        return ordered_methods(set(names) - set(_FLOORS))

    @property
    def metrics(self) -> list[str]:
        """The figures that were taken, in the order of the records."""
        return in_order(metric for metric, _, _ in self.figures)

    def figure(self, metric: str, method: str, class_id: int | None = None) -> Interval:
        """Return a figure's mean over seeds; its count is 0 where it was not taken."""
        return mean_interval(self.figures.get((metric, method, class_id), []))

    def as_good_as_real(self, metric: str, method: str, class_id: int | None = None) -> bool:
        """Whether a figure lies inside its floor's spread, or on the good side of it."""
        value = self.figure(metric, method, class_id).mean
        low, high = (self.figure(metric, name, class_id).mean for name in (FLOOR_LOW, FLOOR_HIGH))
        better = METRICS[metric].better if metric in METRICS else "near"
        return (better == "high" or value <= high) and (better == "low" or value >= low)


def fidelities(records: Iterable[Record]) -> list[Fidelity]:
    """Return the settings in which generators were judged."""
    found = []
    for setting, members in by_setting(records).items():
        fidelity = Fidelity(setting)
        for record in members:
            if record.metric in TABLE_CELLS and record.classifier:
                place = (record.classifier, record.metric, record.method)
                fidelity.accuracies.setdefault(place, []).append(record.value)
            elif record.classifier is None and record.method != "none":
                key = (record.metric, record.method, record.class_id)
                fidelity.figures.setdefault(key, []).append(record.value)
                fidelity.units[record.metric] = record.unit
        if fidelity.methods:
            found.append(fidelity)
    return found


def fidelity_blocks(results: Results, fidelity: Fidelity) -> list[Block]:
    """Return the overview picture, Table 1, the tables by question, and all of it per class."""
    blocks: list[Block] = []
    pictured = [metric for metric in _PICTURED if metric in fidelity.metrics]
    if pictured:
        blocks.append(_overview(results, fidelity, pictured))
    blocks += _accuracy_tables(results, fidelity)
    known = {metric for theme in THEMES for metric in theme.metrics}
    others = tuple(metric for metric in fidelity.metrics if metric not in known)
    further = Theme("Further figures", others, "As they stand in the records.")
    for theme in (*THEMES, further):
        metrics = [metric for metric in theme.metrics if metric in fidelity.metrics]
        if metrics:
            blocks.append(_overall_table(results, fidelity, theme, metrics))
    per_class = [_class_table(results, fidelity, metric) for metric in fidelity.metrics]
    per_class = [table for table in per_class if table.columns[1:]]
    return blocks + ([Fold("Every figure per class", per_class)] if per_class else [])


def _overview(results: Results, fidelity: Fidelity, metrics: Sequence[str]) -> Figure:
    panels = [Panel(_dots(results, fidelity, metric), metric_label(metric)) for metric in metrics]
    reading = (
        "Large marks are the figure over all classes, small ones single classes in their colour. "
        "The vertical line is what real pixels reach against real pixels, the stripe its spread: a "
        "method whose mark lies there cannot be told from reality by this figure."
    )
    return Figure("At a glance", panels, reading, size="large")


def _dots(results: Results, fidelity: Fidelity, metric: str) -> Markup:
    methods = list(reversed(fidelity.methods))

    def paint(axes: Axes) -> None:
        low, high = (fidelity.figure(metric, name).mean for name in (FLOOR_LOW, FLOOR_HIGH))
        if math.isfinite(low) and math.isfinite(high):
            axes.axvspan(low, high, color=MUTED, alpha=0.25, lw=0)
        floor = fidelity.figure(metric, FLOOR).mean
        axes.axvline(floor if math.isfinite(floor) else 1, color=MUTED, lw=1.2)
        for place, method in enumerate(methods):
            for class_id in results.class_ids:
                value = fidelity.figure(metric, method, class_id).mean
                colour = results.colours[class_id]
                axes.plot(value, place, "o", ms=4, color=colour, alpha=0.75, mew=0)
            overall = fidelity.figure(metric, method).mean
            axes.plot(overall, place, "D", ms=6.5, mfc="none", mec=INK, mew=1.6)
        if metric in _LOGARITHMIC:
            axes.set_xscale("log")
            _mark_ratios(axes)
        axes.set_yticks(range(len(methods)), [short(method) for method in methods])
        axes.set_ylim(-0.7, len(methods) - 0.3)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.grid(visible=False, axis="y")

    alt = f"{metric_label(metric)} of {len(methods)} methods; the tables below have the numbers"
    return draw(paint, alt, 400, 48 + 19 * max(len(methods), 2))


def _mark_ratios(axes: Axes) -> None:
    """Put a few plain numbers on a logarithmic axis, however little of a decade it shows."""
    low, high = axes.get_xlim()
    decades = LogLocator(subs=(1, 3) if high < 300 * low else (1,))
    axes.xaxis.set_major_locator(MaxNLocator(5) if high < 5 * low else decades)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()


def _accuracy_tables(results: Results, fidelity: Fidelity) -> list[Block]:
    """Return the first classifier's table open, the others' folded."""
    classifiers = in_order(classifier for classifier, _, _ in fidelity.accuracies)
    tables: list[Block] = [_accuracy_table(results, fidelity, name) for name in classifiers]
    folds = [Fold(f"The same for {', '.join(classifiers[1:])}", tables[1:])] if tables[1:] else []
    return [*tables[:1], *folds]


def _accuracy_table(results: Results, fidelity: Fidelity, classifier: str) -> Table:
    found = {method for name, _, method in fidelity.accuracies if name == classifier}
    taken = {cell for name, cell, _ in fidelity.accuracies if name == classifier}
    cells_shown = [cell for cell in TABLE_CELLS if cell in taken]
    rows = []
    for method in ordered_methods(found):
        places = [(classifier, cell, method) for cell in cells_shown]
        intervals = [mean_interval(fidelity.accuracies.get(place, [])) for place in places]
        cells = [Cell(number(one.mean, 1), plain_range(one, 1)) for one in intervals]
        rows.append((results.method_name(method), cells))
    floor = " The floor row has resampled training pixels in the fakes' place."
    reading = (
        "Overall accuracy in percent, trained on the one and tested on the other. The column "
        "that counts is “fake on real”: the closer to “real on real”, the more of reality the "
        "fakes hold. “Real on fake” above “real on real” means fakes that are easier than "
        f"reality.{floor if FLOOR in found else ''}"
    )
    heading = f"Trained on fakes, tested on reals: {classifier}"
    columns = ["method", *(TABLE_CELLS[cell] for cell in cells_shown)]
    return Table(heading, columns, rows, reading, int(FLOOR in found))


def _overall_table(
    results: Results, fidelity: Fidelity, theme: Theme, metrics: Sequence[str]
) -> Table:
    rows = [
        (results.method_name(name), [_cell(fidelity, metric, name, None) for metric in metrics])
        for name in (*_present_floor(fidelity), *fidelity.methods)
    ]
    columns = ["method", *(metric_label(m, fidelity.units.get(m)) for m in metrics)]
    marks = " Bold green: as good as real pixels." if _present_floor(fidelity) else ""
    reading = f"{theme.reading}{marks}"
    return Table(theme.heading, columns, rows, reading, len(_present_floor(fidelity)))


def _class_table(results: Results, fidelity: Fidelity, metric: str) -> Table:
    ids = [
        class_id
        for class_id in results.class_ids
        if any((metric, method, class_id) in fidelity.figures for method in fidelity.methods)
    ]
    floors = [name for name in _present_floor(fidelity) if (metric, name, None) in fidelity.figures]
    rows = [
        (results.method_name(name), [_cell(fidelity, metric, name, c) for c in ids])
        for name in (*floors, *fidelity.methods)
    ]
    columns = ["method", *(results.class_title(class_id) for class_id in ids)]
    heading = metric_label(metric, fidelity.units.get(metric))
    return Table(heading, columns, rows, "Per class.", len(floors))


def _present_floor(fidelity: Fidelity) -> list[str]:
    return [FLOOR] if any(method == FLOOR for _, method, _ in fidelity.figures) else []


def _cell(fidelity: Fidelity, metric: str, method: str, class_id: int | None) -> Cell:
    interval = fidelity.figure(metric, method, class_id)
    if not interval.count:
        return Cell("\N{EN DASH}")
    if method == FLOOR:
        low, high = (fidelity.figure(metric, n, class_id).mean for n in (FLOOR_LOW, FLOOR_HIGH))
        return Cell(number(interval.mean), plain_range(Interval(interval.mean, low, high, 1)))
    good = fidelity.as_good_as_real(metric, method, class_id)
    return Cell(number(interval.mean), plain_range(interval), "good" if good else "plain")


def fidelity_findings(results: Results, found: Sequence[Fidelity]) -> list[str]:
    """Return a sentence per setting about the first generator: how close, how varied, how new."""
    sentences = []
    for fidelity in found:
        method = fidelity.methods[0]
        words = (
            ("frechet_over_floor", "a Fréchet distance of {} times its floor"),
            ("deviation_ratio", "a standard-deviation ratio of {}"),
            ("neighbour_ratio", "a nearest-neighbour ratio of {}"),
            ("coverage", "a coverage of {}"),
        )
        figures = [(fidelity.figure(metric, method), text) for metric, text in words]
        parts = [text.format(number(figure.mean, 2)) for figure, text in figures if figure.count]
        if parts:
            name = results.method_name(method)
            sentences.append(f"{fidelity.setting.title}: {name} reaches {_listed(parts)}.")
        sentences += _accuracy_finding(results, fidelity, method)
    return sentences


def _accuracy_finding(results: Results, fidelity: Fidelity, method: str) -> list[str]:
    for classifier in in_order(classifier for classifier, _, _ in fidelity.accuracies):
        real, fake = (
            mean_interval(fidelity.accuracies.get((classifier, cell, method), [])).mean
            for cell in ("accuracy_real_real", "accuracy_fake_real")
        )
        if math.isfinite(real) and math.isfinite(fake):
            return [
                f"A classifier ({classifier}) trained on fakes of {results.method_name(method)} "
                f"alone reaches {number(fake, 1)} % on real pixels, one trained on real pixels "
                f"{number(real, 1)} %."
            ]
    return []


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
