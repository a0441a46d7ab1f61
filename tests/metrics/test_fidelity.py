"""Laws of PSNR, spectral angle, SSIM and errors, on arrays whose answer is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hsigan.errors import InputError
from hsigan.metrics.fidelity import (
    max_error,
    mean_spectral_angle_deg,
    measure_fidelity,
    mse,
    psnr_db,
    ssim,
)

Floats = NDArray[np.float64]


@pytest.fixture
def cube() -> Floats:
    rng = np.random.default_rng(3)
    return 500 + 100 * rng.random((24, 19, 5)).cumsum(axis=0)


def _reference_ssim(first: Floats, second: Floats, dynamic_range: float) -> float:
    """Write Wang et al. 2004 down window by window, one band."""
    distance = np.arange(11) - 5.0
    taps = np.exp(-(distance**2) / (2 * 1.5**2))
    window = np.outer(taps, taps) / taps.sum() ** 2
    c1, c2 = (0.01 * dynamic_range) ** 2, (0.03 * dynamic_range) ** 2
    values = []
    for row in range(first.shape[0] - 10):
        for column in range(first.shape[1] - 10):
            a = first[row : row + 11, column : column + 11]
            b = second[row : row + 11, column : column + 11]
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            spread = (window * (a - mean_a) ** 2).sum() + (window * (b - mean_b) ** 2).sum()
            shared = (window * (a - mean_a) * (b - mean_b)).sum()
            luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
            values.append(luminance * (2 * shared + c2) / (spread + c2))
    return float(np.mean(values))


def test_psnr_is_its_definition_and_infinite_for_a_copy(cube: Floats) -> None:
    noisy = cube + np.where(np.indices(cube.shape).sum(axis=0) % 2, 3.0, -3.0)
    assert mse(cube, noisy) == pytest.approx(9.0)
    assert psnr_db(cube, noisy) == pytest.approx(20 * np.log10(cube.max() / 3))
    assert psnr_db(cube, noisy, peak=300) == pytest.approx(40.0)
    assert psnr_db(cube, cube) == np.inf


def test_ten_times_the_error_costs_twenty_decibel(cube: Floats) -> None:
    error = np.random.default_rng(0).normal(size=cube.shape)
    assert psnr_db(cube, cube + error) - psnr_db(cube, cube + 10 * error) == pytest.approx(20)


def test_one_scale_for_both_changes_no_ratio(cube: Floats) -> None:
    decoded = cube + np.random.default_rng(1).normal(size=cube.shape) * 20
    plain, scaled = (measure_fidelity(k * cube, k * decoded) for k in (1, 7))
    assert scaled.psnr_db == pytest.approx(plain.psnr_db)
    assert scaled.ssim == pytest.approx(plain.ssim)
    assert scaled.spectral_angle_deg == pytest.approx(plain.spectral_angle_deg)
    assert scaled.max_error == pytest.approx(7 * plain.max_error)


def test_invalid_samples_count_nowhere(cube: Floats) -> None:
    decoded = cube + np.random.default_rng(2).normal(size=cube.shape)
    valid = np.random.default_rng(3).random(cube.shape[:2]) > 0.3
    spoilt, wrong = cube.copy(), decoded.copy()
    spoilt[~valid], wrong[~valid] = -32768, np.nan
    for measure in (mse, max_error, psnr_db, mean_spectral_angle_deg, ssim):
        assert measure(spoilt, wrong, valid=valid) == pytest.approx(
            measure(cube, decoded, valid=valid)
        )
    whole = np.repeat(valid[:, :, None], cube.shape[2], axis=2)
    assert measure_fidelity(cube, decoded, valid=whole) == measure_fidelity(
        cube, decoded, valid=valid
    )


def test_nan_in_the_original_is_not_valid_by_default(cube: Floats) -> None:
    cube[3, 4, :2] = np.nan
    assert measure_fidelity(cube, np.where(np.isfinite(cube), cube, 0)).mse == 0


def test_the_angle_of_a_rotated_spectrum_is_the_rotation() -> None:
    turn = np.radians(12.0)
    original = np.tile([1.0, 0.0], (2, 3, 1))
    decoded = np.tile([np.cos(turn), np.sin(turn)], (2, 3, 1))
    assert mean_spectral_angle_deg(original, 5 * decoded) == pytest.approx(12.0)
    original[0, 0] = 0
    decoded[1, 1] = 0
    assert mean_spectral_angle_deg(original, decoded) == pytest.approx(12.0)


def test_ssim_is_that_of_the_paper(cube: Floats) -> None:
    decoded = cube + np.random.default_rng(4).normal(size=cube.shape) * 40
    dynamic_range = cube.max() - cube.min()
    wanted = [
        _reference_ssim(cube[:, :, band], decoded[:, :, band], dynamic_range)
        for band in range(cube.shape[2])
    ]
    assert ssim(cube, decoded) == pytest.approx(np.mean(wanted), abs=1e-9)


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (5, 4), (10, 10), (11, 8), (12, 12)])
def test_ssim_is_defined_for_images_smaller_than_the_window(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(5)
    original = rng.random((*size, 3))
    noise = rng.normal(size=original.shape)
    near, far = (ssim(original, original + scale * noise) for scale in (0.05, 1.0))
    assert ssim(original, original) == pytest.approx(1.0)
    assert far < near < 1


def test_ssim_of_a_mirrored_scene_is_the_same() -> None:
    rng = np.random.default_rng(6)
    original = rng.random((10, 14, 2))
    decoded = original + 0.2 * rng.normal(size=original.shape)
    assert ssim(original, decoded) == pytest.approx(ssim(original[::-1, ::-1], decoded[::-1, ::-1]))


def test_a_constant_scene_is_like_itself_alone() -> None:
    flat = np.full((12, 12, 2), 5.0)
    assert ssim(flat, flat) == 1.0
    assert np.isnan(ssim(flat, flat + 1))


def test_what_cannot_be_compared_is_refused(cube: Floats) -> None:
    with pytest.raises(InputError, match="one shape"):
        mse(cube, cube[:-1])
    with pytest.raises(InputError, match="mask"):
        mse(cube, cube, valid=np.ones((3, 3), bool))
    with pytest.raises(InputError, match="no sample is valid"):
        mse(cube, cube, valid=np.zeros(cube.shape[:2], bool))
    broken = cube.copy()
    broken[0, 0, 0] = np.inf
    with pytest.raises(InputError, match="decoded cube holds 1 values"):
        mse(cube, broken)
    with pytest.raises(InputError, match="peak above zero"):
        psnr_db(-cube, -cube + 1)
