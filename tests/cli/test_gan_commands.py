"""`hsigan train gan`, `sample` and `interpolate` on a small simulated scene."""

import json
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from hsigan import cli
from hsigan.sampling import SplitOptions, split_scenes
from hsigan.scene import read_spectral_library, simulate_scene, write_scene
from hsigan.scene.dataset import class_names_of
from hsigan.synthesis import SpectralGAN
from hsigan.synthesis.samples import load_samples
from hsigan.synthesis.scene_parts import GanOptions
from hsigan.synthesis.scene_run import train_on_scenes
from hsigan.training.run_folder import RunFolder

QUICK = ["--set", "steps=4", "--set", "batch=16", "--set", "width=8"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A scene, the same without labels, a split, and a trained run."""
    path = tmp_path_factory.mktemp("gan")
    scene = simulate_scene(24, 20, 12, 3, seed=1)
    write_scene(scene, path / "scene.nc")
    write_scene(scene.drop_vars("label"), path / "bare.nc")
    # Validation pixels enough that the spectral GAN has something to choose its checkpoint by.
    options = SplitOptions(mode="random", train=0.6, validation=0.5, seed=0)
    split_scenes([scene], options).save(path / "split.npz")
    settings = {"steps": 4, "batch": 16, "width": 8, "validate_every": 1}
    train_on_scenes([scene], None, path / "run", GanOptions(settings=settings))
    return path


@pytest.fixture
def hsigan(folder, monkeypatch, capsys):
    """Run the command line; return its exit status and what it printed."""
    monkeypatch.chdir(folder)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hsigan", *map(str, arguments)])
        status = 0
        try:
            cli.main()
        except SystemExit as end:
            status = int(end.code or 0)
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


def refused(result, *words):
    """An error is one line on stderr that says the words, and exit status 2."""
    status, _, err = result
    assert status == 2, result
    assert err.startswith("hsigan: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err, err


@pytest.mark.parametrize("recipe", ["spectral", "hypergan", "spectral-semi-supervised"])
def test_train_then_sample(hsigan, folder, tmp_path, recipe):
    run = tmp_path / "run"
    status, out, _ = hsigan(
        "train", "gan", "scene.nc", "--split", "split.npz", "--recipe", recipe, "--out", run, *QUICK
    )
    assert status == 0
    assert "4 of 4 steps, 3 classes" in out
    assert "interrupted" not in out
    facts = json.loads((run / "scene.json").read_text())
    assert facts["pixels"]["training"] > 0
    assert facts["pixels"]["validation"] > 0
    assert (facts["pixels"]["unlabelled"] > 0) == recipe.endswith("semi-supervised")
    assert (run / "split.npz").is_file()
    assert hsigan("sample", run, "-n", 5, "-o", run / "s.npz")[0] == 0
    samples = load_samples(run / "s.npz")
    assert samples.spectra.shape == (15, 12)
    assert samples.provenance["recipe"] == recipe
    assert samples.provenance["step"] == 4
    assert samples.provenance["run"] == "run"
    assert samples.class_names == class_names_of(simulate_scene(24, 20, 12, 3, seed=1))


def test_without_a_split_all_labels_train_and_fewer_steps_are_no_interruption(hsigan, tmp_path):
    status, out, _ = hsigan("train", "gan", "scene.nc", "--out", tmp_path / "run", *QUICK)
    assert status == 0
    assert "interrupted" not in out


def test_an_unsupervised_run_needs_no_label_anywhere(hsigan, tmp_path):
    run = tmp_path / "run"
    mode = ["--set", "mode=unsupervised"]
    assert hsigan("train", "gan", "bare.nc", "--out", run, *QUICK, *mode)[0] == 0
    assert hsigan("sample", run, "-n", 6, "-o", run / "s.npz")[0] == 0
    assert load_samples(run / "s.npz").labels.tolist() == [0] * 6
    refused(hsigan("train", "gan", "bare.nc", "--out", tmp_path / "other", *QUICK), "label")
    assert not (tmp_path / "other").exists()


def test_an_unsupervised_run_forgets_the_labels_of_its_scene(hsigan, tmp_path):
    run, blind = tmp_path / "run", ["--set", "mode=unsupervised"]
    assert hsigan("train", "gan", "scene.nc", "--out", run, *QUICK, *blind)[0] == 0
    facts = json.loads((run / "scene.json").read_text())
    assert facts["class_names"] == {"0": "class 0"}
    assert facts["training_counts"] == {"0": 24 * 20}
    within = ["--from", 0, "--to", 0, "--steps", 3]
    assert hsigan("interpolate", run, *within, "-o", run / "walk.npz")[0] == 0
    assert len(load_samples(run / "walk.npz").labels) == 3


def test_resume_goes_on_and_refuses_what_does_not_fit(hsigan, folder, tmp_path, monkeypatch):
    run = tmp_path / "run"
    base = ["train", "gan", "scene.nc", "--split", "split.npz", "--out", run, *QUICK]
    every = ["--set", "validate_every=1"]

    log = RunFolder.log

    def stop_at_two(self, record):
        log(self, record)
        if record["step"] == 2:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr("hsigan.training.run_folder.RunFolder.log", stop_at_two)
        status, out, err = hsigan(*base, *every)
    assert status == 0
    assert err == ""
    assert "2 of 4 steps" in out
    assert "--resume continues it" in out
    assert hsigan("sample", run, "-n", 2, "-o", tmp_path / "part.npz")[0] == 0
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    refused(hsigan(*base, *every), "holds a run already", "--resume")
    refused(hsigan(*base, *every, "--resume", "--set", "width=9"), "settings.width")
    other = [argument if argument != "scene.nc" else "other.nc" for argument in base]
    scene = simulate_scene(24, 20, 12, 3, seed=1)
    write_scene(scene.assign(values=scene["values"] + 1), folder / "other.nc")
    refused(hsigan(*other, *every, "--resume"), "started with other")
    kept = {path: path.read_bytes() for path in before if path.name != "environment.json"}
    assert all(before[path] == content for path, content in kept.items())
    status, out, _ = hsigan(*base, *every, "--resume")
    assert (status, "4 of 4 steps" in out) == (0, True)
    fresh = [argument if argument is not run else tmp_path / "fresh" for argument in base]
    assert hsigan(*fresh, *every)[0] == 0
    drawn = []
    for name in ("run", "fresh"):
        assert hsigan("sample", tmp_path / name, "-n", 9, "-o", tmp_path / f"{name}.npz")[0] == 0
        drawn.append(load_samples(tmp_path / f"{name}.npz").spectra)
    np.testing.assert_array_equal(*drawn)


def test_sample_takes_names_ids_and_formats(hsigan, tmp_path):
    name = class_names_of(simulate_scene(24, 20, 12, 3, seed=1))[2]
    for wanted in (name, name.upper(), "2"):
        arguments = ["sample", "run", "-n", 4, "--class", wanted, "-o", tmp_path / "a.sli"]
        assert hsigan(*arguments)[0] == 0
        assert read_spectral_library(tmp_path / "a.sli").labels.tolist() == [2] * 4
    assert hsigan("sample", "run", "-n", 3, "-o", tmp_path / "a.parquet")[0] == 0
    seeds = []
    for seed in (1, 1, 2):
        hsigan("sample", "run", "-n", 3, "--seed", seed, "-o", tmp_path / "a.npz")
        seeds.append(load_samples(tmp_path / "a.npz").spectra)
    np.testing.assert_array_equal(seeds[0], seeds[1])
    assert not np.array_equal(seeds[0], seeds[2])


def test_what_is_streamed_to_disk_is_what_the_gan_draws(hsigan, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(SpectralGAN, "block", 7)
    spectra, labels = SpectralGAN.load(folder / "run").sample(20, random_state=5)
    assert hsigan("sample", "run", "-n", 20, "--seed", 5, "-o", tmp_path / "a.npz")[0] == 0
    samples = load_samples(tmp_path / "a.npz")
    np.testing.assert_array_equal(samples.spectra, spectra)
    np.testing.assert_array_equal(samples.labels, labels)


def test_interpolate_walks_within_between_and_mixes(hsigan, tmp_path):
    path = tmp_path / "a.npz"
    within = ["--from", 2, "--to", 2]
    for ways in (["--from", 1, "--to", 3], within, ["--weights", "1=0.3,2=0.7"]):
        assert hsigan("interpolate", "run", *ways, "--steps", 5, "-o", path)[0] == 0
        samples = load_samples(path)
        assert samples.spectra.shape == (5, 12)
        assert set(samples.labels.tolist()) == {2 if ways is within else 0}
        assert samples.provenance.keys() & {"from", "weights"}
    refused(hsigan("interpolate", "run", "--from", 1, "-o", path), "--from and --to")
    refused(hsigan("interpolate", "run", "--weights", "1=x", "-o", path), "--weights takes")
    twice = ["--weights", "1=0.3,1=0.7"]
    refused(hsigan("interpolate", "run", *twice, "-o", path), "each class once")
    both = ["--weights", "1=0.3,2=0.7", "--from", 1]
    refused(hsigan("interpolate", "run", *both, "-o", path), "--from and --to, or --weights")
    for shares in ("1=-1,2=2", "1=inf", "1=nan,2=1", "1=1e308,2=1e308"):
        refused(hsigan("interpolate", "run", "--weights", shares, "-o", path), "negative", "finite")
    refused(hsigan("interpolate", "run", "--from", 1, "--to", "Mars", "-o", path), "Mars")


def test_mistakes_become_one_line_and_status_2(hsigan, folder, tmp_path):
    gan = ["train", "gan", "scene.nc", "--out", tmp_path / "none"]
    refused(hsigan(*gan, "--set", "step=3"), "did you mean 'steps'")
    refused(hsigan(*gan, "--recipe", "spectrl"), "did you mean 'spectral'")
    refused(hsigan(*gan, "--split", "nowhere.npz"), "nowhere.npz")
    refused(hsigan(*gan, "--device", "tpu"), "device")
    refused(hsigan("train", "gan", "nowhere.nc", "--out", tmp_path / "none"), "nowhere.nc")
    refused(hsigan("sample", tmp_path, "-o", tmp_path / "a.npz"), "not a run folder")
    refused(hsigan("sample", "run", "-o", tmp_path / "a.csv"), ".npz")
    refused(hsigan("sample", "run", "--class", "Mars", "-o", tmp_path / "a.npz"), "Mars")
    assert hsigan("sample", "run", "--seed", -1, "-o", tmp_path / "a.npz")[0] == 2
    assert list(tmp_path.glob("*.npz")) == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"names": 3', None])
def test_a_damaged_scene_file_is_refused(hsigan, folder, content):
    path = Path(folder / "run" / "scene.json")
    whole = path.read_text()
    try:
        path.unlink() if content is None else path.write_text(content)
        refused(hsigan("sample", "run", "-o", "a.npz"), "scene.json is missing or damaged")
    finally:
        path.write_text(whole)


def test_a_scene_of_one_band_is_refused_with_advice(hsigan, tmp_path):
    write_scene(simulate_scene(24, 20, 1, 3, seed=1), tmp_path / "one.nc")
    refused(hsigan("train", "gan", tmp_path / "one.nc", "--out", tmp_path / "run"), "more bands")
    assert not (tmp_path / "run").exists()
