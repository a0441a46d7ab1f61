"""What a scene says besides its values: as facts of the METADATA chunk, and as a scene again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from affine import Affine
from numpy.typing import NDArray

from hsigan.bitstream.metadata import decode_metadata, encode_metadata
from hsigan.errors import HsiganError, StreamError
from hsigan.scene import crs_of, make_scene, transform_of

_PER_BAND = {
    "wavelength_nm": "wavelengths_nm",
    "fwhm_nm": "fwhm_nm",
    "good_band": "good_bands",
    "band": "band_indices",
}
"""Coordinates along the bands, and what the facts call them."""

_ATTRIBUTES = ("units", "scale")

_DECIMALS = 4


def sensor_profile(scenes: Sequence[xr.Dataset]) -> dict[str, Any]:
    """Return what all scenes of a sensor say about their bands and units; a model keeps it.

    A file whose scene says the same does not repeat it.
    """
    told = [_sensor_facts(_facts(scene)) for scene in scenes]
    return {key: value for key, value in told[0].items() if all(o.get(key) == value for o in told)}


def _sensor_facts(facts: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in facts.items() if k in (*_PER_BAND.values(), *_ATTRIBUTES)}


def pack_metadata(scene: xr.Dataset, profile: dict[str, Any] | None = None) -> tuple[bytes, bool]:
    """Return the METADATA chunk of a scene, and whether what it leaves out is in the profile.

    Kept are band centres and widths (nm, to 0.0001), band flags, CRS, transform, units, scale, and
    the bands' indices where these are not 0, 1, 2 ... The chunk is b"" where there is nothing to
    say.

    Parameters
    ----------
    scene : of which the chunk is
    profile : what the codec's model knows of the sensor (``sensor_profile``)
    """
    facts = _facts(scene)
    is_profile = bool(profile) and _sensor_facts(facts) == profile
    if is_profile:
        facts = {key: value for key, value in facts.items() if key not in (profile or {})}
    return (encode_metadata(facts) if facts else b""), is_profile


def _facts(scene: xr.Dataset) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for coordinate, key in _PER_BAND.items():
        if coordinate in scene.coords:
            facts[key] = _plain(scene.coords[coordinate].values)
    if facts.get("band_indices") == list(range(scene.sizes["band"])):
        del facts["band_indices"]
    crs, transform = crs_of(scene), transform_of(scene)
    if crs is not None:
        epsg = crs.to_epsg(confidence_threshold=100)
        is_known = epsg is not None and crs == type(crs).from_epsg(epsg)
        facts |= {"epsg": epsg} if is_known else {"crs_wkt": crs.to_wkt()}
    if transform is not None:
        facts["transform"] = list(transform.to_gdal())
    for key in _ATTRIBUTES:
        if key in scene["values"].attrs:
            facts[key] = _attribute(scene["values"].attrs[key])
    return facts


def _attribute(value: Any) -> Any:
    """Return a number as JSON gives it back: a profile must equal what it was made of."""
    return value.item() if isinstance(value, np.generic) else value


def unpack_metadata(
    payload: bytes, bands: int, profile: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the facts of a METADATA chunk, and those of the sensor's profile.

    Raises
    ------
    StreamError
        It is damaged, or does not fit so many bands.
    """
    facts = {**(profile or {}), **(decode_metadata(payload) if payload else {})}
    for key in _PER_BAND.values():
        if key in facts and not _are_numbers(facts[key], bands):
            raise StreamError(f"the metadata is damaged: {key} does not fit {bands} bands")
    transform = facts.get("transform")
    if transform is not None and not (_are_numbers(transform, 6) and None not in transform):
        raise StreamError("the metadata is damaged: its transform is none")
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
    row, column = corner
    bands = {key: np.array(facts[key]) for key in ("good_bands", "band_indices") if key in facts}
    numbers = {
        key: np.array(facts[key], dtype=np.float64)
        for key in ("wavelengths_nm", "fwhm_nm")
        if key in facts
    }
    transform = None
    try:
        if "transform" in facts:
            a, b, c, d, e, f = Affine.from_gdal(*facts["transform"])[:6]
            transform = Affine(a, b, c + a * column + b * row, d, e, f + d * column + e * row)
        scene = make_scene(
            values,
            wavelengths_nm=numbers.get("wavelengths_nm"),
            fwhm_nm=numbers.get("fwhm_nm"),
            good_band=bands.get("good_bands"),
            nodata=nodata,
            units=facts.get("units"),
            scale=facts.get("scale"),
            crs=facts.get("crs_wkt", facts.get("epsg")),
            transform=transform,
            name=name,
        )
    except (HsiganError, ValueError, TypeError, ArithmeticError) as error:
        raise StreamError(f"the metadata is damaged: {error}") from error
    if "band_indices" in bands:
        scene = scene.assign_coords(band=("band", bands["band_indices"]))
    if transform is None and corner != (0, 0):
        rows, columns = np.arange(values.shape[0]), np.arange(values.shape[1])
        scene = scene.assign_coords(y=("y", rows + float(row)), x=("x", columns + float(column)))
    return scene


def _plain(values: NDArray[Any]) -> list[Any]:
    """Return numbers as JSON holds them; None stands for NaN."""
    if values.dtype.kind != "f":
        return [int(number) for number in values]
    return [round(float(v), _DECIMALS) if math.isfinite(v) else None for v in values]


def _are_numbers(numbers: Any, count: int) -> bool:
    return (
        isinstance(numbers, list)
        and len(numbers) == count
        and all(number is None or type(number) in (int, float) for number in numbers)
    )
