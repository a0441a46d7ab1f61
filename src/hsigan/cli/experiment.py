"""What an experiment's recipe and the command line say together: settings and scenes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hsigan.cli.options import Reading, expand_scene, open_inputs
from hsigan.cli.split import parse_classes

if TYPE_CHECKING:
    import xarray as xr

    from hsigan.evaluation.augmentation_config import AugmentationConfig


def experiment_config(
    recipe: str | None, given: dict[str, Any], split: dict[str, Any], overrides: list[str]
) -> AugmentationConfig:
    """Lay the command line's settings over a recipe's; one kind of amount replaces the other."""
    from hsigan.evaluation.augmentation_config import AugmentationConfig
    from hsigan.recipe import build_config, load_recipe

    values = {} if recipe is None else load_recipe("experiment", recipe)
    old = values.get("split", {"mode": "random"})
    amounts = {"train", "train_per_class"}
    if amounts & set(split) and split.get("mode") is None:
        old = {key: value for key, value in old.items() if key not in amounts}
    elif split.get("mode") is not None:
        old = {key: value for key, value in old.items() if key in ("classes", "patch_px")}
    merged = old | split
    if not amounts & set(merged):
        merged["train"] = 0.03 if merged.get("mode") == "random" else 0.5
    return build_config(AugmentationConfig, values | given | {"split": merged}, overrides)


def with_class_ids(config: AugmentationConfig, scene: xr.Dataset) -> AugmentationConfig:
    """Return the settings with the ids of the classes that they name."""
    from hsigan.scene import class_names_of

    if config.class_names is None:
        return config
    ids = parse_classes(",".join(config.class_names), class_names_of(scene))
    return config.model_copy(update={"split": {**config.split, "classes": ids}})


def open_experiment(
    names: list[str], config: AugmentationConfig, reading: Reading
) -> list[xr.Dataset]:
    """Open the scenes of the command line, else those of the recipe."""
    from hsigan.errors import InputError

    if names:
        return open_inputs(names, reading)
    if not config.scenes:
        raise InputError("no scene was given: name files, or a recipe with --recipe.")
    files = recipe_files(config.scenes, config.leave_out)
    return open_inputs(files, recipe_reading(config.reading))


def recipe_reading(reading: dict[str, Any]) -> Reading:
    """Return a recipe's options of reading, its files found below ``HSIGAN_DATA`` where need be."""
    own: dict[str, Any] = {
        key: _on_disk(value) if key in ("labels", "label_table", "wavelengths") else value
        for key, value in reading.items()
    }
    if "labels" in own:
        own["labels"] = [own["labels"]]
    if "label_table" in own:
        own["label_table"] = Path(own["label_table"])
    return Reading(**own)


def recipe_files(scenes: Sequence[str], leave_out: Sequence[str]) -> list[str]:
    """Return the files that a recipe's names and patterns stand for, without those left out."""
    return [
        str(path)
        for name in scenes
        for path in ([name] if _is_known(name) else expand_scene(_on_disk(name)))
        if Path(str(path)).name not in leave_out
    ]


def _is_known(name: str) -> bool:
    return name.startswith("known:")


def _on_disk(name: str) -> str:
    """Return a path of a recipe as it stands or, if it is not there, below ``HSIGAN_DATA``."""
    from hsigan.errors import SceneError

    there = Path(name.partition("*")[0])
    if there.is_absolute() or there.exists() or there.parent.is_dir():
        return name
    below = os.environ.get("HSIGAN_DATA")
    if below is None:
        raise SceneError(
            f"{name}, which the recipe names, is not here: set HSIGAN_DATA to the folder that "
            "holds it, or name your own scenes on the command line."
        )
    return str(Path(below) / name)
