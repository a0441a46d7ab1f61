"""What `hsigan evaluate synthesis` is given: scenes, runs, samples, methods."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hsigan.cli.experiment import open_experiment
from hsigan.cli.options import Reading, open_inputs

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

    from hsigan.evaluation.augmentation_config import AugmentationConfig
    from hsigan.evaluation.contestants import Contestants


def scenes_and_runs(
    inputs: Sequence[str], config: AugmentationConfig | None, reading: Reading, by_abundance: bool
) -> tuple[list[xr.Dataset], dict[str, Path]]:
    """Return the scenes, and the run folders by name."""
    from hsigan.errors import SceneError

    runs = {
        Path(name).name: Path(name) for name in inputs if (Path(name) / "config.toml").is_file()
    }
    names = [name for name in inputs if not (Path(name) / "config.toml").is_file()]
    if not names and not inputs and config is None:
        raise SceneError("no scene was given: name files, or a recipe with --recipe.")
    if not names and config is None:
        raise SceneError(
            f"a run is judged against real pixels: name the scene too, as in "
            f"`hsigan evaluate synthesis {inputs[0]} SCENE --labels FILE`."
        )
    scenes = (
        open_inputs(names, reading) if config is None else open_experiment(names, config, reading)
    )
    if by_abundance and len(scenes) > 1:
        raise SceneError(f"--abundances goes with one scene. Got {len(scenes)}.")
    return scenes, runs


def labelled_by(scenes: list[xr.Dataset], abundances: Path | None) -> NDArray[np.float64] | None:
    """Label the scene by its abundances, in place of the list's one item, and return them."""
    if abundances is None:
        return None
    from hsigan.evaluation.unmixing import read_abundances
    from hsigan.scene import with_labels

    found = read_abundances(abundances, scenes[0].sizes["y"], scenes[0].sizes["x"])
    names = dict(enumerate(found.names, start=1))
    scenes[0] = with_labels(scenes[0], found.labels(), names)
    return found.shares


def contestants(
    methods: str | None,
    samples: list[str] | None,
    runs: dict[str, Path],
    per_class: int,
    settings: list[str] | None,
    patch_px: int = 1,
) -> Contestants:
    """Return who is judged, as the options of the command line name them.

    Raises
    ------
    InputError
        When ``--samples`` or ``--set`` has another form.
    """
    from hsigan.errors import InputError
    from hsigan.evaluation.contestants import DEFAULT_METHODS, DEFAULT_PATCH_METHODS, Contestants
    from hsigan.recipe import parse_value

    files = {}
    for text in samples or []:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise InputError(f"--samples takes NAME=FILE.npz. Got {text!r} instead.")
        files[name] = Path(path)
    gan_settings: dict[str, Any] = {}
    for text in settings or []:
        key, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--set takes key=value. Got {text!r} instead.")
        gan_settings[key.strip()] = parse_value(value.strip())
    by_default = methods is None
    usual = DEFAULT_METHODS if patch_px == 1 else DEFAULT_PATCH_METHODS
    if methods is None:
        methods = "none" if runs or files else ",".join(usual)
    chosen = tuple(name.strip() for name in methods.split(",") if name.strip() != "none")
    return Contestants(chosen, runs, files, per_class, by_default, gan_settings, patch_px=patch_px)


def split_of(
    runs: dict[str, Path], train: float | None, train_per_class: int | None
) -> Path | None:
    """Return the split of the first run that has one, unless another division is asked for."""
    if train is not None or train_per_class is not None:
        return None
    found = [path / "split.npz" for path in runs.values() if (path / "split.npz").is_file()]
    return found[0] if found else None
