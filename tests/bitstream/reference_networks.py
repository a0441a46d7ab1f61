"""Decoders of what learned networks code, written from docs/file-format.md alone."""

import math

import numpy as np

from .reference_context import Calls, ContextDecoder, tables_of


def inverse_wavelet(planes: np.ndarray) -> np.ndarray:
    """Transform coefficients (K, h, w) back."""
    planes = planes.copy()
    sizes = [planes.shape[1:]]
    while max(sizes[-1]) > 5 and len(sizes) < 7:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    for height, width in reversed(sizes[:-1]):
        for axis in (1, 2):
            part = np.moveaxis(planes[:, :height, :width], axis, 0)
            part[:] = merged(part)
    return planes


def merged(part: np.ndarray) -> np.ndarray:
    n = len(part)
    if n == 1:
        return part
    half = (n + 1) // 2
    x = np.empty_like(part)
    x[0::2], x[1::2] = part[:half] / 1.149604398860241, part[half:] * 1.149604398860241
    factors = (-0.443506852043971, -0.882911075530934, 0.052980118572961, 1.586134342059924)
    for turn, factor in enumerate(factors):
        for i in range(turn % 2, n, 2):
            before, after = i - 1 if i else 1, i + 1 if i + 1 < n else i - 1
            x[i] += factor * (x[before] + x[after])
    return x


def context_planes(decoder: ContextDecoder, size: tuple[int, int]) -> np.ndarray:
    """Return the components (K, h, w) of a tile of klt-context, before any repair."""
    scaled = np.zeros((decoder.count, *size))
    sizes = [size]
    while len(sizes) <= decoder.bands[0][0]:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    for (level, y, x, height, width), values in zip(decoder.bands, decoder.values, strict=True):
        top, left = sizes[level][0] * y, sizes[level][1] * x
        scaled[:, top : top + height, left : left + width] = values
    return inverse_wavelet(scaled * decoder.step)


def integer_layer(arrays: dict, name: str, a: np.ndarray) -> np.ndarray:
    part = {key: arrays[f"{name}{key}"].astype(np.int64) for key in ("weight", "bias", "limits")}
    multiplier, divisor = (arrays[name + key].astype(object) for key in ("multiplier", "divisor"))
    low, high, most = (int(limit) for limit in part["limits"])
    a, weight = np.clip(a, low, high), part["weight"]
    rows, columns = a.shape[1:]
    if weight.shape[-1] == 5:
        sums = np.zeros((weight.shape[1], 2 * rows + 3, 2 * columns + 3), np.int64)
        for i in range(5):
            for j in range(5):
                added = np.einsum("ko,krc->orc", weight[:, :, i, j], a)
                sums[:, i : i + 2 * rows : 2, j : j + 2 * columns : 2] += added
        sums = sums[:, 2 : 2 + 2 * rows, 2 : 2 + 2 * columns]
    else:
        padded = np.pad(a, ((0, 0), (1, 1), (1, 1)))
        sums = sum(
            np.einsum("ok,krc->orc", weight[:, :, i, j], padded[:, i : i + rows, j : j + columns])
            for i in range(3)
            for j in range(3)
        )
    sums = (sums + part["bias"][:, None, None]).astype(object)
    shares = divisor[:, None, None]
    made = (sums * multiplier[:, None, None] + shares // 2) // shares
    return np.clip(made, 0, most).astype(np.int64)


def hific_symbols(
    arrays: dict, facts: dict, payload: bytes, size: tuple[int, int]
) -> tuple[Calls, list[int], list[int]]:
    """Read the symbols z and y of a tile of HiFiC's family."""
    arguments = facts["arguments"]
    start = (arguments["levels"] > 1) + 3 * facts["tile_level"]
    latent, hyper = arguments["widths"]["latent"], arguments["widths"]["hyper"]
    y_rows, y_columns = (math.ceil(side / 16) for side in size)
    z_rows, z_columns = math.ceil(y_rows / 4), math.ceil(y_columns / 4)
    calls = Calls(payload[start:])
    channels = np.repeat(np.arange(hyper), z_rows * z_columns).tolist()
    z = calls.read(channels, tables_of(arrays, "table_z/"))
    side = math.ceil(arguments["tile_px"] / 64)
    a = np.zeros((hyper, side, side), np.int64)
    a[:, :z_rows, :z_columns] = np.reshape(z, (hyper, z_rows, z_columns))
    for layer in range(3):
        a = integer_layer(arrays, f"weight/core.hyperprior.integer_scales.layers.{layer}.", a)
    assert len(a) == latent
    indexes = a[:, :y_rows, :y_columns].ravel().tolist()
    return calls, z, calls.read(indexes, tables_of(arrays, "table_y/"))
