"""The tables of comparisons of codecs, for `benchmarks/tables.py`."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from hsigan.evaluation.results import Record

Table = Callable[[Sequence[str], Sequence[Sequence[str]]], str]
Rate = tuple[str, float]
"""How records name the unit, and the target."""

REALISTIC = " (realistic)"
OVERHEADS = ("_with_headers", "", "_less_empty")
"""The baseline with headers of JPEG 2000, as its files are, less the bytes of empty streams."""


def codec_tables(records: Sequence[Record], table: Table) -> str:
    """Return fidelity at every rate, the differences to the baseline, and realism."""
    scenes = len({record.scene for record in records})
    methods = list(dict.fromkeys(r.method for r in records if r.metric == "psnr"))
    rates = _rates(records)
    parts = [
        f"Means over {scenes} held-out scene{'s' if scenes > 1 else ''}. PSNR in dB (mean spectral "
        "angle in degrees) at targets that files do not exceed; empty where a codec cannot reach "
        "the target.\n",
        table(
            ["codec", *(_title(rate) for rate in rates)],
            [[m, *(_fidelity(records, m, rate) for rate in rates)] for m in methods],
        ),
        "Differences to the baseline, the better of `klt` and `klt-shared` at each rate: with the "
        "headers of a JPEG 2000 codestream / as its files are / less the bytes of streams of "
        "zeros.\n",
        table(
            ["codec", *(f"{name}, {unit}" for unit in _units(records) for name in _DIFFERENCES)],
            [[m, *_differences(records, m)] for m in methods if not m.endswith(REALISTIC)],
        ),
    ]
    both = [m for m in methods if m.endswith(REALISTIC)]
    if both:
        parts += [
            "One file, two decoders: distance of patches of the realistic decoder over that of the "
            "faithful one, and PSNR of the realistic less that of the faithful one in dB.\n",
            table(
                ["codec", *(_title(rate) for rate in rates)],
                [[m, *(_realism(records, m, rate) for rate in rates)] for m in both],
            ),
        ]
    if any(r.metric == "accuracy_loss" for r in records):
        parts += [
            "Points of accuracy that a classifier of original pixels loses on decoded ones.\n",
            table(
                ["codec", *(_title(rate) for rate in rates)],
                [
                    [m, *(_mean(records, m, rate, "accuracy_loss", 1) for rate in rates)]
                    for m in methods
                ],
            ),
        ]
    return "\n".join(parts)


_DIFFERENCES = {"PSNR (dB)": "bd_psnr", "angle (deg)": "bd_angle", "rate (%)": "bd_rate"}


def _rates(records: Sequence[Record]) -> list[Rate]:
    found = {
        (r.split, r.amount)
        for r in records
        if r.metric == "psnr" and r.split and r.amount is not None
    }
    return sorted((rate for rate in found if rate[0].endswith(("bpp", "bpppc"))), key=str)


def _title(rate: Rate) -> str:
    return f"{rate[1]:g} {rate[0].rpartition(' ')[2]}"


def _units(records: Sequence[Record]) -> list[str]:
    return sorted({rate[0].rpartition(" ")[2] for rate in _rates(records)})


def _by_scene(
    records: Sequence[Record], method: str, rate: tuple[str, float | None], metric: str
) -> dict[str, float]:
    return {
        r.scene: r.value
        for r in records
        if (r.method, r.split, r.amount, r.metric) == (method, *rate, metric)
    }


def _mean(
    records: Sequence[Record], method: str, rate: tuple[str, float | None], metric: str, digits: int
) -> str:
    values = _by_scene(records, method, rate, metric).values()
    return f"{statistics.fmean(values):.{digits}f}" if values else ""


def _fidelity(records: Sequence[Record], method: str, rate: Rate) -> str:
    quality = _mean(records, method, rate, "psnr", 2)
    return f"{quality} ({_mean(records, method, rate, 'spectral_angle', 2)})" if quality else ""


def _differences(records: Sequence[Record], method: str) -> list[str]:
    cells = []
    for unit in _units(records):
        for metric in _DIFFERENCES.values():
            values = [
                _mean(records, method, (f"by scene, {unit}", None), metric + overhead, 2)
                for overhead in OVERHEADS
            ]
            cells.append(" / ".join(values) if any(values) else "")
    return cells


def _realism(records: Sequence[Record], method: str, rate: Rate) -> str:
    faithful = method.removesuffix(REALISTIC)
    pairs = {
        metric: (
            _by_scene(records, method, rate, metric),
            _by_scene(records, faithful, rate, metric),
        )
        for metric in ("patch_mmd", "psnr")
    }
    ratios = [own / pairs["patch_mmd"][1][s] for s, own in pairs["patch_mmd"][0].items()]
    losses = [own - pairs["psnr"][1][s] for s, own in pairs["psnr"][0].items()]
    if not ratios:
        return ""
    return f"x {statistics.median(ratios):.2f}, {statistics.fmean(losses):+.2f}"
