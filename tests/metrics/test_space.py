import numpy as np
import pytest

from hsigan.errors import InputError
from hsigan.metrics import fit_space, usable_dimensions


def _classes(count: int = 60, bands: int = 30) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, bands)) * 50
    labels = np.repeat([2, 5, 9], count)
    spectra = centres[np.repeat([0, 1, 2], count)] + rng.normal(size=(3 * count, bands))
    return spectra * np.linspace(1, 1000, bands) + 300, labels


def test_units_of_the_bands_do_not_matter() -> None:
    spectra, labels = _classes()
    gains = np.linspace(0.1, 70, spectra.shape[1])
    one, other = fit_space(spectra, labels), fit_space(spectra * gains + 5, labels)
    np.testing.assert_allclose(
        np.abs(one.project(spectra)), np.abs(other.project(spectra * gains + 5)), atol=1e-6
    )


def test_whitened_classes_have_unit_noise_in_every_direction() -> None:
    spectra, labels = _classes(400)
    points = fit_space(spectra, labels).whiten(spectra)
    for label in (2, 5, 9):
        np.testing.assert_allclose(points[labels == label].std(axis=0), 1, atol=0.15)


def test_an_outlier_moves_a_class_by_six_of_its_deviations_at_most() -> None:
    spectra, labels = _classes()
    space = fit_space(spectra, labels)
    wild = spectra[:1] + 1e9
    moved = (space.standardise(wild, 2) - space.centres[0]) / space.band_scale
    np.testing.assert_allclose(moved, 6)
    assert np.abs(space.standardise(wild)).max() == 6


def test_constant_bands_and_single_pixels_per_class_survive() -> None:
    spectra, labels = _classes()
    spectra[:, 4] = 7.0
    assert np.isfinite(fit_space(spectra, labels).whiten(spectra)).all()
    singles = fit_space(spectra[::60], labels[::60])
    assert singles.components.shape[0] == 2
    assert np.isfinite(singles.whiten(spectra, 5)).all()


def test_what_cannot_be_fitted_is_refused() -> None:
    spectra, labels = _classes()
    with pytest.raises(InputError, match="all equal"):
        fit_space(np.ones((5, 3)), [1, 1, 2, 2, 2])
    with pytest.raises(InputError, match="one per training spectrum"):
        fit_space(spectra, labels[:-1])
    with pytest.raises(InputError, match="class 4 is not among"):
        fit_space(spectra, labels).project(spectra, 4)


def test_one_component_needs_ten_spectra() -> None:
    assert [usable_dimensions(n, 5000) for n in (3, 19, 20, 55, 100, 900)] == [1, 1, 2, 5, 10, 10]
