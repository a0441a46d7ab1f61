"""Splits made from scenes themselves: their labels, valid pixels, names and places."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hsigan.errors import LabelError, SplitError
from hsigan.sampling.georeference import common_grid
from hsigan.sampling.make import make_split
from hsigan.sampling.options import SplitOptions
from hsigan.sampling.split import PARTS, Split
from hsigan.scene import valid_mask


def split_scenes(
    scenes: Sequence[xr.Dataset],
    options: SplitOptions,
    *,
    masks: Sequence[NDArray[Any]] | None = None,
    test_masks: Sequence[NDArray[Any]] | None = None,
) -> Split:
    """Divide the labelled, valid pixels of scenes; `make_split` says how.

    Parameters
    ----------
    scenes : sequence of xarray.Dataset
        Scenes with labels. Their georeferences say where they touch.
    options : SplitOptions
        What is asked.
    masks, test_masks : sequences of (H, W) arrays, optional
        For mode mask.

    Returns
    -------
    Split

    Raises
    ------
    LabelError
        When a scene has no labels.
    SplitError
        When no split satisfies the options, or its test patches hold training pixels and the
        options do not allow it.
    SceneError
        When scenes lie beside each other in two different pixel grids.
    """
    return make_split(
        labels_of(scenes),
        options,
        grids=common_grid(scenes),
        masks=masks,
        test_masks=test_masks,
        files=[name for scene in scenes for name in scene.attrs.get("source", [])],
    )


def labels_of(scenes: Sequence[xr.Dataset]) -> list[NDArray[np.int64]]:
    """Return each scene's label map, with no label where the spectrum is not valid.

    Raises
    ------
    LabelError
        When a scene has no labels.
    """
    for scene in scenes:
        if "label" not in scene:
            raise LabelError(
                f"The scene {scene.attrs.get('name', '')!r} has no labels: name their file with "
                "--labels, or attach them with hsigan.scene.with_labels."
            )
    return [
        np.where(valid_mask(scene), scene["label"].values, 0).astype(np.int64) for scene in scenes
    ]


def check_split_fits(scenes: Sequence[xr.Dataset], split: Split) -> None:
    """Refuse a split that was made for other scenes or labels.

    Its pixels were all labelled and valid when it was made. A pixel of it without a label here
    would be taken for one of a class 0.

    Raises
    ------
    LabelError
        When a scene has no labels.
    SplitError
        When the maps have other sizes, or a pixel of a part has no label or no valid spectrum.
    """
    labels = labels_of(scenes)
    sizes = [one.shape for one in labels]
    if sizes != split.shapes:
        raise SplitError(
            f"The split is for maps of {split.shapes}, but the scenes have {sizes} pixels: give "
            "the scenes that it was made for, in the same order, or make another."
        )
    for part in PARTS:
        for scene, own, mask in zip(scenes, labels, split.part(part), strict=True):
            lost = int((mask & (own == 0)).sum())
            if lost:
                raise SplitError(
                    f"{lost} of {int(mask.sum())} {part} pixels of the split have no label or no "
                    f"valid spectrum in {scene.attrs.get('name', 'the scene')}: give the scenes "
                    "and labels that it was made for, or make another with `hsigan split`."
                )
