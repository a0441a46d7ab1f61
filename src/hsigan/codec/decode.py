"""Files to scenes: the whole, or the tiles that a window needs."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hsigan.bitstream.container import ChunkKind, ContainerReader
from hsigan.bitstream.mask import decode_mask
from hsigan.codec.interface import Codec, SceneDecoder
from hsigan.codec.metadata import make_decoded, unpack_metadata
from hsigan.codec.tiles import Place, in_order, one_blas_thread, places
from hsigan.codec.values import has_data, restore
from hsigan.codec.zoo import codec_name, codec_of_file
from hsigan.errors import InputError, StreamError

Window = tuple[int, int, int, int]
"""First row, row after the last, first column, column after the last."""
Decoder = Literal["faithful", "realistic"]

_TILE_BYTES = 12
"""Per sample of a tile while it is decoded: coefficients, values, and one copy of either."""


def decompress_scene(
    path: str | Path | bytes,
    codec: Codec | None = None,
    *,
    window: Window | None = None,
    decoder: Decoder = "faithful",
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> xr.Dataset:
    """Decompress a file.

    Parameters
    ----------
    path : the file, or its content
    codec : by default the one that the file names, its model from the file or from this machine
    window : only these rows and columns; only their tiles are read
    decoder : "realistic" where the codec has a second decoder that was tuned adversarially
    threads : how many tiles are decoded at a time
    progress : called with the tiles done and all tiles

    Returns
    -------
    A scene: values in the type of the original, samples without data exactly as they were.

    Raises
    ------
    StreamError
        The file is damaged or foreign, or its model is not here.
    InputError
        The window is not in the scene, or the codec has no such decoder.
    """
    with ContainerReader(path) as reader:
        header = reader.header
        rows, columns = _checked(window, header.height, header.width)
        dtype = np.dtype(header.dtype)
        shape = (header.bands, rows.stop - rows.start, columns.stop - columns.start)
        _check_memory(math.prod(shape) * dtype.itemsize + header.tile_samples * _TILE_BYTES)
        opened = codec_of_reader(reader, codec)
        decoding = tile_decoder(reader, opened, decoder)
        facts = metadata_of(reader, opened)
        wanted = [
            place
            for place in places(header.height, header.width, header.tile_px)
            if _overlap(place.rows, rows) and _overlap(place.columns, columns)
        ]
        values = np.empty(shape, dtype=dtype)
        # One thread reads: a file has one position.
        payloads = ((place, *_payloads(reader, place, header.bands)) for place in wanted)

        def decode(item: tuple[Place, bytes, NDArray[np.uint8] | None]) -> None:
            place, payload, kinds = item
            if has_data(kinds):
                tile = decoded_tile(decoding, place, payload, header.bands)
            else:  # the mask puts every sample back, whatever the payload holds
                tile = np.zeros((header.bands, place.height, place.width), np.float32)
            restored = restore(tile, kinds, dtype, header.nodata)
            _paste(values, restored, place, (rows, columns))

        with one_blas_thread():
            for done, _ in enumerate(in_order(decode, payloads, threads), start=1):
                if progress is not None:
                    progress(done, len(wanted))
    name = "scene" if isinstance(path, bytes) else Path(path).stem
    corner = (rows.start, columns.start)
    return make_decoded(np.moveaxis(values, 0, -1), facts, header.nodata, corner, name)


def codec_of_reader(reader: ContainerReader, codec: Codec | None = None) -> Codec:
    """Return the codec that a file was written with, or prove that a given one is it.

    Raises
    ------
    StreamError
        It is unknown, its model is not here, or another codec was given.
    """
    header = reader.header
    if codec is not None:
        if (codec.number, codec.model_hash) != (header.codec, header.model_hash):
            raise StreamError(
                f"the file was written with codec {codec_name(header.codec)}"
                f"{f' and model {header.model_hash.hex()}' if header.model_hash else ''}, not with "
                f"the {codec.name} that was named: leave out --codec, or name that one."
            )
        opened = codec
    else:
        embedded = reader.payload(ChunkKind.MODEL) if header.model_embedded else None
        opened = codec_of_file(header.codec, header.model_hash, embedded)
    if opened.tile_px != header.tile_px:
        raise StreamError("the file is damaged: its tiles are not those of its codec")
    return opened


def tile_decoder(reader: ContainerReader, codec: Codec, decoder: Decoder) -> SceneDecoder:
    """Return the decoder of a file's tiles.

    Raises
    ------
    StreamError
        The side information is damaged.
    InputError
        The codec has no realistic decoder.
    """
    side = reader.payload(ChunkKind.SIDE) if reader.has(ChunkKind.SIDE) else b""
    if decoder == "faithful":
        return codec.decoder(reader.header, side)
    if not getattr(codec, "has_realistic", False):
        raise InputError(
            f"codec {codec.name} has no realistic decoder: leave out --decoder realistic."
        )
    chosen: Any = codec.decoder
    made: SceneDecoder = chosen(reader.header, side, realistic=True)
    return made


def metadata_of(reader: ContainerReader, codec: Codec | None = None) -> dict[str, Any]:
    """Return the metadata that a file holds, with the codec also those that its model knows."""
    has_any = reader.has(ChunkKind.METADATA)
    payload = reader.payload(ChunkKind.METADATA) if has_any else b""
    profile = None
    if codec is not None and reader.header.is_profile:
        profile = getattr(codec, "profile", None)
        if not profile:
            raise StreamError("the file takes its bands from its model, which says nothing of any.")
    return unpack_metadata(payload, reader.header.bands, profile)


def decoded_tile(
    decoding: SceneDecoder, place: Place, payload: bytes, bands: int
) -> NDArray[np.float32]:
    """Decode a tile (B, h, w) and prove that it is one.

    Raises
    ------
    StreamError
        Its payload is damaged.
    """
    tile = decoding.decode_tile(payload, place.height, place.width)
    if tile.shape != (bands, place.height, place.width):
        raise StreamError(f"tile {place.index} is damaged: it decodes to another size")
    # A sum is finite where its terms are, and needs no second array.
    if not np.isfinite(tile.sum(dtype=np.float64)):
        raise StreamError(f"tile {place.index} is damaged: it decodes to numbers that are none")
    return tile


def _payloads(
    reader: ContainerReader, place: Place, bands: int
) -> tuple[bytes, NDArray[np.uint8] | None]:
    kinds = None
    if reader.has(ChunkKind.MASK, place.index):
        mask = reader.payload(ChunkKind.MASK, place.index)
        kinds = decode_mask(mask, bands, place.height, place.width)
    return reader.payload(ChunkKind.TILE, place.index), kinds


def _paste(
    values: NDArray[Any], tile: NDArray[Any], place: Place, window: tuple[slice, slice]
) -> None:
    """Write the part of a tile that lies in the window."""
    inside, outside = [], []
    for part, wanted in zip((place.rows, place.columns), window, strict=True):
        start, stop = max(part.start, wanted.start), min(part.stop, wanted.stop)
        inside.append(slice(start - part.start, stop - part.start))
        outside.append(slice(start - wanted.start, stop - wanted.start))
    values[:, outside[0], outside[1]] = tile[:, inside[0], inside[1]]


def _overlap(part: slice, wanted: slice) -> bool:
    return bool(part.start < wanted.stop and wanted.start < part.stop)


def _checked(window: Window | None, height: int, width: int) -> tuple[slice, slice]:
    if window is None:
        return slice(0, height), slice(0, width)
    top, bottom, left, right = window
    if not (0 <= top < bottom <= height and 0 <= left < right <= width):
        raise InputError(
            f"the window {top}:{bottom},{left}:{right} is not within the scene's {height} rows and "
            f"{width} columns: give ROW0:ROW1,COL0:COL1."
        )
    return slice(top, bottom), slice(left, right)


def _check_memory(needed: int) -> None:
    """Refuse what cannot be held, before the system starts to end processes."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return
    if needed > memory:
        raise InputError(
            f"decoding this takes {needed / 2**30:.1f} GiB, more than this machine's memory: "
            "decompress it window by window (--window)."
        )
