"""What records and titles call the scene or scenes of a study."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

import xarray as xr


def study_name(scenes: Sequence[xr.Dataset], recipe: str | None = None) -> str:
    """Return one name for all scenes: the recipe's, else what the scenes' own names share.

    Several scenes never pass for one: their number stands behind what their names begin with, or
    behind the first name where they share nothing.
    """
    if recipe is not None:
        return Path(recipe).stem if recipe.endswith(".toml") else recipe
    names = [str(scene.attrs.get("name", "scene")) for scene in scenes]
    others = len(names) - 1
    if not others:
        return names[0]
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    shared = "".join(letters[0] for letters in alike).rstrip("0123456789").rstrip("_- .")
    if shared:
        return f"{shared}, {len(names)} scenes"
    return f"{names[0]} and {others} more scene{'s' if others > 1 else ''}"
