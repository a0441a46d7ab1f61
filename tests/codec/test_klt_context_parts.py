"""The parts of codec klt-context: the wavelet, the rotation, the trellis, the order of coding."""

from __future__ import annotations

import numpy as np
import pytest

from hsigan.bitstream.tables import CodingTables
from hsigan.codec import spatial_transform
from hsigan.codec.klt_context_order import LARGEST_MAGNITUDE, TileContexts, prior_contexts
from hsigan.codec.klt_context_rotation import TileRotation, exact_product, jacobi_sweep
from hsigan.codec.klt_context_trellis import (
    GRID,
    NEXT_STATE,
    SLOPE,
    SymbolCosts,
    grid_points,
    search_symbols,
    state_paths,
)

SIZES = [(1, 1), (1, 7), (2, 2), (5, 6), (33, 50), (20, 20)]


@pytest.mark.parametrize("size", SIZES)
def test_the_wavelet_is_undone(size: tuple[int, int]) -> None:
    planes = np.random.default_rng(0).normal(0, 100, (3, *size)).astype(np.float32)
    again = spatial_transform.inverse(spatial_transform.forward(planes))
    assert np.allclose(again, planes, atol=1e-3)


@pytest.mark.parametrize("size", SIZES)
def test_subbands_cover_the_plane_once(size: tuple[int, int]) -> None:
    covered = np.zeros(size, int)
    for band in spatial_transform.subbands(*size):
        covered[band.region] += 1
    assert (covered == 1).all()


def test_the_wavelet_keeps_the_error_of_a_quantiser() -> None:
    planes = np.random.default_rng(0).normal(0, 100, (2, 64, 80))
    coefficients = spatial_transform.forward(planes)
    noise = np.random.default_rng(1).uniform(-5, 5, coefficients.shape)
    error = spatial_transform.inverse(coefficients + noise) - planes
    assert np.mean(error**2) == pytest.approx(np.mean(noise**2), rel=0.08)


def _covariance(count: int) -> np.ndarray:
    random = np.random.default_rng(count)
    factors = random.normal(size=(count, 3 * count)) * np.exp(-np.arange(count) / 3)[:, None]
    turn = np.eye(count) + random.normal(0, 0.02, (count, count))
    return np.asarray(turn @ factors @ factors.T @ turn.T)


@pytest.mark.parametrize("count", [1, 2, 5, 16])
def test_sweeps_turn_a_covariance_into_its_variances(count: int) -> None:
    covariance = _covariance(count)
    turned, axes = covariance.copy(), np.eye(count)
    for _ in range(8):
        jacobi_sweep(turned, axes)
    assert np.allclose(axes.T @ axes, np.eye(count), atol=1e-12)
    assert np.allclose(axes.T @ covariance @ axes, turned, atol=1e-9 * covariance.max())
    expected = np.linalg.eigvalsh(covariance)
    assert np.allclose(np.sort(np.diag(turned)), expected, rtol=1e-6, atol=1e-9)


def test_the_exact_product_is_the_product() -> None:
    random = np.random.default_rng(0)
    left, right = random.normal(size=(7, 9)), random.normal(size=(9, 4))
    assert np.allclose(exact_product(left, right), left @ right)


def test_a_tile_turns_to_the_axes_of_its_symbols() -> None:
    bands = spatial_transform.subbands(32, 32)
    rotation = TileRotation(bands, np.full((len(bands), 2), 50.0))
    random = np.random.default_rng(0)
    for number, band in enumerate(bands):
        axes, variances = rotation.axes_of(number)
        true = (
            np.array([[3, 4], [-4, 3]])
            / 5
            @ (random.normal(size=(2, band.height * band.width)) * [[40], [2]])
        )
        coded = np.rint(axes.T @ true).astype(np.int32)
        rotation.learn(number, coded, 1.0)
    assert abs(axes.T @ np.array([3, -4]) / 5).max() > 0.999
    assert variances.max() > 30 * variances.min()


def _costs() -> SymbolCosts:
    chances = 0.5 ** np.abs(np.arange(-12, 13)) / 3.1
    return SymbolCosts.of(CodingTables.from_probabilities([chances] * 2, np.array([-12, -12])))


def _price(symbols: np.ndarray, values: np.ndarray, costs: SymbolCosts) -> np.ndarray:
    states = state_paths(symbols)
    error = np.square(grid_points(symbols, states) * GRID - values).sum(axis=0)
    bits = costs.bits[states >> 1, np.abs(symbols)].sum(axis=0)
    return np.asarray(error + SLOPE * bits)


def test_no_other_path_of_the_trellis_is_better() -> None:
    values = np.random.default_rng(0).normal(0, 1.5, (3, 40)).astype(np.float32)
    costs = _costs()
    found = search_symbols(values, np.zeros(values.shape, np.uint8), costs, 1)
    best = np.full(40, np.inf)
    choices = np.arange(-5, 6)
    for path in np.stack(np.meshgrid(choices, choices, choices), -1).reshape(-1, 3):
        symbols = np.repeat(path[:, None], 40, axis=1).astype(np.int32)
        best = np.minimum(best, _price(symbols, values, costs))
    assert np.allclose(_price(found, values, costs), best, rtol=1e-4)


def test_parities_lead_from_state_to_state() -> None:
    symbols = np.random.default_rng(0).integers(-3, 4, (20, 5)).astype(np.int32)
    states = state_paths(symbols)
    assert (states[0] == 0).all()
    assert np.array_equal(states[1:], NEXT_STATE[states[:-1], np.abs(symbols[:-1]) % 2])


def _walk(symbols: np.ndarray, changed_from: int | None = None) -> list[np.ndarray]:
    """Return the contexts of all passes; passes from one on see other symbols to come."""
    count, height, width = symbols.shape
    contexts = TileContexts(height, width, count)
    found, passed = [], 0
    for number, band in enumerate(contexts.bands):
        contexts.open_band(number, np.full(count, 9.0))
        for component in range(count):
            contexts.open(number, component)
            for place, region in contexts.passes():
                local, shared = contexts.of(place)
                found.append(np.concatenate([local.reshape(-1), shared]).copy())
                coded = symbols[component][band.region][region].reshape(-1)
                if changed_from is not None and passed >= changed_from:
                    coded = coded + 5
                contexts.put(place, coded)
                passed += 1
            contexts.close()
    return found


@pytest.mark.parametrize("changed_from", [0, 3, 17, 40])
def test_contexts_know_only_what_was_coded_before(changed_from: int) -> None:
    symbols = np.random.default_rng(0).integers(-4, 5, (3, 17, 14)).astype(np.int32)
    whole, changed = _walk(symbols), _walk(symbols, changed_from)
    for before, after in zip(whole[: changed_from + 1], changed, strict=False):
        assert np.array_equal(before, after)
    assert not np.array_equal(whole[-1], changed[-1])


def test_contexts_are_small_integers_even_of_huge_symbols() -> None:
    symbols = np.full((2, 9, 9), -(2**30), np.int32)
    for context in _walk(symbols):
        assert context.min() >= 0
        assert context.max() <= 127
        assert np.array_equal(context, np.rint(context))
    assert LARGEST_MAGNITUDE * 16 < 2**16


def test_the_context_of_variances_is_their_logarithm() -> None:
    variances = np.array([0.0, 0.25, 1.0, 16.0, 1e30])
    assert prior_contexts(variances).tolist() == [0, 56, 64, 80, 127]
