"""`hsigan evaluate compression` from the command line to the page, and its refusals."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hsigan.cli import app
from hsigan.errors import InputError
from hsigan.evaluation.results import ResultsFolder
from hsigan.scene import Landscape, open_scene, simulate_scene, write_scene

Run = Callable[..., str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with three small scenes of one sensor."""
    path = tmp_path_factory.mktemp("scenes")
    for seed in (1, 2, 3):
        scene = simulate_scene(24, 20, 8, 2, seed=seed, landscape=Landscape(field_px=4))
        write_scene(scene, path / f"valley-{seed}.nc")
    return path


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def invoke(*words: str | Path) -> str:
        line = ["evaluate", "compression", *map(str, words), "-o", str(tmp_path / "results")]
        result = CliRunner().invoke(app, line, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return invoke


def test_from_scenes_to_files_records_and_the_next_command(
    folder: Path, run: Run, tmp_path: Path
) -> None:
    scene = folder / "valley-1.nc"
    copy = tmp_path / "copy-of-valley-1.nc"
    write_scene(open_scene(scene), copy)
    printed = run(
        scene,
        *("--train", folder / "valley-2.nc", "--train", folder / "valley-3.nc"),
        *("--codecs", "klt,klt-shared", "--bpp", "4,8"),
        *("--decoded", f"theirs={copy},1000", "--classifier", "none"),
    )
    results = tmp_path / "results"
    assert f"next: hsigan report {results}" in printed.replace("\n", "")
    records = ResultsFolder(results).records()
    assert {r.method for r in records} == {"floor", "klt", "klt-shared", "theirs"}
    assert {r.scene for r in records} == {"valley-1"}
    facts = json.loads((results / "experiment.json").read_text())
    assert facts["options"]["train"] == ["valley-2", "valley-3"]
    assert facts["codecs"]["klt-shared"]["trained_on"] == ["valley-2", "valley-3"]
    assert facts["held_out"][0]["shape"] == [24, 20]
    assert (results / "models" / "klt-shared.safetensors").is_file()
    assert (results / "summary.csv").read_text().count("\n") > 20


def test_a_recipe_of_ones_own_names_everything(folder: Path, run: Run, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        f'title = "Mine"\nscenes = ["{folder}/*.nc"]\nleave_out = ["valley-3.nc"]\n'
        'codecs = ["klt"]\nbpp = [1.0]\npictures = 0\n'
    )
    run("--recipe", recipe, "--bpppc", "1")
    store = ResultsFolder(tmp_path / "results")
    assert {(r.scene, r.amount) for r in store.records() if r.metric == "psnr"} == {
        ("valley-1", 1.0),
        ("valley-2", 1.0),
    }
    assert {r.split for r in store.records() if r.metric == "psnr"} == {"by scene, bpppc"}
    assert store.experiment()["title"] == "Mine"
    assert store.experiment()["scene"]["name"] == "mine"


def test_a_training_scene_is_not_held_out(folder: Path, run: Run) -> None:
    scene = folder / "valley-1.nc"
    with pytest.raises(InputError, match="valley-1 is one of the training scenes"):
        run(scene, "--train", scene, "--codecs", "klt-shared", "--bpp", "4")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--bpp", "1,two"], "--bpp takes numbers"),
        (["--bpp", "1", "--codecs", "klr"], "did you mean klt"),
        (["--bpp", "1", "--codecs", "klt-shared"], "--train"),
        (["--bpp", "1", "--decoded", "theirs=file.nc"], "NAME=FILE,BYTES"),
        (["--bpp", "1", "--decoded", "theirs=file.nc,0"], "NAME=FILE,BYTES"),
        (["--codecs", "klt"], "no rate was given"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    folder: Path, run: Run, words: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run(folder / "valley-1.nc", *words)


def test_a_decoded_file_must_say_which_of_several_scenes_it_is(folder: Path, run: Run) -> None:
    with pytest.raises(InputError, match="valley-1, valley-2"):
        run(
            *(folder / "valley-1.nc", folder / "valley-2.nc", "--bpp", "4"),
            *("--decoded", "theirs=decoded.nc,100"),
        )


def test_no_scene_is_no_comparison(run: Run) -> None:
    with pytest.raises(InputError, match="no scene was given"):
        run("--bpp", "1")


def test_a_codec_loses_nothing_of_a_smooth_scene_that_it_could_keep(
    folder: Path, run: Run, tmp_path: Path
) -> None:
    """A scene of rank one in space and spectrum: many bits bring the error to its rounding."""
    from hsigan.scene import make_scene

    spectrum = np.linspace(500, 4000, 8)
    gain = 1 + np.linspace(0, 1, 400).reshape(20, 20, 1)
    write_scene(make_scene((gain * spectrum).astype(np.int16)), tmp_path / "smooth.nc")
    run(tmp_path / "smooth.nc", "--codecs", "klt", "--bpp", "40")
    records = ResultsFolder(tmp_path / "results").records()
    (error,) = (r.value for r in records if r.metric == "max_error")
    assert error <= 1
