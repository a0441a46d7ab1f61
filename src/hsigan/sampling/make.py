"""Making a split: a training and a test area, the guard between them, the draws, the audit."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hsigan.errors import SplitError
from hsigan.sampling.audit import audit
from hsigan.sampling.draw import draw_per_class, shares_of
from hsigan.sampling.grid import GridPosition, checked_grids, within
from hsigan.sampling.labelled import LabelledPixels, labelled_pixels
from hsigan.sampling.masks import mask_areas
from hsigan.sampling.options import SplitOptions
from hsigan.sampling.rows import rows_above_cut
from hsigan.sampling.split import BoolMap, Split, checked_label_maps
from hsigan.sampling.units import (
    block_units,
    refuse_classes_in_one_unit,
    tile_units,
    training_areas,
)


@dataclass(frozen=True)
class _Job:
    """One split to make: what every step below needs."""

    pixels: LabelledPixels
    options: SplitOptions
    grids: tuple[GridPosition, ...]
    rng: np.random.Generator

    @property
    def least_training(self) -> NDArray[np.int64]:
        """Return (K,) the pixels that each class needs in training and validation together."""
        parts = 2 if self.options.validation_share else 1
        least = max(parts * self.options.minimum_per_class, self.options.train_per_class or 0)
        return np.full(len(self.pixels.classes), least)

    @property
    def least_test(self) -> NDArray[np.int64]:
        """Return (K,) the pixels that each class needs in the test part."""
        return np.full(len(self.pixels.classes), self.options.minimum_per_class)


def make_split(
    label_maps: Sequence[NDArray[Any]],
    options: SplitOptions,
    *,
    grids: Sequence[GridPosition] | None = None,
    masks: Sequence[NDArray[Any]] | None = None,
    test_masks: Sequence[NDArray[Any]] | None = None,
    files: Sequence[str] = (),
    patch_px: int = 1,
) -> Split:
    """Divide the labelled pixels into training, validation and test parts that pass the audit.

    Parameters
    ----------
    label_maps : sequence of (H, W) integer arrays
        Class ids, 0 = no label; one map per file.
    options : SplitOptions
        What is asked.
    grids : sequence of GridPosition, optional
        Where the maps lie beside each other (`common_grid`); without it they are infinitely far
        from each other.
    masks : sequence of (H, W) arrays, optional
        Mode mask: not 0 where a pixel belongs to the training part. Its pixels without a label are
        left out and counted in the provenance.
    test_masks : sequence of (H, W) arrays, optional
        Mode mask: not 0 where a pixel belongs to the test part; by default all other labelled ones.
    files : sequence of str, optional
        Names for the provenance.
    patch_px : int
        Side P of the patches that a model will see, for the audit's figures.

    Returns
    -------
    Split
        The same for the same input and seed.

    Raises
    ------
    LabelError
        When the label maps are unusable.
    SplitError
        When no split satisfies the options; the message names the class and its pixels.
    """
    maps = checked_label_maps(label_maps)
    places = checked_grids(grids, len(maps))
    pixels = labelled_pixels(maps, places, options.classes)
    job = _Job(pixels, options, places, np.random.default_rng(options.seed))
    notes: dict[str, Any] = {**asdict(options), "files": list(files)}
    notes |= {"validation": options.validation_share, "guard_from": options.guard_side}
    notes["classes"] = pixels.classes.tolist()
    notes["model_choice"] = (
        "validation part" if options.validation_share else "cross-validation in the training part"
    )
    refusal = ""
    _refuse_small_classes(job)
    for training, test in _areas(job, masks, test_masks, notes):
        try:
            parts, removed = _divide(job, training, test)
        except SplitError as error:
            refusal = str(error)
            continue
        notes["removed_by_guard"] = removed
        train, validation, held_out = map(pixels.to_masks, parts)
        split = Split(train, validation, held_out, notes)
        report = audit(split, maps, patch_px=patch_px, grids=places)
        return replace(split, provenance={**notes, "audit": asdict(report)})
    raise SplitError(
        f"No split of mode {options.mode} was found: {refusal}. Ask for fewer training labels, a "
        "narrower guard (or take it from the other side: guard_from), smaller blocks or another "
        "mode, or leave rare classes out (classes)."
    )


def _refuse_small_classes(job: _Job) -> None:
    pixels = job.pixels
    counts = pixels.per_class(np.ones(len(pixels.code), dtype=np.bool_))
    short = np.flatnonzero(counts < job.least_training + job.least_test)
    if len(short):
        found = ", ".join(f"class {pixels.classes[code]} has {counts[code]}" for code in short)
        raise SplitError(
            f"Every class needs {job.least_training[0]} labelled pixels to train and validate and "
            f"{job.least_test[0]} to test: {found}. Ask for fewer (train_per_class, "
            "minimum_per_class) or leave the class out (classes)."
        )


def _areas(
    job: _Job,
    masks: Sequence[NDArray[Any]] | None,
    test_masks: Sequence[NDArray[Any]] | None,
    notes: dict[str, Any],
) -> Iterator[tuple[BoolMap, BoolMap]]:
    """Yield training and test areas, (M,) bool each, to try one after the other."""
    options, pixels = job.options, job.pixels
    if options.mode != "mask" and (masks is not None or test_masks is not None):
        raise SplitError(f"Masks are for mode mask only. Got masks with mode {options.mode!r}.")
    if options.mode == "mask":
        yield mask_areas(pixels, masks, test_masks, notes)
    elif options.mode == "rows":
        training = rows_above_cut(pixels, options.area_share)
        yield training, ~training
    elif options.mode == "random":
        amounts = _random_amounts(job, notes)
        everything = np.ones(len(pixels.code), dtype=np.bool_)
        for _ in range(options.attempts):
            training = draw_per_class(pixels.code, everything, amounts, job.rng)
            yield training, ~training
    else:
        name = "block" if options.mode == "blocks" else "file"
        unit = (
            block_units(pixels, options.block_px)
            if options.mode == "blocks"
            else tile_units(pixels)
        )
        refuse_classes_in_one_unit(pixels, unit, name)
        least = job.least_training, job.least_test
        for training in training_areas(
            pixels, unit, options.area_share, least, job.rng, options.attempts
        ):
            yield training, ~training


def _random_amounts(job: _Job, notes: dict[str, Any]) -> NDArray[np.int64]:
    """Return (K,) how many pixels of each class go to the training part in mode random."""
    if job.options.train_per_class is not None:
        return job.least_training
    pixels = job.pixels
    counts = pixels.per_class(np.ones(len(pixels.code), dtype=np.bool_))
    wanted = np.rint(counts * job.options.area_share).astype(np.int64)
    raised = wanted < job.least_training
    notes["raised_to_minimum"] = pixels.classes[raised].tolist()
    amounts: NDArray[np.int64] = np.clip(wanted, job.least_training, counts - job.least_test)
    return amounts


def _divide(
    job: _Job, training: BoolMap, test: BoolMap
) -> tuple[tuple[BoolMap, BoolMap, BoolMap], dict[str, int]]:
    """Apply the guard and the draws to one pair of areas, or say which class they lose."""
    options, pixels = job.options, job.pixels
    sizes = int(training.sum()), int(test.sum())
    if options.guard_side == "training":
        training = training & ~_near(job, test)
        removed = {"training": sizes[0] - int(training.sum())}
        _check(job, training, job.least_training, "training")
        training = _take(job, training)
    else:
        _check(job, training, job.least_training, "training")
        training = _take(job, training)
        test = test & ~_near(job, training)
        removed = {"test": sizes[1] - int(test.sum())}
    _check(job, test, job.least_test, "test")
    validation = np.zeros_like(training)
    if options.validation_share:
        counts = pixels.per_class(training)
        held_out = shares_of(counts, options.validation_share, options.minimum_per_class)
        held_out = np.minimum(held_out, counts - options.minimum_per_class)
        validation = draw_per_class(pixels.code, training, held_out, job.rng)
    return (training & ~validation, validation, test), removed


def _near(job: _Job, chosen: BoolMap) -> BoolMap:
    masks = within(job.pixels.to_masks(chosen), job.options.guard_px, job.grids)
    return job.pixels.from_masks(masks)


def _take(job: _Job, training: BoolMap) -> BoolMap:
    """Draw the labels of a spatial training area that may be used."""
    if job.options.train_per_class is None:
        return training
    return draw_per_class(job.pixels.code, training, job.least_training, job.rng)


def _check(job: _Job, part: BoolMap, least: NDArray[np.int64], name: str) -> None:
    counts = job.pixels.per_class(part)
    short = np.flatnonzero(counts < least)
    if len(short):
        found = ", ".join(
            f"class {job.pixels.classes[code]} has {counts[code]} of {least[code]} needed"
            for code in short
        )
        guard = f" outside the guard of {job.options.guard_px} px" if job.options.guard_px else ""
        raise SplitError(f"in the {name} part{guard}, {found}")
