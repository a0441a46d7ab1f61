"""A trained classifier on disk, without pickles.

A run folder holds ``config.toml``, ``environment.json``, ``classifier.json`` (kind, settings, seed,
classes, bands), ``training.npz`` (the spectra and labels it was fitted on, and what it predicts for
them) and, for networks, ``network.safetensors``. Networks are loaded from their weights; the other
kinds are fitted again from the stored pixels with the stored seed, which takes seconds, and must
predict for them what they predicted before. Of a classifier of patches only a few patches are kept
(`hsigan.classification.trained_patches`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from hsigan.classification.estimator import SpectralClassifier
from hsigan.classification.neural import NN1D
from hsigan.classification.patch_estimator import Patches
from hsigan.classification.trained_patches import (
    PatchReader,
    load_network,
    probe_arrays,
    save_network,
)
from hsigan.errors import RunError
from hsigan.files import whole_file
from hsigan.models.classifiers import SpectralMLP
from hsigan.synthesis.gan_inputs import check_device
from hsigan.training.run_folder import RunFolder, write_text

# Another version of a library may decide differently on a pixel that lies on a border.
_LEAST_AGREEMENT = 0.995


@dataclass(frozen=True)
class TrainedClassifier:
    """A fitted classifier with what is needed to use it on a scene.

    Attributes
    ----------
    classifier : fitted, of spectra or of patches
    band_indices : (B,) bands it reads, numbered as in the file
    wavelengths_nm : (B,) float64 or None
    class_names : class id to name
    facts : plain data: how it was trained
    """

    classifier: SpectralClassifier | PatchReader
    band_indices: NDArray[np.int64]
    wavelengths_nm: NDArray[np.float64] | None
    class_names: dict[int, str]
    facts: dict[str, Any]

    @property
    def class_ids(self) -> list[int]:
        """Return the classes that it can predict, in the order of its probabilities."""
        return [int(label) for label in self.classifier.classes_]

    @property
    def patch_px(self) -> int:
        """Return the side of the patches that it reads; 1 where it reads spectra."""
        return self.classifier.patch_px_ if isinstance(self.classifier, PatchReader) else 1

    @property
    def reads_patches(self) -> bool:
        """Whether it takes patches (N, B, P, P), be they of one pixel, and not spectra (N, B)."""
        return isinstance(self.classifier, PatchReader)


def save_classifier(
    run: RunFolder, trained: TrainedClassifier, X: Patches, y: NDArray[Any]
) -> None:
    """Write a trained classifier into a run folder.

    Parameters
    ----------
    run : a folder made by ``RunFolder.create``
    trained : the classifier
    X, y : the spectra (N, B) or patches (N, B, P, P) and labels (N,) that it was fitted on, fakes
        included
    """
    classifier = trained.classifier
    facts = {
        "name": classifier.name,
        "params": None if classifier.params is None else dict(classifier.params),
        "random_state": classifier.random_state,
        "patch_px": trained.patch_px,
        "class_ids": trained.class_ids,
        "class_names": {str(key): name for key, name in trained.class_names.items()},
        "facts": trained.facts,
    }
    empty = np.empty(0, dtype=np.float64)
    arrays: dict[str, Any] = {
        "band_indices": trained.band_indices,
        "wavelengths_nm": empty if trained.wavelengths_nm is None else trained.wavelengths_nm,
    }
    if isinstance(classifier, PatchReader):
        arrays |= probe_arrays(classifier, X)
        save_network(run, classifier)
    else:
        facts["tuned_pixels"] = classifier.tuned_pixels
        arrays |= _pixel_arrays(classifier, np.asarray(X, dtype=np.float32), y)
        if isinstance(classifier.estimator_, NN1D):
            run.save("network", classifier.estimator_.network_.state_dict(), {})
    write_text(run.path / "classifier.json", json.dumps(facts, indent=2) + "\n")
    try:
        with whole_file(run.path / "training.npz") as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
    except OSError as error:
        raise RunError(
            f"cannot write {run.path / 'training.npz'} ({error.strerror or error}): free some "
            "space and train again in a new folder"
        ) from error


def _pixel_arrays(
    classifier: SpectralClassifier, X: NDArray[np.float32], y: NDArray[Any]
) -> dict[str, NDArray[Any]]:
    """Return what a classifier of spectra is fitted again from."""
    return {
        "spectra": X,
        "labels": np.asarray(y, dtype=np.int64),
        "predicted": classifier.predict(X),
        "mean": classifier.mean_,
        "scale": classifier.scale_,
    }


def load_classifier(path: str | Path, device: str = "cpu") -> TrainedClassifier:
    """Read a trained classifier from its run folder.

    Parameters
    ----------
    path : the folder
    device : where the network of a classifier of patches is put

    Raises
    ------
    RunError
        The folder holds no classifier, is damaged, or the libraries here make another classifier
        of the stored pixels than those it was trained with.
    InputError
        There is no such device.
    """
    check_device(device)
    run = RunFolder(path)
    facts, arrays = _read(run.path)
    try:
        return _rebuilt(run, facts, arrays, device)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise RunError(
            f"the classifier in {path} is damaged ({type(error).__name__}: {error}): train it again"
        ) from error


def _rebuilt(
    run: RunFolder, facts: dict[str, Any], arrays: dict[str, NDArray[Any]], device: str
) -> TrainedClassifier:
    """Restore the classifier with what is needed to use it."""
    if "patches" in arrays:
        classifier: SpectralClassifier | PatchReader = load_network(run, arrays, device)
    else:
        classifier = _fitted_again(run, facts, arrays)
    wavelengths = arrays["wavelengths_nm"]
    return TrainedClassifier(
        classifier,
        arrays["band_indices"],
        wavelengths if len(wavelengths) else None,
        {int(key): name for key, name in facts["class_names"].items()},
        facts["facts"],
    )


def _fitted_again(
    run: RunFolder, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]
) -> SpectralClassifier:
    """Fit a classifier of spectra again, or restore its network, and see that it decides as it did.

    Raises
    ------
    RunError
        It decides otherwise.
    """
    classifier = SpectralClassifier(
        facts["name"], facts["params"], facts["random_state"], facts["tuned_pixels"]
    )
    if run.has("network"):
        _restore_network(classifier, run, facts, arrays)
    else:
        classifier.fit(arrays["spectra"], arrays["labels"])
    agreement = float((classifier.predict(arrays["spectra"]) == arrays["predicted"]).mean())
    if agreement < _LEAST_AGREEMENT:
        raise RunError(
            f"the classifier in {run.path} predicts {100 * (1 - agreement):.1f} % of its training "
            "pixels otherwise than when it was trained: install the versions that its "
            "environment.json names, or train it again"
        )
    return classifier


def _read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    try:
        facts = json.loads((path / "classifier.json").read_text(encoding="utf-8"))
        with np.load(path / "training.npz", allow_pickle=False) as archive:
            return facts, {key: archive[key] for key in archive.files}
    except FileNotFoundError as error:
        raise RunError(
            f"{path} holds no trained classifier: name the folder that "
            "`hsigan train classifier --out` wrote"
        ) from error
    except (OSError, ValueError, BadZipFile, EOFError) as error:
        raise RunError(f"the classifier in {path} is damaged ({error}): train it again") from error


def _restore_network(
    classifier: SpectralClassifier,
    run: RunFolder,
    facts: dict[str, Any],
    arrays: dict[str, NDArray[Any]],
) -> None:
    """Put stored weights in the place of a fit."""
    classifier.classes_ = np.asarray(facts["class_ids"], dtype=np.int64)
    classifier.mean_, classifier.scale_ = arrays["mean"], arrays["scale"]
    classifier.n_features_in_ = len(classifier.mean_)
    estimator = NN1D(**(facts["params"] or {}), random_state=facts["random_state"])
    estimator.classes_ = classifier.classes_
    network = SpectralMLP(classifier.n_features_in_, len(classifier.classes_), estimator.width)
    network.load_state_dict(run.load("network")[0])
    estimator.network_ = network.eval()
    classifier.estimator_ = estimator
