"""What codecs gain on the baseline, what they cost, how real their scenes look, in tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hsigan.evaluation.statistics import mean_interval
from hsigan.report.blocks import Block, Cell, Fold, Table
from hsigan.report.compression import (
    LESS_EMPTY,
    WITH_HEADERS,
    Comparison,
    baseline_names,
    either,
    floors,
)
from hsigan.report.folder import Results
from hsigan.report.settings import number, signed, signed_range

_DIFFERENCES = (
    ("bd_rate", "BD-rate, %", 1),
    ("bd_psnr", "BD-PSNR, dB", 2),
    ("bd_angle", "BD-angle, deg", 3),
)
_VARIANTS = {
    "": ("as it is", "All bytes of all files count."),
    LESS_EMPTY: (
        "less empty streams",
        "The baseline goes without the bytes that its codestreams take though every sample is 0.",
    ),
    WITH_HEADERS: (
        "with headers",
        "The baseline has the headers besides that a JPEG 2000 codestream of its own has.",
    ),
}
_UNTARGETED: dict[str, tuple[str, int | None]] = {
    "bytes": ("bytes", 0),
    "bpp": ("bpp", None),
    "bpppc": ("bpppc", None),
    "psnr": ("PSNR, dB", 2),
    "spectral_angle": ("spectral angle, deg", 3),
    "ssim": ("SSIM", 4),
    "max_error": ("largest error", 0),
}
_COSTS = (
    ("encode_seconds", "encoding, s", 2),
    ("decode_seconds", "decoding, s", 2),
    ("encode_speed", "encoding, MB/s", 1),
    ("decode_speed", "decoding, MB/s", 1),
    ("encode_memory", "memory to encode, MiB", 0),
    ("decode_memory", "memory to decode, MiB", 0),
)
_REALISM = {
    "patch_mmd": "Patches: squared kernel MMD",
    "spectrum_mmd": "Spectra: squared kernel MMD",
    "gradient_ratio": "Gradients over those of the original",
    "gradient_distance": "Distance of gradients",
    "autocorrelation_offset": "Moran's I less that of the original",
}
_FIGURES = {
    "spectral_angle": ("Spectral angle, deg", 3),
    "ssim": ("SSIM", 4),
    "max_error": ("Largest error, scene's units", 0),
    "ratio": ("Compression ratio against the source's bits", 1),
    "bytes": ("Bytes of the files", 0),
}


def difference_blocks(results: Results, found: Sequence[Comparison]) -> list[Block]:
    """Return the Bjontegaard table and the figures behind it, per unit of targets."""
    blocks: list[Block] = []
    baseline = baseline_names(results)
    for comparison in found:
        if any(comparison.interval(name, "bd_psnr").count for name in comparison.methods):
            blocks += [
                _difference_table(comparison, baseline, ""),
                _difference_table(comparison, baseline, LESS_EMPTY),
                Fold(
                    f"With the headers of codestreams outside our files, {comparison.unit}",
                    [_difference_table(comparison, baseline, WITH_HEADERS)],
                ),
            ]
        if comparison.targets:
            reading = "PSNR, mean over the held-out scenes, at each target; below it the real rate."
            table = _by_target(comparison, "psnr", "PSNR, dB", 2, reading)
            others = [
                _by_target(comparison, metric, heading, digits, "")
                for metric, (heading, digits) in _FIGURES.items()
            ]
            blocks += [table, Fold(f"Angle, SSIM, error and bytes, {comparison.unit}", others)]
    return blocks + _untargeted_table(found)


def _untargeted_table(found: Sequence[Comparison]) -> list[Block]:
    """Return the points that were not aimed at a rate: fixed-rate codecs, files of others."""
    rows = []
    for method, amounts in found[0].figures.items() if found else ():
        for amount, metrics in amounts.items():
            if "bytes" in metrics and "targeted" not in metrics:
                figures = (found[0].mean(method, amount, metric) for metric in _UNTARGETED)
                digits = (value for _, value in _UNTARGETED.values())
                cells = [_known_cell(v, d) for v, d in zip(figures, digits, strict=True)]
                rows.append((method, cells))
    if not rows:
        return []
    reading = "Codecs of one rate, and files that other programs wrote; means over their scenes."
    columns = ["codec", *(label for label, _ in _UNTARGETED.values())]
    return [Table("Points without a target", columns, rows, reading)]


def _known_cell(value: float, digits: int | None) -> Cell:
    return Cell(number(value, digits) if math.isfinite(value) else "")


def _difference_table(comparison: Comparison, baseline: Sequence[str], ending: str) -> Table:
    rows = []
    for method in comparison.methods:
        cells = [
            _difference_cell(comparison, method, metric, ending, digits)
            for metric, _, digits in _DIFFERENCES
        ]
        if any(cell.text for cell in cells):
            rows.append((method, cells))
    heading = f"Gains on the baseline, {_VARIANTS[ending][0]}, targets in {comparison.unit}"
    reading = (
        f"Bjontegaard differences to {either(baseline)}, means over scenes with 95 % intervals: "
        "bits at equal PSNR (negative is better), PSNR (positive) and angle (negative) at equal "
        f"rate, over what both curves cover, which stands below. {_VARIANTS[ending][1]}"
    )
    columns = ["codec", *(label for _, label, _ in _DIFFERENCES)]
    return Table(heading, columns, rows, reading)


def _difference_cell(
    comparison: Comparison, method: str, metric: str, ending: str, digits: int
) -> Cell:
    found = comparison.interval(method, metric + ending)
    if not found.count:
        return Cell("")
    low, high = (
        comparison.interval(method, f"{metric}_{bound}{ending}").mean for bound in ("low", "high")
    )
    along = "dB" if metric == "bd_rate" else comparison.unit
    over = f"{number(low)} to {number(high)} {along}"
    gain = round(found.mean, digits) * (1 if metric == "bd_psnr" else -1)
    tone = "good" if gain > 0 else "bad" if gain < 0 else "plain"
    spread = signed_range(found, digits)
    return Cell(signed(found.mean, digits), f"{spread}; {over}" if spread else over, tone)


def _by_target(
    comparison: Comparison, metric: str, heading: str, digits: int | None, reading: str
) -> Table:
    """Return a table of one figure: a row per codec, a column per target."""
    rows = []
    for method in comparison.methods:
        cells = []
        for target in comparison.targets:
            value = comparison.mean(method, target, metric)
            rate = comparison.mean(method, target, comparison.unit)
            cells.append(_figure_cell(comparison, method, target, metric, value, rate, digits))
        if any(cell.text for cell in cells):
            rows.append((method, cells))
    columns = ["codec", *(f"{target:g} {comparison.unit}" for target in comparison.targets)]
    return Table(f"{heading}, targets in {comparison.unit}", columns, rows, reading)


def _figure_cell(
    comparison: Comparison,
    method: str,
    target: float,
    metric: str,
    value: float,
    rate: float,
    digits: int | None,
) -> Cell:
    if math.isfinite(value):
        return Cell(number(value, digits), number(rate) if metric == "psnr" else "")
    if comparison.by_scene(method, target, "impossible"):
        return Cell("–", "not reached")
    errors = comparison.by_scene(method, target, "mse").values()
    return Cell("exact") if metric == "psnr" and errors and max(errors) == 0 else Cell("")


def cost_blocks(found: Sequence[Comparison]) -> list[Block]:
    """Return seconds, speed and memory of each codec, means over scenes and rates."""
    values: dict[str, dict[str, list[float]]] = {}
    for comparison in found:
        for method, amounts in comparison.figures.items():
            for metrics in amounts.values():
                for metric, _, _ in _COSTS:
                    every = metrics.get(metric, {}).values()
                    values.setdefault(method, {}).setdefault(metric, []).extend(every)
    rows = []
    for method, figures in values.items():
        cells = [
            Cell(number(mean_interval(figures[metric]).mean, digits) if figures[metric] else "")
            for metric, _, digits in _COSTS
        ]
        if any(cell.text for cell in cells):
            rows.append((method, cells))
    if not rows:
        return []
    reading = (
        "Means over all scenes and rates, one process; encoding includes the search for the target "
        "rate. Speed is in bytes of the source scene; memory is what the work takes beyond the "
        "program and the scene."
    )
    return [Table("Time and memory", ["codec", *(c[1] for c in _COSTS)], rows, reading)]


def realism_blocks(results: Results, found: Sequence[Comparison]) -> list[Block]:
    """Return how far patches, spectra and gradients are from those of the originals."""
    floor = floors(results.records)
    blocks: list[Block] = []
    for comparison in found:
        tables = [
            _with_floor(
                _by_target(comparison, metric, heading, None, _realism_reading(metric)),
                floor,
                metric,
            )
            for metric, heading in _REALISM.items()
        ]
        tables = [table for table in tables if len(table.rows) > table.lead_rows]
        if tables:
            blocks.append(tables[0])
            blocks.append(Fold(f"Spectra, gradients, texture, {comparison.unit}", tables[1:]))
    return blocks


def _realism_reading(metric: str) -> str:
    if metric in ("patch_mmd", "spectrum_mmd"):
        what = "patches of 8 x 8 pixels" if metric == "patch_mmd" else "single spectra"
        return (
            f"How far the distribution of decoded {what} is from that of the original ones, in "
            "leading principal components: 0 for an exact copy, and lower is more real. The first "
            "row, one half of the original against the other, shows how large chance makes it."
        )
    if metric == "gradient_ratio":
        return "1 is as steep as the original; below 1 the scene was smoothed."
    return "0 is as in the original." + (
        " Above 0 the scene was smoothed." if metric == "autocorrelation_offset" else ""
    )


def _with_floor(table: Table, floor: Mapping[str, float], metric: str) -> Table:
    if metric not in floor or not table.rows:
        return table
    cells = [Cell(number(floor[metric]))] * (len(table.columns) - 1)
    rows = [("original, half against half", cells), *table.rows]
    return Table(table.heading, table.columns, rows, table.reading, lead_rows=1)


def classifier_blocks(found: Sequence[Comparison]) -> list[Block]:
    """Return what a classifier of original pixels loses on decoded ones."""
    blocks: list[Block] = []
    for comparison in found:
        reading = (
            "Trained on part of the original labelled pixels, tested on the others as they were "
            "decoded: points of overall accuracy less than on the original pixels, means over "
            "scenes. Below zero the decoded pixels are classified better."
        )
        loss = _by_target(comparison, "accuracy_loss", "Accuracy lost, points", 2, reading)
        if loss.rows:
            agreement = _by_target(
                comparison, "agreement", "Same class as before, %", 1, "Share of the test pixels."
            )
            accuracy = _by_target(
                comparison, "accuracy_decoded", "Overall accuracy on decoded pixels, %", 1, ""
            )
            blocks += [
                loss,
                Fold(f"Accuracy and agreement, {comparison.unit}", [accuracy, agreement]),
            ]
    return blocks
