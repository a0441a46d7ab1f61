"""Products of two imaging spectrometers that are HDF5 files of their own making: EMIT, PRISMA."""

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import xarray as xr
from affine import Affine

from hsigan.errors import SceneError
from hsigan.scene.bands import to_nanometres
from hsigan.scene.dataset import make_scene

_SWATHS = "HDFEOS/SWATHS"
_PRISMA_FULL_SCALE = 65535


def read_sensor_product(path: Path, name: str) -> xr.Dataset | None:
    """Read an EMIT or PRISMA product; None where the file is neither.

    Parameters
    ----------
    path : Path
        An HDF5 file (.nc of EMIT, .he5 of PRISMA).
    name : str
        What to call the scene.

    Raises
    ------
    SceneError
        If it is a product that hsigan does not read, or is cut off.
    """
    try:
        with h5py.File(path, "r") as file:
            if "sensor_band_parameters/wavelengths" in file:
                return _emit(file, path, name)
            if _SWATHS in file and any(key.startswith("PRS_") for key in file[_SWATHS]):
                return _prisma(file, path, name)
            return None
    except (OSError, KeyError) as error:
        raise SceneError(
            f"{path.name} cannot be read as an HDF5 product ({type(error).__name__}): it is cut "
            f"off or damaged; copy it again."
        ) from error


def _emit(file: h5py.File, path: Path, name: str) -> xr.Dataset:
    """Read EMIT L1B or L2A in sensor geometry.

    Cubes are (downtrack, crosstrack, bands). A swath has no affine transform, so the scene has no
    georeference: orthorectify with the product's lookup table (glt_x, glt_y) for one.
    """
    cubes = [key for key in ("reflectance", "radiance") if key in file]
    if not cubes:
        held = ", ".join(key for key in file if isinstance(file[key], h5py.Dataset))
        raise SceneError(
            f"{path.name} is an EMIT product without reflectance or radiance (it holds {held}): "
            f"give the L2A RFL or L1B RAD file."
        )
    cube = file[cubes[0]]
    bands = file["sensor_band_parameters"]
    flags = bands["good_wavelengths"][()] if "good_wavelengths" in bands else None
    wavelengths = bands["wavelengths"]
    return make_scene(
        cube[()],
        wavelengths_nm=to_nanometres(wavelengths[()], _text(wavelengths.attrs.get("units"))),
        fwhm_nm=to_nanometres(bands["fwhm"][()], "nm") if "fwhm" in bands else None,
        good_band=None if flags is None else flags == 1,
        nodata=float(np.asarray(cube.attrs.get("_FillValue", -9999.0)).reshape(-1)[0]),
        units=_text(cube.attrs.get("units")),
        name=name,
        source=[path.name],
    )


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value.decode() if isinstance(value, bytes) else str(value)


def _prisma(file: h5py.File, path: Path, name: str) -> xr.Dataset:
    """Read PRISMA L2B, L2C or L2D: both cubes as one, in physical units, by wavelength.

    The stored cubes are uint16 (line, band, sample), each with its own scale, so that one spectrum
    needs ``minimum + DN * (maximum - minimum) / 65535`` before they are joined. Bands that the
    product flags as absent are left out. DN 0 in every band is fill, and becomes NaN.
    """
    swath = next((k for k in file[_SWATHS] if re.fullmatch(r"PRS_L2[BCD]_HCO", k)), None)
    if swath is None:
        held = ", ".join(file[_SWATHS])
        raise SceneError(
            f"{path.name} is a PRISMA product without a hyperspectral level 2 cube (it holds "
            f"{held}): give the L2B, L2C or L2D product, best L2D, which is georeferenced."
        )
    fields = file[f"{_SWATHS}/{swath}/Data Fields"]
    cubes, centres, widths, fills = [], [], [], []
    for part in ("Vnir", "Swir"):
        cube, centre_nm, width_nm, is_fill = _prisma_part(file, fields, part)
        cubes.append(cube)
        centres.append(centre_nm)
        widths.append(width_nm)
        fills.append(is_fill)
    wavelengths_nm = np.concatenate(centres)
    order = np.argsort(wavelengths_nm, kind="stable")
    values = np.concatenate(cubes, axis=2)[:, :, order]
    values[fills[0] & fills[1]] = np.nan
    crs, transform = _prisma_grid(file, values.shape) if "L2D" in swath else (None, None)
    return make_scene(
        values,
        wavelengths_nm=wavelengths_nm[order],
        fwhm_nm=np.concatenate(widths)[order],
        crs=crs,
        transform=transform,
        name=name,
        source=[path.name],
    )


def _prisma_part(
    file: h5py.File, fields: h5py.Group, part: str
) -> tuple[npt.NDArray[np.float32], npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.bool_]]:
    stored = fields[f"{part.upper()}_Cube"][()]  # (H, B, W)
    centre_nm = np.asarray(file.attrs[f"List_Cw_{part}"], dtype=np.float64)
    width_nm = np.asarray(file.attrs[f"List_Fwhm_{part}"], dtype=np.float64)
    is_present = np.asarray(file.attrs.get(f"List_Cw_{part}_Flags", centre_nm)) > 0
    is_present &= centre_nm > 0
    minimum, maximum = (float(file.attrs[f"L2Scale{part}{end}"]) for end in ("Min", "Max"))
    kept = np.moveaxis(stored[:, is_present, :], 1, 2)
    step = np.float32((maximum - minimum) / _PRISMA_FULL_SCALE)
    cube = kept.astype(np.float32) * step + np.float32(minimum)
    return cube, centre_nm[is_present], width_nm[is_present], (kept == 0).all(axis=2)


def _prisma_grid(file: h5py.File, shape: tuple[int, ...]) -> tuple[str, Affine]:
    """Return CRS and transform; the product's corners are centres of the corner pixels."""
    height, width = shape[:2]
    west, north = (
        float(file.attrs[f"Product_ULcorner_{axis}"]) for axis in ("easting", "northing")
    )
    east, south = (
        float(file.attrs[f"Product_LRcorner_{axis}"]) for axis in ("easting", "northing")
    )
    step_x, step_y = (east - west) / max(1, width - 1), (south - north) / max(1, height - 1)
    epsg = int(np.asarray(file.attrs["Epsg_Code"]).reshape(-1)[0])
    return f"EPSG:{epsg}", Affine(step_x, 0, west - step_x / 2, 0, step_y, north - step_y / 2)
