"""From a GAN recipe's name to its complete settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hsigan.errors import RecipeError
from hsigan.recipe import build_config, load_recipe
from hsigan.training.hypergan import HyperganConfig
from hsigan.training.patch import PatchConfig
from hsigan.training.spectral import SpectralConfig

CONFIGS: dict[str, type[HyperganConfig] | type[SpectralConfig] | type[PatchConfig]] = {
    "hypergan": HyperganConfig,
    "spectral": SpectralConfig,
    "patch": PatchConfig,
}


def spectral_settings(
    recipe: str, settings: Mapping[str, Any] | None = None
) -> HyperganConfig | SpectralConfig:
    """Return the complete settings of a recipe for spectra.

    Raises
    ------
    RecipeError
        As `resolve_settings`, or the recipe is for patches.
    """
    config = resolve_settings(recipe, settings)
    if isinstance(config, PatchConfig):
        raise RecipeError(f"recipe {recipe} makes patches: take PatchGAN, or a recipe for spectra")
    return config


def patch_settings(recipe: str, settings: Mapping[str, Any] | None = None) -> PatchConfig:
    """Return the complete settings of a recipe for patches.

    Raises
    ------
    RecipeError
        As `resolve_settings`, or the recipe is for spectra.
    """
    config = resolve_settings(recipe, settings)
    if not isinstance(config, PatchConfig):
        raise RecipeError(f"recipe {recipe} makes spectra: take SpectralGAN, or a patch recipe")
    return config


def resolve_settings(
    recipe: str, settings: Mapping[str, Any] | None = None, overrides: Sequence[str] = ()
) -> HyperganConfig | SpectralConfig | PatchConfig:
    """Return a GAN recipe's complete settings, with values and ``key=value`` texts laid over it.

    Raises
    ------
    RecipeError
        No such recipe, an unknown key, or an impossible value.
    """
    values = load_recipe("gan", recipe)
    objective = values.get("objective", "spectral")
    if not isinstance(objective, str) or objective not in CONFIGS:
        raise RecipeError(
            f"recipe {recipe}: objective must be one of {', '.join(CONFIGS)}. Got {objective!r}"
        )
    return build_config(CONFIGS[objective], {**values, **(settings or {})}, overrides)
