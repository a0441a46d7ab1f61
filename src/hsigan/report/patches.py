"""Patches in pictures: real and generated ones side by side, and how networks weigh the bands."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from numpy.typing import NDArray

from hsigan.report.axes import band_axis, break_at_gaps, few_ticks
from hsigan.report.blocks import Block, Figure, Fold, Key, Panel
from hsigan.report.drawing import MUTED, draw
from hsigan.report.folder import Results
from hsigan.report.pictures import colour_picture

_CLASSES_OPEN = 12


def patch_blocks(results: Results) -> list[Block]:
    """Return one figure per class: its real patches, and beside them those of every method."""
    figures: list[Figure] = []
    for class_id in results.class_ids:
        panels = [
            Panel(_picture(results, method, class_id), results.method_name(method))
            for method in results.array_methods("patches")
            if _images(results, method, class_id) is not None
        ]
        if panels:
            figures.append(
                Figure(results.class_title(class_id), panels, _reading(not figures), size="small")
            )
    blocks: list[Block] = [*figures[:_CLASSES_OPEN]]
    more = figures[_CLASSES_OPEN:]
    return blocks + ([Fold(f"{len(more)} more classes", more)] if more else [])


def _reading(first: bool) -> str:
    if not first:
        return ""
    return (
        "Patches drawn at random, in colour. Each class has one stretch, taken from its real "
        "patches, so that its texture shows; another tint or contrast than theirs is a fault of "
        "the fakes. Look for fields as smooth or as speckled as the real ones, for edges where "
        "these have some, and for patches that repeat one another."
    )


def _images(results: Results, method: str, class_id: int) -> NDArray[Any] | None:
    """Return pictures (n, P, P, 3), None where the arrays hold none of that shape."""
    found = results.arrays.get(f"patches/{method}/{class_id}")
    fits = found is not None and found.ndim == 4 and found.shape[3] == 3 and len(found)
    return found if fits else None


def _picture(results: Results, method: str, class_id: int) -> Markup:
    images = _images(results, method, class_id)
    shown = [] if images is None else [np.asarray(image, dtype=np.uint8) for image in images]
    names = results.class_name(class_id), results.method_name(method)
    return colour_picture(shown, f"{len(shown)} patches of {names[0]}: {names[1]}")


def band_weight_blocks(results: Results) -> list[Block]:
    """Return one figure per network with attention: its weight of each band, class by class."""
    networks = sorted({key.rsplit("/", 1)[0] for key in results.arrays if _is_weights(key)})
    return [_weights_figure(results, network) for network in networks]


def _is_weights(key: str) -> bool:
    parts = key.split("/")
    return parts[0] == "band_weights" and len(parts) == 4 and parts[3].isdigit()


def _weights_figure(results: Results, network: str) -> Figure:
    found = {
        class_id: results.arrays[f"{network}/{class_id}"].ravel().astype(float)
        for class_id in results.class_ids
        if f"{network}/{class_id}" in results.arrays
    }
    mean = np.mean(list(found.values()), axis=0)  # (B,)
    panels = [
        Panel(
            _weights_panel(results, class_id, weights, mean, _limits(found)),
            results.class_title(class_id),
        )
        for class_id, weights in found.items()
    ]
    _, method, part = network.split("/")
    heading = f"Band weights of the {part}, {results.method_name(method)}"
    reading = (
        "What the network multiplies each band by, 0 to 1, on average over patches of the class. "
        "All panels have one scale. Where a class leaves the dashed line, the network looks at "
        "other bands than usual; a line that hardly rises or falls means that attention changes "
        "little."
    )
    return Figure(heading, panels, reading, [Key("var(--muted)", "mean of the classes (dashed)")])


def _limits(weights: dict[int, NDArray[Any]]) -> tuple[float, float]:
    """Return a range of values that holds every class's weights, and a little more."""
    values = np.concatenate(list(weights.values()))
    room = max(0.05 * float(np.ptp(values)), 0.005)
    return float(values.min()) - room, float(values.max()) + room


def _weights_panel(
    results: Results,
    class_id: int,
    weights: NDArray[Any],
    mean: NDArray[Any],
    limits: tuple[float, float],
) -> Markup:
    def paint(axes: Axes) -> None:
        x, label = band_axis(len(weights), results.wavelengths_nm)
        at, own, usual = break_at_gaps(x, weights, mean)
        axes.plot(at, usual, "--", color=MUTED, lw=1.2)
        axes.plot(at, own, color=results.colours[class_id], lw=1.6)
        axes.set_ylim(*limits)
        axes.set_xlabel(label)
        few_ticks(axes)
        axes.margins(x=0.01)

    return draw(paint, f"Band weights of {results.class_name(class_id)}")
