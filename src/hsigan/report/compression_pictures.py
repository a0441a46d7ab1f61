"""Scenes before and after: in colour, close up, and spectra of chosen pixels.

Figures 3, 5 and 6 of Byju, Fuchs, Walda and Demir's paper on generative compression of
hyperspectral images, redrawn for any scene and codec.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from hsigan.report.axes import band_axis, break_at_gaps, few_ticks, thinned
from hsigan.report.blocks import Block, Figure, Fold, Key, Panel
from hsigan.report.colours import class_colours
from hsigan.report.compression import ELSEWHERE, FIXED, Comparison
from hsigan.report.drawing import INK, draw
from hsigan.report.folder import Results
from hsigan.report.pictures import colour_picture
from hsigan.report.settings import number

_OPEN_METHODS = 2
_BANDS_DRAWN = 260


@dataclass(frozen=True)
class _Version:
    """A decoded version of a scene: where its arrays lie, and its rate and PSNR in words."""

    key: str
    title: str


def picture_blocks(results: Results, found: Sequence[Comparison]) -> list[Block]:
    """Return, for each scene that was kept, the original beside every decoded version."""
    blocks: list[Block] = []
    for index, scene in _shown_scenes(results):
        for comparison in found:
            shown = {
                method: versions
                for method in comparison.methods
                if (versions := _versions(results, index, scene, method, comparison))
            }
            for place, (method, versions) in enumerate(shown.items()):
                own = _method_blocks(
                    results, f"compression/{index}", versions, f"{method}, {scene}"
                )
                name = f"{method}, {scene}, {comparison.unit}"
                blocks += own if place < _OPEN_METHODS else [Fold(name, own)]
    return blocks


def _shown_scenes(results: Results) -> list[tuple[int, str]]:
    held_out = results.experiment.get("held_out", [])
    numbers = sorted({int(k.split("/")[1]) for k in results.arrays if _is_original(k)})
    return [(n, str(held_out[n]["name"]) if n < len(held_out) else f"scene {n}") for n in numbers]


def _is_original(key: str) -> bool:
    parts = key.split("/")
    return parts[0] == "compression" and parts[2:] == ["original", "rgb"] and parts[1].isdigit()


def _versions(
    results: Results, index: int, scene: str, method: str, comparison: Comparison
) -> list[_Version]:
    """Return the decoded versions by rising rate."""
    found: list[tuple[float, _Version]] = []
    for amount in comparison.figures.get(method, {}):
        rate, psnr = (
            comparison.by_scene(method, amount, metric).get(scene, math.nan)
            for metric in (comparison.unit, "psnr")
        )
        words = "-" if amount is None else format(amount, ".10g")
        quality = f"{number(psnr, 1)} dB" if math.isfinite(psnr) else "exact"
        title = f"{number(rate)} {comparison.unit}, {quality}"
        for unit in (comparison.unit, FIXED, ELSEWHERE):
            key = f"compression/{index}/{method.replace('/', '-')}/{unit}/{words}"
            if f"{key}/rgb" in results.arrays:
                found.append((rate, _Version(key, title)))
    return [version for _, version in sorted(found, key=lambda one: one[0])]


def _method_blocks(
    results: Results, prefix: str, versions: Sequence[_Version], heading: str
) -> list[Block]:
    shown = [_Version(f"{prefix}/original", "original"), *versions]

    def panels(kind: str) -> list[Panel]:
        return [
            Panel(
                colour_picture([results.arrays[f"{one.key}/{kind}"]], f"{heading}, {one.title}"),
                one.title,
            )
            for one in shown
        ]

    reading = "One stretch of colours for all; look where edges go soft and colours drift."
    close = "The square of the scene with the strongest edges."
    return [
        Figure(heading, panels("rgb"), reading, size="small"),
        Figure("Close up", panels("detail"), close, size="small"),
        _spectra_figure(results, prefix, versions),
    ]


def _spectra_figure(results: Results, prefix: str, versions: Sequence[_Version]) -> Figure:
    original = results.arrays[f"{prefix}/original/spectra"]
    decoded = [results.arrays[f"{version.key}/spectra"] for version in versions]
    colours = list(class_colours(range(len(decoded))).values())
    panels = [
        _spectra_panel(
            original[index],
            [spectra[index] for spectra in decoded],
            colours,
            results.wavelengths_nm,
            f"row {row}, column {column}",
        )
        for index, (row, column) in enumerate(results.arrays[f"{prefix}/pixels"].tolist())
    ]
    legend = [Key("var(--ink)", "original (dashed)")]
    legend += [Key(c, v.title) for c, v in zip(colours, versions, strict=True)]
    reading = (
        "Pixels as different from one another as the original has them. Decoded lines that leave "
        "the dashed one lose the spectrum's shape; lines that agree hide behind it."
    )
    return Figure("Spectra of chosen pixels", panels, reading, legend, size="small")


def _spectra_panel(
    original: NDArray[Any],
    decoded: Sequence[NDArray[Any]],
    colours: Sequence[str],
    wavelengths_nm: NDArray[Any] | None,
    title: str,
) -> Panel:
    x, label = band_axis(len(original), wavelengths_nm)
    thin = [thinned(np.asarray(line), _BANDS_DRAWN) for line in (x, original, *decoded)]

    def paint(axes: Axes) -> None:
        at, first, *others = break_at_gaps(*thin)
        for line, colour in zip(others, colours, strict=True):
            axes.plot(at, line, color=colour, lw=1.2)
        axes.plot(at, first, "--", color=INK, lw=1.5)
        axes.set_xlabel(label)
        few_ticks(axes)
        axes.margins(x=0.01)

    return Panel(draw(paint, f"Spectrum at {title}, original and decoded"), title)
