"""Wavelengths kept in a file of their own, for scenes whose file has none."""

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hsigan.errors import SceneError
from hsigan.scene.arrays import listed, named
from hsigan.scene.bands import BandFacts, to_nanometres
from hsigan.scene.matlab import mat_shapes, read_mat

Floats = npt.NDArray[np.float64]

_CENTRE = re.compile(r"wave|centre|center|^wl|^nm$|lambda", re.IGNORECASE)
_WIDTH = re.compile(r"fwhm|width|bandwidth", re.IGNORECASE)
_FLAG = re.compile(r"^bbl$|good", re.IGNORECASE)
_MICROMETRES = re.compile(r"\bum\b|_um|micro|µm|μm", re.IGNORECASE)
_NANOMETRES = re.compile(r"nm|nano", re.IGNORECASE)


def read_wavelengths(path: str | Path, count: int) -> BandFacts:
    """Read the centres of B bands, and widths and flags where the file has them.

    Parameters
    ----------
    path : path
        A table (.csv, .txt, .tab: columns found by their titles, or bare numbers), .npy, ``.mat``
        or ``FILE.mat:NAME``. Numbers below 100 are micrometres unless a title says otherwise.
    count : int
        How many bands the scene has.

    Raises
    ------
    SceneError
        If the file has no such numbers, or another number of them.
    """
    file, name = _file_and_name(path)
    if file.suffix.lower() == ".mat":
        facts = BandFacts(to_nanometres(_from_mat(file, name, count), None))
    elif file.suffix.lower() == ".npy":
        facts = BandFacts(to_nanometres(_from_npy(file), None))
    else:
        facts = _from_table(file)
    found = facts.wavelengths_nm
    if found is None or found.size != count or not np.isfinite(found).all():
        number = 0 if found is None else int(np.isfinite(found).sum())
        raise SceneError(
            f"{file.name} has {number} wavelengths, the scene has {count} bands: give one finite "
            f"number per band, in the order of the bands."
        )
    return facts


def _file_and_name(path: str | Path) -> tuple[Path, str | None]:
    file, name = Path(path), None
    if not file.is_file():
        head, colon, tail = str(path).rpartition(":")
        if not colon or not Path(head).is_file():
            raise SceneError(f"the wavelength file {path!s} does not exist: correct the path.")
        file, name = Path(head), tail
    return file, name


def _from_mat(file: Path, name: str | None, count: int) -> Floats:
    shapes = mat_shapes(file)
    if name is None:
        vectors = [key for key, shape in shapes.items() if sorted(shape) == [1, count]]
        likely = [key for key in vectors if re.search("wav|wl", key, re.IGNORECASE)] or vectors
        if len(likely) != 1:
            raise SceneError(
                f"{file.name} holds {len(likely)} vectors of {count} numbers; it holds "
                f"{listed(shapes)}. Name one: {file.name}:NAME."
            )
        name = likely[0]
    return read_mat(file, named(shapes, name, file.name)).astype(np.float64).ravel()


def _from_npy(file: Path) -> Floats:
    try:
        return np.asarray(np.load(file, allow_pickle=False), dtype=np.float64).ravel()
    except (ValueError, OSError, EOFError) as error:
        raise SceneError(f"{file.name} cannot be read as .npy numbers: save it again.") from error


def _from_table(file: Path) -> BandFacts:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SceneError(f"{file.name} is not a text table of wavelengths: give one.") from error
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    rows = [[cell.strip().strip('"') for cell in _split(line)] for line in lines]
    if not rows:
        return BandFacts()
    has_titles = not any(_is_number(cell) for cell in rows[0])
    if not has_titles:
        return BandFacts(to_nanometres(_untitled(rows), None))
    titles, columns = rows[0], rows[1:]
    centre = _column(titles, columns, _CENTRE)
    width, flag = _column(titles, columns, _WIDTH), _column(titles, columns, _FLAG)
    if centre is None:
        raise SceneError(
            f"{file.name} has no column called wavelength; its columns are {', '.join(titles)}."
        )
    units = _units(next(title for title in titles if _CENTRE.search(title)))
    wavelengths_nm = to_nanometres(centre, units)
    in_um = wavelengths_nm is not None and not np.array_equal(wavelengths_nm, centre)
    return BandFacts(
        wavelengths_nm,
        None if width is None else to_nanometres(width, "um" if in_um else "nm"),
        None if flag is None else flag != 0,
    )


def _split(line: str) -> list[str]:
    for separator in ("\t", ";", ","):
        if separator in line:
            return line.rstrip().rstrip(separator).split(separator)
    return line.split()


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _column(titles: list[str], rows: list[list[str]], wanted: re.Pattern[str]) -> Floats | None:
    for index, title in enumerate(titles):
        cells = [row[index] if index < len(row) else "" for row in rows]
        if wanted.search(title) and all(_is_number(cell) for cell in cells):
            return np.array([float(cell) for cell in cells])
    return None


def _units(title: str) -> str | None:
    if _MICROMETRES.search(title):
        return "um"
    return "nm" if _NANOMETRES.search(title) else None


def _untitled(rows: list[list[str]]) -> Floats:
    """Take all numbers of one row or one column, else the first column that does not just count."""
    if len(rows) == 1:
        return np.array([float(cell) for cell in rows[0] if _is_number(cell)])
    for cells in zip(*rows, strict=False):
        if not all(_is_number(cell) for cell in cells):
            continue
        numbers = np.array([float(cell) for cell in cells])
        if not (np.diff(numbers) == 1).all() or len(rows[0]) == 1:
            return numbers
    return np.empty(0)
