"""Labelled spectra as evaluation passes them about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hsigan.errors import InputError, LabelError
from hsigan.metrics.spectra import check_spectra


@dataclass(frozen=True)
class Labelled:
    """Spectra (N, B) in the scene's units with their class ids (N,)."""

    spectra: NDArray[np.float64]
    labels: NDArray[np.int64]

    @classmethod
    def checked(
        cls, spectra: ArrayLike, labels: ArrayLike, what: str, bands: int | None = None
    ) -> Labelled:
        """Return the arrays as ``Labelled``, or say what is wrong with them.

        Raises
        ------
        InputError
            Not (N, B) finite spectra of ``bands`` bands, or another number of labels.
        """
        checked = check_spectra(spectra, what, bands)
        ids = np.asarray(labels)
        if ids.shape != (len(checked),):
            raise InputError(
                f"{what} need one label per spectrum ({len(checked)}). Got shape {ids.shape}."
            )
        return cls(checked, ids.astype(np.int64))

    @property
    def classes(self) -> NDArray[np.int64]:
        """The class ids that occur, sorted."""
        return np.unique(self.labels)

    def of(self, class_id: int) -> NDArray[np.float64]:
        """Return the spectra of one class."""
        return np.asarray(self.spectra[self.labels == class_id])

    def take(self, counts: dict[int, int], rng: np.random.Generator) -> Labelled:
        """Return ``counts[class]`` randomly drawn spectra of each class, fewer where it has fewer.

        Nothing is drawn twice; classes that ``counts`` does not name are left out.
        """
        chosen = [
            rng.permutation(np.flatnonzero(self.labels == class_id))[:count]
            for class_id, count in counts.items()
        ]
        index = np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.int64)
        return Labelled(self.spectra[index], self.labels[index])

    def bootstrap(self, counts: dict[int, int], rng: np.random.Generator) -> Labelled:
        """Return ``counts[class]`` spectra of each class, drawn with repetition."""
        chosen = []
        for class_id, count in counts.items():
            members = np.flatnonzero(self.labels == class_id)
            chosen.append(members[rng.integers(len(members), size=count)])
        index = np.concatenate(chosen)
        return Labelled(self.spectra[index], self.labels[index])


def counts_of(labels: NDArray[np.int64]) -> dict[int, int]:
    """Return how often each class id occurs."""
    classes, counts = np.unique(labels, return_counts=True)
    return dict(zip(classes.tolist(), counts.tolist(), strict=True))


def require_same_classes(found: Labelled, wanted: NDArray[np.int64], what: str) -> None:
    """Refuse spectra that lack a class or bring one that is not wanted."""
    missing = np.setdiff1d(wanted, found.classes)
    strange = np.setdiff1d(found.classes, wanted)
    if len(missing):
        raise LabelError(
            f"{what} have no spectra of class {', '.join(map(str, missing))}; "
            f"the training pixels have the classes {', '.join(map(str, wanted))}"
        )
    if len(strange):
        raise LabelError(
            f"{what} have spectra of class {', '.join(map(str, strange))}, "
            "which the training pixels do not know; leave them out"
        )
