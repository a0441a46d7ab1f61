"""The questions that every split must answer before anybody trains on it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hsigan.errors import SplitError
from hsigan.sampling.grid import GridPosition, checked_grids, within
from hsigan.sampling.split import PARTS, Part, Split, checked_label_maps


@dataclass(frozen=True)
class PatchLeak:
    """How much of the training part the test part's patches show; plain data.

    Validation pixels count as training pixels here: models are chosen by them.

    Attributes
    ----------
    patch_px : int
        Side P of the patches.
    test_seeing_training : float
        Share of the test pixels whose P x P patch holds a training or validation pixel.
    test_overlapping_training : float
        Share of the test pixels whose P x P patch shares a pixel with such a pixel's patch.
    """

    patch_px: int
    test_seeing_training: float
    test_overlapping_training: float

    def line(self) -> str:
        """Return both shares as a line for people."""
        return (
            f"test pixels whose {self.patch_px} x {self.patch_px} patch holds a training or "
            f"validation pixel: {self.test_seeing_training:.1%}, overlaps the patch of one: "
            f"{self.test_overlapping_training:.1%}"
        )


@dataclass(frozen=True)
class Audit:
    """What was found about a split that passed; plain data.

    Attributes
    ----------
    counts : dict
        Part name to a dict from class id (as text, so that JSON keeps it) to pixels; the classes
        that occur in a part.
    unassigned_px : int
        Labelled pixels in no part (excluded classes, guard, more labels than asked for).
    guard_px : int
        Guard that was asked for and holds: test pixels differ by more from all training and
        validation pixels (Chebyshev).
    patch_px, test_seeing_training, test_overlapping_training
        As in `PatchLeak`.
    """

    counts: dict[str, dict[str, int]]
    unassigned_px: int
    guard_px: int
    patch_px: int
    test_seeing_training: float
    test_overlapping_training: float

    def total(self, part: Part) -> int:
        """Return the number of pixels in a part."""
        return sum(self.counts[part].values())

    def lines(self) -> list[str]:
        """Return the audit as lines for people: a line per class, then the findings."""
        classes = [
            f"class {label}: " + ", ".join(f"{part} {self.counts[part][label]}" for part in PARTS)
            for label in self.counts["train"]
        ]
        return classes + self.findings()

    def findings(self) -> list[str]:
        """Return what holds for the whole split, as lines for people."""
        sizes = ", ".join(f"{part} {self.total(part)}" for part in PARTS)
        shares = self.test_seeing_training, self.test_overlapping_training
        return [
            f"labelled pixels: {sizes}, in no part {self.unassigned_px}",
            "no pixel is in two parts, every pixel in a part has a label, "
            "every class is in every part",
            f"test pixels lie more than {self.guard_px} px from all training and validation pixels",
            PatchLeak(self.patch_px, *shares).line(),
        ]


def audit(
    split: Split,
    label_maps: Sequence[NDArray[Any]],
    *,
    patch_px: int = 1,
    grids: Sequence[GridPosition] | None = None,
) -> Audit:
    """Check a split and measure how much its test part sees of the training part.

    Validation pixels count as training pixels here: models are chosen by them.

    Parameters
    ----------
    split : Split
        Its provenance's ``guard_px`` (0 when absent) must hold.
    label_maps : sequence of (H, W) integer arrays
        Class ids, 0 = no label.
    patch_px : int
        Side P of the patches that a model will see; 1 for single spectra.
    grids : sequence of GridPosition, optional
        Where the maps lie beside each other; without it they are infinitely far from each other.

    Returns
    -------
    Audit

    Raises
    ------
    SplitError
        When the training or test part is empty, a pixel is in two parts (of one file, or of two
        that overlap on the ground) or has no label, a class lacks in a part, or the guard is
        violated. An empty validation part is allowed.
    LabelError
        When the label maps do not fit the split.
    """
    maps = checked_label_maps(label_maps, split.shapes)
    places = checked_grids(grids, len(maps))
    _check_labelled(split, maps)
    _check_disjoint(split, places)
    counts = _checked_counts(split, maps)
    guard_px = int(split.provenance.get("guard_px", 0))
    violating = _share_near(split, guard_px, places)
    if violating:
        raise SplitError(
            f"The guard of {guard_px} px is violated: {violating:.2%} of the test pixels lie "
            "within it of a training or validation pixel. Make the split again."
        )
    used = sum(sum(part.values()) for part in counts.values())
    return Audit(
        counts=counts,
        unassigned_px=sum(int((labels != 0).sum()) for labels in maps) - used,
        guard_px=guard_px,
        **asdict(patch_leak(split, patch_px, grids)),
    )


def patch_leak(
    split: Split, patch_px: int, grids: Sequence[GridPosition] | None = None
) -> PatchLeak:
    """Measure how much of the training part the patches of the test part show.

    Parameters
    ----------
    split : Split
    patch_px : int
        Side P of the patches; 1 for single spectra.
    grids : sequence of GridPosition, optional
        Where the maps lie beside each other (`common_grid`); without it they are infinitely far
        from each other.

    Returns
    -------
    PatchLeak

    Raises
    ------
    SplitError
        When `patch_px` is below 1, or the test part is empty.
    """
    if patch_px < 1:
        raise SplitError(f"The 'patch_px' parameter of a split must be at least 1. Got {patch_px}.")
    if not any(mask.any() for mask in split.test):
        raise SplitError("The split has no test pixel, so nothing can be said of their patches.")
    places = checked_grids(grids, len(split.test))
    # A patch of even side reaches one pixel farther to one side: the farther one counts.
    seeing = _share_near(split, patch_px // 2, places)
    return PatchLeak(patch_px, seeing, _share_near(split, patch_px - 1, places))


def check_patch_split(
    split: Split,
    patch_px: int,
    *,
    allow_leak: bool = False,
    grids: Sequence[GridPosition] | None = None,
) -> PatchLeak:
    """Refuse a split whose test pixels have training or validation pixels inside their patches.

    A split that was made with ``allow_leak`` for patches at least as large is let through; whoever
    reports results on it states the shares.

    Parameters
    ----------
    split : Split
    patch_px : int
        Side P of the patches that a model sees; 1 for single spectra, which cannot leak.
    allow_leak : bool
        Whether the user insists.
    grids : sequence of GridPosition, optional
        Where the maps lie beside each other (`common_grid`).

    Returns
    -------
    PatchLeak
        Both shares, to be printed.

    Raises
    ------
    SplitError
        When a patch leaks and nobody insisted, or the test part is empty.
    """
    leak = patch_leak(split, patch_px, grids)
    facts = split.provenance
    insisted = facts.get("allow_leak", False) and patch_px <= facts.get("patch_px", 1)
    if leak.test_seeing_training and not (allow_leak or insisted):
        raise SplitError(
            f"{leak.test_seeing_training:.1%} of the test pixels have a training or validation "
            f"pixel inside their {patch_px} x {patch_px} patch, so their accuracy would tell "
            f"memory. Make a split with `hsigan split --patch {patch_px}` and a guard of at least "
            f"{patch_px // 2} px ({patch_px - 1} px where patches must not overlap either), best "
            "by blocks or tiles, or insist with --allow-leak."
        )
    return leak


def _check_labelled(split: Split, maps: Sequence[NDArray[np.int64]]) -> None:
    for part in PARTS:
        for index, mask in enumerate(split.part(part)):
            unlabelled = int((mask & (maps[index] == 0)).sum())
            if unlabelled:
                raise SplitError(
                    f"The {part} part holds {unlabelled} pixels without a label in map {index}: "
                    "check that the split was made for these labels."
                )


def _check_disjoint(split: Split, places: Sequence[GridPosition]) -> None:
    pairs: tuple[tuple[Part, Part], ...]
    pairs = (("train", "validation"), ("train", "test"), ("validation", "test"))
    for first, second in pairs:
        masks = split.part(first)
        # The test part must also be apart on the ground, where files overlap.
        near = within(masks, 0, places) if second == "test" else masks
        shared = sum(int((a & b).sum()) for a, b in zip(near, split.part(second), strict=True))
        if shared:
            raise SplitError(
                f"The {first} and the {second} part share {shared} pixels (in one file, or in two "
                "that overlap on the ground): make the split again."
            )


def _checked_counts(split: Split, maps: Sequence[NDArray[np.int64]]) -> dict[str, dict[str, int]]:
    counts = split.counts(maps)
    present = [label for label in counts["train"] if any(counts[part][label] for part in PARTS)]
    for part in PARTS:
        missing = [label for label in present if not counts[part][label]]
        may_be_empty = part == "validation" and not any(counts[part].values())
        if not present or (missing and not may_be_empty):
            raise SplitError(
                f"The {part} part lacks class {', '.join(map(str, missing)) or 'labels'}: every "
                "class of a split must be in each of its parts."
            )
    return {part: {str(label): counts[part][label] for label in present} for part in PARTS}


def _share_near(split: Split, distance_px: int, places: Sequence[GridPosition]) -> float:
    """Return the share of test pixels within `distance_px` of training or validation pixels."""
    seen = [a | b for a, b in zip(split.train, split.validation, strict=True)]
    near = within(seen, distance_px, places)
    hits = sum(int((a & b).sum()) for a, b in zip(near, split.test, strict=True))
    return hits / sum(int(mask.sum()) for mask in split.test)
