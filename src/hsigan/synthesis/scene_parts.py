"""Which pixels of which scenes a GAN is trained on, and the patches around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hsigan.errors import LabelError, RecipeError
from hsigan.recipe import Config
from hsigan.sampling import (
    PixelTable,
    Split,
    check_patch_split,
    check_split_fits,
    common_grid,
    gather_pixels,
    gather_unlabelled,
)
from hsigan.sampling.patches import cut_patches
from hsigan.synthesis.gan_settings import resolve_settings
from hsigan.synthesis.patch_validation import PATCHES
from hsigan.training.patch import PatchConfig


@dataclass(frozen=True)
class GanOptions:
    """What to train, and how.

    Attributes
    ----------
    recipe, settings
        Of `SpectralGAN`, or of `PatchGAN`.
    patch_px
        Side P of the patches; 1 for a recipe of spectra.
    allow_leak
        Train on patches though patches of test pixels hold training pixels.
    seed
        Of the training.
    transductive
        Let a semi-supervised recipe see the test pixels too, without their labels.
    resume
        Continue the run that lies in the folder.
    device
        ``"cpu"`` or ``"cuda"``.
    """

    recipe: str = "spectral"
    settings: Mapping[str, Any] | None = None
    patch_px: int = 1
    allow_leak: bool = False
    seed: int = 0
    transductive: bool = False
    resume: bool = False
    device: str = "cpu"


@dataclass(frozen=True)
class TrainingParts:
    """The pixels that a training sees, and its mode: "supervised" and so on."""

    mode: str
    train: PixelTable
    validation: PixelTable | None = None
    unlabelled: PixelTable | None = None


def gather_parts(
    scenes: Sequence[xr.Dataset], split: Split | None, options: GanOptions
) -> TrainingParts:
    """Collect the pixels that a training sees, and check that they may be seen.

    Raises
    ------
    HsiganError
        The scenes have no labels, or the split does not fit them or its patches leak.
    RecipeError
        The recipe and the side of the patches do not go together.
    """
    config = resolve_settings(options.recipe, options.settings)
    _check_side(config, options)
    _check_split(scenes, split, options, config.mode)
    blind = config.mode == "unsupervised"
    # Patches of every pixel may be too many for the memory.
    every: Literal["all", "labelled"] = "all" if blind and options.patch_px == 1 else "labelled"
    train = gather_pixels(scenes, every if split is None else split.train)
    if not len(train) and not blind:
        raise LabelError("there is no labelled training pixel: give --labels, or another split")
    if not len(train):
        train = gather_pixels(scenes, "all")
    if blind:  # the run knows no class, so that it can be drawn from as it was trained
        train = replace(train, labels=np.zeros_like(train.labels), class_names={})
    random = np.random.default_rng(options.seed)
    most = config.unlabelled_patches if isinstance(config, PatchConfig) else None
    validation, unlabelled = None, None
    if split is not None:
        validation = gather_pixels(scenes, split.validation, band_indices=train.band_indices)
        if isinstance(config, PatchConfig):
            validation = _some_per_class(validation, PATCHES, random)
        if config.mode == "semi-supervised":
            unlabelled = gather_unlabelled(
                scenes,
                split,
                transductive=options.transductive,
                patch_px=options.patch_px,
                most=most,
                rng=random,
            )
    elif config.mode == "semi-supervised":
        unlabelled = _without_label(scenes, train)
        if most is not None:
            unlabelled = _some_per_class(unlabelled, most, random)
    return TrainingParts(config.mode, train, validation, unlabelled)


def _check_split(
    scenes: Sequence[xr.Dataset], split: Split | None, options: GanOptions, mode: str
) -> None:
    if split is None:
        return
    if mode != "unsupervised":  # such a training needs no labels
        check_split_fits(scenes, split)
    if options.patch_px > 1 and any(mask.any() for mask in split.test):
        leak = options.allow_leak
        check_patch_split(split, options.patch_px, allow_leak=leak, grids=common_grid(scenes))


def _check_side(config: Config, options: GanOptions) -> None:
    patches = isinstance(config, PatchConfig)
    if patches and options.patch_px < 3:
        raise RecipeError(
            f"recipe {options.recipe} needs patches of 3 pixels or more: give --patch 9. "
            f"Got {options.patch_px}"
        )
    if not patches and options.patch_px > 1:
        raise RecipeError(f"recipe {options.recipe} makes spectra: leave out --patch")


def values_of(
    scenes: Sequence[xr.Dataset], table: PixelTable, patch_px: int
) -> NDArray[np.float32]:
    """Return spectra (N, B), or patches (N, B, P, P) where P is above 1."""
    if patch_px == 1 or not len(table):
        return table.spectra
    return cut_patches(scenes, table, patch_px)[:]


def _some_per_class(table: PixelTable, most: int, random: np.random.Generator) -> PixelTable:
    """Draw at most so many pixels of each class, in their order: patches take memory."""
    order = random.permutation(len(table))
    labels = table.labels[order]
    kept = [order[labels == label][:most] for label in np.unique(labels)]
    return table.take(np.sort(np.concatenate([*kept, order[:0]])))


def _without_label(scenes: Sequence[xr.Dataset], train: PixelTable) -> PixelTable:
    masks = [np.asarray(scene["label"].values == 0) for scene in scenes]
    table = gather_pixels(scenes, masks, band_indices=train.band_indices)
    if not len(table):
        raise LabelError("every pixel is labelled: a semi-supervised recipe needs a --split")
    return table
