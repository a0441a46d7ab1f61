"""One file over HTTP, going on where an earlier attempt stopped."""

import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO

from hsigan.errors import DownloadError

Progress = Callable[[int, int | None], None]
"""Called with the bytes done and the bytes in all, None where the server does not say."""

ATTEMPTS = 3
"""How often a connection that breaks off is taken up again within one call."""

_BLOCK_BYTES = 1 << 16
_NETWORK_ERRORS = (http.client.HTTPException, ConnectionError, TimeoutError, urllib.error.URLError)


def download(
    address: str, part: Path, progress: Progress | None = None, *, timeout_s: float = 30.0
) -> None:
    """Download a file to `part`; what is already there is the beginning of it.

    Parameters
    ----------
    address
        http or https address.
    part
        File to complete. It stays when the connection breaks off, so that a later call goes on.
    progress
        Called after every block.
    timeout_s
        Longest silence of the server, in seconds.

    Raises
    ------
    DownloadError
        When the server cannot be reached, refuses, or the connection keeps breaking off, or the
        file cannot be written.
    """
    reason = ""
    for _ in range(ATTEMPTS):
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            done, total = _attempt(address, part, progress, timeout_s)
        except urllib.error.HTTPError as error:
            error.close()
            raise DownloadError(
                f"{address} answered {error.code} ({error.reason}): the file may have moved; "
                "put it into a folder that HSIGAN_DATA names."
            ) from error
        except _NETWORK_ERRORS as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
            continue
        except OSError as error:
            raise DownloadError(
                f"{part} cannot be written ({error.strerror}): free space or choose another folder."
            ) from error
        if total is None or done == total:
            return
        reason = f"the connection broke off after {done} of {total} bytes"
    kept = part.stat().st_size if part.exists() else 0
    raise DownloadError(
        f"{address} could not be downloaded ({reason}); {kept} bytes are kept, run again to go on, "
        "or put the file into a folder that HSIGAN_DATA names."
    )


def _attempt(
    address: str, part: Path, progress: Progress | None, timeout_s: float
) -> tuple[int, int | None]:
    """Fetch what is missing; return the bytes that the part now has, and should have."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"User-Agent": "hsigan"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE or not have:
            raise
        # Nothing lies behind what is here. If the server says that this is all, it is whole.
        error.close()
        if _total(error.headers.get("Content-Range")) == have:
            return have, have
        return _from_the_start(address, part, progress, timeout_s)
    with response:
        start, total = _extent(response)
        if start not in (0, have):
            return _from_the_start(address, part, progress, timeout_s)
        with part.open("r+b" if start else "wb") as stream:
            stream.truncate(start)
            stream.seek(start)
            return _copy(response, stream, start, total, progress), total


def _from_the_start(
    address: str, part: Path, progress: Progress | None, timeout_s: float
) -> tuple[int, int | None]:
    part.unlink()
    return _attempt(address, part, progress, timeout_s)


def _extent(response: http.client.HTTPResponse) -> tuple[int, int | None]:
    """Return where the answer starts in the file, and the size of the whole file."""
    length = response.headers.get("Content-Length")
    size = int(length) if length and length.isdecimal() else None
    content_range = response.headers.get("Content-Range") or ""
    match = re.match(r"bytes (\d+)-", content_range)
    if response.status != http.client.PARTIAL_CONTENT or match is None:
        return 0, size
    start = int(match[1])
    return start, _total(content_range) or (None if size is None else start + size)


def _total(content_range: str | None) -> int | None:
    """Read the size after the slash of a Content-Range header."""
    match = re.search(r"/(\d+)$", content_range or "")
    return int(match[1]) if match else None


def _copy(
    response: http.client.HTTPResponse,
    stream: IO[bytes],
    start: int,
    total: int | None,
    progress: Progress | None,
) -> int:
    done = start
    while block := response.read(_BLOCK_BYTES):
        stream.write(block)
        done += len(block)
        if progress is not None:
            progress(done, total)
    return done
