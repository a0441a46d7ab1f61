"""The model file of a neural codec: weights, integer networks and coding tables as arrays.

Weights of convolutions and linear layers are stored as float32, float16, or int8 with a scale for
each output channel. They are rounded before the integer network and the tables are made, so that
what is stored is what codes. Float networks that these replace are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hsigan.bitstream.tables import CodingTables, gaussian_tables
from hsigan.errors import StreamError
from hsigan.models.scene_model import SceneModel, build_scene_model

Array = NDArray[Any]
Stored = Literal["float32", "float16", "int8"]
REPLACED = ("core.hyperprior.scale_synthesis.", "core.hyperprior.prior.")
"""What coding needs no more: integer network and tables have taken its place."""
_WEIGHT, _SCALE = "weight/", "scale/"
_Z, _Y = "table_z/", "table_y/"
_LAYERS = nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d | nn.Linear


def round_weights(module: nn.Module, stored: Stored) -> None:
    """Round the weights of all layers, in place, to what their stored form holds."""
    for key, tensor in layer_weights(module).items():
        packed, scale = pack(tensor.detach().numpy(), stored)
        with torch.no_grad():
            tensor.copy_(torch.from_numpy(unpack(packed, scale)).view_as(tensor))
        assert torch.isfinite(tensor).all(), key


def layer_weights(module: nn.Module) -> dict[str, Tensor]:
    """Return the weights of convolutions and linear layers by name; biases are not rounded."""
    return {
        f"{name}.weight": part.weight
        for name, part in module.named_modules()
        if isinstance(part, _LAYERS)
    }


def pack(values: NDArray[np.float32], stored: Stored) -> tuple[Array, NDArray[np.float32] | None]:
    """Return weights as stored, and the scales (first axis) of int8."""
    if stored == "int8":
        largest = np.abs(values).reshape(len(values), -1).max(axis=1)
        scale = np.maximum(largest, 1e-12).astype(np.float32) / np.float32(127)
        shape = (-1,) + (1,) * (values.ndim - 1)
        return np.rint(values / scale.reshape(shape)).astype(np.int8), scale
    return values.astype(stored), None


def unpack(values: Array, scale: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Undo `pack`."""
    if scale is None:
        return values.astype(np.float32)
    return values.astype(np.float32) * scale.reshape((-1,) + (1,) * (values.ndim - 1))


def state_arrays(module: nn.Module, stored: Stored, prefix: str = "") -> dict[str, Array]:
    """Return a module's state as the arrays of a model file."""
    weights = layer_weights(module)
    arrays: dict[str, Array] = {}
    for key, tensor in module.state_dict().items():
        if key.startswith(REPLACED):
            continue
        values = tensor.detach().cpu().numpy()
        name = f"{prefix}{_WEIGHT}{key}"
        if key not in weights:
            arrays[name] = values
            continue
        arrays[name], scale = pack(values, stored)
        if scale is not None:
            arrays[f"{prefix}{_SCALE}{key}"] = scale
    return arrays


def read_state(arrays: Mapping[str, Array], prefix: str = "") -> dict[str, Tensor]:
    """Return the state that `state_arrays` wrote."""
    start = f"{prefix}{_WEIGHT}"
    state = {}
    for name, values in arrays.items():
        if not name.startswith(start):
            continue
        key = name.removeprefix(start)
        is_float = values.dtype.kind == "f" or f"{prefix}{_SCALE}{key}" in arrays
        plain = unpack(values, arrays.get(f"{prefix}{_SCALE}{key}")) if is_float else values
        state[key] = torch.from_numpy(np.array(plain))
    return state


def export_tables(model: SceneModel) -> dict[str, Array]:
    """Return the coding tables of z and y as arrays."""
    probabilities, offsets = model.core.hyperprior.prior.probabilities()
    tables = {
        _Z: CodingTables.from_probabilities(probabilities, offsets),
        _Y: gaussian_tables(),
    }
    return {
        f"{prefix}{name}": values
        for prefix, each in tables.items()
        for name, values in each.to_arrays().items()
    }


def read_tables(arrays: Mapping[str, Array]) -> tuple[CodingTables, CodingTables]:
    """Return the tables of z (one per channel) and of y (one per scale)."""
    found = []
    for prefix in (_Z, _Y):
        part = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
        found.append(CodingTables.from_arrays(part))
    return found[0], found[1]


def read_model_arrays(
    arrays: Mapping[str, Array],
    facts: Mapping[str, Any],
    generator: Mapping[str, Tensor] | None = None,
) -> SceneModel:
    """Return the model of a file, ready to code; ``generator`` takes the place of its own.

    Raises
    ------
    StreamError
        Arrays and facts do not make a model.
    """
    try:
        model = build_scene_model(facts["arguments"])
        found = model.load_state_dict(read_state(arrays), strict=False)
        if generator is not None:
            model.core.generator.load_state_dict(generator)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise StreamError(f"the model is damaged: {error}") from error
    missing = [key for key in found.missing_keys if not key.startswith(REPLACED)]
    if missing or found.unexpected_keys or not model.core.frozen:
        raise StreamError("the model is damaged: weights are missing, or it was never frozen")
    return model.eval().requires_grad_(False)
