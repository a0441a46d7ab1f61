"""Files in, scenes out: one door for every format."""

import difflib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from hsigan.errors import LabelError, SceneError
from hsigan.scene.arrays import arranged, choose_variable
from hsigan.scene.dataset import class_names_of, make_scene, valid_mask, with_labels
from hsigan.scene.labelled_arrays import is_zarr, read_hdf5, read_xarray
from hsigan.scene.labels import label_scene, labels_for, sibling_labels
from hsigan.scene.matlab import mat_shapes, read_mat
from hsigan.scene.options import PathLike, ReadOptions
from hsigan.scene.raster import read_raster
from hsigan.scene.sensors import read_sensor_product
from hsigan.scene.wavelengths import read_wavelengths

_NETCDF_SUFFIXES = (".nc", ".nc4", ".cdf", ".netcdf")


def open_scene(path: PathLike, options: ReadOptions | None = None, **changes: Any) -> xr.Dataset:
    """Read one scene.

    Parameters
    ----------
    path : path
        .mat (v5, v7.3), ENVI (header or data), GeoTIFF and whatever else GDAL reads, netCDF, Zarr,
        HDF5, EMIT L1B and L2A (.nc), PRISMA L2 (.he5).
    options : ReadOptions, optional
        What the file does not say itself.
    **changes
        Fields of `ReadOptions`, instead of or on top of `options`.

    Returns
    -------
    xarray.Dataset
        A scene as ``docs/architecture.md`` defines it, in the file's own numeric type.

    Raises
    ------
    SceneError
        If the file is not a readable scene, or no band or no pixel of it can be used.
    LabelError
        If the labels cannot be read or do not fit.
    """
    return open_scenes([path], options, **changes)[0]


def open_scenes(
    paths: Sequence[PathLike], options: ReadOptions | None = None, **changes: Any
) -> list[xr.Dataset]:
    """Read several scenes of one sensor, each as `open_scene` does; their bands must agree.

    All of them carry the classes of all, also those that do not occur in them.

    Raises
    ------
    SceneError
        If there is no path, a file is not a scene, or the files differ in their bands.
    LabelError
        If labels do not fit, or name one class in two ways.
    """
    if not paths:
        raise SceneError("no scene was given: name one file or more.")
    options = replace(options or ReadOptions(), **changes)
    labels = _labels_per_scene(options, len(paths))
    is_shared = isinstance(options.labels, str | Path) and len(paths) > 1
    scenes = [
        _read(Path(path), replace(options, labels=label), is_shared)
        for path, label in zip(paths, labels, strict=True)
    ]
    for scene in scenes[1:]:
        check_same_bands(scenes[0], scene)
    return _with_common_classes(scenes)


def _labels_per_scene(options: ReadOptions, count: int) -> list[PathLike | None]:
    labels = options.labels
    if labels is None or isinstance(labels, str | Path):
        return [labels] * count
    if len(labels) != count:
        raise LabelError(f"{len(labels)} label files were given for {count} scenes: give one each.")
    return list(labels)


def _read(path: Path, options: ReadOptions, is_shared: bool) -> xr.Dataset:
    _check_file(path)
    scene = _read_values(path, options)
    if options.wavelengths is not None:
        scene = _with_wavelengths(scene, options.wavelengths)
    labels = options.labels
    if isinstance(labels, str | Path):
        file, name = labels_for(path, labels)
        is_shared = is_shared and not Path(labels).is_dir()
        scene = label_scene(scene, file, name, replace(options, labels=file), is_shared)
    elif "label" not in scene and (sibling := sibling_labels(path)) is not None:
        scene = label_scene(scene, sibling, None, options)
    # A scene that stays on disk is not read twice: whoever walks through it sees what is valid.
    if not options.lazy and not valid_mask(scene).any():
        raise SceneError(
            f"{path.name} has no usable pixel: every band is flagged bad, constant or without "
            f"data, or no pixel has data in all the other bands; leave this file out."
        )
    return scene


def _check_file(path: Path) -> None:
    if not path.exists():
        folder = path.parent
        names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
        near = difflib.get_close_matches(path.name, names, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise SceneError(f"{path!s} does not exist: correct the path.{hint}")
    if path.is_dir():
        if not is_zarr(path):
            raise SceneError(f"{path!s} is a folder, not a scene: name the scene files in it.")
    elif path.stat().st_size == 0:
        raise SceneError(f"{path!s} is empty: copy or download it again.")


def _read_values(path: Path, options: ReadOptions) -> xr.Dataset:
    suffix, name = path.suffix.lower(), path.stem
    if suffix == ".mat":
        variable = choose_variable(mat_shapes(path), options, path.name)
        cube = arranged(read_mat(path, variable), options, f"{path.name}:{variable}")
        return make_scene(cube, name=name, source=[path.name])
    if path.is_dir():
        return read_xarray(path, options, name)
    if h5py.is_hdf5(path):
        product = read_sensor_product(path, name) if options.variable is None else None
        if product is not None:
            return product
        reader = read_xarray if suffix in _NETCDF_SUFFIXES else read_hdf5
        return reader(path, options, name)
    if suffix in _NETCDF_SUFFIXES:
        return read_xarray(path, options, name)
    if options.variable is not None or options.layout is not None:
        raise SceneError(
            f"{path.name} is an image that knows its own axes: leave out the variable and the "
            f"layout."
        )
    return read_raster(path, name, options.lazy)


def _with_wavelengths(scene: xr.Dataset, path: PathLike) -> xr.Dataset:
    """Lay wavelengths from a file of their own over what the scene says itself."""
    facts = read_wavelengths(path, scene.sizes["band"])
    found = {
        "wavelength_nm": facts.wavelengths_nm,
        "fwhm_nm": facts.fwhm_nm,
        "good_band": facts.good_band,
    }
    return scene.assign_coords(
        {key: ("band", vector) for key, vector in found.items() if vector is not None}
    )


def check_same_bands(first: xr.Dataset, other: xr.Dataset) -> None:
    """Raise a SceneError unless two scenes have the same bands."""
    names = f"{first.attrs['name']} and {other.attrs['name']}"
    counts = first.sizes["band"], other.sizes["band"]
    if counts[0] != counts[1]:
        raise SceneError(
            f"{names} have {counts[0]} and {counts[1]} bands: give scenes of one sensor."
        )
    if "wavelength_nm" not in first.coords or "wavelength_nm" not in other.coords:
        return
    distance_nm = np.abs(first["wavelength_nm"].values - other["wavelength_nm"].values)
    if not (distance_nm <= 0.5).all():
        band = int(np.argmax(distance_nm))
        raise SceneError(
            f"{names} differ in the wavelength of band {band} "
            f"({first['wavelength_nm'].values[band]:g} and {other['wavelength_nm'].values[band]:g} "
            f"nm): give scenes of one sensor."
        )


def _with_common_classes(scenes: list[xr.Dataset]) -> list[xr.Dataset]:
    names = common_class_names(scenes)
    return [
        with_labels(scene, scene["label"].values, names) if "label" in scene else scene
        for scene in scenes
    ]


def common_class_names(scenes: Sequence[xr.Dataset]) -> dict[int, str]:
    """Return the classes of all scenes as id -> name.

    Raises
    ------
    LabelError
        If two scenes give one id two names.
    """
    names: dict[int, str] = {}
    for scene in scenes:
        for class_id, name in class_names_of(scene).items():
            known = names.setdefault(class_id, name)
            if f"class {class_id}" == known:
                names[class_id] = name
            elif name not in (known, f"class {class_id}"):
                raise LabelError(
                    f"class {class_id} is {known!r} in one scene and {name!r} in "
                    f"{scene.attrs['name']}: make the label files agree."
                )
    return names
