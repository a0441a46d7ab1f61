"""The records of a comparison of codecs, in the groups in which they may be compared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hsigan.evaluation.results import FLOOR, Record
from hsigan.evaluation.statistics import Interval, mean_interval
from hsigan.report.folder import Results
from hsigan.report.settings import in_order, signed

EXPERIMENT = "compression"
BPP, BPPPC, FIXED, ELSEWHERE = "bpp", "bpppc", "fixed rate", "coded elsewhere"
# The evaluation's own names; importing them would load every classifier and codec.
LESS_EMPTY, WITH_HEADERS = "_less_empty", "_with_headers"
UNIT_WORDS = {
    BPP: "bits per pixel (bpp, all bands together)",
    BPPPC: "bits per pixel and band (bpppc)",
}

Amount = float | None
Point = tuple[float, float]


@dataclass(frozen=True)
class Comparison:
    """The figures of one unit of targets: method -> amount -> metric -> scene -> value.

    Codecs of a fixed rate and files of other programs stand in every unit.
    """

    unit: str
    figures: dict[str, dict[Amount, dict[str, dict[str, float]]]] = field(default_factory=dict)

    @property
    def methods(self) -> list[str]:
        """The codecs, in the order of the records."""
        return list(self.figures)

    @property
    def scenes(self) -> list[str]:
        """The held-out scenes."""
        every = (
            scene
            for amounts in self.figures.values()
            for metrics in amounts.values()
            for scene in metrics.get("bytes", {})
        )
        return in_order(every)

    @property
    def targets(self) -> list[float]:
        """The rates that were aimed at, rising."""
        found = {
            amount
            for amounts in self.figures.values()
            for amount, metrics in amounts.items()
            if amount is not None and metrics.get("targeted")
        }
        return sorted(found)

    def by_scene(self, method: str, amount: Amount, metric: str) -> Mapping[str, float]:
        """Return one figure, scene by scene."""
        return self.figures.get(method, {}).get(amount, {}).get(metric, {})

    def mean(self, method: str, amount: Amount, metric: str) -> float:
        """Return the mean over the scenes that have the figure.

        NaN unless every held-out scene could be coded: means over others do not compare.
        """
        values = self.by_scene(method, amount, metric)
        if not values or set(self.by_scene(method, amount, "bytes")) < set(self._coded(method)):
            return math.nan
        return sum(values.values()) / len(values)

    def interval(self, method: str, metric: str) -> Interval:
        """Return mean and 95 % interval over scenes of a figure that belongs to no one rate."""
        return mean_interval(list(self.by_scene(method, None, metric).values()))

    def curve(self, method: str, metric: str, scene: str | None = None) -> list[Point]:
        """Return (rate, figure) by rising rate: of one scene, or means over all of them."""
        points = []
        for amount in self.figures.get(method, {}):
            if scene is None:
                pair = tuple(self.mean(method, amount, name) for name in (self.unit, metric))
            else:
                pair = tuple(
                    self.by_scene(method, amount, name).get(scene, math.nan)
                    for name in (self.unit, metric)
                )
            if all(math.isfinite(value) for value in pair):
                points.append((pair[0], pair[1]))
        return sorted(points)

    def _coded(self, method: str) -> list[str]:
        """Return the scenes that a method coded at all: a file of others may be of one alone."""
        amounts = self.figures.get(method, {}).values()
        return in_order(scene for metrics in amounts for scene in metrics.get("bytes", {}))


def comparisons(records: Iterable[Record]) -> list[Comparison]:
    """Return a comparison for each unit of targets that was measured, else one of fixed rates."""
    own = [record for record in records if record.experiment == EXPERIMENT]
    units = [unit for unit in (BPP, BPPPC) if any(_unit(record) == unit for record in own)]
    if not units and own:
        units = [BPPPC]
    return [_comparison(own, unit) for unit in units]


def floors(records: Iterable[Record]) -> dict[str, float]:
    """Return realism between halves of the originals, means over scenes."""
    found: dict[str, list[float]] = {}
    for record in records:
        if record.experiment == EXPERIMENT and record.method == FLOOR:
            found.setdefault(record.metric, []).append(record.value)
    return {metric: mean_interval(values).mean for metric, values in found.items()}


def _comparison(records: Sequence[Record], unit: str) -> Comparison:
    comparison = Comparison(unit)
    for record in records:
        own = _unit(record)
        if record.method == FLOOR or own not in (unit, FIXED, ELSEWHERE):
            continue
        amounts = comparison.figures.setdefault(record.method, {})
        metrics = amounts.setdefault(record.amount, {})
        metrics.setdefault(record.metric, {})[record.scene] = record.value
        if own == unit and record.amount is not None:
            metrics.setdefault("targeted", {})[record.scene] = 1.0
    return comparison


def _unit(record: Record) -> str:
    return (record.split or "").removeprefix("by scene, ")


def baseline_names(results: Results) -> list[str]:
    """Return the codecs that differences refer to."""
    return [str(name) for name in _options(results).get("baseline", ())]


def cited_figures(results: Results) -> list[Mapping[str, Any]]:
    """Return somebody else's figures that the recipe cites, for scenes that were held out here."""
    held_out = {record.scene for record in results.records if record.experiment == EXPERIMENT}
    return [
        one
        for one in _options(results).get("cited", ())
        if not one.get("scenes") or held_out & set(one["scenes"])
    ]


def either(names: Sequence[str]) -> str:
    """Return the names of the baseline in words."""
    return " or ".join(names) + (", whichever is better" if len(names) > 1 else "")


def _options(results: Results) -> Mapping[str, Any]:
    options = results.experiment.get("options")
    return options if isinstance(options, Mapping) else {}


def compression_findings(results: Results, found: Sequence[Comparison]) -> list[str]:
    """Return one sentence per unit: which codec saves most against the baseline."""
    sentences = []
    for comparison in found:
        baseline = set(baseline_names(results))
        means = {
            method: comparison.interval(method, "bd_rate").mean
            for method in comparison.methods
            if method not in baseline
        }
        known = {method: mean for method, mean in means.items() if math.isfinite(mean)}
        if not known:
            continue
        best = min(known, key=lambda name: known[name])
        gain = comparison.interval(best, "bd_psnr").mean
        less = comparison.interval(best, f"bd_rate{LESS_EMPTY}").mean
        words = f"{abs(known[best]):.0f} % {'fewer' if known[best] < 0 else 'more'} bits"
        sentences.append(
            f"At targets in {comparison.unit}, {best} takes {words} than the baseline "
            f"({either(sorted(baseline))}) at equal PSNR"
            + (f", {signed(gain, 1)} dB at equal rate" if math.isfinite(gain) else "")
            + (
                f"; without the baseline's empty streams, {signed(less, 0)} %."
                if math.isfinite(less)
                else "."
            )
        )
    return sentences
