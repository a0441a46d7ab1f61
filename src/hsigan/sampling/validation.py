"""Dividing a training area into the pixels that train and those that choose models."""

import numpy as np
from numpy.typing import NDArray

from hsigan.errors import SplitError
from hsigan.sampling.draw import draw_per_class, shares_of
from hsigan.sampling.job import SplitJob
from hsigan.sampling.split import BoolMap
from hsigan.sampling.units import training_areas


def held_out(job: SplitJob, training: BoolMap) -> tuple[BoolMap, BoolMap]:
    """Divide a training area into training and validation pixels.

    Parameters
    ----------
    job : SplitJob
    training : (M,) bool
        The area, outside the guard of the test part.

    Returns
    -------
    tuple of two (M,) bool
        Training and validation, disjoint; together, where labels per class are asked for, exactly
        as many.

    Raises
    ------
    SplitError
        When whole units are to be held out and no choice of them leaves every class on both sides.
    """
    if job.options.validation_share and job.options.validation_by == "units":
        return _by_units(job, training)
    if job.options.train_per_class is not None:
        training = draw_per_class(job.pixels.code, training, job.least_training, job.rng)
    validation = np.zeros_like(training)
    if job.options.validation_share:
        amounts = _amounts(job, job.pixels.per_class(training))
        validation = draw_per_class(job.pixels.code, training, amounts, job.rng)
    return training & ~validation, validation


def _amounts(job: SplitJob, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (K,) how many of a class's training pixels validate."""
    least = job.options.minimum_per_class
    return np.minimum(shares_of(counts, job.options.validation_share, least), counts - least)


def _by_units(job: SplitJob, training: BoolMap) -> tuple[BoolMap, BoolMap]:
    pixels, options = job.pixels, job.options
    least = np.full(len(pixels.classes), options.minimum_per_class)
    amounts = (least, least)
    if options.train_per_class is not None:
        validating = _amounts(job, job.least_training)
        amounts = (validating, job.least_training - validating)
    inside = pixels.subset(training)
    unit = np.unique(job.units[training], return_inverse=True)[1]
    if unit.max() == 0:
        raise SplitError("in the training part, one unit is too few to hold another out")
    refusal = SplitError("in the training part, no unit can be held out")
    draws = options.attempts
    for area in training_areas(inside, unit, options.validation_share, amounts, job.rng, draws):
        validation = np.zeros_like(training)
        validation[training] = area
        train = training & ~validation & ~job.near(validation)
        try:
            job.check(validation, amounts[0], "validation")
            job.check(train, amounts[1], "training")
        except SplitError as error:
            refusal = error
            continue
        if options.train_per_class is not None:
            validation = draw_per_class(pixels.code, validation, amounts[0], job.rng)
            train = draw_per_class(pixels.code, train, amounts[1], job.rng)
        return train, validation
    raise refusal
