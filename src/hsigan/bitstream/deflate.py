"""Deflate (RFC 1951) without a header, and with a bound on what comes out."""

from __future__ import annotations

import zlib

from hsigan.errors import StreamError

_RAW = -15
_BEST = 9


def deflate(data: bytes, dictionary: bytes = b"") -> bytes:
    """Return ``data`` deflated; ``dictionary`` is text that it may refer to."""
    coder = zlib.compressobj(_BEST, wbits=_RAW, zdict=dictionary)
    return coder.compress(data) + coder.flush()


def inflate(data: bytes, longest: int, what: str, dictionary: bytes = b"") -> bytes:
    """Undo `deflate`.

    Parameters
    ----------
    data : the deflated bytes, and nothing behind them
    longest : how many bytes may come out
    what : what the message calls it, such as "the mask"
    dictionary : what `deflate` was given

    Raises
    ------
    StreamError
        It is damaged, cut short, too long, or followed by more.
    """
    coder = zlib.decompressobj(wbits=_RAW, zdict=dictionary)
    try:
        out = coder.decompress(data, longest + 1)
    except zlib.error as error:
        raise StreamError(f"{what} is damaged: {error}") from error
    if len(out) > longest or not coder.eof or coder.unused_data:
        raise StreamError(f"{what} is damaged: it does not end where it should")
    return out
