"""What is in a scene, as facts that a person asks for first."""

import hashlib
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from rasterio.crs import CRS

from hsigan.scene.dataset import (
    class_names_of,
    crs_of,
    is_data,
    transform_of,
    usable_bands,
    valid_mask,
)


@dataclass(frozen=True)
class ClassCount:
    """One class of a label map and its number of pixels."""

    class_id: int
    name: str
    pixels: int


@dataclass(frozen=True)
class SceneFacts:
    """Facts about a scene.

    Attributes
    ----------
    name, source
        Name, and the files it came from.
    shape
        Rows, columns, bands.
    dtype, units
        Type of the numbers; their units, or None.
    value_range
        Least and greatest value in usable bands of valid pixels, None where there are none.
    nodata
        The value that stands for "no data", or None.
    missing_share
        Share of all values that are nodata, NaN or infinite; in [0, 1].
    invalid_pixel_share
        Share of pixels that lack data in a usable band; in [0, 1].
    wavelength_range_nm
        Least and greatest band centre in nm, or None.
    band_problems
        Unusable band (counted from 0) -> why.
    crs, pixel_size, corner
        Name of the coordinate system, pixel width and height and upper left corner in its units,
        or None.
    pixel_unit
        Unit of the pixel size, such as "m" or "degrees", or None where it is unknown.
    classes
        Classes in order of their ids; empty without labels.
    labelled_pixels
        Pixels with a label.
    """

    name: str
    source: tuple[str, ...]
    shape: tuple[int, int, int]
    dtype: str
    units: str | None
    value_range: tuple[float, float] | None
    nodata: float | None
    missing_share: float
    invalid_pixel_share: float
    wavelength_range_nm: tuple[float, float] | None
    band_problems: dict[int, str]
    crs: str | None
    pixel_size: tuple[float, float] | None
    pixel_unit: str | None
    corner: tuple[float, float] | None
    classes: tuple[ClassCount, ...]
    labelled_pixels: int


def scene_digest(scene: xr.Dataset) -> str:
    """Return a digest of a scene's values, the same whatever its file is called or its format."""
    values = scene["values"].values
    digest = hashlib.blake2b(repr(values.shape).encode(), digest_size=16)
    for row in values:
        digest.update(np.ascontiguousarray(row, dtype=np.float32).tobytes())
    return digest.hexdigest()


def describe_scene(scene: xr.Dataset) -> SceneFacts:
    """Gather the facts about a scene; reads every value once or twice, changes nothing."""
    values, grid, crs = scene["values"], transform_of(scene), crs_of(scene)
    height, width, bands = values.shape
    valid, usable = valid_mask(scene), usable_bands(scene)
    counts = _class_counts(scene)
    return SceneFacts(
        name=str(scene.attrs["name"]),
        source=tuple(scene.attrs.get("source", ())),
        shape=(height, width, bands),
        dtype=str(values.dtype),
        units=values.attrs.get("units"),
        value_range=_value_range(scene, valid, usable),
        nodata=values.attrs.get("nodata"),
        missing_share=1.0 - _data_count(scene) / values.size,
        invalid_pixel_share=float(1.0 - valid.mean()),
        wavelength_range_nm=_wavelength_range(scene),
        band_problems=band_problems(scene),
        crs=None if crs is None else crs.to_string() if crs.to_epsg() else _crs_name(crs.to_wkt()),
        pixel_size=None if grid is None else (float(grid.a), float(-grid.e)),
        pixel_unit=None if grid is None or crs is None else _unit(crs),
        corner=None if grid is None else (float(grid.c), float(grid.f)),
        classes=counts,
        labelled_pixels=sum(count.pixels for count in counts),
    )


def band_problems(scene: xr.Dataset) -> dict[int, str]:
    """Say of each unusable band (counted from 0) why it is so."""
    flagged = scene["good_band"].values if "good_band" in scene.coords else None
    problems: dict[int, str] = {}
    for band in np.flatnonzero(~usable_bands(scene)).tolist():
        plane = scene["values"].values[:, :, band]
        known = is_data(plane, scene)
        reasons = ["flagged bad"] if flagged is not None and not flagged[band] else []
        if not known.any():
            reasons.append("NaN only" if np.isnan(plane).all() else "no data")
        elif plane[known].min() == plane[known].max():
            reasons.append(f"constant ({plane[known][0]!s})")
        problems[band] = ", ".join(reasons)
    return problems


def band_ranges(problems: dict[int, str]) -> list[tuple[int, int, str]]:
    """Join neighbouring bands with the same problem: first band, last band, why."""
    ranges: list[tuple[int, int, str]] = []
    for band, reason in sorted(problems.items()):
        if ranges and ranges[-1][1] == band - 1 and ranges[-1][2] == reason:
            ranges[-1] = (ranges[-1][0], band, reason)
        else:
            ranges.append((band, band, reason))
    return ranges


def _crs_name(wkt: str) -> str:
    """Return the quoted name at the start of a WKT, for systems without an EPSG code."""
    parts = wkt.split('"')
    return parts[1] if len(parts) > 1 else wkt[:40]


def _unit(crs: CRS) -> str | None:
    """Return the unit of ground coordinates as people write it."""
    if crs.is_geographic:
        return "degrees"
    name = str(crs.linear_units)
    return {"metre": "m", "meter": "m", "unknown": None}.get(name, name)


def _class_counts(scene: xr.Dataset) -> tuple[ClassCount, ...]:
    if "label" not in scene:
        return ()
    ids, pixels = np.unique(scene["label"].values, return_counts=True)
    counted = dict(zip(ids.tolist(), pixels.tolist(), strict=True))
    names = sorted(class_names_of(scene).items())
    return tuple(ClassCount(key, name, counted.get(key, 0)) for key, name in names)


def _wavelength_range(scene: xr.Dataset) -> tuple[float, float] | None:
    if "wavelength_nm" not in scene.coords:
        return None
    centres = scene["wavelength_nm"].values
    return float(np.nanmin(centres)), float(np.nanmax(centres))


def _data_count(scene: xr.Dataset) -> int:
    """Count the values that are data, row by row, so that no mask of the whole is made."""
    return sum(int(np.count_nonzero(is_data(row, scene))) for row in scene["values"].values)


def _value_range(
    scene: xr.Dataset, valid: NDArray[np.bool_], usable: NDArray[np.bool_]
) -> tuple[float, float] | None:
    low, high = np.inf, -np.inf
    for row, is_valid in zip(scene["values"].values, valid, strict=True):
        chosen = row[is_valid][:, usable]
        if chosen.size:
            low, high = min(low, float(chosen.min())), max(high, float(chosen.max()))
    return None if low > high else (low, high)
