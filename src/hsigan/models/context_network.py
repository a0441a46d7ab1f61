"""A small network in integers: from the contexts of symbols to the number of a coding table.

Encoder and decoder must agree on every output, on any machine. All weights and activations are
integers; they are carried in float32 for the speed of its matrix products, and every partial sum
stays below 2**24 in magnitude, where float32 holds each integer exactly, in whatever order the
terms are added (checked when the network is made).

::

    local contexts (C, N) 0 ... 127 ──┐
                                      ├─ 32 units ─ 16 units ─ 1 ── table (N,) 0 ... 63
    shared contexts (G,) 0 ... 127 ───┘   each: sum, shift, clip to 0 ... 1023
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hsigan.errors import InputError, StreamError

LARGEST_CONTEXT = 127
LARGEST_ACTIVATION = 1023
WEIGHT_SHIFT = 8
"""A weight of 1 is the integer 2**8."""
ACTIVATION_SHIFT = 6
"""An activation of 1 is the integer 2**6; so is a context of 64."""
_EXACT = 2**24
_COLUMNS = 4096
"""Contexts at a time: what lies in the processor's cache."""

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]


class ContextNetwork:
    """Three layers of integers.

    Parameters
    ----------
    weights : three int32 arrays (32, C + G), (16, 32), (1, 16)
    biases : three int32 arrays (32,), (16,), (1,)
    local_count : C, how many of the contexts differ from symbol to symbol
    table_count : outputs are clipped to 0 ... table_count - 1

    Raises
    ------
    InputError
        The shapes do not fit, or a sum could reach 2**24.
    """

    def __init__(
        self,
        weights: tuple[Integers, ...],
        biases: tuple[Integers, ...],
        local_count: int,
        table_count: int,
    ) -> None:
        self.weights, self.biases = weights, biases
        self.local_count, self.table_count = local_count, table_count
        self.shared_count = weights[0].shape[1] - local_count
        largest = (LARGEST_CONTEXT, LARGEST_ACTIVATION, LARGEST_ACTIVATION)
        inputs = weights[0].shape[1]
        for weight, bias, value in zip(weights, biases, largest, strict=True):
            if weight.shape != (len(bias), inputs):
                raise InputError("the layers of a context network do not fit one another")
            inputs = len(bias)
            sums = np.abs(weight.astype(np.int64)).sum(axis=1) * value
            if (sums + np.abs(bias.astype(np.int64)) >= _EXACT).any():
                raise InputError("the weights of a context network are too large to be exact")
        # A power of two changes no digit of a sum, so that the shift is done beforehand.
        scale = np.float32(2.0**-WEIGHT_SHIFT)
        scaled = [np.asarray(weight * scale, np.float32) for weight in weights]
        self._local, self._shared = scaled[0][:, :local_count], scaled[0][:, local_count:]
        self._later = tuple(scaled[1:])
        self._biases = [np.asarray(bias[:, None] * scale, np.float32) for bias in biases]

    def tables(self, local: Floats, shared: Integers) -> NDArray[np.uint8]:
        """Return the number of the table of each symbol.

        Parameters
        ----------
        local : (C, N) float32 that hold integers 0 ... 127
        shared : (G,) integers 0 ... 127, the same for all symbols

        Returns
        -------
        array (N,) of uint8
        """
        return self.tables_of_rows(local, shared[None])

    def tables_of_rows(self, local: Floats, shared: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """Return the tables where the shared contexts are (1, G), or (N, G) and differ, too."""
        common = self._shared @ shared.T.astype(np.float32)
        first_bias = np.asarray(common + self._biases[0], np.float32)
        out = np.empty(local.shape[1], np.uint8)
        for start in range(0, local.shape[1], _COLUMNS):
            part = slice(start, start + _COLUMNS)
            bias = first_bias if shared.shape[0] == 1 else first_bias[:, part]
            hidden = _activate(self._local @ local[:, part], bias)
            hidden = _activate(self._later[0] @ hidden, self._biases[1])
            last = (self._later[1] @ hidden + self._biases[2])[0]
            last *= np.float32(2.0**-ACTIVATION_SHIFT)
            np.rint(last, out=last)
            out[part] = np.minimum(np.maximum(last, 0), self.table_count - 1)
        return out

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what a model file keeps."""
        arrays: dict[str, NDArray[Any]] = {
            "counts": np.array([self.local_count, self.table_count], np.int32)
        }
        for place, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            arrays[f"weight_{place}"], arrays[f"bias_{place}"] = weight, bias
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Read what `to_arrays` returned.

        Raises
        ------
        StreamError
            The arrays are no such network.
        """
        try:
            weights = tuple(arrays[f"weight_{place}"] for place in range(3))
            biases = tuple(arrays[f"bias_{place}"] for place in range(3))
            local_count, table_count = (int(count) for count in arrays["counts"])
            if any(array.dtype != np.int32 for array in (*weights, *biases)):
                raise InputError("weights must be int32")
            return cls(weights, biases, local_count, table_count)
        except (KeyError, ValueError, IndexError) as error:
            raise StreamError(f"the context network of a model is damaged: {error}") from error


def _activate(sums: Floats, bias: Floats) -> Floats:
    """Add the bias, round down, clip; in place."""
    sums += bias
    np.floor(sums, out=sums)
    np.maximum(sums, 0, out=sums)
    np.minimum(sums, LARGEST_ACTIVATION, out=sums)
    return sums
