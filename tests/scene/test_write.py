import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hsigan.errors import LabelError, SceneError
from hsigan.scene import (
    class_names_of,
    crs_of,
    make_scene,
    open_scene,
    transform_of,
    with_labels,
    write_scene,
)

from .scenes import NAMES, full_scene, plain_cube

FILES = ["a.tif", "a.hdr", "a.bil", "a.bip", "a.bsq", "a.nc", "a.zarr"]


def assert_same(left: xr.Dataset, right: xr.Dataset) -> None:
    assert left["values"].dtype == right["values"].dtype
    assert np.array_equal(left["values"].values, right["values"].values)
    assert left["values"].attrs == right["values"].attrs
    assert set(left.coords) == set(right.coords)
    for key in ("wavelength_nm", "fwhm_nm", "good_band", "x", "y", "band"):
        if key in left.coords:
            assert np.array_equal(left[key].values, right[key].values), key
    assert crs_of(left) == crs_of(right)
    assert transform_of(left) == transform_of(right)
    assert ("label" in left) == ("label" in right)
    if "label" in left:
        assert np.array_equal(left["label"].values, right["label"].values)
        assert right["label"].dtype == np.int32
    assert class_names_of(left) == class_names_of(right)


@pytest.mark.parametrize("file", FILES)
def test_everything_survives(file: str, tmp_path: Path) -> None:
    scene = full_scene()
    written = write_scene(scene, tmp_path / file)
    assert_same(scene, open_scene(written))
    assert class_names_of(open_scene(written)) == NAMES


@pytest.mark.parametrize("file", FILES)
def test_a_plain_scene_gains_nothing(file: str, tmp_path: Path) -> None:
    scene = make_scene(plain_cube())
    assert_same(scene, open_scene(write_scene(scene, tmp_path / file)))


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    file=st.sampled_from(["a.tif", "a.bsq", "a.bil", "a.bip", "a.nc", "a.zarr"]),
    dtype=st.sampled_from(["uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"]),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(2, 20)),
)
def test_any_type_and_shape_survives(
    file: str, dtype: str, shape: tuple[int, int, int], tmp_path: Path
) -> None:
    scene = make_scene(np.random.default_rng(1).integers(0, 200, shape).astype(dtype))
    assert_same(scene, open_scene(write_scene(scene, tmp_path / file)))


@pytest.mark.parametrize("file", FILES)
def test_nan_and_extremes_survive(file: str, tmp_path: Path) -> None:
    cube = np.random.default_rng(2).standard_normal((3, 4, 2)).astype(np.float32)
    cube[0, 0, 0] = np.nan
    cube[0, 1, 0] = np.finfo(np.float32).max
    scene = make_scene(cube, nodata=float(np.finfo(np.float32).min))
    again = open_scene(write_scene(scene, tmp_path / file))
    assert np.array_equal(again["values"].values, cube, equal_nan=True)
    assert again["values"].attrs == scene["values"].attrs


def test_geotiff_tags_are_those_of_enmap_and_of_gdal(tmp_path: Path) -> None:
    path = write_scene(full_scene(), tmp_path / "a.tif")
    with rasterio.open(path) as source:
        tags, imagery = source.tags(4), source.tags(4, ns="IMAGERY")
    assert float(tags["wavelength"]) == full_scene()["wavelength_nm"].values[3]
    assert (tags["wavelength_units"], tags["bbl"]) == ("Nanometers", "0")
    assert float(imagery["CENTRAL_WAVELENGTH_UM"]) == pytest.approx(1.6004692)
    with rasterio.open(tmp_path / "a_labels.tif") as labels:
        assert set(range(8)) <= set(labels.colormap(1))


def test_envi_labels_are_a_classification(tmp_path: Path) -> None:
    write_scene(full_scene(), tmp_path / "a.img")
    header = (tmp_path / "a_labels.hdr").read_text()
    assert "file type = ENVI Classification" in header
    assert "classes = 8" in header
    assert "{Unclassified, bare soil, unused, water & <ice>," in header
    assert "ENVI Standard" not in header


def test_headers_do_not_tell_where_they_were_written(tmp_path: Path) -> None:
    write_scene(full_scene(), tmp_path / "a.img")
    for file in tmp_path.glob("*.hdr"):
        assert str(tmp_path) not in file.read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "a.hdr",
        "a.img",
        "a_labels.hdr",
        "a_labels.img",
    ]


def test_class_names_that_envi_cannot_hold(tmp_path: Path) -> None:
    scene = with_labels(full_scene(), full_scene()["label"].values, {1: "soil, dry"})
    with pytest.raises(LabelError, match="soil, dry"):
        write_scene(scene, tmp_path / "a.img")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", ["a.tif", "a.img", "a.nc", "a.zarr"])
def test_writing_again_replaces(file: str, tmp_path: Path) -> None:
    write_scene(full_scene("float32", 9, 9, 9), tmp_path / file)
    write_scene(full_scene(), tmp_path / file)
    assert_same(full_scene(), open_scene(tmp_path / file))


def test_a_scene_without_labels_does_not_adopt_old_ones(tmp_path: Path) -> None:
    write_scene(full_scene(), tmp_path / "a.tif")
    with pytest.raises(SceneError, match=r"a_labels\.tif lies beside"):
        write_scene(full_scene().drop_vars("label"), tmp_path / "a.tif")


def test_a_type_that_the_format_lacks(tmp_path: Path) -> None:
    scene = make_scene(plain_cube().astype(np.float16))
    with pytest.raises(SceneError, match="float16"):
        write_scene(scene, tmp_path / "a.tif")
    assert_same(scene, open_scene(write_scene(scene, tmp_path / "a.zarr")))


@pytest.mark.parametrize("grid", [Affine(30, 3, 5e5, 0, -20, 4e6), Affine(30, 0, 5e5, 0, 30, 4e6)])
def test_a_grid_that_envi_cannot_hold(grid: Affine, tmp_path: Path) -> None:
    scene = make_scene(plain_cube(), crs="EPSG:2056", transform=grid)
    with pytest.raises(SceneError, match="turned or mirrored"):
        write_scene(scene, tmp_path / "a.img")
    assert list(tmp_path.iterdir()) == []
    for file in ("a.tif", "a.nc", "a.zarr"):
        assert_same(scene, open_scene(write_scene(scene, tmp_path / file)))


@pytest.mark.parametrize("epsg", [4326, 3035, 2056, 32755])
@pytest.mark.parametrize("file", ["a.tif", "a.img", "a.nc"])
def test_coordinate_systems_survive(epsg: int, file: str, tmp_path: Path) -> None:
    grid = Affine(0.1, 0, 10.05, 0, -0.1, 50.033)
    scene = make_scene(plain_cube(), crs=f"EPSG:{epsg}", transform=grid)
    assert_same(scene, open_scene(write_scene(scene, tmp_path / file)))


def test_unknown_formats_and_places(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match=r"\.xyz"):
        write_scene(full_scene(), tmp_path / "a.xyz")
    with pytest.raises(SceneError, match="no such folder"):
        write_scene(full_scene(), tmp_path / "none" / "a.tif")
    (tmp_path / "own.zarr").mkdir()
    (tmp_path / "own.zarr" / "thesis.txt").write_text("mine")
    with pytest.raises(SceneError, match="not a Zarr store"):
        write_scene(full_scene(), tmp_path / "own.zarr")
    assert (tmp_path / "own.zarr" / "thesis.txt").read_text() == "mine"


_FULL_DISK = """
import resource, sys
import numpy as np
from hsigan.errors import SceneError
from hsigan.scene import make_scene, open_scene, write_scene
scene = make_scene(np.random.default_rng(0).random((64, 64, 40)))
small = make_scene(np.random.default_rng(0).random((2, 2, 2)))
for path in sys.argv[1:]:
    write_scene(small, path)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
for path in sys.argv[1:]:
    try:
        write_scene(scene, path)
    except SceneError as error:
        print(error)
    assert open_scene(path)["values"].shape == (2, 2, 2), path
"""


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    files = ["a.tif", "b.img", "c.nc", "d.zarr"]
    command = [sys.executable, "-c", _FULL_DISK, *(str(tmp_path / file) for file in files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(files), done.stdout
    assert all("nothing was left half-written" in line for line in lines)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "a.tif",
        "b.hdr",
        "b.img",
        "c.nc",
        "d.zarr",
    ]
