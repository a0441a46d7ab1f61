"""What most codecs tell their decoders once per scene: the step, bands without variance, means.

Bands that are constant over their data, or have none, are not coded at all: their value is in the
side information, as it is.

::

    step float32
    varint number of runs; per run of unusable bands of one value:
        varint usable bands before it, varint its length, float32 value
    rows of integers (`codec/rows.py`): band means, vectors of a basis; in units that follow from
    the step
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hsigan.bitstream.varint import ByteReader, varint
from hsigan.codec.interface import Floats, SceneSurvey, Tile
from hsigan.codec.rate import StepTooSmallError
from hsigan.codec.rows import MOST_UNITS, decode_rows, encode_rows
from hsigan.errors import InputError, StreamError

if TYPE_CHECKING:
    from hsigan.bitstream.header import Header


@dataclass(frozen=True)
class Bands:
    """Which bands are coded, and the value of those that are not.

    Attributes
    ----------
    usable
        (B,) bool.
    constant
        (B,) float32: the value of bands that are not usable, 0 elsewhere.
    """

    usable: NDArray[np.bool_]
    constant: NDArray[np.float32]

    @classmethod
    def of(cls, survey: SceneSurvey) -> Bands:
        """Take the usable bands and the constants from a survey."""
        constant = np.where(survey.usable, 0.0, survey.band_mean).astype(np.float32)
        return cls(survey.usable, constant)

    def spread(self, coded: Tile) -> Tile:
        """Return all bands (B, h, w) of the usable ones."""
        if self.usable.all():
            return coded
        values = np.empty((len(self.usable), *coded.shape[1:]), dtype=np.float32)
        values[:] = self.constant[:, None, None]
        values[self.usable] = coded
        return values

    def take(self, values: Tile) -> Tile:
        """Return the usable bands of all."""
        return values if self.usable.all() else values[self.usable]


def encode_step(step: float) -> bytes:
    """Return the bytes of a step.

    Raises
    ------
    InputError
        It is not a positive number that float32 can hold.
    """
    if not (math.isfinite(step) and np.float32(step) > 0 and np.isfinite(np.float32(step))):
        raise InputError(
            f"the step of a quantiser must be a positive number. Got {step!r} instead."
        )
    return struct.pack("<f", step)


def decode_step(reader: ByteReader) -> float:
    """Read a step.

    Raises
    ------
    StreamError
        It is not a positive finite number.
    """
    step = float(struct.unpack("<f", reader.take(4))[0])
    if not (math.isfinite(step) and step > 0):
        raise StreamError(
            "the file's side information is damaged: its step is not a number above 0"
        )
    return step


def encode_bands(bands: Bands) -> bytes:
    """Return the bytes of `Bands`: one where all are used, else runs of neighbours."""
    runs: list[tuple[int, int, np.float32]] = []
    before = 0
    for is_usable, value in zip(bands.usable, bands.constant, strict=True):
        if is_usable:
            before += 1
        elif runs and before == 0 and runs[-1][2] == value:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1, value)
        else:
            runs.append((before, 1, value))
            before = 0
    coded = (varint(gap) + varint(length) + struct.pack("<f", value) for gap, length, value in runs)
    return varint(len(runs)) + b"".join(coded)


def decode_bands(reader: ByteReader, count: int) -> Bands:
    """Read `Bands` of a scene of ``count`` bands.

    Raises
    ------
    StreamError
        The runs do not fit into so many bands, or a value is not finite.
    """
    usable, constant = np.ones(count, dtype=np.bool_), np.zeros(count, dtype=np.float32)
    place = 0
    for _ in range(reader.varint()):
        start = place + reader.varint()
        place = start + reader.varint()
        value = struct.unpack("<f", reader.take(4))[0]
        if place > count or place == start or not math.isfinite(value):
            raise StreamError("the file's side information is damaged: its bands are impossible")
        usable[start:place] = False
        constant[start:place] = value
    return Bands(usable, constant)


def mean_unit(step: float, survey_pixels: int) -> float:
    """Return the unit of band means: an error of theirs is one of all pixels at once.

    A mean is the coefficient of the constant basis image, which is sqrt(N) times the mean: at the
    same step its unit is step / sqrt(N).
    """
    return step / math.sqrt(max(1, survey_pixels))


def to_units(values: Floats, unit: float) -> NDArray[np.int64]:
    """Return values in whole units.

    Raises
    ------
    StepTooSmallError
        The unit is too fine for these values.
    """
    scaled = np.rint(values / unit)
    if not np.isfinite(scaled).all() or (np.abs(scaled) > MOST_UNITS).any():
        raise StepTooSmallError
    return scaled.astype(np.int64)


@dataclass(frozen=True)
class Centring:
    """Usable bands less their means, and back, for codecs that work on bands as they are."""

    step: float
    bands: Bands
    mean: NDArray[np.float32]  # of the usable bands

    @property
    def coded_bands(self) -> int:
        """How many bands are coded."""
        return len(self.mean)

    def forward(self, values: Tile) -> Tile:
        """Return the usable bands (U, h, w) of a tile (B, h, w), less their means."""
        return np.asarray(self.bands.take(values) - self.mean[:, None, None])

    def back(self, centred: Tile) -> Tile:
        """Undo `forward`."""
        return self.bands.spread(centred + self.mean[:, None, None])


def encode_centring(survey: SceneSurvey, step: float) -> tuple[bytes, Centring]:
    """Return side information of step, bands and means, and what decoders make of it."""
    bands = Bands.of(survey)
    head = encode_step(step) + encode_bands(bands)
    step = float(np.float32(step))
    unit = mean_unit(step, survey.height * survey.width)
    means = to_units(survey.band_mean[survey.usable], unit)
    mean = (means * unit).astype(np.float32)
    return head + encode_rows(means[None]), Centring(step, bands, mean)


def decode_centring(header: Header, reader: ByteReader) -> Centring:
    """Read what `encode_centring` wrote.

    Raises
    ------
    StreamError
        It is damaged.
    """
    step = decode_step(reader)
    bands = decode_bands(reader, header.bands)
    rows = decode_rows(reader, 1, int(bands.usable.sum()))
    unit = mean_unit(step, header.height * header.width)
    return Centring(step, bands, (rows[0] * unit).astype(np.float32))


def centring_alone(header: Header, side: bytes) -> Centring:
    """Read side information that `encode_centring` wrote and nothing follows.

    Raises
    ------
    StreamError
        It is damaged.
    """
    reader = ByteReader(side, "the side information")
    centring = decode_centring(header, reader)
    reader.end()
    return centring
