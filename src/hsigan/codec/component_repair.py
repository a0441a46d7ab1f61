"""Repairing decoded components, between the inverse wavelet and the inverse KLT.

One file serves two decoders. The faithful one adds what a network expects to be lost. The realistic
one has a network that was tuned against a critic and adds noise as well, which is drawn by integers
from the tile's own bytes: decoding gives the same picture everywhere, within a count. The encoder,
which knows the original, writes whether the repair helps and how loud the noise may be.

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

GAINS = (1.0, 0.0)
"""Factors of the faithful repair."""
LOUDNESSES = (1.0, 0.7, 0.45, 1.4)
"""Factors of the realistic decoder's noise."""
TEXTURE_LOSS_DB = 0.9
"""What the noise may cost a tile in PSNR, over the faithful decoder."""

LEAST_GAIN_DB = 0.03
"""What the faithful repair must gain to be worth the time that it takes a decoder."""

_CHOICES = tuple((gain, loudness) for loudness in LOUDNESSES for gain in GAINS)
_CHOICE_BITS = 3
_LARGEST_SEED = 2**32


@dataclass(frozen=True)
class DecodedTile:
    """Components as they were decoded.

    Attributes
    ----------
    planes : (K, h, w), in the scene's units, the leading component first
    step : of the quantiser
    deviations : (K,), expected standard deviations of the components, in the scene's units
    seed : of noise, 0 ... 2**32 - 1
    """

    planes: Planes
    step: float
    deviations: Deviations
    seed: int = 0


@dataclass(frozen=True)
class Repairer:
    """The networks of both decoders; the realistic one may be missing.

    The same networks serve any number of components of any sensor.
    """

    faithful: ComponentRepair
    realistic: ComponentRepair | None = None

    def repair(self, tile: DecodedTile, gain: float = 1.0) -> Planes:
        """Return components (K, h, w) that are nearer to the original ones.

        ``gain`` is the factor of what is added.
        """
        if gain == 0:
            return tile.planes
        added, _ = _additions(self.faithful, tile)
        return np.asarray(tile.planes + np.float32(gain) * added, np.float32)

    def embellish(self, tile: DecodedTile, loudness: float = 1.0) -> Planes:
        """Return components (K, h, w) with texture that looks like the original's.

        ``loudness`` is the factor of the noise.

        Raises
        ------
        InputError
            There is no realistic network.
        """
        if self.realistic is None:
            raise InputError("this codec has no realistic decoder: take the faithful one.")
        added, noise = _additions(self.realistic, tile)
        return np.asarray(tile.planes + added + np.float32(loudness) * noise, np.float32)

    def choose(self, original: Planes, tile: DecodedTile) -> int:
        """Return the number of the best factors, for `with_choice`.

        There is a gain where it takes `LEAST_GAIN_DB` off the error to the original planes (K, h,
        w); the loudness is the largest one that costs no more than `TEXTURE_LOSS_DB`, else the
        smallest.
        """
        lost = (original - tile.planes).astype(np.float64)
        added, _ = _additions(self.faithful, tile)
        errors = [np.square(lost - gain * added).sum() for gain in GAINS]
        is_worthwhile = errors[0] < errors[1] * 10 ** (-LEAST_GAIN_DB / 10)
        gain, loudness = GAINS[0 if is_worthwhile else 1], LOUDNESSES[0]
        if self.realistic is not None:
            most = min(errors) * 10 ** (TEXTURE_LOSS_DB / 10)
            added, noise = _additions(self.realistic, tile)
            allowed = [
                factor
                for factor in LOUDNESSES
                if np.square(lost - added - factor * noise).sum() <= most
            ]
            loudness = max(allowed, default=min(LOUDNESSES))
        return _CHOICES.index((gain, loudness))

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


def _additions(network: ComponentRepair, tile: DecodedTile) -> tuple[Planes, Planes]:
    """Return a network's correction and its noise, each (K, h, w) in the scene's units."""
    import torch

    from hsigan.models.component_repair import (
        describe_components,
        gather_evidence,
        noise_bands,
        repairable,
    )

    correction, noise = np.zeros_like(tile.planes), np.zeros_like(tile.planes)
    ratios = np.maximum(tile.deviations, 1e-6 * tile.step) / tile.step
    logarithms = torch.from_numpy(np.log(ratios).astype(np.float32))[None]
    kept = repairable(logarithms[0])
    if tile.planes[kept].size == 0:
        return correction, noise
    with torch.inference_mode():
        scaled = torch.from_numpy(tile.planes / np.float32(tile.step))[None]
        facts = describe_components(logarithms)[:, kept]
        proposed, amplitudes = network.propose(gather_evidence(scaled, kept), facts)
        correction[kept] = proposed[0].numpy() * np.float32(tile.step)
        if amplitudes is not None:
            white = torch.from_numpy(white_noise(tile.planes.shape, tile.seed)[kept])[None]
            loud = (amplitudes * noise_bands(white)).sum(dim=2)[0]
            noise[kept] = loud.numpy() * np.float32(tile.step)
    return correction, noise


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
    """Return the seed of a tile's noise: the CRC-32 of its payload without a choice."""
    return zlib.crc32(payload)


def with_choice(payload: bytes, number: int) -> bytes:
    """Write the number of a choice into a payload that begins with a varint, K.

    Both share the varint: up to 15 components the choice costs nothing.
    """
    reader = ByteReader(payload, "a tile")
    count = reader.varint()
    return varint(count << _CHOICE_BITS | number) + reader.take(reader.left())


def split_choice(payload: bytes) -> tuple[bytes, float, float]:
    """Undo `with_choice`; return the payload, the gain and the loudness.

    Raises
    ------
    StreamError
        The payload does not begin with a varint.
    """
    reader = ByteReader(payload, "a tile")
    both = reader.varint()
    payload = varint(both >> _CHOICE_BITS) + reader.take(reader.left())
    return payload, *_CHOICES[both % len(_CHOICES)]
