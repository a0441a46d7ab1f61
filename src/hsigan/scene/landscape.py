"""The ground of a simulated scene: which surface lies where, how pure, and how it is lit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from hsigan.errors import InputError

Floats = NDArray[np.float64]

_SHARPNESS = 9.0


@dataclass(frozen=True)
class Landscape:
    """How a simulated scene looks on the ground.

    Attributes
    ----------
    field_px
        Scale of the fields in pixels (standard deviation of the smoothing kernel).
    imbalance
        Area of the largest class over that of the smallest; at least 1.
    unlabelled
        Share of every class that carries no label, taken at the borders of its fields; in [0, 1).
    variability
        Relative standard deviation of the endmember variants of a class.
    relief
        Relative standard deviation of the illumination by slopes.
    """

    field_px: float = 5.0
    imbalance: float = 8.0
    unlabelled: float = 0.3
    variability: float = 0.08
    relief: float = 0.12

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if self.field_px <= 0 or self.imbalance < 1 or not 0 <= self.unlabelled < 1:
            raise InputError(
                "A Landscape needs field_px > 0, imbalance >= 1 and 0 <= unlabelled < 1. "
                f"Got {self!r} instead."
            )
        if self.variability < 0 or self.relief < 0:
            raise InputError(
                f"Landscape: variability and relief must not be negative. Got {self!r}."
            )


def _smooth_fields(
    count: int, shape: tuple[int, int], scale_px: float, random: np.random.Generator
) -> Floats:
    """Draw smooth random fields of mean 0 and standard deviation 1; (count, H, W)."""
    white = random.standard_normal((count, *shape))
    smooth = gaussian_filter(white, sigma=(0.0, scale_px, scale_px), mode="reflect")
    smooth -= smooth.mean(axis=(1, 2), keepdims=True)
    deviation = smooth.std(axis=(1, 2), keepdims=True)
    return np.asarray(smooth / np.maximum(deviation, 1e-12), dtype=np.float64)


def _softmax(scores: Floats) -> Floats:
    """Softmax over the last axis."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), dtype=np.float64)


def draw_abundances(
    shape: tuple[int, int], classes: int, ground: Landscape, random: np.random.Generator
) -> Floats:
    """Draw abundances (H, W, K) whose fields cover the wanted, unequal areas."""
    fields = np.moveaxis(_smooth_fields(classes, shape, ground.field_px, random), 0, -1)
    shares = ground.imbalance ** (-np.arange(classes) / max(1, classes - 1))
    shares = random.permutation(shares / shares.sum())
    bias = np.zeros(classes)
    for step in np.linspace(1.0, 0.05, 40):
        winners = np.argmax(fields + bias, axis=-1)
        covered = np.bincount(winners.ravel(), minlength=classes) / winners.size
        bias += step * 0.4 * np.log(shares / np.maximum(covered, 0.05 * shares))
    return _softmax(_SHARPNESS * (fields + bias))


def label_pure_pixels(abundances: NDArray[np.floating], unlabelled: float) -> NDArray[np.int32]:
    """Label each pixel with its largest part, but for the least pure share of every class."""
    winners = np.argmax(abundances, axis=-1)
    purity = abundances.max(axis=-1)
    label = np.zeros(winners.shape, dtype=np.int32)
    for k in range(abundances.shape[-1]):
        own = winners == k
        if not own.any():
            raise InputError(
                f"simulate_scene: class {k + 1} found no room in {winners.shape[0]} x "
                f"{winners.shape[1]} pixels: ask for a larger scene, fewer classes, "
                "smaller fields or less imbalance."
            )
        label[own & (purity >= np.quantile(purity[own], unlabelled))] = k + 1
    return label


def draw_variant_weights(
    shape: tuple[int, int], variants: int, ground: Landscape, random: np.random.Generator
) -> Floats:
    """Draw variant weights (H, W, V): regional differences plus those between neighbours."""
    regional = np.moveaxis(_smooth_fields(variants, shape, 2 * ground.field_px, random), 0, -1)
    return _softmax(1.2 * regional + 0.8 * random.standard_normal((*shape, variants)))


def relief(shape: tuple[int, int], ground: Landscape, random: np.random.Generator) -> Floats:
    """Light a smooth terrain from one side; (H, W) around 1."""
    terrain = _smooth_fields(1, shape, 3 * ground.field_px, random)[0]
    facing = sum(np.gradient(terrain, axis=axis) for axis in (0, 1) if shape[axis] > 1)
    facing = np.asarray(facing) - np.mean(facing)
    deviation = max(float(facing.std()), 1e-12)
    return np.asarray(np.clip(1.0 + ground.relief * facing / deviation, 0.3, 1.7), dtype=np.float64)
