"""From scenes and masks to a table of spectra."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hsigan.errors import SceneError, SplitError
from hsigan.sampling.georeference import common_grid
from hsigan.sampling.grid import within
from hsigan.sampling.split import BoolMap, Split
from hsigan.scene import class_names_of, usable_bands, valid_mask


@dataclass(frozen=True)
class PixelTable:
    """N pixels of one or several scenes, in the order of scenes, rows and columns.

    Attributes
    ----------
    spectra : (N, B) float32
        In the scene's own units, over the bands of `band_indices`.
    labels : (N,) int64
        Class ids of the scene, 0 = no label.
    scene_index, row, column : (N,) int64
        Where each pixel lies.
    band_indices : (B,) int64
        The bands, numbered as in the file.
    wavelengths_nm : (B,) float64 or None
        Where the scenes know them.
    class_names : dict
        Class id to name.
    provenance : dict
        Plain data: which pixels these are.
    """

    spectra: NDArray[np.float32]
    labels: NDArray[np.int64]
    scene_index: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    band_indices: NDArray[np.int64]
    wavelengths_nm: NDArray[np.float64] | None
    class_names: dict[int, str]
    provenance: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: slice | NDArray[Any]) -> "PixelTable":
        """Return some of the pixels, by a slice, (n,) int indices or an (N,) bool mask."""
        return replace(
            self,
            spectra=self.spectra[indices],
            labels=self.labels[indices],
            scene_index=self.scene_index[indices],
            row=self.row[indices],
            column=self.column[indices],
        )


def gather_pixels(
    scenes: Sequence[xr.Dataset],
    masks: Sequence[BoolMap] | Literal["labelled", "all"],
    *,
    band_indices: Sequence[int] | NDArray[np.int64] | None = None,
) -> PixelTable:
    """Collect the spectra of the masked pixels, such as ``split.train``.

    Pixels that are not valid (nodata, NaN) are left out.

    Parameters
    ----------
    scenes : sequence of xarray.Dataset
        Scenes with the same bands.
    masks : sequence of (H, W) bool arrays, or "labelled", or "all"
        One mask per scene, or every labelled pixel, or every pixel.
    band_indices : sequence of int, optional
        Bands to take, numbered as in the file; by default those usable in every scene. A model that
        was trained on some bands reads another scene with these.

    Returns
    -------
    PixelTable

    Raises
    ------
    SceneError
        When the scenes' bands differ, no band is usable in all of them, a band that was asked for
        is absent, or a value is beyond float32.
    SplitError
        When masks and scenes do not fit.
    """
    if not scenes:
        raise SceneError("Pixels need at least one scene. Got none.")
    bands = common_bands(scenes) if band_indices is None else np.asarray(band_indices, np.int64)
    positions = [band_positions(scene, bands) for scene in scenes]
    chosen = _chosen(scenes, masks)
    columns: list[list[NDArray[Any]]] = []
    for index, (scene, mask) in enumerate(zip(scenes, chosen, strict=True)):
        row, column = np.nonzero(mask & valid_mask(scene))
        spectra = scene["values"].values[row[:, None], column[:, None], positions[index]]
        finite = np.isfinite(spectra).all(axis=1)
        row, column = row[finite], column[finite]
        place = np.full(len(row), index, dtype=np.int64)
        labels = _label_map(scene)[row, column]
        columns.append([as_float32(spectra[finite], scene), labels, place, row, column])
    spectra, labels, scene_index, row, column = (
        np.concatenate(c) for c in zip(*columns, strict=True)
    )
    wavelengths = scenes[0].coords.get("wavelength_nm")
    return PixelTable(
        spectra=spectra,
        labels=labels,
        scene_index=scene_index,
        row=row,
        column=column,
        band_indices=bands,
        wavelengths_nm=None if wavelengths is None else wavelengths.values[positions[0]],
        class_names={k: v for scene in scenes for k, v in class_names_of(scene).items()},
        provenance={"pixels": masks if isinstance(masks, str) else "masks"},
    )


def as_float32(spectra: NDArray[Any], scene: xr.Dataset) -> NDArray[np.float32]:
    """Return finite values of a scene as 32-bit numbers, or say that they are too large."""
    with np.errstate(over="ignore"):
        single = spectra.astype(np.float32, copy=False)
    if not np.isfinite(single).all():
        raise SceneError(
            f"{_name(scene)} has values of up to {np.abs(spectra).max():.3g}, and spectra are kept "
            f"as 32-bit numbers, which end at {np.finfo(np.float32).max:.3g}: mark such values as "
            "nodata, or scale the scene."
        )
    return single


def gather_unlabelled(
    scenes: Sequence[xr.Dataset],
    split: Split,
    guard_px: int | None = None,
    transductive: bool = False,
    *,
    patch_px: int = 1,
    most: int | None = None,
    rng: np.random.Generator | None = None,
) -> PixelTable:
    """Collect pixels that a semi-supervised method may see without their labels.

    Inductive (the default): pixels farther than the guard from every test and validation pixel,
    across the borders of files too, and not in the training part. For splits of mode random they
    must also carry no label in the scene, because test pixels lie between all others. Transductive:
    all pixels, those of the test part included; results must then be named so.

    Parameters
    ----------
    scenes : sequence of xarray.Dataset
        The scenes that the split was made for.
    split : Split
    guard_px : int, optional
        Distance (Chebyshev) to keep; by default the split's own guard.
    transductive : bool
        Whether test pixels may be seen, without their labels.
    patch_px : int
        Side P of the patches that will be cut around the pixels. The guard is P // 2 at least, so
        that no inductive patch holds a test or validation pixel.
    most : int, optional
        Pixels to draw at random where there are more.
    rng : numpy.random.Generator, optional
        Source of that draw; by default seeded with 0.

    Returns
    -------
    PixelTable
        With all labels 0, and ``provenance`` saying which pixels these are.

    Raises
    ------
    SplitError
        When the split does not fit the scenes, or no pixel is left.
    """
    guard_px = int(split.provenance.get("guard_px", 0)) if guard_px is None else guard_px
    guard_px = max(guard_px, patch_px // 2)
    provenance: dict[str, Any] = {"pixels": "unlabelled", "transductive": transductive}
    if transductive:
        free = _chosen(scenes, "all")
    else:
        held_out = [a | b for a, b in zip(split.test, split.validation, strict=True)]
        near = within(_chosen(scenes, held_out), guard_px, common_grid(scenes))
        free = [~close & ~train for close, train in zip(near, split.train, strict=True)]
        if split.provenance.get("mode") == "random":
            free = [mask & (_label_map(s) == 0) for mask, s in zip(free, scenes, strict=True)]
        provenance["guard_px"] = guard_px
    if most is not None:
        free = [mask & valid_mask(scene) for mask, scene in zip(free, scenes, strict=True)]
        free = _drawn(free, most, rng or np.random.default_rng(0))
    table = gather_pixels(scenes, free)
    if not len(table):
        raise SplitError(
            f"No unlabelled pixel lies farther than {guard_px} px from every test and validation "
            "pixel: validate on whole units or by cross-validation (validation 0), narrow the "
            "guard, or choose transductive and say so in the results."
        )
    return replace(table, labels=np.zeros_like(table.labels), provenance=provenance)


def common_bands(scenes: Sequence[xr.Dataset]) -> NDArray[np.int64]:
    """Return the bands, (B,) numbered as in the file, that are usable in every scene.

    Raises
    ------
    SceneError
        When the scenes' bands differ, or no band is usable in all of them.
    """
    numbers = scenes[0]["band"].values
    for scene in scenes:
        if not np.array_equal(scene["band"].values, numbers):
            raise SceneError(
                f"The scenes {_name(scenes[0])} and {_name(scene)} have different bands "
                f"({len(numbers)} and {scene.sizes['band']}): give scenes of one sensor."
            )
    usable = np.logical_and.reduce([usable_bands(scene) for scene in scenes])
    if not usable.any():
        names = ", ".join(map(_name, scenes[:3]))
        raise SceneError(
            f"No band is usable in every scene ({names}): `hsigan scene info` says why bands are "
            "left out."
        )
    return numbers[usable].astype(np.int64)


def band_positions(scene: xr.Dataset, bands: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where in the scene's values bands (B,), numbered as in the file, lie: (B,).

    Raises
    ------
    SceneError
        When the scene lacks one of them.
    """
    numbers = scene["band"].values
    absent = np.setdiff1d(bands, numbers)
    if len(absent):
        raise SceneError(
            f"{_name(scene)} has no band {absent[0]} ({len(absent)} of {len(bands)} bands are "
            "absent): give a scene of the sensor that was trained on."
        )
    order = np.argsort(numbers)
    return order[np.searchsorted(numbers, bands, sorter=order)]


def _chosen(scenes: Sequence[xr.Dataset], masks: Sequence[BoolMap] | str) -> list[BoolMap]:
    if masks == "all":
        return [np.ones(_shape(scene), dtype=np.bool_) for scene in scenes]
    if masks == "labelled":
        return [_label_map(scene) != 0 for scene in scenes]
    if isinstance(masks, str):
        raise SplitError(
            f"Pixels are chosen by masks, 'labelled' or 'all'. Got {masks!r}: for a part of a "
            "split give its masks, such as split.train."
        )
    shapes = [mask.shape for mask in masks]
    if shapes != [_shape(scene) for scene in scenes]:
        raise SplitError(
            f"The masks have shapes {shapes}, but the scenes have "
            f"{[_shape(scene) for scene in scenes]}: give the scenes that the split was made for, "
            "in the same order."
        )
    return list(masks)


def _drawn(masks: Sequence[BoolMap], most: int, rng: np.random.Generator) -> list[BoolMap]:
    """Keep at most so many of the marked pixels; every one is as likely as the others."""
    marked = np.flatnonzero(np.concatenate([mask.ravel() for mask in masks]))
    kept = np.zeros(sum(mask.size for mask in masks), dtype=np.bool_)
    kept[rng.choice(marked, min(most, len(marked)), replace=False)] = True
    pieces = np.split(kept, np.cumsum([mask.size for mask in masks])[:-1])
    return [piece.reshape(mask.shape) for piece, mask in zip(pieces, masks, strict=True)]


def _label_map(scene: xr.Dataset) -> NDArray[np.int64]:
    if "label" not in scene:
        return np.zeros(_shape(scene), dtype=np.int64)
    return scene["label"].values.astype(np.int64)


def _shape(scene: xr.Dataset) -> tuple[int, int]:
    return scene.sizes["y"], scene.sizes["x"]


def _name(scene: xr.Dataset) -> str:
    return str(scene.attrs.get("name", "scene"))
