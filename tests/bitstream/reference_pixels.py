"""From symbols of HiFiC and SSCNet to pixels, written from docs/file-format.md alone."""

import math

import numpy as np

from .reference_context import Calls, tables_of


class Weights:
    """The parameters of a model by their names."""

    def __init__(self, arrays: dict, start: str, which: str = "") -> None:
        self.arrays, self.start, self.which = arrays, start, which

    def __getitem__(self, name: str) -> np.ndarray:
        name = self.start + name
        values = self.arrays[f"{self.which}weight/{name}"].astype(np.float64)
        scale = self.arrays.get(f"{self.which}scale/{name}")
        if scale is not None:
            values = values * scale.reshape(-1, *[1] * (values.ndim - 1))
        return values

    def __contains__(self, name: str) -> bool:
        return f"{self.which}weight/{self.start}{name}" in self.arrays


def convolved(own: Weights, name: str, x: np.ndarray) -> np.ndarray:
    """Convolve (C, ..., h, w), sizes kept."""
    weight, bias = own[f"{name}.weight"], own[f"{name}.bias"]
    kernel, places = weight.shape[2:], x.shape[1:]
    padded = np.pad(x, [(0, 0), *((k // 2, k // 2) for k in kernel)])
    total = np.zeros((len(weight), *places))
    for shift in np.ndindex(*kernel):
        part = padded[:, *(slice(s, s + n) for s, n in zip(shift, places, strict=True))]
        total += np.tensordot(weight[:, :, *shift], part, 1)
    return total + bias.reshape(-1, *[1] * len(places))


def transposed(own: Weights, name: str, x: np.ndarray, stride: int = 2) -> np.ndarray:
    """Convolve (C, h, w) transposed, kernels [input][output][i][j]."""
    weight, bias = own[f"{name}.weight"], own[f"{name}.bias"]
    _, rows, columns = x.shape
    k, p = weight.shape[-1], weight.shape[-1] // 2
    total = np.zeros((weight.shape[1], stride * rows + k, stride * columns + k))
    for i in range(k):
        for j in range(k):
            added = np.tensordot(weight[:, :, i, j].T, x, 1)
            total[:, i : i + stride * rows : stride, j : j + stride * columns : stride] += added
    total = total[:, p : p + stride * rows, p : p + stride * columns]
    return total + bias[:, None, None]


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def norm(own: Weights, name: str, x: np.ndarray) -> np.ndarray:
    attends = f"{name}.0.scale" in own
    part = f"{name}.0" if attends else name
    x = x - x.mean(axis=0)
    variance = (x * x).sum(axis=0) / (len(x) - 1)
    x = x / np.sqrt(variance + 0.001) * own[f"{part}.scale"] + own[f"{part}.shift"]
    if attends:
        m = x.mean(axis=(1, 2))
        m = relu(own[f"{name}.1.squeeze.weight"] @ m + own[f"{name}.1.squeeze.bias"])
        m = own[f"{name}.1.excite.weight"] @ m + own[f"{name}.1.excite.bias"]
        x = x * sigmoid(m)[:, None, None]
    return x


def generated(own: Weights, x: np.ndarray, blocks: int, planes: int) -> np.ndarray:
    x = norm(own, "head.2", convolved(own, "head.1", norm(own, "head.0", x)))
    head = x
    for block in range(blocks):
        name = f"body.{block}.layers"
        y = relu(norm(own, f"{name}.1", convolved(own, f"{name}.0", x)))
        x = x + norm(own, f"{name}.4", convolved(own, f"{name}.3", y))
    x = x + head
    for layer in (0, 3, 6, 9):
        x = relu(norm(own, f"tail.{layer + 1}", transposed(own, f"tail.{layer}", x)))
    if "tail.12.weight" in own:
        return convolved(own, "tail.12", x)
    x = convolved(own, "tail.12.unfold", x)
    places = math.ceil(planes / 4)
    x = convolved(own, "tail.12.volume", x.reshape(8, places, *x.shape[1:]))
    return np.moveaxis(x, 1, 0).reshape(4 * places, *x.shape[2:])[:planes]


def block_transform(own: Weights, y: np.ndarray, planes: int) -> np.ndarray:
    _, rows, columns = y.shape
    made = np.zeros((planes, 16 * rows, 16 * columns))
    u = np.arange(16)
    basis = np.cos(math.pi / 16 * (u[None] + 0.5) * u[:, None]) * math.sqrt(2 / 16)
    basis[0] /= math.sqrt(2)
    scaled = y * np.exp(-own["transform.log_gain"])[:, None, None]
    for place, latent in zip(own["transform.chosen"].astype(int), scaled, strict=True):
        k, rest = divmod(int(place), 256)
        made[k] += np.kron(latent, np.outer(basis[rest // 16], basis[rest % 16]))
    return made / own["transform.weight"][:, None, None]


def hific_values(
    arrays: dict, facts: dict, coded: tuple[bytes, list, list], size: tuple[int, int], which: str
) -> np.ndarray:
    """Return values (B, h, w) of a tile's payload and its symbols z and y."""
    payload, z_symbols, y_symbols = coded
    arguments, whole = facts["arguments"], Weights(arrays, "")
    latent, hyper = arguments["widths"]["latent"], arguments["widths"]["hyper"]
    places, side = arguments["tile_px"] // 16, math.ceil(arguments["tile_px"] / 64)
    rows, columns = (math.ceil(each / 16) for each in size)
    z, y = np.zeros((hyper, side, side)), np.zeros((latent, places, places))
    small = math.ceil(rows / 4), math.ceil(columns / 4)
    z[:, : small[0], : small[1]] = np.reshape(z_symbols, (hyper, *small))
    y[:, :rows, :columns] = np.reshape(y_symbols, (latent, rows, columns))
    name = "core.hyperprior.mean_synthesis.layers."
    means = relu(transposed(whole, name + "0", z))
    means = convolved(whole, name + "2", relu(transposed(whole, name + "1", means)))
    y += means[:, :places, :places]
    if arguments["levels"] > 1:
        gains = whole["core.gains.log_inverse"]
        place = payload[0] * (arguments["levels"] - 1) / 255
        low = min(int(place), len(gains) - 2)
        y *= np.exp(gains[low] + (place - low) * (gains[low + 1] - gains[low]))[:, None, None]
    inner = "network." if arguments["has_transform"] else ""
    own = Weights(arrays, "core.generator." + inner)
    if which == "realistic":
        own = Weights(arrays, inner, "realistic/")
    planes = arguments["components"] or arguments["bands"]
    x = generated(own, y, arguments["widths"]["residual_blocks"], planes)
    if arguments["has_transform"]:
        x = x + block_transform(whole, y, planes)
    x = x[:, : size[0], : size[1]]
    if facts["tile_level"]:
        head = payload[arguments["levels"] > 1 :]
        mean, scale = (
            int.from_bytes(part, "little", signed=True) for part in (head[:2], head[2:3])
        )
        x = x * 2 ** (scale / 8) + mean / 256
    x = x * whole["front.scale"][:, None, None]
    if arguments["components"]:
        x = np.tensordot(whole["front.basis"].T, x, 1)
    return x + whole["front.mean"][:, None, None]


def sscnet_values(
    arrays: dict, facts: dict, payload: bytes, size: tuple[int, int]
) -> tuple[np.ndarray, int]:
    """Return values (B, h, w) of a tile, and the checksum of its symbols."""
    own, settings = Weights(arrays, ""), facts["settings"]
    channels = math.ceil(64 * facts["bands"] / settings["ratio"])
    shape = channels, math.ceil(size[0] / 8), math.ceil(size[1] / 8)
    calls = Calls(payload)
    if settings["latents"] == "raw":
        x = np.frombuffer(payload, "<f4").reshape(shape).astype(np.float64)
    else:
        indexes = np.repeat(np.arange(channels), shape[1] * shape[2]).tolist()
        symbols = calls.read(indexes, tables_of(arrays, "table/"))
        x = np.reshape(symbols, shape) / np.exp(own["log_gain"])[:, None, None]
    for layer, stride in ((0, 1), (2, 2), (4, 2), (6, 2)):
        x = transposed(own, f"network.decoder.{layer}", x, stride)
        x = np.where(x < 0, own[f"network.decoder.{layer + 1}.weight"] * x, x)
    x = sigmoid(transposed(own, "network.decoder.8", x, 1))[:, : size[0], : size[1]]
    return x * (own["high"] - own["low"]) + own["low"], calls.checksum
