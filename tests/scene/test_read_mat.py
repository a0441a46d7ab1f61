from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from hsigan.errors import SceneError
from hsigan.scene import ReadOptions, open_scene

from .scenes import plain_cube


def save_v73(path: Path, **arrays: np.ndarray) -> None:
    """MATLAB writes version 7.3 column by column, so HDF5 shows the axes in reverse."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file[name] = array.T


@pytest.fixture(params=["v5", "v5 compressed", "v7.3"])
def cube_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "cube.mat"
    arrays = {"cube": plain_cube(), "gt": np.ones((4, 5)), "title": "text", "n": 5.0}
    if request.param == "v7.3":
        save_v73(path, cube=plain_cube(), gt=np.ones((4, 5)))
    else:
        scipy.io.savemat(path, arrays, do_compression=request.param != "v5")
    return path


def test_the_only_cube_is_found_in_its_own_type(cube_file: Path) -> None:
    values = open_scene(cube_file)["values"].values
    assert np.array_equal(values, plain_cube())
    assert values.dtype == np.int16
    assert values.flags.c_contiguous


def test_a_wrong_name_is_told_the_nearest(cube_file: Path) -> None:
    with pytest.raises(SceneError, match="Did you mean 'cube'"):
        open_scene(cube_file, variable="cub")


def test_a_map_is_not_a_scene(cube_file: Path) -> None:
    with pytest.raises(SceneError, match=r"shape \(4, 5\).* flat"):
        open_scene(cube_file, variable="gt")


def test_several_cubes_are_named(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"one": plain_cube(), "two": plain_cube() + 1})
    with pytest.raises(SceneError, match=r"one \(4 x 5 x 3\), two"):
        open_scene(tmp_path / "a.mat")
    assert open_scene(tmp_path / "a.mat", variable="two")["values"].values[0, 0, 0] == 1


def test_no_cube_names_what_is_there(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"gt": np.ones((4, 5))})
    with pytest.raises(SceneError, match=r"no cube; it holds gt \(4 x 5\)"):
        open_scene(tmp_path / "a.mat")


def test_bands_first(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"cube": np.moveaxis(plain_cube(), -1, 0)})
    values = open_scene(tmp_path / "a.mat", layout="bhw")["values"].values
    assert np.array_equal(values, plain_cube())


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("is_band_major", [False, True])
def test_flat(order: str, is_band_major: bool, tmp_path: Path) -> None:
    cube = plain_cube()
    pixels = cube.reshape(20, 3) if order == "C" else cube.swapaxes(0, 1).reshape(20, 3)
    scipy.io.savemat(tmp_path / "a.mat", {"Y": pixels.T if is_band_major else pixels, "n": 3.0})
    options = ReadOptions(layout="flat", shape=(4, 5), order=order)
    assert np.array_equal(open_scene(tmp_path / "a.mat", options)["values"].values, cube)


def test_flat_of_another_shape(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"Y": np.ones((20, 3))})
    with pytest.raises(SceneError, match=r"Y \(20 x 3\)"):
        open_scene(tmp_path / "a.mat", layout="flat", shape=(7, 7))
    with pytest.raises(SceneError, match="needs two axes, one of them of length 49"):
        open_scene(tmp_path / "a.mat", variable="Y", layout="flat", shape=(7, 7))


def test_cut_off_files(cube_file: Path) -> None:
    content = cube_file.read_bytes()
    for share in (0.3, 0.6, 0.9):
        cube_file.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(SceneError, match=r"cube\.mat"):
            open_scene(cube_file, variable="cube")


def test_text_called_mat(tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_text("wavelength,1\n" * 100)
    with pytest.raises(SceneError, match=r"cannot be read as a \.mat file"):
        open_scene(tmp_path / "a.mat")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"layout": "bwh"}, "layout must be"),
        ({"order": "A"}, "order must be"),
        ({"shape": (0, 5)}, "shape must be"),
        ({"layout": "flat"}, "needs the scene's shape"),
    ],
)
def test_impossible_options(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(SceneError, match=said):
        ReadOptions(**wrong)
