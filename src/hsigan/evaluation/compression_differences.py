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
VARIANTS = {"": None, "_less_empty": ("empty_bytes", -1), "_with_headers": ("header_bytes", +1)}
"""What ends the metrics, and which bytes the baseline then goes without, or has more."""
_POINT_METRICS = (
    "psnr",
    "spectral_angle",
    "bpp",
    "bpppc",
    "bytes",
    "empty_bytes",
    "header_bytes",
)

Correction = tuple[str, int] | None


@dataclass
class _Points:
    """The figures of one method on one scene: metric -> amount -> value."""

    figures: dict[str, dict[float | None, float]] = field(default_factory=dict)

    def curve(
        self, rate: str, quality: str, sign: float = 1.0, correction: Correction = None
    ) -> Curve:
        """Return signed quality over rate, which a correction of the bytes scales."""
        rates, qualities = [], []
        for amount, value in self.figures.get(rate, {}).items():
            if amount in self.figures.get(quality, {}):
                rates.append(value * self._share(amount, correction))
                qualities.append(sign * self.figures[quality][amount])
        return make_curve(rates, qualities)

    def _share(self, amount: float | None, correction: Correction) -> float:
        """Return the corrected bytes over the file's."""
        if correction is None:
            return 1.0
        metric, sign = correction
        size = self.figures["bytes"][amount]
        return 1.0 + sign * self.figures.get(metric, {}).get(amount, 0.0) / size


def difference_records(records: Sequence[Record], config: ComparisonConfig) -> list[Record]:
    """Return, for every scene, unit of targets and method, its differences to the baseline.

    The baseline is the upper envelope of the curves of ``config.baseline``: as its files are, less
    the bytes of their all-zero codestreams (``_less_empty``), and with the headers that codestreams
    outside our files have (``_with_headers``); the other codecs always count whole. The metrics are
    ``bd_rate`` (%), ``bd_psnr`` (dB) and ``bd_angle`` (deg, negative is better), and the bounds
    that they are over (``bd_rate_low`` ...). Where a curve has nothing in common with the baseline
    there is no record.
    """
    found: list[Record] = []
    for unit, within in (("bpp", config.bd_bpp), ("bpppc", config.bd_bpppc)):
        for scene, methods in _by_scene(records, unit).items():
            baseline = {name: methods[name] for name in config.baseline if name in methods}
            for ending in VARIANTS if baseline else ():
                found += _against(scene, unit, methods, baseline, within, ending)
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
    ending: str,
) -> list[Record]:
    psnr = _envelope(baseline, unit, "psnr", 1.0, VARIANTS[ending])
    angle = _envelope(baseline, unit, "spectral_angle", -1.0, VARIANTS[ending])
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
    baseline: dict[str, _Points], unit: str, quality: str, sign: float, correction: Correction
) -> Curve | None:
    curves = []
    for points in baseline.values():
        try:
            curves.append(points.curve(unit, quality, sign, correction))
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
