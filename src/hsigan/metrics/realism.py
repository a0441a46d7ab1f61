"""Does a decoded scene look like one of its sensor's? Distances of patches, spectra and gradients.

A decoder that blurs has a good PSNR and looks like no scene; a decoder that invents texture looks
like one and has a bad PSNR. What is compared here are distributions, not pixels: of patches of
8 x 8 pixels in the leading principal components, of single spectra, and of gradients. Everything
that scales the figures is fitted on the original alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hsigan.errors import InputError
from hsigan.metrics.distribution import median_pair_distance, paired_kernel_mmd
from hsigan.metrics.space import SpectralSpace, fit_space
from hsigan.metrics.spatial import (
    autocorrelation_offset,
    flat_patches,
    gradient_distance,
    gradient_ratio,
    measure_texture,
)

PATCH_PX = 8
STRIDE_PX = 4
PATCH_COMPONENTS = 4
MOST_POINTS = 1000
_MOST_FITTED = 10_000
_ROWS_AT_ONCE = 64

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Realism:
    """Figures of a decoded scene against its original.

    ``patch_mmd`` and ``spectrum_mmd`` are unbiased squared kernel MMDs, about 0 (of either sign)
    where distributions agree; ``gradient_ratio`` is 1 and ``gradient_distance`` and
    ``autocorrelation_offset`` are 0 for an exact copy (``hsigan.metrics.spatial``). NaN where the
    scene is too small.
    """

    patch_mmd: float
    spectrum_mmd: float
    gradient_ratio: float
    gradient_distance: float
    autocorrelation_offset: float


class RealismJudge:
    """Judges decoded versions of one scene; all of them at the same places.

    Spectra are standardised band by band and turned into ten principal components, each in units
    of its own standard deviation (``SpectralSpace``, one class). Patches are 8 x 8 pixels (the
    whole side in a smaller scene), 4 apart, of the leading four of these; those with an invalid
    pixel are left out. The kernels' widths follow from the median distance between original points.

    Parameters
    ----------
    original : array-like, (H, W, B)
        The scene, in any units.
    valid : (H, W) array of bool, optional
        Pixels whose spectra are data; by default those that are finite.
    seed : int
        Draws 1,000 patches and 1,000 spectra where there are more, and the halves of the floor.

    Raises
    ------
    InputError
        Another shape, fewer than two valid pixels, or spectra that are all equal.
    """

    def __init__(self, original: ArrayLike, valid: Mask | None = None, seed: int = 0) -> None:
        cube = np.asarray(original)
        if cube.ndim != 3:
            raise InputError(f"a scene must be (rows, columns, bands). Got shape {cube.shape}.")
        self.shape = cube.shape
        self.valid = np.isfinite(cube).all(axis=2) if valid is None else np.asarray(valid, bool)
        if self.valid.shape != cube.shape[:2]:
            raise InputError(
                f"the mask must have the shape {cube.shape[:2]}. Got {self.valid.shape}."
            )
        rng = np.random.default_rng(seed)
        places = np.flatnonzero(self.valid)
        fitted = _some(places, _MOST_FITTED, rng)
        spectra = cube.reshape(-1, cube.shape[2])[fitted]
        self.space: SpectralSpace = fit_space(spectra, np.zeros(len(spectra), dtype=np.int64))
        self._pixels = _some(places, MOST_POINTS, rng)
        self._corners = _some(_corners(self.valid), MOST_POINTS, rng)  # (N, 2)
        self._halves = rng.permutation(len(self._corners)), rng.permutation(len(self._pixels))
        self._patches, self._spectra = self._points(cube)
        self._patch_width = _width(flat_patches(self._patches))
        self._spectrum_width = _width(self._spectra)

    def judge(self, decoded: ArrayLike) -> Realism:
        """Return the figures of a decoded scene (H, W, B).

        Raises
        ------
        InputError
            Another shape, or a value that is not finite in a valid pixel.
        """
        cube = np.asarray(decoded)
        if cube.shape != self.shape:
            raise InputError(
                f"the decoded scene must have the original's shape {self.shape}. Got {cube.shape}."
            )
        patches, spectra = self._points(cube)
        return self._compare(patches, spectra, self._patches, self._spectra)

    def floor(self) -> Realism:
        """Return the figures of one random half of the original's places against the other."""
        (a, b), (c, d) = (_two_halves(order) for order in self._halves)
        return self._compare(self._patches[a], self._spectra[c], self._patches[b], self._spectra[d])

    def _compare(
        self, patches: Floats, spectra: Floats, reference: Floats, reference_spectra: Floats
    ) -> Realism:
        nan = float("nan")
        spectrum_mmd = paired_kernel_mmd(spectra, reference_spectra, self._spectrum_width)
        if len(patches) < 2 or min(patches.shape[2:]) < 2:
            return Realism(nan, spectrum_mmd, nan, nan, nan)
        texture, real = measure_texture(patches), measure_texture(reference)
        return Realism(
            patch_mmd=paired_kernel_mmd(
                flat_patches(patches), flat_patches(reference), self._patch_width
            ),
            spectrum_mmd=spectrum_mmd,
            gradient_ratio=gradient_ratio(texture, real),
            gradient_distance=gradient_distance(texture, real),
            autocorrelation_offset=autocorrelation_offset(texture, real),
        )

    def _points(self, cube: NDArray[Any]) -> tuple[Floats, Floats]:
        """Return the patches (N, C, P, P) and spectra (M, D) at this judge's places."""
        components = self._components(cube)
        sides = [min(PATCH_PX, length) for length in cube.shape[:2]]
        side = min(sides)
        leading = components[:, :, :PATCH_COMPONENTS]
        patches = [leading[r : r + side, c : c + side].transpose(2, 0, 1) for r, c in self._corners]
        count = leading.shape[2]
        stacked = np.stack(patches) if patches else np.empty((0, count, side, side), np.float32)
        spectra = components.reshape(-1, components.shape[2])[self._pixels]
        return stacked, spectra

    def _components(self, cube: NDArray[Any]) -> Floats:
        """Return (H, W, D) components in standard deviations of the original, 0 where invalid."""
        height, width, _ = cube.shape
        result = np.zeros((height, width, len(self.space.point_scale)), dtype=np.float32)
        for start in range(0, height, _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            known = self.valid[rows]
            if known.any():
                result[rows][known] = self.space.whiten(cube[rows][known])
        return result


def _corners(valid: Mask) -> Indices:
    """Return the upper left corners (N, 2) of all patches without an invalid pixel."""
    side = min(PATCH_PX, *valid.shape)
    starts = [range(0, length - side + 1, STRIDE_PX) for length in valid.shape]
    found = [
        (row, column)
        for row in starts[0]
        for column in starts[1]
        if valid[row : row + side, column : column + side].all()
    ]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _some(rows: Indices, most: int, rng: np.random.Generator) -> Indices:
    """Return at most so many rows, drawn at random, in their order."""
    if len(rows) <= most:
        return rows
    return rows[np.sort(rng.permutation(len(rows))[:most])]


def _two_halves(order: Indices) -> tuple[Indices, Indices]:
    half = len(order) // 2
    return order[:half], order[half : 2 * half]


def _width(points: Floats) -> float:
    return median_pair_distance(points, MOST_POINTS) if len(points) > 1 else 1.0
