"""The scene in colour, its labels, who saw which pixel, and the maps that were predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hsigan.report.blocks import Block, Cell, Figure, Key, Panel, Table
from hsigan.report.colours import SPLIT_COLOURS, SPLIT_NAMES
from hsigan.report.folder import Results
from hsigan.report.pictures import colour_picture, label_picture


def scene_blocks(results: Results) -> list[Block]:
    """Return the scene in colour, the label map, the split, and pixels counted per class."""
    images = [image for image in results.numbered("scene", "rgb") if image.ndim == 3]
    labels = results.numbered("scene", "labels")
    splits = results.numbered("scene", "split")
    panels = []
    if images:
        rgb = [_as_bytes(image) for image in images]
        panels.append(Panel(colour_picture(rgb, "The scene in colour"), "The scene in colour"))
    if labels:
        alt = f"Label map with {len(results.class_ids)} classes"
        picture = label_picture(labels, results.colours, alt, mark_ids=True)
        panels.append(Panel(picture, "Labels", _class_keys(results)))
    if splits:
        picture = label_picture(splits, SPLIT_COLOURS, "Map of training and test pixels")
        keys = [Key(SPLIT_COLOURS[part], name) for part, name in SPLIT_NAMES.items()]
        panels.append(Panel(picture, "Who sees which pixel", keys))
    blocks: list[Block] = []
    if panels:
        blocks.append(Figure("Picture, labels, split", panels, _reading(labels, splits)))
    if labels and splits:
        blocks.append(_counts(results, labels, splits))
    return blocks


def map_blocks(results: Results) -> list[Block]:
    """Return the predicted class maps beside the labels."""
    names = sorted({key.split("/")[1] for key in results.arrays if key.startswith("map/")})
    if not names:
        return []
    panels = []
    if labels := results.numbered("scene", "labels"):
        panels.append(Panel(label_picture(labels, results.colours, "Label map"), "Labels"))
    for name in names:
        maps = [array for array in results.numbered(f"map/{name}") if array.ndim == 2]
        if maps:
            alt = f"Class map predicted by {name}"
            panels.append(Panel(label_picture(maps, results.colours, alt), name))
    reading = (
        "Every pixel in the colour of the class predicted for it. Look for fields of one colour "
        "where the labels have one, and for speckle, which is where the classifier is unsure. "
        "Pixels without a label have no truth to compare with."
    )
    return [Figure("Predicted classes", panels, reading, _class_keys(results))]


def _as_bytes(image: NDArray[Any]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(image[..., :3], 0, 255), dtype=np.uint8)


def _reading(labels: Sequence[Any], splits: Sequence[Any]) -> str:
    sentences = []
    if labels:
        sentences.append("Labelled pixels have the colour of their class, the others none.")
    if splits:
        sentences.append(
            "In the split, compare where the training pixels lie with where the test pixels lie: "
            "the closer together, the easier the test."
        )
    if len(labels) > 1 or len(splits) > 1:
        sentences.append("The scene has several files; they stand in their order, not in place.")
    return " ".join(sentences) or "Three bands of the scene, stretched for viewing."


def _class_keys(results: Results) -> list[Key]:
    return [Key(results.colours[c], results.class_title(c)) for c in results.class_ids]


def _counts(results: Results, labels: Sequence[Any], splits: Sequence[Any]) -> Table:
    """Count the labelled pixels of the maps above."""
    pairs = [
        (a.ravel(), b.ravel()) for a, b in zip(labels, splits, strict=False) if a.shape == b.shape
    ]
    rows = []
    for class_id in results.class_ids:
        cells = []
        for part in SPLIT_NAMES:
            count = sum(int(np.sum((ids == class_id) & (who == part))) for ids, who in pairs)
            cells.append(Cell(f"{count:,}"))
        rows.append((results.class_title(class_id), cells))
    reading = "Labelled pixels in each part. Classes with few training pixels are the hard ones."
    return Table("Pixels per class", ["class", *SPLIT_NAMES.values()], rows, reading)
