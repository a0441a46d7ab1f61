"""How bright and how contrasted a tile is, in three bytes that pass the networks by.

The mean over all planes and pixels is kept in steps of 1/256 as int16, the standard deviation in
steps of an eighth of a power of two as int8. Both sides compute with the rounded values, so nothing
is lost by the rounding.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import torch
from torch import Tensor

from hsigan.errors import StreamError

MEAN_STEPS = 256
SCALE_STEPS = 8
LEVEL_BYTES = 3
_FORMAT = "<hb"
_LEAST_DEVIATION = 2.0**-15


@dataclass(frozen=True)
class TileLevel:
    """Codes (N,) of means and deviations of N tiles, whole numbers in float32."""

    mean_code: Tensor
    scale_code: Tensor

    @property
    def mean(self) -> Tensor:
        """Means, (N, 1, 1, 1)."""
        return (self.mean_code / MEAN_STEPS)[:, None, None, None]

    @property
    def scale(self) -> Tensor:
        """Deviations, (N, 1, 1, 1)."""
        return torch.exp2(self.scale_code / SCALE_STEPS)[:, None, None, None]

    @classmethod
    def of(cls, planes: Tensor) -> TileLevel:
        """Measure planes (N, K, h, w)."""
        flat = planes.flatten(1)
        deviation = flat.std(dim=1, unbiased=False).clamp(min=_LEAST_DEVIATION)
        mean = (flat.mean(dim=1) * MEAN_STEPS).round().clamp(-(2**15), 2**15 - 1)
        return cls(mean, (deviation.log2() * SCALE_STEPS).round().clamp(-128, 127))

    def take_off(self, planes: Tensor) -> Tensor:
        """Return planes (N, K, h, w) of mean 0 and deviation 1."""
        return (planes - self.mean) / self.scale

    def put_on(self, planes: Tensor) -> Tensor:
        """Undo `take_off`."""
        return planes * self.scale + self.mean

    def to_bytes(self) -> bytes:
        """Return the level of a single tile as it lies in a file."""
        return struct.pack(_FORMAT, int(self.mean_code), int(self.scale_code))

    @classmethod
    def from_bytes(cls, payload: bytes) -> TileLevel:
        """Read what `to_bytes` wrote.

        Raises
        ------
        StreamError
            It is cut off.
        """
        if len(payload) < LEVEL_BYTES:
            raise StreamError("a tile's payload is cut off")
        mean, scale = struct.unpack(_FORMAT, payload[:LEVEL_BYTES])
        return cls(torch.tensor([float(mean)]), torch.tensor([float(scale)]))
