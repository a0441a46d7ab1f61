from pathlib import Path

import numpy as np
import pytest
import scipy.io
from typer.testing import CliRunner, Result

from hsigan.cli.scene import app
from hsigan.errors import DownloadError, HsiganError, InputError, SceneError
from hsigan.scene.catalogue import KNOWN_SCENES
from hsigan.scene.read import open_scene
from hsigan.scene.simulate import simulate_scene

runner = CliRunner()


@pytest.fixture(autouse=True)
def wide(monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.delenv("HSIGAN_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


def run(*arguments: object) -> Result:
    result = runner.invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, HsiganError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def simulate(path: Path, *options: object) -> Path:
    run("simulate", "-o", path, "--height", 30, "--width", 20, "--bands", 12, *options)
    return path


@pytest.mark.parametrize("suffix", [".tif", ".img", ".nc", ".zarr"])
def test_simulate_writes_the_scene_of_the_seed(tmp_path, suffix):
    path = simulate(tmp_path / f"made{suffix}", "--seed", 5, "--classes", 3)
    scene = open_scene(path)
    expected = simulate_scene(30, 20, 12, 3, seed=5)
    np.testing.assert_array_equal(scene["values"], expected["values"])
    np.testing.assert_array_equal(scene["label"], expected["label"])
    assert scene["label"].attrs["class_names"] == expected["label"].attrs["class_names"]


def test_info_tells_size_bands_place_and_classes(tmp_path):
    shown = run("info", simulate(tmp_path / "made.tif", "--classes", 3)).output
    for words in ("30 rows x 20 columns x 12 bands", "int16", "400 to 2500 nm", "12 of 12"):
        assert words in shown
    assert "EPSG:32632, pixels 30 x 30 m, upper left corner 500000, 5400000" in shown
    assert "Broadleaf trees" in shown


def test_info_of_a_mat_takes_every_reading_option(tmp_path):
    cube = np.random.default_rng(0).integers(1, 99, (5, 7, 3)).astype(np.int16)
    label = np.arange(35).reshape(5, 7) % 4
    flat = cube.transpose(1, 0, 2).reshape(35, 3).T  # bands x pixels, column by column
    scipy.io.savemat(tmp_path / "a.mat", {"Y": flat, "other": np.ones((2, 35))})
    scipy.io.savemat(tmp_path / "gt.mat", {"gt": label, "old": label})
    (tmp_path / "w.csv").write_text("wavelength\n500\n600\n700\n")
    arguments = ["--variable", "Y", "--layout", "flat", "--shape", "5,7", "--order", "F"]
    arguments += ["--labels", "gt.mat:gt", "--wavelengths", "w.csv"]
    shown = run("info", "a.mat", *arguments).output
    assert "5 rows x 7 columns x 3 bands" in shown
    assert "500 to 700 nm" in shown
    assert "Classes: 26 of 35 pixels labelled" in shown
    written = run("convert", "a.mat", *arguments, "-o", "a.nc").output
    np.testing.assert_array_equal(open_scene(written.strip())["values"], cube)


def test_several_scenes_by_folder_and_pattern_come_in_natural_order(tmp_path):
    folder = tmp_path / "tiles"
    folder.mkdir()
    for number in (10, 9, 1):
        simulate(folder / f"t_{number}.tif", "--seed", number)
    assert (folder / "t_1_labels.tif").is_file()
    for names in ([folder], [f"{folder}/t_*.tif"], ["tiles/t_*.tif"], sorted(folder.glob("*.tif"))):
        shown = run("info", *names).output
        assert "3 scenes, 12 bands, 400 to 2500 nm" in shown
        assert "in scenes" in shown
        if len(names) == 1:
            assert shown.index("t_1 ") < shown.index("t_9 ") < shown.index("t_10 ")


def test_convert_keeps_values_and_labels(tmp_path):
    source = open_scene(simulate(tmp_path / "made.nc"))
    for target in ("made.tif", "made.bil", "made.zarr"):
        run("convert", "made.nc", "-o", target)
        scene = open_scene(target)
        np.testing.assert_array_equal(scene["values"], source["values"])
        np.testing.assert_array_equal(scene["label"], source["label"])
        np.testing.assert_allclose(scene["wavelength_nm"], source["wavelength_nm"])


def test_convert_writes_several_scenes_into_a_folder(tmp_path):
    for number in (1, 2):
        simulate(tmp_path / f"t{number}.nc", "--seed", number)
    with pytest.raises(InputError, match="say --format"):
        run("convert", "t1.nc", "t2.nc", "-o", "out")
    run("convert", "t1.nc", "t2.nc", "-o", "out", "--format", "geotiff")
    assert {"t1.tif", "t2.tif"} <= {path.name for path in (tmp_path / "out").iterdir()}


def test_convert_joins_tiles(data_dir, tmp_path):
    images = data_dir / "enmap_potsdam" / "images"
    tiles = [images / f"enmap_potsdam_tile_64_{offset}.tif" for offset in (0, 32)]
    labels = data_dir / "enmap_potsdam" / "labels"
    run("convert", *tiles, "--labels", labels, "--mosaic", "-o", "joined.tif")
    joined = open_scene(tmp_path / "joined.tif")
    assert sorted(joined["values"].shape[:2]) == [32, 64]
    assert int((joined["label"] > 0).sum()) == 231 + 144


def test_no_name_is_cut_on_a_narrow_terminal(tmp_path, monkeypatch):
    names = ["a_rather_long_name_of_a_tile_64_0", "a_rather_long_name_of_a_tile_64_32"]
    tiles = [simulate(tmp_path / f"{name}.tif") for name in names]
    monkeypatch.setenv("COLUMNS", "80")
    listed, shown = run("list").output, run("info", *tiles).output
    assert all(f" {key} " in listed for key in KNOWN_SCENES)
    assert "…" not in listed + shown


def test_known_scenes_are_listed_found_and_shown(data_dir, monkeypatch):
    monkeypatch.setenv("HSIGAN_DATA", str(data_dir))
    listed = run("list").output
    assert "pavia-university" in listed
    assert next(line for line in listed.splitlines() if "salinas-a" in line).count("yes") == 1
    assert "SalinasA_gt.mat (labels)" in run("fetch", "salinas-a").output
    for name in ("known:salinas-a", "salinas-a", "SALINAS_A"):
        assert "Lettuce romaine 7 weeks" in run("info", name).output


def test_known_scenes_take_other_labels(data_dir, monkeypatch, tmp_path):
    monkeypatch.setenv("HSIGAN_DATA", str(data_dir))
    np.save(tmp_path / "mine.npy", np.full((83, 86), 2))
    assert "7138 of 7138" in run("info", "salinas-a", "--labels", "mine.npy").output


def test_mistakes_are_one_clear_error(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "salinas_corrected.mat").write_bytes(b"MATLAB 5.0 MAT-file, cut off")
    for words, arguments in (
        ("holds no scene", ["info", "empty"]),
        ("no file matches", ["info", "x_*.tif"]),
        ("does not exist", ["info", "nowhere.tif"]),
        ("H,W", ["info", "nowhere.mat", "--shape", "8"]),
        ("opened alone", ["info", "salinas-a", "known:ksc"]),
    ):
        with pytest.raises((SceneError, InputError), match=words):
            run(*arguments)
    with pytest.raises(InputError, match="Did you mean"):
        run("info", "known:salina")
    with pytest.raises(SceneError, match="cut off"):
        run("info", "salinas_corrected.mat")


def test_a_wrong_file_in_the_target_folder_is_never_used(tmp_path):
    (tmp_path / "SalinasA_gt.mat").write_bytes(b"something else")
    with pytest.raises(DownloadError, match="not the published"):
        run("fetch", "salinas-a", "--to", tmp_path)


@pytest.mark.parametrize("command", ["info", "list", "fetch", "simulate", "convert"])
def test_every_help_shows_an_example(command):
    assert f"Example: hsigan scene {command}" in run(command, "--help").output


def test_help_fills_its_lines(tmp_path):
    from hsigan import cli

    shown = runner.invoke(cli.app, ["split", "--help"]).output
    assert "--classes 1,2,3,4 -o split.npz" in next(
        line for line in shown.splitlines() if "Example: hsigan split" in line
    )
