"""MATLAB files: version 5 through SciPy, version 7.3 (which is HDF5) through h5py."""

import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import scipy.io

from hsigan.errors import SceneError

# What MATLAB calls numbers; struct, cell, char and sparse arrays are no scenes.
_NUMERIC = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
_NUMERIC |= {"double", "single", "logical"}


def mat_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the numeric arrays of a .mat file as name -> shape, without reading them.

    Raises
    ------
    SceneError
        If the file is cut off or not a MATLAB file.
    """
    try:
        if h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                return {
                    name: tuple(reversed(item.shape))
                    for name, item in file.items()
                    if isinstance(item, h5py.Dataset)
                    and item.dtype.kind in "iuf"
                    and "MATLAB_empty" not in item.attrs
                }
        _check_length(path)
        found = scipy.io.whosmat(str(path))
    except Exception as error:
        # SciPy meets a damaged file with whatever its parser stumbles on.
        raise _unreadable(path, error) from error
    return {name: tuple(shape) for name, shape, kind in found if kind in _NUMERIC}


def read_mat(path: Path, name: str) -> npt.NDArray[Any]:
    """Read one array in its stored type, with the axes that MATLAB shows.

    Raises
    ------
    SceneError
        If the file is cut off.
    """
    try:
        if h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                return np.asarray(file[name][()]).T
        return np.asarray(scipy.io.loadmat(str(path), variable_names=[name])[name])
    except Exception as error:
        raise _unreadable(path, error) from error


def _check_length(path: Path) -> None:
    """Refuse a version 5 file whose last array is cut off: SciPy skips over what it is not asked.

    The file is a head of 128 bytes and elements of 8 + n bytes, n in the second word of each.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(128)
        order = {b"IM": "<", b"MI": ">"}.get(head[126:128])
        if order is None:
            # Version 4 has no such head, and anything else is for SciPy to refuse.
            return
        position = 128
        while position < size:
            file.seek(position)
            tag = file.read(8)
            if len(tag) < 8:
                raise EOFError
            position += 8 + struct.unpack(f"{order}II", tag)[1]
    if position > size:
        raise EOFError


def _unreadable(path: Path, error: Exception) -> SceneError:
    # Only the kind: the parser's own words speak of its tables, not of the file.
    return SceneError(
        f"{path.name} cannot be read as a .mat file ({type(error).__name__}): it is cut off, "
        f"damaged or something else; compare its {path.stat().st_size} bytes with the source and "
        f"copy it again."
    )
