"""The commands around classifiers of patches: train, classify, refuse."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
import typer
from typer.testing import CliRunner

from hsigan.classification import load_classifier
from hsigan.cli.classify import classify_command
from hsigan.cli.train_classifier import train_classifier_command
from hsigan.errors import InputError, RecipeError, SplitError
from hsigan.sampling import SplitOptions, gather_pixels, split_scenes
from hsigan.sampling.patches import cut_patches
from hsigan.scene import simulate_scene, write_scene
from hsigan.synthesis import Samples

app = typer.Typer()
app.command("train")(train_classifier_command)
app.command("classify")(classify_command)
QUICK = ("--set", "max_steps=8", "--set", "batch=16")


def _run(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a scene, its labels, a split for 5 x 5 patches and one that leaks."""
    path = tmp_path_factory.mktemp("scene")
    scene = simulate_scene(height=40, width=40, bands=16, classes=3, seed=5)
    write_scene(scene, path / "scene.tif")
    options = SplitOptions(mode="blocks", train=0.5, block_px=10, patch_px=5, seed=1)
    split_scenes([scene], options).save(path / "split.npz")
    split_scenes([scene], SplitOptions(train=0.2, seed=1)).save(path / "random.npz")
    return path


def test_train_then_classify_gives_the_accuracy_that_was_promised(folder: Path) -> None:
    scene, split, run = folder / "scene.tif", folder / "split.npz", folder / "ssftt"
    trained = _run(
        "train", scene, "--split", split, "--classifier", "ssftt", "--patch", 5, *QUICK,
        "--augment", "flips-rotations", "--out", run,
    )  # fmt: skip
    assert "synthetic patches of 5 x 5 pixels" in trained
    promised = next(line for line in trained.splitlines() if line.startswith("test part"))
    mapped = _run("classify", run, scene, "-o", folder / "map.tif")
    assert promised.removeprefix("test part: ") in mapped
    with rasterio.open(folder / "map.tif") as source:
        assert (source.read(1) > 0).all()
    assert load_classifier(run).patch_px == 5
    with pytest.raises(InputError, match="cpu or cuda"):
        _run("classify", run, scene, "--device", "tpu", "-o", folder / "no.tif")
    assert "patch_px = 5" in (run / "config.toml").read_text()


def test_hu_1d_reads_spectra_unless_told_otherwise(folder: Path) -> None:
    scene, split = folder / "scene.tif", folder / "random.npz"
    _run("train", scene, "--split", split, "--classifier", "hu-1d", *QUICK, "--out", folder / "hu")
    assert load_classifier(folder / "hu").patch_px == 1
    _run("classify", folder / "hu", scene, "-o", folder / "hu.tif")


def test_a_split_that_leaks_through_patches_is_refused_unless_insisted(folder: Path) -> None:
    words = ("train", folder / "scene.tif", "--split", folder / "random.npz", "--classifier",
             "ssftt", "--patch", 5, *QUICK)  # fmt: skip
    with pytest.raises(SplitError, match="5 x 5 patch"):
        _run(*words, "--out", folder / "leaks")
    assert not (folder / "leaks").exists()
    _run(*words, "--allow-leak", "--out", folder / "insisted")


def test_patches_of_a_samples_file_are_added(folder: Path) -> None:
    scene = simulate_scene(height=40, width=40, bands=16, classes=3, seed=5)
    pixels = gather_pixels([scene], "labelled")
    few = pixels.take(np.arange(30))
    patches = cut_patches([scene], few, 5)[:]
    Samples(few.spectra, few.labels, patches=patches).save(folder / "samples.npz")
    words = ("train", folder / "scene.tif", "--split", folder / "split.npz", "--classifier",
             "hybridsn", *QUICK, "--augment", folder / "samples.npz")  # fmt: skip
    _run(*words, "--patch", 5, "--out", folder / "with")
    assert load_classifier(folder / "with").facts["training_pixels"]["synthetic"] == 30
    with pytest.raises(InputError, match="holds 5 x 5 patches, but the classifier takes 3 x 3"):
        _run(*words, "--patch", 3, "--out", folder / "wrong")


def test_mistakes_are_named(folder: Path) -> None:
    words = ("train", folder / "scene.tif", "--split", folder / "split.npz", "--out", folder / "no")
    with pytest.raises(InputError, match="--classifier best compares classifiers of spectra"):
        _run(*words, "--classifier", "best", "--patch", 9)
    with pytest.raises(InputError, match="lda reads spectra"):
        _run(*words, "--patch", 5)
    with pytest.raises(InputError, match="cpu or cuda"):
        _run(*words, "--classifier", "ssftt", "--device", "tpu")
    for generator in ("patch", "flips-rotations"):
        with pytest.raises(InputError, match="makes patches, but lda sees single pixels: choose"):
            _run(*words, "--augment", generator)
    with pytest.raises(RecipeError, match="did you mean 'max_steps'"):
        _run(*words, "--classifier", "ssrn", "--set", "max_step=3")
    with pytest.raises(RecipeError, match="key=value"):
        _run(*words, "--classifier", "ssrn", "--set", "max_steps")
    assert not (folder / "no").exists()
