import gzip
from pathlib import Path

import numpy as np
import pytest
import rasterio

from hsigan.errors import SceneError
from hsigan.scene import open_scene, open_scenes, usable_bands

from .scenes import plain_cube

AXES = {"bsq": (2, 0, 1), "bil": (0, 2, 1), "bip": (0, 1, 2)}


def write_envi_by_hand(path: Path, interleave: str, order: str, extra: str = "") -> None:
    cube = plain_cube()
    data = cube.transpose(AXES[interleave]).astype(f"{order}i2").tobytes()
    path.write_bytes(b"\0" * 16 + data)
    path.with_suffix(".hdr").write_text(
        f"ENVI\nsamples = 5\nlines = 4\nbands = 3\nheader offset = 16\nfile type = ENVI Standard\n"
        f"data type = 2\ninterleave = {interleave}\nbyte order = {int(order == '>')}\n{extra}"
    )


@pytest.mark.parametrize("interleave", AXES)
@pytest.mark.parametrize("order", ["<", ">"])
def test_envi_in_every_order(interleave: str, order: str, tmp_path: Path) -> None:
    path = tmp_path / "a.img"
    write_envi_by_hand(path, interleave, order)
    for given in (path, path.with_suffix(".hdr")):
        assert np.array_equal(open_scene(given)["values"].values, plain_cube())


@pytest.mark.parametrize(
    ("header", "data"), [("a.img.hdr", "a.img"), ("a.hdr", "a.img"), ("a.hdr", "a")]
)
def test_envi_pairs_find_each_other(header: str, data: str, tmp_path: Path) -> None:
    write_envi_by_hand(tmp_path / "a.img", "bsq", "<")
    (tmp_path / "a.img").rename(tmp_path / data)
    (tmp_path / "a.hdr").rename(tmp_path / header)
    assert np.array_equal(open_scene(tmp_path / header)["values"].values, plain_cube())


def test_envi_compressed_and_not_though_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.bsq"
    write_envi_by_hand(path, "bsq", "<", "file compression = 1\n")
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert np.array_equal(open_scene(path)["values"].values, plain_cube())
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SceneError, match="gzip-compressed"):
        open_scene(path)


@pytest.mark.parametrize(
    ("units", "numbers", "widths"),
    [
        ("Micrometers", "0.4, 0.5, 2.4", "0.01, 0.01, 0.02"),
        ("Nanometers", "400, 500, 2400", "10, 10, 20"),
        ("Unknown", "0.4, 0.5, 2.4", "0.01, 0.01, 0.02"),
        (None, "400, 500, 2400", "10, 10, 20"),
    ],
)
def test_envi_facts(units: str | None, numbers: str, widths: str, tmp_path: Path) -> None:
    extra = f"wavelength = {{{numbers}}}\nfwhm = {{{widths}}}\nbbl = {{1, 0, 1}}\n"
    extra += "data ignore value = 3\nreflectance scale factor = 10000\n"
    if units is not None:
        extra += f"wavelength units = {units}\n"
    write_envi_by_hand(tmp_path / "a.img", "bip", "<", extra)
    scene = open_scene(tmp_path / "a.img")
    assert scene["wavelength_nm"].values.tolist() == [400, 500, 2400]
    assert scene["fwhm_nm"].values.tolist() == [10, 10, 20]
    assert scene["good_band"].values.tolist() == [True, False, True]
    assert scene["values"].attrs == {"nodata": 3.0, "scale": 0.0001}
    assert usable_bands(scene).tolist() == [True, False, True]


def test_units_that_are_no_length_give_no_wavelengths(tmp_path: Path) -> None:
    write_envi_by_hand(
        tmp_path / "a.img", "bip", "<", "wavelength = {1, 2, 3}\nwavelength units = Index\n"
    )
    assert "wavelength_nm" not in open_scene(tmp_path / "a.img").coords


def test_wavelengths_in_band_names(tmp_path: Path) -> None:
    names = "band 1 (0.424000 Micrometers), band 2 (0.5 Micrometers), band 3 (1 Micrometers)"
    write_envi_by_hand(tmp_path / "a.img", "bip", "<", f"band names = {{{names}}}\n")
    assert open_scene(tmp_path / "a.img")["wavelength_nm"].values.tolist() == [424, 500, 1000]


@pytest.mark.parametrize("interleave", AXES)
def test_a_short_envi_file_is_not_filled_with_zeros(interleave: str, tmp_path: Path) -> None:
    path = tmp_path / "a.img"
    write_envi_by_hand(path, interleave, "<")
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(SceneError, match="134 bytes, its header speaks of 136"):
        open_scene(path)


def test_envi_without_its_other_half(tmp_path: Path) -> None:
    write_envi_by_hand(tmp_path / "a.img", "bsq", "<")
    header = (tmp_path / "a.hdr").read_text()
    (tmp_path / "a.hdr").unlink()
    with pytest.raises(SceneError, match=r"put its header a\.hdr beside it"):
        open_scene(tmp_path / "a.img")
    (tmp_path / "b.hdr").write_text(header)
    with pytest.raises(SceneError, match=r"b\.hdr is a header without data"):
        open_scene(tmp_path / "b.hdr")


@pytest.mark.parametrize("interleave", ["band", "pixel"])
def test_geotiff(interleave: str, tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif", plain_cube(), interleave=interleave, nodata=-1)
    scene = open_scene(tmp_path / "a.tif")
    assert np.array_equal(scene["values"].values, plain_cube())
    assert scene["values"].attrs == {"nodata": -1.0}
    assert "spatial_ref" not in scene.coords


def write_tiff(path: Path, cube: np.ndarray, **options: object) -> None:
    height, width, count = cube.shape
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(
            path, "w", "GTiff", width, height, count, dtype=cube.dtype, **options
        ) as target,
    ):
        target.write(np.moveaxis(cube, -1, 0))


def test_a_spectral_library_is_no_scene(tmp_path: Path) -> None:
    write_envi_by_hand(tmp_path / "a.img", "bip", "<")
    header = tmp_path / "a.hdr"
    header.write_text(header.read_text().replace("ENVI Standard", "ENVI Spectral Library"))
    with pytest.raises(SceneError, match="Spectral Library"):
        open_scene(tmp_path / "a.img")


def test_an_image_has_no_variables(tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif", plain_cube())
    for wrong in ({"variable": "cube"}, {"layout": "bhw"}):
        with pytest.raises(SceneError, match="leave out the variable and the layout"):
            open_scene(tmp_path / "a.tif", **wrong)


def test_one_band_is_read(tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif", plain_cube(bands=1))
    assert open_scene(tmp_path / "a.tif").sizes["band"] == 1


def test_a_cut_off_geotiff(tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif", plain_cube(40, 50, 30))
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[: len(content) // 2])
    with pytest.raises(SceneError, match=r"a\.tif cannot be read"):
        open_scene(tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["a.tif", "a.img", "a.txt", "a.nc", "a.h5", "a"])
def test_text_and_nothing_are_not_images(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("This is a letter.\n" * 50)
    with pytest.raises(SceneError, match=name):
        open_scene(tmp_path / name)
    (tmp_path / name).write_text("")
    with pytest.raises(SceneError, match="is empty"):
        open_scene(tmp_path / name)


def test_wrong_paths(tmp_path: Path) -> None:
    write_tiff(tmp_path / "scene.tif", plain_cube())
    with pytest.raises(SceneError, match=r"Did you mean scene\.tif"):
        open_scene(tmp_path / "scen.tif")
    with pytest.raises(SceneError, match="is a folder"):
        open_scene(tmp_path)
    with pytest.raises(SceneError, match="no scene was given"):
        open_scenes([])


@pytest.mark.parametrize("kind", ["nodata", "nan", "constant"])
def test_a_scene_of_nothing_is_refused(kind: str, tmp_path: Path) -> None:
    cube = np.full((4, 5, 3), {"nodata": -1, "nan": np.nan, "constant": 7}[kind], np.float32)
    write_tiff(tmp_path / "a.tif", cube, nodata=-1)
    with pytest.raises(SceneError, match="no usable pixel"):
        open_scene(tmp_path / "a.tif")


def test_bands_must_agree(tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif", plain_cube())
    write_tiff(tmp_path / "b.tif", plain_cube(bands=4))
    with pytest.raises(SceneError, match="a and b have 3 and 4 bands"):
        open_scenes([tmp_path / "a.tif", tmp_path / "b.tif"])
    for name, first_nm in (("c", 400), ("d", 420)):
        write_envi_by_hand(
            tmp_path / f"{name}.img", "bsq", "<", f"wavelength = {{{first_nm}, 500, 600}}\n"
        )
    with pytest.raises(SceneError, match=r"band 0 \(400 and 420 nm\)"):
        open_scenes([tmp_path / "c.img", tmp_path / "d.img"])
