"""Numbers of variable length, and a reader of bytes that never reads past their end.

A varint holds seven bits of the number in each byte, the lowest first; the eighth bit says that
another byte follows (LEB128). The shortest form is the only valid one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hsigan.errors import InputError, StreamError

_LONGEST = 10
_LARGEST = 2**64 - 1


def varint(value: int) -> bytes:
    """Return the varint of a number from 0 to 2**64 - 1.

    Raises
    ------
    InputError
        The number is out of range.
    """
    if not 0 <= value <= _LARGEST:
        raise InputError(f"a varint holds 0 ... 2**64 - 1. Got {value!r} instead.")
    out = bytearray()
    while value > 0x7F:
        out.append(0x80 | value & 0x7F)
        value >>= 7
    out.append(value)
    return bytes(out)


def varints(values: NDArray[np.int64]) -> bytes:
    """Return the varints of numbers (N,) >= 0, one behind the other."""
    shifted = values[:, None].astype(np.uint64) >> np.arange(0, 70, 7, dtype=np.uint64)
    used = shifted > 0  # (N, 10)
    used[:, 0] = True
    groups = (shifted & 0x7F).astype(np.uint8)
    groups[:, :-1] |= used[:, 1:].astype(np.uint8) << 7
    return groups[used].tobytes()


def zigzag(value: int) -> int:
    """Return 0, 1, 2, 3, 4 ... for 0, -1, 1, -2, 2 ..."""
    return 2 * value if value >= 0 else -2 * value - 1


def unzigzag(value: int) -> int:
    """Undo `zigzag`."""
    return -(value + 1) // 2 if value & 1 else value // 2


class ByteReader:
    """Reads bytes from front to back.

    Parameters
    ----------
    data : what is read
    what : what the messages call it, such as "the header"

    Raises
    ------
    StreamError
        From every method: there is less than was asked for.
    """

    def __init__(self, data: bytes, what: str) -> None:
        self._data, self._what, self.position = data, what, 0

    def left(self) -> int:
        """Return how many bytes have not been read."""
        return len(self._data) - self.position

    def take(self, count: int) -> bytes:
        """Read ``count`` bytes."""
        if count > self.left():
            raise StreamError(f"{self._what} ends too early: the file is damaged or cut short")
        start, self.position = self.position, self.position + count
        return self._data[start : self.position]

    def byte(self) -> int:
        """Read one byte."""
        return self.take(1)[0]

    def varint(self) -> int:
        """Read a varint."""
        value = 0
        for place in range(_LONGEST):
            byte = self.byte()
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                break
        if byte >= 0x80 or value > _LARGEST or (byte == 0 and place > 0):
            raise StreamError(f"{self._what} holds a number that no writer writes: it is damaged")
        return value

    def varints(self, count: int) -> NDArray[np.int64]:
        """Read varints below 2**63, as an array (count,)."""
        data = np.frombuffer(self._data, np.uint8)[self.position :]
        ends = np.flatnonzero(data[: count * _LONGEST] < 0x80)[:count]
        if len(ends) < count:
            raise StreamError(f"{self._what} ends too early: the file is damaged or cut short")
        if not count:
            return np.zeros(0, np.int64)
        starts = np.concatenate([[0], ends[:-1] + 1])
        lengths = ends - starts + 1
        if lengths.max() >= _LONGEST or (data[ends][lengths > 1] == 0).any():
            raise StreamError(f"{self._what} holds a number that no writer writes: it is damaged")
        used = data[: ends[-1] + 1].astype(np.int64) & 0x7F
        places = np.arange(len(used)) - np.repeat(starts, lengths)
        self.position += len(used)
        return np.add.reduceat(used << 7 * places, starts)

    def end(self) -> None:
        """Check that all has been read."""
        if self.left():
            raise StreamError(f"{self._what} is followed by {self.left()} bytes that do not belong")
