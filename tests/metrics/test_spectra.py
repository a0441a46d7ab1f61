import numpy as np
import pytest

from hsigan.errors import InputError
from hsigan.metrics import check_spectra, nearest_angle_deg, spectral_angle_deg


def test_angle_between_axes_is_ninety_degrees_and_a_gain_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    spectra = rng.random((50, 20)) + 0.1
    assert spectral_angle_deg([[1.0, 0.0]], [[0.0, 3.0]]) == pytest.approx([90.0])
    assert spectral_angle_deg([[1.0, 0.0]], [[2.0, 2.0]]) == pytest.approx([45.0])
    np.testing.assert_allclose(spectral_angle_deg(spectra, 7.5 * spectra), 0, atol=1e-6)


def test_small_angles_are_not_rounded_away() -> None:
    tilted = np.array([[1.0, np.tan(np.radians(1e-5))]])
    assert spectral_angle_deg([[1.0, 0.0]], tilted)[0] == pytest.approx(1e-5, rel=1e-6)


def test_nearest_angle_is_the_smallest_of_all_pairs_across_blocks() -> None:
    rng = np.random.default_rng(1)
    spectra, reference = rng.random((5000, 6)), rng.random((40, 6))
    pairs = spectral_angle_deg(spectra[:, None], reference[None])
    np.testing.assert_allclose(nearest_angle_deg(spectra, reference), pairs.min(axis=1), atol=1e-9)


def test_a_dark_spectrum_has_no_angle_but_harms_no_other() -> None:
    angles = nearest_angle_deg([[0.0, 0.0], [1.0, 1.0]], [[0.0, 0.0], [1.0, 0.0]])
    assert np.isnan(angles[0])
    assert angles[1] == pytest.approx(45.0)


@pytest.mark.parametrize(
    ("spectra", "message"),
    [
        (np.zeros(4), "shape"),
        (np.zeros((2, 3)), "4 bands"),
        (np.zeros((0, 4)), "at least 1"),
        (np.full((2, 4), np.nan), "2 of 2"),
    ],
)
def test_unusable_spectra_are_refused_with_the_reason(spectra: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_spectra(spectra, "fake spectra", 4)
