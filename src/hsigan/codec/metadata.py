"""What a scene says besides its values, as the METADATA chunk of a file: JSON, deflated."""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np
import xarray as xr
from affine import Affine
from numpy.typing import NDArray

from hsigan.errors import HsiganError, StreamError
from hsigan.scene import crs_of, make_scene, transform_of

_LARGEST = 2**24
_PER_BAND = {"wavelength_nm": "wavelengths_nm", "fwhm_nm": "fwhm_nm", "good_band": "good_band"}


def encode_metadata(scene: xr.Dataset) -> bytes:
    """Return what a file keeps of a scene besides its values and labels; b"" where it has nothing.

    Band centres and widths (nm, to 0.0001), band flags, CRS, transform, units, scale; and the
    bands' indices where these are not 0, 1, 2 ...
    """
    facts: dict[str, Any] = {}
    for coordinate in _PER_BAND:
        if coordinate in scene.coords:
            facts[coordinate] = _plain(scene.coords[coordinate].values)
    bands = scene["band"].values
    if not np.array_equal(bands, np.arange(len(bands))):
        facts["band"] = bands.tolist()
    crs, transform = crs_of(scene), transform_of(scene)
    if crs is not None:
        epsg = crs.to_epsg(confidence_threshold=100)
        facts["crs"] = (
            epsg if epsg is not None and crs == type(crs).from_epsg(epsg) else crs.to_wkt()
        )
    if transform is not None:
        facts["transform"] = list(transform.to_gdal())
    for key in ("units", "scale"):
        if key in scene["values"].attrs:
            facts[key] = scene["values"].attrs[key]
    if not facts:
        return b""
    text = json.dumps(facts, allow_nan=True, separators=(",", ":"), ensure_ascii=False)
    return zlib.compress(text.encode(), 9)


def decode_metadata(payload: bytes, bands: int) -> dict[str, Any]:
    """Return the facts that `encode_metadata` wrote.

    Raises
    ------
    StreamError
        The payload is damaged, or does not fit so many bands.
    """
    if not payload:
        return {}
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(payload, _LARGEST)
        facts = json.loads(text) if unpacker.eof else None
    except (zlib.error, ValueError, RecursionError) as error:
        raise StreamError("the file's metadata are damaged") from error
    if not isinstance(facts, dict):
        raise StreamError("the file's metadata are damaged")
    for key in ("band", *_PER_BAND):
        numbers = facts.get(key)
        if numbers is not None and not _are_numbers(numbers, bands):
            raise StreamError(f"the file's metadata are damaged: {key} does not fit its bands")
    transform = facts.get("transform")
    if transform is not None and not (_are_numbers(transform, 6) and np.isfinite(transform).all()):
        raise StreamError("the file's metadata are damaged: its transform is none")
    return facts


def make_decoded(
    values: NDArray[Any],
    facts: dict[str, Any],
    nodata: float | None,
    corner: tuple[int, int],
    name: str,
) -> xr.Dataset:
    """Return the scene of decoded values (H, W, B), whose first pixel is at row, column ``corner``.

    Raises
    ------
    StreamError
        The facts make no scene.
    """
    given = {
        argument: np.array(facts[coordinate])
        for coordinate, argument in _PER_BAND.items()
        if coordinate in facts
    }
    row, column = corner
    try:
        transform = None
        if "transform" in facts:
            transform = Affine.from_gdal(*facts["transform"]) * Affine.translation(column, row)
        scene = make_scene(
            values,
            **given,
            nodata=nodata,
            units=facts.get("units"),
            scale=facts.get("scale"),
            crs=facts.get("crs"),
            transform=transform,
            name=name,
        )
    except (HsiganError, ValueError, TypeError) as error:
        raise StreamError(f"the file's metadata are damaged: {error}") from error
    if "band" in facts:
        scene = scene.assign_coords(band=("band", np.array(facts["band"])))
    if transform is None and corner != (0, 0):
        rows, columns = np.arange(values.shape[0]), np.arange(values.shape[1])
        scene = scene.assign_coords(y=("y", rows + float(row)), x=("x", columns + float(column)))
    return scene


def _plain(values: NDArray[Any]) -> list[Any]:
    if values.dtype.kind == "b":
        return [int(flag) for flag in values]
    rounded = (round(float(number), 4) for number in values)
    return [int(number) if number.is_integer() else number for number in rounded]


def _are_numbers(numbers: Any, count: int) -> bool:
    return (
        isinstance(numbers, list)
        and len(numbers) == count
        and all(isinstance(n, int | float) for n in numbers)
    )
