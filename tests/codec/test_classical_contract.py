"""What every codec of the zoo that needs no model promises, whichever it is."""

import contextlib

import numpy as np
import pytest
import xarray as xr
from tests.codec.made_scenes import small_scene, with_gaps

from hsigan.bitstream.container import Chunk, ChunkKind, ContainerReader, file_bytes
from hsigan.codec.scene_file import Target, compress_scene, decompress_scene, verify_file
from hsigan.codec.zoo import CODECS, codec_name, open_codec
from hsigan.errors import StreamError

NAMES = [name for name, entry in CODECS.items() if not entry.needs_model]


@pytest.fixture(params=NAMES)
def codec(request):
    return open_codec(request.param)


def mean_error(scene, decoded):
    wide = [each["values"].values.astype(np.float64) for each in (scene, decoded)]
    return float(np.mean(np.square(wide[0] - wide[1])))


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (1, 1, 6), (5, 7, 1), (9, 1, 3), (1, 9, 3), (33, 20, 6), (3, 2, 450)]
)
def test_any_shape_comes_back(codec, shape, tmp_path):
    scene = small_scene(*shape)
    compress_scene(scene, tmp_path / "a.hsc", codec, Target(step=4.0))
    decoded = decompress_scene(tmp_path / "a.hsc")
    assert decoded["values"].shape == shape
    assert decoded["values"].dtype == np.int16
    # Far coarser than the quantiser's error, far finer than the scene's spread.
    assert mean_error(scene, decoded) < 4.0**2


def test_a_finer_step_takes_more_bytes_and_errs_less(codec, tmp_path):
    scene = small_scene()
    sizes, errors = [], []
    for step in (4.0, 16.0, 64.0, 256.0):
        told = compress_scene(scene, tmp_path / "a.hsc", codec, Target(step=step))
        sizes.append(told.bytes)
        errors.append(mean_error(scene, decompress_scene(tmp_path / "a.hsc")))
    assert sizes == sorted(sizes, reverse=True)
    assert errors == sorted(errors)
    assert sizes[0] > 1.5 * sizes[-1]


def test_the_same_scene_gives_the_same_bytes_with_any_number_of_threads(codec, tmp_path):
    scene = small_scene(50, 40, 5)
    codec.tile_px = 16
    for name, threads in (("one", 1), ("again", 1), ("two", 2)):
        compress_scene(scene, tmp_path / name, codec, Target(step=10.0), threads=threads)
    content = (tmp_path / "one").read_bytes()
    assert (tmp_path / "again").read_bytes() == content
    assert (tmp_path / "two").read_bytes() == content


def test_a_window_is_the_crop_of_the_whole(codec, tmp_path):
    scene = small_scene(50, 40, 5)
    codec.tile_px = 16
    compress_scene(scene, tmp_path / "a.hsc", codec, Target(step=10.0))
    whole = decompress_scene(tmp_path / "a.hsc", codec)
    part = decompress_scene(tmp_path / "a.hsc", codec, window=(15, 34, 3, 17))
    xr.testing.assert_equal(part, whole.isel(y=slice(15, 34), x=slice(3, 17)))


@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_what_is_no_data_comes_back_exactly(codec, dtype, tmp_path):
    scene = with_gaps(dtype)
    compress_scene(scene, tmp_path / "a.hsc", codec, Target(step=4.0))
    decoded = decompress_scene(tmp_path / "a.hsc")
    assert decoded["values"].attrs["nodata"] == -9999
    before, after = scene["values"].values, decoded["values"].values
    missing = ~np.isfinite(before.astype(float)) | (before == -9999)
    np.testing.assert_array_equal(after[missing], before[missing])
    assert not (~np.isfinite(after.astype(float)) | (after == -9999))[~missing].any()
    assert np.abs(after[~missing].astype(float) - before[~missing]).max() < 40
    np.testing.assert_array_equal(after[..., 5], 77)  # constant bands are exact at any step


def test_a_scene_without_a_valid_sample(codec, tmp_path):
    scene = small_scene(5, 7, 3, nodata=-1.0)
    scene["values"].values[:] = -1
    told = compress_scene(scene, tmp_path / "a.hsc", codec)
    decoded = decompress_scene(tmp_path / "a.hsc")
    np.testing.assert_array_equal(decoded["values"], scene["values"])
    assert told.psnr_db == float("inf")


def test_a_tile_or_side_information_of_noise_is_refused_or_decodes_to_something_finite(
    codec, tmp_path
):
    """The container's checksums are right here: the payload itself is hostile."""

    scene = small_scene(33, 20, 6)
    compress_scene(scene, tmp_path / "a.hsc", codec, Target(step=10.0))
    with ContainerReader(tmp_path / "a.hsc") as reader:
        header = reader.header
        chunks = {kind: reader.payload(kind, tile) for kind, tile in reader.chunk_lengths()}
    random = np.random.default_rng(0)
    for turn in range(60):
        kind = (ChunkKind.SIDE, ChunkKind.TILE)[turn % 2]
        hostile = bytearray(chunks[kind])
        for _ in range(3):
            hostile[random.integers(len(hostile))] = random.integers(256)
        cut = len(hostile) if turn % 3 else int(random.integers(len(hostile)))
        changed = chunks | {kind: bytes(hostile[:cut])}
        content = file_bytes(header, [Chunk(each, 0, body) for each, body in changed.items()])
        with contextlib.suppress(StreamError):  # anything else would be a crash
            assert decompress_scene(content)["values"].shape == (33, 20, 6)


def test_numbers_and_names_of_codecs_are_unique():
    numbers = [entry.number for entry in CODECS.values()]
    assert len(set(numbers)) == len(numbers)
    assert all(codec_name(entry.number) == name for name, entry in CODECS.items())


def test_a_written_file_verifies(codec, tmp_path):
    compress_scene(small_scene(), tmp_path / "a.hsc", codec, Target(step=10.0))
    verify_file(tmp_path / "a.hsc", decode=True)
