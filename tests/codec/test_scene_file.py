"""Targets are held on the bytes of the file and on the pixels that come back."""

import numpy as np
import pytest
from affine import Affine
from tests.codec.made_scenes import small_scene

from hsigan.bitstream.container import Chunk, ChunkKind, ContainerReader, Header, file_bytes
from hsigan.codec.klt import KltCodec
from hsigan.codec.scene_file import Target, compress_scene, decompress_scene, inspect_file
from hsigan.codec.zoo import open_codec
from hsigan.errors import InputError, StreamError
from hsigan.scene import crs_of, make_scene, open_scene, simulate_scene, transform_of


def psnr_db(scene, decoded):
    before, after = (each["values"].values.astype(np.float64) for each in (scene, decoded))
    return 10 * np.log10(before.max() ** 2 / np.mean(np.square(before - after)))


@pytest.mark.parametrize("name", ["klt", "jpeg2000", "sperr", "dct3d", "dpcm-dct"])
def test_a_rate_is_the_bytes_of_the_file_and_is_not_exceeded(name, tmp_path):
    scene = simulate_scene(60, 50, 30, 4, seed=1)
    for target in (Target(bpp=8.0), Target(bpppc=1.0)):
        told = compress_scene(scene, tmp_path / "a.hsc", open_codec(name), target)
        size = (tmp_path / "a.hsc").stat().st_size
        most = target.most_bytes(60, 50, 30)
        assert told.bytes == size <= most
        assert size > 0.93 * most
        assert told.bpp == pytest.approx(8 * size / 3000)
        assert told.ratio == pytest.approx(16 / told.bpppc)


@pytest.mark.parametrize("name", ["klt", "jpeg2000", "sperr", "dct3d", "dpcm-dct"])
def test_a_quality_is_that_of_the_pixels_that_come_back(name, tmp_path):
    scene = simulate_scene(60, 50, 30, 4, seed=1)
    told = compress_scene(scene, tmp_path / "a.hsc", open_codec(name), Target(psnr_db=45.0))
    found = psnr_db(scene, decompress_scene(tmp_path / "a.hsc"))
    assert found == pytest.approx(told.psnr_db, abs=1e-3)
    assert 45.0 <= found < 46.0


def test_a_large_scene_is_corrected_by_what_the_whole_came_to(tmp_path, monkeypatch):
    from hsigan.codec import encode

    monkeypatch.setattr(encode, "SMALL_SAMPLES", 1000)
    monkeypatch.setattr(encode, "_SAMPLE_SIDE", 16)
    scene = simulate_scene(90, 70, 30, 4, seed=1)
    codec = open_codec("klt")
    codec.tile_px = 32
    told = compress_scene(scene, tmp_path / "a.hsc", codec, Target(bpp=6.0))
    assert 0.9 * 6.0 < told.bpp <= 6.0
    told = compress_scene(scene, tmp_path / "a.hsc", codec, Target(psnr_db=45.0))
    assert 45.0 <= told.psnr_db < 45.6


def _lossless_but_for_a_corner(corner, nodata=None):
    values = np.full((90, 70, 30), 500, np.int16)
    values[:20, :20] = corner
    return make_scene(values, nodata=nodata)


@pytest.mark.parametrize("nodata", [None, 500])
@pytest.mark.parametrize("target", [Target(psnr_db=50.0), Target(bpppc=0.02)])
def test_a_large_scene_whose_pieces_tell_nothing_is_searched_as_a_whole(
    nodata, target, tmp_path, monkeypatch
):
    from hsigan.codec import encode

    monkeypatch.setattr(encode, "SMALL_SAMPLES", 1000)
    monkeypatch.setattr(encode, "_SAMPLE_TILES", 1)
    codec, path = open_codec("klt"), tmp_path / "a.hsc"
    codec.tile_px = 32
    corner = simulate_scene(20, 20, 30, 4, seed=1)["values"].values
    told = compress_scene(_lossless_but_for_a_corner(corner, nodata), path, codec, target)
    if target.psnr_db is not None:
        assert 50.0 <= told.psnr_db < 52.0
    else:
        assert 0.017 < told.bpppc <= 0.02
    scene = _lossless_but_for_a_corner(500, nodata)  # nothing is there to be lost
    assert compress_scene(scene, path, codec, target).psnr_db == np.inf
    decoded = decompress_scene(path, codec)["values"].values
    np.testing.assert_array_equal(decoded, scene["values"].values)


def test_targets_out_of_reach_and_impossible_ones_are_refused(tmp_path):
    scene = small_scene()
    with pytest.raises(InputError, match="out of the reach"):
        compress_scene(scene, tmp_path / "a.hsc", open_codec("klt"), Target(bpppc=1e-4))
    assert not (tmp_path / "a.hsc").exists()
    for wrong in ({}, {"bpp": 1.0, "psnr_db": 40.0}, {"bpp": 0.0}, {"bpp": float("nan")}):
        with pytest.raises(InputError):
            Target(**wrong)


def test_a_step_below_all_values_is_exact(tmp_path):
    scene = small_scene()
    told = compress_scene(scene, tmp_path / "a.hsc", open_codec("klt"), Target(step=0.2))
    assert told.psnr_db == float("inf")
    np.testing.assert_array_equal(decompress_scene(tmp_path / "a.hsc")["values"], scene["values"])


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_the_unit_of_the_values_does_not_matter(scale, tmp_path):
    plain = small_scene(dtype="float32")
    scaled = plain.copy(deep=True)
    scaled["values"].values *= np.float32(scale / 4000)
    sizes = [
        compress_scene(scene, tmp_path / "a.hsc", open_codec("klt"), Target(psnr_db=45.0)).bytes
        for scene in (plain, scaled)
    ]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.02)


@pytest.mark.parametrize(
    ("value", "message"), [(1e30, "no data"), (-1e30, "no data"), (0, "scale")]
)
def test_values_whose_squares_float32_does_not_hold_are_refused(value, message, tmp_path):
    scene = small_scene(dtype="float32")
    scene["values"].values *= np.float32(1 if value else 1e-30)
    scene["values"].values[0, 0, 0] = value
    with pytest.raises(InputError, match=message):
        compress_scene(scene, tmp_path / "a.hsc", open_codec("klt"))


@pytest.mark.parametrize("codec", ["klt", "jpeg2000", "sperr", "dct3d", "dpcm-dct"])
def test_no_search_leaves_the_steps_that_a_file_can_hold(codec, tmp_path):
    random = np.random.default_rng(0)
    extremes = random.choice(np.array([-(2**31), 2**31 - 1], dtype=np.int32), (9, 9, 6))
    scene = make_scene(extremes)
    told = compress_scene(scene, tmp_path / "a.hsc", open_codec(codec), Target(bpppc=1e6))
    assert np.isfinite(decompress_scene(tmp_path / "a.hsc")["values"]).all()
    with pytest.raises(InputError, match="out of the reach"):
        compress_scene(scene, tmp_path / "a.hsc", open_codec(codec), Target(psnr_db=500.0))
    for step in (told.step / 1e12, 1e30):
        with pytest.raises(InputError, match="step must be"):
            compress_scene(scene, tmp_path / "a.hsc", open_codec(codec), Target(step=step))


def test_a_nodata_value_beyond_the_type_is_like_none(tmp_path):
    scene = small_scene(dtype="float32", nodata=-np.finfo(np.float64).max)
    scene["values"].values[2, 3, 1] = -np.inf
    compress_scene(scene, tmp_path / "a.hsc", open_codec("klt"))
    decoded = decompress_scene(tmp_path / "a.hsc")["values"].values
    np.testing.assert_array_equal(np.isinf(decoded), np.isinf(scene["values"]))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
def test_numeric_types_come_back(dtype, tmp_path):
    scene = small_scene(dtype=dtype)
    compress_scene(scene, tmp_path / "a.hsc", open_codec("klt"), Target(step=2.0))
    decoded = decompress_scene(tmp_path / "a.hsc")
    assert decoded["values"].dtype == dtype
    error = decoded["values"].values.astype(float) - scene["values"].values
    assert np.abs(error).max() < 10


def test_other_numeric_types_are_refused(tmp_path):
    with pytest.raises(InputError, match="int64"):
        compress_scene(small_scene(dtype="int64"), tmp_path / "a.hsc", open_codec("klt"))


def test_no_valid_sample_becomes_nodata(tmp_path):
    scene = small_scene(nodata=2000.0)
    values = scene["values"].values
    values[values == 2000] = 2001
    compress_scene(scene, tmp_path / "a.hsc", open_codec("klt"), Target(step=500.0))
    assert not (decompress_scene(tmp_path / "a.hsc")["values"] == 2000).any()


def test_place_and_bands_come_back(tmp_path):
    from hsigan.scene import crs_of, transform_of

    scene = simulate_scene(40, 30, 12, 3, seed=1)
    compress_scene(scene, tmp_path / "a.hsc", open_codec("klt"), Target(step=50.0))
    whole = decompress_scene(tmp_path / "a.hsc")
    assert crs_of(whole) == crs_of(scene)
    assert transform_of(whole) == transform_of(scene)
    np.testing.assert_allclose(whole["wavelength_nm"], scene["wavelength_nm"], atol=1e-4)
    assert whole["values"].attrs["units"] == scene["values"].attrs["units"]
    part = decompress_scene(tmp_path / "a.hsc", window=(10, 20, 5, 30))
    np.testing.assert_allclose(part["y"], scene["y"][10:20])
    np.testing.assert_allclose(part["x"], scene["x"][5:30])


def test_windows_outside_are_refused(tmp_path):
    compress_scene(small_scene(), tmp_path / "a.hsc", open_codec("klt"), Target(step=50.0))
    for window in ((0, 34, 0, 5), (3, 3, 0, 5), (-1, 3, 0, 5)):
        with pytest.raises(InputError, match="window"):
            decompress_scene(tmp_path / "a.hsc", window=window)


def test_inspection_adds_up(tmp_path):
    compress_scene(small_scene(), tmp_path / "a.hsc", open_codec("klt"), Target(step=50.0))
    facts = inspect_file(tmp_path / "a.hsc")
    chunks = sum(each["bytes"] for each in facts["chunks"].values())
    assert chunks + facts["overhead_bytes"] == facts["bytes"]
    assert facts["overhead_bytes"] <= 64 + 12 * len(facts["chunks"])
    assert (facts["height"], facts["width"], facts["bands"]) == (33, 20, 6)


def test_scenes_on_disk_give_the_bytes_of_scenes_in_memory(tmp_path):
    from hsigan.scene import write_scene

    scene = simulate_scene(60, 50, 12, 3, seed=1)
    path = write_scene(scene.drop_vars("label"), tmp_path / "scene.tif")
    for name, lazy in (("whole", False), ("lazy", True)):
        opened = open_scene(path, lazy=lazy)
        compress_scene(opened, tmp_path / name, open_codec("klt"), Target(step=20.0))
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "lazy").read_bytes()


def test_klt_on_a_real_scene_is_as_good_as_was_measured(data_dir, tmp_path):
    """57.4 dB at 0.1 bits per sample, 36.5 dB at 1 bit per pixel: KLT + JPEG 2000 as published."""
    scene = open_scene(data_dir / "abu" / "abu-airport-1.mat")
    for target, least_db in ((Target(bpppc=0.1), 58.5), (Target(bpp=1.0), 38.0)):
        told = compress_scene(scene, tmp_path / "a.hsc", open_codec("klt"), target)
        assert told.psnr_db > least_db


def test_enmap_tiles_keep_their_empty_bands(data_dir, tmp_path):
    path = min((data_dir / "enmap_potsdam" / "images").glob("*.tif"))
    scene = open_scene(path)
    told = compress_scene(scene, tmp_path / "a.hsc", open_codec("klt"))
    decoded = decompress_scene(tmp_path / "a.hsc")["values"].values
    missing = scene["values"].values == -32768
    assert missing.any()
    np.testing.assert_array_equal(decoded == -32768, missing)
    assert told.psnr_db >= 50


def with_bands(scene, first_nm=400.0, **attributes):
    """Return the scene with band centres, units and a place on the ground."""
    centres = first_nm + 10.5 * np.arange(scene.sizes["band"])
    return make_scene(
        scene["values"].values,
        wavelengths_nm=centres,
        units="reflectance",
        crs="EPSG:32633",
        transform=Affine(30.0, 0.0, 5e5, 0.0, -30.0, 5e6),
        **attributes,
    )


def test_what_the_model_knows_of_the_sensor_costs_a_file_one_flag(tmp_path):
    codec = KltCodec().fit([with_bands(small_scene(20, side, 9)) for side in (20, 22)])
    scene = with_bands(small_scene(24, 20, 9))
    other = with_bands(small_scene(24, 20, 9), first_nm=500.0)
    sizes = {}
    for name, each in {"known": scene, "other": other}.items():
        path = tmp_path / f"{name}.hsc"
        compress_scene(each, path, codec, Target(step=4.0), embed_model=True)
        with ContainerReader(path) as reader:
            assert reader.header.is_profile == (name == "known")
            sizes[name] = len(reader.payload(ChunkKind.METADATA))
        decoded = decompress_scene(path)
        assert np.array_equal(decoded["wavelength_nm"], each["wavelength_nm"])
        assert decoded["values"].attrs["units"] == "reflectance"
        assert (crs_of(decoded), transform_of(decoded)) == (crs_of(each), transform_of(each))
        told = inspect_file(path)
        assert len(told["metadata"]["wavelengths_nm"]) == 9
        assert "profile" not in told["codec"]
    assert sizes["known"] < sizes["other"]
    bare = make_scene(scene["values"].values, wavelengths_nm=scene["wavelength_nm"].values)
    bare["values"].attrs["units"] = "reflectance"
    compress_scene(bare, tmp_path / "bare.hsc", codec, Target(step=4.0))
    with ContainerReader(tmp_path / "bare.hsc") as reader:
        assert reader.header.is_profile
        assert not reader.has(ChunkKind.METADATA)
    with pytest.raises(StreamError, match="model"):
        decompress_scene(tmp_path / "bare.hsc")  # the model that knows the bands is nowhere


def test_a_header_that_claims_a_huge_tile_takes_no_memory(monkeypatch):
    monkeypatch.setattr("os.sysconf", {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}.__getitem__)
    header = Header(1, b"", 256, 256, 30_000, "int16", 256)
    content = file_bytes(header, [Chunk(ChunkKind.TILE, 0, b"")])
    with pytest.raises(InputError, match="GiB"):
        decompress_scene(content, window=(0, 1, 0, 1))
