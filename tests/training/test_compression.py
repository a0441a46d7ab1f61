"""The two-stage training of codecs: resuming, stopping, what each stage trains, its losses."""

import signal

import pytest
import torch
from compression_scenes import BANDS, config, scene

from hsigan.errors import DivergedError, DownloadError, InputError
from hsigan.models.perceptual import LPIPS, SpectralSpatialDistance
from hsigan.training.compression import rate_controls, train_compression
from hsigan.training.compression_inputs import prepare_compression
from hsigan.training.perceptual_weights import WeightFile as File
from hsigan.training.perceptual_weights import fetch, perceptual_distance, read_weights
from hsigan.training.run_folder import RunFolder

CPU = torch.device("cpu")


def train(run=None, report=None, seed=3, **settings):
    chosen = config(**settings)
    inputs = prepare_compression([scene(1), scene(2)], [scene(5)], chosen, seed, CPU)
    return train_compression(
        inputs.data, inputs.model, chosen, seed, inputs.distortion, run, report
    )


def weights(trained):
    found = {}
    for name, module in trained.state.modules.items():
        found |= {f"{name}.{key}": t.clone() for key, t in module.state_dict().items()}
    return found


def assert_same(first, second):
    assert [key for key in first if not torch.equal(first[key], second[key])] == []


@pytest.mark.parametrize("stop", [2, 4, 5])
def test_a_run_that_was_stopped_in_either_stage_goes_on_bit_for_bit(tmp_path, stop):
    whole = train(gan_trains="generator")
    folder = RunFolder.create(tmp_path / "run", {"steps": 7})
    steps = {"steps": 4, "gan_steps": 3, "gan_trains": "generator"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hsigan.training.state.any_process", _stop_at(stop))
        first = train(folder, **steps)
    assert (first.state.step, first.state.interrupted) == (stop, True)
    assert (first.faithful is None) == (stop < 5)
    again = train(folder, **steps)
    assert_same(weights(again), weights(whole))
    assert_same(again.model.state_dict(), whole.model.state_dict())


def _stop_at(step):
    count = {"steps": 0}

    def answer(*flags):
        count["steps"] += 1
        return count["steps"] >= step, False

    return answer


def test_ctrl_c_leaves_a_run_that_can_be_used(tmp_path):
    folder = RunFolder.create(tmp_path / "run", {"steps": 7})

    def interrupt(step, values):
        signal.raise_signal(signal.SIGINT)

    stopped = train(folder, interrupt)
    assert stopped.state.interrupted
    assert folder.has("state")
    assert stopped.state.step == 2


def test_the_second_stage_leaves_encoder_and_entropy_model_where_it_should():
    first = train(gan_steps=0)
    both = train(gan_trains="generator")
    before, after = first.model.state_dict(), both.model.state_dict()
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert changed
    assert all(key.startswith("core.generator.") for key in changed)
    kept = {key.removeprefix("core.generator."): t for key, t in before.items()}
    assert_same(both.faithful, kept)
    everything = train(gan_trains="all")
    assert everything.faithful is None
    moved = everything.model.state_dict()
    assert not torch.equal(
        moved["core.encoder.network.layers.0.weight"],
        before["core.encoder.network.layers.0.weight"],
    )


def test_the_log_names_lambda_rates_and_figures_of_held_out_scenes(tmp_path):
    seen = {}
    train(None, lambda step, values: seen.update({step: dict(values)}))
    assert list(seen) == [2, 4, 6, 7]
    last = seen[7]
    assert last["bpppc"] == pytest.approx(last["bpp"] / BANDS)
    assert {"lambda", "held_out_bpp", "held_out_psnr_db", "adversarial", "critic"} <= set(last)
    assert "critic" not in seen[4]


def test_divergence_is_named():
    with pytest.raises(DivergedError, match="step"):
        train(learning_rate=1e30, ramp_steps=0)


def test_training_lowers_the_cost_of_scenes_that_it_has_not_seen():
    weight = 0.5
    rates = {"learning_rate": 1e-5, "entropy_rate": 300.0, "target_bpp": 1.0}
    both = {"weight_above": weight, "weight_below": weight}
    chosen = config(steps=60, gan_steps=0, validate_every=20, ssim_weight=0.0, **rates, **both)
    inputs = prepare_compression([scene(1), scene(2)], [scene(5, 64, 64)], chosen, 0, CPU)
    peak = inputs.data.held_out[0].scene.peak / (inputs.statistics.high - inputs.statistics.low)
    costs = []

    def note(step, values):
        squared = (255 * peak) ** 2 * 10 ** (-values["held_out_psnr_db"] / 10)
        costs.append(weight * values["held_out_bpp"] + chosen.mse_weight * squared)

    train_compression(inputs.data, inputs.model, chosen, 0, inputs.distortion, None, note)
    assert costs[-1] < costs[0]


def test_levels_of_a_tunable_codec_have_rates_between_lowest_and_highest():
    chosen = config(codec="hific-tunable", levels=3, lowest_bpp=0.2, target_bpp=0.8)
    targets = [control.rule.target_bpp for control in rate_controls(chosen, {})]
    assert targets == pytest.approx([0.2, 0.4, 0.8])


def test_lpips_is_taken_from_files_and_a_stand_in_says_so(tmp_path, monkeypatch):
    random = torch.Generator().manual_seed(0)
    state = {}
    for index, (inputs, outputs, kernel) in enumerate(LPIPS.sizes):
        name = LPIPS.names[index]
        shape = (outputs, inputs, kernel, kernel)
        state[f"features.{name}.weight"] = torch.randn(shape, generator=random) / 50
        state[f"features.{name}.bias"] = torch.zeros(outputs)
        state[f"lin{index}.model.1.weight"] = torch.rand(1, outputs, 1, 1, generator=random)
    path = tmp_path / "weights.pth"
    torch.save(state, path)
    module, said = perceptual_distance("auto", [path])
    assert isinstance(module, LPIPS)
    assert "weights.pth" in said

    def refuse(*args, **more):
        raise OSError("no network")

    monkeypatch.setattr("pooch.retrieve", refuse)
    stand_in, said = perceptual_distance("auto", folder=tmp_path / "empty")
    assert isinstance(stand_in, SpectralSpatialDistance)
    assert "stand-in" in said
    with pytest.raises(DownloadError, match="could not be fetched"):
        perceptual_distance("lpips", folder=tmp_path / "empty")


def test_weights_that_are_not_the_published_ones_are_refused(tmp_path):
    (tmp_path / "weights.pth").write_bytes(b"something else")
    with pytest.raises(DownloadError, match="SHA-256"):
        fetch(File("weights.pth", "https://example.org/weights.pth", "00000000"), tmp_path)
    with pytest.raises(InputError, match="weights"):
        read_weights(tmp_path / "weights.pth")
    with pytest.raises(InputError, match="cannot be read"):
        read_weights(tmp_path / "none.pth")
