"""Spectra in pictures: mean and spread per class, and interpolations.

Figures 2 and 4 of Audebert, Le Saux and Lefevre, IGARSS 2018, redrawn for any scene.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import NDArray

from hsigan.report.axes import band_axis, break_at_gaps, few_ticks, thinned
from hsigan.report.blocks import Block, Figure, Fold, Key, Panel
from hsigan.report.drawing import INK, MUTED, draw
from hsigan.report.folder import Results

_REFERENCES = ("real", "train")
_LARGEST_OPEN_FIGURE = 16
_BANDS_DRAWN, _BANDS_DRAWN_IN_FOLDS = 300, 160
_REFERENCE_WORDS = {"real": "real, held out (dashed)", "train": "real, training (dashed)"}


def spectra_blocks(results: Results) -> list[Block]:
    """Return one figure per method: the mean and spread of each class, real against synthetic."""
    methods = [name for name in results.array_methods("spectra") if name not in _REFERENCES]
    reference = next((name for name in _REFERENCES if results.has_array("spectra", name)), None)
    if not methods:
        return [_spectra_figure(results, reference, None, _BANDS_DRAWN)] if reference else []
    first, *others = methods
    blocks: list[Block] = [_spectra_figure(results, reference, first, _BANDS_DRAWN)]
    folds = [
        Fold(
            results.method_name(method),
            [_spectra_figure(results, reference, method, _BANDS_DRAWN_IN_FOLDS)],
        )
        for method in others
    ]
    return blocks + ([Fold(f"The same for {len(folds)} more methods", folds)] if folds else [])


def _spectra_figure(
    results: Results, reference: str | None, method: str | None, bands_drawn: int
) -> Figure:
    panels = []
    for class_id in results.class_ids:
        real, fake = (
            _mean_and_spread(results.arrays, name, class_id, bands_drawn)
            for name in (reference, method)
        )
        if real is not None or fake is not None:
            alt = f"Mean spectrum and spread of {results.class_name(class_id)}"
            wavelengths = _positions(results, bands_drawn)
            picture = _spectra_panel(real, fake, wavelengths, results.colours[class_id], alt)
            panels.append(Panel(picture, results.class_title(class_id)))
    reading = "Each line is a class's mean, each band reaches one standard deviation to both sides."
    legend = [Key("var(--muted)", _REFERENCE_WORDS[reference])] if reference else []
    if method is None:
        return Figure("Real spectra", panels, reading, legend)
    reading += (
        " Look for two things: the coloured line lies on the dashed one, and the coloured band is "
        "as wide as the grey one; a narrower band means fakes that are less varied than reality."
    )
    name = results.method_name(method)
    legend.append(Key("var(--accent)", f"{name} (solid, in the colour of its class)"))
    return Figure(f"{name} against real", panels, reading, legend)


def _positions(results: Results, bands_drawn: int) -> NDArray[Any] | None:
    wavelengths_nm = results.wavelengths_nm
    return None if wavelengths_nm is None else thinned(wavelengths_nm, bands_drawn)


def _mean_and_spread(
    arrays: Mapping[str, NDArray[Any]], name: str | None, class_id: int, bands_drawn: int
) -> tuple[NDArray[Any], NDArray[Any]] | None:
    mean = arrays.get(f"spectra/{name}/{class_id}/mean")
    if mean is None or mean.ndim != 1:
        return None
    spread = arrays.get(f"spectra/{name}/{class_id}/std")
    if spread is None or spread.shape != mean.shape:
        spread = np.zeros_like(mean)
    return thinned(mean, bands_drawn), thinned(spread, bands_drawn)


def _spectra_panel(
    real: tuple[NDArray[Any], NDArray[Any]] | None,
    fake: tuple[NDArray[Any], NDArray[Any]] | None,
    wavelengths_nm: NDArray[Any] | None,
    colour: str,
    alt: str,
) -> Markup:
    def paint(axes: Axes) -> None:
        looks = ((real, MUTED, INK, "--", 0.22), (fake, colour, colour, "-", 0.30))
        for spectra, shade, line, dash, opacity in looks:
            if spectra is None:
                continue
            x, label = band_axis(len(spectra[0]), wavelengths_nm)
            at, mean, spread = break_at_gaps(x, *spectra)
            axes.fill_between(at, mean - spread, mean + spread, color=shade, alpha=opacity, lw=0)
            axes.plot(at, mean, dash, color=line, lw=1.4)
            axes.set_xlabel(label)
        few_ticks(axes)
        axes.margins(x=0.01)

    return draw(paint, alt)


def interpolation_blocks(results: Results) -> list[Block]:
    """Return the interpolations within and between classes, as far as the results hold them."""
    within, between = [], []
    for key, steps in results.arrays.items():
        parts = key.split("/")
        if len(parts) != 3 or parts[0] != "interpolation" or steps.ndim != 2:
            continue
        if parts[1] == "within" and parts[2].isdigit():
            within.append(_within_panel(results, int(parts[2]), steps))
        elif parts[1] == "between" and all(p.isdigit() for p in parts[2].split("-")[:2]):
            first, last = (int(p) for p in parts[2].split("-")[:2])
            between.append(_between_panel(results, first, last, steps))
    blocks: list[Block] = []
    if between:
        reading = (
            "Each line is one step from one class (its own colour) to another. A steady passage "
            "through spectra that look like mixtures means that the generator has learned the "
            "space between the materials; a sudden jump means that it has only learned its ends."
        )
        blocks += _with_fold("Between classes", between, reading)
    if within:
        reading = (
            "Each line is one step between two latent vectors of the same class, from pale to "
            "full colour. Lines that spread apart show variety inside the class; lines on top of "
            "one another show a generator that repeats one spectrum."
        )
        blocks += _with_fold("Within a class", within, reading)
    return blocks


def _with_fold(heading: str, panels: Sequence[Panel], reading: str) -> list[Block]:
    blocks: list[Block] = [Figure(heading, panels[:_LARGEST_OPEN_FIGURE], reading)]
    if len(panels) > _LARGEST_OPEN_FIGURE:
        rest = Figure(f"{heading}, continued", panels[_LARGEST_OPEN_FIGURE:], reading)
        blocks.append(Fold(f"{len(rest.panels)} more", [rest]))
    return blocks


def _within_panel(results: Results, class_id: int, steps: NDArray[Any]) -> Panel:
    alt = f"{len(steps)} steps between two spectra of {results.class_name(class_id)}"
    ramp = _ramp("#b9bec4", results.colours[class_id])
    return Panel(
        _steps_panel(steps, ramp, _positions(results, _BANDS_DRAWN_IN_FOLDS), alt),
        results.class_title(class_id),
    )


def _between_panel(results: Results, first: int, last: int, steps: NDArray[Any]) -> Panel:
    names = results.class_name(first), results.class_name(last)
    ramp = _ramp(results.colours.get(first, INK), results.colours.get(last, INK))
    alt = f"{len(steps)} steps from {names[0]} to {names[1]}"
    title = f"{results.class_title(first)} to {results.class_title(last)}"
    return Panel(_steps_panel(steps, ramp, _positions(results, _BANDS_DRAWN_IN_FOLDS), alt), title)


def _ramp(first: str, last: str) -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list("ramp", [first, last])


def _steps_panel(
    steps: NDArray[Any],
    ramp: LinearSegmentedColormap,
    wavelengths_nm: NDArray[Any] | None,
    alt: str,
) -> Markup:
    def paint(axes: Axes) -> None:
        shown = thinned(steps, _BANDS_DRAWN_IN_FOLDS)
        x, label = band_axis(shown.shape[1], wavelengths_nm)
        for index, spectrum in enumerate(shown):
            at, values = break_at_gaps(x, spectrum)
            axes.plot(at, values, color=ramp(index / max(len(steps) - 1, 1)), lw=1.1)
        axes.set_xlabel(label)
        few_ticks(axes)
        axes.margins(x=0.01)

    return draw(paint, alt)
