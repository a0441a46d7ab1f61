"""What the entropy model of codec klt-context learns from: symbols of scenes, with their contexts.

Each scene is coded in a basis that was learned on others of its sensor and turned to its own axes,
as it will be later; a scene without others is cut into halves. Steps are drawn from all that lies
between a few coarse components and fine noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hsigan.codec import spatial_transform
from hsigan.codec.basis import principal_axes
from hsigan.codec.interface import SceneSurvey
from hsigan.codec.klt_context_leading import leading_coefficients
from hsigan.codec.klt_context_model import (
    LEVELS,
    Contexts,
    EntropyModel,
    Shared,
    SharedBasis,
    band_variances,
)
from hsigan.codec.klt_context_order import LOCAL_COUNT
from hsigan.codec.klt_context_tile import (
    BandSymbols,
    Region,
    walk_tile,
)
from hsigan.codec.klt_context_trellis import GRID, grid_points
from hsigan.codec.own_axes import fit_turns, turned_basis
from hsigan.codec.survey import pooled, survey_scene
from hsigan.codec.values import fill, kinds_of
from hsigan.training.context_network import ContextSample

CROP_PX = 128
_LONGEST_GROUP = 6

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """A scene that is coded for training.

    Attributes
    ----------
    values
        (B, h, w), a window of it.
    basis
        That was learned on others of the same sensor.
    survey
        Of the scene.
    """

    values: NDArray[np.float32]
    basis: SharedBasis
    survey: SceneSurvey

    def basis_at(self, step: float) -> SharedBasis:
        """Return the basis with the turns that the scene is worth at a step."""
        turns = fit_turns(self.basis, self.survey, step, self.survey.bands)
        return turned_basis(self.basis, turns, step, self.survey.height * self.survey.width)


def learn_basis(scenes: Sequence[xr.Dataset]) -> SharedBasis:
    """Learn mean, axes and variances of coefficients on scenes of one sensor."""
    mean, covariance = pooled([survey_scene(scene) for scene in scenes])
    eigenvalues, axes = principal_axes(covariance)
    whole = SharedBasis(mean.astype(np.float32), axes.astype(np.float32), np.empty(0))
    sums = np.zeros((LEVELS + 1, 3, len(mean)))
    counts = np.zeros((LEVELS + 1, 3, 1))
    for scene in scenes:
        values = crop(scene, np.random.default_rng(0))
        coefficients = whole.coefficients(values).astype(np.float64)
        for band in spatial_transform.subbands(*values.shape[1:]):
            part = np.square(coefficients[:, *band.region])
            if band.detail_y or band.detail_x:
                place = band.level - 1, band.detail_y + 2 * band.detail_x - 1
            else:
                place, part = (LEVELS, 0), part / 4.0**band.level
            sums[place] += part.sum(axis=(1, 2))
            counts[place] += band.height * band.width
    # Levels that no crop was large enough for are as the next finer one.
    variances = np.where(counts > 0, sums / np.maximum(counts, 1), 0.0)
    for level in range(1, LEVELS):
        unknown = counts[level] == 0
        variances[level] = np.where(unknown, variances[level - 1], variances[level])
    floor = 1e-6 * eigenvalues.max(initial=1e-12)
    variances = np.maximum(variances, min(floor, 1e-2))
    return SharedBasis(whole.mean, whole.axes, variances)


def crop(scene: xr.Dataset, random: np.random.Generator) -> NDArray[np.float32]:
    """Return a window (B, h, w) of at most 2 CROP_PX a side, without gaps."""
    height, width, _ = scene["values"].shape
    side = 2 * CROP_PX
    top = int(random.integers(0, max(1, height - side + 1)))
    left = int(random.integers(0, max(1, width - side + 1)))
    block = scene["values"][top : top + side, left : left + side].values
    values = np.moveaxis(block, -1, 0)
    kinds = kinds_of(values, scene["values"].attrs.get("nodata"))
    known = np.ones(values.shape, dtype=bool) if kinds is None else kinds == 0
    totals = np.where(known, values, 0).sum(axis=(1, 2), dtype=np.float64)
    means = totals / np.maximum(known.sum(axis=(1, 2)), 1)  # 0 for a band without data
    return fill(values, kinds, means)


def training_cases(scenes: Sequence[xr.Dataset], random: np.random.Generator) -> list[Case]:
    """Return scenes with bases that were learned on others of the same sensor."""
    groups: dict[int, list[xr.Dataset]] = {}
    for scene in scenes:
        groups.setdefault(scene.sizes["band"], []).append(scene)
    cases = []
    for group in groups.values():
        if len(group) == 1:
            group = _halves(group[0])
        chosen = random.permutation(len(group))[:_LONGEST_GROUP]
        for index in chosen:
            others = [each for place, each in enumerate(group) if place != index]
            values = crop(group[index], random)
            cases.append(Case(values, learn_basis(others), survey_scene(group[index])))
    return cases


def _halves(scene: xr.Dataset) -> list[xr.Dataset]:
    axis = "y" if scene.sizes["y"] >= scene.sizes["x"] else "x"
    middle = scene.sizes[axis] // 2
    if middle == 0:
        return [scene, scene]
    return [scene.isel({axis: slice(0, middle)}), scene.isel({axis: slice(middle, None)})]


def draw_step(variances: Floats, random: np.random.Generator) -> float:
    """Return a step between coarse and fine, from variances of components (K,) of the details."""
    deviations = np.sqrt(np.sort(variances)[::-1])
    place = np.exp(random.uniform(np.log(1.0), np.log(len(deviations)))) - 1
    scale = np.interp(place, np.arange(len(deviations)), deviations)
    return float(scale * np.exp(random.uniform(np.log(0.4), np.log(3.0))))


def collect_sample(
    cases: Sequence[Case],
    random: np.random.Generator,
    draws: int,
    model: EntropyModel | None = None,
    most: int = 100_000,
) -> ContextSample:
    """Code every case at several steps; keep at most so many symbols of each.

    With a model the symbols are those of the trellis, else those of the even quantiser alone.
    """
    pieces: list[ContextSample] = []
    for case in cases:
        for _ in range(draws):
            step = draw_step(case.basis.variances[0].mean(axis=0), random)
            piece = _coded_once(case.values, case.basis_at(step), step, model)
            pieces.append(piece.take(random.permutation(len(piece.symbols))[:most]))
    return ContextSample.joined(pieces)


def _coded_once(
    values: NDArray[np.float32], basis: SharedBasis, step: float, model: EntropyModel | None
) -> ContextSample:
    scaled = leading_coefficients(values, basis, step)
    if not len(scaled):  # zeros are worth learning, too
        scaled = basis.coefficients(values, slice(1)) * np.float32(1 / step)
    count = len(scaled)
    bands = spatial_transform.subbands(*scaled.shape[1:])
    pieces: list[ContextSample] = []

    def visit(
        local: Contexts, shared: Shared, coded: BandSymbols, component: int, region: Region
    ) -> None:
        rows = np.empty((local.shape[1], len(local) + len(shared)), np.uint8)
        rows[:, : len(local)], rows[:, len(local) :] = local.T, shared
        symbols = coded.symbols[component][region].reshape(-1)
        states = coded.states[component][region].reshape(-1)
        targets = coded.targets[component][region].reshape(-1)
        excess = np.abs(grid_points(symbols, states)) * np.float32(GRID) - np.abs(targets)
        ones = np.ones(len(rows), np.float32)
        pieces.append(ContextSample(rows, symbols, states >= 2, excess, ones, LOCAL_COUNT))

    walk_tile(scaled, band_variances(basis.variances, bands, count, step), model, visit)
    return ContextSample.of_equal_rates(ContextSample.joined(pieces))
