"""From scenes and a table of pixels to the patches around them, cut when they are asked for."""

import math
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from hsigan.errors import InputError, SceneError
from hsigan.sampling.pixels import PixelTable, as_float32, band_positions
from hsigan.sampling.split import BoolMap
from hsigan.scene.dataset import is_data


class PatchView:
    """N patches, cut out of their scenes when they are asked for.

    The patch of side P around pixel (r, c) covers rows r - P // 2 ... r - P // 2 + P - 1, and
    columns likewise: the pixel lies at index P // 2, for even P too. Memory holds the scenes and N
    positions, whatever P is.

    Parameters
    ----------
    cubes : sequence of (H + P - 1, W + P - 1, B) float32 arrays
        Scenes, or rows of them, with a border of P // 2 pixels above and left, the rest below and
        right.
    scene_index : (N,) int64
        The cube that each pixel lies in.
    row, column : (N,) int64
        Where it lies, counted from the first pixel inside the border.
    patch_px : int
        Side P of the patches.
    """

    ndim = 4
    dtype = np.dtype(np.float32)

    def __init__(
        self,
        cubes: Sequence[NDArray[np.float32]],
        scene_index: NDArray[np.int64],
        row: NDArray[np.int64],
        column: NDArray[np.int64],
        patch_px: int,
    ) -> None:
        self.cubes = tuple(cubes)
        self.scene_index = scene_index
        self.row = row
        self.column = column
        self.patch_px = patch_px

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Return (N, B, P, P)."""
        return len(self.row), self.cubes[0].shape[2], self.patch_px, self.patch_px

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, key: slice | NDArray[Any]) -> NDArray[np.float32]:
        """Cut some of the patches: (n, B, P, P), a copy in the scene's units.

        Parameters
        ----------
        key : slice, (n,) int array or (N,) bool array
        """
        chosen = self.take(key)
        patches = np.empty(chosen.shape, dtype=np.float32)
        corners = np.stack([chosen.scene_index, chosen.row, chosen.column], axis=1).tolist()
        # One after the other: indexing all windows at once would take the memory twice.
        for patch, (index, row, column) in zip(patches, corners, strict=True):
            window = self.cubes[index][row : row + self.patch_px, column : column + self.patch_px]
            patch[:] = window.transpose(2, 0, 1)  # (B, P, P)
        return patches

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse to become an array unasked: a scene's patches seldom fit into memory."""
        raise TypeError(
            f"A PatchView of {len(self)} patches is no array: cut a batch, X[i:j], or all, X[:]."
        )

    def take(self, indices: slice | NDArray[Any]) -> "PatchView":
        """Return some of the patches, still uncut.

        Parameters
        ----------
        indices : slice, (n,) int array or (N,) bool array
        """
        places = self.scene_index[indices], self.row[indices], self.column[indices]
        return PatchView(self.cubes, *places, self.patch_px)

    def centres(self) -> NDArray[np.float32]:
        """Return the spectra of the pixels that the patches lie around: (N, B)."""
        spectra = np.empty(self.shape[:2], dtype=np.float32)
        row, column = self.row + self.patch_px // 2, self.column + self.patch_px // 2
        for index in np.unique(self.scene_index):
            here = self.scene_index == index
            spectra[here] = self.cubes[index][row[here], column[here]]
        return spectra


def cut_patches(scenes: Sequence[xr.Dataset], table: PixelTable, patch_px: int) -> PatchView:
    """Return the patches around the pixels of a table, over its bands.

    Beyond the border a scene is mirrored, the border pixels repeated. A pixel of a patch without
    data takes the spectrum of the nearest one that has some. Only the rows that the patches need
    are read.

    Parameters
    ----------
    scenes : sequence of xarray.Dataset
        The scenes that the table was gathered from, in the same order.
    table : PixelTable
        N pixels.
    patch_px : int
        Side P of the patches.

    Returns
    -------
    PatchView
        (N, B, P, P) float32 in the scenes' own units, in the order of the table.

    Raises
    ------
    InputError
        When `patch_px` is below 1.
    SceneError
        When a scene lacks a band of the table, a pixel of the table has no data in it, or a value
        near one is beyond float32.
    """
    _check_side(patch_px)
    found, place = np.unique(table.scene_index, return_inverse=True)
    row = table.row.copy()
    cubes: list[NDArray[np.float32]] = []
    for number, index in enumerate(found):
        here = place == number
        first, stop = int(row[here].min()), int(row[here].max()) + 1
        cube, valid = _bordered_rows(scenes[index], table.band_indices, (first, stop), patch_px)
        row[here] -= first
        empty = int((~valid[row[here], table.column[here]]).sum())
        if empty:
            raise SceneError(
                f"{empty} pixels of the table have no data in "
                f"{scenes[index].attrs.get('name', 'their scene')}: give the scenes that it was "
                "gathered from, in the same order."
            )
        cubes.append(cube)
    if not cubes:  # a view of no patch still knows its bands
        cubes = [np.empty((patch_px - 1, patch_px - 1, len(table.band_indices)), np.float32)]
    return PatchView(cubes, place, row, table.column, patch_px)


def row_patches(
    scene: xr.Dataset, band_indices: NDArray[np.int64], rows: tuple[int, int], patch_px: int
) -> tuple[PatchView, BoolMap]:
    """Return the patches of all pixels with data in some rows; little more is read.

    A scene is predicted by such blocks of rows; the patches are those of `cut_patches`.

    Parameters
    ----------
    scene : xarray.Dataset
    band_indices : (B,) int64
        The bands, numbered as in the file.
    rows : (int, int)
        First row, and the row behind the last.
    patch_px : int
        Side P of the patches.

    Returns
    -------
    PatchView
        N patches in the order of rows and columns; none where no pixel has data.
    (h, W) bool
        Which pixels of the rows these are.

    Raises
    ------
    InputError
        When `patch_px` is below 1.
    SceneError
        When the scene lacks a band, or a value is beyond float32.
    """
    _check_side(patch_px)
    cube, valid = _bordered_rows(scene, band_indices, rows, patch_px)
    row, column = np.nonzero(valid)
    return PatchView([cube], np.zeros_like(row), row, column, patch_px), valid


def centres_of(X: "NDArray[Any] | PatchView") -> NDArray[Any]:
    """Return the centre pixels' spectra, (N, B), of patches (N, B, P, P); spectra as they are."""
    if isinstance(X, PatchView):
        return X.centres()
    if X.ndim == 4:
        return X[:, :, X.shape[2] // 2, X.shape[3] // 2]
    return X


def _check_side(patch_px: int) -> None:
    if patch_px < 1:
        raise InputError(f"The side of a patch must be at least 1 pixel. Got {patch_px!r}.")


def _bordered_rows(
    scene: xr.Dataset, bands: NDArray[np.int64], rows: tuple[int, int], patch_px: int
) -> tuple[NDArray[np.float32], BoolMap]:
    """Return h rows with their border, (h + P - 1, W + P - 1, B), and which pixels are valid."""
    height, width = scene.sizes["y"], scene.sizes["x"]
    first, stop = rows
    # A gap in a patch has the patch's own pixel within sqrt(2) P // 2, and its nearest valid pixel
    # no farther: what lies within 1 + sqrt(2) times P // 2 of the rows is as good as the scene.
    reach = math.ceil(2.5 * (patch_px // 2))
    low, high = max(0, first - reach), min(height, stop + reach)
    values = scene["values"][low:high].values
    block = np.take(values, band_positions(scene, bands), axis=2)  # (high - low, W, B)
    valid: BoolMap = np.logical_and.reduce(is_data(block, scene), axis=2)
    _fill(block, valid)
    border = patch_px // 2, patch_px - 1 - patch_px // 2
    row = np.pad(np.arange(height), border, mode="symmetric")[first : stop + patch_px - 1]
    column = np.pad(np.arange(width), border, mode="symmetric")
    cube = block[np.ix_(row - low, column)]
    if valid.any():  # every pixel has a spectrum then
        cube = as_float32(cube, scene)
    return cube.astype(np.float32, copy=False), valid[first - low : stop - low]


def _fill(block: NDArray[Any], valid: BoolMap) -> None:
    """Give the pixels of a block (h, W, B) that are not valid the nearest valid spectrum."""
    if valid.all() or not valid.any():
        return
    nearest = distance_transform_edt(~valid, return_distances=False, return_indices=True)
    row, column = nearest[:, ~valid]
    block[~valid] = block[row, column]
