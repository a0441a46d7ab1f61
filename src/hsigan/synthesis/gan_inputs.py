"""Checks of what `SpectralGAN.fit` and `PatchGAN.fit` are given, and a fingerprint of it."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from hsigan.errors import InputError, LabelError
from hsigan.metrics import check_patches
from hsigan.synthesis.fitting import Codes, Floats, TrainingPixels


def check_training(
    gan: BaseEstimator, X: ArrayLike, y: ArrayLike | None, mode: str
) -> tuple[Floats, NDArray[np.generic]]:
    """Return spectra (N, B) and labels (N,), all 0 in the unsupervised mode.

    Raises
    ------
    InputError
        Arrays that do not fit together, fewer than two pixels or bands, or a value that is not
        finite.
    """
    if y is None and mode != "unsupervised":
        raise InputError(
            f"SpectralGAN requires y to be passed, but the target y is None: the {mode} mode "
            "learns classes; only mode = 'unsupervised' does without"
        )
    least = {"ensure_min_samples": 2, "ensure_min_features": 2, "dtype": np.float64}
    try:
        if y is None:
            spectra = validate_data(gan, X, **least)
        else:
            spectra, labels = validate_data(gan, X, y, **least)
            check_classification_targets(labels)
    except ValueError as error:  # scikit-learn's words, which its own checks ask for
        raise InputError(f"{error}{_advice(X)}") from error
    if mode == "unsupervised":
        labels = np.zeros(len(spectra), dtype=np.int64)
    return spectra, labels


def _advice(X: ArrayLike) -> str:
    """Say what to do where a scene has one band only."""
    shape = np.shape(X)
    if len(shape) == 2 and shape[1] == 1:
        return " A spectrum needs two usable bands or more: choose a scene with more bands."
    return ""


def check_more(X: ArrayLike | None, name: str, bands: int) -> Floats | None:
    """Return further spectra (M, B), or None where there are none.

    Raises
    ------
    InputError
        Another number of bands, or a value that is not finite.
    """
    if X is None or len(np.asarray(X)) == 0:
        return None
    spectra = np.asarray(X, dtype=np.float64)
    if spectra.ndim != 2 or spectra.shape[1] != bands:
        raise InputError(f"{name} must have shape (pixels, {bands}). Got {spectra.shape}")
    if not np.isfinite(spectra).all():
        raise InputError(f"{name} must be finite; leave out pixels that are not")
    return spectra


def given_patches(
    X: ArrayLike | None, name: str, shape: tuple[int, ...] | None = None
) -> NDArray[np.float32] | None:
    """Return patches (N, B, P, P) in single precision, or None where there are none.

    Raises
    ------
    InputError
        As `hsigan.metrics.check_patches`, or a single band.
    """
    if X is None or len(X) == 0:  # type: ignore[arg-type]
        return None
    patches = check_patches(X, name, shape)
    if patches.shape[1] < 2:
        raise InputError(f"{name} must be patches of two bands or more. Got {patches.shape}")
    return patches


def check_unlabelled(X: NDArray[Any] | None, mode: str) -> NDArray[Any] | None:
    """Return samples without a label where the mode uses them, else None.

    Raises
    ------
    InputError
        The mode needs them, and there are none.
    """
    if mode != "semi-supervised":
        return None
    if X is None:
        raise InputError(
            "the semi-supervised mode needs X_unlabelled: samples without a label. Got none"
        )
    return X


def check_validation(
    spectra: NDArray[Any] | None, y: ArrayLike | None, classes: NDArray[np.generic], mode: str
) -> tuple[NDArray[Any], Codes] | None:
    """Return validation pixels with their class codes; None where they or their labels lack.

    Raises
    ------
    InputError
        Labels of another number.
    LabelError
        A class that training lacks.
    """
    if spectra is None:
        return None
    if mode == "unsupervised":
        return spectra, np.zeros(len(spectra), dtype=np.int64)
    if y is None:
        return None
    labels = np.asarray(y)
    if labels.shape != (len(spectra),):
        raise InputError(
            f"y_validation must have one label for each of {len(spectra)} spectra. "
            f"Got shape {labels.shape}"
        )
    known = np.isin(labels, classes)
    if not known.all():
        unknown = np.unique(labels[~known]).tolist()
        raise LabelError(f"validation pixels have classes that training lacks: {unknown}")
    return spectra, np.searchsorted(classes, labels).astype(np.int64)


def check_device(device: str) -> None:
    """Refuse a device that is not there.

    Raises
    ------
    InputError
        It is neither "cpu" nor "cuda", or there is no CUDA device.
    """
    if device not in ("cpu", "cuda"):
        raise InputError(f"device must be cpu or cuda. Got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda was asked for, but PyTorch finds none: take cpu")


def fingerprint(pixels: TrainingPixels) -> str:
    """Return a SHA-256 of every pixel that a training sees, and of their classes."""
    digest = hashlib.sha256()
    validation = pixels.validation or (None, None)
    for array in (pixels.spectra, pixels.codes, *validation, pixels.unlabelled):
        digest.update(b"none" if array is None else repr(array.shape).encode())
        if array is not None:
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
