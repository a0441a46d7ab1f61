"""Stopping, resuming, saving and diverging, for both objectives."""

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from hsigan.errors import DivergedError, RunError
from hsigan.models.generators import KernelGenerator
from hsigan.training import run_folder
from hsigan.training.hypergan import HyperganConfig, SpectraTensors, train_hypergan
from hsigan.training.run_folder import RunFolder
from hsigan.training.spectral import FeatureTensors, SpectralConfig, train_spectral

BANDS, CLASSES = 6, 2


def pixels(shift=0.0, seed=0):
    random = torch.Generator().manual_seed(seed)
    codes = torch.arange(40) % CLASSES
    spectra = 0.2 * torch.rand(40, BANDS, generator=random) + 0.3 * codes[:, None] + shift
    return spectra, codes


def hyper(run=None, report=None, seed=3, data=None, **settings):
    defaults = {"steps": 60, "batch": 8, "width": 12, "noise": 3, "report_every": 10}
    config = HyperganConfig(**{**defaults, "precision": "fp32", "mixup_alpha": 0.2, **settings})
    data = data or SpectraTensors(*pixels(), CLASSES)
    return train_hypergan(data, config, seed, run, report)


def density(anchors):
    torch.manual_seed(9)
    generator = KernelGenerator(BANDS, CLASSES, len(anchors), noise=3, width=12)
    generator.roots.copy_(torch.eye(BANDS).expand(CLASSES, -1, -1))
    generator.centres.copy_(anchors)
    generator.bandwidths.fill_(0.4)
    generator.counts.fill_(len(anchors) // CLASSES)
    generator.offsets.copy_(torch.arange(CLASSES) * (len(anchors) // CLASSES))
    return generator


def distances(generator):
    """A validation figure of the weights that falls as training goes on, then rises."""
    size = sum(float(p.abs().mean()) for p in generator.residual.parameters())
    return [(size - 0.36) ** 2, (size - 0.36) ** 2 + 0.1]


def spectral(run=None, report=None, seed=3, data=None, validate=distances, **settings):
    defaults = {"steps": 60, "batch": 8, "width": 12, "noise": 3, "validate_every": 10}
    spectra, codes = pixels()
    data = data or FeatureTensors(spectra, codes, CLASSES, spectra + 1)
    config = SpectralConfig(**{**defaults, "learning_rate": 1e-3, **settings})
    return train_spectral(data, density(spectra), config, seed, validate, run, report)


TRAININGS = {"hypergan": hyper, "spectral": spectral}
both = pytest.mark.parametrize("train", TRAININGS.values(), ids=TRAININGS.keys())


def everything(state):
    """All numbers that a training carries, weights and optimisers alike."""
    found = {"random": state.generator.get_state()}
    for name, module in state.modules.items():
        found |= {f"{name}.{key}": tensor for key, tensor in module.state_dict().items()}
    for name, optimiser in state.optimisers.items():
        for index, entries in optimiser.state_dict()["state"].items():
            found |= {f"{name}.{index}.{k}": torch.as_tensor(v) for k, v in entries.items()}
    return found


def assert_same(first, second):
    assert first.keys() == second.keys()
    different = [key for key in first if not torch.equal(first[key], second[key])]
    assert not different


def interrupt_at(step):
    def report(now, values):
        if now == step:
            signal.raise_signal(signal.SIGINT)

    return report


def save_at_every_step(monkeypatch):
    clock = SimpleNamespace(monotonic=itertools.count(1e9, 100).__next__)
    monkeypatch.setattr("hsigan.training.state.time", clock)


@both
def test_ctrl_c_leaves_a_run_that_continues_bit_for_bit(train, tmp_path):
    generator, whole = train()
    before = signal.getsignal(signal.SIGINT)
    _, part = train(RunFolder.create(tmp_path / "run", {}), interrupt_at(30))
    assert part.interrupted
    assert part.step == 30
    assert signal.getsignal(signal.SIGINT) is before
    resumed, state = train(RunFolder.create(tmp_path / "run", {}, resume=True))
    assert not state.interrupted
    assert state.step == 60
    assert state.numbers == whole.numbers
    assert_same(everything(state), everything(whole))
    assert_same(resumed.state_dict(), generator.state_dict())
    lines = (tmp_path / "run" / "stats.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [10, 20, 30, 40, 50, 60]


@both
def test_a_killed_run_continues_from_its_last_save(train, tmp_path, monkeypatch):
    class KilledError(Exception):
        pass

    def report(step, values):
        if step == 50:
            raise KilledError

    _, whole = train()
    save_at_every_step(monkeypatch)
    run = RunFolder.create(tmp_path / "run", {})
    with pytest.raises(KilledError):
        train(run, report)
    assert run.load("state")[1]["step"] == 49
    _, state = train(run)
    assert_same(everything(state), everything(whole))
    lines = (tmp_path / "run" / "stats.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [10, 20, 30, 40, 50, 60]


@both
def test_a_second_ctrl_c_stops_at_once(train):
    def report(step, values):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(report=report)
    assert signal.getsignal(signal.SIGINT) is before


@both
def test_the_seed_decides_the_weights_and_global_randomness_stays_untouched(train):
    torch.manual_seed(0)
    first = train(steps=5)[1]
    state = torch.random.get_rng_state()
    torch.manual_seed(1)
    second = train(steps=5)[1]
    torch.manual_seed(0)
    train(steps=5)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert_same(everything(first), everything(second))
    other = everything(train(steps=5, seed=4)[1])
    assert not torch.equal(
        other["critic.body.layers.0.weight"], first.modules["critic"].body.layers[0].weight
    )


@both
def test_a_finished_run_is_left_as_it_is(train, tmp_path):
    run = RunFolder.create(tmp_path, {})
    _, first = train(run)
    _, second = train(run, interrupt_at(10))
    assert_same(everything(first), everything(second))


@both
def test_divergence_names_step_and_tensor(train, tmp_path):
    run = RunFolder.create(tmp_path, {})
    with pytest.raises(DivergedError, match=r"step [12]\b.*weights \w+\.\w+.*learning rate"):
        train(run, learning_rate=1e30)
    assert not run.has("state")


@both
def test_infinite_pixels_are_named_too(train):
    spectra, codes = pixels()
    spectra[::3, 2] = float("inf")
    kind = SpectraTensors if train is hyper else FeatureTensors
    with pytest.raises(DivergedError, match="critic"):
        train(data=kind(spectra, codes, CLASSES))


@both
def test_weights_that_are_not_finite_are_never_saved(train, tmp_path, monkeypatch):
    save_at_every_step(monkeypatch)
    spectra, codes = pixels()
    run = RunFolder.create(tmp_path, {})
    train(run, steps=4)
    kept = everything(train(run, steps=4)[1])
    spectra[:, 2] = float("nan")
    kind = SpectraTensors if train is hyper else FeatureTensors
    with pytest.raises(DivergedError, match=r"step \d"):
        train(run, data=kind(spectra, codes, CLASSES), report_every=1000) if train is hyper else (
            train(run, data=kind(spectra, codes, CLASSES), validate_every=1000)
        )
    saved = run.load("state")[0]
    for key in ("generator", "critic"):
        names = [name for name in saved if name.startswith(f"module/{key}/")]
        assert all(torch.equal(saved[n], kept[f"{key}.{n.split('/')[2]}"]) for n in names)


@both
def test_a_full_disk_keeps_what_was_written(train, tmp_path, monkeypatch):
    run = RunFolder.create(tmp_path, {})
    train(run, interrupt_at(20))
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(tensors, path, metadata):
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(run_folder, "save_file", full)
        with pytest.raises(RunError, match=r"No space left.*kept"):
            train(run)
    now = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert now.keys() == files.keys()
    assert now["state.safetensors"] == files["state.safetensors"]
    assert_same(everything(train(run)[1]), everything(train()[1]))


@both
def test_a_damaged_state_is_refused(train, tmp_path):
    run = RunFolder.create(tmp_path, {})
    train(run, steps=2)
    path = tmp_path / "state.safetensors"
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:4], b"", b"\x00" * 100):
        path.write_bytes(content)
        with pytest.raises(RunError, match=r"damaged.*copy the run again"):
            train(run)
    path.write_bytes(whole)
    with pytest.raises(RunError, match="does not fit"):
        train(run, width=13)
    tensors, facts = run.load("state")
    for missing in ({**facts, "step": None}, {}):
        run.save("state", tensors, missing)
        with pytest.raises(RunError, match="does not fit"):
            train(run)
    run.save("state", {**tensors, "random": torch.zeros(3)}, facts)
    with pytest.raises(RunError, match="does not fit"):
        train(run)


def test_the_best_validated_average_is_returned(tmp_path):
    seen = []

    def validate(generator):
        seen.append([p.clone() for p in generator.residual.parameters()])
        figures = [5.0, 4.0, 2.0, 3.0, 3.5, 2.5, 9.0]
        return [figures[len(seen) - 1]]

    generator, state = spectral(validate=validate)
    assert state.numbers == {"best_step": 20.0, "best_distance": 2.0}
    for kept, best in zip(generator.residual.parameters(), seen[2], strict=True):
        assert torch.equal(kept, best)


def test_the_density_stays_where_gains_do_not_exceed_their_error():
    gains = iter([[1.0, 1.0, 1.0], *[[0.0, 1.9, 1.0]] * 6])
    generator, state = spectral(validate=lambda _: next(gains))
    assert state.numbers["best_step"] == 0
    assert generator.residual.linears[-1].weight.abs().max() == 0


def test_unlabelled_pixels_draw_spectral_fakes_towards_them():
    random = torch.Generator().manual_seed(5)
    labelled, codes = torch.randn(40, BANDS, generator=random), torch.arange(40) % CLASSES
    data = FeatureTensors(labelled, codes, CLASSES, torch.randn(200, BANDS, generator=random) + 1)
    means = []
    for weight in (0.0, 3.0):
        config = SpectralConfig(
            steps=60, batch=64, width=32, learning_rate=3e-3, unlabelled_weight=weight
        )
        generator, _ = train_spectral(data, density(labelled), config, 0)
        drawn = torch.arange(400) % CLASSES
        latents = generator.draw_latents(drawn, torch.Generator().manual_seed(0))
        with torch.no_grad():
            means.append(generator(latents, torch.eye(CLASSES)[drawn]).mean().item())
    assert means[0] == pytest.approx(0, abs=0.15)
    assert means[1] == pytest.approx(0.75, abs=0.25)  # between the labelled 0 and the unlabelled 1


def test_unlabelled_pixels_train_the_critic_and_never_the_classifier():
    spectra, codes = pixels()
    far = torch.ones(400, BANDS)
    with_far, without = (
        hyper(data=SpectraTensors(spectra, codes, CLASSES, unlabelled), steps=1, mixup_alpha=0)[1]
        for unlabelled in (far, None)
    )
    with_far, without = everything(with_far), everything(without)
    changed = {k.split(".")[0] for k in without if not torch.equal(with_far[k], without[k])}
    assert "critic" in changed
    assert "classifier" not in changed
    means = []
    for unlabelled in (far, None):
        data = SpectraTensors(spectra, codes, CLASSES, unlabelled)
        generator, _ = hyper(data=data, steps=150, learning_rate=2e-3)
        drawn = torch.arange(200) % CLASSES
        latents = generator.draw_latents(drawn, torch.Generator().manual_seed(0))
        means.append(generator(latents, torch.eye(CLASSES)[drawn]).mean().item())
    assert means[0] > means[1] + 0.05


def test_unsupervised_hypergan_needs_no_class():
    spectra, _ = pixels()
    data = SpectraTensors(spectra, torch.zeros(40, dtype=torch.int64), 1)
    generator, state = hyper(data=data, mode="unsupervised", steps=3)
    assert generator.classes == 0
    before = everything(hyper(data=data, mode="unsupervised", steps=1)[1])
    after = everything(state)
    changed = {k.split(".")[0] for k in before if not torch.equal(before[k], after[k])}
    assert "generator" in changed
    assert "classifier" not in changed


def test_bf16_trains_to_about_the_same_losses():
    seen = {}
    for precision in ("fp32", "bf16"):
        figures = []
        hyper(report=lambda _, v, f=figures: f.append(v), precision=precision, mixup_alpha=0)
        seen[precision] = figures[-1]
    assert seen["bf16"]["penalty"] == pytest.approx(seen["fp32"]["penalty"], rel=0.05)
    assert seen["bf16"]["classifier"] == pytest.approx(seen["fp32"]["classifier"], rel=0.05)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool])
def test_no_bit_of_the_weights_or_facts_can_flip_unseen(dtype, tmp_path):
    run = RunFolder(tmp_path)
    tensors = {"a": torch.ones(3, 2).to(dtype), "b": torch.tensor(1.0), "none": torch.empty(0)}
    run.save("w", tensors, {"width": 12})
    path = tmp_path / "w.safetensors"
    whole = path.read_bytes()
    for place in (len(whole) - 1, len(whole) - 9, whole.index(b"12")):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(RunError, match="damaged"):
            run.load("w")
    path.write_bytes(whole)
    loaded, facts = run.load("w")
    assert facts == {"width": 12}
    assert_same(loaded, tensors)


def test_weights_without_a_checksum_still_load(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "old.safetensors", metadata={"facts": "{}"})
    assert RunFolder(tmp_path).load("old")[0]["a"].tolist() == [1.0, 1.0]


def test_a_continued_run_says_what_started_it_and_what_went_on(tmp_path, monkeypatch):
    settings = {"recipe": "x"}
    for command in ("first", "second", "idle", "third"):
        told = {"command": command}
        monkeypatch.setattr(run_folder, "describe_environment", lambda told=told: told)
        run = RunFolder.create(tmp_path, settings, resume=True)
        hyper(run, steps={"first": 2, "second": 4, "idle": 4, "third": 6}[command])
    told = json.loads((tmp_path / "environment.json").read_text())
    assert told["command"] == "first"
    later = [{"after_step": 2, "command": "second"}, {"after_step": 4, "command": "third"}]
    assert told["continued"] == later


def test_a_run_keeps_its_settings(tmp_path):
    settings = {"recipe": "x", "settings": {"steps": 5, "rate": 1e-5, "name": 'a "b"'}}
    run = RunFolder.create(tmp_path, settings)
    assert run.config() == settings
    with pytest.raises(RunError, match="holds a run already"):
        RunFolder.create(tmp_path, settings)
    more = {**settings, "settings": {**settings["settings"], "steps": 9}}
    assert RunFolder.create(tmp_path, more, resume=True).config()["settings"]["steps"] == 9
    other = {**settings, "settings": {**settings["settings"], "rate": 2e-5}}
    with pytest.raises(RunError, match=r"other settings \(settings.rate\)"):
        RunFolder.create(tmp_path, other, resume=True)
    assert run.config() == more
    (tmp_path / "config.toml").write_text("recipe = ")
    with pytest.raises(RunError, match="damaged"):
        run.config()
    with pytest.raises(RunError, match="is not a run folder"):
        RunFolder(tmp_path / "none").config()


def test_a_training_without_its_settings_is_neither_continued_nor_begun_again(tmp_path):
    run = RunFolder.create(tmp_path, {"recipe": "x"})
    run.save("state", {"weight": torch.zeros(1)}, {})
    (tmp_path / "config.toml").unlink()
    for resume in (True, False):
        with pytest.raises(RunError, match=r"its config\.toml is gone"):
            RunFolder.create(tmp_path, {"recipe": "x"}, resume=resume)


RANKS = """
import sys
sys.path.insert(0, {tests!r})
import torch
import test_gan_runs as runs
from hsigan.training.distributed import joined_processes
from hsigan.training.run_folder import RunFolder
with joined_processes() as rank:
    for name, train in runs.TRAININGS.items():
        run = RunFolder.create({out!r} + "/" + name, {{}})
        every = {{"hypergan": "report_every", "spectral": "validate_every"}}[name]
        sizes = {{"steps": 8, "batch": 4, every: 2}}
        stop = runs.interrupt_at(4) if rank == 1 else None
        part = train(run, stop, **sizes)[1]
        assert part.interrupted and part.step == 4, (rank, part.step)
        resumed = runs.everything(train(run, None, **sizes)[1])
        runs.assert_same(resumed, runs.everything(train(None, None, **sizes)[1]))
        torch.save(resumed, {out!r} + f"/{{name}}-{{rank}}.pt")
"""


def test_two_processes_share_weights_and_stop_and_resume_together(tmp_path):
    script = tmp_path / "ranks.py"
    script.write_text(RANKS.format(tests=str(Path(__file__).parent), out=str(tmp_path)))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", str(script)]
    # the thread count that torchrun would warn about is set here
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for name, train in TRAININGS.items():
        first, second = (torch.load(tmp_path / f"{name}-{rank}.pt") for rank in (0, 1))
        assert not torch.equal(first.pop("random"), second.pop("random"))
        assert_same(first, second)
        # batches of both count: one process alone goes elsewhere
        alone = everything(train(steps=8, batch=4)[1])
        different = [key for key in first if not torch.equal(first[key], alone[key])]
        assert any(key.startswith("generator.") for key in different)
        lines = (tmp_path / name / "stats.jsonl").read_text().splitlines()
        assert [json.loads(line)["step"] for line in lines] == [2, 4, 6, 8]


def test_the_distance_of_the_papers_gan_is_told_and_chooses_nothing():
    told = {}

    def note(step, values):
        told[step] = values.get("distance")

    data = SpectraTensors(*pixels(), CLASSES)
    config = HyperganConfig(steps=25, batch=8, width=12, noise=3, report_every=1)
    watched = train_hypergan(data, config, 3, None, note, lambda generator: [1.0, 3.0])[0]
    assert {step for step, distance in told.items() if distance is not None} == {10, 20, 25}
    assert told[10] == 2.0
    plain = train_hypergan(data, config, 3)[0]
    for name, weight in plain.state_dict().items():
        assert torch.equal(weight, watched.state_dict()[name])
