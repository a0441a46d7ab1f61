"""Laws of the spatial figures of patches."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import wasserstein_distance

from hsigan.errors import InputError
from hsigan.metrics.spatial import (
    autocorrelation_distance,
    autocorrelation_offset,
    check_patches,
    gradient_distance,
    gradient_ratio,
    measure_texture,
    wasserstein_distances,
)

BANDS, SIDE = 6, 7


def _patches(count: int, seed: int, smooth_px: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(count, BANDS, SIDE, SIDE))
    texture = gaussian_filter(noise, (0, 0, smooth_px, smooth_px))
    level = 1000 + 100 * rng.normal(size=(count, BANDS, 1, 1))
    return level + 20 * texture / texture.std()


def test_morans_i_of_known_patterns() -> None:
    row, column = np.indices((SIDE, SIDE))
    chessboard = (-1.0) ** (row + column)
    # An odd chessboard has a mean of 1 / n; the pairs' products average -1 + 1 / n^2 about it.
    patches = np.stack([chessboard, row + column, np.full((SIDE, SIDE), 5.0)])[:, None]
    chess, slope, flat = measure_texture(patches).autocorrelation[:, 0]
    assert chess == pytest.approx(-1, abs=0.01)
    assert slope > 0.7
    assert np.isnan(flat)


def test_pixels_without_order_have_the_expected_index() -> None:
    rng = np.random.default_rng(0)
    index = measure_texture(rng.normal(size=(4000, 1, SIDE, SIDE))).autocorrelation
    assert index.mean() == pytest.approx(-1 / (SIDE**2 - 1), abs=0.005)


def test_morans_i_is_the_sum_over_pairs_that_the_definition_has() -> None:
    patch = np.random.default_rng(1).normal(size=(4, 4))
    deviation = patch - patch.mean()
    total = pairs = 0.0
    for row, column in np.ndindex(4, 4):
        for down, across in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            if 0 <= row + down < 4 and 0 <= column + across < 4:
                total += deviation[row, column] * deviation[row + down, column + across]
                pairs += 1
    wanted = 16 / pairs * total / (deviation**2).sum()
    assert measure_texture(patch[None, None]).autocorrelation[0, 0] == pytest.approx(wanted, 1e-5)


@pytest.mark.parametrize(("gain", "offset"), [(3.0, -700.0), (-0.01, 5.0)])
def test_a_gain_scales_gradients_and_nothing_else(gain: float, offset: float) -> None:
    patches = _patches(20, 0)
    before, after = measure_texture(patches), measure_texture(gain * patches + offset)
    np.testing.assert_allclose(after.autocorrelation, before.autocorrelation, rtol=1e-2, atol=1e-2)
    np.testing.assert_allclose(after.gradient, abs(gain) * before.gradient, rtol=1e-2)


def test_the_gradient_of_a_slope_is_its_steepness() -> None:
    row, column = np.indices((SIDE, SIDE))
    assert measure_texture((3.0 * row + 4.0 * column)[None, None]).gradient == pytest.approx(5)


def test_turning_and_mirroring_leave_the_autocorrelation() -> None:
    patches = _patches(10, 0)
    index = measure_texture(patches).autocorrelation
    for turned in (np.rot90(patches, axes=(2, 3)), patches[..., ::-1], patches.swapaxes(2, 3)):
        np.testing.assert_allclose(measure_texture(turned).autocorrelation, index, rtol=1e-4)


def test_blur_and_noise_are_told_apart_and_real_patches_are_neither() -> None:
    real = measure_texture(_patches(300, 0))
    fresh = measure_texture(_patches(300, 1))
    blurred = measure_texture(gaussian_filter(_patches(300, 2), (0, 0, 1, 1)))
    noisy = measure_texture(
        _patches(300, 3) + np.random.default_rng(0).normal(0, 20, (300, 6, 7, 7))
    )
    assert autocorrelation_offset(fresh, real) == pytest.approx(0, abs=0.02)
    assert gradient_ratio(fresh, real) == pytest.approx(1, abs=0.03)
    assert autocorrelation_distance(fresh, real) < 0.03
    assert gradient_distance(fresh, real) < 0.03
    assert autocorrelation_offset(blurred, real) > 0.1
    assert gradient_ratio(blurred, real) < 0.8
    assert autocorrelation_offset(noisy, real) < -0.1
    assert gradient_ratio(noisy, real) > 1.3
    for fault in (blurred, noisy):
        assert autocorrelation_distance(fault, real) > 0.1
        assert gradient_distance(fault, real) > 0.15


def test_equal_means_do_not_hide_unequal_distributions() -> None:
    real = measure_texture(_patches(300, 0))
    patches = _patches(300, 1)
    centre = patches.mean(axis=(2, 3), keepdims=True)
    contrast = np.where(np.arange(300) % 2, 0.4, 1.6)[:, None, None, None]
    uneven = measure_texture(centre + contrast * (patches - centre))
    assert gradient_ratio(uneven, real) == pytest.approx(1, abs=0.05)
    assert gradient_distance(uneven, real) > 0.4


def test_wasserstein_is_that_of_scipy_column_by_column() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(11, 5)), rng.gamma(2.0, size=(17, 5))
    first[3, 2] = second[:4, 2] = np.nan
    second[:, 4] = np.nan
    found = wasserstein_distances(first, second)
    for column in range(4):
        a, b = (table[np.isfinite(table[:, column]), column] for table in (first, second))
        assert found[column] == pytest.approx(wasserstein_distance(a, b))
    assert np.isnan(found[4])


def test_flat_patches_give_nan_and_no_warning() -> None:
    flat = measure_texture(np.full((5, 3, 4, 4), 7.0))
    textured = measure_texture(_patches(5, 0)[:, :3])
    assert np.isnan(autocorrelation_offset(flat, textured))
    assert np.isnan(autocorrelation_distance(flat, textured))
    assert gradient_ratio(flat, textured) == 0
    assert np.isnan(gradient_ratio(textured, flat))
    assert np.isnan(gradient_distance(textured, flat))


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4, 5), (0, 3, 4, 4), (2, 3, 1, 1)])
def test_what_is_no_patch_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="side of 2 pixels"):
        check_patches(np.zeros(shape), "patches")


def test_patches_of_another_shape_or_with_gaps_are_refused() -> None:
    patches = _patches(3, 0)
    with pytest.raises(InputError, match="like the patches"):
        check_patches(patches, "fake patches", (BANDS, SIDE + 1, SIDE + 1))
    patches[1, 2, 3, 4] = np.inf
    with pytest.raises(InputError, match="1 of 3 hold NaN"):
        check_patches(patches, "fake patches")
