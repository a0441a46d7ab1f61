"""Which pixel belongs to which part, and the file that says so."""

import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hsigan.errors import LabelError, SplitError
from hsigan.files import whole_file

BoolMap: TypeAlias = NDArray[np.bool_]
Part: TypeAlias = Literal["train", "validation", "test"]

PARTS: tuple[Part, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """The training, validation and test pixels of one scene or of several.

    Attributes
    ----------
    train, validation, test : tuple of (H, W) bool arrays
        One array per scene file, in the order of the files. `validation` may hold no pixel: models
        are then chosen by cross-validation inside the training pixels.
    provenance : dict
        Plain data that JSON can hold: mode, seed, fractions, ``guard_px``, audit, files.

    Raises
    ------
    SplitError
        When the three parts do not describe the same maps, or an array is not boolean (H, W).
    """

    train: tuple[BoolMap, ...]
    validation: tuple[BoolMap, ...]
    test: tuple[BoolMap, ...]
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part in PARTS:
            object.__setattr__(self, part, tuple(np.asarray(mask) for mask in self.part(part)))
            for index, mask in enumerate(self.part(part)):
                if mask.ndim != 2 or mask.dtype != np.bool_:
                    raise SplitError(
                        f"The {part!r} mask {index} of a split must be a boolean (H, W) array. "
                        f"Got {mask.dtype} of shape {mask.shape} instead."
                    )
        shapes = {part: [mask.shape for mask in self.part(part)] for part in PARTS}
        if not shapes["train"] or any(shapes[part] != shapes["train"] for part in PARTS):
            raise SplitError(
                f"The parts of a split must cover the same maps, one at least. Got shapes {shapes}."
            )

    def part(self, name: Part) -> tuple[BoolMap, ...]:
        """Return the masks of one part: ``"train"``, ``"validation"`` or ``"test"``."""
        masks: tuple[BoolMap, ...] = getattr(self, name)
        return masks

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Return (H, W) of every map, in order."""
        return [mask.shape for mask in self.train]

    def counts(self, label_maps: Sequence[NDArray[Any]]) -> dict[Part, dict[int, int]]:
        """Count the labelled pixels of every part by class.

        Parameters
        ----------
        label_maps : sequence of (H, W) integer arrays
            Class ids, 0 = no label.

        Returns
        -------
        dict
            Part name to a dict from class id to pixels. Every class that occurs in the label maps
            is a key in every part.
        """
        maps = checked_label_maps(label_maps, self.shapes)
        classes = sorted({int(label) for labels in maps for label in np.unique(labels)} - {0})
        tallies: dict[Part, dict[int, int]] = {}
        for part in PARTS:
            picked = np.concatenate(
                [labels[mask] for labels, mask in zip(maps, self.part(part), strict=True)]
            )
            ids, numbers = np.unique(picked, return_counts=True)
            found = dict(zip(ids.tolist(), numbers.tolist(), strict=True))
            tallies[part] = {label: found.get(label, 0) for label in classes}
        return tallies

    def save(self, path: str | Path) -> Path:
        """Write ``split.npz``; a file of that name is replaced whole or not at all.

        Parameters
        ----------
        path : str or Path
            Where to write; the name is taken as it is.

        Returns
        -------
        Path
            The file written.

        Raises
        ------
        SplitError
            When it cannot be written.
        """
        path = Path(path)
        several = len(self.train) > 1
        arrays: dict[str, NDArray[Any]] = {"provenance": np.array(json.dumps(self.provenance))}
        for part in PARTS:
            for index, mask in enumerate(self.part(part)):
                arrays[f"{part}/{index}" if several else part] = mask
        try:
            with whole_file(path) as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        except OSError as error:
            raise SplitError(
                f"Cannot write {path} ({error.strerror or error}): free some space or name another "
                "folder."
            ) from error
        return path

    @classmethod
    def load(cls, path: str | Path) -> "Split":
        """Read what `save` wrote.

        Raises
        ------
        SplitError
            When the file is missing, cut off, or holds no split.
        """
        path = Path(path)
        try:
            # Opened here, because NumPy leaves a file open that turns out to be no archive.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        except FileNotFoundError:
            raise SplitError(f"No split file {path}: make one with `hsigan split`.") from None
        except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            # NumPy takes whatever is no archive for a pickle, and advises to trust it.
            why = getattr(error, "strerror", None) or "cut off, damaged or something else"
            raise SplitError(
                f"{path} is not a readable split file ({why}): make it again with `hsigan split`."
            ) from error
        train, validation, test = (_masks_of(arrays, part, path) for part in PARTS)
        return cls(train, validation, test, _notes(arrays, path))


def _notes(arrays: Mapping[str, NDArray[Any]], path: Path) -> dict[str, Any]:
    if "provenance" not in arrays:
        return {}
    try:
        notes: dict[str, Any] = dict(json.loads(str(arrays["provenance"])))
    except (ValueError, TypeError) as error:
        raise SplitError(
            f"The provenance in {path} is no JSON table ({error}): make the file again with "
            "`hsigan split`."
        ) from error
    return notes


def _masks_of(arrays: Mapping[str, NDArray[Any]], part: str, path: Path) -> tuple[BoolMap, ...]:
    if part in arrays:
        return (arrays[part],)
    masks: list[BoolMap] = []
    while f"{part}/{len(masks)}" in arrays:
        masks.append(arrays[f"{part}/{len(masks)}"])
    if not masks:
        raise SplitError(
            f"{path} holds neither {part!r} nor {part + '/0'!r}. Got arrays {sorted(arrays)}: "
            "make it again with `hsigan split`."
        )
    return tuple(masks)


def checked_label_maps(
    label_maps: Sequence[NDArray[Any]], shapes: Sequence[tuple[int, ...]] | None = None
) -> list[NDArray[np.int64]]:
    """Return the label maps as int64 (H, W) arrays, or say what is wrong with which.

    Parameters
    ----------
    label_maps : sequence of (H, W) arrays
        Whole numbers, 0 = no label, none negative. Floats that hold whole numbers are accepted.
    shapes : sequence of (H, W), optional
        What the shapes must be.

    Raises
    ------
    LabelError
        When a map is not (H, W), holds something that is no class id, or has another shape.
    """
    maps = [_checked_label_map(labels, index) for index, labels in enumerate(label_maps)]
    if not maps:
        raise LabelError("No label map was given: at least one is needed.")
    if shapes is not None and [labels.shape for labels in maps] != list(shapes):
        raise LabelError(
            f"The label maps have shapes {[labels.shape for labels in maps]}, but the masks have "
            f"{list(shapes)}: give the label maps of the same files in the same order."
        )
    return maps


def _checked_label_map(labels: NDArray[Any], index: int) -> NDArray[np.int64]:
    values = np.asarray(labels)
    if values.ndim != 2:
        raise LabelError(f"Label map {index} must be (H, W). Got shape {values.shape} instead.")
    if values.dtype.kind not in "biuf":
        raise LabelError(f"Label map {index} must hold whole numbers. Got dtype {values.dtype}.")
    if values.dtype.kind == "f" and not np.all(np.isfinite(values) & (values == np.floor(values))):
        raise LabelError(
            f"Label map {index} holds values that are no class ids (fractions, NaN or infinity): "
            "give whole numbers, 0 = no label."
        )
    whole = values.astype(np.int64)
    if whole.size and whole.min() < 0:
        raise LabelError(
            f"Label map {index} holds the negative class id {int(whole.min())}: "
            "use 0 for pixels without a label."
        )
    return whole
