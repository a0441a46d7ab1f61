"""Synthetic spectra on disk: .npz, Parquet, ENVI spectral library; provenance travels along.

Patches are written as .npz, and the spectra of the pixels that they lie around with them: whatever
takes spectra takes a file of patches too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile
from zlib import error as ZlibError  # noqa: N812 - zlib's name is lower case

import numpy as np
from numpy.typing import NDArray

from hsigan.errors import InputError
from hsigan.files import whole_file
from hsigan.sampling.patches import centres_of

FORMATS = (".npz", ".parquet", ".sli")


@dataclass(frozen=True)
class Samples:
    """Labelled spectra with what is needed to understand them.

    Attributes
    ----------
    spectra : (N, B) float32
        In the scene's own units; of patches, the centre pixels'.
    labels : (N,) int
        In the scene's own ids; 0 where a sample has no class.
    class_names : dict
        Class id to name.
    wavelengths_nm : (B,) float64 or None
    band_indices : (B,) int64 or None
        Which bands of the file.
    provenance : dict
        Plain data: run, recipe, seed, hsigan's version.
    patches : (N, B, P, P) float32 or None
        In the scene's own units.
    """

    spectra: NDArray[np.float32]
    labels: NDArray[np.int64]
    class_names: dict[int, str] = field(default_factory=dict)
    wavelengths_nm: NDArray[np.float64] | None = None
    band_indices: NDArray[np.int64] | None = None
    provenance: dict[str, Any] = field(default_factory=dict)
    patches: NDArray[np.float32] | None = None

    def save(self, path: str | Path, blocks: Iterable[NDArray[np.float32]] | None = None) -> None:
        """Write .npz, .parquet or .sli (with .hdr), by the ending of the name; whole or not at all.

        Parameters
        ----------
        path
            Where to; the folder is made when it is not there.
        blocks
            The spectra piece by piece, (n, B) each, in the order of ``labels``, where memory does
            not hold them all: ``spectra`` is then (0, B). Patches (n, B, P, P) likewise, and
            ``patches`` is then (0, B, P, P).

        Raises
        ------
        InputError
            Another ending, the file cannot be written, or the blocks do not fit the labels.
        """
        target = Path(path)
        writers = {".npz": self._save_npz, ".parquet": self._save_parquet, ".sli": self._save_sli}
        if target.suffix not in writers:
            raise InputError(
                f"samples are written as {', '.join(FORMATS)}. Got {target.name!r} instead."
            )
        if self.patches is not None and target.suffix != ".npz":
            raise InputError(f"patches are written as .npz. Got {target.name!r} instead.")
        try:
            pieces = [self._values] if blocks is None else blocks
            writers[target.suffix](target, self._fitting(pieces))
        except OSError as error:
            raise InputError(f"cannot write {target}: {error}; choose another place") from error

    @property
    def _values(self) -> NDArray[np.float32]:
        return self.spectra if self.patches is None else self.patches

    def _fitting(self, blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """Yield the blocks as they come; refuse them where they do not fit the labels."""
        total, shape = len(self.labels), self._values.shape[1:]
        done = 0
        for block in blocks:
            done += len(block)
            if block.shape[1:] != shape or done > total:
                raise InputError(
                    f"samples with {total} labels need as many of shape {shape}. "
                    f"Got {done} or more, in blocks of {block.shape}."
                )
            yield np.ascontiguousarray(block, dtype=np.float32)
        if done < total:
            raise InputError(f"samples with {total} labels need as many spectra. Got {done}.")

    def _save_npz(self, path: Path, blocks: Iterable[NDArray[np.float32]]) -> None:
        ids = sorted(self.class_names)
        arrays = {
            "labels": np.asarray(self.labels),
            "class_ids": np.array(ids, dtype=np.int64),
            "class_names": np.array([self.class_names[i] for i in ids], dtype=np.str_),
            "wavelengths_nm": _or_empty(self.wavelengths_nm, np.float64),
            "band_indices": _or_empty(self.band_indices, np.int64),
            "provenance": np.array(json.dumps(self.provenance)),
        }
        shape = (len(self.labels), *self._values.shape[1:])
        facts = {"descr": "<f4", "fortran_order": False, "shape": shape}
        first = "spectra.npy" if self.patches is None else "patches.npy"
        centres = [self.spectra[:0]]
        with whole_file(path) as temporary, ZipFile(temporary, "w", ZIP_DEFLATED) as archive:
            with archive.open(first, "w", force_zip64=True) as member:
                np.lib.format.write_array_header_1_0(member, facts)
                for block in blocks:
                    member.write(block.astype("<f4", copy=False).data)
                    if self.patches is not None:
                        centres.append(centres_of(block))
            if self.patches is not None:
                arrays["spectra"] = np.concatenate(centres).astype("<f4")
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)

    def _save_parquet(self, path: Path, blocks: Iterable[NDArray[np.float32]]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        bands = self._band_names()
        kept = {"provenance": self.provenance, "class_names": self.class_names}
        columns = [("label", pa.int64()), ("class_name", pa.string())]
        columns += [(name, pa.float32()) for name in bands]
        schema = pa.schema(columns, metadata={"hsigan": json.dumps(kept)})
        done = 0
        with whole_file(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
            for block in blocks:
                labels = self.labels[done : done + len(block)]
                names = [self.class_names.get(int(label), "") for label in labels]
                writer.write_table(pa.table([labels, names, *block.T], schema=schema))
                done += len(block)

    def _save_sli(self, path: Path, blocks: Iterable[NDArray[np.float32]]) -> None:
        from hsigan.scene.spectral_library import SpectralLibrary, write_spectral_library

        library = SpectralLibrary(
            self.spectra[:0],
            wavelengths_nm=self.wavelengths_nm,
            labels=self.labels,
            class_names=self.class_names,
            provenance=json.dumps(self.provenance),
        )
        write_spectral_library(path, library, blocks)

    def _band_names(self) -> list[str]:
        if self.wavelengths_nm is not None:
            names = [f"{value:.2f} nm" for value in self.wavelengths_nm]
            if len(set(names)) == len(names):  # a column for each band, or one would be lost
                return names
        return [f"band {index}" for index in range(self.spectra.shape[1])]


def load_samples(path: str | Path) -> Samples:
    """Read a .npz of samples, hsigan's own or anybody's: ``spectra`` and ``labels`` are enough.

    Raises
    ------
    InputError
        The file is not readable, lacks an array, or its arrays do not fit together.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: np.asarray(archive[key]) for key in archive.files}
    except (OSError, ValueError, BadZipFile, ZlibError, EOFError, TypeError) as error:
        raise InputError(f"{path} is not a readable .npz of samples: {error}") from error
    patches = arrays.get("patches")
    if patches is not None and patches.ndim == 4:
        arrays.setdefault("spectra", centres_of(patches))
    missing = {"spectra", "labels"} - set(arrays)
    if missing:
        raise InputError(
            f"{path} lacks {', '.join(sorted(missing))}: samples need `spectra` (N, B) and "
            f"`labels` (N,). It holds {', '.join(sorted(arrays)) or 'nothing'}"
        )
    spectra, labels = arrays["spectra"], arrays["labels"]
    if spectra.ndim != 2 or labels.shape != spectra.shape[:1]:
        raise InputError(
            f"{path}: spectra must be (N, B) and labels (N,). "
            f"Got {spectra.shape} and {labels.shape} instead."
        )
    if patches is not None and not _square_around(patches, spectra):
        raise InputError(
            f"{path}: patches must be (N, B, P, P) for spectra {spectra.shape}. "
            f"Got {patches.shape}."
        )
    for values in (spectra,) if patches is None else (spectra, patches):
        if not np.issubdtype(values.dtype, np.number) or not _finite_in_single(values):
            raise InputError(
                f"{path}: spectra must be finite numbers below 3e38; leave out the others"
            )
        if np.iscomplexobj(values) or not _whole_numbers(labels):
            raise InputError(
                f"{path}: spectra must be real, and labels whole numbers, the scene's class ids. "
                f"Got {values.dtype} and {labels.dtype} instead."
            )
    try:
        names = _class_names(arrays)
        provenance = json.loads(str(arrays["provenance"])) if "provenance" in arrays else {}
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{path}: class_ids must be whole numbers beside as many class_names, and provenance "
            f"JSON text: {error}; correct or leave them out"
        ) from error
    return Samples(
        spectra.astype(np.float32),
        labels.astype(np.int64),
        names,
        _or_none(arrays.get("wavelengths_nm"), spectra.shape[1]),
        _or_none(arrays.get("band_indices"), spectra.shape[1]),
        provenance,
        None if patches is None else patches.astype(np.float32),
    )


def _square_around(patches: NDArray[Any], spectra: NDArray[Any]) -> bool:
    fits = patches.ndim == 4 and patches.shape[:2] == spectra.shape
    return fits and patches.shape[2] == patches.shape[3]


def _finite_in_single(values: NDArray[Any]) -> bool:
    """Return whether single precision, in which samples are kept, holds the values."""
    return bool((np.abs(values) <= np.finfo(np.float32).max).all())  # False of NaN, too


def _whole_numbers(labels: NDArray[Any]) -> bool:
    if np.issubdtype(labels.dtype, np.integer):
        return True
    return np.issubdtype(labels.dtype, np.floating) and bool((labels == np.rint(labels)).all())


def _class_names(arrays: Mapping[str, NDArray[Any]]) -> dict[int, str]:
    if "class_names" not in arrays:
        return {}
    names = [str(name) for name in arrays["class_names"]]
    ids = arrays.get("class_ids", np.arange(1, len(names) + 1))
    return {int(i): name for i, name in zip(ids, names, strict=True)}


def _or_empty(values: NDArray[Any] | None, dtype: type[np.generic]) -> NDArray[Any]:
    return np.empty(0, dtype=dtype) if values is None else values


def _or_none(values: NDArray[Any] | None, bands: int) -> NDArray[Any] | None:
    return values if values is not None and values.shape == (bands,) else None
