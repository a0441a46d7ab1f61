"""From the arrays of a file to the one that is the scene: choosing it and turning its axes."""

import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hsigan.errors import SceneError
from hsigan.scene.options import ReadOptions

Shapes = Mapping[str, tuple[int, ...]]


def choose_variable(shapes: Shapes, options: ReadOptions, where: str) -> str:
    """Name the array that is the scene.

    Parameters
    ----------
    shapes : mapping of name to shape
        The numeric arrays of the file.
    options : ReadOptions
        `variable` decides; without it the only array that can be a scene is taken.
    where : str
        The file, for messages.

    Raises
    ------
    SceneError
        If the named array is not there, or none or several can be the scene.
    """
    if options.variable is not None:
        return named(shapes, options.variable, where)
    candidates = [name for name, shape in shapes.items() if _fits(shape, options)]
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise SceneError(
            f"{where} holds {len(candidates)} arrays that can be the scene: "
            f"{listed({name: shapes[name] for name in candidates})}. Name one as the variable."
        )
    wanted = "flat array of the shape given" if options.layout == "flat" else "cube"
    hint = (
        "" if options.layout == "flat" else " For pixels in one row give layout flat and the shape."
    )
    raise SceneError(f"{where} holds no {wanted}; it holds {listed(shapes)}.{hint}")


def named(shapes: Shapes, name: str, where: str) -> str:
    """Return `name` if the file holds it, else raise with the nearest names."""
    if name in shapes:
        return name
    near = difflib.get_close_matches(name, shapes, n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise SceneError(f"{where} holds no array named {name!r}; it holds {listed(shapes)}.{hint}")


def listed(shapes: Shapes) -> str:
    """Return arrays and shapes for a message."""
    if not shapes:
        return "no numeric array"
    texts = [f"{name} ({' x '.join(str(v) for v in shape)})" for name, shape in shapes.items()]
    return ", ".join(texts[:12]) + (f" and {len(texts) - 12} more" if len(texts) > 12 else "")


def _fits(shape: tuple[int, ...], options: ReadOptions) -> bool:
    if options.layout == "flat" and options.shape is not None:
        pixels = options.shape[0] * options.shape[1]
        return len(shape) == 2 and pixels in shape and min(shape) > 0
    return len(shape) == 3 and min(shape) > 0


def arranged(array: npt.NDArray[Any], options: ReadOptions, where: str) -> npt.NDArray[Any]:
    """Turn an array to (H, W, B) as `options.layout` says, contiguous in memory.

    Raises
    ------
    SceneError
        If the array does not have the axes that the layout speaks of.
    """
    if options.layout == "flat":
        return _unflattened(array, options, where)
    if array.ndim != 3:
        raise SceneError(
            f"{where} is an array of shape {array.shape}; a scene needs rows, columns and bands. "
            f"Name another variable, or give layout flat and the shape."
        )
    turned = np.moveaxis(array, 0, -1) if options.layout == "bhw" else array
    if options.shape is not None and turned.shape[:2] != tuple(options.shape):
        raise SceneError(
            f"{where} has {turned.shape[0]} rows and {turned.shape[1]} columns; the shape given "
            f"is {options.shape[0]} x {options.shape[1]}: correct the shape or the layout."
        )
    return np.ascontiguousarray(turned)


def _unflattened(array: npt.NDArray[Any], options: ReadOptions, where: str) -> npt.NDArray[Any]:
    height, width = options.shape or (0, 0)
    if array.ndim != 2 or height * width not in array.shape:
        raise SceneError(
            f"{where} is an array of shape {array.shape}; flat with the shape {height} x {width} "
            f"needs two axes, one of them of length {height * width}."
        )
    if array.shape[0] == array.shape[1]:
        raise SceneError(
            f"{where} has as many bands as pixels ({height * width}): which axis is which cannot "
            f"be told; save it with three axes."
        )
    pixels = array if array.shape[0] == height * width else array.T
    if options.order == "C":
        return np.ascontiguousarray(pixels).reshape(height, width, -1)
    return np.ascontiguousarray(pixels.reshape(width, height, -1).swapaxes(0, 1))
