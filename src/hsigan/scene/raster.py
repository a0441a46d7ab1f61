"""What GDAL can read: GeoTIFF, ENVI and the rest, with the bands' wavelengths and flags."""

import gzip
import logging
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import xarray as xr
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window
from xarray.backends import BackendArray
from xarray.core import indexing

from hsigan.errors import SceneError
from hsigan.scene.bands import BandFacts, band_facts
from hsigan.scene.dataset import make_scene

ENVI_SUFFIXES = ("", ".img", ".dat", ".bsq", ".bil", ".bip", ".raw")
_BLOCK_BYTES = 64 * 2**20


@contextmanager
def quiet_gdal() -> Iterator[None]:
    """Keep GDAL from printing: it raises what matters, and a plain image needs no georeference."""
    handler = logging.NullHandler()
    logger = logging.getLogger("rasterio")
    logger.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def opened_raster(path: Path) -> Iterator[DatasetReader]:
    """Open a file with GDAL; what goes wrong inside becomes a SceneError.

    Raises
    ------
    SceneError
        If GDAL does not know the file, or cannot read all of it.
    """
    path = data_file(path)
    try:
        with quiet_gdal(), rasterio.open(path) as source:
            yield source
    except RasterioError as error:
        raise SceneError(
            f"{path.name} cannot be read as an image ({_reason(path, error)}): it is cut off, "
            f"damaged or not an image{_missing_header(path)}."
        ) from error


def _reason(path: Path, error: Exception) -> str:
    text = str(error.__cause__ or error).replace(str(path), path.name)
    return " ".join(text.split())[:200].rstrip(".")


def _missing_header(path: Path) -> str:
    if path.suffix.lower() in ENVI_SUFFIXES:
        return f"; if it is ENVI, put its header {path.stem}.hdr beside it"
    return ""


def data_file(path: Path) -> Path:
    """Return the data file of an ENVI header; any other path as it is.

    Raises
    ------
    SceneError
        If there is a header and no data beside it.
    """
    if path.suffix.lower() != ".hdr":
        return path
    for suffix in ENVI_SUFFIXES:
        for candidate in (path.with_suffix(suffix), path.with_suffix(suffix.upper())):
            if candidate.is_file():
                return candidate
    raise SceneError(
        f"{path.name} is a header without data: no {path.stem}, {path.stem}.img, .dat, .bsq, .bil, "
        f".bip or .raw lies beside it; put the data there."
    )


def read_raster(path: Path, name: str, lazy: bool = False) -> xr.Dataset:
    """Read a GDAL image as a scene.

    Parameters
    ----------
    path : Path
        The file; of an ENVI pair either one.
    name : str
        What to call the scene.
    lazy : bool
        Whether the values stay on disk until rows of them are asked for.

    Raises
    ------
    SceneError
        If the file is not an image of real numbers, or is cut off.
    """
    with opened_raster(path) as source:
        if source.count == 0:
            parts = ", ".join(part.rsplit(":", 1)[-1] for part in source.subdatasets[:8])
            raise SceneError(f"{path.name} holds no image of its own, only parts: {parts}.")
        if len(set(source.dtypes)) > 1:
            raise SceneError(
                f"{path.name} has bands of several types ({', '.join(sorted(set(source.dtypes)))}):"
                f" convert them to one type first."
            )
        if source.driver == "ENVI":
            _check_envi_size(Path(source.name), source)
        facts = band_facts(source)
        return make_scene(
            _RasterRows(path, source).lazy() if lazy else _read_cube(source),
            wavelengths_nm=facts.wavelengths_nm,
            fwhm_nm=facts.fwhm_nm,
            good_band=facts.good_band,
            nodata=_nodata(source, path),
            scale=_scale(source, facts),
            units=_units(source),
            crs=source.crs or None,
            transform=None if source.transform.is_identity else source.transform,
            name=name,
            source=[path.name],
        )


def _check_envi_size(path: Path, source: DatasetReader) -> None:
    """Refuse a short file: GDAL fills what is missing of an ENVI file with zeros, silently."""
    header = source.tags(ns="ENVI")
    item = np.dtype(source.dtypes[0]).itemsize
    needed = source.height * source.width * source.count * item
    offset = header.get("header_offset", "0").strip()
    needed += int(offset) if offset.isdigit() else 0
    if header.get("file_compression", "0").strip() == "1" and _is_gzip(path):
        found = _gzip_size(path)
    else:
        found = path.stat().st_size
    if found < needed:
        raise SceneError(
            f"{path.name} has {found} bytes, its header speaks of {needed}: it is cut off, or the "
            f"header belongs to another file; copy both again."
        )


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _gzip_size(path: Path) -> int:
    """Return the length of the content, which also proves its checksum."""
    try:
        with gzip.open(path) as content:
            return sum(len(block) for block in iter(lambda: content.read(2**20), b""))
    except (EOFError, OSError, zlib.error) as error:
        raise SceneError(
            f"{path.name} is gzip-compressed as its header says, but cut off or damaged: copy it "
            f"again."
        ) from error


def _read_cube(source: DatasetReader) -> npt.NDArray[Any]:
    """Fill (H, W, B) in the order in which the file lies, so that nothing is in memory twice."""
    cube = np.empty((source.height, source.width, source.count), dtype=source.dtypes[0])
    interleave = source.tags(ns="IMAGE_STRUCTURE").get("INTERLEAVE", "BAND")
    if interleave == "BAND":
        # Many bands a call: GDAL's wrapper looks at every band of the file in each call.
        bands = max(1, _BLOCK_BYTES // cube[:, :, 0].nbytes)
        for start in range(0, source.count, bands):
            indexes = list(source.indexes[start : start + bands])
            cube[:, :, start : start + bands] = np.moveaxis(source.read(indexes), 0, -1)
        return cube
    rows = max(1, _BLOCK_BYTES // cube[0].nbytes)
    for start in range(0, source.height, rows):
        window = Window(0, start, source.width, min(rows, source.height - start))
        cube[start : start + rows] = np.moveaxis(source.read(window=window), 0, -1)
    return cube


class _RasterRows(BackendArray):
    """The cube (H, W, B) of an image on disk; indexing reads the rows that are asked for."""

    def __init__(self, path: Path, source: DatasetReader) -> None:
        self.path = path
        self.shape = (source.height, source.width, source.count)
        self.dtype = np.dtype(source.dtypes[0])

    def lazy(self) -> indexing.LazilyIndexedArray:
        """Return the array as xarray takes it: slices of it are not read yet either."""
        return indexing.LazilyIndexedArray(self)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> npt.NDArray[Any]:
        cube: npt.NDArray[Any] = indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )
        return cube

    def _read(self, key: tuple[Any, ...]) -> npt.NDArray[Any]:
        rows = np.arange(self.shape[0])[key[0]]  # an array, or a number where one row is asked for
        top, bottom = (int(rows.min()), int(rows.max()) + 1) if np.size(rows) else (0, 1)
        with opened_raster(self.path) as source:
            bands = source.read(window=Window(0, top, self.shape[1], bottom - top))
        block: npt.NDArray[Any] = np.moveaxis(bands, 0, -1)[rows - top]
        return block[(*[slice(None)] * np.ndim(rows), *key[1:])]


def _nodata(source: DatasetReader, path: Path) -> float | None:
    found = {value for value in source.nodatavals if value is not None and value == value}
    if len(found) > 1:
        raise SceneError(
            f"{path.name} has several nodata values ({', '.join(map(str, sorted(found)))}): "
            f"convert it to one first."
        )
    if found:
        return float(found.pop())
    return None if source.nodata is None else float(source.nodata)


def _scale(source: DatasetReader, facts: BandFacts) -> float | None:
    scales = set(source.scales)
    if len(scales) == 1 and scales != {1.0} and set(source.offsets) == {0.0}:
        return float(scales.pop())
    return facts.scale


def _units(source: DatasetReader) -> str | None:
    units = set(source.units)
    if len(units) == 1 and units != {None}:
        return str(units.pop())
    in_header: str | None = source.tags(ns="ENVI").get("data_units")
    return in_header
