"""Parts that somebody else has fixed, as maps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hsigan.errors import SplitError
from hsigan.sampling.labelled import LabelledPixels
from hsigan.sampling.split import BoolMap


def mask_areas(
    pixels: LabelledPixels,
    masks: Sequence[NDArray[Any]] | None,
    test_masks: Sequence[NDArray[Any]] | None,
    notes: dict[str, Any],
) -> tuple[BoolMap, BoolMap]:
    """Return the training and the test area, (M,) bool each, that given maps describe.

    Parameters
    ----------
    pixels : LabelledPixels
    masks, test_masks : sequences of (H, W) arrays
        Not 0 where a pixel belongs to the part. The values of a label map are not compared with the
        scene's labels: public training maps number the classes in their own order.
    notes : dict
        Provenance; receives the number of mask pixels that carry no label and are left out.

    Raises
    ------
    SplitError
        When there is no mask, one has another shape, or both parts claim a pixel.
    """
    if masks is None:
        raise SplitError("Mode mask needs a map of the training pixels (--mask). Got none.")
    training = pixels.from_masks(_checked(pixels, masks, notes, "training"))
    if test_masks is None:
        return training, ~training
    test = pixels.from_masks(_checked(pixels, test_masks, notes, "test"))
    both = int((training & test).sum())
    if both:
        raise SplitError(
            f"The training and the test mask share {both} labelled pixels: give masks that do not "
            "overlap."
        )
    return training, test


def _checked(
    pixels: LabelledPixels, masks: Sequence[NDArray[Any]], notes: dict[str, Any], name: str
) -> list[BoolMap]:
    flags: list[BoolMap] = [np.nan_to_num(np.asarray(mask)) != 0 for mask in masks]
    shapes = [flag.shape for flag in flags]
    if shapes != list(pixels.shapes):
        raise SplitError(
            f"The {name} masks have shapes {shapes}, but the label maps have "
            f"{list(pixels.shapes)}: give one mask per label map, in the same order."
        )
    set_pixels = sum(int(flag.sum()) for flag in flags)
    notes[f"{name}_mask_pixels_left_out"] = set_pixels - int(pixels.from_masks(flags).sum())
    return flags
