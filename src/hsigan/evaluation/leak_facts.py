"""What ``experiment.json`` says about patches: how many test pixels see training pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import xarray as xr

from hsigan.sampling import Split, SplitOptions, common_grid, patch_leak, split_scenes


def leak_facts(
    scenes: Sequence[xr.Dataset], how: Split | SplitOptions, patch_px: int
) -> dict[str, Any] | None:
    """Return the side of the patches and both shares of the test pixels (`PatchLeak`).

    Parameters
    ----------
    scenes : the scenes of the study
    how : its split, or the options of its first partition
    patch_px : side P of the patches; spectra, 1, give None
    """
    if patch_px == 1:
        return None
    split = how if isinstance(how, Split) else split_scenes(scenes, how)
    return asdict(patch_leak(split, patch_px, common_grid(scenes)))
