"""METADATA chunks: facts of a scene that its values do not say (docs/file-format.md).

The facts are JSON, deflated with a dictionary of the words that scenes have in common. Lists of
numbers with few decimals are kept as differences of integers, and come back to the last bit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib import resources
from itertools import pairwise
from typing import Any

from hsigan.bitstream.deflate import deflate, inflate
from hsigan.errors import InputError, StreamError

LONGEST_METADATA = 2**24
"""Bytes of JSON."""

_DIFFERENCES = "~"
_MOST_DECIMALS = 9


def encode_metadata(facts: Mapping[str, Any]) -> bytes:
    """Return the payload of some facts.

    Parameters
    ----------
    facts : plain data that JSON can hold, without NaN and infinities. Customary keys:
        "wavelengths_nm", "fwhm_nm" (lists of numbers), "band_indices", "good_bands" (lists),
        "units", "crs_wkt", "name" (text), "transform" (six numbers)

    Raises
    ------
    InputError
        JSON cannot hold them, a key ends with "~", or they are longer than 16 MiB.
    """
    packed: dict[str, Any] = {}
    for key, value in facts.items():
        if not isinstance(key, str) or key.endswith(_DIFFERENCES):
            raise InputError(f'a fact is named by a text that does not end with "~". Got {key!r}.')
        steps = _differences(value)
        packed[key if steps is None else key + _DIFFERENCES] = value if steps is None else steps
    try:
        text = json.dumps(packed, sort_keys=True, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"the facts of a scene must be plain data: {error}") from error
    if len(text) > LONGEST_METADATA:
        raise InputError(f"the facts of a scene take {len(text)} bytes, more than 16 MiB")
    return deflate(text.encode("ascii"), _dictionary())


def _differences(value: Any) -> list[int] | None:
    """Return decimals, first number and differences, in units of the last decimal; else None."""
    if not isinstance(value, list) or len(value) < 4:
        return None
    if not all(type(item) is float and abs(item) < 1e15 for item in value):
        return None
    for decimals in range(_MOST_DECIMALS + 1):
        whole = [round(item * 10**decimals) for item in value]
        if all(_same(_number(a, decimals), b) for a, b in zip(whole, value, strict=True)):
            return [decimals, whole[0], *(b - a for a, b in pairwise(whole))]
    return None


def _number(whole: int, decimals: int) -> float:
    return float(whole / 10**decimals)


def _same(a: float, b: float) -> bool:
    return a == b and math.copysign(1, a) == math.copysign(1, b)


def decode_metadata(payload: bytes) -> dict[str, Any]:
    """Return the facts of a payload.

    Raises
    ------
    StreamError
        It is damaged.
    """
    text = inflate(payload, LONGEST_METADATA, "the metadata", _dictionary())
    try:
        packed = json.loads(text.decode("ascii"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise StreamError(f"the metadata is damaged: {error}") from error
    if not isinstance(packed, dict):
        raise StreamError("the metadata is damaged: it is not a set of facts")
    return dict(_unpacked(key, value) for key, value in packed.items())


def _refuse(name: str) -> float:
    raise ValueError(f"it holds {name}")


def _unpacked(key: str, value: Any) -> tuple[str, Any]:
    if not key.endswith(_DIFFERENCES):
        return key, value
    if not isinstance(value, list) or len(value) < 2 or not all(type(v) is int for v in value):
        raise StreamError(f"the metadata is damaged: {key!r} is not a list of integers")
    decimals, whole = value[0], 0
    if not 0 <= decimals <= _MOST_DECIMALS:
        raise StreamError(f"the metadata is damaged: {key!r} has {decimals} decimals")
    numbers = []
    for step in value[1:]:
        whole += step
        if abs(whole) > 10 ** (15 + _MOST_DECIMALS):
            raise StreamError(f"the metadata is damaged: {key!r} holds numbers that are too large")
        numbers.append(_number(whole, decimals))
    return key.removesuffix(_DIFFERENCES), numbers


def _dictionary() -> bytes:
    return resources.files("hsigan.bitstream").joinpath("metadata-dictionary.txt").read_bytes()
