"""Holding a rate or a quality: the search for the quantiser's step, and what is asked for.

Bytes fall and errors rise with the step, but for small waves: the search brackets the target on a
logarithmic scale, in strides that grow, closes in, and returns the best step that it has tried and
that holds the target.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from hsigan.errors import InputError

DEFAULT_PSNR_DB = 50.0


@dataclass(frozen=True)
class Target:
    """What a file is to reach; exactly one is given.

    Attributes
    ----------
    psnr_db
        At least so much, over all valid samples; the peak is the scene's largest valid value.
    bpp, bpppc
        At most so many bits per pixel (all bands together), or per sample (pixel and band).
    step
        The quantiser's step itself, in the scene's units.

    Raises
    ------
    InputError
        None or several are given, or one is not a positive number.
    """

    psnr_db: float | None = None
    bpp: float | None = None
    bpppc: float | None = None
    step: float | None = None

    def __post_init__(self) -> None:
        given = {key: value for key, value in vars(self).items() if value is not None}
        if len(given) != 1:
            raise InputError("give one target: a PSNR, bits per pixel, or bits per sample.")
        for name, value in given.items():
            if not (math.isfinite(value) and value > 0):
                raise InputError(
                    f"a target must be a positive number. Got {name} {value!r} instead."
                )

    def most_bytes(self, height: int, width: int, bands: int) -> float | None:
        """Return how many bytes the file may have, None where that is not the target."""
        if self.bpp is not None:
            return self.bpp * height * width / 8
        if self.bpppc is not None:
            return self.bpppc * height * width * bands / 8
        return None


class OutOfReachError(InputError):
    """No step of the quantiser holds the target."""


class StepTooSmallError(InputError):
    """Values of the scene are more steps than a file can hold."""

    def __init__(self) -> None:
        super().__init__(
            "the step is too small for the values of this scene: ask for less quality."
        )


Limits = tuple[float, float]
"""The smallest and the largest step that may be tried."""

_FACTORS = (1.4, 2.0, 4.0)
"""From one step to the next while the target is not bracketed; the last one goes on."""
_MOST_BRACKETS = 26
_SAME_STEP = 5e-4
"""Between steps this near (logarithms), bytes and errors differ by jumps alone."""


@dataclass(frozen=True)
class Tried:
    """A step that was tried; `excess` <= 0 holds the target, the nearest to 0 is best."""

    step: float
    excess: float


def find_step(
    excess_of: Callable[[float], float],
    start: float,
    rising: bool,
    tolerance: float,
    most_tries: int = 24,
    limits: Limits = (0.0, math.inf),
) -> Tried:
    """Find the step whose excess over the target is as close below 0 as the tolerance asks.

    Parameters
    ----------
    excess_of : what a step exceeds the target by: log(bytes / target), or what PSNR lacks
    start : where to begin
    rising : whether the excess rises with the step (a quality) or falls (a rate)
    tolerance : an excess between -tolerance and 0 is good enough
    most_tries : how many steps are tried at most after the target has been bracketed
    limits : no step beyond these is tried

    Raises
    ------
    OutOfReachError
        No step holds the target.
    """
    good, bad = _bracket(excess_of, min(max(start, limits[0]), limits[1]), rising, limits)
    for turn in range(most_tries):
        if -tolerance <= good.excess or abs(math.log(good.step / bad.step)) < _SAME_STEP:
            break
        step = _between(good, bad, turn)
        tried = Tried(step, excess_of(step))
        if tried.excess > 0:
            bad = tried
        else:
            good = tried
    return good


def _bracket(
    excess_of: Callable[[float], float], start: float, rising: bool, limits: Limits
) -> tuple[Tried, Tried]:
    """Return neighbouring steps, the first of which holds the target and the second does not."""
    tried = Tried(start, excess_of(start))
    for turn in range(_MOST_BRACKETS):
        is_good = tried.excess <= 0
        factor = _FACTORS[min(turn, len(_FACTORS) - 1)]
        step = tried.step * (factor if is_good == rising else 1 / factor)
        step = min(max(step, limits[0]), limits[1])
        if step == tried.step:
            break
        following = Tried(step, excess_of(step))
        if (following.excess <= 0) != is_good:
            return (tried, following) if is_good else (following, tried)
        if is_good and rising and -math.inf < following.excess == tried.excess:
            return following, following  # nothing is left to lose: the target holds at any step
        tried = following
    if tried.excess <= 0:
        return tried, tried
    raise OutOfReachError("no step of the quantiser holds the target")


def _between(good: Tried, bad: Tried, turn: int) -> float:
    """Return a step between two: where a line would cross 0, every third time the middle."""
    low, high = math.log(good.step), math.log(bad.step)
    share = 0.5
    if turn % 3 != 2 and math.isfinite(good.excess) and math.isfinite(bad.excess):
        share = min(0.9, max(0.1, good.excess / (good.excess - bad.excess)))
    return math.exp(low + share * (high - low))
