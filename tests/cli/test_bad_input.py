"""Bad input ends with one line that says what to do, exit status 2, and everything as it was."""

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from hsigan import cli
from hsigan.classification import mapping, save_classifier
from hsigan.evaluation.augmented_classifier import train_classifier_on_scenes
from hsigan.evaluation.classifier_options import ClassifierOptions
from hsigan.sampling import Split, SplitOptions, split_scenes
from hsigan.scene import simulate_scene, write_scene
from hsigan.training.run_folder import RunFolder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two scenes of one size, the first without labels too, and a split of the first."""
    path = tmp_path_factory.mktemp("bad")
    one, other = simulate_scene(24, 20, 12, 3, seed=1), simulate_scene(24, 20, 12, 3, seed=2)
    write_scene(one, path / "one.nc")
    write_scene(one.drop_vars("label"), path / "bare.nc")
    write_scene(other, path / "other.nc")
    split_scenes([one], SplitOptions(mode="random", train=0.3, seed=0)).save(path / "split.npz")
    return path


@pytest.fixture
def hsigan(folder, monkeypatch, capsys):
    """Run the command line; return its exit status and what it wrote to stderr."""
    monkeypatch.chdir(folder)

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["hsigan", *map(str, arguments)])
        status = 0
        try:
            cli.main()
        except SystemExit as end:
            status = int(end.code or 0)
        return status, capsys.readouterr().err

    return run


def refused(result, *words):
    """One line on stderr that says the words, and exit status 2."""
    status, shown = result
    assert status == 2, result
    assert shown.startswith("hsigan: ")
    assert shown.count("\n") == 1
    for word in words:
        assert word in shown


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("split --nonsense", ("no such option: --nonsense", "hsigan split --help")),
        ("split", ("missing argument 'SCENE'", "hsigan split --help")),
        ("train gan one.nc", ("missing option '-o' / '--out'", "(see hsigan train gan --help)")),
        ("split one.nc --mode bloks", ("--mode", "'bloks'", "'blocks'")),
        ("sample run -o a.npz -n many", ("'-n'", "integer")),
        ("train nothing", ("no such command 'nothing'", "hsigan train --help")),
    ],
)
def test_a_command_mistyped_is_one_line(hsigan, command, words):
    refused(hsigan(*command.split()), *words)


def test_a_group_of_commands_alone_shows_its_help(hsigan, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["hsigan", "train"])
    with pytest.raises(SystemExit):
        cli.main()
    assert "classifier" in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "command",
    [
        ("train", "gan", "--out", "run"),
        ("train", "classifier", "--out", "run"),
        ("evaluate", "synthesis", "--methods", "gaussian", "-o", "run"),
    ],
)
def test_a_split_of_another_scene_of_the_same_size_is_refused(hsigan, folder, command):
    """Its pixels without a label would be learned as a class 0."""
    refused(hsigan(*command, "other.nc", "--split", "split.npz"), "other", "label", "split")
    assert not (folder / "run" / "config.toml").exists()


@pytest.mark.parametrize("command", ["gan", "classifier"])
def test_a_split_needs_the_labels_that_it_was_made_from(hsigan, command):
    refused(hsigan("train", command, "bare.nc", "--split", "split.npz", "--out", "x"), "--labels")


def test_what_is_no_split_is_refused_without_advice_to_trust_it(hsigan, folder):
    (folder / "text.npz").write_text("no archive")
    result = hsigan("train", "gan", "one.nc", "--split", "text.npz", "--out", "x")
    refused(result, "text.npz", "hsigan split")
    assert "pickle" not in result[1]


def test_class_names_are_not_read_as_markup(hsigan, folder):
    scene = simulate_scene(24, 20, 12, 3, seed=1)
    scene["label"].attrs["class_names"] = ["[/red]", "<b>Höhe</b>", "[bold]草地"]
    write_scene(scene, folder / "named.nc")
    assert hsigan("split", "named.nc", "--train", 0.2, "-o", "named.npz") == (0, "")
    assert hsigan("train", "classifier", "named.nc", "--out", "named") == (0, "")
    assert hsigan("classify", "named", "named.nc", "-o", "named.tif")[0] == 0


@pytest.mark.parametrize("option", ["--guard", "--patch"])
def test_distances_beyond_the_scene_cost_no_memory(hsigan, option):
    asked = ("split", "one.nc", "--train", 0.2, option, 10**7 + 1, "-o", "far.npz")
    if option == "--guard":
        refused(hsigan(*asked), "narrower guard")
    else:
        refused(hsigan(*asked), "100.0% of the test pixels", "--allow-leak")
        assert hsigan(*asked, "--allow-leak") == (0, "")


def test_a_number_beyond_all_machines_is_refused(hsigan):
    refused(hsigan("split", "one.nc", "--mode", "blocks", "--block", 10**20), "block_px")


def test_hundreds_of_small_classes_are_counted_not_listed(hsigan, folder):
    labels = np.arange(1, 481).reshape(24, 20)
    xr.Dataset({"label": (("y", "x"), labels)}).to_netcdf(folder / "many.nc", engine="h5netcdf")
    np.save(folder / "many.npy", labels)
    result = hsigan("split", "bare.nc", "--labels", "many.npy", "--train", 0.2)
    refused(result, "class 8 has 1", "472 more")
    assert len(result[1]) < 500


def test_too_little_memory_is_one_line(hsigan):
    size = 10**8
    refused(hsigan("scene", "simulate", "--height", size, "--width", size, "-o", "x.tif"), "memory")
    refused(hsigan("train", "gan", "one.nc", "--out", "x", "--set", "width=99999999999"), "memory")


def test_a_run_that_cannot_have_its_folder_says_so(hsigan, folder):
    (folder / "file").write_text("old")
    refused(hsigan("train", "gan", "one.nc", "--out", "file"), "file", "another")
    assert (folder / "file").read_text() == "old"


def test_an_empty_name_is_not_this_folder(hsigan):
    refused(hsigan("scene", "info", ""), "empty")


@pytest.mark.parametrize("amount", ["nan", "inf", "0"])
def test_an_impossible_amount_is_refused(hsigan, amount):
    refused(
        hsigan("train", "classifier", "one.nc", "--out", "x", "--augment", "gaussian",
               "--amount", amount),
        "--amount",
    )  # fmt: skip


def test_a_split_holds_what_was_there_when_it_cannot_be_written(hsigan, folder):
    target = folder / "target"
    target.mkdir()
    refused(hsigan("split", "one.nc", "--train", 0.2, "-o", "target"), "target")
    assert target.is_dir()
    Split.load(folder / "split.npz")


def test_interrupting_says_what_is_kept(folder):
    command = [sys.executable, "-m", "hsigan", "scene", "simulate", "-o", "never.tif"]
    command += ["--height", "1200", "--width", "1200", "--bands", "200"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2.5)
        process.send_signal(signal.SIGINT)
        _, shown = process.communicate(timeout=30)
    assert process.returncode == 130
    assert shown.splitlines()[-1].startswith("hsigan: interrupted")
    assert not list(folder.glob("*never*"))


@pytest.fixture(scope="module")
def classifier(folder):
    """A trained classifier."""
    scene = simulate_scene(24, 20, 12, 3, seed=1)
    run = RunFolder.create(folder / "lda", {})
    training = train_classifier_on_scenes([scene], None, ClassifierOptions())
    save_classifier(run, training.trained, training.X, training.y)
    return run.path


@pytest.mark.parametrize("option", ["-o", "--probabilities"])
def test_a_map_never_replaces_its_scene(hsigan, folder, classifier, option):
    write_scene(simulate_scene(24, 20, 12, 3, seed=1), folder / "scene.tif")
    before = (folder / "scene.tif").read_bytes()
    refused(hsigan("classify", classifier, "scene.tif", option, "scene.tif"), "scene itself")
    refused(hsigan("scene", "convert", "scene.tif", "-o", "scene.tif"), "scene itself")
    assert (folder / "scene.tif").read_bytes() == before


def test_map_and_probabilities_are_two_files(hsigan, classifier):
    refused(
        hsigan("classify", classifier, "one.nc", "-o", "m.tif", "--probabilities", "./m.tif"),
        "both",
    )


@pytest.mark.parametrize("name", ["map.tif", "probabilities.tif"])
def test_a_full_disk_keeps_older_maps(hsigan, folder, classifier, monkeypatch, name):
    """GDAL may close a file without a word about what the disk did not take."""
    arguments = ("classify", classifier, "bare.nc", "-o", "map.tif")
    arguments += ("--probabilities", "probabilities.tif")
    assert hsigan(*arguments) == (0, "")
    before = (folder / name).read_bytes()
    whole = mapping._read_back

    def cut_off(path):
        if name.split(".")[0] in path.name:
            os.truncate(path, path.stat().st_size // 2)
        whole(path)

    monkeypatch.setattr(mapping, "_read_back", cut_off)
    refused(hsigan(*arguments), name, "free some space")
    assert (folder / name).read_bytes() == before
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize("text", ["[]", "{}", "3"])
def test_a_classifier_with_damaged_facts_is_refused(hsigan, folder, classifier, text):
    damaged = shutil.copytree(classifier, folder / "damaged", dirs_exist_ok=True)
    (damaged / "classifier.json").write_text(text)
    refused(hsigan("classify", damaged, "one.nc", "-o", "x.tif"), "damaged", "train it again")


def test_results_that_are_no_text_are_refused(hsigan, folder):
    (folder / "results").mkdir()
    (folder / "results" / "results.jsonl").write_bytes(b"\xff\xfe\n")
    refused(hsigan("report", "results"), "line 1", "remove the line")
