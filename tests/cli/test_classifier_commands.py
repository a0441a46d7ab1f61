"""`hsigan train classifier`, `hsigan classify`, `hsigan evaluate augmentation`, end to end."""

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from hsigan.classification import load_classifier
from hsigan.cli.classify import classify_command
from hsigan.cli.evaluate_augmentation import evaluate_augmentation_command
from hsigan.cli.train_classifier import train_classifier_command
from hsigan.errors import InputError, LabelError, RunError
from hsigan.sampling import Split, SplitOptions, split_scenes
from hsigan.sampling.pixels import gather_pixels
from hsigan.scene import open_scene, simulate_scene, write_scene
from hsigan.synthesis import Samples
from hsigan.synthesis.scene_parts import GanOptions
from hsigan.synthesis.scene_run import train_on_scenes

app = typer.Typer()
app.command("train")(train_classifier_command)
app.command("classify")(classify_command)
app.command("evaluate")(evaluate_augmentation_command)


def _run(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a scene, its labels and a split."""
    path = tmp_path_factory.mktemp("scene")
    scene = simulate_scene(height=32, width=32, bands=16, classes=3, seed=5)
    write_scene(scene, path / "scene.tif")
    split_scenes([scene], SplitOptions(train=0.2, seed=1)).save(path / "split.npz")
    return path


def test_train_then_classify_gives_the_accuracy_that_was_promised(folder: Path) -> None:
    scene, split, run = folder / "scene.tif", folder / "split.npz", folder / "lda"
    trained = _run(
        "train", scene, "--split", split, "--classifier", "lda", "--augment", "gaussian",
        "--out", run,
    )  # fmt: skip
    promised = next(line for line in trained.splitlines() if line.startswith("test part"))
    mapped = _run("classify", run, scene, "-o", folder / "map.tif")
    assert "the test part of the run's split" in mapped
    assert promised.removeprefix("test part: ") in mapped
    table = np.loadtxt(folder / "map_confusion.csv", delimiter=",", skiprows=1)
    with np.load(split) as arrays:
        assert table[:, 1:].sum() == arrays["test"].sum()
    with pytest.raises(RunError, match="holds a run already"):
        _run("train", scene, "--out", run)


def test_auto_that_declines_is_the_classifier_of_real_pixels(folder: Path) -> None:
    scene, split = folder / "scene.tif", folder / "split.npz"
    auto = _run(
        "train", scene, "--split", split, "--augment", "auto", "--out", folder / "auto",
        "--auto-methods", "gaussian,gain-offset",
    )  # fmt: skip
    _run("train", scene, "--split", split, "--out", folder / "real")
    a, b = (load_classifier(folder / name) for name in ("auto", "real"))
    assert "auto chose" in auto
    if a.facts["augmentation"]["chosen"] == "none":
        np.testing.assert_array_equal(a.classifier.mean_, b.classifier.mean_)
        assert a.facts["training_pixels"]["synthetic"] == 0


def test_samples_files_are_added_whole_and_checked(folder: Path) -> None:
    scene = folder / "scene.tif"
    pixels = gather_pixels([simulate_scene(height=32, width=32, bands=16, classes=3, seed=5)],
                           "labelled")  # fmt: skip
    file = folder / "samples.npz"
    Samples(pixels.spectra[:50], pixels.labels[:50]).save(file)
    _run("train", scene, "--augment", file, "--out", folder / "with")
    facts = load_classifier(folder / "with").facts
    assert facts["training_pixels"] == {"real": len(pixels), "synthetic": 50}
    Samples(pixels.spectra[:, :9], pixels.labels).save(file)
    with pytest.raises(InputError, match="9 bands"):
        _run("train", scene, "--augment", file, "--out", folder / "bands")
    Samples(pixels.spectra, pixels.labels + 70).save(file)
    with pytest.raises(LabelError, match="none of which"):
        _run("train", scene, "--augment", file, "--out", folder / "classes")
    with pytest.raises(InputError, match="--augment takes"):
        _run("train", scene, "--augment", "gausian", "--out", folder / "wrong")
    assert not (folder / "wrong").exists()


def test_a_gan_that_has_seen_test_pixels_is_refused(folder: Path) -> None:
    scene, split = folder / "scene.tif", folder / "split.npz"
    opened = [open_scene(scene)]
    quick = GanOptions(settings={"steps": 2, "batch": 16, "width": 8})
    train_on_scenes(opened, Split.load(split), folder / "gan_honest", quick)
    train_on_scenes(opened, None, folder / "gan_all", quick)
    other = split_scenes(opened, SplitOptions(train=0.2, seed=2))
    train_on_scenes(opened, other, folder / "gan_other", quick)
    train = ("train", scene, "--split", split)
    _run(*train, "--augment", folder / "gan_honest", "--out", folder / "honest")
    for name, words in (("gan_all", "may have seen"), ("gan_other", "pixels that this split")):
        with pytest.raises(RunError, match=words):
            _run(*train, "--augment", folder / name, "--out", folder / "seen")
    # Without a split nothing is held out that could be judged wrongly.
    _run("train", scene, "--augment", folder / "gan_all", "--out", folder / "everything")
    assert not (folder / "seen").exists()


def test_the_experiment_prints_paired_gains_and_leaves_results(folder: Path) -> None:
    output = folder / "results"
    words = ("evaluate", folder / "scene.tif", "-o", output, "--seeds", 2, "--classifiers", "lda",
             "--methods", "none,gaussian,auto", "--amounts", "0.5,2", "--set",
             "split={mode='random', train=0.2}", "--processes", 1)  # fmt: skip
    printed = _run(*words)
    assert "gaussian" in printed
    lines = (output / "results.jsonl").read_text().splitlines()
    amounts = {(r["method"], r["amount"]) for r in map(json.loads, lines)}
    assert amounts == {("none", None), ("gaussian", 0.5), ("gaussian", 2.0), ("auto", None)}
    assert json.loads((output / "experiment.json").read_text())["seeds"] == [0, 1]
    assert (output / "summary.csv").is_file()
    _run(*words)
    assert (output / "results.jsonl").read_text().splitlines() == lines


def test_mistakes_are_named(folder: Path) -> None:
    with pytest.raises(InputError, match="--amounts takes numbers"):
        _run("evaluate", folder / "scene.tif", "--amounts", "many")
    with pytest.raises(InputError, match="no scene was given"):
        _run("evaluate")
    with pytest.raises(RunError, match="no trained classifier"):
        _run("classify", folder, folder / "scene.tif")
