"""Rate-distortion curves: quality against the real bytes of the files, on a logarithmic axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from hsigan.report.blocks import Block, Figure, Fold, Key, Panel
from hsigan.report.colours import line_styles
from hsigan.report.compression import (
    BPPPC,
    UNIT_WORDS,
    Comparison,
    Point,
    baseline_names,
    cited_figures,
)
from hsigan.report.drawing import MUTED, draw
from hsigan.report.folder import Results

Style = tuple[str, str, str]
_QUALITIES = {
    "psnr": "PSNR, dB",
    "spectral_angle": "spectral angle, deg",
    "ssim": "SSIM",
    "max_error": "largest error, scene's units",
}
_OPEN = ("psnr", "spectral_angle")
_LONGEST_NAME = 34


def curve_blocks(results: Results, found: Sequence[Comparison]) -> list[Block]:
    """Return the curves over all scenes; folded, each scene and other figures."""
    blocks: list[Block] = []
    styles = line_styles(list(dict.fromkeys(name for one in found for name in one.methods)))
    for comparison in found:
        cited = cited_figures(results) if comparison.unit == BPPPC else []
        panels = [_panel(comparison, metric, styles, None, cited) for metric in _OPEN]
        heading = f"Quality against {UNIT_WORDS[comparison.unit]}"
        reading = _reading(results, comparison, cited)
        legend = [_key(styles, name) for name in comparison.methods]
        blocks.append(Figure(heading, panels, reading, legend, size="large"))
        blocks += _folds(comparison, styles, cited, legend)
    return blocks


def _reading(results: Results, comparison: Comparison, cited: Sequence[Mapping[str, Any]]) -> str:
    count = len(comparison.scenes)
    several = (
        f"Every point is the mean over {count} held-out scenes; rates that a codec does not reach "
        "on all of them are left out. "
        if count > 1
        else ""
    )
    baseline = [name for name in baseline_names(results) if name in comparison.methods]
    told = f"The baseline is {' or '.join(baseline)}. " if baseline else ""
    sources = "; ".join(dict.fromkeys(str(one["source"]) for one in cited))
    return (
        "Higher PSNR and lower angles are better, and further left is smaller. The rate is that of "
        "the whole file; PSNR is over all bands, to each scene's largest valid value. "
        f"{several}{told}" + (f"Grey: cited, not measured here ({sources})." if sources else "")
    )


def _folds(
    comparison: Comparison,
    styles: Mapping[str, Style],
    cited: Sequence[Mapping[str, Any]],
    legend: Sequence[Key],
) -> list[Block]:
    others = [_panel(comparison, metric, styles) for metric in _QUALITIES if metric not in _OPEN]
    folds: list[Block] = [
        Fold(
            f"SSIM and largest error, {comparison.unit}", [Figure("", others, "", legend, "large")]
        )
    ]
    if len(comparison.scenes) > 1:
        panels = [
            _panel(comparison, "psnr", styles, scene, [c for c in cited if scene in c["scenes"]])
            for scene in comparison.scenes
        ]
        figure = Figure("", panels, "PSNR of each held-out scene.", legend)
        folds.append(Fold(f"Scene by scene, {comparison.unit}", [figure]))
    return folds


def _key(styles: Mapping[str, Style], name: str) -> Key:
    return Key(styles[name][0], name)


def _panel(
    comparison: Comparison,
    metric: str,
    styles: Mapping[str, Style],
    scene: str | None = None,
    cited: Sequence[Mapping[str, Any]] = (),
) -> Panel:
    curves = {name: comparison.curve(name, metric, scene) for name in comparison.methods}
    shown = {name: points for name, points in curves.items() if points}
    marks = [one for one in cited if metric == "psnr"]
    alt = f"{_QUALITIES[metric]} against {comparison.unit} of {len(shown)} codecs"
    picture = _curves(shown, styles, marks, comparison, alt)
    return Panel(picture, scene or _QUALITIES[metric])


def _curves(
    curves: Mapping[str, Sequence[Point]],
    styles: Mapping[str, Style],
    cited: Sequence[Mapping[str, Any]],
    comparison: Comparison,
    alt: str,
) -> Markup:
    def paint(axes: Axes) -> None:
        axes.set_xscale("log")
        for name, points in curves.items():
            colour, dash, marker = styles[name]
            rates, values = zip(*points, strict=True)
            axes.plot(rates, values, dash, color=colour, marker=marker, ms=4.5)
        for one in cited:
            _cite(axes, one)
        _plain_log_axis(axes, comparison.targets)
        axes.set_xlabel(comparison.unit)

    return draw(paint, alt, 460, 320)


def _cite(axes: Axes, figure: Mapping[str, Any]) -> None:
    """Draw a rate alone as a line across the panel, a rate with its PSNR as a mark."""
    rate, quality = float(figure["bpppc"]), figure.get("psnr_db")
    label = str(figure["label"])[:_LONGEST_NAME]
    if quality is None:
        axes.axvline(rate, color=MUTED, lw=1.2, ls=":")
        axes.annotate(
            label,
            (rate, 0.02),
            xycoords=("data", "axes fraction"),
            xytext=(-3, 0),
            textcoords="offset points",
            rotation=90,
            ha="right",
            va="bottom",
            fontsize=8.5,
            color=MUTED,
        )
        return
    axes.plot(rate, quality, "*", color=MUTED, ms=9)
    axes.annotate(
        label,
        (rate, quality),
        xytext=(6, -3),
        textcoords="offset points",
        fontsize=8.5,
        color=MUTED,
    )


def _plain_log_axis(axes: Axes, targets: Sequence[float]) -> None:
    """Label the targets, else 1, 2 and 5 of each decade, in plain numbers."""
    decades = LogLocator(10, subs=(1.0, 2.0, 5.0), numticks=12)
    axes.xaxis.set_major_locator(FixedLocator(targets) if targets else decades)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
