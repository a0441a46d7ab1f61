"""The header of a compressed scene: what it is, in 12 to 54 bytes (docs/file-format.md)."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from hsigan.bitstream.varint import ByteReader, unzigzag, varint, zigzag
from hsigan.errors import InputError, StreamError

MAGIC = b"HSC"
FORMAT_VERSION = 1
HASH_BYTES = 8
LARGEST_HEADER = 64

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
"""A dtype's number in the file is its place here."""

LARGEST_SIDE = 2**31 - 1
LARGEST_BANDS = 2**16 - 1
LARGEST_TILE_SAMPLES = 2**31 - 1
"""Samples of one tile, all bands together: what a decoder must hold at once."""

_NO_NODATA, _INTEGER_NODATA, _FLOAT_NODATA = 0, 1, 2
_HAS_MODEL, _IS_PROFILE, _MODEL_EMBEDDED = 0x20, 0x40, 0x80


@dataclass(frozen=True)
class Header:
    """What a reader must know before anything else.

    Attributes
    ----------
    codec
        Number of the codec, 0 to 255 (`codec/zoo.py` names them).
    model_hash
        The first 8 bytes of the SHA-256 of the model file, b"" for a codec without a model.
    height, width, bands
        Size of the scene.
    dtype
        Of the values that come out: one of `DTYPES`.
    tile_px
        Side of the square tiles; those at the right and lower edge may be smaller.
    nodata
        The value that stands for "no data" in the scene, None where it has none. It may be NaN.
    is_profile
        The metadata (wavelengths and the like) are those of the model's sensor profile.
    model_embedded
        The model file is in this file.

    Raises
    ------
    InputError
        A value is out of range, or the values contradict each other.
    """

    codec: int
    model_hash: bytes
    height: int
    width: int
    bands: int
    dtype: str
    tile_px: int
    nodata: float | None = None
    is_profile: bool = False
    model_embedded: bool = False

    def __post_init__(self) -> None:
        _check("codec", self.codec, 0, 255)
        _check("height", self.height, 1, LARGEST_SIDE)
        _check("width", self.width, 1, LARGEST_SIDE)
        _check("bands", self.bands, 1, LARGEST_BANDS)
        _check("tile_px", self.tile_px, 1, LARGEST_SIDE)
        _check("samples of a tile", self.tile_samples, 1, LARGEST_TILE_SAMPLES)
        if self.dtype not in DTYPES:
            raise InputError(f"a file holds {', '.join(DTYPES)}. Got {self.dtype!r} instead.")
        if len(self.model_hash) not in (0, HASH_BYTES):
            raise InputError(f"a model hash has 8 bytes or none. Got {self.model_hash!r} instead.")
        if (self.is_profile or self.model_embedded) and not self.model_hash:
            raise InputError("a file without a model can neither refer to it nor embed it")

    @property
    def tile_rows(self) -> int:
        """How many tiles lie above each other."""
        return -(-self.height // self.tile_px)

    @property
    def tile_columns(self) -> int:
        """How many tiles lie beside each other."""
        return -(-self.width // self.tile_px)

    @property
    def tiles(self) -> int:
        """How many tiles the scene has; they are counted row by row."""
        return self.tile_rows * self.tile_columns

    @property
    def tile_samples(self) -> int:
        """How many samples the largest tile has."""
        return min(self.height, self.tile_px) * min(self.width, self.tile_px) * self.bands


def _check(name: str, value: int, smallest: int, largest: int) -> None:
    if not smallest <= value <= largest:
        raise InputError(f"{name} must be {smallest} ... {largest}. Got {value!r} instead.")


def encode_header(header: Header) -> bytes:
    """Return the bytes of a header."""
    kind, nodata = _encode_nodata(header.nodata)
    flags = (
        DTYPES.index(header.dtype)
        | kind << 3
        | _HAS_MODEL * bool(header.model_hash)
        | _IS_PROFILE * header.is_profile
        | _MODEL_EMBEDDED * header.model_embedded
    )
    sizes = (header.height, header.width, header.bands, header.tile_px)
    fixed = MAGIC + bytes([FORMAT_VERSION, header.codec, flags]) + header.model_hash
    return fixed + b"".join(map(varint, sizes)) + nodata


def _encode_nodata(nodata: float | None) -> tuple[int, bytes]:
    if nodata is None:
        return _NO_NODATA, b""
    negative_zero = nodata == 0 and math.copysign(1, nodata) < 0
    if (
        math.isfinite(nodata)
        and nodata == int(nodata)
        and abs(nodata) < 2**53
        and not negative_zero
    ):
        return _INTEGER_NODATA, varint(zigzag(int(nodata)))
    return _FLOAT_NODATA, struct.pack("<d", nodata)


def decode_header(data: bytes) -> tuple[Header, int]:
    """Read a header from the first bytes of a file; return it and its length.

    Raises
    ------
    StreamError
        Not such a file, of a newer version, damaged, or of a size that no writer writes.
    """
    reader = ByteReader(data[:LARGEST_HEADER], "the header")
    if data[: len(MAGIC)] != MAGIC:
        raise StreamError("this is not a compressed scene of hsigan: its first bytes are not 'HSC'")
    reader.take(len(MAGIC))
    version = reader.byte()
    if version != FORMAT_VERSION:
        raise StreamError(
            f"the file has version {version} of the format; this hsigan reads version "
            f"{FORMAT_VERSION}: use a newer hsigan, or the file is damaged"
        )
    codec, flags = reader.byte(), reader.byte()
    model_hash = reader.take(HASH_BYTES) if flags & _HAS_MODEL else b""
    height, width, bands, tile_px = (reader.varint() for _ in range(4))
    nodata = _decode_nodata(flags >> 3 & 3, reader)
    is_profile, model_embedded = bool(flags & _IS_PROFILE), bool(flags & _MODEL_EMBEDDED)
    size = (height, width, bands, DTYPES[flags & 7], tile_px)
    try:
        header = Header(codec, model_hash, *size, nodata, is_profile, model_embedded)
    except InputError as error:
        raise StreamError(f"the header is damaged: {error}") from error
    return header, reader.position


def _decode_nodata(kind: int, reader: ByteReader) -> float | None:
    if kind == _NO_NODATA:
        return None
    if kind == _INTEGER_NODATA:
        return float(unzigzag(reader.varint()))
    if kind == _FLOAT_NODATA:
        return float(struct.unpack("<d", reader.take(8))[0])
    raise StreamError("the header is damaged: its nodata value is of no known kind")
