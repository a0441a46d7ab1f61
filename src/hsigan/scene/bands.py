"""What files say about their bands: centre, width and whether the provider calls it bad."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.io import DatasetReader

Floats = npt.NDArray[np.float64]

_NM_PER_UNIT = {
    "nanometers": 1.0, "nanometres": 1.0, "nanometer": 1.0, "nm": 1.0,
    "micrometers": 1e3, "micrometres": 1e3, "micrometer": 1e3, "microns": 1e3, "micron": 1e3,
    "um": 1e3, "\N{MICRO SIGN}m": 1e3, "\N{GREEK SMALL LETTER MU}m": 1e3,
    "millimeters": 1e6, "mm": 1e6, "meters": 1e9, "m": 1e9,
    "angstroms": 0.1,
}  # fmt: skip
_NOT_A_LENGTH = {"index", "wavenumber", "ghz", "mhz"}
_DESCRIPTION = re.compile(r"\(?([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z\u00b5\u03bc]+)\)?\s*$")


@dataclass(frozen=True)
class BandFacts:
    """What is known of B bands; None where the file does not say."""

    wavelengths_nm: Floats | None = None
    fwhm_nm: Floats | None = None
    good_band: npt.NDArray[np.bool_] | None = None
    scale: float | None = None


def to_nanometres(numbers: npt.ArrayLike, units: str | None) -> Floats | None:
    """Convert wavelengths to nm; without known units, numbers below 100 are micrometres.

    Returns
    -------
    array (B,) or None
        None where the units are not a length (index, wavenumber, frequency).
    """
    values = np.asarray(numbers, dtype=np.float64)
    key = _unit_key(units)
    if key in _NOT_A_LENGTH:
        return None
    factor = _NM_PER_UNIT.get(key)
    if factor is None:
        factor = 1e3 if values.size and np.nanmax(values) < 100 else 1.0
    # 0.424 um is 424 nm, not 424.00000000000006.
    return np.round(values * factor, 9) if factor != 1.0 else values


def _unit_key(units: str | None) -> str:
    return (units or "").strip().strip("{}").strip().lower()


def band_facts(source: DatasetReader) -> BandFacts:
    """Gather what a GDAL file says, the most precise place first.

    The places: tags of each band (as EnMAP products and GDAL's ENVI reader have them), the ENVI
    header, GDAL's IMAGERY domain (which rounds to three digits in ENVI files), the bands' names.
    """
    header = {key.lower(): text for key, text in source.tags(ns="ENVI").items()}
    tags = [
        {key.lower(): text for key, text in source.tags(band).items()} for band in source.indexes
    ]
    imagery = [source.tags(band, ns="IMAGERY") for band in source.indexes]
    if _unit_key(header.get("wavelength_units")) in _NOT_A_LENGTH:
        # GDAL would take the numbers of an index for micrometres.
        flags = _list(header, "bbl", source.count)
        return BandFacts(good_band=None if flags is None else flags != 0)
    wavelengths_nm = _first(
        _tagged_lengths(tags, "wavelength"),
        _header_lengths(header, "wavelength", source.count),
        _imagery(imagery, "CENTRAL_WAVELENGTH_UM"),
        _described(source.descriptions),
    )
    fwhm_nm = _first(
        _tagged_lengths(tags, "fwhm"),
        _header_lengths(header, "fwhm", source.count),
        _imagery(imagery, "FWHM_UM"),
    )
    flags = _first(_numbers([tag.get("bbl") for tag in tags]), _list(header, "bbl", source.count))
    return BandFacts(
        wavelengths_nm, fwhm_nm, None if flags is None else flags != 0, _header_scale(header)
    )


def _first(*candidates: Floats | None) -> Floats | None:
    return next((candidate for candidate in candidates if candidate is not None), None)


def _numbers(texts: Sequence[Any]) -> Floats | None:
    try:
        return np.array([float(text) for text in texts])
    except (TypeError, ValueError):
        return None


def _tagged_lengths(tags: Sequence[dict[str, str]], key: str) -> Floats | None:
    numbers = _numbers([tag.get(key) for tag in tags])
    if numbers is None:
        return None
    units = tags[0].get(f"{key}_units", tags[0].get("wavelength_units"))
    return to_nanometres(numbers, units)


def _list(header: dict[str, str], key: str, count: int) -> Floats | None:
    numbers = _numbers(header.get(key, "").strip().strip("{}").split(","))
    return numbers if numbers is not None and numbers.size == count else None


def _header_lengths(header: dict[str, str], key: str, count: int) -> Floats | None:
    numbers = _list(header, key, count)
    if numbers is None:
        return None
    units = header.get("wavelength_units")
    if key == "fwhm" and _unit_key(units) not in _NM_PER_UNIT:
        # Widths are small in any unit: without units they follow the centres.
        centres = _list(header, "wavelength", count)
        units = "um" if centres is not None and np.nanmax(centres) < 100 else "nm"
    return to_nanometres(numbers, units)


def _header_scale(header: dict[str, str]) -> float | None:
    factor = _numbers([header.get("reflectance_scale_factor")])
    return None if factor is None or factor[0] in (0.0, 1.0) else float(1 / factor[0])


def _imagery(tags: Sequence[dict[str, str]], key: str) -> Floats | None:
    numbers = _numbers([tag.get(key) for tag in tags])
    return None if numbers is None else to_nanometres(numbers, "um")


def _described(descriptions: Sequence[str | None]) -> Floats | None:
    """Read names such as "band 1 (0.424000 Micrometers)"; all bands or none."""
    found = [_DESCRIPTION.search(text or "") for text in descriptions]
    lengths = [
        float(match[1]) * _NM_PER_UNIT[match[2].lower()]
        for match in found
        if match is not None and match[2].lower() in _NM_PER_UNIT
    ]
    return np.round(lengths, 9) if len(lengths) == len(descriptions) else None
