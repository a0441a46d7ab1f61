"""Clouds of pixels on their first two principal components (Fig. 3 of the paper).

The paper is Audebert, Le Saux and Lefevre, IGARSS 2018.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from numpy.typing import NDArray

from hsigan.report.axes import few_ticks
from hsigan.report.blocks import Block, Figure, Fold, Key, Panel
from hsigan.report.colours import class_markers
from hsigan.report.drawing import draw
from hsigan.report.folder import Results

_LARGEST_CLOUD = 1500
_OPEN_PANELS = 6
_BEHIND = "#8d949b"  # drawn into an image, so it must suit a light and a dark page
_READING = (
    "Grey marks are real held-out pixels, coloured marks the pixels that the panel's title names, "
    "all on the same two axes. Look for clouds of the same place, size and tilt as the grey ones: "
    "shrunken clouds lack variety, shifted ones are wrong, and isolated marks are artefacts."
)


def scatter_blocks(results: Results) -> list[Block]:
    """Return a panel per method, real pixels first."""
    names = results.array_methods("pca")
    clouds = {name: cloud for name in names if (cloud := _cloud(results, name)) is not None}
    if not clouds:
        return []
    limits = _limits(list(clouds.values()))
    behind = clouds.get("real")
    panels = [
        Panel(_panel(results, name, cloud, behind, limits), results.method_name(name))
        for name, cloud in clouds.items()
    ]
    legend = [Key(results.colours[c], results.class_title(c)) for c in results.class_ids]
    blocks: list[Block] = [Figure("Principal components", panels[:_OPEN_PANELS], _READING, legend)]
    if len(panels) > _OPEN_PANELS:
        rest = Figure("Principal components, continued", panels[_OPEN_PANELS:], _READING, legend)
        blocks.append(Fold(f"The same for {len(rest.panels)} more methods", [rest]))
    return blocks


def _cloud(results: Results, name: str) -> tuple[NDArray[Any], NDArray[Any]] | None:
    points = results.arrays.get(f"pca/{name}/points")
    labels = results.arrays.get(f"pca/{name}/labels")
    if points is None or labels is None or points.shape != (len(labels), 2) or not len(labels):
        return None
    step = -(-len(labels) // _LARGEST_CLOUD)
    return points[::step], labels[::step]


def _limits(clouds: list[tuple[NDArray[Any], NDArray[Any]]]) -> NDArray[Any]:
    """Return (2, 2) lower and upper bounds that hold nearly every cloud's every point."""
    lows = np.min([np.nanquantile(points, 0.002, axis=0) for points, _ in clouds], axis=0)
    highs = np.max([np.nanquantile(points, 0.998, axis=0) for points, _ in clouds], axis=0)
    margin = 0.06 * (highs - lows) + 1e-9
    return np.array([lows - margin, highs + margin])


def _panel(
    results: Results,
    name: str,
    cloud: tuple[NDArray[Any], NDArray[Any]],
    behind: tuple[NDArray[Any], NDArray[Any]] | None,
    limits: NDArray[Any],
) -> Markup:
    markers = class_markers(results.class_ids)

    def paint(axes: Axes) -> None:
        if behind is not None and name != "real":
            axes.scatter(
                behind[0][:, 0], behind[0][:, 1], s=9, c=_BEHIND, alpha=0.55, lw=0, rasterized=True
            )
        for class_id in results.class_ids:
            points = cloud[0][cloud[1] == class_id]
            axes.scatter(
                points[:, 0],
                points[:, 1],
                s=11,
                c=results.colours[class_id],
                marker=markers[class_id],
                alpha=0.75,
                lw=0,
                rasterized=True,
            )
        axes.set(xlim=limits[:, 0], ylim=limits[:, 1])
        axes.set(xlabel="first component", ylabel="second component")
        few_ticks(axes)

    return draw(paint, f"Scatter plot of {results.method_name(name)}", 340, 280)
