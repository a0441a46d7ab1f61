"""Writing a file whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; move it there when the block ends well.

    Whatever stops the block (an error, a full disk, Ctrl-C), what was at ``path`` before is still
    there, and nothing half-written is left. The folder is made when it is not there. Where
    ``path`` is a link, the file that it leads to is written.

    Raises
    ------
    OSError
        The folder or the file cannot be written, or ``path`` is a folder or a device.
    """
    target = _replaceable(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.stem}-", suffix=target.suffix
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: str | Path) -> None:
    """Prove that `whole_file` could write ``path`` now, before long work begins; leave nothing.

    Raises
    ------
    OSError
        It could not.
    """
    check_folder(_replaceable(path).parent)


def check_folder(path: str | Path) -> None:
    """Prove that files can be made in a folder that is there, or that it can be made itself.

    Raises
    ------
    OSError
        They cannot.
    """
    folder = Path(path).resolve()
    nearest = next(each for each in (folder, *folder.parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(nearest)) from error


def _replaceable(path: str | Path) -> Path:
    """Return the file that ``path`` leads to, or refuse what a file would not replace."""
    target = Path(path).resolve()
    if target.exists() and not target.is_file():  # a device would be replaced by a file
        kind = errno.EISDIR if target.is_dir() else errno.EINVAL
        raise OSError(kind, "not a file that can be replaced", str(path))
    return target


def _umask() -> int:
    """Return the process's file mode mask; there is no way to read it but to set it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
