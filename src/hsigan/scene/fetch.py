"""Known scenes on this machine: found where they lie, else downloaded, always verified.

::

    HSIGAN_DATA (searched with its folders) -> cache folder -> download
                        every one of them ──> verify ──> FetchedScene

A download is kept as ``NAME.part`` until it is whole and verified; a later call goes on where it
stopped. A file that is not the published one is an error and never used.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pooch
import xarray as xr

from hsigan.errors import DownloadError, SceneError
from hsigan.scene.catalogue import KnownFile, KnownScene, known_scene
from hsigan.scene.dataset import with_labels
from hsigan.scene.download import Progress, download
from hsigan.scene.matlab import mat_shapes, read_mat
from hsigan.scene.options import ReadOptions
from hsigan.scene.read import open_scene

DATA_VARIABLE = "HSIGAN_DATA"
"""Environment variable that names a folder of scenes already on disk."""


@dataclass(frozen=True)
class FetchedScene:
    """Where the verified files of a known scene lie."""

    scene: KnownScene
    image: Path
    labels: Path


def fetch_scene(
    scene: str | KnownScene, folder: str | Path | None = None, progress: Progress | None = None
) -> FetchedScene:
    """Find or download the files of a known scene, and verify them.

    Parameters
    ----------
    scene
        Key of the catalogue, such as ``"pavia-university"``, or an entry of it.
    folder
        Where downloads are kept; without one, `cache_folder`.
    progress
        Called with the bytes done and the bytes in all (None where unknown) while downloading.

    Raises
    ------
    InputError
        When the key is not in the catalogue.
    DownloadError
        When a file can not be had, or is not the published one.
    """
    known = known_scene(scene) if isinstance(scene, str) else scene
    target = cache_folder() if folder is None else Path(folder)
    labels = _fetch_file(known.labels, known, target, progress)
    image = _fetch_file(known.image, known, target, progress)
    return FetchedScene(known, image, labels)


def open_known_scene(
    scene: str | KnownScene, folder: str | Path | None = None, progress: Progress | None = None
) -> xr.Dataset:
    """Fetch a known scene and open it, with class names and nominal wavelengths.

    Returns
    -------
    A scene with labels. ``wavelength_nm.attrs["comment"]`` says that centres are nominal.

    Raises
    ------
    InputError, DownloadError
        As `fetch_scene`.
    """
    fetched = fetch_scene(scene, folder, progress)
    known = fetched.scene
    opened = open_scene(fetched.image, ReadOptions(variable=known.image.variable))
    label = read_mat(fetched.labels, known.labels.variable)
    labelled = with_labels(opened, label, known.class_names)
    comment = f"nominal centres of {known.sensor}, good to about 10 nm"
    labelled = labelled.assign_coords(
        wavelength_nm=("band", known.wavelengths_nm(), {"comment": comment})
    )
    labelled.attrs["name"] = known.key
    return labelled


def cache_folder() -> Path:
    """Return the folder of this user in which downloads are kept."""
    return Path(pooch.os_cache("hsigan")) / "scenes"


def git_blob_id(path: Path) -> str:
    """Compute the id that git gives to the content of a file."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def find_file(file: KnownFile, folder: str | Path | None = None) -> Path | None:
    """Find a file on disk: in HSIGAN_DATA and the folders below it, then in a folder.

    The names are compared without regard to case. Of several files the one that has the published
    content comes first.
    """
    names = {name.lower() for name in (file.name, *file.other_names)}
    found = [path for path in _files_on_disk(folder) if path.name.lower() in names]
    if file.blob_id is not None and len(found) > 1:
        found.sort(key=lambda path: git_blob_id(path) != file.blob_id)
    return found[0] if found else None


def _files_on_disk(folder: str | Path | None) -> Iterator[Path]:
    data = os.environ.get(DATA_VARIABLE)
    if data:
        for parent, folders, names in os.walk(data):
            folders.sort()
            yield from (Path(parent, name) for name in sorted(names))
    here = cache_folder() if folder is None else Path(folder)
    if here.is_dir():
        yield from sorted(path for path in here.iterdir() if path.is_file())


def _fetch_file(
    file: KnownFile, known: KnownScene, folder: Path, progress: Progress | None
) -> Path:
    found = find_file(file, folder)
    if found is not None:
        problem = _problem(found, file, known)
        if problem is None:
            return found
        raise DownloadError(
            f"{found} is not the published {file.name}: {problem}; move it away and fetch again, "
            "or open it by its path."
        )
    part = folder / f"{file.name}.part"
    for resumed in (part.exists(), False):
        download(file.address, part, progress)
        problem = _problem(part, file, known)
        if problem is None:
            target = folder / file.name
            part.replace(target)
            return target
        part.unlink()
        # What was kept from an earlier day may have been the wrong beginning: start once anew.
        if not resumed:
            break
    raise DownloadError(
        f"what {file.address} sent is not the published {file.name}: {problem}; it was not kept. "
        "Try again later, or put the file into a folder that HSIGAN_DATA names."
    )


def _problem(path: Path, file: KnownFile, known: KnownScene) -> str | None:
    """Say what is wrong with a file, or None: by its blob id if known, else by reading it."""
    if file.blob_id is not None:
        found = git_blob_id(path)
        return None if found == file.blob_id else f"its blob id is {found}, not {file.blob_id}"
    try:
        return _content_problem(path, file, known)
    except SceneError as error:
        return str(error).rstrip(".")


def _content_problem(path: Path, file: KnownFile, known: KnownScene) -> str | None:
    shape = mat_shapes(path).get(file.variable)
    if shape != file.shape:
        found = "it is not in the file" if shape is None else f"it has the shape {shape}"
        return f"an array {file.variable} of shape {file.shape} is expected, {found}"
    array = read_mat(path, file.variable)  # fails where the file is cut off
    if array.ndim == 3:
        return None
    labelled = int(np.count_nonzero(array))
    classes = {int(value) for value in np.unique(array)} - {0}
    if labelled != known.labelled_pixels or classes != set(known.class_names):
        return (
            f"it labels {labelled} pixels of {len(classes)} classes, not "
            f"{known.labelled_pixels} of {len(known.class_names)}"
        )
    return None
