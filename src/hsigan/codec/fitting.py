"""How a codec is trained, whatever its kind: settings from a recipe, and what a training needs.

A codec that learns with `hsigan train codec` has ``config_class`` and ``fit(scenes, config,
training)``; its recipes name it under the key ``codec``, by its name in the zoo.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from hsigan.codec.interface import Codec
from hsigan.codec.zoo import CODECS
from hsigan.errors import InputError, RecipeError
from hsigan.recipe import Config, build_config, load_recipe
from hsigan.scene.describe import scene_digest

if TYPE_CHECKING:
    import xarray as xr

    from hsigan.training.run_folder import RunFolder
    from hsigan.training.state import Report


@dataclass(frozen=True)
class Training:
    """What surrounds a training of a codec.

    Attributes
    ----------
    validation
        Scenes that only the rate control and the figures of the log see; none: the last rows of
        the training scenes are held out.
    seed, device
        Of weights, crops and noise; where to train.
    run, report
        Where to save and log, and whom to tell.
    companions
        Scenes of any sensors, with any bands, for what codecs learn that is alike in all of them.
    lpips_files
        Weights of LPIPS for recipes that use it; none: they are fetched.
    """

    validation: Sequence[xr.Dataset] = ()
    seed: int = 0
    device: str = "cpu"
    run: RunFolder | None = None
    report: Report | None = None
    lpips_files: Sequence[Path] = ()
    companions: Sequence[xr.Dataset] = ()


class TrainableCodec(Codec, Protocol):
    """A codec that `hsigan train codec` can train."""

    config_class: ClassVar[type[Config]]
    takes_companions: ClassVar[bool]

    def fit(self, scenes: Sequence[xr.Dataset], config: Any, training: Training) -> Self:
        """Train on scenes of one sensor; settings are an instance of ``config_class``."""
        ...

    def save(self, path: str | Path) -> None:
        """Write the model file."""
        ...


def check_companions(kind: type[TrainableCodec], training: Training) -> None:
    """Refuse companions of codecs that can learn from scenes of their own sensor alone.

    Raises
    ------
    InputError
        There are some, and such a codec is to be trained.
    """
    if training.companions and not kind.takes_companions:
        raise InputError(
            f"codec {kind.name} learns from scenes of its sensor alone: leave out the companions."
        )


def check_held_out(scenes: Sequence[xr.Dataset], training: Training) -> None:
    """Refuse validation scenes that are learned from too, under whatever name.

    Raises
    ------
    InputError
        One has the values of a training scene or a companion.
    """
    if not training.validation:
        return
    learned = {scene_digest(scene) for scene in [*scenes, *training.companions]}
    for scene in training.validation:
        if scene_digest(scene) in learned:
            raise InputError(
                f"the validation scene {scene.attrs.get('name', 'scene')} is also trained on: "
                "leave it out of either."
            )


def resolve_codec(
    recipe: str | Path,
    settings: Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
) -> tuple[type[TrainableCodec], Config]:
    """Return the class that a recipe trains, and its complete settings.

    Raises
    ------
    RecipeError
        No such recipe, one that names no codec that is trained, an unknown key, or an impossible
        value.
    """
    values = {**load_recipe("codec", recipe), **(settings or {})}
    name = values.get("codec")
    entry = CODECS.get(str(name))
    found = None if entry is None else entry.load_class()
    if found is None or not hasattr(found, "config_class"):
        raise RecipeError(
            f"recipe {recipe}: the key codec must name a codec that is trained. Got {name!r} "
            "instead."
        )
    return found, build_config(found.config_class, values, overrides)
