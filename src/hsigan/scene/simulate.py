"""Simulated scenes with known truth.

``simulate_scene`` draws a landscape of fields, mixes endmember spectra over it, lights it and adds
sensor noise. Everything follows from the seed.

::

    fields (K, H, W) ── softmax ──> abundances (H, W, K) ──┐
    materials ── variants ──> endmembers (K, V, B) ────────┴─> reflectance (H, W, B)
                                                                  │ x relief, drift, + noise
                                                                  v
    label (H, W): the purest part of each field                int16 values
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine

from hsigan.errors import InputError
from hsigan.scene.dataset import make_scene
from hsigan.scene.landscape import (
    Landscape,
    draw_abundances,
    draw_variant_weights,
    label_pure_pixels,
    relief,
)
from hsigan.scene.materials import MATERIALS, Material, reflectance

Floats = NDArray[np.float64]

VARIANTS = 4
"""Endmember variants per class; a pixel is a mixture of them."""

_REFLECTANCE_SCALE = 10_000
_PIXEL_SIZE_M = 30.0
_ORIGIN_M = (500_000.0, 5_400_000.0)
_FEWEST_PIXELS_PER_CLASS = 20


@dataclass(frozen=True)
class SceneTruth:
    """What a simulated scene was made of.

    Attributes
    ----------
    abundances
        (H, W, K) float32, summing to 1 over K; class id k + 1 belongs to index k.
    endmembers
        (K, V, B) float32 reflectance of the V variants of each class.
    variant_weights
        (H, W, V) float32, summing to 1 over V.
    illumination
        (H, W, B) float32: what multiplies the reflectance before noise.
    noise_std
        (B,) float32: standard deviation of the noise, in reflectance.
    """

    abundances: NDArray[np.float32]
    endmembers: NDArray[np.float32]
    variant_weights: NDArray[np.float32]
    illumination: NDArray[np.float32]
    noise_std: NDArray[np.float32]


def simulate_scene(
    height: int = 100,
    width: int = 100,
    bands: int = 120,
    classes: int = 6,
    seed: int | np.random.Generator = 0,
    *,
    drift: float = 0.0,
    snr: float = 150.0,
    landscape: Landscape | None = None,
) -> xr.Dataset:
    """Simulate a labelled scene; see `simulate_scene_with_truth` for the parameters.

    Returns
    -------
    A scene with int16 values (y, x, band) in reflectance x 10000, labels 1 ... K (0 = none),
    class names, wavelengths 400-2500 nm, and a CRS (EPSG:32632) with 30 m pixels.
    """
    return simulate_scene_with_truth(
        height, width, bands, classes, seed, drift=drift, snr=snr, landscape=landscape
    )[0]


def simulate_scene_with_truth(
    height: int = 100,
    width: int = 100,
    bands: int = 120,
    classes: int = 6,
    seed: int | np.random.Generator = 0,
    *,
    drift: float = 0.0,
    snr: float = 150.0,
    landscape: Landscape | None = None,
) -> tuple[xr.Dataset, SceneTruth]:
    """Simulate a labelled scene and return what it was made of beside it.

    Parameters
    ----------
    height, width
        Size in pixels; together at least 20 pixels per class.
    bands
        Number of bands, evenly spaced over 400-2500 nm (one band lies at 400 nm).
    classes
        Number of classes, at least 2. The first 24 are different materials, later ones repeat
        them with other endmembers.
    seed
        Seed or generator; the same seed gives the same scene.
    drift
        Relative change of illumination from the left edge to the right one, twice as strong in
        the blue as at 2500 nm, so that areas of a scene differ as under a thickening haze.
        0 is none; in (-1, 1).
    snr
        Signal-to-noise ratio of the best band at a reflectance of 0.3; infinity is no noise.
    landscape
        Fields, class sizes, variability and relief.

    Returns
    -------
    The scene and its `SceneTruth`.

    Raises
    ------
    InputError
        When sizes are too small or a parameter is out of range.
    """
    _check_sizes(height, width, bands, classes)
    if not -1 < drift < 1 or not snr > 0:
        raise InputError(
            f"simulate_scene: drift must lie in (-1, 1) and snr above 0. Got {drift!r}, {snr!r}."
        )
    ground = landscape or Landscape()
    random = np.random.default_rng(seed)
    wavelengths_nm = np.linspace(400.0, 2500.0, bands)
    materials = [MATERIALS[k % len(MATERIALS)] for k in range(classes)]

    truth = _draw_truth((height, width), materials, wavelengths_nm, drift, snr, ground, random)
    scene = make_scene(
        _observe(truth, random),
        label=label_pure_pixels(truth.abundances, ground.unlabelled),
        class_names=dict(enumerate(_class_names(materials), start=1)),
        wavelengths_nm=wavelengths_nm,
        crs=CRS.from_epsg(32632).to_wkt(),
        transform=Affine(_PIXEL_SIZE_M, 0.0, _ORIGIN_M[0], 0.0, -_PIXEL_SIZE_M, _ORIGIN_M[1]),
        units="reflectance x 10000",
        name="simulated",
    )
    return scene, truth


def _draw_truth(
    shape: tuple[int, int],
    materials: list[Material],
    wavelengths_nm: Floats,
    drift: float,
    snr: float,
    ground: Landscape,
    random: np.random.Generator,
) -> SceneTruth:
    abundances = draw_abundances(shape, len(materials), ground, random)
    endmembers = [
        _draw_variants(material, wavelengths_nm, ground.variability, random)
        for material in materials
    ]
    variant_weights = draw_variant_weights(shape, VARIANTS, ground, random)
    drifting = _drift(shape[1], wavelengths_nm, drift)  # (W, B)
    illumination = relief(shape, ground, random)[:, :, None] * drifting
    return SceneTruth(
        abundances=abundances.astype(np.float32),
        endmembers=np.stack(endmembers).astype(np.float32),
        variant_weights=variant_weights.astype(np.float32),
        illumination=illumination.astype(np.float32),
        noise_std=_noise_std(wavelengths_nm, snr).astype(np.float32),
    )


def _observe(truth: SceneTruth, random: np.random.Generator) -> NDArray[np.int16]:
    """Mix, light and measure: (H, W, B) int16 reflectance x 10000 with noise."""
    height, width, bands = truth.illumination.shape
    weights = truth.abundances[:, :, :, None] * truth.variant_weights[:, :, None, :]
    surface = weights.reshape(height * width, -1) @ truth.endmembers.reshape(-1, bands)
    signal = surface.reshape(height, width, bands) * truth.illumination
    noise = truth.noise_std * random.standard_normal(signal.shape, dtype=np.float32)
    stored = np.rint((signal + noise) * _REFLECTANCE_SCALE)
    return np.asarray(np.clip(stored, -32_767, 32_767), dtype=np.int16)


def _check_sizes(height: int, width: int, bands: int, classes: int) -> None:
    if bands < 1 or classes < 2:
        raise InputError(
            "simulate_scene: bands must be at least 1 and classes at least 2. "
            f"Got {bands} bands and {classes} classes."
        )
    if min(height, width) < 1 or height * width < _FEWEST_PIXELS_PER_CLASS * classes:
        raise InputError(
            f"simulate_scene: {classes} classes need at least "
            f"{_FEWEST_PIXELS_PER_CLASS * classes} pixels. Got {height} x {width}: "
            "ask for a larger scene or fewer classes."
        )


def _class_names(materials: list[Material]) -> list[str]:
    """Name each class after its material, numbered from the second use on."""
    names: list[str] = []
    for index, material in enumerate(materials):
        turn = index // len(MATERIALS) + 1
        names.append(material.name if turn == 1 else f"{material.name} {turn}")
    return names


def _draw_variants(
    material: Material, wavelengths_nm: Floats, variability: float, random: np.random.Generator
) -> Floats:
    """Draw V variants of a material (V, B): other absorption depths, brightness and slope."""
    position = (wavelengths_nm - 400.0) / 2100.0
    orders = np.arange(4)
    waves = np.cos(np.pi * orders[:, None] * position)  # (4, B)
    variants = []
    for _ in range(VARIANTS):
        base = reflectance(material, wavelengths_nm, random.uniform(0.6, 1.4))
        change = random.normal(0.0, 2 * variability / (1 + orders)) @ waves
        variants.append(np.clip(base * np.exp(change), 0.0, 1.0))
    return np.stack(variants)


def _drift(width: int, wavelengths_nm: Floats, drift: float) -> Floats:
    """Change illumination linearly from the left edge to the right one; (W, B)."""
    position = np.linspace(-0.5, 0.5, width) if width > 1 else np.zeros(1)
    strength = drift * (1.0 - 0.5 * (wavelengths_nm - 400.0) / 2100.0)
    return np.asarray(1.0 + position[:, None] * strength, dtype=np.float64)


def _noise_std(wavelengths_nm: Floats, snr: float) -> Floats:
    """Noise per band (B,): least near 750 nm, more at both ends and in the water-vapour bands."""
    ends = 1.0 + 1.5 * ((wavelengths_nm - 750.0) / 1000.0) ** 2
    vapour = sum(
        height * np.exp(-0.5 * ((wavelengths_nm - centre_nm) / width_nm) ** 2)
        for centre_nm, width_nm, height in ((1385.0, 30.0, 3.0), (1880.0, 45.0, 4.0))
    )
    return np.asarray(0.3 / snr * (ends + vapour), dtype=np.float64)
