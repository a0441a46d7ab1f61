"""GeoTIFF and ENVI through GDAL, with band facts and labels where other programs look for them."""

import colorsys
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt
import rasterio
import xarray as xr
from rasterio.io import DatasetWriter
from rasterio.windows import Window

from hsigan.errors import LabelError, SceneError
from hsigan.scene.dataset import class_names_of, crs_of, transform_of
from hsigan.scene.grid import place_in_grid
from hsigan.scene.labels import UNUSED_CLASS

_GEOTIFF_TYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
                  "float32", "float64")  # fmt: skip
_ENVI_TYPES = tuple(name for name in _GEOTIFF_TYPES if name != "int8")
_GRID_TOLERANCE_PX = 1e-3
MOST_CATEGORIES = 10_000
"""Ids up to which a file lists a name for every id."""
_BLOCK_BYTES = 64 * 2**20


def write_geotiff(scene: xr.Dataset, path: Path) -> None:
    """Write ``path`` and, where there are labels, ``NAME_labels.tif`` beside it."""
    values = scene["values"].values
    _check_type(values.dtype, _GEOTIFF_TYPES, path)
    options = {
        "compress": "deflate",
        "predictor": 3 if values.dtype.kind == "f" else 2,
        "interleave": "band",
        "bigtiff": "if_safer",
    }
    with _created(scene, path, "GTiff", values, options) as target:
        for band in range(values.shape[2]):
            target.write(values[:, :, band], band + 1)
            target.update_tags(band + 1, **_band_tags(scene, band))
            target.update_tags(band + 1, ns="IMAGERY", **_imagery_tags(scene, band))
        scale = scene["values"].attrs.get("scale")
        if scale is not None:
            target.scales = [scale] * target.count
        units = scene["values"].attrs.get("units")
        if units is not None:
            target.units = [units] * target.count
    _verify(path, values)
    if "label" in scene:
        _write_geotiff_labels(scene, path.with_name(f"{path.stem}_labels.tif"))


def _created(
    scene: xr.Dataset, path: Path, driver: str, values: npt.NDArray[Any], options: dict[str, Any]
) -> DatasetWriter:
    height, width, count = values.shape
    return rasterio.open(
        path,
        "w",
        driver=driver,
        height=height,
        width=width,
        count=count,
        dtype=values.dtype.name,
        crs=crs_of(scene),
        transform=transform_of(scene),
        nodata=scene["values"].attrs.get("nodata") if count == scene.sizes["band"] else None,
        **options,
    )


def _check_type(dtype: np.dtype[Any], known: tuple[str, ...], path: Path) -> None:
    if dtype.name not in known:
        raise SceneError(
            f"{path.name}: this format cannot hold {dtype}: write .nc or .zarr, or convert the "
            f"values to float32."
        )


def _band_tags(scene: xr.Dataset, band: int) -> dict[str, str]:
    """Return the tags that EnMAP products have."""
    tags = {}
    if "wavelength_nm" in scene.coords:
        tags["wavelength"] = repr(float(scene["wavelength_nm"].values[band]))
        tags["wavelength_units"] = "Nanometers"
    if "fwhm_nm" in scene.coords:
        tags["fwhm"] = repr(float(scene["fwhm_nm"].values[band]))
        tags.setdefault("wavelength_units", "Nanometers")
    if "good_band" in scene.coords:
        tags["bbl"] = str(int(scene["good_band"].values[band]))
    return tags


def _imagery_tags(scene: xr.Dataset, band: int) -> dict[str, str]:
    """Return GDAL's own domain, in micrometres."""
    places = {"wavelength_nm": "CENTRAL_WAVELENGTH_UM", "fwhm_nm": "FWHM_UM"}
    return {
        tag: f"{scene[key].values[band] / 1000:.9g}"
        for key, tag in places.items()
        if key in scene.coords
    }


def _write_geotiff_labels(scene: xr.Dataset, path: Path) -> None:
    label, names = _small_labels(scene)
    with _created(scene, path, "GTiff", label[:, :, None], {"compress": "deflate"}) as target:
        target.write(label, 1)
        target.update_tags(1, **{f"CLASS_NAME_{key}": text for key, text in names.items()})
        if label.dtype == np.uint8:
            target.write_colormap(1, class_colours(max(names, default=0)))
    if names and max(names) < MOST_CATEGORIES:
        text = category_names(names, max(names))
        path.with_name(f"{path.name}.aux.xml").write_text(text, encoding="utf-8")
    _verify(path, label[:, :, None])


def _small_labels(scene: xr.Dataset) -> tuple[npt.NDArray[Any], dict[int, str]]:
    names = class_names_of(scene)
    label = scene["label"].values
    highest = max([0, *names])
    dtype = np.uint8 if highest < 256 else np.uint16 if highest < 65536 else np.int32
    return label.astype(dtype), names


def category_names(names: Mapping[int, str], highest: int) -> str:
    """Return the content of ``NAME.tif.aux.xml``, where GDAL keeps the names of the ids 0 on."""
    listed = [names.get(key, "") for key in range(highest + 1)]
    items = "".join(f"<Category>{escape(text)}</Category>" for text in listed)
    return (
        f'<PAMDataset><PAMRasterBand band="1"><CategoryNames>{items}</CategoryNames>'
        f"</PAMRasterBand></PAMDataset>\n"
    )


def class_colours(highest: int) -> dict[int, tuple[int, int, int, int]]:
    """Return a colour (red, green, blue, opacity; 0-255) for the ids 0 to `highest`.

    Hues advance by the golden ratio, so that neighbours differ; 0 is transparent black.
    """
    colours = {0: (0, 0, 0, 0)}
    for class_id in range(1, highest + 1):
        hue = (class_id * 0.618034) % 1.0
        red, green, blue = colorsys.hsv_to_rgb(hue, 0.65, 0.95 - 0.25 * (class_id % 2))
        colours[class_id] = (round(red * 255), round(green * 255), round(blue * 255), 255)
    return colours


def write_envi(scene: xr.Dataset, path: Path, interleave: str) -> None:
    """Write ``path`` and its header and, where there are labels, ``NAME_labels.img``."""
    values = scene["values"].values
    _check_type(values.dtype, _ENVI_TYPES, path)
    _write_raw(scene, path, values, interleave)
    _finish_header(path, scene.attrs["name"], _envi_fields(scene))
    _verify(path, values)
    _verify_grid(scene, path)
    if "label" in scene:
        label, names = _small_labels(scene)
        labels_path = path.with_name(f"{path.stem}_labels.img")
        _check_envi_names(names, path)
        _write_raw(scene, labels_path, label[:, :, None], "bsq")
        _finish_header(labels_path, f"labels of {scene.attrs['name']}", _class_fields(names))
        _verify(labels_path, label[:, :, None])


def _write_raw(scene: xr.Dataset, path: Path, values: npt.NDArray[Any], interleave: str) -> None:
    rows = max(1, _BLOCK_BYTES // values[0].nbytes)
    with _created(scene, path, "ENVI", values, {"interleave": interleave}) as target:
        for start in range(0, len(values), rows):
            block = values[start : start + rows]
            window = Window(0, start, values.shape[1], len(block))
            target.write(np.moveaxis(block, -1, 0), window=window)


def _envi_fields(scene: xr.Dataset) -> dict[str, str]:
    fields = {}
    if "wavelength_nm" in scene.coords or "fwhm_nm" in scene.coords:
        fields["wavelength units"] = "Nanometers"
    for key, field in (("wavelength_nm", "wavelength"), ("fwhm_nm", "fwhm")):
        if key in scene.coords:
            fields[field] = _braced(repr(float(number)) for number in scene[key].values)
    if "good_band" in scene.coords:
        fields["bbl"] = _braced(str(int(flag)) for flag in scene["good_band"].values)
    attributes = scene["values"].attrs
    if "scale" in attributes:
        fields["reflectance scale factor"] = repr(1 / attributes["scale"])
    if "units" in attributes:
        fields["data units"] = str(attributes["units"])
    return fields


def _braced(texts: Any) -> str:
    return "{" + ", ".join(texts) + "}"


def _class_fields(names: dict[int, str]) -> dict[str, str]:
    """Return the class list of a classification: one entry for every id from 0 on."""
    highest = max(names, default=0)
    colours = class_colours(highest)
    entries = ["Unclassified"]
    entries += [names.get(class_id, UNUSED_CLASS) for class_id in range(1, highest + 1)]
    return {
        "file type": "ENVI Classification",
        "classes": str(highest + 1),
        "class names": _braced(entries),
        "class lookup": _braced(str(v) for key in colours for v in colours[key][:3]),
    }


def _check_envi_names(names: dict[int, str], path: Path) -> None:
    if max(names, default=0) >= MOST_CATEGORIES:
        raise LabelError(
            f"{path.name}: ENVI lists a class for every id, and the ids go up to {max(names)}: "
            f"write .tif, .nc or .zarr, or number the classes from 1."
        )
    wrong = [text for text in names.values() if re.search(r"[,{}\n]", text)]
    if wrong:
        raise LabelError(
            f"{path.name}: an ENVI class name has no comma or brace. Got {wrong[0]!r}: write .tif, "
            f".nc or .zarr, or rename the class."
        )


def _finish_header(data_path: Path, description: str, fields: dict[str, str]) -> None:
    """Put fields into the header that GDAL wrote, and a description that is not a path."""
    path = data_path.with_suffix(".hdr")
    text = path.read_text(encoding="utf-8")
    plain = re.sub(r"[{}\n]", " ", description)
    text = re.sub(
        r"description = \{.*?\}", lambda _: f"description = {{{plain}}}", text, flags=re.S
    )
    for field in fields:
        text = re.sub(rf"^{field} = .*\n", "", text, flags=re.M)
    text += "".join(f"{field} = {content}\n" for field, content in fields.items())
    path.write_text(text, encoding="utf-8")
    # GDAL's notes beside the file repeat the header as it was before these fields.
    data_path.with_name(f"{data_path.name}.aux.xml").unlink(missing_ok=True)


def _verify(path: Path, values: npt.NDArray[Any]) -> None:
    """Read the file back: GDAL may keep quiet about what a full disk did not take."""
    with rasterio.open(path) as source:
        for band in range(values.shape[2]):
            if not np.array_equal(
                source.read(band + 1), values[:, :, band], equal_nan=values.dtype.kind == "f"
            ):
                raise OSError(f"band {band} does not read back as it was written")


def _verify_grid(scene: xr.Dataset, path: Path) -> None:
    """Refuse what an ENVI header cannot say: a sheared grid; in some CRS a turned one."""
    expected = transform_of(scene)
    if expected is None:
        return
    with rasterio.open(path) as source:
        height, width = source.height, source.width
        row, column, off_px = place_in_grid(expected, source.transform, height, width)
    if (row, column) != (0, 0) or off_px > _GRID_TOLERANCE_PX:
        raise SceneError(
            f"{path.name}: ENVI cannot hold this scene's turned or mirrored grid: write .tif, .nc "
            f"or .zarr."
        )
