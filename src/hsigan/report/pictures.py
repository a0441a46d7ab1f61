"""Scenes and maps as PNG inside the page, one pixel of the file for one pixel of the scene."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.image import imsave
from numpy.typing import NDArray
from scipy import ndimage

from hsigan.report.colours import rgb_of

_LARGEST_SIDE_PX = 640
_GAP_PX = 2
_UNLABELLED = (128, 128, 128, 44)
_SMALLEST_MARKED_REGION_PX = 12


def label_picture(
    maps: Sequence[NDArray[Any]], colours: Mapping[int, str], alt: str, *, mark_ids: bool = False
) -> Markup:
    """Return a picture of maps (H, W) of ids; pixels of other ids stay pale or transparent.

    `mark_ids` writes each id once, inside its largest region: colour is never the only cue.
    """
    # Shifted by one, so that the gaps between several maps differ from pixels without an id.
    ids = _contact_sheet([np.asarray(m, dtype=np.int64)[..., None] + 1 for m in maps])[..., 0] - 1
    rgba = np.zeros((*ids.shape, 4), dtype=np.uint8)
    rgba[ids == 0] = _UNLABELLED if len(maps) > 1 else 0
    for value, colour in colours.items():
        rgba[ids == value] = (*rgb_of(colour), 255)
    return _picture(rgba, alt, _id_marks(ids, colours) if mark_ids else "")


def colour_picture(images: Sequence[NDArray[Any]], alt: str) -> Markup:
    """Return a picture of RGB images (H, W, 3), uint8; several stand side by side."""
    opaque = [
        np.concatenate([image, np.full((*image.shape[:2], 1), 255, np.uint8)], axis=-1)
        for image in images
    ]
    return _picture(_contact_sheet(opaque), alt, "")


def _contact_sheet(images: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Place (H, W, C) images on a grid, in reading order, thinned to a size fit for a page."""
    columns = int(np.ceil(np.sqrt(len(images))))
    rows = -(-len(images) // columns)
    height = max(image.shape[0] for image in images) + (_GAP_PX if rows > 1 else 0)
    width = max(image.shape[1] for image in images) + (_GAP_PX if columns > 1 else 0)
    sheet = np.zeros((rows * height, columns * width, images[0].shape[2]), dtype=images[0].dtype)
    for index, image in enumerate(images):
        top, left = index // columns * height, index % columns * width
        sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
    step = -(-max(sheet.shape[:2]) // _LARGEST_SIDE_PX)
    return sheet[::step, ::step]


def _picture(rgba: NDArray[np.uint8], alt: str, overlay: str) -> Markup:
    file = io.BytesIO()
    imsave(file, rgba, format="png")
    data = base64.b64encode(file.getvalue()).decode("ascii")
    height, width = rgba.shape[:2]
    return Markup(
        f'<svg class="map" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(alt)}">'
        f'<image width="{width}" height="{height}" href="data:image/png;base64,{data}"/>'
        f"{overlay}</svg>"
    )


def _id_marks(ids: NDArray[Any], colours: Mapping[int, str]) -> str:
    size = max(ids.shape) / 26
    marks = []
    for value in colours:
        regions, count = ndimage.label(ids == value)
        if not count:
            continue
        sizes = np.bincount(regions.ravel())[1:]
        if sizes.max() < _SMALLEST_MARKED_REGION_PX:
            continue
        padded = np.pad(regions == sizes.argmax() + 1, 1)
        depth = ndimage.distance_transform_edt(padded)[1:-1, 1:-1]
        row, column = np.unravel_index(depth.argmax(), depth.shape)
        marks.append(
            f'<text x="{column + 0.5}" y="{row + 0.5}" font-size="{size:.1f}">{int(value)}</text>'
        )
    return "".join(marks)
