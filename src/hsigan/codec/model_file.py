"""Model files: named arrays and facts as JSON in one safetensors file, named by its hash.

Nothing in a model file executes when it is read. Equal arrays and facts give equal bytes, whatever
their order: a compressed file names its model by the hash of these bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from hsigan.errors import StreamError
from hsigan.files import whole_file

Array = NDArray[Any]

# One key: safetensors writes the keys of its metadata in an order that changes from run to run.
_KEY = "hsigan"
HASH_BYTES = 8
_LONGEST_HEADER = 2**24


def save_model(path: str | Path, arrays: Mapping[str, Array], facts: Mapping[str, Any]) -> bytes:
    """Write a model file, whole or not at all.

    Parameters
    ----------
    path : where to; by custom ``NAME.safetensors``
    arrays : the weights and tables, of any shapes and numeric types
    facts : plain data that JSON can hold; ``facts["codec"]`` is the codec's name in the zoo

    Returns
    -------
    The file's content.
    """
    content = model_content(arrays, facts)
    with whole_file(path) as temporary:
        temporary.write_bytes(content)
    return content


def model_content(arrays: Mapping[str, Array], facts: Mapping[str, Any]) -> bytes:
    """Return the content of the model file of these arrays and facts."""
    text = json.dumps(facts, sort_keys=True, allow_nan=False, separators=(",", ":"))
    plain = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    return bytes(save(plain, metadata={_KEY: text}))


def load_model(source: str | Path | bytes) -> tuple[dict[str, Array], dict[str, Any], bytes]:
    """Read a model file, given by its path or its content.

    Returns
    -------
    arrays, facts, and the first 8 bytes of the SHA-256 of the content.

    Raises
    ------
    StreamError
        It cannot be read, is damaged, or is no model file of hsigan.
    """
    content = read_model(source)
    where = "the embedded model" if isinstance(source, bytes) else str(source)
    try:
        facts = json.loads(_metadata(content)[_KEY])
        arrays = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise StreamError(
            f"{where} is not a model file of hsigan, or is damaged: copy or make it again."
        ) from error
    if not isinstance(facts, dict) or not isinstance(facts.get("codec"), str):
        raise StreamError(f"{where} does not name its codec: it is no model file of hsigan.")
    return arrays, facts, model_hash(content)


def read_model(source: str | Path | bytes) -> bytes:
    """Return the content of a model file.

    Raises
    ------
    StreamError
        There is no such file, or it cannot be read.
    """
    if isinstance(source, bytes):
        return source
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise StreamError(
            f"the model {source} cannot be read ({error.strerror}): correct the path."
        ) from error


def model_hash(content: bytes) -> bytes:
    """Return what a compressed file names its model by: 8 bytes of the SHA-256."""
    return hashlib.sha256(content).digest()[:HASH_BYTES]


def _metadata(content: bytes) -> dict[str, str]:
    """Return the metadata in the header; safetensors' own function reads it from paths alone."""
    length = int.from_bytes(content[:8], "little")
    if not 0 < length <= min(_LONGEST_HEADER, len(content) - 8):
        raise ValueError("no header")
    header = json.loads(content[8 : 8 + length])
    found: dict[str, str] = header["__metadata__"]
    return found
