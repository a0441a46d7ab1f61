"""The codecs of HiFiC's family: files of theirs, what decides the symbols, several rates."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hsigan.codec.fitting import Training, resolve_codec
from hsigan.codec.model_file import load_model, model_content
from hsigan.codec.neural import HificCodec, HificTunableCodec
from hsigan.codec.neural_model import pack, unpack
from hsigan.codec.neural_tiles import TileCoding
from hsigan.codec.scene_file import compress_scene, decompress_scene
from hsigan.codec.survey import survey_scene
from hsigan.codec.zoo import CODECS, open_codec
from hsigan.errors import InputError, RecipeError, StreamError
from hsigan.recipe import load_recipe, recipe_names

sys.path.append(str(Path(__file__).parents[1] / "training"))
from compression_scenes import BANDS, config, scene


@pytest.fixture(scope="module")
def codec():
    chosen = config(gan_trains="generator", tile_level=True)
    return HificCodec().fit([scene(1), scene(2)], chosen, Training((scene(5),)))


def test_a_scene_passes_through_a_file(codec, tmp_path):
    original = scene(7, height=50, width=70)
    done = compress_scene(original, tmp_path / "scene.hsc", codec)
    decoded = decompress_scene(tmp_path / "scene.hsc", codec)
    assert decoded["values"].dtype == original["values"].dtype
    error = decoded["values"].values.astype(float) - original["values"].values
    assert 10 * np.log10(done.peak**2 / np.square(error).mean()) == pytest.approx(
        done.psnr_db, abs=0.01
    )
    assert done.psnr_db > 20


def test_a_payload_is_about_its_information(codec):
    survey = survey_scene(scene(7))
    tile = np.ascontiguousarray(
        scene(7)["values"].values[:32, :32].transpose(2, 0, 1), dtype=np.float32
    )
    payload = codec.encoder(survey, 1.0).encode_tile(tile)
    assert codec.encoder(survey, 1.0).side == b""
    coding = TileCoding(codec._model, codec._tables, True)
    planes = codec._model.front(torch.from_numpy(tile)[None])
    from hsigan.models.tile_level import TileLevel

    symbols = codec._model.analyse(TileLevel.of(planes).take_off(planes))
    z, y = symbols.z.numpy(), symbols.y.numpy()
    bits = coding.z_tables.information_bits(z.ravel(), coding.z_indexes(z.shape))
    bits += coding.y_tables.information_bits(y.ravel(), symbols.indexes.numpy().ravel())
    assert 0 <= 8 * (len(payload) - coding.head_bytes) - bits < 40


def test_the_model_file_is_the_codec(codec, tmp_path):
    codec.save(tmp_path / "codec.safetensors")
    again = open_codec(tmp_path / "codec.safetensors")
    assert again.model_hash == codec.model_hash
    survey, tile = survey_scene(scene(7)), np.full((BANDS, 9, 20), 480, np.float32)
    tile[:, :4] = 620
    payload = again.encoder(survey, 1.0).encode_tile(tile)
    assert payload == codec.encoder(survey, 1.0).encode_tile(tile)
    assert {"trained_on", "held_out", "settings", "perceptual"} <= set(again.describe())
    assert again.describe()["trained_on"] == ["landscape-1", "landscape-2"]


def test_bands_without_variance_come_back_as_they_are(codec, tmp_path):
    original = scene(7)
    original["values"][:, :, 3] = 77
    compress_scene(original, tmp_path / "scene.hsc", codec)
    decoded = decompress_scene(tmp_path / "scene.hsc", codec)
    assert (decoded["values"][:, :, 3] == 77).all()


def test_both_decoders_read_the_same_file(codec, tmp_path):
    compress_scene(scene(7), tmp_path / "scene.hsc", codec)
    faithful = decompress_scene(tmp_path / "scene.hsc", codec)["values"].values.astype(float)
    tuned = decompress_scene(tmp_path / "scene.hsc", codec, decoder="realistic")["values"].values
    assert 0 < np.abs(faithful - tuned).mean() < 50


def test_scenes_of_another_sensor_are_refused(codec):
    with pytest.raises(InputError, match="8 bands"):
        codec.encoder(survey_scene(scene(7, bands=5)), 1.0)
    with pytest.raises(InputError, match="not trained"):
        HificCodec().encoder(survey_scene(scene(7)), 1.0)


@pytest.mark.parametrize("length", [0, 1, 3, 5])
def test_a_damaged_payload_is_one_clear_error_or_a_tile(codec, length):
    survey = survey_scene(scene(7))
    tile = np.random.default_rng(0).normal(500, 50, (BANDS, 20, 20)).astype(np.float32)
    payload = codec.encoder(survey, 1.0).encode_tile(tile)
    decoder = codec.decoder(_header(survey), b"")
    if length == 0:
        assert decoder.decode_tile(b"", 20, 20).shape == tile.shape
        return
    with pytest.raises(StreamError):
        decoder.decode_tile(payload[:length], 20, 20)


def _header(survey):
    from hsigan.bitstream.header import Header

    return Header(
        codec=16,
        model_hash=b"",
        height=survey.height,
        width=survey.width,
        bands=survey.bands,
        dtype="int16",
        tile_px=32,
        nodata=None,
        model_embedded=False,
    )


def test_a_model_that_lacks_weights_is_refused(codec):
    arrays, facts, _ = load_model(codec.model_bytes)
    for part in ("weight/core.encoder", "realistic/weight/network"):
        name = next(key for key in arrays if key.startswith(part))
        with pytest.raises(StreamError, match="damaged"):
            HificCodec.load(model_content({k: v for k, v in arrays.items() if k != name}, facts))
    with pytest.raises(StreamError, match="not 'hific-tunable'"):
        HificTunableCodec.load(codec.model_bytes)


@pytest.mark.parametrize("stored", ["float16", "int8"])
def test_stored_weights_are_near_and_stable(stored):
    values = np.random.default_rng(1).normal(size=(6, 5, 3, 3)).astype(np.float32)
    once = unpack(*pack(values, stored))
    assert np.abs(once - values).max() < (0.002 if stored == "float16" else 0.02)
    np.testing.assert_array_equal(unpack(*pack(once, stored)), once)


def test_one_tunable_model_has_many_rates(tmp_path):
    chosen = config(codec="hific-tunable", levels=3, lowest_bpp=0.1, gan_steps=0)
    tunable = HificTunableCodec().fit([scene(1), scene(2)], chosen, Training((scene(5),)))
    assert tunable.adjustable
    survey = survey_scene(scene(7))
    tile = np.ascontiguousarray(
        scene(7)["values"].values[:32, :32].transpose(2, 0, 1), dtype=np.float32
    )
    sizes, errors = [], []
    for step in (10.0, 40.0, 160.0, 640.0):
        payload = tunable.encoder(survey, step).encode_tile(tile)
        decoded = tunable.decoder(_header(survey), b"").decode_tile(payload, 32, 32)
        sizes.append(len(payload))
        errors.append(float(np.square(decoded - tile).mean()))
    assert sizes == sorted(sizes, reverse=True)
    assert errors[-1] > errors[0] + 10
    assert sizes[0] > 1.5 * sizes[-1]


@pytest.mark.parametrize("name", recipe_names("codec"))
def test_recipes_name_a_codec_of_the_zoo_and_only_differences(name):
    codec_class, settings = resolve_codec(name)
    assert CODECS[codec_class.name].number == codec_class.number
    assert load_recipe("codec", name)["codec"] == codec_class.name
    if hasattr(settings, "model_arguments"):
        assert settings.codec == codec_class.name
    defaults = codec_class.config_class.model_fields
    values = load_recipe("codec", name)
    same = [
        key for key, value in values.items() if key != "codec" and defaults[key].default == value
    ]
    assert same == []


def test_a_recipe_that_trains_nothing_is_refused(tmp_path):
    (tmp_path / "mine.toml").write_text('codec = "klt"\n')
    with pytest.raises(RecipeError, match="codec"):
        resolve_codec(str(tmp_path / "mine.toml"))
