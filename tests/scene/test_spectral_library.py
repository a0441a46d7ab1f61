import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio

from hsigan.errors import SceneError
from hsigan.scene.spectral_library import (
    SpectralLibrary,
    read_spectral_library,
    write_spectral_library,
)

PROVENANCE = json.dumps({"run": "a, b", "seed": 3, "share": "100 %", "nested": {"x": [1, 2]}})


@pytest.fixture
def library() -> SpectralLibrary:
    return SpectralLibrary(
        spectra=np.random.default_rng(1).normal(2000, 500, (5, 7)).astype(np.float32),
        wavelengths_nm=np.linspace(400, 2500, 7) + 1 / 3,
        labels=np.array([4, 1, 4, 4, 1]),
        class_names={1: "Corn, late", 4: "Soil {wet} 50%"},
        provenance=PROVENANCE,
    )


def test_everything_survives_a_round_trip(tmp_path, library):
    path = write_spectral_library(tmp_path / "made.sli", library)
    for name in (path, path.with_suffix(".hdr")):
        read = read_spectral_library(name)
        np.testing.assert_array_equal(read.spectra, library.spectra)
        np.testing.assert_array_equal(read.wavelengths_nm, library.wavelengths_nm)
        np.testing.assert_array_equal(read.labels, library.labels)
        assert read.class_names == library.class_names
        assert json.loads(read.provenance) == json.loads(PROVENANCE)
        assert read.names[:3] == ("Soil {wet} 50% 1", "Corn, late 1", "Soil {wet} 50% 2")


def test_only_spectra_are_needed(tmp_path):
    path = write_spectral_library(tmp_path / "bare", SpectralLibrary(np.eye(3)))
    read = read_spectral_library(path)
    assert path.name == "bare.sli"
    assert read.names == ("spectrum 1", "spectrum 2", "spectrum 3")
    assert (read.wavelengths_nm, read.labels, read.class_names, read.provenance) == (
        None,
        None,
        {},
        "",
    )


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_gdal_finds_the_values_where_the_header_says(tmp_path, library):
    path = write_spectral_library(tmp_path / "made.sli", library)
    header = path.with_suffix(".hdr")
    # GDAL recognises the file type and declines it; as an image the same bytes are one band.
    header.write_text(header.read_text().replace("ENVI Spectral Library", "ENVI Standard"))
    with rasterio.open(path) as image:
        assert (image.height, image.width, image.count) == (5, 7, 1)
        np.testing.assert_array_equal(image.read(1), library.spectra)


@pytest.mark.parametrize("header_name", ["usgs.hdr", "usgs.sli.hdr"])
def test_libraries_of_other_programs_are_read(tmp_path, header_name):
    values = np.arange(6).reshape(2, 3)
    (tmp_path / "usgs.sli").write_bytes(b"skip" + values.astype(">f8").tobytes())
    (tmp_path / header_name).write_text(
        "ENVI\ndescription = {\n  a = b, two\n  lines}\nsamples = 3\nlines   = 2\nbands   = 1\n"
        "header offset = 4\nfile type = ENVI Spectral Library\ndata type = 5\ninterleave = bsq\n"
        "byte order = 1\nwavelength units = Micrometers\nspectra names = {\n Alunite 50%25 GDS84,\n"
        " Kaolinite CM9}\nwavelength = {\n 0.4, 1.5,\n 2.5}\n"
    )
    for name in ("usgs.sli", header_name):
        read = read_spectral_library(tmp_path / name)
        np.testing.assert_array_equal(read.spectra, values)
        assert read.spectra.dtype == np.float64
        assert read.names == ("Alunite 50%25 GDS84", "Kaolinite CM9")
        np.testing.assert_allclose(read.wavelengths_nm, [400, 1500, 2500])


def test_mistakes_are_named(tmp_path, library):
    with pytest.raises(SceneError, match="needs 5 names"):
        write_spectral_library(tmp_path / "a.sli", SpectralLibrary(library.spectra, ("one",)))
    with pytest.raises(SceneError, match=r"shape \(3,\)"):
        write_spectral_library(tmp_path / "a.sli", SpectralLibrary(np.ones(3)))
    (tmp_path / "no").touch()
    with pytest.raises(SceneError, match="could not be written"):
        write_spectral_library(tmp_path / "no" / "a.sli", library)
    assert [path.name for path in tmp_path.iterdir()] == ["no"]
    path = write_spectral_library(tmp_path / "a.sli", library)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(SceneError, match="140 bytes, 139 are there"):
        read_spectral_library(path)
    header = path.with_suffix(".hdr")
    for old, new in (
        ("wavelength = {", "wavelength = {x, "),
        ("class ids = {1, 4}", "class ids = {1}"),
    ):
        wrong = write_spectral_library(tmp_path / "b.sli", library).with_suffix(".hdr")
        wrong.write_text(wrong.read_text().replace(old, new))
        with pytest.raises(SceneError, match=r"b\.hdr does not fit its data of 5 spectra"):
            read_spectral_library(wrong)
    header.write_text(header.read_text().replace("ENVI Spectral Library", "ENVI Standard"))
    with pytest.raises(SceneError, match="ENVI Standard"):
        read_spectral_library(path)
    header.unlink()
    with pytest.raises(SceneError, match=r"header a\.hdr is missing"):
        read_spectral_library(path)


def test_a_failing_write_leaves_the_old_library(tmp_path, library, monkeypatch):
    path = write_spectral_library(tmp_path / "a.sli", library)
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", full)
        with pytest.raises(SceneError, match="No space left"):
            write_spectral_library(path, SpectralLibrary(np.zeros((2, 7))))
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.hdr", "a.sli"]


def test_blocks_give_the_same_files_as_the_whole(tmp_path, library):
    whole = write_spectral_library(tmp_path / "whole.sli", library)
    empty = replace(library, spectra=library.spectra[:0])
    blocks = (library.spectra[start : start + 2] for start in range(0, len(library.spectra), 2))
    pieces = write_spectral_library(tmp_path / "pieces.sli", empty, blocks)
    for suffix in (".sli", ".hdr"):
        assert pieces.with_suffix(suffix).read_bytes() == whole.with_suffix(suffix).read_bytes()


def test_blocks_that_do_not_add_up_are_refused(tmp_path, library):
    empty = replace(library, spectra=library.spectra[:0])
    with pytest.raises(SceneError, match=r"must hold 5 spectra\. Got 4"):
        write_spectral_library(tmp_path / "a.sli", empty, [library.spectra[:4]])
    with pytest.raises(SceneError, match=r"Got \(5, 6\)"):
        write_spectral_library(tmp_path / "a.sli", empty, [library.spectra[:, :6]])
    assert list(tmp_path.iterdir()) == []
