"""One partition of the scenes: who trains, validates, tests, and what may be seen unlabelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hsigan.errors import SplitError
from hsigan.sampling import Split
from hsigan.sampling.patches import PatchView, cut_patches
from hsigan.sampling.pixels import PixelTable, gather_pixels, gather_unlabelled

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

VALIDATION_GROUPS = 8


@dataclass(frozen=True)
class Partition:
    """The pixels of one split, as arrays.

    With patches, ``X``, ``X_validation`` and ``X_unlabelled`` are (N, B, P, P) and ``X_test`` is
    cut when it is asked for; otherwise all are spectra (N, B). The pools of a target area are
    spectra always.

    ``X_unlabelled``: pixels that an inductive method may see without labels. ``X_target``: pixels
    of the area to be classified, without labels, for transductive methods alone: in mode tiles all
    pixels of the files that hold test pixels, else the test pixels; ``X_source``: all pixels of the
    other files, else the training and validation pixels. ``validation_group``: validation pixels
    that lie together share a group.
    """

    seed: int
    X: Floats
    y: Ids
    X_validation: Floats
    y_validation: Ids
    validation_group: Ids
    X_test: Floats | PatchView
    y_test: Ids
    X_unlabelled: Floats
    X_target: Floats
    X_source: Floats
    wavelengths_nm: NDArray[np.float64] | None
    classes: Ids
    patch_px: int = 1


def make_partition(
    scenes: Sequence[xr.Dataset],
    split: Split,
    seed: int,
    max_unlabelled: int = 20_000,
    patch_px: int = 1,
) -> Partition:
    """Gather the pixels of a split, or the patches around them.

    Parameters
    ----------
    scenes : the scenes that the split was made for
    split : an audited split
    seed : of the partition, also for drawing from too many unlabelled pixels
    max_unlabelled : at most this many pixels in each unlabelled pool; patches may hold ten times as
        many pixels together, because neighbouring ones share most of theirs
    patch_px : side P of the patches; 1 for spectra
    """
    train = gather_pixels(scenes, split.train)
    validation = gather_pixels(scenes, split.validation)
    test = gather_pixels(scenes, split.test)
    rng = np.random.default_rng([seed, 1])
    pool = _unlabelled(scenes, split, train, patch_px)
    most = max_unlabelled if patch_px == 1 else max(1, 10 * max_unlabelled // patch_px**2)
    unlabelled = pool.take(_some(len(pool), most, rng))
    if split.provenance.get("mode") == "tiles":
        everything = gather_pixels(scenes, "all")
        in_target = np.isin(everything.scene_index, np.unique(test.scene_index))
        source, target = everything.spectra[~in_target], everything.spectra[in_target]
    else:
        source, target = np.concatenate([train.spectra, validation.spectra]), test.spectra

    def cut(table: PixelTable) -> Floats:
        if patch_px == 1:
            return table.spectra
        if not len(table):
            return np.empty((0, train.spectra.shape[1], patch_px, patch_px), dtype=np.float32)
        return cut_patches(scenes, table, patch_px)[:]

    return Partition(
        seed=seed,
        X=cut(train),
        y=train.labels,
        X_validation=cut(validation),
        y_validation=validation.labels,
        validation_group=spatial_groups(validation, VALIDATION_GROUPS),
        X_test=cut_patches(scenes, test, patch_px) if patch_px > 1 and len(test) else cut(test),
        y_test=test.labels,
        X_unlabelled=cut(unlabelled),
        X_target=target[_some(len(target), max_unlabelled, rng)],
        X_source=source[_some(len(source), max_unlabelled, rng)],
        wavelengths_nm=train.wavelengths_nm,
        classes=np.unique(np.concatenate([train.labels, test.labels])),
        patch_px=patch_px,
    )


def spatial_groups(table: PixelTable, count: int) -> Ids:
    """Divide pixels into ``count`` groups of about equal size, neighbours together.

    Errors of neighbouring pixels go together, so random groups would make any gain look surer than
    it is. Pixels are ordered by file and, inside it, along stripes of 16 rows.
    """
    order = np.lexsort((table.row, table.column, table.row // 16, table.scene_index))
    groups = np.empty(len(table), dtype=np.int64)
    groups[order] = np.arange(len(table)) * count // max(1, len(table))
    return groups


def _unlabelled(
    scenes: Sequence[xr.Dataset], split: Split, train: PixelTable, patch_px: int
) -> PixelTable:
    """Return the pixels without labels, none where the split leaves none."""
    try:
        return gather_unlabelled(scenes, split, patch_px=patch_px)
    except SplitError:  # That the split fits the scenes is known: the training part was gathered.
        return train.take(np.arange(0))


def _some(have: int, most: int, rng: np.random.Generator) -> Ids:
    """Return the indices of at most ``most`` of so many pixels, in their order."""
    return np.arange(have) if have <= most else np.sort(rng.permutation(have)[:most])
