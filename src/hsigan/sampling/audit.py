"""The questions that every split must answer before anybody trains on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hsigan.errors import SplitError
from hsigan.sampling.grid import GridPosition, checked_grids, within
from hsigan.sampling.split import PARTS, BoolMap, Part, Split, checked_label_maps


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
    patch_px : int
        Side P of the patches that the next two figures are about.
    test_seeing_training : float
        Share of the test pixels whose P x P patch holds a training or validation pixel.
    test_overlapping_training : float
        Share of the test pixels whose P x P patch shares a pixel with such a pixel's patch.
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
        side = f"{self.patch_px} x {self.patch_px}"
        return [
            f"labelled pixels: {sizes}, in no part {self.unassigned_px}",
            "no pixel is in two parts, every pixel in a part has a label, "
            "every class is in every part",
            f"test pixels lie more than {self.guard_px} px from all training and validation pixels",
            f"test pixels whose {side} patch holds a training or validation pixel: "
            f"{self.test_seeing_training:.1%}, overlaps the patch of one: "
            f"{self.test_overlapping_training:.1%}",
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
    if patch_px < 1:
        raise SplitError(f"The 'patch_px' parameter of audit must be at least 1. Got {patch_px!r}.")
    maps = checked_label_maps(label_maps, split.shapes)
    places = checked_grids(grids, len(maps))
    _check_labelled(split, maps)
    _check_disjoint(split, places)
    counts = _checked_counts(split, maps)
    seen = tuple(a | b for a, b in zip(split.train, split.validation, strict=True))
    guard_px = int(split.provenance.get("guard_px", 0))
    violating = _share_near(split.test, seen, guard_px, places)
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
        patch_px=patch_px,
        # A patch of even side reaches one pixel farther to one side: the farther one counts.
        test_seeing_training=_share_near(split.test, seen, patch_px // 2, places),
        test_overlapping_training=_share_near(split.test, seen, patch_px - 1, places),
    )


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


def _share_near(
    test: tuple[BoolMap, ...],
    seen: tuple[BoolMap, ...],
    distance_px: int,
    places: Sequence[GridPosition],
) -> float:
    """Return the share of test pixels within `distance_px` of a pixel in `seen`."""
    near = within(seen, distance_px, places)
    hits = sum(int((a & b).sum()) for a, b in zip(near, test, strict=True))
    return hits / sum(int(mask.sum()) for mask in test)
