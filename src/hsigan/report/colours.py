"""One colour and one marker per class, the same in every picture of a page.

The order spreads hue and lightness so that the first classes stay apart for colour-blind readers
too; on maps the class id stands beside the colour, in scatter plots the marker changes with it.
Every colour can be told from both a white and a near-black page.
"""

from collections.abc import Sequence
from itertools import cycle

_COLOURS = (
    "#3b75af",
    "#dd8a1c",
    "#a3264f",
    "#1a8c72",
    "#6a51c7",
    "#e679a8",
    "#66761f",
    "#58aede",
    "#b5482a",
    "#1a7472",
    "#a08fdc",
    "#a88a00",
    "#4a50b8",
    "#7fae3c",
    "#c2418f",
    "#86694f",
    "#1f7fa0",
    "#d9705c",
    "#457a4a",
    "#8a4aa3",
    "#b99a5b",
    "#5f7d95",
    "#d14a52",
    "#3f9fc7",
)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DASHES = ("-", "--", "-.", ":")

SPLIT_COLOURS = {1: "#c01f5b", 2: "#33566f", 3: "#a9b0b6"}
SPLIT_NAMES = {1: "training", 2: "validation", 3: "test"}


def class_colours(class_ids: Sequence[int]) -> dict[int, str]:
    """Return a colour (``#rrggbb``) per class id, in the order given; repeats after 24 classes."""
    return dict(zip(class_ids, cycle(_COLOURS), strict=False))


def class_markers(class_ids: Sequence[int]) -> dict[int, str]:
    """Return a matplotlib marker per class id, in the order given; seven in turn."""
    return dict(zip(class_ids, cycle(_MARKERS), strict=False))


def line_styles(names: Sequence[str]) -> dict[str, tuple[str, str, str]]:
    """Return colour, dash and marker per name, for lines that share one panel."""
    looks = zip(cycle(_COLOURS), cycle(_DASHES), cycle(_MARKERS), strict=False)
    return dict(zip(names, looks, strict=False))


def rgb_of(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue (0 ... 255) of a ``#rrggbb`` colour."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
