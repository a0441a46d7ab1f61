"""One classifier for use, trained on real pixels alone or with synthetic ones beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hsigan.classification import Classifier, CriticFeatures, TrainedClassifier, Tuned
from hsigan.classification.patch_estimator import PatchClassifier
from hsigan.errors import InputError, LabelError
from hsigan.evaluation.augmentation_config import AugmentationConfig
from hsigan.evaluation.augmentation_methods import METHODS, TrainingSet, real_set
from hsigan.evaluation.augmentation_partition import Partition, make_partition
from hsigan.evaluation.augmentation_run import PartitionRun
from hsigan.evaluation.classifier_options import ClassifierOptions
from hsigan.evaluation.reference import REAL
from hsigan.evaluation.seen_pixels import refuse_seen_pixels
from hsigan.metrics.accuracy import Accuracy, score
from hsigan.models.patch_classifiers import PATCH_CLASSIFIERS
from hsigan.recipe import build_config
from hsigan.sampling import Split, check_patch_split, check_split_fits, common_grid
from hsigan.sampling.pixels import gather_pixels
from hsigan.synthesis.auto import augment
from hsigan.synthesis.gan_inputs import check_device
from hsigan.training.patch_classifier import Progress


@dataclass(frozen=True)
class Training:
    """A trained classifier, the pixels it was fitted on, and its accuracy on the test part.

    X is (N, B), or (N, B, P, P) where the classifier sees patches.
    """

    trained: TrainedClassifier
    X: NDArray[np.float32]
    y: NDArray[np.int64]
    accuracy: Accuracy | None


def train_classifier_on_scenes(
    scenes: Sequence[xr.Dataset],
    split: Split | None,
    options: ClassifierOptions,
    report: Progress | None = None,
) -> Training:
    """Tune and train a classifier on the training part of a split.

    A network on patches has its paper's settings, and is not tuned.

    Parameters
    ----------
    scenes : scenes with labels
    split : a split of them; None trains on every labelled pixel
    options : what is asked
    report : called with steps done and steps at most while a network on patches is trained

    Raises
    ------
    InputError
        Samples of other bands, or an unknown augmentation.
    LabelError
        Samples without any class of the training pixels.
    SplitError
        Patches of test pixels hold training pixels.
    RunError
        The trained GAN has seen test pixels of the split.
    """
    _check_augment(options)
    check_device(options.device)
    if split is not None:
        _check_split(scenes, split, options)
    parts = everything_trains(scenes) if split is None else split
    data = make_partition(scenes, parts, options.seed, patch_px=options.side_px)
    if options.critic is not None:
        options.critic.check_bands(data.X.shape[1])
    run = _begin(data, options)
    pixels, how = _training_pixels(run, options)
    fitted = _fit(run, pixels, options, report)
    table = gather_pixels(scenes, parts.train)
    tuned = run.tuned[options.name]
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


def _check_augment(options: ClassifierOptions) -> None:
    if options.critic is not None and options.augment == "auto":
        raise InputError(
            "auto compares classifiers that train from nothing, not a trained critic: name what to "
            "add, or leave --augment out."
        )
    method = METHODS.get(options.augment)
    if method is not None and method.patches and options.side_px == 1:
        raise InputError(
            f"{options.augment} makes patches, but {options.classifier} sees single pixels: choose "
            "another generator, or a classifier of patches such as ssftt."
        )


def _check_split(scenes: Sequence[xr.Dataset], split: Split, options: ClassifierOptions) -> None:
    """Refuse a split for other scenes, and one that what is asked would leak through."""
    check_split_fits(scenes, split)
    if options.augment not in METHODS and Path(options.augment).is_dir():
        refuse_seen_pixels(Path(options.augment), split, common_grid(scenes))
    if options.critic is not None:
        refuse_seen_pixels(options.critic.run, split, common_grid(scenes))
    if any(mask.any() for mask in split.test):
        leak = options.allow_leak
        check_patch_split(split, options.side_px, allow_leak=leak, grids=common_grid(scenes))


def _begin(data: Partition, options: ClassifierOptions) -> PartitionRun:
    """Tune the classifier on the real pixels, where there is something to tune."""
    name, side = options.name, options.side_px
    asked: dict[str, Any] = {"auto_amounts": options.auto_amounts}
    if options.critic is None:
        asked["classifiers"] = (name,)
    if side > 1:
        # The pixels are divided already; of this split nothing counts but its patches.
        asked["split"] = {"mode": "random", "train": 0.5, "patch_px": side, "allow_leak": True}
    if options.auto_methods is not None:
        asked["auto_methods"] = options.auto_methods
    config = build_config(AugmentationConfig, asked)
    if options.critic is None and name not in PATCH_CLASSIFIERS:
        return PartitionRun.begin(data, config)
    settings = options.settings if options.critic is None else {"tuning": options.critic.tuning}
    published = Tuned(name, dict(settings), pixels=len(data.y))
    return PartitionRun(data, config, {name: published}, name, (name, REAL))


def _fit(
    run: PartitionRun, pixels: TrainingSet, options: ClassifierOptions, report: Progress | None
) -> Classifier | CriticFeatures:
    few = not len(pixels.y_validation)
    X, y = (None, None) if few else (pixels.X_validation, pixels.y_validation)
    if options.critic is not None:
        return options.critic.classifier(options.seed).fit(pixels.X, pixels.y, X, y)
    classifier = run.tuned[options.name].build(options.seed)
    if not isinstance(classifier, PatchClassifier):
        return run.fit(options.augment, options.amount, options.name, pixels)
    classifier.set_params(device=options.device)
    return classifier.fit(pixels.X, pixels.y, X, y, report)


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
        from hsigan.synthesis.scene_run import open_run

        gan, _ = open_run(source)
        one, _ = gan.sample(1, gan.classes_[:1], random_state=0)
        _check_shape(one.shape[1:], real, source)
        return augment(real.X, real.y, gan, options.amount, options.seed)
    if source.suffix != ".npz":
        names = [n for n, method in METHODS.items() if method.kind == "generator"]
        raise InputError(
            f"--augment takes none, auto, {', '.join(names)}, the folder of a trained GAN or a "
            f"samples file (.npz). Got {options.augment!r} instead."
        )
    from hsigan.synthesis import load_samples

    samples = load_samples(source)
    values = samples.spectra
    if real.X.ndim == 4 and samples.patches is not None:
        values = samples.patches
    _check_shape(values.shape[1:], real, source)
    known = np.isin(samples.labels, real.y)
    if not known.any():
        raise LabelError(
            f"{source} has classes {np.unique(samples.labels).tolist()}, none of which is among "
            f"the training pixels' {np.unique(real.y).tolist()}: give samples of this scene."
        )
    return (
        np.concatenate([real.X, values[known]]),
        np.concatenate([real.y, samples.labels[known]]),
    )


def _check_shape(shape: tuple[int, ...], real: TrainingSet, source: Path) -> None:
    """Refuse samples of other bands, or of other patches than the classifier's."""
    wanted = real.X.shape[1:]
    if shape[1:] != wanted[1:]:
        kinds = [f"{s[-1]} x {s[-1]} patches" if s[1:] else "spectra" for s in (shape, wanted)]
        raise InputError(
            f"{source} holds {kinds[0]}, but the classifier takes {kinds[1]}: give samples of "
            "such a kind, or another --patch."
        )
    if shape != wanted:
        raise InputError(
            f"{source} has {shape[0]} bands, but the scene has {wanted[0]} usable ones: give "
            "samples of this scene's sensor."
        )
