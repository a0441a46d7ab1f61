from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import xarray as xr
from affine import Affine

from hsigan.errors import SceneError
from hsigan.scene import crs_of, open_scene, transform_of, usable_bands, valid_mask

from .scenes import plain_cube


def rioxarray_like(values: np.ndarray) -> xr.Dataset:
    """Bands first and a CRS in `spatial_ref`, as rioxarray writes it."""
    attributes = {"crs_wkt": crs_wkt(), "GeoTransform": "1000 30 0 2000 0 -30"}
    return xr.Dataset(
        {"reflectance": (("band", "y", "x"), values, {"grid_mapping": "spatial_ref"})},
        coords={
            "wavelength": ("band", [0.4, 0.5, 0.6], {"units": "um"}),
            "spatial_ref": ((), 0, attributes),
        },
    )


def crs_wkt() -> str:
    from rasterio.crs import CRS

    return CRS.from_epsg(32633).to_wkt()


@pytest.mark.parametrize("file", ["a.nc", "a.zarr", "three.nc"])
def test_named_axes_are_turned(file: str, tmp_path: Path) -> None:
    path = tmp_path / file
    data = rioxarray_like(np.moveaxis(plain_cube(), -1, 0))
    if file == "a.zarr":
        data.to_zarr(path, consolidated=False)
    elif file == "a.nc":
        data.to_netcdf(path, engine="h5netcdf")
    else:
        data.astype(np.int32, keep_attrs=True).to_netcdf(
            path, engine="scipy", format="NETCDF3_64BIT"
        )
    scene = open_scene(path)
    assert np.array_equal(scene["values"].values, plain_cube())
    assert scene["wavelength_nm"].values.tolist() == [400, 500, 600]
    assert crs_of(scene) == "EPSG:32633"
    assert transform_of(scene) == Affine(30, 0, 1000, 0, -30, 2000)


def test_a_grid_in_coordinates_only(tmp_path: Path) -> None:
    data = rioxarray_like(np.moveaxis(plain_cube(), -1, 0))
    del data["spatial_ref"].attrs["GeoTransform"]
    data = data.assign_coords(x=1015.0 + 30 * np.arange(5), y=1985.0 - 30 * np.arange(4))
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert transform_of(open_scene(tmp_path / "a.nc")) == Affine(30, 0, 1000, 0, -30, 2000)


def test_unnamed_axes_need_a_layout(tmp_path: Path) -> None:
    data = xr.Dataset({"cube": (("a", "b", "c"), np.moveaxis(plain_cube(), -1, 0))})
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    values = open_scene(tmp_path / "a.nc", layout="bhw")["values"].values
    assert np.array_equal(values, plain_cube())


def test_a_foreign_fill_value_is_nodata(tmp_path: Path) -> None:
    data = rioxarray_like(np.moveaxis(plain_cube(), -1, 0))
    data["reflectance"].attrs["_FillValue"] = np.int16(0)
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    scene = open_scene(tmp_path / "a.nc")
    assert scene["values"].attrs["nodata"] == 0
    assert scene["values"].dtype == np.int16
    assert not valid_mask(scene)[0, 0]


@pytest.mark.parametrize("engine", ["h5netcdf", "scipy"])
def test_cut_off_netcdf(engine: str, tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    cube = np.random.default_rng(0).integers(0, 99, (3, 40, 50)).astype(np.int16)
    rioxarray_like(cube)[["reflectance"]].drop_vars("spatial_ref").to_netcdf(path, engine=engine)
    path.write_bytes(path.read_bytes()[:6000])
    with pytest.raises(SceneError, match=r"a\.nc cannot be read"):
        open_scene(path)


def test_plain_hdf5(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["deep/cube"] = plain_cube()
        file["deep/cube"].attrs["_FillValue"] = 0
        file["angles"] = np.ones((4, 5))
    scene = open_scene(tmp_path / "a.h5")
    assert np.array_equal(scene["values"].values, plain_cube())
    assert scene["values"].attrs["nodata"] == 0
    with pytest.raises(SceneError, match="Did you mean 'deep/cube'"):
        open_scene(tmp_path / "a.h5", variable="cube")


def write_emit(path: Path, cube: np.ndarray, name: str = "reflectance") -> None:
    with h5py.File(path, "w") as file:
        file[name] = cube
        file[name].attrs["_FillValue"] = np.array([-9999.0], np.float32)
        file[name].attrs["units"] = "unitless"
        bands = file.create_group("sensor_band_parameters")
        bands["wavelengths"] = np.array([381.0, 388.4, 395.8], np.float32)
        bands["wavelengths"].attrs["units"] = "nm"
        bands["fwhm"] = np.array([8.4, 8.4, 8.41], np.float32)
        bands["good_wavelengths"] = np.array([1, 0, 1], np.uint8)
        file["location/glt_x"] = np.zeros((6, 7), np.int32)


def test_emit(tmp_path: Path) -> None:
    cube = np.random.default_rng(0).random((4, 5, 3)).astype(np.float32)
    cube[1, 2] = -9999
    write_emit(tmp_path / "EMIT_L2A_RFL_001.nc", cube)
    scene = open_scene(tmp_path / "EMIT_L2A_RFL_001.nc")
    assert np.array_equal(scene["values"].values, cube)
    assert scene["wavelength_nm"].values[1] == pytest.approx(388.4)
    assert scene["fwhm_nm"].values[2] == pytest.approx(8.41)
    assert usable_bands(scene).tolist() == [True, False, True]
    assert (~valid_mask(scene)).sum() == 1
    assert transform_of(scene) is None


def test_emit_of_another_kind_is_refused(tmp_path: Path) -> None:
    write_emit(tmp_path / "a.nc", plain_cube(), name="reflectance_uncertainty")
    with pytest.raises(SceneError, match=r"holds reflectance_uncertainty.* give the L2A RFL"):
        open_scene(tmp_path / "a.nc")


def write_prisma(path: Path, level: str = "L2D") -> None:
    """Two cubes (line, band, sample), wavelengths falling, each with its own scale."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        fields = file.create_group(f"HDFEOS/SWATHS/PRS_{level}_HCO/Data Fields")
        for part, wavelengths_nm, low, high in (
            ("Vnir", [0.0, 700.0, 500.0, 406.0], 0.0, 0.5),
            ("Swir", [2490.0, 1200.0, 943.0], 0.1, 1.1),
        ):
            count = len(wavelengths_nm)
            cube = rng.integers(1, 65536, (4, count, 5)).astype(np.uint16)
            cube[3, :, 4] = 0
            fields[f"{part.upper()}_Cube"] = cube
            file.attrs[f"List_Cw_{part}"] = np.array(wavelengths_nm, np.float32)
            file.attrs[f"List_Fwhm_{part}"] = np.arange(count, dtype=np.float32) + 10
            file.attrs[f"List_Cw_{part}_Flags"] = np.array(wavelengths_nm) > 0
            file.attrs[f"L2Scale{part}Min"], file.attrs[f"L2Scale{part}Max"] = low, high
        file.attrs["Epsg_Code"] = 32633
        file.attrs["Product_ULcorner_easting"] = 600015.0
        file.attrs["Product_ULcorner_northing"] = 4999985.0
        file.attrs["Product_LRcorner_easting"] = 600135.0
        file.attrs["Product_LRcorner_northing"] = 4999895.0


def test_prisma_is_one_spectrum_in_reflectance(tmp_path: Path) -> None:
    path = tmp_path / "PRS_L2D.he5"
    write_prisma(path)
    scene = open_scene(path)
    assert scene["wavelength_nm"].values.tolist() == [406, 500, 700, 943, 1200, 2490]
    assert scene["fwhm_nm"].values.tolist() == [13, 12, 11, 12, 11, 10]
    with h5py.File(path) as file:
        fields = file["HDFEOS/SWATHS/PRS_L2D_HCO/Data Fields"]
        vnir, swir = int(fields["VNIR_Cube"][1, 2, 3]), int(fields["SWIR_Cube"][1, 0, 3])
    values = scene["values"].values
    assert values[1, 3, 1] == pytest.approx(0.5 * vnir / 65535, rel=1e-5)
    assert values[1, 3, 5] == pytest.approx(0.1 + swir / 65535, rel=1e-5)
    assert np.argwhere(~valid_mask(scene)).tolist() == [[3, 4]]
    assert transform_of(scene) == Affine(30, 0, 600000, 0, -30, 5000000)
    assert crs_of(scene) == "EPSG:32633"


def test_prisma_level_1_is_refused(tmp_path: Path) -> None:
    write_prisma(tmp_path / "a.he5", "L1")
    with pytest.raises(SceneError, match=r"holds PRS_L1_HCO.*give the L2B, L2C or L2D"):
        open_scene(tmp_path / "a.he5")


def test_prisma_level_2c_has_no_grid(tmp_path: Path) -> None:
    write_prisma(tmp_path / "a.he5", "L2C")
    assert transform_of(open_scene(tmp_path / "a.he5")) is None


WAVELENGTHS_NM = [400.5, 500.0, 600.25]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("w.csv", "band_index0,wavelength_nm,fwhm_nm,bbl\n0,400.5,6,1\n1,500,7,0\n2,600.25,8,1\n"),
        ("w.tab", "# from somewhere\nBand\tWavelength (um)\nB1\t0.4005\nB2\t0.5\nB3\t0.60025\n"),
        ("w.txt", "400.5\n500\n600.25\n"),
        ("w.txt", "400.5, 500, 600.25"),
        ("w.txt", "1 400.5\n2 500\n3 600.25\n"),
        ("w.csv", "0.4005\n0.5\n0.60025\n"),
    ],
)
def test_wavelengths_from_a_table(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    scene = with_wavelengths(tmp_path, name)
    assert scene["wavelength_nm"].values.tolist() == WAVELENGTHS_NM
    if "bbl" in text:
        assert scene["good_band"].values.tolist() == [True, False, True]
        assert scene["fwhm_nm"].values.tolist() == [6, 7, 8]


def test_wavelengths_from_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", WAVELENGTHS_NM)
    scipy.io.savemat(tmp_path / "w.mat", {"wavelen": WAVELENGTHS_NM, "id": [1, 2, 3], "n": 4})
    for name in ("w.npy", "w.mat", "w.mat:wavelen"):
        scene = with_wavelengths(tmp_path, name)
        assert scene["wavelength_nm"].values.tolist() == WAVELENGTHS_NM


def with_wavelengths(folder: Path, name: str) -> xr.Dataset:
    scipy.io.savemat(folder / "cube.mat", {"cube": plain_cube()})
    return open_scene(folder / "cube.mat", wavelengths=f"{folder}/{name}")


def test_wavelengths_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "w.txt").write_text("400\n500\n600\n700\n")
    with pytest.raises(SceneError, match="4 wavelengths, the scene has 3 bands"):
        with_wavelengths(tmp_path, "w.txt")
    (tmp_path / "w.csv").write_text("name,colour\na,red\n")
    with pytest.raises(SceneError, match="columns are name, colour"):
        with_wavelengths(tmp_path, "w.csv")
    with pytest.raises(SceneError, match="does not exist"):
        with_wavelengths(tmp_path, "none.csv")
