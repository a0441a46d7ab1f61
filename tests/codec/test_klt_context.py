"""hsigan's own codec: what it writes it reads, at every size and rate, and nothing else."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from hsigan.bitstream.header import Header
from hsigan.codec.fitting import Training, resolve_codec
from hsigan.codec.klt_context import KltContextCodec, KltContextConfig
from hsigan.codec.scene_file import Target, compress_scene, decompress_scene
from hsigan.codec.survey import survey_scene
from hsigan.errors import InputError, RecipeError, StreamError
from hsigan.scene import make_scene

BANDS = 12


def _scene(height: int, width: int, seed: int = 0, bands: int = BANDS) -> xr.Dataset:
    """Make a scene of three mixed spectra, smooth in space, with noise."""
    random = np.random.default_rng(seed)
    spectra = np.random.default_rng(99).uniform(200, 4000, (3, bands))
    y, x = np.mgrid[:height, :width]
    waves = [np.sin((y * a + x * b) / 5 + c) for a, b, c in random.uniform(0, 3, (3, 3))]
    values = 1500 + np.tensordot(np.stack(waves, -1), spectra, 1) / 3
    values += random.normal(0, 6, values.shape)
    return make_scene(values.astype(np.int16), name=f"made-{seed}")


@pytest.fixture(scope="module")
def codec() -> KltContextCodec:
    settings = KltContextConfig(steps=150, batch=512, draws=2)
    return KltContextCodec().fit([_scene(48, 40, 1), _scene(40, 40, 2)], settings)


def _values(scene: xr.Dataset) -> np.ndarray:
    return np.moveaxis(scene["values"].values, -1, 0).astype(np.float32)


def _header(codec: KltContextCodec, scene: xr.Dataset) -> Header:
    height, width, bands = scene["values"].shape
    return Header(codec.number, codec.model_hash, height, width, bands, "int16", codec.tile_px)


def _coded(codec: KltContextCodec, scene: xr.Dataset, step: float) -> tuple[bytes, bytes]:
    encoder = codec.encoder(survey_scene(scene), step)
    return encoder.side, encoder.encode_tile(_values(scene))


def _decoded(codec: KltContextCodec, scene: xr.Dataset, step: float) -> np.ndarray:
    side, payload = _coded(codec, scene, step)
    height, width, _ = scene["values"].shape
    return codec.decoder(_header(codec, scene), side).decode_tile(payload, height, width)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3), (17, 5), (33, 40)])
@pytest.mark.parametrize("step", [1.0, 40.0])
def test_error_is_that_of_the_step_at_any_size(
    codec: KltContextCodec, size: tuple[int, int], step: float
) -> None:
    scene = _scene(*size, seed=7)
    error = _decoded(codec, scene, step) - _values(scene)
    # The mean squared error of a deadzone quantiser is at most that of values lost in its zone.
    assert np.mean(error**2) < 0.45 * step**2


def test_finer_steps_take_more_bytes_and_err_less(codec: KltContextCodec) -> None:
    scene = _scene(40, 40, 5)
    steps = [200.0, 50.0, 10.0, 2.0]
    sizes = [len(_coded(codec, scene, step)[1]) for step in steps]
    errors = [np.mean((_decoded(codec, scene, step) - _values(scene)) ** 2) for step in steps]
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)


def test_a_step_beyond_the_scene_leaves_the_mean_and_no_tile(codec: KltContextCodec) -> None:
    scene = _scene(16, 16, 3)
    _, payload = _coded(codec, scene, 1e9)
    assert payload == b""
    decoded = _decoded(codec, scene, 1e9)
    assert np.array_equal(decoded[:, 0, 0], codec.basis.mean)


def test_encoding_twice_gives_the_same_bytes(codec: KltContextCodec) -> None:
    scene = _scene(40, 33, 5)
    assert _coded(codec, scene, 8.0) == _coded(codec, scene, 8.0)


def test_the_model_file_is_the_codec(codec: KltContextCodec, tmp_path: Path) -> None:
    codec.save(tmp_path / "codec.safetensors")
    loaded = KltContextCodec.load(tmp_path / "codec.safetensors")
    assert loaded.model_hash == codec.model_hash
    scene = _scene(20, 20, 5)
    assert _coded(loaded, scene, 8.0) == _coded(codec, scene, 8.0)
    assert loaded.describe()["trained_on"] == ["made-1", "made-2"]


def test_constant_bands_come_back_as_they_were(codec: KltContextCodec) -> None:
    scene = _scene(20, 20, 5)
    scene["values"][:, :, 4] = 1234
    assert (_decoded(codec, scene, 30.0)[4] == 1234).all()


def test_another_sensor_is_refused(codec: KltContextCodec) -> None:
    with pytest.raises(InputError, match="12 bands"):
        codec.encoder(survey_scene(_scene(8, 8, bands=9)), 1.0)


def test_a_payload_of_another_length_is_refused(codec: KltContextCodec) -> None:
    scene = _scene(20, 20, 5)
    side, payload = _coded(codec, scene, 8.0)
    decoder = codec.decoder(_header(codec, scene), side)
    for damaged in (payload + 16 * b"\x07", b"\xff\x01"):
        with pytest.raises(StreamError):
            decoder.decode_tile(damaged, 20, 20)
    # Bytes that are cut off are noticed by what symbols need, but for chance; CRCs stand before.
    accepted = 0
    for length in range(1, len(payload), 7):
        with contextlib.suppress(StreamError):
            accepted += decoder.decode_tile(payload[:length], 20, 20).shape == (BANDS, 20, 20)
    assert accepted < len(payload) / 7 / 5


def test_random_payloads_never_crash(codec: KltContextCodec) -> None:
    scene = _scene(9, 9, 5)
    side, _ = _coded(codec, scene, 8.0)
    decoder = codec.decoder(_header(codec, scene), side)
    random = np.random.default_rng(0)
    refused = 0
    for length in range(1, 40):
        payload = bytes([1 + length % BANDS]) + random.bytes(length)
        try:
            assert np.isfinite(decoder.decode_tile(payload, 9, 9)).all()
        except StreamError:
            refused += 1
    assert refused > 30


@pytest.mark.parametrize("side", [b"", b"\x41", b"\xff\xff\xff\x00", b"\0\0\0\0"])
def test_damaged_side_information_is_refused(codec: KltContextCodec, side: bytes) -> None:
    with pytest.raises(StreamError):
        codec.decoder(_header(codec, _scene(8, 8)), side)


def test_companions_of_other_sensors_serve_the_contexts_and_not_the_basis() -> None:
    scenes, settings = [_scene(40, 40, 2)], KltContextConfig(steps=40, batch=256, draws=1)
    alone = KltContextCodec().fit(scenes, settings)
    other = _scene(30, 30, 3, bands=BANDS + 5)
    together = KltContextCodec().fit(scenes, settings, Training(companions=[other]))
    assert np.array_equal(alone.basis.axes, together.basis.axes)
    assert together.model_hash != alone.model_hash
    assert together.describe()["trained_on"] == ["made-2"]
    assert together.describe()["companions"] == ["made-3"]


WRONG = """steps=0 steps=-5 batch=0 draws=0 learning_rate=nan repair_realistic_steps=-1 codec=hific
repair_most_loss_db=-1"""


@pytest.mark.parametrize("wrong", WRONG.split())
def test_settings_that_train_nothing_are_refused(wrong):
    with pytest.raises(RecipeError, match=wrong.split("=")[0]):
        resolve_codec("klt-context", None, [wrong])


def test_repairing_networks_that_are_not_there_are_missed_before_any_training(tmp_path):
    settings = KltContextConfig(steps=10**9, repair_from=str(tmp_path / "none.safetensors"))
    with pytest.raises(StreamError, match="cannot be read"):
        KltContextCodec().fit([_scene(40, 40, 2)], settings)


def test_what_a_decoder_would_refuse_is_not_written(codec: KltContextCodec, tmp_path: Path) -> None:
    scene, path = _scene(9, 9, 3), tmp_path / "a.hsc"
    scene["values"] = scene["values"].astype(np.float32) + 20_000
    for target in (Target(step=1e-4), Target(psnr_db=200.0)):
        with pytest.raises(InputError):
            compress_scene(scene, path, codec, target)
        assert not path.exists()
    told = compress_scene(scene, path, codec, Target(bpppc=80.0))
    decoded = decompress_scene(path, codec)["values"].values
    assert told.psnr_db > 120
    assert np.abs(decoded - scene["values"].values).max() < 0.1


def test_integers_are_kept_exactly_by_a_step_that_is_not_too_small(
    codec: KltContextCodec, tmp_path: Path
) -> None:
    scene = _scene(9, 9, 3)
    told = compress_scene(scene, tmp_path / "a.hsc", codec, Target(psnr_db=300.0))
    decoded = decompress_scene(tmp_path / "a.hsc", codec)["values"].values
    np.testing.assert_array_equal(decoded, scene["values"].values)
    assert 0.1 < told.step < 2
