"""A results folder as the page needs it: records, facts, arrays, and names for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from hsigan.errors import RunError
from hsigan.evaluation.results import Record, ResultsFolder
from hsigan.report.colours import class_colours

_PLAIN_NAMES = {
    "real": "real, held out",
    "train": "real, training",
    "floor": "floor (real against real)",
}


@dataclass(frozen=True)
class Results:
    """What lies in one results folder.

    Parameters
    ----------
    name : str
        The folder's own name, without the folders above it.
    records : sequence of Record
        ``results.jsonl``.
    experiment : mapping
        ``experiment.json``; empty where there is none.
    arrays : mapping of str to array
        ``arrays.npz``; empty where there is none.
    """

    name: str
    records: Sequence[Record]
    experiment: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]

    @property
    def title(self) -> str:
        """What the experiment calls itself, else the folder's name."""
        return str(self.experiment.get("title") or self.name)

    @cached_property
    def scenes(self) -> list[Mapping[str, Any]]:
        """Facts about the scene or scenes, as far as ``experiment.json`` has them."""
        scene = self.experiment.get("scene")
        several = scene if isinstance(scene, list) else [scene]
        return [one for one in several if isinstance(one, Mapping)]

    @cached_property
    def class_names(self) -> dict[int, str]:
        """Class id to name; ids that only the arrays or records know are named by themselves."""
        named: dict[int, str] = {}
        for scene in self.scenes:
            names = scene.get("class_names") or {}
            if isinstance(names, Mapping):
                named |= {int(key): str(name) for key, name in names.items()}
            else:
                named |= dict(
                    zip(map(int, scene.get("class_ids", ())), map(str, names), strict=False)
                )
        for class_id in sorted(self._ids_in_arrays() | self._ids_in_records()):
            named.setdefault(class_id, f"class {class_id}")
        return {key: name for key, name in named.items() if key != 0}

    @property
    def class_ids(self) -> list[int]:
        """Class ids in the order of the experiment."""
        return list(self.class_names)

    @cached_property
    def colours(self) -> dict[int, str]:
        """The colour of each class, the same everywhere on the page."""
        return class_colours(self.class_ids)

    @property
    def wavelengths_nm(self) -> NDArray[Any] | None:
        """Wavelengths (B,) of the spectra, where known."""
        return self.arrays.get("wavelengths_nm")

    def class_name(self, class_id: int) -> str:
        """Return a class's name."""
        return self.class_names.get(class_id, f"class {class_id}")

    def class_title(self, class_id: int) -> str:
        """Return a class's id and name, as legends show them."""
        name = self.class_name(class_id)
        return name if name == f"class {class_id}" else f"{class_id} {name}"

    def method_name(self, method: str) -> str:
        """Return how a method is called on the page."""
        return _PLAIN_NAMES.get(method, method)

    def array_methods(self, kind: str) -> list[str]:
        """Return the methods under ``spectra/``, ``pca/`` ...: references first, then networks."""
        found = {key.split("/")[1] for key in self.arrays if key.startswith(f"{kind}/")}
        return ordered_methods(found)

    def has_array(self, kind: str, method: str) -> bool:
        """Whether anything lies under ``kind/method/``."""
        return any(key.startswith(f"{kind}/{method}/") for key in self.arrays)

    def numbered(self, prefix: str, suffix: str = "") -> list[NDArray[Any]]:
        """Return the arrays ``prefix/0/suffix``, ``prefix/1/suffix``, ... in numeric order."""
        found = {}
        for key, array in self.arrays.items():
            inner = key.removeprefix(f"{prefix}/").removesuffix(f"/{suffix}" if suffix else "")
            if inner.isdigit() and key == "/".join(filter(None, (prefix, inner, suffix))):
                found[int(inner)] = array
        return [found[number] for number in sorted(found)]

    def _ids_in_arrays(self) -> set[int]:
        ids: set[int] = set()
        for key, array in self.arrays.items():
            parts = key.split("/")
            if parts[0] == "spectra" and len(parts) == 4 and parts[2].isdigit():
                ids.add(int(parts[2]))
            elif parts[0] in ("patches", "band_weights") and parts[-1].isdigit():
                ids.add(int(parts[-1]))
            elif parts[-1] == "labels":
                ids |= set(np.unique(array).astype(int).tolist())
        return ids

    def _ids_in_records(self) -> set[int]:
        return {record.class_id for record in self.records if record.class_id is not None}


_FIRST = ("floor", "none", "real", "train", "spectral", "gan", "ss-gan", "auto")


def ordered_methods(names: Iterable[str]) -> list[str]:
    """Return methods in the order of a page: references, adversarial networks, all others."""

    def rank(name: str) -> tuple[int, str]:
        if name in _FIRST:
            return _FIRST.index(name), name
        return len(_FIRST) + (0 if "gan" in name.lower() else 1), name

    return sorted(set(names), key=rank)


def read_results(folder: str | Path) -> Results:
    """Read a results folder.

    Parameters
    ----------
    folder : path
        Holds ``results.jsonl``, ``arrays.npz`` or both.

    Raises
    ------
    RunError
        The folder is missing or holds no results, or one of its files is damaged.
    """
    path = Path(folder)
    if not path.is_dir():
        raise RunError(
            f"{path} is no folder; give the folder that `hsigan evaluate ... -o FOLDER` wrote"
        )
    if not any((path / name).exists() for name in ("results.jsonl", "arrays.npz")):
        raise RunError(
            f"{path} holds neither results.jsonl nor arrays.npz, so it is no results folder; "
            "give the folder that `hsigan evaluate ... -o FOLDER` wrote"
        )
    store = ResultsFolder(path)
    try:
        arrays = store.arrays()
    except (BadZipFile, ValueError, EOFError, KeyError) as error:
        raise RunError(
            f"{path / 'arrays.npz'} is damaged ({error}); remove it, or run the evaluation again"
        ) from error
    return Results(path.resolve().name, store.records(), store.experiment(), arrays)
