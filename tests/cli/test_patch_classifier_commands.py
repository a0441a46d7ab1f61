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
from hsigan.errors import InputError, RecipeError, RunError, SplitError
from hsigan.sampling import Split, SplitOptions, gather_pixels, split_scenes
from hsigan.sampling.patches import cut_patches
from hsigan.scene import open_scene, simulate_scene, write_scene
from hsigan.synthesis import Samples
from hsigan.synthesis.scene_parts import GanOptions
from hsigan.synthesis.scene_run import train_on_scenes
from hsigan.training.classifier import ClassifierTraining

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
    told = _run(*words, "--allow-leak", "--out", folder / "insisted")
    assert "inside their 5 x 5 patch: accuracy on them tells memory" in told


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


@pytest.fixture(scope="module")
def gan(folder: Path) -> Path:
    """Return a GAN of patches, trained on the split's training pixels."""
    quick = {"steps": 2, "batch": 4, "width": 4}
    options = GanOptions("factorised-conditional", quick, patch_px=5)
    scene, split = open_scene(folder / "scene.tif"), Split.load(folder / "split.npz")
    train_on_scenes([scene], split, folder / "gan", options)
    return folder / "gan"


@pytest.mark.parametrize("tuning", ["frozen", "fine-tuned"])
def test_a_critic_classifies_by_its_features(
    tuning: str, folder: Path, gan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = ClassifierTraining(batch=16, max_steps=8, learning_rate=1e-3)
    monkeypatch.setattr("hsigan.classification.critic_features.TRAINING", quick)
    scene, split, run = folder / "scene.tif", folder / "split.npz", folder / f"critic-{tuning}"
    trained = _run(
        "train", scene, "--split", split, "--critic", gan, "--augment", "flips-rotations",
        "--out", run, *(() if tuning == "frozen" else ("--set", f"tuning={tuning}")),
    )  # fmt: skip
    assert f"critic {{'tuning': '{tuning}'}}" in trained
    promised = next(line for line in trained.splitlines() if line.startswith("test part"))
    mapped = _run("classify", run, scene, "-o", folder / "critic.tif")
    assert promised.removeprefix("test part: ") in mapped
    assert load_classifier(run).patch_px == 5
    # The run stands alone: the GAN that it was made from is not needed.
    state = run / "gan" / "checkpoints" / "generator.safetensors"
    state.write_bytes(state.read_bytes()[:-40])
    with pytest.raises(RunError, match="damaged"):
        load_classifier(run)


def test_critics_that_cannot_classify_are_refused(folder: Path, gan: Path) -> None:
    scene, split = folder / "scene.tif", folder / "split.npz"
    words = ("train", scene, "--split", split, "--out", folder / "refused", "--critic")
    for more, message in (
        (("--patch", 7), "leave out --patch"),
        (("--classifier", "lda"), "leave out --classifier"),
        (("--set", "tuning=warm"), "frozen or fine-tuned"),
        (("--set", "steps=4"), "no setting 'steps'"),
        (("--augment", "auto"), "name what to add"),
    ):
        with pytest.raises(InputError, match=message):
            _run(*words, gan, *more)
    opened, parts = [open_scene(scene)], Split.load(split)
    spectra = GanOptions(settings={"steps": 2, "batch": 8, "width": 4})
    train_on_scenes(opened, parts, folder / "spectral", spectra)
    with pytest.raises(InputError, match="one of patches"):
        _run(*words, folder / "spectral")
    untrained = GanOptions("patch", {"steps": 0}, patch_px=5)
    train_on_scenes(opened, parts, folder / "untrained", untrained)
    with pytest.raises(InputError, match="critic was not trained"):
        _run(*words, folder / "untrained")
    write_scene(simulate_scene(height=40, width=40, bands=20, classes=3, seed=5), folder / "b.tif")
    with pytest.raises(InputError, match="20 usable ones"):
        _run("train", folder / "b.tif", "--out", folder / "refused", "--critic", gan)
    seen = SplitOptions(mode="blocks", train=0.5, block_px=10, patch_px=5, seed=2)
    split_scenes(opened, seen).save(folder / "other.npz")
    with pytest.raises(RunError, match="pixels that this split"):
        _run("train", scene, "--split", folder / "other.npz", "--out", folder / "refused",
             "--critic", gan)  # fmt: skip
    assert not (folder / "refused").exists()
