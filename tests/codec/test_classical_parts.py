"""Laws of the classical codecs' parts."""

import imagecodecs
import numpy as np
import pytest
from tests.codec.made_scenes import small_scene, smooth, with_gaps

from hsigan.bitstream.varint import ByteReader
from hsigan.codec import codestream
from hsigan.codec.allowance import allow_error
from hsigan.codec.basis import orthonormal, principal_axes, quantise_axes
from hsigan.codec.blocks import cosine, from_blocks, inverse_cosine, to_blocks
from hsigan.codec.coefficients import decode_groups, encode_groups, quantise
from hsigan.codec.klt import KltCodec
from hsigan.codec.model_file import load_model, model_hash, save_model
from hsigan.codec.rate import OutOfReachError, find_step
from hsigan.codec.rows import decode_rows, encode_rows
from hsigan.codec.scene_file import Target, compress_scene, decompress_scene
from hsigan.codec.side import Bands, decode_bands, encode_bands
from hsigan.codec.survey import survey_scene
from hsigan.codec.values import fill, kinds_of, restore
from hsigan.codec.zoo import codec_of_file, find_model, open_codec
from hsigan.errors import InputError, StreamError


def planes_of(*shape, seed=0):
    scale = np.array([1000.0, 100.0, 10.0, 3.0])[: shape[0], None, None]
    noise = np.random.default_rng(seed).normal(size=shape)
    return (noise * scale + 500).astype(np.float32)


@pytest.mark.parametrize("shape", [(4, 1, 1), (2, 5, 7), (4, 33, 20), (2, 8, 200), (1, 256, 256)])
@pytest.mark.parametrize("step", [1.0, 30.0])
def test_planes_err_as_much_as_they_are_allowed(shape, step):
    planes = planes_of(*shape)
    allowed = planes.size * step**2 / 12
    payload = codestream.encode_planes(planes, step, allowed)
    decoded = codestream.decode_planes(payload, shape, step)
    error = np.square(decoded - planes, dtype=np.float64).sum()
    assert error < 1.5 * allowed


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 20])
def test_planes_of_any_small_size_come_back(count):
    for height, width in [*np.ndindex(7, 7), (299, 0), (0, 299)]:
        shape = (count, height + 1, width + 1)
        planes = np.random.default_rng(0).normal(0, 100, shape).astype(np.float32)
        payload = codestream.encode_planes(planes, 2.0, planes.size / 3)
        assert np.abs(codestream.decode_planes(payload, shape, 2.0) - planes).max() < 12


@pytest.mark.parametrize("side", [16, 32, 64, 128, 256])
def test_headers_are_put_back_at_every_number_of_levels(side):
    """The codestream that is put together is a legal one, which other decoders read."""
    planes = planes_of(3, side, side)
    payload = codestream.encode_planes(planes, 16.0, planes.size * 20.0)
    levels = payload[1] & 0x1F
    assert levels == {16: 1, 32: 2, 64: 3, 128: 4, 256: 5}[side]
    stream = codestream._with_headers(payload[2:], planes.shape, payload[0], levels)
    decoded = np.moveaxis(np.asarray(imagecodecs.jpeg2k_decode(stream)), -1, 0)
    expected = codestream.decode_planes(payload, planes.shape, 16.0)
    np.testing.assert_array_equal(decoded.astype(np.float32), expected)
    assert len(stream) == len(payload) + codestream.header_bytes(3, levels)


def test_a_quality_of_a_tile_is_that_of_its_slope():
    """What has little to lose loses it all; what has much errs by step**2 / 12 per sample."""
    rich, poor = planes_of(1, 64, 64), np.full((1, 64, 64), 0.01, dtype=np.float32)
    kept, allowed = allow_error(rich, 10.0)
    assert kept == 1
    assert allowed == pytest.approx(64 * 64 * 100 / 12, rel=0.02)
    assert allow_error(poor, 10.0) == (0, 0.0)
    assert allow_error(np.concatenate([poor, rich, poor]), 10.0)[0] == 2


@pytest.mark.parametrize("row", [[2**36], [2**36, -(2**36)], [2**36, 2**36, 2**36 - 1]])
def test_rows_of_the_largest_integers_come_back(row):
    rows = np.array([row], dtype=np.int64)
    decoded = decode_rows(ByteReader(encode_rows(rows), "rows"), *rows.shape)
    np.testing.assert_array_equal(decoded, rows)
    with pytest.raises(InputError, match="too small"):
        encode_rows(rows * 2)


def test_rows_of_integers_come_back():
    random = np.random.default_rng(0)
    rows = np.stack(
        [
            np.cumsum(random.integers(-5, 6, 300)),
            random.integers(-(2**30), 2**30, 300),
            np.zeros(300, dtype=np.int64),
            np.full(300, -70_000),
        ]
    )
    payload = encode_rows(rows)
    reader = ByteReader(payload, "rows")
    np.testing.assert_array_equal(decode_rows(reader, 4, 300), rows)
    reader.end()
    smooth_bits = 8 * len(encode_rows(rows[:1])) / 300
    assert smooth_bits < np.log2(11) + 1  # the differences' entropy and little more


@pytest.mark.parametrize(("count", "length"), [(0, 5), (3, 0), (1, 1)])
def test_rows_of_any_size_come_back(count, length):
    rows = np.arange(count * length, dtype=np.int64).reshape(count, length) - 7
    decoded = decode_rows(ByteReader(encode_rows(rows), "rows"), count, length)
    np.testing.assert_array_equal(decoded, rows)


def test_a_quantised_basis_is_orthonormal_and_near_the_true_one():
    spectra = smooth(30, 30, 40).reshape(-1, 40)
    variances, axes = principal_axes(np.cov(spectra.T))
    np.testing.assert_allclose(axes @ np.diag(variances) @ axes.T, np.cov(spectra.T), atol=1e-6)
    found = orthonormal(quantise_axes(axes[:, :2], variances[:2], 20.0, len(spectra)))
    np.testing.assert_allclose(found.T @ found, np.eye(2), atol=1e-6)
    assert np.abs(np.diag(found.T @ axes[:, :2])).min() > 0.98


def test_blocks_and_their_transform_are_undone():
    planes = planes_of(4, 13, 21)
    for axes in ((0, 3, 4), (3, 4)):
        coefficients = cosine(to_blocks(planes), axes)
        back = from_blocks(inverse_cosine(coefficients, axes), 13, 21)
        np.testing.assert_allclose(back, planes, atol=0.01)


def test_coefficients_come_back_in_as_many_bits_as_they_are_worth():
    random = np.random.default_rng(0)
    scales = 100 / (1 + np.add.outer(np.arange(8), np.arange(8))) ** 2
    symbols = quantise(random.laplace(size=(5, 10, 12, 8, 8)).astype(np.float32) * scales, 1.0)
    payload = encode_groups(symbols)
    np.testing.assert_array_equal(
        decode_groups(ByteReader(payload, "tile"), symbols.shape), symbols
    )
    # Entropy of each frequency's symbols, those of a zone together cost a little more.
    bits = 0.0
    for row, column in np.ndindex(8, 8):
        counts = np.unique(symbols[..., row, column], return_counts=True)[1]
        bits -= (counts * np.log2(counts / counts.sum())).sum()
    assert bits < 8 * len(payload) < 1.15 * bits


def test_bands_that_are_not_coded_come_back():
    usable = np.ones(20, dtype=bool)
    usable[[0, 5, 6, 7, 19]] = False
    constant = np.where(usable, 0, 3.5).astype(np.float32)
    constant[6] = -1
    payload = encode_bands(Bands(usable, constant))
    reader = ByteReader(payload, "bands")
    found = decode_bands(reader, 20)
    reader.end()
    np.testing.assert_array_equal(found.usable, usable)
    np.testing.assert_array_equal(found.constant, constant)
    with pytest.raises(StreamError):
        decode_bands(ByteReader(payload, "bands"), 10)


def test_gaps_are_filled_with_what_is_near_and_come_back():
    scene = with_gaps()
    values = np.moveaxis(scene["values"].values, -1, 0)
    kinds = kinds_of(values, -9999.0)
    filled = fill(values, kinds, np.full(7, 5.0))
    assert np.isfinite(filled).all()
    assert filled.min() > -200
    np.testing.assert_array_equal(filled[4], 5.0)  # a band without data has its mean
    np.testing.assert_array_equal(filled[1, 12], values[1, 11])
    np.testing.assert_array_equal(restore(filled, kinds, values.dtype, -9999.0), values)


def test_a_survey_knows_peak_means_and_empty_bands():
    survey = survey_scene(with_gaps("int16"))
    assert survey.usable.tolist() == [True, True, True, True, False, False, True]
    assert survey.band_mean[5] == 77
    assert survey.band_mean[4] == 0
    scene = small_scene(40, 30, 5)
    spectra = scene["values"].values.reshape(-1, 5).astype(float)
    survey = survey_scene(scene)
    assert survey.peak == spectra.max()
    np.testing.assert_allclose(survey.band_mean, spectra.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(survey.covariance, np.cov(spectra.T, bias=True), rtol=1e-3, atol=1)


@pytest.mark.parametrize("rising", [True, False])
def test_the_search_closes_in_on_the_target_from_the_right_side(rising):
    def excess(step):
        return (1 if rising else -1) * np.log(step / 37.0)

    found = find_step(excess, 1.0, rising, 0.001)
    assert -0.001 <= found.excess <= 0
    with pytest.raises(OutOfReachError):
        find_step(lambda step: 1.0, 1.0, rising, 0.001)


def test_the_search_goes_on_while_nothing_is_lost():
    """Integers come back exactly at any step below about theirs."""
    found = find_step(lambda step: -np.inf if step < 0.7 else 1.0, 1e-6, True, 0.001)
    assert 0.69 < found.step < 0.7


def test_model_files_are_equal_where_their_content_is(tmp_path):
    one = {"b": np.arange(3.0), "a": np.ones((2, 2), np.int32)}
    facts = {"codec": "klt", "numbers": [1, 2]}
    content = save_model(tmp_path / "one", one, facts)
    assert content == save_model(tmp_path / "two", dict(reversed(one.items())), facts)
    arrays, found, hash8 = load_model(tmp_path / "one")
    assert found == facts
    assert hash8 == model_hash(content)
    np.testing.assert_array_equal(arrays["a"], one["a"])
    for wrong in (b"", b"\x00" * 40, content[:50], content[:-1]):
        with pytest.raises(StreamError):
            load_model(wrong)


def test_a_learned_basis_lies_in_the_model_and_not_in_the_file(tmp_path, monkeypatch):
    scenes = [small_scene(40, 30, 20), small_scene(33, 20, 20)]
    codec = KltCodec().fit(scenes)
    codec.save(tmp_path / "models" / "basis.safetensors")
    told = compress_scene(scenes[0], tmp_path / "a.hsc", codec, Target(psnr_db=40.0))
    own = compress_scene(scenes[0], tmp_path / "own.hsc", KltCodec(), Target(psnr_db=40.0))
    assert told.side_bytes < 10 < own.side_bytes
    with pytest.raises(StreamError, match="--codec"):
        decompress_scene(tmp_path / "a.hsc")
    whole = decompress_scene(tmp_path / "a.hsc", open_codec(tmp_path / "models/basis.safetensors"))
    monkeypatch.setenv("HSIGAN_MODELS", str(tmp_path / "models"))
    np.testing.assert_array_equal(decompress_scene(tmp_path / "a.hsc")["values"], whole["values"])
    assert find_model(codec.model_hash).name == "basis.safetensors"
    with pytest.raises(StreamError):
        decompress_scene(tmp_path / "own.hsc", codec)
    with pytest.raises(InputError, match="20 bands"):
        compress_scene(small_scene(), tmp_path / "b.hsc", codec)


def test_an_embedded_model_is_found_and_another_is_refused(tmp_path):
    codec = KltCodec().fit([small_scene(40, 30, 20)])
    compress_scene(small_scene(40, 30, 20), tmp_path / "a.hsc", codec, embed_model=True)
    assert decompress_scene(tmp_path / "a.hsc")["values"].shape == (40, 30, 20)
    with pytest.raises(StreamError, match="not the one"):
        codec_of_file(1, bytes(8), codec.model_bytes)


def test_names_of_codecs_that_are_not_there_are_refused():
    with pytest.raises(InputError, match="did you mean klt"):
        open_codec("kltt")
    with pytest.raises(StreamError, match="does not know"):
        codec_of_file(255, b"")


def test_an_empty_codestream_takes_a_byte_for_each_resolution_of_each_component():
    assert KltCodec().empty_bytes(24, 100, 100) == 3 + 24 * 4
