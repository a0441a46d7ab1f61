"""Repairing decoded components in a codec: gains, noise, weights in a model file."""

import os
import signal

import numpy as np
import pytest
import torch

from hsigan.bitstream.header import Header
from hsigan.bitstream.varint import varint
from hsigan.codec import klt_context_fit
from hsigan.codec.component_repair import (
    GAINS,
    LOUDNESSES,
    TEXTURE_LOSS_DB,
    DecodedTile,
    Repairer,
    split_choice,
    white_noise,
    with_choice,
)
from hsigan.codec.fitting import Training
from hsigan.codec.klt_context import KltContextCodec, KltContextConfig
from hsigan.codec.klt_context_model import component_variances
from hsigan.codec.survey import survey_scene
from hsigan.errors import InputError, RunError, StreamError
from hsigan.models.component_repair import ComponentRepair
from hsigan.scene import make_scene
from hsigan.training import component_repair
from hsigan.training.run_folder import RunFolder

STEP = 10.0
DEVIATIONS = np.array([60.0, 20.0, 5.0])


def planes(seed=0, height=9, width=14):
    random = np.random.default_rng(seed)
    return (30 * random.standard_normal((3, height, width))).astype(np.float32)


def repairer(seed=0):
    torch.manual_seed(seed)
    networks = ComponentRepair(4, 2), ComponentRepair(4, 2, has_noise=True)
    for network in networks:
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    return Repairer(*networks)


def tile(seed=0, scale=1.0, noise_seed=0):
    return DecodedTile(scale * planes(seed), scale * STEP, scale * DEVIATIONS, noise_seed)


def chosen(own, original, decoded):
    """Return gain and loudness as a decoder reads them."""
    return split_choice(with_choice(varint(3), own.choose(original, decoded)))[1:]


def test_an_encoder_that_knows_the_original_is_never_hurt():
    own, original = repairer(), planes()
    for seed in range(5):
        gain, _ = chosen(own, original, tile(seed))
        repaired = own.repair(tile(seed), gain)
        assert np.square(repaired - original).sum() <= np.square(planes(seed) - original).sum()


@pytest.mark.parametrize("gain", GAINS)
def test_the_best_gain_is_found(gain):
    own = repairer()
    assert chosen(own, own.repair(tile(), gain), tile())[0] == gain


@pytest.mark.parametrize("factor", [0.3, 3.0, 30.0])
def test_noise_is_as_loud_as_its_error_may_be(factor):
    own = repairer()
    shape = planes().shape
    far = own.repair(tile()) + factor * np.random.default_rng(1).standard_normal(shape) * STEP
    _, loudness = chosen(own, far, tile())
    most = np.square(own.repair(tile()) - far).sum() * 10 ** (TEXTURE_LOSS_DB / 10)
    costs = {each: np.square(own.embellish(tile(), each) - far).sum() for each in LOUDNESSES}
    allowed = [each for each in LOUDNESSES if costs[each] <= most * (1 + 1e-5)]
    assert loudness == max(allowed, default=min(LOUDNESSES))


def test_weights_survive_a_model_file_in_half_precision():
    own = repairer()
    again = Repairer.from_arrays(own.to_arrays())
    assert again.to_arrays().keys() == own.to_arrays().keys()
    for name, array in own.to_arrays().items():
        assert np.array_equal(again.to_arrays()[name], array), name
    assert Repairer.from_arrays({"mean": np.zeros(3)}) is None


def test_repair_depends_on_ratios_to_the_step_alone():
    own = repairer()
    once, twice = own.repair(tile()), own.repair(tile(scale=2))
    assert np.allclose(twice, 2 * once, rtol=1e-4, atol=1e-2)


def test_the_same_tile_gets_the_same_texture():
    own = repairer()
    first, again, other = (own.embellish(tile(noise_seed=s)) for s in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_without_a_realistic_network_there_is_no_texture():
    own = Repairer(repairer().faithful)
    with pytest.raises(InputError, match="no realistic decoder"):
        own.embellish(tile())


def test_noise_is_that_of_splitmix64():
    # The first outputs of the generator with seed 0, as its reference implementation gives them.
    outputs = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    sums = [sum(number.to_bytes(8, "big")) - 1020 for number in outputs]
    expected = np.array(sums, np.float32) * np.float32(1 / np.sqrt(8 * (256**2 - 1) / 12))
    assert np.array_equal(white_noise((1, 3), 0)[0], expected)


def test_noise_is_white_and_nearly_normal():
    noise = white_noise((4, 200, 200), 1).astype(np.float64)
    assert abs(noise.mean()) < 0.01
    assert abs(noise.var() - 1) < 0.01
    assert abs((noise**4).mean() - 3) < 0.25
    for axis in range(3):
        shifted = np.roll(noise, 1, axis)
        assert abs((noise * shifted).mean()) < 0.01
    assert abs((noise * white_noise((4, 200, 200), 2)).mean()) < 0.01


@pytest.mark.parametrize("count", [1, 15, 16, 200])
def test_a_choice_shares_the_first_varint(count):
    payload = varint(count) + b"coded"
    read = [split_choice(with_choice(payload, number)) for number in range(8)]
    assert {each[0] for each in read} == {payload}
    assert {each[1:] for each in read} == {(g, n) for g in GAINS for n in LOUDNESSES}
    assert len(with_choice(payload, 7)) == len(payload) + (16 <= count < 128)


def test_deviations_are_those_of_the_planes():
    variances = np.zeros((3, 3, 2))
    variances[0], variances[1], variances[2, 0] = 4.0, 16.0, 3.0
    assert np.allclose(component_variances(variances), 3 * 4 / 4 + 3 * 16 / 16 + 3)


@pytest.mark.parametrize("damage", ["missing", "shape", "nan"])
def test_damaged_weights_are_refused(damage):
    arrays = repairer().to_arrays()
    name = "repair.faithful.first.weight"
    if damage == "missing":
        del arrays[name]
    elif damage == "shape":
        arrays[name] = arrays[name][:, :-1]
    else:
        arrays[name] = np.full_like(arrays[name], np.nan)
    with pytest.raises(StreamError, match="repairing network"):
        Repairer.from_arrays(arrays)


def scene(seed, side=40):
    random = np.random.default_rng(seed)
    spectra = np.random.default_rng(99).uniform(200, 4000, (3, 8))
    places = np.stack(np.mgrid[:side, :side]) / 6
    waves = np.sin(np.tensordot(random.uniform(0, 3, (3, 2)), places, 1))  # (3, H, W)
    values = 1500 + np.tensordot(np.where(waves > 0, 1.0, -0.5), spectra, (0, 0))
    return make_scene(np.rint(values).astype(np.int16), name=f"made-{seed}")


SETTINGS = {"steps": 60, "batch": 256, "draws": 1}


@pytest.fixture(scope="module")
def codec():
    repair = {"repair_faithful_steps": 40, "repair_realistic_steps": 3}
    return KltContextCodec().fit([scene(1), scene(2)], KltContextConfig(**SETTINGS, **repair))


@pytest.fixture(scope="module")
def plain():
    """The same codec without repairing networks."""
    return KltContextCodec().fit([scene(1), scene(2)], KltContextConfig(**SETTINGS))


def decoded_by(codec, coded_scene, step, realistic=False):
    height, width, bands = coded_scene["values"].shape
    encoder = codec.encoder(survey_scene(coded_scene), step)
    values = np.moveaxis(coded_scene["values"].values, -1, 0).astype(np.float32)
    draft = encoder.encode_tile(values)
    payload, finished = encoder.finish_tile(values, draft)
    assert len(payload) == len(draft)
    header = Header(codec.number, codec.model_hash, height, width, bands, "int16", codec.tile_px)
    decoder = codec.decoder(header, encoder.side, realistic=realistic)
    decoded = decoder.decode_tile(payload, height, width)
    assert realistic or np.array_equal(decoded, finished)
    return decoded, values, payload


def test_a_repaired_scene_is_nearer_to_the_original_at_the_same_bytes(codec, plain):
    for step in (50.0, 400.0):
        repaired, values, payload = decoded_by(codec, scene(3), step)
        decoded, _, plain_payload = decoded_by(plain, scene(3), step)
        assert np.square(repaired - values).mean() <= np.square(decoded - values).mean()
        assert split_choice(payload)[0] == plain_payload


def test_a_codec_without_networks_has_one_decoder(plain):
    with pytest.raises(InputError, match="no realistic decoder"):
        decoded_by(plain, scene(3), 400.0, realistic=True)


def test_both_decoders_read_the_same_file(codec):
    faithful, _, payload = decoded_by(codec, scene(3), 400.0)
    realistic, _, same = decoded_by(codec, scene(3), 400.0, realistic=True)
    assert payload == same
    assert not np.array_equal(faithful, realistic)
    assert np.array_equal(realistic, decoded_by(codec, scene(3), 400.0, realistic=True)[0])


def test_repairing_networks_are_taken_from_another_model(codec, plain, tmp_path):
    codec.save(tmp_path / "model.safetensors")
    taken = KltContextConfig(repair_from=str(tmp_path / "model.safetensors"), **SETTINGS)
    other = KltContextCodec().fit([scene(4)], taken)
    assert other.describe()["repaired_on"] == ["made-1", "made-2"]
    arrays = other.repairer.to_arrays()
    for name, array in codec.repairer.to_arrays().items():
        assert np.array_equal(arrays[name], array), name
    plain.save(tmp_path / "plain.safetensors")
    refused = KltContextConfig(repair_from=str(tmp_path / "plain.safetensors"), **SETTINGS)
    with pytest.raises(InputError, match="no repairing networks"):
        KltContextCodec().fit([scene(4)], refused)


def test_a_tile_is_finished_alike_with_a_draft_and_without(codec, plain):
    coded_scene = scene(3)
    values = np.moveaxis(coded_scene["values"].values, -1, 0).astype(np.float32)
    for each, step in ((codec, 30.0), (codec, 400.0), (plain, 30.0), (codec, 1e9)):
        encoder = each.encoder(survey_scene(coded_scene), step)
        payload, decoded = encoder.finish_tile(values)
        again, same = encoder.finish_tile(values, encoder.encode_tile(values))
        assert payload == again
        assert np.array_equal(decoded, same)


def test_an_interrupted_training_is_usable_and_continues_bit_for_bit(tmp_path, monkeypatch):
    repair = {"repair_faithful_steps": 12, "repair_realistic_steps": 3}
    config = KltContextConfig(**SETTINGS, **repair)
    scenes = [scene(1), scene(2)]
    whole = KltContextCodec().fit(scenes, config)
    assert whole.describe()["steps"] == config.all_steps

    tell = component_repair._tell

    def stop_after_the_fifth_step(state, *rest):
        if state.step == 4 and "faithful" in state.modules:
            os.kill(os.getpid(), signal.SIGINT)
        tell(state, *rest)

    around = Training(run=RunFolder.create(tmp_path / "run", {"seed": 0}))
    with monkeypatch.context() as patched:
        patched.setattr(component_repair, "_tell", stop_after_the_fifth_step)
        stopped = KltContextCodec().fit(scenes, config, around)
    assert stopped.describe()["steps"] == SETTINGS["steps"] + 5
    assert not stopped.has_realistic
    decoded_by(stopped, scene(3), 400.0)

    monkeypatch.setattr(klt_context_fit, "fit_model", None)  # what is kept is not learned again
    continued = KltContextCodec().fit(scenes, config, around)
    assert continued.model_bytes == whole.model_bytes
    with pytest.raises(RunError, match="other pixels"):
        KltContextCodec().fit([scene(1), scene(4)], config, around)
