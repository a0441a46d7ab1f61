"""Bjontegaard differences of every codec to the baseline, made from the records of the points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hsigan.errors import InputError
from hsigan.evaluation.compression_config import ComparisonConfig
from hsigan.evaluation.compression_points import ELSEWHERE, EXPERIMENT, FIXED, split_of
from hsigan.evaluation.results import Record
from hsigan.metrics.rate_distortion import (
    Curve,
    Range,
    bd_psnr,
    bd_rate,
    make_curve,
    upper_envelope,
)

BASELINE = "baseline"
LESS_EMPTY = "_less_empty"
"""Ends the metrics whose baseline is taken without the bytes of its all-zero stream."""
_POINT_METRICS = ("psnr", "spectral_angle", "bpp", "bpppc", "bytes", "empty_bytes")


@dataclass
class _Points:
    """The figures of one method on one scene: metric -> amount -> value."""

    figures: dict[str, dict[float | None, float]] = field(default_factory=dict)

    def curve(self, rate: str, quality: str, sign: float = 1.0, less_empty: bool = False) -> Curve:
        rates, qualities = [], []
        for amount, value in self.figures.get(rate, {}).items():
            if amount in self.figures.get(quality, {}):
                rates.append(value * (self._share_kept(amount) if less_empty else 1.0))
                qualities.append(sign * self.figures[quality][amount])
        return make_curve(rates, qualities)

    def _share_kept(self, amount: float | None) -> float:
        """Return the share of a file that is not the codec's all-zero stream."""
        size = self.figures["bytes"][amount]
        return 1.0 - self.figures.get("empty_bytes", {}).get(amount, 0.0) / size


def difference_records(records: Sequence[Record], config: ComparisonConfig) -> list[Record]:
    """Return, for every scene, unit of targets and method, its differences to the baseline.

    The baseline is the upper envelope of the curves of ``config.baseline``, once as it is and once
    less the bytes of each file's all-zero stream; the other codecs always count whole. The metrics
    are ``bd_rate`` (%), ``bd_psnr`` (dB) and ``bd_angle`` (deg, negative is better), the bounds
    that they are over (``bd_rate_low`` ...), and each with ``_less_empty``. Where a curve has
    nothing in common with the baseline there is no record.
    """
    found: list[Record] = []
    for unit, within in (("bpp", config.bd_bpp), ("bpppc", config.bd_bpppc)):
        for scene, methods in _by_scene(records, unit).items():
            for less_empty in (False, True):
                baseline = {name: methods[name] for name in config.baseline if name in methods}
                if baseline:
                    found += _against(scene, unit, methods, baseline, within, less_empty)
    return found


def _by_scene(records: Iterable[Record], unit: str) -> dict[str, dict[str, _Points]]:
    wanted = {split_of(one) for one in (unit, FIXED, ELSEWHERE)}
    found: dict[str, dict[str, _Points]] = {}
    for record in records:
        if record.split in wanted and record.metric in _POINT_METRICS:
            points = found.setdefault(record.scene, {}).setdefault(record.method, _Points())
            points.figures.setdefault(record.metric, {})[record.amount] = record.value
    return found


def _against(
    scene: str,
    unit: str,
    methods: dict[str, _Points],
    baseline: dict[str, _Points],
    within: Range | None,
    less_empty: bool,
) -> list[Record]:
    ending = LESS_EMPTY if less_empty else ""
    psnr = _envelope(baseline, unit, "psnr", 1.0, less_empty)
    angle = _envelope(baseline, unit, "spectral_angle", -1.0, less_empty)
    found = []
    for method, points in methods.items():
        figures: dict[str, tuple[float, str]] = {}
        figures |= _difference("bd_rate", points, unit, "psnr", 1.0, psnr, within)
        figures |= _difference("bd_psnr", points, unit, "psnr", 1.0, psnr, within)
        figures |= _difference("bd_angle", points, unit, "spectral_angle", -1.0, angle, within)
        found += [
            Record(
                experiment=EXPERIMENT,
                scene=scene,
                split=split_of(unit),
                method=method,
                metric=metric + ending,
                value=value,
                unit=measure,
            )
            for metric, (value, measure) in figures.items()
        ]
    return found


def _envelope(
    baseline: dict[str, _Points], unit: str, quality: str, sign: float, less_empty: bool
) -> Curve | None:
    curves = []
    for points in baseline.values():
        try:
            curves.append(points.curve(unit, quality, sign, less_empty))
        except InputError:  # no point of it has a place on the axes
            continue
    return upper_envelope(curves) if curves else None


def _difference(
    name: str,
    points: _Points,
    unit: str,
    quality: str,
    sign: float,
    baseline: Curve | None,
    within: Range | None,
) -> dict[str, tuple[float, str]]:
    """Return one difference with its bounds; {} where the curves cannot be compared."""
    if baseline is None:
        return {}
    measure = bd_rate if name == "bd_rate" else bd_psnr
    try:
        found = measure(points.curve(unit, quality, sign), baseline, within)
    except InputError:
        return {}
    along = "dB" if name == "bd_rate" else unit
    own = {"bd_rate": "%", "bd_psnr": "dB", "bd_angle": "deg"}[name]
    value = sign * found.value
    return {
        name: (value, own),
        f"{name}_low": (found.low, along),
        f"{name}_high": (found.high, along),
    }
