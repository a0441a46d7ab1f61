"""Which pixels a trained GAN has seen: none of them may judge what it made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hsigan.errors import RunError, SplitError
from hsigan.sampling import BoolMap, Split
from hsigan.sampling.grid import GridPosition, checked_grids, within
from hsigan.synthesis.scene_run import RunScene
from hsigan.training.run_folder import RunFolder


def refuse_seen_pixels(
    run: Path, split: Split, grids: Sequence[GridPosition] | None = None
) -> None:
    """Refuse a GAN that trained on, or was chosen by, pixels that a split holds out.

    What patches of the split's own training pixels hold is left to `check_patch_split`.

    Parameters
    ----------
    run : folder of a trained GAN
    split : the split whose test part is to judge what the GAN made
    grids : where the maps lie beside each other (`common_grid`)

    Raises
    ------
    RunError
        Some of its pixels, or of those inside its patches, are test pixels, it may have seen some
        without their labels, or it does not say which pixels it saw.
    """
    try:
        seen = Split.load(run / "split.npz")
    except SplitError as error:
        raise RunError(
            f"{run} has no readable split.npz, so it may have seen every labelled pixel and "
            "nothing is held out from it: train it with --split."
        ) from error
    if seen.shapes != split.shapes:
        raise RunError(
            f"{run} was trained on maps of {seen.shapes}, the split divides maps of "
            f"{split.shapes}: name the scenes that it was trained on."
        )
    scene = RunScene.load(RunFolder(run))
    shared = _count(_known(seen), split.test)
    if not shared:
        places = checked_grids(grids, len(split.test))
        reach = scene.patch_px // 2
        inside = within(_known(seen), reach, places)
        own = within(_known(split), reach, places)
        shared = _count([a & ~b for a, b in zip(inside, own, strict=True)], split.test)
    if shared:
        raise RunError(
            f"{run} was trained on {shared} of the pixels that this split holds out: use the "
            "split.npz in its folder."
        )
    strange = _count([~mask for mask in seen.test], split.test)
    if scene.unlabelled is not None and strange:
        raise RunError(
            f"{run} saw pixels without labels, and {strange} of those that this split holds out "
            "may be among them: use the split.npz in its folder."
        )


def _known(split: Split) -> list[BoolMap]:
    """Return the training and validation pixels."""
    return [a | b for a, b in zip(split.train, split.validation, strict=True)]


def _count(masks: Sequence[BoolMap], others: Sequence[BoolMap]) -> int:
    return sum(int(np.sum(a & b)) for a, b in zip(masks, others, strict=True))
