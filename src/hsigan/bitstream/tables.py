"""Coding tables: how often each symbol is expected, in integers that never change.

A table covers symbols offset, offset + 1, ... and ends with an escape, which stands for all other
symbols. Its frequencies are integers >= 1 that sum to 2**24. Encoder and decoder read these
integers and nothing else, so that a stream means the same on every machine; floating point comes in
only where tables are made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hsigan.bitstream.distributions import (
    gaussian_probabilities,
    laplacian_probabilities,
    scale_table,
)
from hsigan.bitstream.escapes import escape_bits
from hsigan.bitstream.frequencies import (
    LARGEST_TABLE,
    PRECISION_BITS,
    TOTAL,
    Floats,
    Frequencies,
    freeze,
)
from hsigan.bitstream.groups import Group, make_group
from hsigan.errors import InputError, StreamError

LARGEST_COUNT = 2**16
"""Tables of one set: an index has 16 bits."""


@dataclass(frozen=True, eq=False)
class CodingTables:
    """A set of frozen tables.

    Attributes
    ----------
    offsets : (T,) int32
        Each table's first symbol.
    frequencies : T arrays uint32
        Of symbols offset, offset + 1, ..., and of the escape; each >= 1, together 2**24.

    Raises
    ------
    InputError
        The tables are none.
    """

    offsets: NDArray[np.int32]
    frequencies: tuple[Frequencies, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.frequencies) <= LARGEST_COUNT:
            raise InputError(
                f"a set holds 1 ... 2**16 tables. Got {len(self.frequencies)} instead."
            )
        if self.offsets.shape != (len(self.frequencies),) or self.offsets.dtype != np.int32:
            raise InputError("offsets must be int32, one for each table")
        for place, (offset, table) in enumerate(zip(self.offsets, self.frequencies, strict=True)):
            if (
                table.ndim != 1
                or table.dtype != np.uint32
                or not 2 <= len(table) <= LARGEST_TABLE + 1
            ):
                raise InputError(
                    f"table {place} must hold 1 ... 2**16 symbols and an escape, uint32"
                )
            if table.min() < 1 or int(table.sum(dtype=np.uint64)) != TOTAL:
                raise InputError(f"table {place} must hold integers >= 1 that sum to 2**24")
            if int(offset) + len(table) - 2 > np.iinfo(np.int32).max:
                raise InputError(f"table {place} reaches beyond the symbols of 32 bits")

    @classmethod
    def from_probabilities(
        cls, probabilities: Sequence[Floats], offsets: NDArray[np.int32]
    ) -> Self:
        """Freeze probabilities.

        Parameters
        ----------
        probabilities : one array for each table, >= 0, of symbols offset, offset + 1, ...; what is
            missing to 1 is the escape's
        offsets : (T,)

        Raises
        ------
        InputError
            A probability is negative or not finite, or a table sums to more than 1 + 1e-6.
        """
        frozen = tuple(freeze(np.asarray(row, np.float64)) for row in probabilities)
        return cls(np.asarray(offsets, np.int32), frozen)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what a model file keeps: "offsets", "lengths" (T,) int32, "frequencies" uint32."""
        lengths = np.array([len(table) for table in self.frequencies], np.int32)
        return {
            "offsets": self.offsets,
            "lengths": lengths,
            "frequencies": np.concatenate(self.frequencies),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Read what `to_arrays` returned.

        Raises
        ------
        StreamError
            The arrays are no tables.
        """
        try:
            lengths, offsets = arrays["lengths"].astype(np.int64), arrays["offsets"]
            flat = arrays["frequencies"]
            if lengths.ndim != 1 or lengths.min() < 2 or flat.shape != (lengths.sum(),):
                raise InputError("lengths must fit the frequencies")
            return cls(offsets, tuple(np.split(flat, np.cumsum(lengths)[:-1])))
        except (KeyError, ValueError, AttributeError) as error:
            raise StreamError(f"the coding tables of a model are damaged: {error}") from error

    def __len__(self) -> int:
        return len(self.frequencies)

    @cached_property
    def bits(self) -> tuple[Floats, ...]:
        """Information of each symbol of each table, the escape last."""
        return tuple(PRECISION_BITS - np.log2(table) for table in self.frequencies)

    def escape(self, table: int) -> int:
        """Return the index of a table's escape, that is how many symbols the table covers."""
        return len(self.frequencies[table]) - 1

    @cached_property
    def _groups(self) -> dict[int, Group]:
        return {}

    def group(self, table: int) -> Group:
        """Return what codes the symbols of a table; it is made once."""
        if table not in self._groups:
            self._groups[table] = make_group(self.frequencies[table])
        return self._groups[table]

    def information_bits(self, symbols: NDArray[np.int32], indexes: NDArray[Any]) -> float:
        """Return the information content of symbols (N,) under the tables of `indexes` (N,).

        A symbol outside its table costs the escape and its Exp-Golomb code.
        """
        total = 0.0
        for table in np.unique(indexes):
            chosen = symbols[indexes == table].astype(np.int64) - int(self.offsets[table])
            costs = self.bits[table]
            outside = (chosen < 0) | (chosen >= len(costs) - 1)
            counts = np.bincount(np.where(outside, len(costs) - 1, chosen), minlength=len(costs))
            total += float(counts @ costs)
            distance = np.where(chosen < 0, -2 * chosen - 1, 2 * (chosen - len(costs) + 1))[outside]
            total += float(escape_bits(distance).sum())
        return total


SCALES = scale_table()
"""HiFiC's 64 standard deviations, 0.11 ... 256."""


def gaussian_tables(scales: Floats = SCALES) -> CodingTables:
    """Return a table for each scale of a rounded Gaussian number around 0.

    The integers are the same on every machine.

    Parameters
    ----------
    scales : (T,) standard deviations, above 0 and up to 2048

    Raises
    ------
    InputError
        A scale is out of range.
    """
    return _symmetric_tables([gaussian_probabilities(float(scale)) for scale in scales])


def laplacian_tables(scales: Floats) -> CodingTables:
    """Return a table for each scale of a rounded Laplacian number around 0.

    The integers are the same on every machine.

    Parameters
    ----------
    scales : (T,) mean absolute values, above 0 and up to 2048

    Raises
    ------
    InputError
        A scale is out of range.
    """
    return _symmetric_tables([laplacian_probabilities(float(scale)) for scale in scales])


def _symmetric_tables(probabilities: Sequence[Floats]) -> CodingTables:
    offsets = np.array([-(len(row) // 2) for row in probabilities], np.int32)
    return CodingTables.from_probabilities(probabilities, offsets)
