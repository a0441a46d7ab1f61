"""What the range coder is given: integer frequencies, handed over so that they stay exactly so.

constriction takes probabilities and makes integers of 24 bits of them: the i-th of n symbols
starts at floor(s * c) + i, where c is the sum of the probabilities before it and s is
(2**24 - n) / (the sum of all). Given every frequency less one, that sum is 2**24 - n, s is 1, all
numbers are integers below 2**53, and symbol i starts where the table says.
"""

from __future__ import annotations

from functools import cache

import constriction
import numpy as np
from numpy.typing import NDArray

from hsigan.bitstream.frequencies import PRECISION_BITS, TOTAL, Frequencies
from hsigan.errors import InputError, StreamError

Indices = NDArray[np.int32]
_PROOF = [1610613719, 4269316082]
"""What `check_coder` expects."""


class Model:
    """A distribution over 0 ... n - 1, n >= 2, from frequencies (n,) >= 1 that sum to 2**24."""

    def __init__(self, frequencies: Frequencies) -> None:
        self.bits = PRECISION_BITS - np.log2(frequencies)
        self.size = len(frequencies)
        self.exact = constriction.stream.model.Categorical(
            (frequencies - 1).astype(np.float64), lazy=False, perfect=False
        )

    def information(self, symbols: Indices) -> float:
        """Return the information of symbols (N,), in bits."""
        if len(symbols) < self.size:
            return float(self.bits[symbols].sum())
        return float(np.bincount(symbols, minlength=self.size) @ self.bits)


@cache
def uniform(bits: int) -> Model:
    """Return the distribution of ``bits`` raw bits, 1 ... 16."""
    return Model(np.full(2**bits, TOTAL >> bits, np.uint32))


@cache
def check_coder() -> None:
    """Prove that the installed constriction codes as files are specified, once in a process.

    Raises
    ------
    StreamError
        It does not.
    """
    model = Model(np.array([3, 2**23 - 1, 1, 2**23 - 3], np.uint32))
    coder = constriction.stream.queue.RangeEncoder()
    coder.encode(np.array([1, 3, 3, 0, 1, 2, 3, 1], np.int32), model.exact)
    if coder.get_compressed().tolist() != _PROOF:
        raise StreamError(
            "the installed version of constriction codes otherwise than files are specified: "
            "install version 0.5"
        )


class Sink:
    """A range encoder."""

    def __init__(self) -> None:
        check_coder()
        self._coder = constriction.stream.queue.RangeEncoder()

    def put(self, model: Model, symbols: Indices) -> None:
        """Append symbols (N,) in 0 ... n - 1."""
        if not len(symbols):
            return
        try:
            self._coder.encode(symbols, model.exact)
        except BaseException as error:
            raise _instead_of_panic(error, InputError("the symbols cannot be coded")) from error

    def finish(self) -> bytes:
        """Return the shortest bytes that lead a decoder, which reads zeros behind them, back.

        The state is an interval [lower, lower + size) of numbers of 64 bits behind the words
        written so far. Of the multiples of 2**(64 - 8 k) one lies in it as soon as size is as
        large, so k bytes suffice. Where the interval crosses 2**64, that number may carry.
        """
        words = self._coder.get_compressed()
        if not len(words):
            return b""
        place: int
        lower: int
        size: int
        place, (lower, size) = self._coder.pos()
        count = next(count for count in range(1, 9) if 1 << (64 - 8 * count) <= size)
        grain = 1 << (64 - 8 * count)
        number = -(-lower // grain) * grain
        written = bytearray(words[:place].astype(">u4").tobytes())
        sealed = lower + 2**32 - 1
        if number >> 64 > sealed >> 64:  # the coder's own last words did not carry
            _add_one(written)
        return bytes(written) + (number % 2**64).to_bytes(8, "big")[:count]


def _add_one(number: bytearray) -> None:
    """Add one to a big-endian number."""
    place = len(number) - 1
    while number[place] == 0xFF:
        number[place] = 0
        place -= 1
    number[place] += 1


class Source:
    """A range decoder of what a `Sink` wrote."""

    def __init__(self, payload: bytes) -> None:
        check_coder()
        self._payload_bits = 8 * len(payload)
        self._bits, self._symbols = 0.0, 0
        padded = payload + bytes(-len(payload) % 4)
        words = np.frombuffer(padded, ">u4").astype(np.uint32)
        self._coder = constriction.stream.queue.RangeDecoder(words)

    def draw(self, model: Model, count: int) -> Indices:
        """Return the next symbols (count,), in 0 ... n - 1."""
        if not count:
            return np.empty(0, np.int32)
        try:
            symbols: Indices = self._coder.decode(model.exact, count)
        except BaseException as error:
            raise _instead_of_panic(error, StreamError("the payload is damaged")) from error
        self._bits += model.information(symbols)
        self._symbols += count
        return symbols

    def finish(self) -> None:
        """Check that the payload was as long as its symbols needed.

        An encoder writes less than a byte more than the logarithm of its interval, and a symbol
        narrows the interval by its information and at most log2(1 + 2**-8) bits, which division
        by 2**24 loses.
        """
        slack = 1e-9 * self._bits + 1e-3
        longest = self._bits + self._symbols * np.log2(1 + 2**-8) + 8 * bool(self._symbols) + slack
        if not self._bits - slack <= self._payload_bits <= longest:
            raise StreamError("the payload is damaged: its symbols do not need as many bytes")


def _instead_of_panic(error: BaseException, ours: Exception) -> BaseException:
    """Return our error for what the coder raises, and anything else (Ctrl-C) as it is.

    A panic of the coder derives from BaseException, and its class cannot be imported.
    """
    is_coders = isinstance(error, (AssertionError, ValueError, TypeError))
    return ours if is_coders or type(error).__name__ == "PanicException" else error
