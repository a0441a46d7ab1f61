"""What is compared: from a partition to the pixels that a classifier is trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hsigan.classification.area_gan import AreaGAN
from hsigan.evaluation.augmentation_partition import Partition
from hsigan.sampling.patches import PatchView, centres_of
from hsigan.synthesis.auto import Generator, augment, fit_whole
from hsigan.synthesis.baselines import SIMPLE_GENERATORS
from hsigan.synthesis.baselines_patches import PATCH_BASELINES
from hsigan.synthesis.baselines_pixels import Relighting
from hsigan.synthesis.spectral_transplant import SpectralTransplant
from hsigan.synthesis.transductive import AreaStandardisation, Coral

Spectra = NDArray[Any]


@dataclass(frozen=True)
class TrainingSet:
    """What a classifier gets to see, and the spectra it will be asked about.

    ``X_target`` is set for self-training: unlabelled spectra of the area to be classified.
    """

    X: Spectra
    y: Spectra
    X_validation: Spectra
    y_validation: Spectra
    X_test: Spectra | PatchView
    X_target: Spectra | None = None


@dataclass(frozen=True)
class Method:
    """One way to prepare the training pixels.

    ``kind``: "real", "generator", "transform", "self-training" or "auto". ``unlabelled``: which
    pixels without labels it sees: "", "inductive", "transductive" (the area to be classified) or
    "areas" (that and the training area, so transductive too). ``gan_recipe``: the recipe of
    a GAN, else empty. ``patches``: whether it makes patches and nothing else; a generator of
    spectra makes patches too, by transplanting its spectra into real ones.
    """

    kind: str
    unlabelled: str = ""
    gan_recipe: str = ""
    patches: bool = False


METHODS: dict[str, Method] = {
    "none": Method("real"),
    **{name: Method("generator") for name in SIMPLE_GENERATORS if name != "label-propagation"},
    "label-propagation": Method("generator", "inductive"),
    "gan": Method("generator", gan_recipe="spectral"),
    "ss-gan": Method("generator", "inductive", "spectral-semi-supervised"),
    "hypergan": Method("generator", gan_recipe="hypergan"),
    "hypergan-ss": Method("generator", "inductive", "hypergan-semi-supervised"),
    "hypergan-notebook": Method("generator", gan_recipe="hypergan-notebook"),
    "ss-gan-transductive": Method("generator", "transductive", "spectral-semi-supervised"),
    "area-gan": Method("generator", "areas"),
    "coral": Method("transform", "transductive"),
    "area-standardisation": Method("transform", "transductive"),
    "self-training": Method("self-training", "transductive"),
    **{
        name: Method("generator", patches=True)
        for name in PATCH_BASELINES
        if name != "spectral-transplant"
    },
    **{
        name: Method("generator", gan_recipe=name, patches=True)
        for name in (
            "conv3d",
            "conv3d-attention",
            "conv3d-conditional",
            "conv3d-cross-entropy",
            "factorised-conditional",
            "patch",
        )
    },
    "factorised-semi-supervised": Method(
        "generator", "inductive", "factorised-semi-supervised", patches=True
    ),
    "auto": Method("auto"),
}


def make_generator(
    name: str,
    data: Partition,
    gan_settings: Mapping[str, Mapping[str, Any]],
    keep: Path | None = None,
) -> Generator:
    """Return a generator by name for the pixels or patches of a partition, not yet fitted.

    With ``keep``, a folder, a GAN trains in the run folder ``<name>-seed-<seed>`` in it, where an
    interrupted training continues.
    """
    method = METHODS[name]
    if method.gan_recipe:
        generator = _make_gan(name, data.seed, gan_settings, keep)
    elif method.patches:
        return PATCH_BASELINES[name]()
    elif name == "area-gan":
        generator = AreaGAN(gan_settings.get("spectral", {}), random_state=data.seed)
    elif name == "relighting":
        generator = Relighting(data.wavelengths_nm)
    else:
        generator_class: Callable[..., Generator] = SIMPLE_GENERATORS[name]
        takes_seed = name in ("gaussian-mixture", "label-propagation")
        generator = generator_class(random_state=data.seed) if takes_seed else generator_class()
    transplanted = data.patch_px > 1 and not method.patches
    return SpectralTransplant(generator) if transplanted else generator


def _make_gan(
    name: str, seed: int, gan_settings: Mapping[str, Mapping[str, Any]], keep: Path | None
) -> Generator:
    from hsigan.synthesis import SpectralGAN
    from hsigan.synthesis.patch_gan import PatchGAN
    from hsigan.training.run_folder import RunFolder

    recipe = METHODS[name].gan_recipe
    gan_class: Callable[..., Generator] = PatchGAN if METHODS[name].patches else SpectralGAN
    run = None if keep is None else RunFolder(keep / f"{name}-seed-{seed}")
    return gan_class(recipe, gan_settings.get(recipe, {}), run=run, random_state=seed)


def fit_generator(
    name: str,
    data: Partition,
    gan_settings: Mapping[str, Mapping[str, Any]],
    keep: Path | None = None,
) -> Generator:
    """Return the generator fitted on the partition's training pixels, never on its test pixels."""
    generator = make_generator(name, data, gan_settings, keep)
    few = not len(data.y_validation)
    fit_whole(
        generator,
        data.X,
        data.y,
        X_validation=None if few else data.X_validation,
        y_validation=None if few else data.y_validation,
        X_unlabelled=unlabelled_for(name, data),
    )
    return generator


def unlabelled_for(name: str, data: Partition) -> Spectra | None:
    """Return the pixels without labels that a method may see, or None."""
    needed = METHODS[name].unlabelled
    if needed == "areas":
        return np.concatenate([data.X_source, data.X_target])
    return {"": None, "inductive": data.X_unlabelled, "transductive": data.X_target}[needed]


def possible(name: str, data: Partition) -> bool:
    """Return whether the partition has the unlabelled pixels that a method needs."""
    pool = unlabelled_for(name, data)
    return pool is None or len(pool) > 1


def real_set(data: Partition) -> TrainingSet:
    """Return the real pixels alone."""
    return TrainingSet(data.X, data.y, data.X_validation, data.y_validation, data.X_test)


def augmented_set(data: Partition, generator: Generator, amount: float, name: str) -> TrainingSet:
    """Return the real pixels and ``amount`` fakes for each of them."""
    rng = np.random.default_rng([data.seed, list(METHODS).index(name), round(1000 * amount)])
    X, y = augment(data.X, data.y, generator, amount, rng)
    return replace(real_set(data), X=X, y=y)


def transformed_set(data: Partition, name: str) -> TrainingSet:
    """Return the partition under a transductive transform, or marked for self-training."""
    plain = real_set(data)
    if name == "self-training":
        return replace(plain, X_target=data.X_target)
    few = not len(data.y_validation)
    if name == "coral":
        coral = Coral().fit(data.X_source, data.X_target)
        held_out = data.X_validation if few else coral.transform(data.X_validation)
        return replace(plain, X=coral.transform(data.X), X_validation=held_out)
    both = np.concatenate([data.X_source, data.X_target])
    areas = AreaStandardisation().fit(both, np.arange(len(both)) >= len(data.X_source))

    def of_area(X: Spectra, target: bool) -> Spectra:
        return areas.transform(X, np.full(len(X), target))

    return replace(
        plain,
        X=of_area(data.X, False),
        X_validation=data.X_validation if few else of_area(data.X_validation, False),
        X_test=of_area(centres_of(data.X_test), True),
    )
