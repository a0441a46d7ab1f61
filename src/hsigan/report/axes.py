"""Small habits of drawing that several figures share."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

_GAP_FACTOR = 4.0


def band_axis(bands: int, wavelengths_nm: NDArray[Any] | None) -> tuple[NDArray[Any], str]:
    """Return the positions (B,) of bands and the axis' label: wavelengths where they fit."""
    if wavelengths_nm is not None and wavelengths_nm.shape == (bands,):
        return wavelengths_nm.astype(float), "wavelength, nm"
    return np.arange(bands, dtype=float), "band"


def break_at_gaps(x: NDArray[Any], *lines: NDArray[Any]) -> list[NDArray[Any]]:
    """Insert NaN where bands are missing, so that no line is drawn across a gap.

    Returns `x` and each of `lines`, ordered by `x`.
    """
    order = np.argsort(x, kind="stable")
    steps = np.diff(x[order])
    typical = np.median(steps) if steps.size else np.inf
    wide = np.flatnonzero(steps > _GAP_FACTOR * typical) + 1
    return [np.insert(line[order].astype(float), wide, np.nan) for line in (x, *lines)]


def thinned(spectra: NDArray[Any], at_most: int) -> NDArray[Any]:
    """Leave out bands (the last axis) that a small panel could not show: every n-th stays."""
    return spectra[..., :: -(-spectra.shape[-1] // at_most)]


def few_ticks(axes: Axes, x: int = 5, y: int = 4) -> None:
    """Keep at most so many ticks: panels are small."""
    axes.xaxis.set_major_locator(MaxNLocator(x))
    axes.yaxis.set_major_locator(MaxNLocator(y))
