"""The published autoencoders: trained, saved, and as codecs of files, raw and quantised."""

import math

import numpy as np
import pytest
import torch
from compression_scenes import BANDS, scene

from hsigan.codec.autoencoders import AutoencoderCodec, CAE3DCodec, SSCNetCodec
from hsigan.codec.fitting import Training
from hsigan.codec.scene_file import compress_scene, decompress_scene
from hsigan.codec.survey import survey_scene
from hsigan.codec.zoo import open_codec
from hsigan.errors import StreamError
from hsigan.recipe import build_config
from hsigan.training.autoencoder import AutoencoderConfig, AutoencoderModel, train_autoencoder

CLASSES = {each.name: each for each in (AutoencoderCodec, SSCNetCodec, CAE3DCodec)}


def config(**settings):
    small = {"width": 8, "ratio": 16, "tile_px": 16, "crop_px": 8, "batch": 2, "steps": 3}
    return build_config(AutoencoderConfig, {**small, **settings})


def fitted(**settings):
    chosen = config(**settings)
    return CLASSES[chosen.codec]().fit([scene(1)], chosen, Training((scene(2),)))


@pytest.mark.parametrize("name", list(CLASSES))
@pytest.mark.parametrize("latents", ["raw", "quantised"])
def test_a_scene_passes_through_a_file(name, latents, tmp_path):
    codec = fitted(codec=name, latents=latents)
    codec.save(tmp_path / "codec.safetensors")
    again = open_codec(tmp_path / "codec.safetensors")
    original = scene(3, height=20, width=33)
    done = compress_scene(original, tmp_path / "scene.hsc", again)
    decoded = decompress_scene(tmp_path / "scene.hsc", codec)
    assert decoded["values"].shape == original["values"].shape
    assert np.isfinite(done.psnr_db)
    assert {"held_out", "trained_on"} <= set(again.describe())


def test_raw_latents_take_32_bits_each():
    codec = fitted(codec="cae-1d")
    survey = survey_scene(scene(1))
    tile = np.full((BANDS, 5, 7), 500, np.float32)
    payload = codec.encoder(survey, 1.0).encode_tile(tile)
    assert len(payload) == 4 * 5 * 7 * math.ceil(BANDS / 16)
    header = type("Header", (), {"bands": BANDS})
    for damaged in (payload[:-1], b"", b"\xff\xff\xff\x7f" + payload[4:]):
        with pytest.raises(StreamError):
            codec.decoder(header, b"").decode_tile(damaged, 5, 7)


@pytest.mark.parametrize("latents", ["raw", "quantised"])
def test_training_lowers_the_loss(latents):
    chosen = config(codec="sscnet", latents=latents, steps=60, validate_every=1)
    torch.manual_seed(0)
    model = AutoencoderModel(chosen.network(BANDS), (0.0, 1000.0), chosen.first_gain)
    values = scene(1)["values"].values.astype(np.float32)
    image = torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))
    seen = []
    train_autoencoder([image], model, chosen, 0, None, lambda step, found: seen.append(found))
    losses = [found["loss"] for found in seen]
    assert np.mean(losses[-20:]) < np.mean(losses[:10])


def test_rates_are_those_of_the_integers_in_files():
    chosen = config(codec="sscnet", latents="quantised")
    codec = SSCNetCodec().fit([scene(1)], chosen, Training((scene(2),)))
    survey = survey_scene(scene(1))
    tile = scene(1)["values"].values[:16, :16].transpose(2, 0, 1).astype(np.float32)
    payload = codec.encoder(survey, 1.0).encode_tile(tile)
    model = codec._model
    x = model.scaled(torch.from_numpy(np.ascontiguousarray(tile))[None])
    symbols = (model.network.encode(x) * model.gain).round()
    assert abs(8 * len(payload) - float(model.prior.bits(symbols))) < 64
