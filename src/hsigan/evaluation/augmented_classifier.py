"""One classifier for use, trained on real pixels alone or with synthetic ones beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hsigan.classification import TrainedClassifier
from hsigan.errors import InputError, LabelError
from hsigan.evaluation.augmentation_config import AugmentationConfig
from hsigan.evaluation.augmentation_methods import METHODS, TrainingSet, real_set
from hsigan.evaluation.augmentation_partition import make_partition
from hsigan.evaluation.augmentation_run import PartitionRun
from hsigan.evaluation.seen_pixels import refuse_seen_pixels
from hsigan.metrics.accuracy import Accuracy, score
from hsigan.recipe import build_config
from hsigan.sampling import Split, check_split_fits
from hsigan.sampling.pixels import gather_pixels
from hsigan.synthesis.auto import augment

GAN_METHOD = "gan"


@dataclass(frozen=True)
class ClassifierOptions:
    """What is asked of a classifier.

    Parameters
    ----------
    classifier : a key of ``CLASSIFIERS``
    augment : "none"; "auto"; the name of a generator such as "gan" or "gaussian"; the folder of a
        trained GAN; or a samples file (.npz)
    amount : fakes per real pixel, class by class; a samples file is taken whole
    auto_methods : what "auto" chooses from
    auto_amounts : and in which amounts
    seed : of classifier and samples
    """

    classifier: str = "lda"
    augment: str = "none"
    amount: float = 1.0
    auto_methods: tuple[str, ...] = ("gaussian", "smoothed-bootstrap", "gain-offset", GAN_METHOD)
    auto_amounts: tuple[float, ...] = (1.0, 5.0)
    seed: int = 0


@dataclass(frozen=True)
class Training:
    """A trained classifier, the pixels it was fitted on, and its accuracy on the test part."""

    trained: TrainedClassifier
    X: NDArray[np.float32]
    y: NDArray[np.int64]
    accuracy: Accuracy | None


def train_classifier_on_scenes(
    scenes: Sequence[xr.Dataset], split: Split | None, options: ClassifierOptions
) -> Training:
    """Tune and train a classifier on the training part of a split.

    Parameters
    ----------
    scenes : scenes with labels
    split : a split of them; None trains on every labelled pixel
    options : what is asked

    Raises
    ------
    InputError
        Samples of other bands, or an unknown augmentation.
    LabelError
        Samples without any class of the training pixels.
    RunError
        The trained GAN has seen test pixels of the split.
    """
    if split is not None:
        check_split_fits(scenes, split)
    given = options.augment not in METHODS
    if split is not None and given and Path(options.augment).is_dir():
        refuse_seen_pixels(Path(options.augment), split)
    parts = everything_trains(scenes) if split is None else split
    data = make_partition(scenes, parts, options.seed)
    asked = {
        "classifiers": (options.classifier,),
        "auto_methods": options.auto_methods,
        "auto_amounts": options.auto_amounts,
    }
    config = build_config(AugmentationConfig, asked)
    run = PartitionRun.begin(data, config)
    pixels, how = _training_pixels(run, options)
    fitted = run.fit(options.augment, options.amount, options.classifier, pixels)
    table = gather_pixels(scenes, parts.train)
    tuned = run.tuned[options.classifier]
    facts = {
        "scenes": [str(scene.attrs.get("name", "scene")) for scene in scenes],
        "augmentation": how,
        "tuned": {"params": tuned.params, "validation_percent": _known(tuned.validation_percent)},
        "training_pixels": {"real": len(data.y), "synthetic": len(pixels.y) - len(data.y)},
    }
    trained = TrainedClassifier(
        fitted, table.band_indices, table.wavelengths_nm, table.class_names, facts
    )
    accuracy = None
    if len(data.y_test):
        accuracy = score(data.y_test, fitted.predict(data.X_test), data.classes)
    return Training(trained, pixels.X, pixels.y, accuracy)


def _known(number: float) -> float | None:
    """Return a number as JSON can hold it: NaN becomes null."""
    return number if np.isfinite(number) else None


def best_classifier(scenes: Sequence[xr.Dataset], split: Split | None, seed: int = 0) -> str:
    """Return the standard classifier that is best on validation data, with real pixels alone."""
    parts = everything_trains(scenes) if split is None else split
    return PartitionRun.begin(make_partition(scenes, parts, seed), AugmentationConfig()).best


def everything_trains(scenes: Sequence[xr.Dataset]) -> Split:
    """Return the split in which every labelled pixel trains and settings are cross-validated."""
    for scene in scenes:
        if "label" not in scene:
            raise LabelError(
                f"{scene.attrs.get('name', 'the scene')} has no labels: give --labels FILE."
            )
    train = tuple(scene["label"].values > 0 for scene in scenes)
    none = tuple(np.zeros_like(mask) for mask in train)
    return Split(train, none, none, {"mode": "everything", "guard_px": 0})


def _training_pixels(
    run: PartitionRun, options: ClassifierOptions
) -> tuple[TrainingSet, dict[str, Any]]:
    """Return the pixels to train on, and what was done in plain data."""
    real, name = real_set(run.data), options.augment
    if name == "none":
        return real, {"method": "none"}
    if name == "auto":
        choice = run.decide_auto()[options.classifier]
        facts = {
            "method": "auto",
            "gain": choice.gain,
            "standard_error": choice.standard_error,
            "gains": {f"{c.method} x {c.amount:g}": gain for c, gain in choice.gains.items()},
        }
        if choice.candidate is None:
            return real, facts | {"chosen": "none"}
        method, amount = choice.candidate.method, choice.candidate.amount
        return run.training_set(method, amount), facts | {"chosen": method, "amount": amount}
    if name in METHODS and METHODS[name].kind == "generator":
        return run.training_set(name, options.amount), {"method": name, "amount": options.amount}
    X, y = _given_samples(real, options)
    return replace(real, X=X, y=y), {"method": "samples", "source": Path(name).name}


def _given_samples(
    real: TrainingSet, options: ClassifierOptions
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the real pixels and those of a trained GAN or a samples file."""
    source = Path(options.augment)
    if source.is_dir():
        from hsigan.synthesis import SpectralGAN

        gan = SpectralGAN.load(source)
        _check_bands(gan.n_features_in_, real, source)
        return augment(real.X, real.y, gan, options.amount, options.seed)
    if source.suffix != ".npz":
        names = [n for n, method in METHODS.items() if method.kind == "generator"]
        raise InputError(
            f"--augment takes none, auto, {', '.join(names)}, the folder of a trained GAN or a "
            f"samples file (.npz). Got {options.augment!r} instead."
        )
    from hsigan.synthesis import load_samples

    samples = load_samples(source)
    _check_bands(samples.spectra.shape[1], real, source)
    known = np.isin(samples.labels, real.y)
    if not known.any():
        raise LabelError(
            f"{source} has classes {np.unique(samples.labels).tolist()}, none of which is among "
            f"the training pixels' {np.unique(real.y).tolist()}: give samples of this scene."
        )
    return (
        np.concatenate([real.X, samples.spectra[known]]),
        np.concatenate([real.y, samples.labels[known]]),
    )


def _check_bands(bands: int, real: TrainingSet, source: Path) -> None:
    if bands != real.X.shape[1]:
        raise InputError(
            f"{source} has {bands} bands, but the scene has {real.X.shape[1]} usable ones: give "
            "samples of this scene's sensor."
        )
