"""What is in a compressed file, and whether it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hsigan.bitstream.container import ChunkKind, ContainerReader
from hsigan.codec.decode import codec_of_reader, decompress_scene, metadata_of
from hsigan.codec.zoo import codec_name
from hsigan.errors import StreamError


def inspect_file(path: str | Path) -> dict[str, Any]:
    """Return what a file's header, table of chunks and metadata say, as plain data.

    Raises
    ------
    StreamError
        The file is damaged or foreign.
    """
    size = Path(path).stat().st_size
    with ContainerReader(path) as reader:
        header = reader.header
        lengths = reader.chunk_lengths()
        facts = metadata_of(reader)
        try:
            opened = codec_of_reader(reader)
            codec, facts = opened.describe(), metadata_of(reader, opened)
        except StreamError as error:  # the model may be elsewhere; the rest can be told
            codec = {"name": codec_name(header.codec), "problem": str(error)}
    chunks: dict[str, list[int]] = {}
    for (kind, _), length in lengths.items():
        chunks.setdefault(ChunkKind(kind).name.lower(), []).append(length)
    pixels = header.height * header.width
    source_bits = 8 * np.dtype(header.dtype).itemsize
    return {
        "bytes": size,
        "height": header.height,
        "width": header.width,
        "bands": header.bands,
        "dtype": header.dtype,
        "nodata": header.nodata,
        "tile_px": header.tile_px,
        "codec": codec,
        "model": header.model_hash.hex() or None,
        "model_embedded": header.model_embedded,
        "chunks": {kind: {"count": len(each), "bytes": sum(each)} for kind, each in chunks.items()},
        "overhead_bytes": size - sum(lengths.values()),
        "bpp": 8 * size / pixels,
        "bpppc": 8 * size / (pixels * header.bands),
        "source_bits": source_bits,
        "ratio": source_bits * pixels * header.bands / (8 * size),
        "metadata": facts,
    }


def verify_file(path: str | Path, decode: bool = False) -> None:
    """Check a file: all checksums and its structure; with ``decode`` every tile as well.

    Raises
    ------
    StreamError
        It is damaged, foreign or, where it is to be decoded, its model is not here.
    """
    with ContainerReader(path) as reader:
        reader.verify()
        metadata_of(reader)
        codec_name(reader.header.codec)
    if decode:
        decompress_scene(path)
