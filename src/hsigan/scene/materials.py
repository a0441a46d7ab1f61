"""Reflectance of common surfaces, 400-2500 nm, as smooth continua with absorption bands.

The shapes are schematic: nodes and bands were set by hand to the positions that every textbook of
imaging spectroscopy gives (chlorophyll at 450 and 670 nm, the red edge at 700-740 nm, leaf water at
970, 1200, 1450 and 1940 nm, iron oxides at 530 and 870 nm, Al-OH at 2200 nm, carbonate at 2340 nm,
hydrocarbons at 1730 and 2310 nm). They are meant for simulation, not for identification.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

Absorption = tuple[float, float, float]
"""Centre in nm, standard deviation in nm, relative depth in [0, 1)."""


@dataclass(frozen=True)
class Material:
    """A surface: reflectance at a few wavelengths, and the absorption bands cut into it."""

    name: str
    nodes: tuple[tuple[float, float], ...]
    absorptions: tuple[Absorption, ...] = ()


_LEAF_WATER: tuple[Absorption, ...] = (
    (970.0, 30.0, 0.07),
    (1190.0, 40.0, 0.14),
    (1450.0, 50.0, 0.48),
    (1940.0, 60.0, 0.62),
    (2500.0, 120.0, 0.35),
)
_DRY_PLANT: tuple[Absorption, ...] = (
    (1730.0, 30.0, 0.06),
    (2100.0, 50.0, 0.14),
    (2300.0, 40.0, 0.12),
)
_SOIL_WATER: tuple[Absorption, ...] = ((1410.0, 25.0, 0.09), (1920.0, 40.0, 0.14))
_CLAY: Absorption = (2205.0, 22.0, 0.12)


def _foliage(green: float, plateau: float) -> tuple[tuple[float, float], ...]:
    """Nodes of green leaves: green peak, chlorophyll minimum, red edge, near-infrared plateau."""
    return (
        (400.0, 0.3 * green),
        (480.0, 0.4 * green),
        (552.0, green),
        (610.0, 0.62 * green),
        (672.0, 0.38 * green),
        (690.0, 0.55 * green),
        (720.0, 0.2 * green + 0.42 * plateau),
        (750.0, 0.9 * plateau),
        (800.0, plateau),
        (1100.0, 1.02 * plateau),
        (1300.0, 0.9 * plateau),
        (1650.0, 0.62 * plateau),
        (2200.0, 0.36 * plateau),
        (2500.0, 0.2 * plateau),
    )


def _rising(
    at_400: float, at_700: float, at_1300: float, at_2500: float
) -> tuple[tuple[float, float], ...]:
    """Nodes of a surface without strong structure: four levels joined smoothly."""
    return (
        (400.0, at_400),
        (700.0, at_700),
        (1300.0, at_1300),
        (2100.0, at_2500 * 1.04),
        (2500.0, at_2500),
    )


_IRON: tuple[Absorption, ...] = ((530.0, 45.0, 0.22), (870.0, 60.0, 0.12))

MATERIALS: tuple[Material, ...] = (
    Material("Broadleaf trees", _foliage(0.075, 0.44), _LEAF_WATER),
    Material("Bare soil", _rising(0.07, 0.2, 0.32, 0.33), (*_SOIL_WATER, _CLAY)),
    Material("Meadow", _foliage(0.105, 0.39), _LEAF_WATER),
    Material("Asphalt", _rising(0.06, 0.09, 0.12, 0.14), ((2310.0, 30.0, 0.05),)),
    Material("Crop", _foliage(0.095, 0.48), _LEAF_WATER),
    Material(
        "Water",
        (
            (400.0, 0.045),
            (550.0, 0.06),
            (700.0, 0.02),
            (760.0, 0.012),
            (900.0, 0.005),
            (2500.0, 0.002),
        ),
    ),
    Material(
        "Dry grass",
        _rising(0.07, 0.24, 0.4, 0.26),
        (*_DRY_PLANT, (670.0, 25.0, 0.07), (1450.0, 45.0, 0.12), (1940.0, 50.0, 0.2)),
    ),
    Material(
        "Concrete",
        _rising(0.17, 0.28, 0.34, 0.3),
        ((1415.0, 25.0, 0.06), (1930.0, 45.0, 0.12), (2340.0, 30.0, 0.08)),
    ),
    Material("Conifers", _foliage(0.05, 0.28), _LEAF_WATER),
    Material("Red roof tiles", _rising(0.06, 0.28, 0.42, 0.44), (*_IRON, (1920.0, 40.0, 0.05))),
    Material(
        "Wet soil",
        _rising(0.04, 0.11, 0.19, 0.14),
        ((1450.0, 60.0, 0.3), (1940.0, 70.0, 0.45), _CLAY),
    ),
    Material(
        "Painted metal",
        _rising(0.3, 0.4, 0.42, 0.36),
        ((600.0, 60.0, 0.25), (1730.0, 20.0, 0.05), (2310.0, 30.0, 0.08)),
    ),
    Material("Shrubs", _foliage(0.08, 0.33), (*_LEAF_WATER, (2100.0, 50.0, 0.06))),
    Material(
        "Sand",
        _rising(0.14, 0.36, 0.48, 0.5),
        ((1410.0, 20.0, 0.04), (1920.0, 35.0, 0.07), (2205.0, 20.0, 0.04)),
    ),
    Material(
        "Gravel", _rising(0.12, 0.19, 0.23, 0.22), ((1920.0, 35.0, 0.05), (2205.0, 22.0, 0.05))
    ),
    Material(
        "Bitumen roof",
        _rising(0.04, 0.055, 0.075, 0.1),
        ((1730.0, 20.0, 0.06), (2310.0, 30.0, 0.1)),
    ),
    Material(
        "Kaolinite",
        _rising(0.45, 0.72, 0.8, 0.55),
        ((1400.0, 16.0, 0.25), (1913.0, 25.0, 0.06), (2165.0, 12.0, 0.2), (2206.0, 14.0, 0.38)),
    ),
    Material(
        "Calcite",
        _rising(0.6, 0.78, 0.84, 0.66),
        ((1875.0, 22.0, 0.06), (1995.0, 25.0, 0.1), (2155.0, 22.0, 0.06), (2340.0, 32.0, 0.36)),
    ),
    Material("Reeds", _foliage(0.085, 0.27), (*_LEAF_WATER, *_DRY_PLANT)),
    Material(
        "Hematite",
        _rising(0.05, 0.2, 0.38, 0.42),
        ((530.0, 40.0, 0.4), (870.0, 70.0, 0.32), (1920.0, 40.0, 0.05)),
    ),
    Material(
        "Gypsum",
        _rising(0.62, 0.8, 0.72, 0.35),
        (
            (1447.0, 18.0, 0.4),
            (1490.0, 15.0, 0.3),
            (1538.0, 15.0, 0.25),
            (1750.0, 20.0, 0.22),
            (1943.0, 30.0, 0.6),
            (2215.0, 30.0, 0.25),
        ),
    ),
    Material(
        "Turbid water",
        (
            (400.0, 0.06),
            (570.0, 0.125),
            (650.0, 0.1),
            (700.0, 0.085),
            (760.0, 0.03),
            (810.0, 0.035),
            (1000.0, 0.006),
            (2500.0, 0.003),
        ),
    ),
    Material(
        "Artificial turf",
        _foliage(0.12, 0.25),
        ((1210.0, 20.0, 0.08), (1730.0, 25.0, 0.25), (2310.0, 35.0, 0.3)),
    ),
    Material(
        "Plastic sheets",
        _rising(0.45, 0.58, 0.6, 0.42),
        ((1210.0, 20.0, 0.1), (1420.0, 25.0, 0.1), (1730.0, 25.0, 0.3), (2310.0, 35.0, 0.35)),
    ),
)


def reflectance(
    material: Material, wavelengths_nm: NDArray[np.float64], depth_factor: float = 1.0
) -> NDArray[np.float64]:
    """Compute the reflectance of a material.

    Parameters
    ----------
    material
        The surface.
    wavelengths_nm
        (B,) wavelengths in nm; outside the material's nodes the last value is held.
    depth_factor
        Multiplies the depth of every absorption band (water content, grain size).

    Returns
    -------
    (B,) float64 in [0, 1].
    """
    centres, levels = np.array(material.nodes, dtype=np.float64).T
    within = np.clip(wavelengths_nm, centres[0], centres[-1])
    spectrum = PchipInterpolator(centres, levels)(within)
    for centre_nm, width_nm, depth in material.absorptions:
        shape = np.exp(-0.5 * ((wavelengths_nm - centre_nm) / width_nm) ** 2)
        spectrum = spectrum * (1.0 - min(0.98, depth * depth_factor) * shape)
    return np.asarray(np.clip(spectrum, 0.0, 1.0), dtype=np.float64)
