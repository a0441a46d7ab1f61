"""Planes cut into square blocks and their two-dimensional cosine transform."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn

from hsigan.codec.interface import Tile

SIDE = 8

Blocks = NDArray[np.float32]
"""(B, rows of blocks, columns of blocks, 8, 8)."""


def block_counts(height: int, width: int) -> tuple[int, int]:
    """Return how many blocks lie above and beside each other."""
    return -(-height // SIDE), -(-width // SIDE)


def to_blocks(planes: Tile) -> Blocks:
    """Cut planes (B, h, w); the border is repeated where blocks reach beyond it."""
    bands, height, width = planes.shape
    rows, columns = block_counts(height, width)
    padding = ((0, 0), (0, rows * SIDE - height), (0, columns * SIDE - width))
    padded = np.pad(planes, padding, mode="edge")
    return padded.reshape(bands, rows, SIDE, columns, SIDE).swapaxes(2, 3)


def from_blocks(blocks: Blocks, height: int, width: int) -> Tile:
    """Undo `to_blocks`."""
    bands, rows, columns = blocks.shape[:3]
    planes = blocks.swapaxes(2, 3).reshape(bands, rows * SIDE, columns * SIDE)
    return np.ascontiguousarray(planes[:, :height, :width])


def cosine(blocks: Blocks, axes: tuple[int, ...]) -> Blocks:
    """Return the orthonormal cosine transform (DCT-II) along some axes."""
    return np.asarray(dctn(blocks, axes=axes, norm="ortho"), dtype=np.float32)


def inverse_cosine(coefficients: Blocks, axes: tuple[int, ...]) -> Blocks:
    """Undo `cosine`."""
    return np.asarray(idctn(coefficients, axes=axes, norm="ortho"), dtype=np.float32)
