"""Which pixels a trained GAN has seen: none of them may judge what it made."""

from __future__ import annotations

from pathlib import Path

from hsigan.errors import RunError, SplitError
from hsigan.sampling import Split


def refuse_seen_pixels(run: Path, split: Split) -> None:
    """Refuse a GAN that trained on, or was chosen by, pixels that a split holds out.

    Parameters
    ----------
    run : folder of a trained GAN
    split : the split whose test part is to judge what the GAN made

    Raises
    ------
    RunError
        Some of its pixels are test pixels, or it does not say which pixels it saw.
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
    shared = sum(
        int(((train | validation) & test).sum())
        for train, validation, test in zip(seen.train, seen.validation, split.test, strict=True)
    )
    if shared:
        raise RunError(
            f"{run} was trained on {shared} of the pixels that this split holds out: use the "
            "split.npz in its folder."
        )
