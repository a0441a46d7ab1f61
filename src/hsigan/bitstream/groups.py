"""Coding a group: symbols that share a table, as indices 0 ... n - 1 into it.

A range coder loses up to 0.006 bits with every symbol. That is nothing beside a symbol of a bit and
much beside one of a ten-thousandth. Where one symbol, the usual one, has a probability of 15/16 or
more, the group is therefore coded as runs: how many usual symbols come before the next other one,
which other one it is, and so on. That is as short as theory has it, and faster.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hsigan.bitstream.frequencies import PRECISION_BITS, TOTAL, Frequencies
from hsigan.bitstream.models import Indices, Model, Sink, Source

SMALLEST_USUAL = TOTAL // 16 * 15
LONGEST_RUN = 1024


class Group:
    """Codes groups of one table symbol by symbol."""

    def __init__(self, frequencies: Frequencies) -> None:
        self._model = Model(frequencies)

    def encode(self, sink: Sink, group: Indices) -> None:
        """Append a group (m,)."""
        sink.put(self._model, group)

    def decode(self, source: Source, count: int) -> Indices:
        """Return a group of ``count`` symbols."""
        return source.draw(self._model, count)


class RunGroup(Group):
    """Codes groups of a table with a usual symbol as runs.

    A token r below R says: r usual symbols and another one. Token R says: R usual symbols. Tokens
    are coded while at least R symbols are left, then the other symbols in their order, then the
    symbols that are left, one by one.
    """

    def __init__(self, frequencies: Frequencies) -> None:
        super().__init__(frequencies)
        self._usual = int(np.argmax(frequencies))
        others = np.delete(frequencies, self._usual).astype(np.int64)
        self._others = Model(other_frequencies(others)) if len(others) > 1 else None
        rest = int(others.sum())
        self._run = min(LONGEST_RUN, 4 * TOTAL // rest)
        self._tokens = Model(run_frequencies(TOTAL - rest, self._run))

    def encode(self, sink: Sink, group: Indices) -> None:
        """Append a group (m,)."""
        run = self._run
        if len(group) < run:
            super().encode(sink, group)
            return
        places = np.flatnonzero(group != self._usual)
        gaps = np.diff(places, prepend=-1, append=len(group)) - 1
        tokens = np.full(int((gaps // run).sum()) + len(places), run, np.int32)
        tokens[np.cumsum(gaps[:-1] // run + 1) - 1] = gaps[:-1] % run
        ends = np.cumsum(_lengths(tokens, run))
        used = int(np.count_nonzero(len(group) - ends + _lengths(tokens, run) >= run))
        start = int(ends[used - 1]) if used else 0
        sink.put(self._tokens, tokens[:used])
        if self._others is not None:
            others = group[places[places < start]]
            sink.put(self._others, others - (others > self._usual).astype(np.int32))
        super().encode(sink, group[start:])

    def decode(self, source: Source, count: int) -> Indices:
        """Return a group of ``count`` symbols."""
        if count < self._run:
            return super().decode(source, count)
        tokens, start = self._draw_tokens(source, count)
        group = np.full(count, self._usual, np.int32)
        places = (np.cumsum(_lengths(tokens, self._run)) - 1)[tokens < self._run]
        group[places] = self._draw_others(source, len(places))
        group[start:] = super().decode(source, count - start)
        return group

    def _draw_tokens(self, source: Source, count: int) -> tuple[Indices, int]:
        """Draw tokens until fewer than R symbols are left; a token never exceeds R symbols."""
        tokens, start = [np.empty(0, np.int32)], 0
        while count - start >= self._run:
            tokens.append(source.draw(self._tokens, (count - start) // self._run))
            start += int(_lengths(tokens[-1], self._run).sum())
        return np.concatenate(tokens), start

    def _draw_others(self, source: Source, count: int) -> Indices:
        if self._others is None:
            return np.full(count, 1 - self._usual, np.int32)
        others = source.draw(self._others, count)
        return others + (others >= self._usual).astype(np.int32)


def _lengths(tokens: Indices, run: int) -> NDArray[np.int64]:
    """Return how many symbols each token stands for."""
    return np.minimum(tokens.astype(np.int64) + 1, run)


def run_frequencies(usual: int, run: int) -> Frequencies:
    """Return the frequencies of tokens 0 ... R where the usual symbol has frequency ``usual``.

    Integers only: w_0 = 2**48 and w_(r+1) = floor(w_r usual / 2**24), so that w_r / 2**48 is the
    probability of r usual symbols; token r starts at 2**24 - round(w_r / 2**24).
    """
    tails = [TOTAL**2]
    for _ in range(run):
        tails.append(tails[-1] * usual >> PRECISION_BITS)
    starts = [TOTAL - (tail + TOTAL // 2 >> PRECISION_BITS) for tail in tails]
    return np.diff(np.array([*starts, TOTAL])).astype(np.uint32)


def other_frequencies(others: NDArray[np.int64]) -> Frequencies:
    """Scale the frequencies of all symbols but the usual one, with a sum g up to 2**20, to 2**24.

    Integers only: a symbol starts at floor(2**24 c / g), where c sums the frequencies before it.
    """
    ends = np.cumsum(others) * TOTAL // int(others.sum())
    return np.asarray(np.diff(ends, prepend=0), np.uint32)


def make_group(frequencies: Frequencies) -> Group:
    """Return what codes groups of a table."""
    return (RunGroup if frequencies.max() >= SMALLEST_USUAL else Group)(frequencies)
