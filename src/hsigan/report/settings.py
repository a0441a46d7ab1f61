"""Records in groups that may be compared: one experiment, scene, split and number of labels."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from hsigan.evaluation.results import Record
from hsigan.evaluation.statistics import Interval

MINUS = "\N{MINUS SIGN}"
_EN_DASH = "\N{EN DASH}"


@dataclass(frozen=True)
class Setting:
    """What must be equal before two figures may stand in one table."""

    experiment: str
    scene: str
    split: str | None
    labels_per_class: int | None

    @classmethod
    def of(cls, record: Record) -> Setting:
        """Return the setting that a record belongs to."""
        return cls(record.experiment, record.scene, record.split, record.labels_per_class)

    @property
    def title(self) -> str:
        """The setting in words."""
        labels = f"{self.labels_per_class} labels per class" if self.labels_per_class else ""
        return ", ".join(filter(None, (self.scene, self.split, labels)))


def by_setting(records: Iterable[Record]) -> dict[Setting, list[Record]]:
    """Return the records of each setting, in the order in which settings first occur."""
    groups: dict[Setting, list[Record]] = {}
    for record in records:
        groups.setdefault(Setting.of(record), []).append(record)
    return groups


def values_by_seed(records: Iterable[Record]) -> dict[int, float]:
    """Return the values by seed; records without a seed count as seed -1."""
    return {-1 if record.seed is None else record.seed: record.value for record in records}


def in_order(names: Iterable[str]) -> list[str]:
    """Return names without repetition, in the order in which they first occur."""
    return list(dict.fromkeys(names))


def number(value: float, digits: int | None = None) -> str:
    """Write a number with about three significant digits, or `digits` after the point."""
    if not math.isfinite(value):
        return "n/a"
    if digits is None and value and abs(value) < 0.01:
        return f"{value:.2g}".replace("e-0", "e-").replace("-", MINUS)
    if digits is None:
        size = abs(value)
        digits = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 else 3
    return f"{value:,.{digits}f}".replace("-", MINUS)


def signed(value: float, digits: int = 2) -> str:
    """Write a difference with its sign."""
    rounded = round(value, digits) + 0.0 if math.isfinite(value) else value  # no sign on -0.0
    return f"+{number(rounded, digits)}" if rounded > 0 else number(rounded, digits)


def signed_range(interval: Interval, digits: int = 2) -> str:
    """Write an interval of a difference, empty where one run gives none."""
    if not math.isfinite(interval.low):
        return ""
    return f"{signed(interval.low, digits)} to {signed(interval.high, digits)}"


def plain_range(interval: Interval, digits: int | None = None) -> str:
    """Write an interval of a figure, empty where one run gives none."""
    if not math.isfinite(interval.low):
        return ""
    return f"{number(interval.low, digits)}{_EN_DASH}{number(interval.high, digits)}"


def short(name: str, length: int = 26) -> str:
    """Cut a name that is too long for the margin of a picture."""
    return name if len(name) <= length else f"{name[: length - 1]}\N{HORIZONTAL ELLIPSIS}"
