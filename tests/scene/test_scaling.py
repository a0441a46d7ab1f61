import json

import numpy as np
import pytest

from hsigan.errors import InputError
from hsigan.scene.scaling import SpectralScaler

MODES = ["minmax", "minmax-band", "standardise"]


@pytest.fixture
def spectra() -> np.ndarray:
    return np.random.default_rng(4).uniform(-50, 6000, (40, 7)) * np.linspace(0.1, 1, 7)


@pytest.mark.parametrize("mode", MODES)
def test_inverse_undoes_transform_also_outside_the_training_range(mode, spectra):
    scaler = SpectralScaler(mode).fit(spectra[:10])
    returned = scaler.inverse_transform(scaler.transform(spectra))
    assert returned.dtype == np.float32
    np.testing.assert_allclose(returned, spectra, rtol=1e-5, atol=1e-2)


def test_global_minmax_keeps_the_shape_of_a_spectrum(spectra):
    scaled = SpectralScaler("minmax").fit(spectra).transform(spectra)
    assert scaled.min() == 0
    assert scaled.max() == 1
    ratios = np.diff(scaled, axis=1) / np.diff(spectra, axis=1)
    np.testing.assert_allclose(ratios, ratios[0, 0], rtol=1e-3)


def test_minmax_per_band_fills_the_range_in_every_band(spectra):
    scaled = SpectralScaler("minmax-band").fit(spectra).transform(spectra)
    np.testing.assert_array_equal(scaled.min(axis=0), 0)
    np.testing.assert_array_equal(scaled.max(axis=0), 1)


def test_standardise_gives_mean_zero_and_deviation_one(spectra):
    scaled = SpectralScaler("standardise").fit(spectra).transform(spectra)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("level", [0.0, 0.1, 1e6])
def test_constant_bands_become_zero_and_stay_finite(mode, level):
    spectra = np.full((13, 3), level)
    if mode != "minmax":
        spectra[:, 1] = np.arange(13)
    scaler = SpectralScaler(mode).fit(spectra)
    scaled = scaler.transform(spectra)
    np.testing.assert_allclose(scaled[:, [0, 2]], 0, atol=1e-6 * max(1, level))
    assert np.abs(scaler.transform(spectra + 1)).max() < 1e3


def test_state_survives_json(spectra):
    scaler = SpectralScaler("standardise").fit(spectra)
    copy = SpectralScaler.from_dict(json.loads(json.dumps(scaler.to_dict())))
    np.testing.assert_array_equal(copy.transform(spectra), scaler.transform(spectra))


def test_fit_leaves_its_input_alone_and_is_repeatable(spectra):
    before = spectra.copy()
    scaler = SpectralScaler().fit(spectra * 3).fit(spectra)
    np.testing.assert_array_equal(spectra, before)
    assert scaler.to_dict() == SpectralScaler().fit(spectra).to_dict()


def test_mistakes_are_named(spectra):
    with pytest.raises(InputError, match=r"'mode'.*'log'"):
        SpectralScaler("log")
    with pytest.raises(InputError, match="not fitted"):
        SpectralScaler().transform(spectra)
    with pytest.raises(InputError, match=r"7 bands.*6 bands"):
        SpectralScaler().fit(spectra).transform(spectra[:, :6])
    with pytest.raises(InputError, match="at least one"):
        SpectralScaler().fit(spectra[:0])
    spectra[3, 5] = np.nan
    with pytest.raises(InputError, match="band 5"):
        SpectralScaler().fit(spectra)
    with pytest.raises(InputError, match="divisor"):
        SpectralScaler.from_dict({"mode": "minmax", "offset": [0.0]})
    with pytest.raises(InputError, match="divisors above 0"):
        SpectralScaler.from_dict({"mode": "minmax", "offset": [0.0], "divisor": [0.0]})
