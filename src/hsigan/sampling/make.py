"""Making a split: a training and a test area, the guard between them, the draws, the audit."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hsigan.errors import SplitError
from hsigan.sampling.audit import audit, check_patch_split
from hsigan.sampling.draw import draw_per_class
from hsigan.sampling.grid import GridPosition, checked_grids
from hsigan.sampling.job import SplitJob, some_of
from hsigan.sampling.labelled import labelled_pixels
from hsigan.sampling.masks import mask_areas
from hsigan.sampling.options import SplitOptions
from hsigan.sampling.rows import rows_above_cut
from hsigan.sampling.split import BoolMap, Split, checked_label_maps
from hsigan.sampling.units import refuse_classes_in_one_unit, training_areas
from hsigan.sampling.validation import held_out


def make_split(
    label_maps: Sequence[NDArray[Any]],
    options: SplitOptions,
    *,
    grids: Sequence[GridPosition] | None = None,
    masks: Sequence[NDArray[Any]] | None = None,
    test_masks: Sequence[NDArray[Any]] | None = None,
    files: Sequence[str] = (),
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

    Returns
    -------
    Split
        The same for the same input and seed.

    Raises
    ------
    LabelError
        When the label maps are unusable.
    SplitError
        When no split satisfies the options; the message names the class and its pixels. Or when
        test pixels have training pixels inside their patches, and the options do not allow it.
    """
    maps = checked_label_maps(label_maps)
    places = checked_grids(grids, len(maps))
    pixels = labelled_pixels(maps, places, options.classes)
    job = SplitJob(pixels, options, places, np.random.default_rng(options.seed))
    notes: dict[str, Any] = {**options.resolved(), "files": list(files)}
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
        train, validation, rest = map(pixels.to_masks, parts)
        split = Split(train, validation, rest, notes)
        report = audit(split, maps, patch_px=options.patch_px, grids=places)
        check_patch_split(split, options.patch_px, grids=places)
        return replace(split, provenance={**notes, "audit": asdict(report)})
    raise SplitError(
        f"No split of mode {options.mode} was found: {refusal}. Ask for fewer training labels, a "
        "narrower guard (or take it from the other side: --guard-from), smaller blocks or another "
        "mode, or leave rare classes out (--classes)."
    )


def _refuse_small_classes(job: SplitJob) -> None:
    pixels = job.pixels
    counts = pixels.per_class(np.ones(len(pixels.code), dtype=np.bool_))
    short = np.flatnonzero(counts < job.least_training + job.least_test)
    if len(short):
        found = some_of([f"class {pixels.classes[code]} has {counts[code]}" for code in short])
        raise SplitError(
            f"Every class needs {job.least_training[0]} labelled pixels to train and validate and "
            f"{job.least_test[0]} to test: {found}. Ask for fewer (--train-per-class, "
            "--minimum-per-class) or leave the class out (--classes)."
        )


def _areas(
    job: SplitJob,
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
        unit = job.units
        name = "block" if options.mode == "blocks" else "file"
        refuse_classes_in_one_unit(pixels, unit, name)
        least = job.least_training, job.least_test
        for training in training_areas(
            pixels, unit, options.area_share, least, job.rng, options.attempts
        ):
            yield training, ~training


def _random_amounts(job: SplitJob, notes: dict[str, Any]) -> NDArray[np.int64]:
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
    job: SplitJob, training: BoolMap, test: BoolMap
) -> tuple[tuple[BoolMap, BoolMap, BoolMap], dict[str, int]]:
    """Apply the guard and the draws to one pair of areas, or say which class they lose."""
    sizes = int(training.sum()), int(test.sum())
    removed = {}
    if job.options.guard_side == "training":
        training = training & ~job.near(test)
        removed["training"] = sizes[0] - int(training.sum())
    job.check(training, job.least_training, "training")
    train, validation = held_out(job, training)
    if job.options.guard_side == "test":
        test = test & ~job.near(train | validation)
        removed["test"] = sizes[1] - int(test.sum())
    job.check(test, job.least_test, "test")
    return (train, validation, test), removed
