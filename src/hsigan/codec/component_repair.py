"""Repairing decoded components, between the inverse wavelet and the inverse KLT.

One file serves two decoders. The faithful one adds what a network expects to be lost. The realistic
one has a network that was tuned against a critic and adds noise as well, which is drawn by integers
from the tile's own bytes: decoding gives the same picture everywhere, within a count. The encoder,
which knows the original, writes how much of the faithful repair helps.

PyTorch is imported where something is repaired or learned, not before.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from hsigan.bitstream.varint import ByteReader, varint
from hsigan.errors import InputError, StreamError

if TYPE_CHECKING:
    from torch import nn

    from hsigan.models.component_repair import ComponentRepair

Planes = NDArray[np.float32]
Deviations = NDArray[np.floating[Any]]

GAINS = (1.0, 0.5, 0.0, 1.25)
"""Factors of the repair, by their numbers in a tile's payload."""

_GAIN_BITS = 2
_LARGEST_SEED = 2**32


@dataclass(frozen=True)
class Repairer:
    """The networks of both decoders; the realistic one may be missing.

    The same network serves any number of components of any sensor.
    """

    faithful: ComponentRepair
    realistic: ComponentRepair | None = None

    def repair(
        self, planes: Planes, step: float, deviations: Deviations, gain: float = 1.0
    ) -> Planes:
        """Return decoded components nearer to the original ones.

        Parameters
        ----------
        planes
            (K, h, w), decoded, in the scene's units, the leading component first.
        step
            Of the quantiser.
        deviations
            (K,), expected standard deviations of the components, in the scene's units.
        gain
            Factor of what is added.
        """
        return self._apply(self.faithful, planes, step, deviations, gain)

    def embellish(self, planes: Planes, step: float, deviations: Deviations, seed: int) -> Planes:
        """Return decoded components with texture that looks like the original's; see `repair`.

        Parameters
        ----------
        planes, step, deviations
            As in `repair`.
        seed
            Of the noise, 0 ... 2**32 - 1.

        Raises
        ------
        InputError
            There is no realistic network.
        """
        if self.realistic is None:
            raise InputError("this codec has no realistic decoder: take the faithful one.")
        noise = white_noise(planes.shape, seed)
        return self._apply(self.realistic, planes, step, deviations, 1.0, noise)

    def best_gain(
        self, original: Planes, planes: Planes, step: float, deviations: Deviations
    ) -> int:
        """Return the number of the gain with the least squared error to the original planes."""
        lost = (original - planes).astype(np.float64)
        added = self.repair(planes, step, deviations).astype(np.float64) - planes
        errors = [np.square(lost - gain * added).sum() for gain in GAINS]
        return int(np.argmin(errors))

    def _apply(
        self,
        network: ComponentRepair,
        planes: Planes,
        step: float,
        deviations: Deviations,
        gain: float,
        noise: Planes | None = None,
    ) -> Planes:
        import torch

        from hsigan.models.component_repair import (
            describe_components,
            gather_evidence,
            noise_bands,
            repairable,
        )

        ratios = np.log(np.maximum(deviations, 1e-6 * step) / step).astype(np.float32)
        kept = repairable(torch.from_numpy(ratios))
        if planes[kept].size == 0 or gain == 0:
            return planes
        with torch.inference_mode():
            evidence = gather_evidence(torch.from_numpy(planes / np.float32(step))[None], kept)
            facts = describe_components(torch.from_numpy(ratios)[None])[:, kept]
            bands = None if noise is None else noise_bands(torch.from_numpy(noise[kept])[None])
            added = network.correct(evidence, facts, bands)[0].numpy()
        repaired = planes.copy()
        repaired[kept] += np.float32(gain * step) * added
        return repaired

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what a model file keeps: weights in half precision."""
        arrays = _arrays_of(self.faithful, "repair.faithful.")
        if self.realistic is not None:
            arrays |= _arrays_of(self.realistic, "repair.realistic.")
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self | None:
        """Read what `to_arrays` returned; None where there is no repairing network.

        Raises
        ------
        StreamError
            The weights are damaged.
        """
        faithful = _network_of(arrays, "repair.faithful.", has_noise=False)
        realistic = _network_of(arrays, "repair.realistic.", has_noise=True)
        return None if faithful is None else cls(faithful, realistic)


def _arrays_of(network: nn.Module, prefix: str) -> dict[str, NDArray[Any]]:
    return {
        prefix + name: tensor.detach().numpy().astype(np.float16)
        for name, tensor in network.state_dict().items()
    }


def _network_of(
    arrays: Mapping[str, NDArray[Any]], prefix: str, has_noise: bool
) -> ComponentRepair | None:
    own = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
    if not own:
        return None
    import torch

    from hsigan.models.component_repair import ComponentRepair

    try:
        width = own["first.weight"].shape[0]
        layers = own["shifts.weight"].shape[0] // width
        if not all(np.isfinite(array).all() for array in own.values()):
            raise ValueError("a weight is not finite")
        network = ComponentRepair(width, layers, has_noise)
        network.load_state_dict(
            {name: torch.from_numpy(array.astype(np.float32)) for name, array in own.items()}
        )
    except (KeyError, IndexError, ValueError, RuntimeError, ZeroDivisionError) as error:
        raise StreamError("the repairing network of the model is damaged.") from error
    network.eval()
    return network


def white_noise(shape: tuple[int, ...], seed: int) -> Planes:
    """Return nearly normal noise of variance 1, the same on every machine.

    Counters are hashed by SplitMix64 (Steele, Lea and Flood, OOPSLA 2014); the eight bytes of a
    hash are added, which is exact.

    Parameters
    ----------
    shape
        Of the result.
    seed
        0 ... 2**32 - 1.
    """
    count = math.prod(shape)
    start = np.uint64((seed % _LARGEST_SEED) << 32)
    state = (np.arange(1, count + 1, dtype=np.uint64) + start) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    octets = state.view(np.uint8).reshape(count, 8)  # their order does not matter for the sum
    sums = octets.sum(axis=1, dtype=np.int32) - 1020
    deviation = math.sqrt(8 * (256**2 - 1) / 12)
    noise: Planes = sums.astype(np.float32) * np.float32(1 / deviation)
    return noise.reshape(shape)


def seed_of(payload: bytes) -> int:
    """Return the seed of a tile's noise: the CRC-32 of its payload."""
    return zlib.crc32(payload)


def with_gain(payload: bytes, number: int) -> bytes:
    """Write the number of a gain into a payload that begins with a varint.

    Both share the varint: up to 31 components the gain costs nothing.
    """
    if not payload:
        return payload
    reader = ByteReader(payload, "a tile")
    count = reader.varint()
    return varint(count << _GAIN_BITS | number) + reader.take(reader.left())


def split_gain(payload: bytes) -> tuple[bytes, float]:
    """Undo `with_gain`; return the payload and the gain itself.

    Raises
    ------
    StreamError
        The payload does not begin with a varint.
    """
    if not payload:
        return payload, 0.0
    reader = ByteReader(payload, "a tile")
    both = reader.varint()
    rest = reader.take(reader.left())
    return varint(both >> _GAIN_BITS) + rest, GAINS[both % len(GAINS)]


def component_deviations(variances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return standard deviations of components (K,) from those of their wavelet coefficients.

    ``variances`` (levels + 1, 3, K) are by level and orientation, the finest first; the last level
    is the low band's, divided by 4**levels.
    """
    levels = len(variances) - 1
    shares = 4.0 ** -np.arange(1, levels + 1)
    details = (shares[:, None] * variances[:levels].sum(axis=1)).sum(axis=0)
    return np.asarray(np.sqrt(details + variances[levels, 0]), np.float64)
