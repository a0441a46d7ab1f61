"""`hsigan train codec`: a run folder whose codec compresses; one clear line for mistakes."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hsigan.cli import app
from hsigan.cli.train_codec import _print_result
from hsigan.codec.zoo import open_codec
from hsigan.errors import InputError, RecipeError, RunError
from hsigan.recipe import to_toml
from hsigan.scene import write_scene

sys.path.append(str(Path(__file__).parents[1] / "training"))
from compression_scenes import SMALL, scene


@pytest.fixture
def files(tmp_path):
    for seed in (1, 2):
        write_scene(scene(seed), tmp_path / f"scene-{seed}.nc")
    settings = {**SMALL, "codec": "hific", "gan_steps": 0}
    (tmp_path / "small.toml").write_text(to_toml(settings))
    return tmp_path


def run(files, *more):
    words = ["train", "codec", str(files / "scene-1.nc"), "--recipe", str(files / "small.toml")]
    words += ["--validation", str(files / "scene-2.nc"), "--out", str(files / "run"), *more]
    return CliRunner().invoke(app, words)


def test_a_run_holds_a_codec_and_its_story(files):
    result = run(files, "--set", "steps=3")
    assert result.exit_code == 0, result.output
    assert "3 of 3 steps" in result.output
    assert "stand-in" in result.output
    codec = open_codec(files / "run")
    assert codec.name == "hific"
    lines = (files / "run" / "stats.jsonl").read_text().splitlines()
    assert {"held_out_bpp", "held_out_bpppc", "lambda"} <= set(json.loads(lines[-1]))


def test_a_run_goes_on_only_where_it_is_told_to(files):
    run(files, "--set", "steps=2")
    again = run(files, "--set", "steps=4")
    assert isinstance(again.exception, RunError)
    further = run(files, "--set", "steps=4", "--resume")
    assert further.exit_code == 0, further.output
    assert "4 of 4 steps" in further.output


def test_an_unknown_setting_is_named(files):
    result = run(files, "--set", "stepz=2")
    assert isinstance(result.exception, RecipeError)
    assert "steps" in str(result.exception)


def test_companions_are_for_codecs_that_learn_from_them(files):
    result = run(files, "--companion", str(files / "scene-2.nc"))
    assert isinstance(result.exception, InputError)
    assert "leave out the companions" in str(result.exception)
    assert not (files / "run").exists()


def test_a_codec_that_always_ends_its_steps_is_told_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _print_result({"name": "klt-context"}, tmp_path, 20)
    assert "20 of 20 steps" in capsys.readouterr().out
