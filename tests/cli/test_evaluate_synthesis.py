import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from hsigan.cli.evaluate_synthesis import evaluate_synthesis_command
from hsigan.errors import InputError, RunError, SceneError
from hsigan.evaluation.results import ResultsFolder
from hsigan.sampling import SplitOptions, gather_pixels, split_scenes
from hsigan.scene import open_scene, simulate_scene, write_scene
from hsigan.synthesis import Samples


@pytest.fixture(scope="module")
def scene_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scene") / "valley.nc"
    write_scene(simulate_scene(height=40, width=50, bands=16, classes=3, seed=2), path)
    return path


def _run(*arguments: object, catch_exceptions: bool = True) -> Result:
    app = typer.Typer()
    app.command()(evaluate_synthesis_command)
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(app, words, catch_exceptions=catch_exceptions)


def test_a_table_and_a_whole_results_folder_come_out(scene_file: Path, tmp_path: Path) -> None:
    common = ["--train", 0.1, "--methods", "smote,duplication", "--floor-draws", 1]
    done = _run(scene_file, *common, "--per-class", 20, "--seeds", 2, "-o", tmp_path)
    assert done.exit_code == 0, done.output
    assert "smote" in done.output
    assert "neighbour ratio" in done.output
    assert {"results.jsonl", "summary.csv", "experiment.json", "arrays.npz"} == {
        path.name for path in tmp_path.iterdir()
    }
    facts = json.loads((tmp_path / "experiment.json").read_text())
    assert facts["seeds"] == [0, 1]
    assert facts["scene"]["shape"] == [40, 50]
    assert facts["options"]["methods"] == ["smote", "duplication"]
    seeds = {record.seed for record in ResultsFolder(tmp_path).records()}
    assert seeds == {0, 1}


def test_a_recipe_brings_scenes_and_split(scene_file: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        f'scenes = ["{scene_file}"]\n[split]\nmode = "random"\ntrain_per_class = 12\n'
    )
    quick = ["--methods", "smote", "--floor-draws", 1, "--per-class", 20, "-o", tmp_path / "out"]
    done = _run("--recipe", recipe, *quick)
    assert done.exit_code == 0, done.output
    assert {r.labels_per_class for r in ResultsFolder(tmp_path / "out").records()} == {12}
    with pytest.raises(SceneError, match="--recipe"):
        _run(*quick, catch_exceptions=False)


def test_what_is_done_is_not_done_again(scene_file: Path, tmp_path: Path) -> None:
    common = ["--methods", "smote", "--floor-draws", 1, "--per-class", 20, "-o", tmp_path]
    _run(scene_file, "--train", 0.1, *common)
    before = (tmp_path / "results.jsonl").read_bytes()
    done = _run(scene_file, "--train", 0.1, *common, "--seeds", 2)
    after = (tmp_path / "results.jsonl").read_bytes()
    assert done.exit_code == 0, done.output
    assert after.startswith(before)
    assert len(after.splitlines()) == 2 * len(before.splitlines())
    other = _run(scene_file, "--train", 0.1, *common, "--per-class", 30)
    assert isinstance(other.exception, RunError)
    assert "per_class" in str(other.exception)
    assert (tmp_path / "results.jsonl").read_bytes() == after


def test_anybodys_samples_are_judged_on_a_given_split(scene_file: Path, tmp_path: Path) -> None:
    scene = open_scene(scene_file)
    split = split_scenes([scene], SplitOptions(mode="random", train=0.2, seed=3))
    split.save(tmp_path / "split.npz")
    table = gather_pixels([scene], split.train)
    Samples(table.spectra, table.labels).save(tmp_path / "copies.npz")
    done = _run(
        scene_file,
        *["--split", tmp_path / "split.npz", "--samples", f"copies={tmp_path / 'copies.npz'}"],
        *["--floor-draws", 1, "-o", tmp_path / "results"],
    )
    assert done.exit_code == 0, done.output
    assert "without --split" not in done.stderr
    records = ResultsFolder(tmp_path / "results").records()
    assert {r.method for r in records} == {"copies", "floor", "floor_low", "floor_high"}
    assert [r.value for r in records if r.metric == "neighbour_ratio" and r.method == "copies"] == [
        0.0
    ] * 4


def test_samples_without_their_split_are_judged_with_a_warning(
    scene_file: Path, tmp_path: Path
) -> None:
    table = gather_pixels([open_scene(scene_file)], "labelled")
    Samples(table.spectra, table.labels).save(tmp_path / "reals.npz")
    done = _run(
        scene_file,
        *["--train", 0.2, "--samples", f"reals={tmp_path / 'reals.npz'}", "--floor-draws", 1],
        *["--per-class", 50, "-o", tmp_path / "results"],
    )
    assert done.exit_code == 0, done.output
    assert "without --split" in done.stderr


def test_a_run_without_its_scene_and_bad_options_are_refused(
    scene_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.toml").write_text("")
    alone = _run(tmp_path / "run", "-o", tmp_path / "results")
    assert isinstance(alone.exception, SceneError)
    assert "name the scene too" in str(alone.exception)
    for option, value in (("--samples", "no-equals-sign"), ("--set", "steps"), ("--methods", "x")):
        bad = _run(scene_file, option, value, "-o", tmp_path / "results")
        assert isinstance(bad.exception, InputError)
    assert not (tmp_path / "results" / "results.jsonl").exists()


def test_samson_is_labelled_by_its_abundances(data_dir: Path, tmp_path: Path) -> None:
    done = _run(
        data_dir / "samson" / "samson_1.img",
        *["--abundances", data_dir / "samson" / "end3.mat", "--methods", "gan,duplication"],
        *["--set", "steps=5", "--per-class", 30, "--floor-draws", 1, "-o", tmp_path],
    )
    assert done.exit_code == 0, done.output
    assert "2-Tree" in (tmp_path / "experiment.json").read_text()
    angles = {
        r.method: r.value for r in ResultsFolder(tmp_path).records() if r.metric == "mixture_angle"
    }
    assert angles["gan"] < 2 * angles["real mixed pixels"]
