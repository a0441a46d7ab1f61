"""Formats that name their axes: netCDF and Zarr through xarray, plain HDF5 through h5py."""

import json
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import xarray as xr
from affine import Affine

from hsigan.errors import LabelError, SceneError
from hsigan.scene.arrays import Shapes, arranged, choose_variable
from hsigan.scene.bands import to_nanometres
from hsigan.scene.dataset import make_scene
from hsigan.scene.options import ReadOptions

_BAND_AXES = ("band", "bands", "wavelength", "wavelengths", "wavelength_nm", "wl", "channel")
_ROW_AXES = ("y", "row", "rows", "line", "lines", "lat", "latitude", "northing", "downtrack")
_COLUMN_AXES = ("x", "column", "columns", "sample", "samples", "lon", "longitude", "easting",
                "crosstrack")  # fmt: skip
_ZARR_MARKS = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")


def is_zarr(path: Path) -> bool:
    """Say whether a folder is a Zarr store."""
    return path.is_dir() and any((path / mark).is_file() for mark in _ZARR_MARKS)


def read_xarray(path: Path, options: ReadOptions, name: str) -> xr.Dataset:
    """Read a netCDF file or a Zarr store.

    Parameters
    ----------
    path : Path
        The file or folder.
    options : ReadOptions
        `variable` and `layout` decide where names and axes do not.
    name : str
        What to call the scene.

    Raises
    ------
    SceneError
        If the file is cut off or holds no cube, or several.
    """
    try:
        with warnings.catch_warnings():
            # A store written by another program may lack what xarray likes to find.
            warnings.simplefilter("ignore")
            with _opened(path) as source:
                return _scene_from(source, options, name, path.name)
    except (SceneError, LabelError):
        raise
    except Exception as error:
        # The libraries below meet a damaged file in a dozen ways.
        raise SceneError(
            f"{path.name} cannot be read ({type(error).__name__}): it is cut off, damaged or "
            f"something else than its name says; copy it again."
        ) from error


def _opened(path: Path) -> xr.Dataset:
    if is_zarr(path):
        engine, consolidated = "zarr", {"consolidated": None}
    else:
        engine, consolidated = ("h5netcdf" if h5py.is_hdf5(path) else "scipy"), None
    return xr.open_dataset(
        path,
        engine=engine,
        mask_and_scale=False,
        decode_times=False,
        decode_coords=False,
        backend_kwargs=consolidated,
    )


def _scene_from(source: xr.Dataset, options: ReadOptions, name: str, where: str) -> xr.Dataset:
    shapes = {
        str(key): variable.shape
        for key, variable in source.variables.items()
        if variable.dtype.kind in "iuf"
    }
    chosen = "values" if "values" in shapes and options.variable is None else None
    if chosen is None:
        chosen = choose_variable(shapes, options, where)
    variable = source.variables[chosen]
    axes = None if options.layout else _named_axes(variable.dims)
    values = variable.transpose(*axes).values if axes else variable.values
    if axes is None:
        values = arranged(values, options, f"{where}:{chosen}")
        rows, columns, band = _axes_of_layout(variable.dims, options)
    else:
        rows, columns, band = axes
    label, class_names = _label(source, rows, columns)
    return make_scene(
        np.ascontiguousarray(values),
        label=label,
        class_names=class_names,
        wavelengths_nm=_along(source, band, ("wavelength_nm", "wavelength", "wavelengths", "wl")),
        fwhm_nm=_along(source, band, ("fwhm_nm", "fwhm")),
        good_band=_flags(source, band),
        nodata=_number(variable.attrs, "_FillValue", "missing_value", "nodata"),
        scale=_number(variable.attrs, "scale_factor", "scale"),
        units=variable.attrs.get("units"),
        crs=_crs(source, variable.attrs),
        transform=_transform(source, variable.attrs, rows, columns),
        name=name,
        source=[where],
    )


def _named_axes(dims: tuple[Any, ...]) -> tuple[Any, Any, Any] | None:
    """Return (rows, columns, bands) if every axis says what it is."""
    found = [
        [dim for dim in dims if str(dim).lower() in known]
        for known in (_ROW_AXES, _COLUMN_AXES, _BAND_AXES)
    ]
    if len(dims) != 3 or any(len(match) != 1 for match in found):
        return None
    return found[0][0], found[1][0], found[2][0]


def _axes_of_layout(dims: tuple[Any, ...], options: ReadOptions) -> tuple[Any, Any, Any]:
    if options.layout == "flat":
        return None, None, None
    return (dims[1], dims[2], dims[0]) if options.layout == "bhw" else (dims[0], dims[1], dims[2])


def _along(source: xr.Dataset, band: Any, names: tuple[str, ...]) -> npt.NDArray[Any] | None:
    for name in names:
        variable = source.variables.get(name)
        if variable is not None and variable.dims == (band,) and variable.dtype.kind in "iuf":
            units = "nm" if name.endswith("_nm") else variable.attrs.get("units")
            return to_nanometres(variable.values, units)
    return None


def _flags(source: xr.Dataset, band: Any) -> npt.NDArray[Any] | None:
    for name in ("good_band", "good_wavelengths", "bbl"):
        variable = source.variables.get(name)
        if variable is not None and variable.dims == (band,):
            return np.asarray(variable.values != 0)
    return None


def _number(attributes: dict[Any, Any], *names: str) -> float | None:
    for name in names:
        if name in attributes:
            return float(np.asarray(attributes[name]).reshape(-1)[0])
    return None


def _label(
    source: xr.Dataset, rows: Any, columns: Any
) -> tuple[npt.NDArray[Any] | None, dict[int, str] | None]:
    variable = source.variables.get("label")
    if variable is None or set(variable.dims) != {rows, columns}:
        return None, None
    attributes = variable.attrs
    if "class_names" in attributes:
        known = {int(i): str(text) for i, text in json.loads(attributes["class_names"]).items()}
    else:
        # CF's names for a map of classes.
        ids = np.atleast_1d(attributes.get("flag_values", []))
        names = str(attributes.get("flag_meanings", "")).split()
        known = {int(i): text for i, text in zip(ids, names, strict=False) if i != 0}
    return variable.transpose(rows, columns).values, known


def _mapping(source: xr.Dataset, attributes: dict[Any, Any]) -> dict[Any, Any]:
    name = attributes.get("grid_mapping", "spatial_ref")
    return dict(source.variables[name].attrs) if name in source.variables else {}


def _crs(source: xr.Dataset, attributes: dict[Any, Any]) -> str | None:
    mapping = _mapping(source, attributes)
    found = mapping.get("crs_wkt", mapping.get("spatial_ref"))
    return None if found is None else str(found)


def _transform(
    source: xr.Dataset, attributes: dict[Any, Any], rows: Any, columns: Any
) -> Affine | None:
    mapping = _mapping(source, attributes)
    text = mapping.get("GeoTransform")
    if text is not None:
        return Affine.from_gdal(*(float(number) for number in str(text).split()))
    if not mapping or rows not in source.variables or columns not in source.variables:
        return None
    y, x = source.variables[rows].values, source.variables[columns].values
    if min(y.size, x.size) < 2:
        return None
    step_y, step_x = (y[-1] - y[0]) / (y.size - 1), (x[-1] - x[0]) / (x.size - 1)
    return Affine(step_x, 0, x[0] - step_x / 2, 0, step_y, y[0] - step_y / 2)


def read_hdf5(path: Path, options: ReadOptions, name: str) -> xr.Dataset:
    """Read the cube of a plain HDF5 file, its axes as `options.layout` says.

    Raises
    ------
    SceneError
        If the file is cut off or holds no cube, or several.
    """
    try:
        with h5py.File(path, "r") as file:
            chosen = choose_variable(hdf5_shapes(file), options, path.name)
            array = file[chosen][()]
            attributes = dict(file[chosen].attrs)
    except OSError as error:
        raise SceneError(
            f"{path.name} cannot be read as HDF5: it is cut off or damaged; copy it again."
        ) from error
    cube = arranged(array, options, f"{path.name}:{chosen}")
    nodata = _number(attributes, "_FillValue", "missing_value", "Data_Ignore_Value", "nodata")
    return make_scene(cube, nodata=nodata, name=name, source=[path.name])


def hdf5_shapes(file: h5py.File) -> Shapes:
    """Return the numeric arrays of an HDF5 file as path in the file -> shape."""
    shapes: dict[str, tuple[int, ...]] = {}

    def note(key: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "iuf":
            shapes[key] = item.shape

    file.visititems(note)
    return shapes
