"""Class maps of whole scenes, block by block, and the files that hold them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from logging.handlers import BufferingHandler
from pathlib import Path

import numpy as np
import rasterio
import xarray as xr
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import DatasetWriter
from rasterio.windows import Window

from hsigan.classification.patch_estimator import Patches
from hsigan.classification.trained import TrainedClassifier
from hsigan.errors import InputError
from hsigan.files import whole_file
from hsigan.sampling import BoolMap
from hsigan.sampling.patches import row_patches
from hsigan.sampling.pixels import band_positions
from hsigan.scene import crs_of, transform_of
from hsigan.scene.dataset import is_data
from hsigan.scene.raster import quiet_gdal
from hsigan.scene.write_raster import MOST_CATEGORIES, category_names, class_colours

# Spectra of one block as float64 take about 64 MB, whatever the size of the scene.
_BLOCK_VALUES = 8_000_000

Progress = Callable[[int, int], None]
"""Called with the rows done and all rows."""


def classify_scene(
    trained: TrainedClassifier,
    scene: xr.Dataset,
    map_path: str | Path,
    probabilities_path: str | Path | None = None,
    progress: Progress | None = None,
) -> NDArray[np.int32]:
    """Predict every valid pixel and write the map; memory is bounded by a block of rows.

    Patches reach beyond the border, where the scene is mirrored, so that no pixel is left out.

    Parameters
    ----------
    trained : a trained classifier
    scene : a scene of the same sensor, in the same units
    map_path : .tif (georeference, colour table, category names) or .png (with a legend)
    probabilities_path : .tif with one float32 band per class, NaN where there is no data
    progress : called after each block

    Returns
    -------
    (H, W) int32 class ids, 0 where there is no data.

    Raises
    ------
    SceneError
        The scene lacks bands that the classifier reads.
    InputError
        Another file type.
    """
    target = Path(map_path)
    _check_endings(target, probabilities_path)
    height, width = scene.sizes["y"], scene.sizes["x"]
    predicted = np.zeros((height, width), dtype=np.int32)
    with ExitStack() as stack:
        layers = None
        if probabilities_path is not None:
            layers = stack.enter_context(
                _created(Path(probabilities_path), scene, "float32", len(trained.class_ids), np.nan)
            )
            for index, class_id in enumerate(trained.class_ids, start=1):
                layers.set_band_description(index, trained.class_names.get(class_id, str(class_id)))
        for start, labels, probability in predict_blocks(trained, scene, layers is not None):
            predicted[start : start + len(labels)] = labels
            if layers is not None and probability is not None:
                window = Window(0, start, width, len(labels))
                layers.write(np.moveaxis(probability, -1, 0), window=window)
            if progress is not None:
                progress(start + len(labels), height)
    if target.suffix == ".png":
        _write_png(predicted, trained.class_names, target)
    else:
        _write_geotiff(predicted, trained.class_names, scene, target)
    return predicted


def predict_blocks(
    trained: TrainedClassifier, scene: xr.Dataset, probabilities: bool = False
) -> Iterator[tuple[int, NDArray[np.int32], NDArray[np.float32] | None]]:
    """Yield first row, labels (h, W) and probabilities (h, W, K) of blocks of rows.

    Of a scene that was opened lazily each block is read when its turn comes. Pixels without data
    get label 0 and no probabilities (NaN).
    """
    ids = np.asarray(trained.class_ids)
    for start, pixels, valid in _blocks(trained, scene):
        labels = np.zeros(valid.shape, dtype=np.int32)
        layers = None
        if probabilities:
            layers = np.full((*valid.shape, len(ids)), np.nan, dtype=np.float32)
        if len(pixels) and layers is not None:
            layers[valid] = chances = trained.classifier.predict_proba(pixels)
            labels[valid] = ids[chances.argmax(axis=1)]
        elif len(pixels):
            labels[valid] = trained.classifier.predict(pixels)
        yield start, labels, layers


def _blocks(
    trained: TrainedClassifier, scene: xr.Dataset
) -> Iterator[tuple[int, Patches, BoolMap]]:
    """Yield first row, what the classifier reads of the valid pixels, and which (h, W) these are.

    Spectra come (N, B) in blocks of rows, patches (N, B, P, P) row by row: they take longer.
    """
    height, width = scene.sizes["y"], scene.sizes["x"]
    positions = band_positions(scene, trained.band_indices)
    rows = max(1, _BLOCK_VALUES // (width * len(positions)))
    if trained.reads_patches:
        # Up to 2 P rows are read above and below: many rows at a time save reading.
        rows = max(rows, 2 * trained.patch_px)
    for start in range(0, height, rows):
        stop = min(start + rows, height)
        if trained.reads_patches:
            yield from _patch_rows(trained, scene, (start, stop))
        else:
            block = scene["values"][start:stop].values[..., positions]  # (h, W, B)
            valid = np.asarray(is_data(block, scene).all(axis=2))
            yield start, block[valid].astype(np.float64), valid


def _patch_rows(
    trained: TrainedClassifier, scene: xr.Dataset, rows: tuple[int, int]
) -> Iterator[tuple[int, Patches, BoolMap]]:
    patches, valid = row_patches(scene, trained.band_indices, rows, trained.patch_px)
    ends = valid.sum(axis=1).cumsum()
    for row, (first, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
        yield rows[0] + row, patches.take(slice(first, end)), valid[row : row + 1]


def _check_endings(map_path: Path, probabilities_path: str | Path | None) -> None:
    if map_path.suffix not in (".tif", ".tiff", ".png"):
        raise InputError(f"a class map is written as .tif or .png. Got {map_path.name!r} instead.")
    if probabilities_path is not None and Path(probabilities_path).suffix not in (".tif", ".tiff"):
        raise InputError(
            f"probabilities are written as .tif. Got {Path(probabilities_path).name!r} instead."
        )
    if probabilities_path is not None and Path(probabilities_path).resolve() == map_path.resolve():
        raise InputError(
            f"the map and the probabilities cannot both be {map_path}: choose another name for one."
        )


@contextmanager
def _created(
    path: Path, scene: xr.Dataset, dtype: str, count: int, nodata: float
) -> Iterator[DatasetWriter]:
    """Write a GeoTIFF with the scene's place, whole or not at all."""
    try:
        with whole_file(path) as temporary, quiet_gdal():
            with rasterio.open(
                temporary,
                "w",
                driver="GTiff",
                height=scene.sizes["y"],
                width=scene.sizes["x"],
                count=count,
                dtype=dtype,
                nodata=nodata,
                crs=crs_of(scene),
                transform=transform_of(scene),
                compress="deflate",
                bigtiff="if_safer",
            ) as target:
                yield target
            _read_back(temporary)
    except (OSError, RasterioError, SystemError) as error:  # the last is GDAL's, on a full disk
        reason = getattr(error, "strerror", None) or "the disk may be full"
        raise InputError(
            f"{path} could not be written ({reason}): free some space or choose another folder; "
            "what was there before is kept."
        ) from error


def _read_back(path: Path) -> None:
    """Read everything: closing a file, GDAL keeps quiet about what a full disk did not take.

    Of tags that are cut off, as the georeference may be, it only warns.
    """
    heard = BufferingHandler(capacity=1000)
    heard.setLevel(logging.WARNING)
    logger = logging.getLogger("rasterio")
    logger.addHandler(heard)
    try:
        with rasterio.open(path) as source:
            for _, window in source.block_windows(1):
                source.read(window=window)
    finally:
        logger.removeHandler(heard)
    if heard.buffer:
        raise OSError("it does not read back as it was written")


def _write_geotiff(
    predicted: NDArray[np.int32], names: Mapping[int, str], scene: xr.Dataset, path: Path
) -> None:
    highest = max([int(predicted.max()), *names])
    dtype = "uint8" if highest < 256 else "uint16" if highest < 65536 else "int32"
    with _created(path, scene, dtype, 1, 0) as target:
        target.write(predicted.astype(dtype), 1)
        target.update_tags(1, **{f"CLASS_NAME_{key}": name for key, name in names.items()})
        if dtype == "uint8":
            target.write_colormap(1, class_colours(highest))
    if highest < MOST_CATEGORIES:
        with whole_file(path.with_name(f"{path.name}.aux.xml")) as temporary:
            temporary.write_text(category_names(names, highest), encoding="utf-8")


def _write_png(predicted: NDArray[np.int32], names: Mapping[int, str], path: Path) -> None:
    """Draw the map with a legend; small scenes are enlarged by whole pixels."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    shown = [class_id for class_id in sorted({*names, *np.unique(predicted).tolist()}) if class_id]
    # Colours by order, not by id: ids 1 and 14 alone would look alike.
    colours = class_colours(len(shown))
    palette = np.zeros((max(shown, default=0) + 1, 4), dtype=np.uint8)
    for place, class_id in enumerate(shown, start=1):
        palette[class_id] = colours[place]
    scale = max(1, 800 // max(predicted.shape))
    picture = palette[predicted].repeat(scale, axis=0).repeat(scale, axis=1)
    height, width = (size / 100 for size in picture.shape[:2])
    figure = Figure(figsize=(width + 3.0, max(height, 0.25 * len(shown) + 0.5)), dpi=100)
    axes = figure.add_axes((0.0, 0.0, width / (width + 3.0), 1.0))
    axes.imshow(picture, interpolation="nearest")
    axes.set_axis_off()
    patches = [
        Patch(color=palette[c] / 255, label=f"{c}  {names.get(c, '')}".rstrip()) for c in shown
    ]
    side = (width + 0.1) / (width + 3.0)
    figure.legend(handles=patches, loc="center left", bbox_to_anchor=(side, 0.5), frameon=False)
    with whole_file(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a box stands for it
        figure.savefig(temporary, format="png", dpi=100)
