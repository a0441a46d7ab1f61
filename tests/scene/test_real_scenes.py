"""The facts that are known of each real scene, checked on what is read."""

import time
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from hsigan.scene import (
    ReadOptions,
    class_names_of,
    crs_of,
    make_scene,
    mosaic,
    open_scene,
    open_scenes,
    transform_of,
    usable_bands,
    valid_mask,
    write_scene,
)
from hsigan.scene.wavelengths import read_wavelengths

SCENES = [
    ("salinas_a/SalinasA.mat", (83, 86, 224), "int16"),
    ("salinas_a/SalinasA_corrected.mat", (83, 86, 204), "int16"),
    ("enmap_potsdam/images/enmap_potsdam_tile_128_0.tif", (32, 32, 224), "float32"),
    ("idtrees_neon/HSI/MLBS_1.tif", (20, 20, 369), "int16"),
    ("abu/abu-airport-1.mat", (100, 100, 205), "uint16"),
    ("abu/abu-airport-2.mat", (100, 100, 205), None),
    ("abu/abu-airport-4.mat", (100, 100, 191), None),
    ("abu/abu-beach-1.mat", (150, 150, 188), None),
    ("abu/abu-beach-2.mat", (100, 100, 193), None),
    ("abu/abu-urban-1.mat", (100, 100, 204), None),
    ("abu/abu-urban-2.mat", (100, 100, 207), None),
    ("abu/abu-urban-4.mat", (100, 100, 205), None),
    ("abu/sandiego.mat", (100, 100, 189), "uint16"),
    ("pavia_centre/wzy_dataPavia.mat", (105, 120, 102), "uint16"),
    ("samson/samson_1.img", (95, 95, 156), "int16"),
    ("samson/samson_1.img.hdr", (95, 95, 156), "int16"),
    ("jasper_ridge/Jasper_Ridge_ori.tif", (100, 100, 198), "int16"),
    ("berlin/EnMAP02_Berlin_Urban_Gradient_2009.bsq", (30, 20, 244), "float32"),
]


@pytest.mark.parametrize(("file", "shape", "dtype"), SCENES)
def test_shape_and_type(
    file: str, shape: tuple[int, int, int], dtype: str | None, data_dir: Path
) -> None:
    values = open_scene(data_dir / file)["values"].values
    assert values.shape == shape
    assert values.dtype == dtype if dtype else values.dtype.kind in "iu"


def test_salinas_a_labels(data_dir: Path) -> None:
    folder = data_dir / "salinas_a"
    scene = open_scene(folder / "SalinasA_corrected.mat", labels=folder / "SalinasA_gt.mat")
    assert list(class_names_of(scene)) == [1, 10, 11, 12, 13, 14]
    assert (scene["label"].values > 0).sum() == 5348
    assert usable_bands(scene).all()


def test_salinas_a_corrected_is_the_full_scene_without_twenty_bands(data_dir: Path) -> None:
    folder = data_dir / "salinas_a"
    full = open_scene(folder / "SalinasA.mat")["values"].values
    corrected = open_scene(folder / "SalinasA_corrected.mat")["values"].values
    dropped = [*range(107, 112), *range(153, 167), 223]
    assert np.array_equal(np.delete(full, dropped, axis=2), corrected)


def test_enmap_tiles(data_dir: Path) -> None:
    folder = data_dir / "enmap_potsdam"
    paths = sorted((folder / "images").glob("*.tif"))
    scenes = open_scenes(paths, labels=folder / "labels")
    assert len(scenes) == 18
    assert sum((scene["label"].values > 0).sum() for scene in scenes) == 5672
    for scene in scenes:
        assert list(class_names_of(scene)) == [1, 2, 3, 4, 5, 6]
        assert crs_of(scene) == "EPSG:32633"
        assert scene["values"].attrs == {"nodata": -32768.0, "scale": 0.0001}
        assert np.flatnonzero(~usable_bands(scene)).tolist() == [*range(129, 135)]
        assert np.flatnonzero(~scene["good_band"].values).tolist() == [*range(129, 135)]
    table = np.loadtxt(data_dir / "wavelengths/enmap_potsdam_224.csv", delimiter=",", skiprows=1)
    assert np.allclose(scenes[0]["wavelength_nm"].values, table[:, 1])
    assert np.allclose(scenes[0]["fwhm_nm"].values, table[:, 2])


def test_enmap_tiles_lie_where_their_names_say(data_dir: Path) -> None:
    folder = data_dir / "enmap_potsdam"
    paths = sorted((folder / "images").glob("*.tif"))
    scenes = open_scenes(paths, labels=folder / "labels")
    whole = mosaic(scenes)
    names = [path.stem.split("_")[-2:] for path in paths]
    first_x, first_y = (min(int(name[axis]) for name in names) for axis in (0, 1))
    for scene, (x, y) in zip(scenes, names, strict=True):
        rows = slice(int(y) - first_y, int(y) - first_y + 32)
        columns = slice(int(x) - first_x, int(x) - first_x + 32)
        assert np.array_equal(whole["values"].values[rows, columns], scene["values"].values)
        assert np.array_equal(whole["label"].values[rows, columns], scene["label"].values)
    assert valid_mask(whole).sum() == 18 * 32 * 32


@pytest.mark.parametrize("file", ["a.tif", "a.img", "a.nc", "a.zarr"])
def test_an_enmap_tile_survives_every_format(file: str, data_dir: Path, tmp_path: Path) -> None:
    folder = data_dir / "enmap_potsdam"
    name = "enmap_potsdam_tile_64_32.tif"
    scene = open_scene(folder / "images" / name, labels=folder / "labels")
    again = open_scene(write_scene(scene, tmp_path / file))
    assert np.array_equal(again["values"].values, scene["values"].values)
    assert again["values"].attrs == scene["values"].attrs
    for key in ("wavelength_nm", "fwhm_nm", "good_band", "x", "y"):
        assert np.array_equal(again[key].values, scene[key].values)
    assert crs_of(again) == crs_of(scene)
    assert np.array_equal(again["label"].values, scene["label"].values)


def test_neon_plots(data_dir: Path) -> None:
    paths = sorted((data_dir / "idtrees_neon/HSI").glob("*.tif"))
    assert len(paths) == 55
    for site, epsg in (("MLBS", 32617), ("OSBS", 32617)):
        scenes = open_scenes([path for path in paths if path.name.startswith(site)])
        assert {scene["values"].shape for scene in scenes} == {(20, 20, 369)}
        assert all(crs_of(scene) == f"EPSG:{epsg}" for scene in scenes)
        assert all(transform_of(scene).a == 1 for scene in scenes)


def test_abu_maps_lie_in_the_same_file(data_dir: Path) -> None:
    for path in sorted((data_dir / "abu").glob("*.mat")):
        scene = open_scene(path, labels=f"{path}:map")
        assert set(np.unique(scene["label"].values)) == {0, 1}


def test_jasper_ridge_is_column_major(data_dir: Path) -> None:
    folder = data_dir / "jasper_ridge"
    options = ReadOptions(layout="flat", shape=(100, 100), order="F")
    flat = open_scene(folder / "JasperRidge2_F224_2.mat", options)
    tiff = open_scene(folder / "Jasper_Ridge_ori.tif")
    assert flat["values"].shape == (100, 100, 224)
    assert flat["values"].dtype == np.uint16
    # The .mat keeps absolute values of all bands, the .tif the bands that this list selects.
    selected = scipy.io.loadmat(folder / "JasperRidge2_F224_2.mat")["SlectBands"].ravel() - 1
    kept = flat["values"].values[:, :, selected]
    assert np.array_equal(kept, np.abs(tiff["values"].values.astype(int)))


def test_samson_and_berlin_have_wavelengths_in_nm(data_dir: Path) -> None:
    samson = open_scene(data_dir / "samson/samson_1.img")
    assert samson["wavelength_nm"].values[[0, -1]].tolist() == [400.938721, 899.074585]
    assert crs_of(samson) is not None
    berlin = open_scene(data_dir / "berlin/EnMAP02_Berlin_Urban_Gradient_2009.hdr")
    assert berlin["wavelength_nm"].values[[0, -1]].tolist() == [424, 2446]
    assert crs_of(berlin) == "EPSG:32633"
    assert transform_of(berlin).to_gdal() == (383851.349, 30, 0, 5819308.225, 0, -30)


def test_wavelength_files(data_dir: Path) -> None:
    folder = data_dir / "wavelengths"
    aviris = open_scene(
        data_dir / "salinas_a/SalinasA.mat", wavelengths=folder / "AVIRIS_wavelengths.mat"
    )
    assert aviris["wavelength_nm"].values[[0, -1]].tolist() == pytest.approx([369.85, 2506.81])
    hyperion = folder / "Hyperion_Spectral_Coverage.tab"
    facts = read_wavelengths(hyperion, 242)
    assert facts.wavelengths_nm is not None
    assert facts.wavelengths_nm[:2].tolist() == [355.59, 365.76]
    assert facts.fwhm_nm is not None
    assert facts.fwhm_nm[0] == 11.3871
    ksc = read_wavelengths(f"{folder}/KSC_spec.mat", 176).wavelengths_nm
    assert ksc is not None
    assert ksc[[0, -1]].tolist() == [439.25, 2498.96]


def test_a_large_scene_is_read_in_seconds(tmp_path: Path) -> None:
    cube = np.random.default_rng(0).integers(0, 9999, (600, 340, 103), dtype=np.int16)
    path = write_scene(make_scene(cube), tmp_path / "large.img")
    start = time.perf_counter()
    open_scene(path)
    assert time.perf_counter() - start < 5
