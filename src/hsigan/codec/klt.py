"""KLT + JPEG 2000: the classical codec that others are compared with, and the default.

Spectra are centred and turned onto their principal axes, which decorrelates the bands; the leading
components are coded as the planes of one JPEG 2000 codestream per tile (Du and Fowler,
"Hyperspectral image compression using JPEG2000 and principal component analysis", IEEE GRSL 4 (2),
2007). The basis is that of the scene and lies in the file, or one that was learned on other scenes
of the sensor and lies in a model file (`KltCodec.fit`).

Side information: `codec/side.py`; varint K; means and K vectors of the basis as rows of integers.
With a learned basis there are no rows. Tile: varint of the planes coded (nothing at all for none),
then what `codec/codestream.py` writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hsigan.bitstream.varint import ByteReader, varint
from hsigan.codec.allowance import allow_error
from hsigan.codec.basis import axes_of, orthonormal, principal_axes, quantise_axes, worthwhile
from hsigan.codec.codestream import decode_planes, encode_planes
from hsigan.codec.interface import SceneSurvey, Tile
from hsigan.codec.metadata import sensor_profile
from hsigan.codec.model_codec import ModelCodec
from hsigan.codec.model_file import model_content
from hsigan.codec.rows import decode_rows, encode_rows
from hsigan.codec.side import (
    Bands,
    decode_bands,
    decode_step,
    encode_bands,
    encode_step,
    mean_unit,
    to_units,
)
from hsigan.errors import InputError, StreamError

if TYPE_CHECKING:
    import xarray as xr

    from hsigan.bitstream.header import Header

Vector = NDArray[np.float32]


class KltCodec(ModelCodec):
    """KLT + JPEG 2000, with a basis in the file or, after `fit` or `load`, in a model."""

    name: ClassVar[str] = "klt"
    number: ClassVar[int] = 1
    adjustable = True
    tile_px = 256

    def __init__(self) -> None:
        super().__init__()
        self._arrays: dict[str, NDArray[Any]] = {}

    def fit(self, scenes: Sequence[xr.Dataset]) -> Self:
        """Learn mean and basis on scenes of one sensor, each pixel counting the same.

        Raises
        ------
        InputError
            There is no scene, or they differ in their bands.
        """
        from hsigan.codec.survey import pooled, survey_scene

        surveys = [survey_scene(scene) for scene in scenes]
        if not surveys or len({survey.bands for survey in surveys}) > 1:
            raise InputError("a basis is learned on one scene or more, all with the same bands.")
        mean, covariance = pooled(surveys)
        variances, axes = principal_axes(covariance)
        arrays: dict[str, NDArray[Any]] = {
            "mean": mean.astype(np.float32),
            "axes": axes.astype(np.float32),
            "variances": variances,
        }
        facts: dict[str, Any] = {"codec": self.name, "profile": sensor_profile(scenes)}
        facts["trained_on"] = [str(scene.attrs.get("name", "scene")) for scene in scenes]
        return self._take(model_content(arrays, facts))

    def _read(self, arrays: dict[str, NDArray[Any]], facts: dict[str, Any]) -> None:
        bands = arrays["mean"].shape[0] if arrays.get("mean") is not None else -1
        shapes = {"mean": (bands,), "axes": (bands, bands), "variances": (bands,)}
        for key, shape in shapes.items():
            found = arrays.get(key)
            if found is None or found.shape != shape or not np.isfinite(found).all():
                raise StreamError("the model is not one of codec 'klt', or is damaged.")
        self._arrays = arrays

    def encoder(self, survey: SceneSurvey, step: float) -> _Encoder:
        """Prepare to encode; see `Codec`."""
        bands = Bands.of(survey)
        head = encode_step(step) + encode_bands(bands)
        step = float(np.float32(step))
        pixels = survey.height * survey.width
        if self._arrays:
            self._check_bands(survey.bands, InputError)
            count = worthwhile(self._arrays["variances"], step, pixels, has_basis_cost=False)
            turn = _Turn(bands, self._arrays["mean"], self._arrays["axes"][:, :count], True)
            return _Encoder(head + varint(count), turn, step)
        used = survey.usable
        variances, axes = axes_of(survey)
        count = worthwhile(variances, step, pixels)
        unit = mean_unit(step, pixels)
        means = to_units(survey.band_mean[used], unit)
        rows = quantise_axes(axes[:, :count], variances[:count], step, pixels)
        side = head + varint(count) + encode_rows(np.concatenate([means[None], rows]))
        return _Encoder(side, _Turn(bands, _mean(means, unit), orthonormal(rows), False), step)

    def decoder(self, header: Header, side: bytes) -> _Decoder:
        """Prepare to decode; see `Codec`."""
        reader = ByteReader(side, "the side information")
        step = decode_step(reader)
        bands = decode_bands(reader, header.bands)
        used = header.bands if self._arrays else int(bands.usable.sum())
        count = reader.varint()
        if count > used:
            raise StreamError("the side information is damaged: it has more components than bands")
        if self._arrays:
            self._check_bands(header.bands, StreamError)
            turn = _Turn(bands, self._arrays["mean"], self._arrays["axes"][:, :count], True)
        else:
            rows = decode_rows(reader, 1 + count, used)
            unit = mean_unit(step, header.height * header.width)
            turn = _Turn(bands, _mean(rows[0], unit), orthonormal(rows[1:]), False)
        reader.end()
        return _Decoder(turn, step)

    def empty_bytes(self, count: int, height: int, width: int) -> int:
        """Return the bytes of a tile of ``count`` components in which every sample is 0.

        That is what the packets of its codestream take though they hold nothing. In a codestream
        with headers of its own it would be `codestream.header_bytes` more, which our files do
        without.
        """
        planes = np.zeros((count, height, width), dtype=np.float32)
        return len(varint(count) + encode_planes(planes, 1.0, 1.0)) if count else 0

    def describe(self) -> dict[str, Any]:
        """Return name, tile and where the basis is; of a learned one, on what it was learned."""
        basis = "learned" if self._arrays else "in the file"
        return {"name": self.name, "tile_px": self.tile_px, "basis": basis, **self._facts}

    def _check_bands(self, bands: int, error: type[Exception]) -> None:
        known = len(self._arrays["mean"])
        if bands != known:
            raise error(
                f"the basis was learned on scenes of {known} bands, this one has {bands}: name the "
                "codec of its sensor, or klt."
            )


def _mean(units: NDArray[np.int64], unit: float) -> Vector:
    return np.asarray(units * unit, dtype=np.float32)


@dataclass(frozen=True)
class _Turn:
    """From bands to components and back; a learned basis knows all bands, others the usable."""

    bands: Bands
    mean: Vector
    axes: NDArray[np.float32]  # (B, K)
    is_learned: bool

    def forward(self, values: Tile) -> Tile:
        coded = values if self.is_learned else self.bands.take(values)
        height, width = values.shape[1:]
        centred = coded.reshape(len(coded), height * width) - self.mean[:, None]  # (B, N)
        if self.is_learned:  # bands without variance have the value that changes no component
            centred[~self.bands.usable] = 0
        planes = np.asarray(self.axes.T @ centred)
        return planes.reshape(len(planes), height, width)  # (K, h, w)

    def back(self, planes: Tile) -> Tile:
        count = planes.shape[0]
        flat = self.axes[:, :count] @ planes.reshape(count, planes.shape[1] * planes.shape[2])
        flat += self.mean[:, None]
        values = np.asarray(flat.reshape(len(flat), *planes.shape[1:]))
        if not self.is_learned:
            return self.bands.spread(values)
        unusable = ~self.bands.usable
        values[unusable] = self.bands.constant[unusable, None, None]
        return values


class _Encoder:
    def __init__(self, side: bytes, turn: _Turn, step: float) -> None:
        self.side, self._turn, self._step = side, turn, step

    def encode_tile(self, values: Tile) -> bytes:
        """Return the payload of a tile (B, h, w)."""
        planes = self._turn.forward(values)
        kept, squared_error = allow_error(planes, self._step)
        if not kept:
            return b""
        return varint(kept) + encode_planes(planes[:kept], self._step, squared_error)


class _Decoder:
    def __init__(self, turn: _Turn, step: float) -> None:
        self._turn, self._step = turn, step

    def decode_tile(self, payload: bytes, height: int, width: int) -> Tile:
        """Return a tile (B, height, width)."""
        if not payload:
            return self._turn.back(np.zeros((0, height, width), dtype=np.float32))
        reader = ByteReader(payload, "a tile")
        kept = reader.varint()
        if not 0 < kept <= self._turn.axes.shape[1]:
            raise StreamError("a tile is damaged: it holds more components than the scene")
        packets = reader.take(reader.left())
        return self._turn.back(decode_planes(packets, (kept, height, width), self._step))
