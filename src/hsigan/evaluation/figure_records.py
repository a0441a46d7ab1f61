"""From figures per class, and draws of their floor, to records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from hsigan.evaluation.results import FLOOR, FLOOR_HIGH, FLOOR_LOW, Record

if TYPE_CHECKING:
    from hsigan.evaluation.synthesis import Setting

Figures = dict[int, dict[str, float]]
"""By class, the figures of one method."""
FloorDraws = dict[int, list[dict[str, float]]]
"""By class, the figures of real pixels in the fakes' place, draw by draw."""
Units = Mapping[str, str | None]


def figure_records(
    draws: FloorDraws, figures: Mapping[str, Figures], units: Units, setting: Setting
) -> list[Record]:
    """Return records of every figure per class and overall, and of its floor.

    Every Frechet distance also comes as a ratio to its floor.

    Parameters
    ----------
    draws : the floor's figures, as many draws in every class
    figures : method -> class -> figure -> value
    units : every figure with its unit
    setting : what the records say besides
    """
    floors = _floors(draws, units)
    records = [
        record
        for name, by_class in {**floors, **figures}.items()
        for record in _method_records(name, by_class, units, setting)
    ]
    records += _overall_floor_records(draws, units, setting)
    for metric in units:
        if metric.endswith("frechet_distance"):
            records += _over_floor(figures, floors, metric, setting)
    return records


def _floors(draws: FloorDraws, units: Units) -> dict[str, Figures]:
    """Return mean, 2.5 % and 97.5 % quantile of the draws, per class and figure."""
    floors: dict[str, Figures] = {FLOOR: {}, FLOOR_LOW: {}, FLOOR_HIGH: {}}
    for class_id, drawn in draws.items():
        for summary in floors.values():
            summary[class_id] = {}
        for metric in units:
            bounds = _spread([draw[metric] for draw in drawn])
            for name, value in bounds.items():
                floors[name][class_id][metric] = value
    return floors


def _spread(values: list[float]) -> dict[str, float]:
    finite = np.asarray(values)[np.isfinite(values)]
    if not len(finite):
        return dict.fromkeys((FLOOR, FLOOR_LOW, FLOOR_HIGH), float("nan"))
    low, high = np.quantile(finite, [0.025, 0.975])
    return {FLOOR: float(finite.mean()), FLOOR_LOW: float(low), FLOOR_HIGH: float(high)}


def _method_records(name: str, by_class: Figures, units: Units, setting: Setting) -> list[Record]:
    """Return the records of every class, and for methods the mean over classes (class None)."""
    records = [
        setting.record(name, metric, value, class_id=class_id, unit=units[metric])
        for class_id, figures in by_class.items()
        for metric, value in figures.items()
    ]
    if name in (FLOOR, FLOOR_LOW, FLOOR_HIGH):
        return records
    return records + [
        setting.record(name, metric, _mean([f[metric] for f in by_class.values()]), unit=unit)
        for metric, unit in units.items()
    ]


def _overall_floor_records(draws: FloorDraws, units: Units, setting: Setting) -> list[Record]:
    """Return the spread, over draws, of the mean over classes."""
    records = []
    for metric, unit in units.items():
        means = [
            _mean([drawn[i][metric] for drawn in draws.values()])
            for i in range(setting.floor_draws)
        ]
        records += [
            setting.record(name, metric, value, unit=unit) for name, value in _spread(means).items()
        ]
    return records


def _over_floor(
    figures: Mapping[str, Figures], floors: dict[str, Figures], distance: str, setting: Setting
) -> list[Record]:
    """Return a Frechet distance over its floor per class; over all classes it is the median."""
    metric = distance.removesuffix("_distance") + "_over_floor"
    records = []
    for name, by_class in figures.items():
        ratios = []
        for class_id, values in by_class.items():
            floor = floors[FLOOR][class_id][distance]
            ratios.append(values[distance] / floor if floor > 0 else float("nan"))
            records.append(setting.record(name, metric, ratios[-1], class_id=class_id))
        finite = [ratio for ratio in ratios if np.isfinite(ratio)]
        overall = float(np.median(finite)) if finite else float("nan")
        records.append(setting.record(name, metric, overall))
    return records


def _mean(values: list[float]) -> float:
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")
