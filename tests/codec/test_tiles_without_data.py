"""A tile without a single valid sample is the mask's business: no codec is asked about it."""

import sys
from pathlib import Path

import numpy as np
import pytest
from tests.codec.made_scenes import small_scene

from hsigan.bitstream.container import Chunk, ChunkKind, ContainerReader, file_bytes
from hsigan.codec.fitting import Training
from hsigan.codec.neural import HificCodec
from hsigan.codec.scene_file import Target, compress_scene, decompress_scene, verify_file
from hsigan.codec.survey import survey_scene
from hsigan.codec.zoo import open_codec
from hsigan.errors import StreamError
from hsigan.scene import make_scene

sys.path.append(str(Path(__file__).parents[1] / "training"))
from compression_scenes import BANDS, config, scene

CLASSICAL = ["klt", "jpeg2000", "sperr", "dct3d", "dpcm-dct"]
EMPTY, FULL = 0, 3
"""Of four tiles of 16 pixels."""


def half_empty(dtype="float32"):
    """A scene of 2 x 2 tiles: the first has no valid sample, others have some or all."""
    made = small_scene(32, 32, 6, dtype, nodata=-9999.0)
    values = made["values"].values
    values[:16, :16] = -9999
    values[2:5, 20:25] = -9999
    if np.dtype(dtype).kind == "f":
        values[3, :16], values[4, 5, 2], values[5, 5, 3] = np.nan, np.inf, -np.inf
    return made


def opened(name):
    codec = open_codec(name)
    codec.tile_px = 16
    return codec


def payloads(path):
    with ContainerReader(path) as reader:
        return reader.header, {key: reader.payload(*key) for key in reader.chunk_lengths()}


def with_payload(path, tile, payload):
    """Return the file's content with another payload of one tile."""
    header, parts = payloads(path)
    assert (ChunkKind.TILE, tile) in parts
    parts[ChunkKind.TILE, tile] = payload
    return file_bytes(header, [Chunk(*key, part) for key, part in parts.items()])


class Watched:
    """A codec that tells with how many tiles its encoders and decoders were troubled."""

    def __init__(self, codec):
        self._codec, self.encoded, self.decoded = codec, [], []

    def __getattr__(self, name):
        return getattr(self._codec, name)

    def encoder(self, survey, step):
        return _Watching(self._codec.encoder(survey, step), self)

    def decoder(self, header, side):
        return _Watching(self._codec.decoder(header, side), self)


class _Watching:
    def __init__(self, part, told):
        self._part, self._told = part, told
        self.side = getattr(part, "side", b"")

    def encode_tile(self, values):
        self._told.encoded.append(values)
        return self._part.encode_tile(values)

    def decode_tile(self, payload, height, width):
        self._told.decoded.append(payload)
        return self._part.decode_tile(payload, height, width)


@pytest.mark.parametrize("target", [Target(step=4.0), Target(bpppc=3.0)])
def test_no_codec_is_asked_about_a_tile_without_data(target, tmp_path):
    path, watched = tmp_path / "a.hsc", Watched(opened("dct3d"))
    compress_scene(half_empty(), path, watched, target)
    assert len(watched.encoded) % 3 == 0
    assert watched.encoded
    _, parts = payloads(path)
    written = [parts[ChunkKind.TILE, tile] for tile in range(4)]
    assert [bool(payload) for payload in written] == [False, True, True, True]
    watched.decoded.clear()
    decompress_scene(path, watched)
    assert watched.decoded == written[1:]


@pytest.mark.parametrize("dtype", ["int16", "float32"])
@pytest.mark.parametrize("name", CLASSICAL)
def test_what_is_no_data_comes_back_exactly(name, dtype, tmp_path):
    path, made = tmp_path / "a.hsc", half_empty(dtype)
    told = compress_scene(made, path, opened(name), Target(psnr_db=50.0))
    assert payloads(path)[1][ChunkKind.TILE, EMPTY] == b""
    before = made["values"].values
    after = decompress_scene(path, opened(name))["values"].values
    missing = (before == -9999) | ~np.isfinite(before)
    np.testing.assert_array_equal(after[missing], before[missing])
    error = np.square(after[~missing].astype(float) - before[~missing]).mean()
    assert 10 * np.log10(told.peak**2 / error) == pytest.approx(told.psnr_db, abs=0.01)


def test_a_scene_without_any_data_is_its_mask(tmp_path):
    made = make_scene(np.full((20, 40, 3), np.nan, np.float32))
    compress_scene(made, tmp_path / "a.hsc", opened("dct3d"), Target(step=1.0))
    assert np.isnan(decompress_scene(tmp_path / "a.hsc", opened("dct3d"))["values"]).all()


@pytest.mark.parametrize("size", [7, 100_000])  # one checksum for the file, or one for each chunk
def test_an_old_payload_of_such_a_tile_is_passed_over_but_guarded(size, tmp_path):
    path, made = tmp_path / "a.hsc", half_empty()
    compress_scene(made, path, opened("klt"), Target(step=4.0))
    expected = decompress_scene(path, opened("klt"))["values"].values
    old = np.random.default_rng(0).bytes(size)
    path.write_bytes(with_payload(path, EMPTY, old))
    verify_file(path)
    np.testing.assert_array_equal(decompress_scene(path, opened("klt"))["values"], expected)
    content = bytearray(path.read_bytes())
    content[content.index(old) + 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(StreamError, match="checksum"):
        verify_file(path)
    with pytest.raises(StreamError, match="checksum"):
        decompress_scene(path, opened("klt"))


def test_other_tiles_are_decoded_and_must_be_whole(tmp_path):
    path = tmp_path / "a.hsc"
    compress_scene(half_empty(), path, opened("dct3d"), Target(step=4.0))
    with pytest.raises(StreamError):
        decompress_scene(with_payload(path, FULL, b"\xff" * 7), opened("dct3d"))


@pytest.fixture(scope="module")
def hific():
    chosen = config(gan_trains="generator", tile_level=True)
    return HificCodec().fit([scene(1), scene(2)], chosen, Training((scene(5),)))


def test_a_tile_of_the_band_means_is_coded_like_the_same_one_elsewhere(hific, tmp_path):
    means = 700 + 10 * np.arange(BANDS, dtype=np.int16)
    balanced = np.broadcast_to(means, (64, 32, BANDS)).copy()
    balanced[32:48] -= 40
    balanced[48:] += 40
    tilted = balanced.copy()
    tilted[48:] += 1
    found = []
    for values in (balanced, tilted):
        made, path = make_scene(values), tmp_path / "a.hsc"
        is_mean = (values[:32] == survey_scene(made).band_mean.astype(np.float32)).all()
        assert is_mean == (values is balanced)
        compress_scene(made, path, hific)
        payload = payloads(path)[1][ChunkKind.TILE, 0]
        found.append((payload, decompress_scene(path, hific)["values"].values[:32]))
    assert found[0][0] == found[1][0] != b""
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_hific_spends_nothing_on_tiles_without_data_and_on_constant_bands(hific, tmp_path):
    made = scene(7, height=64, width=64, nodata=-1)
    made["values"].values[:32, :32] = -1
    compress_scene(made, tmp_path / "a.hsc", hific)
    _, parts = payloads(tmp_path / "a.hsc")
    assert [bool(parts[ChunkKind.TILE, tile]) for tile in range(4)] == [False, True, True, True]
    decoded = decompress_scene(tmp_path / "a.hsc", hific)["values"].values
    np.testing.assert_array_equal(decoded == -1, made["values"].values == -1)
    constant = make_scene(np.full((40, 40, BANDS), 321, np.int16))
    compress_scene(constant, tmp_path / "b.hsc", hific)
    _, parts = payloads(tmp_path / "b.hsc")
    assert not any(parts[ChunkKind.TILE, tile] for tile in range(4))
    np.testing.assert_array_equal(decompress_scene(tmp_path / "b.hsc", hific)["values"], 321)
