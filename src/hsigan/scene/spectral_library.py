"""ENVI spectral libraries: spectra with names and wavelengths that every ENVI-like program opens.

A library is two files: ``NAME.sli`` holds N spectra of B values one after another, ``NAME.hdr``
describes them as an image of N lines, B samples and one band whose file type is "ENVI Spectral
Library". Labels, class names and provenance stand in fields of our own, which other programs skip.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from hsigan.errors import SceneError
from hsigan.files import whole_file
from hsigan.scene.bands import to_nanometres

_DTYPES = {
    1: "u1", 2: "i2", 3: "i4", 4: "f4", 5: "f8", 12: "u2", 13: "u4", 14: "i8", 15: "u8"
}  # fmt: skip
_FILE_TYPE = "ENVI Spectral Library"
_OURS = "hsigan format"  # marks headers whose text is escaped
_VALUE = re.compile(r"^([^=\n]+?)[ \t]*=[ \t]*(\{[^}]*\}|[^\n]*)", re.MULTILINE)


@dataclass(frozen=True)
class SpectralLibrary:
    """Spectra with their names.

    Attributes
    ----------
    spectra
        (N, B) in the file's own units; written as float32.
    names
        N names; empty stands for the class name (or "spectrum") and a running number.
    wavelengths_nm
        (B,) in nm, or None.
    labels
        (N,) class ids, or None.
    class_names
        Class id -> name.
    provenance
        Where the spectra come from, as text, for instance JSON; empty where unknown.
    """

    spectra: NDArray[Any]
    names: tuple[str, ...] = ()
    wavelengths_nm: NDArray[np.float64] | None = None
    labels: NDArray[np.int64] | None = None
    class_names: Mapping[int, str] = field(default_factory=dict)
    provenance: str = ""


def write_spectral_library(
    path: str | Path, library: SpectralLibrary, blocks: Iterable[NDArray[Any]] | None = None
) -> Path:
    """Write spectra as an ENVI spectral library, little-endian float32, whole or not at all.

    Parameters
    ----------
    path
        The ``.sli`` file; its header is put beside it as ``.hdr``.
    library
        What to write.
    blocks
        The spectra piece by piece, (n, B) each, where memory does not hold them all: ``spectra`` of
        the library is then (0, B), and its labels say how many will come.

    Returns
    -------
    The path of the ``.sli`` file.

    Raises
    ------
    SceneError
        When lengths do not agree, or the files cannot be written.
    """
    shape = _checked_shape(library, blocks is not None)
    target = Path(path)
    data_path = target.with_suffix(".sli") if target.suffix.lower() in ("", ".hdr") else target
    try:
        with whole_file(data_path) as data, whole_file(data_path.with_suffix(".hdr")) as header:
            _write_values(data, [library.spectra] if blocks is None else blocks, shape)
            with header.open("w", encoding="utf-8") as file:
                file.writelines(_header(library, shape))
    except OSError as error:
        raise SceneError(
            f"{data_path} could not be written ({error.strerror or error}): free space or choose "
            "another folder."
        ) from error
    return data_path


def read_spectral_library(path: str | Path) -> SpectralLibrary:
    """Read an ENVI spectral library, ours or another program's.

    Parameters
    ----------
    path
        The data file or the header (``NAME.hdr`` or ``NAME.sli.hdr``).

    Raises
    ------
    SceneError
        When a file is missing or cut off, or is no spectral library.
    """
    data_path, header_path = _find_pair(Path(path))
    header = _read_header(header_path)
    if header.get("file type", "").lower() != _FILE_TYPE.lower():
        raise SceneError(
            f"{header_path.name} is no spectral library (file type = "
            f"{header.get('file type', 'none')}): open it as a scene."
        )
    spectra = _read_values(data_path, header)
    try:
        return _described(spectra, header)
    except ValueError as error:
        raise SceneError(
            f"{header_path.name} does not fit its data of {spectra.shape[0]} spectra with "
            f"{spectra.shape[1]} bands ({error}): correct the header."
        ) from error


def _described(spectra: NDArray[Any], header: Mapping[str, str]) -> SpectralLibrary:
    """Put spectra and header together; a ValueError says what does not fit."""
    count, bands = spectra.shape
    wavelengths = np.array(_items(header.get("wavelength")), dtype=np.float64)
    labels = np.array(_items(header.get("hsigan labels")), dtype=np.int64)
    if wavelengths.size not in (0, bands) or labels.size not in (0, count):
        raise ValueError(f"{wavelengths.size} wavelengths, {labels.size} labels")
    names = tuple(_items(header.get("spectra names")))
    if _OURS in header:
        names = tuple(unquote(name) for name in names)
    class_ids = map(int, _items(header.get("hsigan class ids")))
    class_names = map(unquote, _items(header.get("hsigan class names")))
    units = header.get("wavelength units")
    return SpectralLibrary(
        spectra,
        names if len(names) == count else (),
        to_nanometres(wavelengths, units) if wavelengths.size else None,
        labels if labels.size else None,
        dict(zip(class_ids, class_names, strict=True)),
        unquote(",".join(_items(header.get("hsigan provenance")))),
    )


def _checked_shape(library: SpectralLibrary, comes_in_blocks: bool) -> tuple[int, int]:
    """Return the number of spectra and of bands that will be written."""
    shape = np.shape(library.spectra)
    if comes_in_blocks and len(shape) == 2 and library.labels is not None:
        shape = (len(library.labels), shape[1])
    if len(shape) != 2 or 0 in shape:
        raise SceneError(f"A spectral library needs an array (N, B). Got shape {shape} instead.")
    for what, given, expected in (
        ("names", library.names or None, shape[0]),
        ("labels", library.labels, shape[0]),
        ("wavelengths", library.wavelengths_nm, shape[1]),
    ):
        if given is not None and len(given) != expected:
            raise SceneError(
                f"A spectral library of {shape[0]} spectra with {shape[1]} bands needs {expected} "
                f"{what}. Got {len(given)} instead."
            )
    return shape[0], shape[1]


def _write_values(path: Path, blocks: Iterable[NDArray[Any]], shape: tuple[int, int]) -> None:
    written = 0
    with path.open("wb") as file:
        for block in blocks:
            if block.ndim != 2 or block.shape[1] != shape[1]:
                raise SceneError(f"A block must be (n, {shape[1]}). Got {block.shape} instead.")
            file.write(np.ascontiguousarray(block, dtype="<f4").data)
            written += len(block)
    if written != shape[0]:
        raise SceneError(f"The blocks must hold {shape[0]} spectra. Got {written} instead.")


def _header(library: SpectralLibrary, shape: tuple[int, int]) -> Iterator[str]:
    """Yield the header piece by piece: the names of very many spectra are never held together."""
    yield "ENVI\n"
    for key, pieces in _fields(library, shape).items():
        yield f"{key} = "
        yield from [pieces] if isinstance(pieces, str) else pieces
        yield "\n"


def _fields(library: SpectralLibrary, shape: tuple[int, int]) -> dict[str, str | Iterable[str]]:
    """Return the fields of the header, in order."""
    fields: dict[str, str | Iterable[str]] = {
        "description": "{spectra written by hsigan}",
        "samples": str(shape[1]),
        "lines": str(shape[0]),
        "bands": "1",
        "header offset": "0",
        "file type": _FILE_TYPE,
        "data type": "4",
        "interleave": "bsq",
        "byte order": "0",
        _OURS: "1",
    }
    if library.wavelengths_nm is not None:
        fields["wavelength units"] = "Nanometers"
        fields["wavelength"] = _listing(repr(float(v)) for v in library.wavelengths_nm)
    names = library.names or _named(library, shape[0])
    fields["spectra names"] = _listing(_escaped(name) for name in names)
    if library.labels is not None:
        fields["hsigan labels"] = _listing(str(int(label)) for label in library.labels)
    if library.class_names:
        fields["hsigan class ids"] = _listing(str(key) for key in library.class_names)
        known = library.class_names.values()
        fields["hsigan class names"] = _listing(_escaped(name) for name in known)
    if library.provenance:
        fields["hsigan provenance"] = _listing([_escaped(library.provenance)])
    return fields


def _named(library: SpectralLibrary, count: int) -> Iterator[str]:
    if library.labels is None:
        yield from (f"spectrum {n}" for n in range(1, count + 1))
        return
    counts: dict[int, int] = {}
    for label in map(int, library.labels):
        counts[label] = counts.get(label, 0) + 1
        yield f"{library.class_names.get(label, f'class {label}')} {counts[label]}"


def _escaped(text: str) -> str:
    """Write what would end a list or an entry as %XX."""
    for sign in "%{},\n\r":
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


def _listing(items: Iterable[str]) -> Iterator[str]:
    yield "{"
    for index, item in enumerate(items):
        yield f", {item}" if index else item
    yield "}"


def _items(text: str | None) -> list[str]:
    inner = (text or "").strip().strip("{}").strip()
    return [item.strip() for item in inner.split(",")] if inner else []


def _find_pair(path: Path) -> tuple[Path, Path]:
    """Return data file and header, whichever of them was named."""
    if path.suffix.lower() == ".hdr":
        bare = path.with_suffix("")
        data = [bare] if bare.suffix.lower() == ".sli" else [bare.with_suffix(".sli"), bare]
        headers = [path]
    else:
        data, headers = [path], [path.with_suffix(".hdr"), Path(f"{path}.hdr")]
    for candidates, what in ((data, "data"), (headers, "header")):
        if not any(candidate.is_file() for candidate in candidates):
            raise SceneError(
                f"{path} is not a complete spectral library: its {what} {candidates[0].name} is "
                "missing; put it beside the other file."
            )
    return next(p for p in data if p.is_file()), next(p for p in headers if p.is_file())


def _read_header(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise SceneError(f"{path} cannot be read: {error.strerror}.") from error
    if not text.lstrip().startswith("ENVI"):
        raise SceneError(f"{path.name} is no ENVI header: its first line is not ENVI.")
    return {key.strip().lower(): value.strip() for key, value in _VALUE.findall(text)}


def _read_values(path: Path, header: Mapping[str, str]) -> NDArray[Any]:
    try:
        count, bands = int(header["lines"]), int(header["samples"])
        dtype = np.dtype(_DTYPES[int(header["data type"])])
        offset = int(header.get("header offset", "0"))
        big_endian = {"0": False, "1": True}[header.get("byte order", "0")]
    except (KeyError, ValueError) as error:
        raise SceneError(
            f"the header of {path.name} lacks samples, lines, data type or byte order, or gives "
            f"them a value that no spectral library has ({error})."
        ) from error
    content = path.read_bytes()[offset:]
    expected = count * bands * dtype.itemsize
    if len(content) < expected or expected <= 0:
        raise SceneError(
            f"{path.name} is cut off: {count} spectra of {bands} bands need {expected} bytes, "
            f"{len(content)} are there; copy it again."
        )
    values = np.frombuffer(content[:expected], dtype=dtype.newbyteorder(">" if big_endian else "<"))
    return values.reshape(count, bands).astype(dtype)
