"""Scenes before and after: in colour, close up, and spectra of chosen pixels.

Figures 3, 5 and 6 of Byju, Fuchs, Walda and Demir's paper on generative compression of
hyperspectral images, redrawn for any scene and codec.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from hsigan.report.axes import band_axis, break_at_gaps, few_ticks, thinned
from hsigan.report.blocks import Block, Figure, Fold, Key, Panel
from hsigan.report.colours import class_colours
from hsigan.report.compression import Comparison
from hsigan.report.drawing import INK, draw
from hsigan.report.folder import Results
from hsigan.report.pictures import colour_picture
from hsigan.report.settings import number

_OPEN_METHODS = 2
_BANDS_DRAWN = 260


def picture_blocks(results: Results, found: Sequence[Comparison]) -> list[Block]:
    """Return, for each scene that was kept, the original beside every decoded version."""
    blocks: list[Block] = []
    for index, name in _shown_scenes(results):
        prefix = f"compression/{index}"
        for comparison in found:
            methods = [m for m in comparison.methods if _versions(results, prefix, m, comparison)]
            shown = [_method_blocks(results, name, prefix, m, comparison) for m in methods]
            blocks += [block for own in shown[:_OPEN_METHODS] for block in own]
            blocks += [
                Fold(f"{method}, {name}, {comparison.unit}", own)
                for method, own in zip(methods[_OPEN_METHODS:], shown[_OPEN_METHODS:], strict=True)
            ]
    return blocks


def _shown_scenes(results: Results) -> list[tuple[int, str]]:
    held_out = results.experiment.get("held_out", [])
    numbers = sorted({int(k.split("/")[1]) for k in results.arrays if _is_original(k)})
    return [(n, str(held_out[n]["name"]) if n < len(held_out) else f"scene {n}") for n in numbers]


def _is_original(key: str) -> bool:
    parts = key.split("/")
    return parts[0] == "compression" and parts[2:] == ["original", "rgb"] and parts[1].isdigit()


def _versions(
    results: Results, prefix: str, method: str, comparison: Comparison
) -> list[tuple[float, str]]:
    """Return the targets of a method with the names of its arrays."""
    name = method.replace("/", "-")
    keys = [
        (target, f"{prefix}/{name}/{comparison.unit}/{target:g}") for target in comparison.targets
    ]
    return [(target, key) for target, key in keys if f"{key}/rgb" in results.arrays]


def _method_blocks(
    results: Results, scene: str, prefix: str, method: str, comparison: Comparison
) -> list[Block]:
    versions = _versions(results, prefix, method, comparison)
    arrays = results.arrays
    titles = [_title(comparison, method, target, scene) for target, _ in versions]
    names = ["original", *titles]
    keys = [f"{prefix}/original", *(key for _, key in versions)]
    whole = [
        Panel(colour_picture([arrays[f"{key}/rgb"]], f"{scene}, {method}, {title}"), title)
        for key, title in zip(keys, names, strict=True)
    ]
    close = [
        Panel(
            colour_picture([arrays[f"{key}/detail"]], f"{scene}, detail, {method}, {title}"), title
        )
        for key, title in zip(keys, names, strict=True)
    ]
    heading = f"{method} on {scene}, {comparison.unit}"
    return [
        Figure(
            heading, whole, "One stretch of colours for all; look where edges go soft.", (), "small"
        ),
        Figure("Close up", close, "The square of the scene with the strongest edges.", (), "small"),
        _spectra_figure(results, prefix, versions, comparison.unit),
    ]


def _title(comparison: Comparison, method: str, target: float, scene: str) -> str:
    psnr = comparison.by_scene(method, target, "psnr").get(scene, float("nan"))
    rate = comparison.by_scene(method, target, comparison.unit).get(scene, float("nan"))
    return f"{number(rate)} {comparison.unit}, {number(psnr, 1)} dB"


def _spectra_figure(
    results: Results, prefix: str, versions: Sequence[tuple[float, str]], unit: str
) -> Figure:
    original = results.arrays[f"{prefix}/original/spectra"]
    decoded = {target: results.arrays[f"{key}/spectra"] for target, key in versions}
    colours = class_colours(range(len(decoded)))
    pixels = results.arrays[f"{prefix}/pixels"]
    panels = [
        _spectra_panel(
            original[index],
            {target: spectra[index] for target, spectra in decoded.items()},
            list(colours.values()),
            results.wavelengths_nm,
            f"row {row}, column {column}",
        )
        for index, (row, column) in enumerate(pixels.tolist())
    ]
    legend = [Key("var(--ink)", "original (dashed)")]
    legend += [
        Key(colour, f"{target:g} {unit}")
        for target, colour in zip(decoded, colours.values(), strict=True)
    ]
    reading = (
        "Pixels as different from one another as the original has them. Decoded lines that leave "
        "the dashed one lose the spectrum's shape; lines that agree hide behind it."
    )
    return Figure("Spectra of chosen pixels", panels, reading, legend, size="small")


def _spectra_panel(
    original: NDArray[Any],
    decoded: Mapping[float, NDArray[Any]],
    colours: Sequence[str],
    wavelengths_nm: NDArray[Any] | None,
    title: str,
) -> Panel:
    x, label = band_axis(len(original), wavelengths_nm)
    thin = [thinned(np.asarray(line), _BANDS_DRAWN) for line in (x, original, *decoded.values())]

    def paint(axes: Axes) -> None:
        at, first, *others = break_at_gaps(*thin)
        for line, colour in zip(others, colours, strict=True):
            axes.plot(at, line, color=colour, lw=1.2)
        axes.plot(at, first, "--", color=INK, lw=1.5)
        axes.set_xlabel(label)
        few_ticks(axes)
        axes.margins(x=0.01)

    return Panel(draw(paint, f"Spectrum at {title}, original and decoded"), title)
