"""`hsigan train gan --patch` and `hsigan sample` of patches; filling up classes."""

import json
import sys

import numpy as np
import pytest

from hsigan import cli
from hsigan.sampling import SplitOptions, split_scenes
from hsigan.scene import simulate_scene, write_scene
from hsigan.synthesis.samples import Samples, load_samples
from hsigan.synthesis.scene_run import open_run

QUICK = ["--set", "steps=2", "--set", "batch=4", "--set", "width=2", "--set", "noise=3"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A scene, a split by blocks for 5 x 5 patches, and one whose patches leak."""
    path = tmp_path_factory.mktemp("patches")
    scene = simulate_scene(40, 40, 18, 3, seed=1)
    write_scene(scene, path / "scene.nc")
    blocks = SplitOptions(mode="blocks", train=0.5, block_px=8, guard_px=2, patch_px=5, seed=0)
    split_scenes([scene], blocks).save(path / "split.npz")
    leaking = SplitOptions(mode="random", train=0.3, seed=0)
    split_scenes([scene], leaking).save(path / "leaking.npz")
    return path


@pytest.fixture
def hsigan(folder, monkeypatch, capsys):
    """Run the command line; return its exit status and what it printed."""
    monkeypatch.chdir(folder)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["hsigan", *map(str, arguments)])
        status = 0
        try:
            cli.main()
        except SystemExit as end:
            status = int(end.code or 0)
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


def train(hsigan, out, *more, patch=("--patch", 5), split="split.npz"):
    return hsigan("train", "gan", "scene.nc", "--out", out, *patch, "--split", split, *QUICK, *more)


@pytest.mark.parametrize("recipe", ["patch", "conv3d-conditional", "factorised-semi-supervised"])
def test_a_run_of_patches_is_drawn_from_as_one_of_spectra(recipe, hsigan, tmp_path):
    status, _, err = train(hsigan, tmp_path / "run", "--recipe", recipe)
    assert status == 0, err
    file = tmp_path / "patches.npz"
    status, out, err = hsigan("sample", tmp_path / "run", "-n", 4, "-o", file)
    assert status == 0, err
    assert "12 samples" in out
    samples = load_samples(file)
    assert samples.patches.shape == (12, 18, 5, 5)
    np.testing.assert_array_equal(samples.spectra, samples.patches[:, :, 2, 2])
    gan, scene = open_run(tmp_path / "run")
    drawn, labels = gan.sample(4, random_state=0)
    np.testing.assert_allclose(samples.patches, drawn, rtol=1e-5)
    assert samples.labels.tolist() == labels.tolist()
    assert scene.patch_px == gan.patch_px_ == 5
    assert (json.loads((tmp_path / "run/scene.json").read_text())["unlabelled"] is not None) == (
        "semi" in recipe
    )


@pytest.mark.parametrize(("recipe", "told"), [("patch", True), ("factorised-conditional", False)])
def test_that_no_step_was_kept_is_said(recipe, told, hsigan, tmp_path):
    still = "--recipe", recipe, "--set", "learning_rate=1e-30"
    status, out, err = train(hsigan, tmp_path / "run", *still)
    assert status == 0, err
    assert "2 of 2 steps" in out
    assert ("no step was shown to help" in out) == told


@pytest.mark.parametrize("patch", [("--patch", 5), ()])
def test_filled_up_classes_are_as_large_as_the_largest(patch, hsigan, tmp_path):
    assert train(hsigan, tmp_path / "run", patch=patch)[0] == 0
    status, out, err = hsigan("sample", tmp_path / "run", "--balance", "-o", tmp_path / "more.npz")
    assert status == 0, err
    counts = open_run(tmp_path / "run")[1].training_counts
    drawn = dict(
        zip(*np.unique(load_samples(tmp_path / "more.npz").labels, return_counts=True), strict=True)
    )
    assert f"{sum(drawn.values())} samples of {len(drawn)} class" in out
    together = {label: count + drawn.get(label, 0) for label, count in counts.items()}
    assert set(together.values()) == {max(counts.values())}
    assert hsigan("sample", tmp_path / "run", "--balance", "-n", 3, "-o", "x.npz")[0] == 2


def test_each_class_named_gets_the_number_asked_for(hsigan, tmp_path):
    assert train(hsigan, tmp_path / "run")[0] == 0
    names = open_run(tmp_path / "run")[1].class_names
    file = tmp_path / "some.npz"
    draw = "sample", tmp_path / "run", "-o", file, "--counts"
    status, out, err = hsigan(*draw, f"3=7, {names[1]}=2")
    assert status == 0, err
    assert "9 samples of 2 classes" in out
    assert load_samples(file).labels.tolist() == [3] * 7 + [1] * 2
    for text in ("3", "3=x", "=4", "3=-1", "3=1,3=2", "nothing=3", ""):
        status, _, err = hsigan(*draw, text)
        assert status == 2
        assert err.count("\n") == 1
    assert hsigan(*draw, "3=1", "--balance")[0] == 2
    assert hsigan(*draw, "3=1", "--class", 3)[0] == 2


def test_a_split_whose_patches_leak_is_refused_unless_one_insists(hsigan, tmp_path):
    status, _, err = train(hsigan, tmp_path / "run", split="leaking.npz")
    assert status == 2
    assert "5 x 5" in err
    assert not (tmp_path / "run").exists()
    blind = "--recipe", "factorised-conditional", "--set", "mode=unsupervised"
    assert train(hsigan, tmp_path / "run", *blind, split="leaking.npz")[0] == 2
    assert not (tmp_path / "run").exists()
    status, out, _ = train(hsigan, tmp_path / "run", "--allow-leak", split="leaking.npz")
    assert status == 0
    assert "tells memory as much as skill" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--recipe", "spectral"), "leave out --patch"),
        (("--patch", 2), "3 pixels or more"),
        (("--recipe", "conv4d"), "conv3d"),
    ],
)
def test_recipes_and_patches_that_do_not_go_together_are_refused(
    arguments, words, hsigan, tmp_path
):
    status, _, err = train(hsigan, tmp_path / "run", *arguments)
    assert status == 2
    assert words in err
    assert err.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", [("train", "gan"), ("evaluate", "synthesis")])
@pytest.mark.parametrize("side", [0, -3, 9.5])
def test_no_side_below_a_pixel_is_read_as_the_split_s(command, side, hsigan, tmp_path):
    given = "--split", "split.npz", "--patch", side, "--out", tmp_path / "out"
    status, _, err = hsigan(*command, "scene.nc", *given)
    assert status == 2
    assert "'--patch'" in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_patches_are_kept_as_npz_alone_and_must_fit(hsigan, tmp_path):
    assert train(hsigan, tmp_path / "run")[0] == 0
    status, _, err = hsigan("sample", tmp_path / "run", "-n", 2, "-o", tmp_path / "x.parquet")
    assert status == 2
    assert ".npz" in err
    patches = np.arange(2 * 3 * 5 * 5, dtype=np.float32).reshape(2, 3, 5, 5)
    np.savez(tmp_path / "bare.npz", patches=patches, labels=[1, 2])
    np.testing.assert_array_equal(load_samples(tmp_path / "bare.npz").spectra, patches[:, :, 2, 2])
    Samples(patches[:, :, 0, 0], np.array([1, 2]), patches=patches).save(tmp_path / "whole.npz")
    np.testing.assert_array_equal(load_samples(tmp_path / "whole.npz").patches, patches)
