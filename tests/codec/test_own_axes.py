"""Turned axes: what is told is read, stays orthonormal, lies on the scene's own axes, and pays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from hsigan.bitstream.header import Header
from hsigan.bitstream.varint import ByteReader, varint
from hsigan.codec.basis import axes_of, principal_axes
from hsigan.codec.decode import decompress_scene
from hsigan.codec.interface import SceneSurvey
from hsigan.codec.klt_context import KltContextCodec, KltContextConfig
from hsigan.codec.klt_context_model import LEVELS, SharedBasis, component_variances
from hsigan.codec.own_axes import (
    MOST_LENGTH,
    AxisTurns,
    decode_turns,
    encode_turns,
    fit_turns,
    row_length,
    turned_basis,
)
from hsigan.codec.scene_file import Target, compress_scene
from hsigan.codec.survey import survey_scene
from hsigan.errors import StreamError
from hsigan.scene import make_scene

BANDS = 12
NONE = AxisTurns(np.zeros(0, np.int64), ())


def _covariance(bands: int, seed: int, loudest: float = 1e6) -> np.ndarray:
    random = np.random.default_rng(seed)
    axes = np.linalg.qr(random.normal(size=(bands, bands)))[0]
    return np.asarray((axes * loudest * np.exp(-np.arange(bands))) @ axes.T + np.eye(bands))


def _near(covariance: np.ndarray, seed: int, amount: float = 0.1) -> np.ndarray:
    bands = len(covariance)
    change = np.eye(bands) + np.random.default_rng(seed).normal(0, amount, (bands, bands))
    return np.asarray(change @ covariance @ change.T)


def _basis(covariance: np.ndarray) -> SharedBasis:
    variances, axes = principal_axes(covariance)
    shares = np.full((LEVELS + 1, 3, 1), 4.0 / 7)  # all levels together, each of them quartered
    shares[LEVELS, 0] = 1.0 - 4.0 / 7 * (1.0 - 4.0**-LEVELS)
    mean = np.zeros(len(variances), np.float32)
    return SharedBasis(mean, axes.astype(np.float32), shares * variances)


def _survey(
    covariance: np.ndarray, size: tuple[int, int] = (99, 80), unusable: tuple[int, ...] = ()
) -> SceneSurvey:
    bands, usable = len(covariance), np.ones(len(covariance), bool)
    usable[list(unusable)] = False
    known = np.where(np.outer(usable, usable), covariance, 0.0)
    facts = np.zeros(bands), np.sqrt(np.diag(known)), known, 1000.0, 1.0, None, usable
    return SceneSurvey(*size, bands, "int16", *facts)


def _told(basis: SharedBasis, survey: SceneSurvey, step: float) -> tuple[AxisTurns, SharedBasis]:
    """Return a scene's rows and the basis that they turn; what is lawful of any holds of them."""
    pixels = survey.height * survey.width
    turns = fit_turns(basis, survey, step, survey.bands)
    _check_same(_read(encode_turns(turns, basis, step, pixels), basis, step, pixels), turns)
    turned = turned_basis(basis, turns, step, pixels)
    _check_sound(turned)
    return turns, turned


def _read(data: bytes, basis: SharedBasis, step: float, pixels: int) -> AxisTurns:
    return decode_turns(ByteReader(data, "the side information"), basis, step, pixels)


def _check_same(one: AxisTurns, other: AxisTurns) -> None:
    np.testing.assert_array_equal(one.lengths, other.lengths)
    for mine, theirs in zip(one.entries, other.entries, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def _check_sound(basis: SharedBasis) -> None:
    axes = basis.axes.astype(np.float64)
    assert np.abs(axes.T @ axes - np.eye(len(axes))).max() < 1e-5
    assert (np.isfinite(basis.variances) & (basis.variances >= 0)).all()


@st.composite
def _turns(draw: st.DrawFn) -> tuple[AxisTurns, SharedBasis, float, int]:
    """Any rows that a file can hold, of any basis, step and number of pixels."""
    bands = draw(st.integers(1, 9))
    count = draw(st.integers(0, bands))
    lengths = draw(st.lists(st.integers(0, MOST_LENGTH), min_size=count, max_size=count))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    most = draw(st.sampled_from([1, 20, 3000, 2**29]))
    rows = [random.integers(-most, most + 1, bands - 1 - row) for row in range(count)]
    turns = AxisTurns(np.array(lengths, np.int64), tuple(row.astype(np.int32) for row in rows))
    step = draw(st.sampled_from([1e-18, 0.01, 1.0, 77.0, 1e18]))
    return turns, _basis(_covariance(bands, count)), step, draw(st.integers(1, 10**8))


@settings(deadline=None, max_examples=60)
@given(_turns())
def test_rows_come_back_and_turn_orthonormally(
    case: tuple[AxisTurns, SharedBasis, float, int],
) -> None:
    turns, basis, step, pixels = case
    _check_same(_read(encode_turns(turns, basis, step, pixels), basis, step, pixels), turns)
    turned = turned_basis(basis, turns, step, pixels)
    _check_sound(turned)
    mirrored = np.linalg.det(turned.axes) * np.linalg.det(basis.axes)
    assert mirrored == pytest.approx(1, abs=1e-4)  # rotations, no reflections


def test_lengths_are_eight_to_the_octave() -> None:
    lengths = [row_length(number) for number in range(MOST_LENGTH + 1)]
    assert lengths == sorted(lengths)
    assert lengths[::8] == [2.0**octave for octave in range(29)]
    assert max(np.diff(lengths) / lengths[:-1]) <= 0.125


def test_leading_axes_come_to_lie_on_the_scenes_own() -> None:
    basis = _basis(_covariance(BANDS, 0))
    survey = _survey(4 * _near(_covariance(BANDS, 0), 1))
    turns, turned = _told(basis, survey, 0.5)
    own_variances, own = axes_of(survey)
    cosines = np.abs((turned.axes * own).sum(axis=0))
    assert len(turns) >= 4
    assert (cosines[:4] > 1 - 1e-6).all()
    assert (np.abs((basis.axes * own).sum(axis=0))[:4] < 1 - 1e-4).all()
    expected = component_variances(turned.variances)[:4]
    assert (np.abs(np.log2(expected / own_variances[:4])) < 2 * np.log2(1.125)).all()


def test_no_rows_leave_the_basis_as_it_is() -> None:
    basis = _basis(_covariance(BANDS, 0))
    assert turned_basis(basis, NONE, 1.0, 100) is basis
    data = encode_turns(NONE, basis, 1.0, 100)
    assert data == b"\0"
    assert len(_read(data, basis, 1.0, 100)) == 0


@pytest.mark.parametrize("step", [0.5, 5.0, 50.0])
def test_a_scene_like_those_of_the_training_gets_no_rows(step: float) -> None:
    covariance = _covariance(BANDS, 0)
    assert len(fit_turns(_basis(covariance), _survey(covariance), step, BANDS)) == 0


@pytest.mark.parametrize("bands", [1, 2, 3, 130])
@pytest.mark.parametrize("step", [1e-18, 1e-6, 1.0, 1e6, 1e18])
def test_any_step_of_any_number_of_bands_is_told(bands: int, step: float) -> None:
    _told(_basis(_covariance(bands, 0)), _survey(_covariance(bands, 1)), step)


def test_unusable_bands_are_left_to_the_last_axes() -> None:
    survey = _survey(_covariance(BANDS, 1), unusable=(3, 7))
    assert len(fit_turns(_basis(_covariance(BANDS, 0)), survey, 0.5, 2)) == 2
    turns, turned = _told(_basis(_covariance(BANDS, 0)), survey, 0.5)
    assert len(turns) >= 4
    assert np.abs(turned.axes[[3, 7], :4]).max() < 1e-3


@pytest.mark.parametrize(
    "survey",
    [
        _survey(np.zeros((BANDS, BANDS))),
        _survey(_covariance(BANDS, 1), (1, 1), unusable=tuple(range(BANDS))),
        _survey(_covariance(BANDS, 1, loudest=1e-9) * 1e-9),
    ],
    ids=["no variance", "one pixel", "below the step"],
)
def test_a_scene_without_variance_gets_no_rows(survey: SceneSurvey) -> None:
    assert len(fit_turns(_basis(_covariance(BANDS, 0)), survey, 1.0, BANDS)) == 0


def test_an_axis_that_those_before_already_have_turns_nothing() -> None:
    """At lengths of hardly a step entries vanish, and axes stay where they are."""
    basis = SharedBasis(
        np.zeros(BANDS, np.float32), np.eye(BANDS, dtype=np.float32), np.ones((7, 3, BANDS))
    )
    spread = np.append(0.0, np.full(BANDS - 1, (BANDS - 1) ** -0.5))
    covariance = 1.2 * np.outer(spread, spread)
    covariance[0, 0] = 1.1  # the second axis: the first one of the basis
    assert len(fit_turns(basis, _survey(covariance, (1, 1)), 1.0, BANDS)) == 0


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_model_without_variances_is_turned_without_any(value: float) -> None:
    basis = _basis(_covariance(BANDS, 0))
    empty = SharedBasis(basis.mean, basis.axes, np.full_like(basis.variances, value))
    survey = _survey(_covariance(BANDS, 1))
    turns = fit_turns(empty, survey, 1.0, BANDS)
    data = encode_turns(turns, empty, 1.0, 99 * 80)
    _check_same(_read(data, empty, 1.0, 99 * 80), turns)
    assert len(turns) > 0
    assert np.isfinite(turned_basis(empty, turns, 1.0, 99 * 80).variances).all()


def _valid() -> tuple[bytes, SharedBasis]:
    basis = _basis(_covariance(BANDS, 0))
    turns = fit_turns(basis, _survey(_covariance(BANDS, 1)), 2.0, BANDS)
    return encode_turns(turns, basis, 2.0, 99 * 80), basis


def test_rows_that_are_cut_short_or_longer_are_refused() -> None:
    data, basis = _valid()
    assert len(data) > 20
    for damaged in [*(data[:length] for length in range(len(data))), data + b"\x07\x07"]:
        with pytest.raises(StreamError):
            _read(damaged, basis, 2.0, 99 * 80)


@pytest.mark.parametrize("head", [varint(BANDS + 1), varint(2**60), b"\xff" * 10, b"\x80\0", b""])
def test_more_rows_than_bands_are_refused(head: bytes) -> None:
    with pytest.raises(StreamError):
        _read(head + bytes(9), _valid()[1], 2.0, 99 * 80)


def test_impossible_lengths_and_entries_are_refused() -> None:
    basis = _valid()[1]
    for length, entry in [(-1, 0), (MOST_LENGTH + 1, 0), (9, 2**29 + 1), (9, -(2**31))]:
        row = np.full(BANDS - 1, entry, np.int32)
        data = encode_turns(AxisTurns(np.array([length]), (row,)), basis, 2.0, 99 * 80)
        with pytest.raises(StreamError, match="damaged"):
            _read(data, basis, 2.0, 99 * 80)


@settings(deadline=None, max_examples=150)
@given(st.integers(0, BANDS), st.binary(max_size=120))
def test_random_bytes_are_refused_or_sound(count: int, data: bytes) -> None:
    basis = _valid()[1]
    try:
        turns = _read(varint(count) + data, basis, 2.0, 99 * 80)
    except StreamError:
        return
    _check_sound(turned_basis(basis, turns, 2.0, 99 * 80))


def _scene(seed: int, materials: int, size: tuple[int, int] = (60, 50)) -> xr.Dataset:
    """Make a scene of four mixed spectra, smooth in space, with noise."""
    random = np.random.default_rng(seed)
    spectra = np.random.default_rng(materials).uniform(-900, 900, (4, BANDS))
    y, x = np.mgrid[: size[0], : size[1]]
    waves = [np.sin((y * a + x * b) / 5 + c) for a, b, c in random.uniform(0, 3, (4, 3))]
    values = 2000 + np.stack(waves, -1) @ spectra + random.normal(0, 6, (*size, BANDS))
    return make_scene(values.astype(np.int16), name=f"made-{seed}")


@pytest.fixture(scope="module")
def codec() -> KltContextCodec:
    chosen = KltContextConfig(steps=80, batch=256, draws=1)
    return KltContextCodec().fit([_scene(1, 5), _scene(2, 5)], chosen)


def _size_and_psnr(codec: KltContextCodec, scene: xr.Dataset, path: Path) -> tuple[int, float]:
    compress_scene(scene, path, codec, Target(step=12.0), embed_model=True)
    values = scene["values"].values.astype(np.float64)
    error = decompress_scene(path.read_bytes())["values"].values - values
    return path.stat().st_size, float(
        20 * np.log10(values.max()) - 10 * np.log10(np.mean(error**2))
    )


def test_turning_makes_files_of_other_materials_smaller_and_no_worse(
    codec: KltContextCodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = _scene(3, materials=6)
    with_turns = _size_and_psnr(codec, scene, tmp_path / "turned.hsc")
    monkeypatch.setattr("hsigan.codec.klt_context.fit_turns", lambda *_: NONE)
    without = _size_and_psnr(codec, scene, tmp_path / "plain.hsc")
    assert with_turns[0] < without[0] - 200
    assert with_turns[1] > without[1] - 0.05


def test_a_training_scene_needs_few_rows(codec: KltContextCodec) -> None:
    few = fit_turns(codec.basis, survey_scene(_scene(1, 5)), 12.0, BANDS)
    many = fit_turns(codec.basis, survey_scene(_scene(1, 6)), 12.0, BANDS)
    assert len(few) <= 2 < len(many)


def test_damaged_side_information_with_turns_is_refused_or_decoded(codec: KltContextCodec) -> None:
    scene = _scene(3, materials=6)
    side = codec.encoder(survey_scene(scene), 12.0).side
    header = Header(codec.number, codec.model_hash, 60, 50, BANDS, "int16", codec.tile_px)
    random, refused = np.random.default_rng(0), 0
    for _ in range(200):
        damaged = bytearray(side)
        damaged[random.integers(4, len(side))] ^= int(random.integers(1, 256))
        try:
            values = codec.decoder(header, bytes(damaged)).decode_tile(b"", 60, 50)
            assert np.isfinite(values).all()
        except StreamError:
            refused += 1
    assert refused > 100
