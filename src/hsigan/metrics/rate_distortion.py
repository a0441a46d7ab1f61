"""Curves of quality against rate, and Bjontegaard's differences between two of them.

Bjontegaard 2001 (VCEG-M33) integrates between two curves of quality over log rate: the mean gap
along the rate axis is a share of bits (BD-rate), along the quality axis a gain in dB (BD-PSNR).
Curves are interpolated by monotone piecewise cubics (PCHIP, Fritsch and Carlson 1980), which do not
overshoot as the cubic fit of 2001 does, and run only over what both curves cover.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from hsigan.errors import InputError

Floats = NDArray[np.float64]
Range = tuple[float, float]
_ENVELOPE_POINTS = 500


@dataclass(frozen=True)
class Curve:
    """Quality at rates: both (N,), rates rising strictly, of equal rates the best quality."""

    rate: Floats
    quality: Floats

    def __len__(self) -> int:
        return len(self.rate)

    def at(self, rates: ArrayLike) -> Floats:
        """Return the quality at rates, NaN where the curve does not reach."""
        wanted = np.log(np.asarray(rates, dtype=np.float64))
        if len(self) == 1:
            return np.where(wanted == np.log(self.rate[0]), self.quality[0], np.nan)
        spline = PchipInterpolator(np.log(self.rate), self.quality, extrapolate=False)
        return np.asarray(spline(wanted))

    def rising(self) -> Curve:
        """Return the points that are better than all of a lower rate."""
        best = np.maximum.accumulate(np.concatenate([[-np.inf], self.quality[:-1]]))
        kept = self.quality > best
        return Curve(self.rate[kept], self.quality[kept])


@dataclass(frozen=True)
class Difference:
    """A Bjontegaard difference: its value, and the range that both curves cover.

    ``low`` and ``high`` are in dB (or whatever the quality is) for BD-rate, in the rate's unit for
    BD-PSNR.
    """

    value: float
    low: float
    high: float


def make_curve(rates: ArrayLike, qualities: ArrayLike) -> Curve:
    """Return a curve of points in any order.

    Points whose quality is infinite (exact copies) or NaN, or whose rate is not above zero, are
    left out: they have no place on the axes.

    Raises
    ------
    InputError
        Different numbers of rates and qualities, or no point is left.
    """
    rate, quality = (np.asarray(v, dtype=np.float64).reshape(-1) for v in (rates, qualities))
    if rate.shape != quality.shape:
        raise InputError(f"a curve needs one quality per rate. Got {len(quality)} and {len(rate)}.")
    usable = np.isfinite(rate) & np.isfinite(quality) & (rate > 0)
    if not usable.any():
        raise InputError("a curve needs a point of positive rate and finite quality. Got none.")
    rate, quality = rate[usable], quality[usable]
    order = np.lexsort((-quality, rate))
    rate, quality = rate[order], quality[order]
    first = np.concatenate([[True], np.diff(rate) > 0])
    return Curve(rate[first], quality[first])


def upper_envelope(curves: Sequence[Curve]) -> Curve:
    """Return the best of several curves at each rate.

    A curve takes part where it reaches; between its points it is interpolated. The envelope has all
    points of all curves and so many in between that interpolating it adds nothing of its own.

    Raises
    ------
    InputError
        No curve was given.
    """
    if not curves:
        raise InputError("an envelope needs a curve. Got none.")
    own = np.concatenate([curve.rate for curve in curves])
    rates = np.unique(np.concatenate([own, np.geomspace(own.min(), own.max(), _ENVELOPE_POINTS)]))
    rates = rates[(rates >= own.min()) & (rates <= own.max())]  # geomspace rounds its ends
    values = np.stack([curve.at(rates) for curve in curves])
    # A curve's own ends lie on it, whatever rounding says of their logarithms.
    for row, curve in zip(values, curves, strict=True):
        row[np.searchsorted(rates, curve.rate)] = curve.quality
    return Curve(rates, np.nanmax(values, axis=0))


def bd_rate(curve: Curve, reference: Curve, within: Range | None = None) -> Difference:
    """Return how many percent more bits a curve needs than the reference, at equal quality.

    Points that are no better than one of a lower rate are left out on both sides: nobody would
    choose them, and a quality would have two rates.

    Parameters
    ----------
    curve, reference : Curve
    within : (lowest, highest rate), optional
        Only qualities count that the reference reaches between these rates.

    Returns
    -------
    Difference
        In percent, negative where bits are saved, with the range of quality that it is over.

    Raises
    ------
    InputError
        Fewer than two rising points in a curve, or no quality in common.
    """
    own, other = curve.rising(), reference.rising()
    bounds = [(c.quality[0], c.quality[-1]) for c in (own, other)]
    if within is not None:
        bounds.append(_qualities_within(other, within))
    low, high = _overlap(bounds, (own, other), "quality")
    gap = _mean(own.quality, np.log(own.rate), low, high)
    gap -= _mean(other.quality, np.log(other.rate), low, high)
    return Difference(float(100 * np.expm1(gap)), low, high)


def bd_psnr(curve: Curve, reference: Curve, within: Range | None = None) -> Difference:
    """Return how much better a curve is than the reference at equal rate, on average over log rate.

    Parameters
    ----------
    curve, reference : Curve
    within : (lowest, highest rate), optional
        Only these rates count.

    Returns
    -------
    Difference
        In the unit of the quality, positive where the curve is better, with the range of rates.

    Raises
    ------
    InputError
        Fewer than two points in a curve, or no rate in common.
    """
    bounds = [(c.rate[0], c.rate[-1]) for c in (curve, reference)]
    bounds += [] if within is None else [within]
    low, high = _overlap(bounds, (curve, reference), "rate")
    ends = (float(np.log(low)), float(np.log(high)))
    gap = _mean(np.log(curve.rate), curve.quality, *ends)
    gap -= _mean(np.log(reference.rate), reference.quality, *ends)
    return Difference(gap, low, high)


def _qualities_within(curve: Curve, rates: Range) -> Range:
    """Return the qualities at two rates, or at the curve's ends where these lie inside."""
    low, high = (float(np.clip(rate, curve.rate[0], curve.rate[-1])) for rate in rates)
    if len(curve) < 2:
        return float(curve.quality[0]), float(curve.quality[-1])
    at = PchipInterpolator(np.log(curve.rate), curve.quality)
    return float(at(np.log(low))), float(at(np.log(high)))


def _overlap(bounds: Sequence[Range], curves: tuple[Curve, Curve], what: str) -> Range:
    """Return what lies in all bounds, or refuse."""
    for curve, name in zip(curves, ("curve", "reference"), strict=True):
        if len(curve) < 2:
            raise InputError(
                f"a Bjontegaard difference needs two points of rising {what} or more, and the "
                f"{name} has {len(curve)}; measure at more rates."
            )
    low, high = (float(max(b[0] for b in bounds)), float(min(b[1] for b in bounds)))
    if not low < high:
        told = ", ".join(f"{b[0]:.4g} to {b[1]:.4g}" for b in bounds)
        raise InputError(
            f"the curves have no {what} in common ({told}); measure at rates that overlap."
        )
    return low, high


def _mean(x: Floats, y: Floats, low: float, high: float) -> float:
    """Return the mean of y over x between two places."""
    return float(PchipInterpolator(x, y).integrate(low, high)) / (high - low)
