"""Where one pixel grid lies in another."""

import numpy as np
from affine import Affine


def place_in_grid(
    reference: Affine, other: Affine, height: int, width: int
) -> tuple[int, int, float]:
    """Find the first pixel of a grid in another grid.

    Parameters
    ----------
    reference, other : Affine
        Transforms from (column, row) to ground coordinates of one CRS.
    height, width : int
        Size of the other grid.

    Returns
    -------
    tuple of (row, column, off_px)
        Whole pixels of the reference grid, and by how much, at the worst corner, the other grid
        misses them: 0 where the two are one grid, large where pixel sizes or angles differ.
    """
    relative = np.linalg.inv(_matrix(reference)) @ _matrix(other)
    row, column = round(float(relative[1, 2])), round(float(relative[0, 2]))
    shift = np.array([[1, 0, column], [0, 1, row], [0, 0, 1]])
    corners = np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    return row, column, float(np.abs((relative - shift) @ corners).max())


def _matrix(grid: Affine) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([[grid.a, grid.b, grid.c], [grid.d, grid.e, grid.f], [0.0, 0.0, 1.0]])
