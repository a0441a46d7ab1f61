"""``summary.csv``: means, intervals and paired differences, made from records alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from hsigan.evaluation.results import Record
from hsigan.evaluation.statistics import Interval, mean_interval, paired_difference

COLUMNS = (
    "experiment",
    "scene",
    "split",
    "labels_per_class",
    "method",
    "amount",
    "classifier",
    "class",
    "metric",
    "unit",
    "seeds",
    "mean",
    "low",
    "high",
    "reference",
    "difference",
    "difference_low",
    "difference_high",
)
_SETTING = ("experiment", "scene", "split", "labels_per_class", "classifier", "class_id", "metric")


def summary_csv(records: Sequence[Record], reference: str = "none") -> str:
    """Return the summary as CSV text with the columns ``COLUMNS``.

    A row is one setting (everything but the seed); its interval is the 95 % t interval over seeds.
    The differences are paired by seed with the method ``reference`` in the same setting, and empty
    where it was not run.
    """
    groups: dict[tuple[Any, ...], dict[int, Record]] = {}
    for record in records:
        setting = tuple(getattr(record, key) for key in _SETTING)
        seed = -1 if record.seed is None else record.seed
        groups.setdefault((setting, record.method, record.amount), {})[seed] = record
    references = {
        setting: _by_seed(members)
        for (setting, method, _), members in groups.items()
        if method == reference
    }
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for (setting, method, _), members in groups.items():
        other = None if method == reference else references.get(setting)
        writer.writerow(_row(members, reference, other))
    return text.getvalue()


def _by_seed(members: dict[int, Record]) -> dict[int, float]:
    return {seed: record.value for seed, record in members.items()}


def _row(
    members: dict[int, Record], reference: str, other: dict[int, float] | None
) -> dict[str, Any]:
    first = next(iter(members.values()))
    own = _by_seed(members)
    row: dict[str, Any] = {key: getattr(first, key, None) for key in COLUMNS}
    row |= {"class": first.class_id, "seeds": len(members)}
    row |= _cells(mean_interval(list(own.values())), ("mean", "low", "high"))
    row["reference"] = reference if other else None
    if other:
        names = ("difference", "difference_low", "difference_high")
        row |= _cells(paired_difference(own, other), names)
    else:
        row |= dict.fromkeys(("difference", "difference_low", "difference_high"))
    return row


def _cells(interval: Interval, names: tuple[str, str, str]) -> dict[str, str]:
    numbers = (interval.mean, interval.low, interval.high)
    return {
        name: "" if number != number else f"{number:.6g}"
        for name, number in zip(names, numbers, strict=True)
    }
