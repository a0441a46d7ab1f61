"""The table that `hsigan evaluate synthesis` prints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hsigan.evaluation.results import Record

METRICS = (
    "frechet_over_floor",
    "frechet_distance",
    "kernel_mmd",
    "coverage",
    "deviation_ratio",
    "neighbour_ratio",
    "memorised_share",
    "two_sample_accuracy",
    "accuracy_real_real",
    "accuracy_real_fake",
    "accuracy_fake_fake",
    "accuracy_fake_real",
    "patch_frechet_over_floor",
    "feature_frechet_over_floor",
    "autocorrelation_offset",
    "gradient_ratio",
    "patch_deviation_ratio",
    "patch_neighbour_ratio",
    "patch_memorised_share",
)
MIXTURE = "mixture_angle"

_METHODS_AT_ONCE = 5
Cells = dict[tuple[str, str], float]


def print_figures(records: Sequence[Record]) -> None:
    """Print the overall figures, means over classes and seeds: a column per method.

    Accuracies are those of a linear support vector machine, named by what it was trained on and
    what it was tested on (the paper's Table 1).
    """
    from rich.console import Console
    from rich.table import Table

    from hsigan.evaluation.results import FLOOR, FLOOR_HIGH, FLOOR_LOW

    cells = _means(records)
    floors = (FLOOR, FLOOR_LOW, FLOOR_HIGH)
    judged = {name for name, metric in cells if metric != MIXTURE} - set(floors)
    methods = [name for name in dict.fromkeys(name for name, _ in cells) if name in judged]
    for start in range(0, len(methods), _METHODS_AT_ONCE):
        shown = methods[start : start + _METHODS_AT_ONCE]
        table = Table("figure", "floor (95 % of draws)")
        for name in shown:
            table.add_column(name, justify="right", overflow="fold")
        for metric in METRICS:
            if any((name, metric) in cells for name in shown):
                numbers = [_number(cells.get((name, metric))) for name in shown]
                table.add_row(metric.replace("_", " "), _spread(cells, metric, floors), *numbers)
        Console().print(table)
    mixtures = {name: value for (name, metric), value in cells.items() if metric == MIXTURE}
    if mixtures:
        table = Table("mixed spectra", "median angle to the linear mixture, deg")
        for name, value in mixtures.items():
            table.add_row(name, _number(value))
        Console().print(table)


def _means(records: Sequence[Record]) -> Cells:
    from hsigan.evaluation.statistics import mean_interval

    values: dict[tuple[str, str], list[float]] = {}
    for record in records:
        if record.class_id is None and record.classifier in (None, "svm-linear"):
            values.setdefault((record.method, record.metric), []).append(record.value)
    return {key: mean_interval(found).mean for key, found in values.items()}


def _spread(cells: Cells, metric: str, floors: tuple[str, str, str]) -> str:
    mean, low, high = (_number(cells.get((name, metric))) for name in floors)
    return f"{mean} ({low} to {high})" if low else mean


def _number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.4g}"
