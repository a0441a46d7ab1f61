"""What a scene is: an xarray Dataset with `values` (y, x, band), made and questioned here."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError
from xarray.core.indexing import LazilyIndexedArray

from hsigan.errors import LabelError, SceneError

_BLOCK_BYTES = 64 * 2**20


def make_scene(
    values: npt.ArrayLike | LazilyIndexedArray,
    *,
    label: npt.ArrayLike | None = None,
    class_names: Mapping[int, str] | None = None,
    wavelengths_nm: npt.ArrayLike | None = None,
    fwhm_nm: npt.ArrayLike | None = None,
    good_band: npt.ArrayLike | None = None,
    nodata: float | None = None,
    units: str | None = None,
    scale: float | None = None,
    crs: Any = None,
    transform: Affine | None = None,
    name: str = "scene",
    source: Sequence[str] = (),
) -> xr.Dataset:
    """Make a scene from arrays; nothing is copied, scaled or converted.

    Parameters
    ----------
    values : array (H, W, B)
        Real numbers in any units; a lazily indexed array stays where it is.
    label : array (H, W), optional
        Class ids, 0 where there is no label.
    class_names : mapping of id to name, optional
        Ids without a name are called "class ID".
    wavelengths_nm, fwhm_nm : array (B,), optional
        Band centres and widths in nm.
    good_band : array (B,) of bool, optional
        False where the provider flags a band as bad.
    nodata : float, optional
        The value that stands for "no data".
    units : str, optional
        Physical unit of ``scale * values``.
    scale : float, optional
        Factor from stored to physical values, kept beside them and not applied.
    crs, transform
        Anything that rasterio takes for a CRS, and the affine transform from pixel corners
        (column, row) to ground coordinates.
    name : str
        What to call the scene.
    source : sequence of str
        File names without folders.

    Returns
    -------
    xarray.Dataset
        A scene as ``docs/architecture.md`` defines it.

    Raises
    ------
    SceneError
        If `values` is not a cube of real numbers, or a band coordinate has another length.
    LabelError
        If labels have another shape or are not whole numbers >= 0.
    """
    cube: Any = values if isinstance(values, LazilyIndexedArray) else np.asarray(values)
    _check_cube(cube, name)
    scene = xr.Dataset({"values": (("y", "x", "band"), cube)})
    scene = scene.assign_coords(band=("band", np.arange(cube.shape[2])))
    for key, dtype, given in (
        ("wavelength_nm", np.float64, wavelengths_nm),
        ("fwhm_nm", np.float64, fwhm_nm),
        ("good_band", np.bool_, good_band),
    ):
        if given is not None:
            scene = scene.assign_coords({key: ("band", _per_band(given, dtype, cube, key, name))})
    # NaN is never data, so a NaN for "no data" says nothing more.
    known_nodata = None if nodata is None or np.isnan(nodata) else float(nodata)
    for key, fact in (("nodata", known_nodata), ("units", units), ("scale", scale)):
        if fact is not None:
            scene["values"].attrs[key] = fact
    scene.attrs.update(name=name, source=list(source))
    scene = _georeference(scene, crs, transform)
    return scene if label is None else with_labels(scene, label, class_names)


def _check_cube(cube: npt.NDArray[Any], name: str) -> None:
    if cube.ndim != 3 or 0 in cube.shape:
        raise SceneError(
            f"{name}: a scene needs rows, columns and bands, all of them one or more. "
            f"Got an array of shape {cube.shape} instead."
        )
    if cube.dtype.kind not in "iuf":
        raise SceneError(f"{name}: a scene holds real numbers. Got {cube.dtype} instead.")


def _per_band(
    given: npt.ArrayLike, dtype: type[np.generic], cube: npt.NDArray[Any], key: str, name: str
) -> npt.NDArray[Any]:
    vector = np.asarray(given)
    if vector.shape != cube.shape[2:]:
        raise SceneError(
            f"{name}: {key} must have one number per band. Got {vector.size} numbers for "
            f"{cube.shape[2]} bands."
        )
    return vector.astype(dtype)


def _georeference(scene: xr.Dataset, crs: Any, transform: Affine | None) -> xr.Dataset:
    height, width = scene["values"].shape[:2]
    grid = Affine.identity() if transform is None else transform
    half = 0.0 if transform is None else 0.5
    # Of a rotated grid these are the coordinates along the first column and the first row.
    x = grid.c + grid.a * (np.arange(width) + half) + grid.b * half
    y = grid.f + grid.e * (np.arange(height) + half) + grid.d * half
    if transform is None:
        x, y = np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64)
    scene = scene.assign_coords(y=("y", y), x=("x", x))
    attributes: dict[str, str] = {}
    if crs is not None:
        try:
            attributes["crs_wkt"] = CRS.from_user_input(crs).to_wkt()
        except CRSError as error:
            raise SceneError(f"{scene.attrs['name']}: {crs!r} is not a known CRS.") from error
    if transform is not None:
        attributes["GeoTransform"] = " ".join(repr(float(v)) for v in transform.to_gdal())
    if not attributes:
        return scene
    return scene.assign_coords(spatial_ref=((), 0, attributes))


def with_labels(
    scene: xr.Dataset, label: npt.ArrayLike, class_names: Mapping[int, str] | None = None
) -> xr.Dataset:
    """Return the scene with this label map in the place of any other.

    Parameters
    ----------
    scene : xarray.Dataset
        A scene of H rows and W columns.
    label : array (H, W)
        Whole numbers >= 0; 0 and NaN mean "no label".
    class_names : mapping of id to name, optional
        May name classes that do not occur here, as a tile of a larger scene needs.

    Returns
    -------
    xarray.Dataset
        A new scene that shares the values of the old one.

    Raises
    ------
    LabelError
        If the shape is another one, or an entry is not a whole number from 0 to 2**31 - 1.
    """
    given = np.asarray(label)
    height, width = scene["values"].shape[:2]
    name = scene.attrs["name"]
    if given.shape != (height, width):
        raise LabelError(
            f"{name}: the labels have the shape {given.shape}, the scene has {height} rows and "
            f"{width} columns: give labels of this scene, or say how its axes lie (layout, shape)."
        )
    ids = _whole_ids(given, name)
    names = (
        {} if class_names is None else {int(key): str(text) for key, text in class_names.items()}
    )
    class_ids = sorted({int(v) for v in np.unique(ids)} | set(names))
    class_ids = [class_id for class_id in class_ids if class_id != 0]
    attributes = {
        "class_ids": class_ids,
        "class_names": [names.get(class_id, f"class {class_id}") for class_id in class_ids],
    }
    return scene.assign(label=(("y", "x"), ids, attributes))


def _whole_ids(given: npt.NDArray[Any], name: str) -> npt.NDArray[np.int32]:
    if given.dtype.kind not in "iufb":
        raise LabelError(f"{name}: labels must be whole numbers. Got {given.dtype} instead.")
    if given.dtype.kind == "f":
        given = np.where(np.isnan(given), 0, given)
    wrong = (given < 0) | (given > np.iinfo(np.int32).max) | (given != np.floor(given))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise LabelError(
            f"{name}: labels must be whole numbers from 0 (no label) up. Got "
            f"{given[row, column]!s} at row {row}, column {column}."
        )
    return given.astype(np.int32)


def crs_of(scene: xr.Dataset) -> CRS | None:
    """Return the coordinate reference system, or None where the file has none."""
    text = _spatial_attribute(scene, "crs_wkt")
    return None if text is None else CRS.from_wkt(text)


def transform_of(scene: xr.Dataset) -> Affine | None:
    """Return the transform from pixel corners (column, row) to ground (x, y), or None."""
    text = _spatial_attribute(scene, "GeoTransform")
    return None if text is None else Affine.from_gdal(*(float(v) for v in text.split()))


def _spatial_attribute(scene: xr.Dataset, key: str) -> str | None:
    if "spatial_ref" not in scene.coords:
        return None
    text = scene.coords["spatial_ref"].attrs.get(key)
    return None if text is None else str(text)


def class_names_of(scene: xr.Dataset) -> dict[int, str]:
    """Return the classes as id -> name, empty where there are no labels."""
    if "label" not in scene:
        return {}
    attributes = scene["label"].attrs
    return dict(zip(attributes["class_ids"], attributes["class_names"], strict=True))


def usable_bands(scene: xr.Dataset) -> npt.NDArray[np.bool_]:
    """Say which bands can be used.

    Returns
    -------
    array (B,) of bool
        True for a band that is flagged good (where there are flags), holds data that is finite
        somewhere, and is not constant over its data. A scene of one pixel keeps its bands.
    """
    height, width, count = scene["values"].shape
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    for block in _row_blocks(scene):
        known = is_data(block, scene)
        if known.all():
            low = np.minimum(low, block.min(axis=(0, 1)))
            high = np.maximum(high, block.max(axis=(0, 1)))
            continue
        low = np.minimum(low, np.where(known, block, np.inf).min(axis=(0, 1)))
        high = np.maximum(high, np.where(known, block, -np.inf).max(axis=(0, 1)))
    is_one_pixel = height * width == 1
    usable: npt.NDArray[np.bool_] = low <= high if is_one_pixel else low < high
    if "good_band" in scene.coords:
        usable &= scene.coords["good_band"].values
    return usable


def valid_mask(scene: xr.Dataset) -> npt.NDArray[np.bool_]:
    """Say which pixels can be used.

    Returns
    -------
    array (H, W) of bool
        True for a pixel whose usable bands, at least one, are all data and finite.
    """
    usable = usable_bands(scene)
    if not usable.any():
        return np.zeros(scene["values"].shape[:2], dtype=np.bool_)
    blocks = [is_data(block, scene)[:, :, usable].all(axis=2) for block in _row_blocks(scene)]
    return np.concatenate(blocks)


def is_data(block: npt.NDArray[Any], scene: xr.Dataset) -> npt.NDArray[np.bool_]:
    """Say which numbers, taken from the scene's values, are finite and not its nodata value.

    Parameters
    ----------
    block : array
        Any part of ``scene["values"]``.
    scene : xarray.Dataset
        The scene that says what its nodata value is.

    Returns
    -------
    array of bool
        The shape of `block`.
    """
    known: npt.NDArray[np.bool_] = np.isfinite(block)
    nodata = scene["values"].attrs.get("nodata")
    if nodata is not None:
        # The file's number is compared in the file's type: -9999.9 is not itself in float32.
        if block.dtype.kind == "f":
            with np.errstate(over="ignore"):  # float64's lowest number is -inf in float32
                nodata = block.dtype.type(nodata)
        known &= block != nodata
    return known


def _row_blocks(scene: xr.Dataset) -> Iterator[npt.NDArray[Any]]:
    """Yield the values block by block; of a scene on disk no more than a block is in memory."""
    height, width, count = scene["values"].shape
    rows = max(1, _BLOCK_BYTES // max(1, width * count * 8))
    for start in range(0, height, rows):
        yield scene["values"][start : start + rows].values
