"""Does interpolating between classes mix as light does.

Audebert et al. 2018 remark that spectra made from a mixture of class labels resemble mixed pixels.
Where a scene comes with abundances (Samson, Jasper Ridge), this measures it: the angle between an
interpolant and the linear mixture of the class means with the same weights, beside that of the
real mixed pixels to their own linear mixtures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hsigan.errors import InputError, LabelError, SceneError
from hsigan.evaluation.results import Record
from hsigan.evaluation.synthesis import Setting
from hsigan.metrics import check_spectra, spectral_angle_deg

PURE_ABOVE = 0.9
REAL_MIXED, PURE_MIXED = "real mixed pixels", "pure pixels mixed linearly"

Interpolate = Callable[[NDArray[np.float64]], ArrayLike]
"""Weights (N, K) over the classes in the order of their ids to spectra (N, B)."""


@dataclass(frozen=True)
class Abundances:
    """Shares (H, W, K) of K materials in every pixel, with the materials' names."""

    shares: NDArray[np.float64]
    names: tuple[str, ...]

    def labels(self, above: float = PURE_ABOVE) -> NDArray[np.int32]:
        """Return a label map (H, W): k + 1 where material k exceeds ``above``, else 0."""
        pure = self.shares.max(axis=2) > above
        return np.where(pure, self.shares.argmax(axis=2) + 1, 0).astype(np.int32)


def read_abundances(path: str | Path, height: int, width: int) -> Abundances:
    """Read the abundances ``A`` (K, H * W) of an unmixing reference in a MATLAB file.

    Pixels count down the columns, as MATLAB does; names come from ``cood``.

    Parameters
    ----------
    path : path
        ``end3.mat`` of Samson, ``end4.mat`` of Jasper Ridge, or a file made alike.
    height, width : int
        The scene's rows and columns.

    Raises
    ------
    SceneError
        The file cannot be read or has no ``A``.
    LabelError
        ``A`` does not fit the scene.
    """
    from scipy.io import loadmat

    try:
        content = loadmat(path)
    except Exception as error:  # scipy raises half a dozen kinds for a file that is not one
        raise SceneError(f"{path} is not a readable MATLAB file: {error}") from error
    if "A" not in content:
        found = ", ".join(key for key in content if not key.startswith("_"))
        raise SceneError(f"{path} holds no abundances 'A' (materials, pixels). It has: {found}.")
    shares = np.asarray(content["A"], dtype=np.float64)
    if shares.ndim != 2 or shares.shape[1] != height * width:
        raise LabelError(
            f"{path}: abundances of shape {shares.shape} do not fit a scene of {height} x {width} "
            f"pixels; (materials, {height * width}) is needed"
        )
    names = [str(np.ravel(item)[0]) for item in np.ravel(content.get("cood", []))]
    if len(names) != len(shares):
        names = [f"material {number}" for number in range(1, len(shares) + 1)]
    return Abundances(shares.reshape(-1, width, height).transpose(2, 1, 0), tuple(names))


def evaluate_unmixing(
    spectra: ArrayLike,
    shares: ArrayLike,
    interpolators: Mapping[str, Interpolate],
    setting: Setting,
    at_most: int = 2000,
) -> list[Record]:
    """Return the median angle to the linear mixture, for real mixed pixels and interpolants.

    The interpolants have the abundances of the real mixed pixels as weights. Between both stands
    what the variety within the classes alone makes: one pure pixel drawn per class, mixed linearly.

    Parameters
    ----------
    spectra : array-like, (N, B)
        All pixels.
    shares : array-like, (N, K)
        Their abundances. A pixel is pure where one exceeds 0.9, else mixed; class means are those
        of the pure pixels.
    interpolators : mapping of name to callable
        Weights (M, K) to spectra (M, B) in the same units.
    setting : Setting
        What the records say, and the seed.
    at_most : int
        Mixed pixels used, drawn at random.

    Raises
    ------
    InputError
        Arrays that do not fit each other, no mixed pixels, or interpolants of another shape.
    LabelError
        A class without a pure pixel.
    """
    spectra = check_spectra(spectra, "spectra")
    shares = check_spectra(shares, "abundances")
    if len(shares) != len(spectra):
        raise InputError(f"{len(spectra)} spectra need as many abundances. Got {len(shares)}.")
    rng = np.random.default_rng(setting.seed)
    pure = _pure_pixels(shares)
    mixed = rng.permutation(np.flatnonzero(shares.max(axis=1) <= PURE_ABOVE))[:at_most]
    if not len(mixed):
        raise InputError("no pixel is mixed: one abundance exceeds 0.9 everywhere.")
    weights = shares[mixed] / shares[mixed].sum(axis=1, keepdims=True)  # (M, K)
    means = np.stack([spectra[members].mean(axis=0) for members in pure])  # (K, B)
    drawn = np.stack([spectra[rng.choice(members, len(mixed))] for members in pure], axis=1)
    made: dict[str, NDArray[np.float64]] = {
        REAL_MIXED: spectra[mixed],
        PURE_MIXED: np.einsum("mk,mkb->mb", weights, drawn),
    }
    for name, interpolate in interpolators.items():
        made[name] = check_spectra(interpolate(weights), f"interpolants of {name}", means.shape[1])
        if len(made[name]) != len(weights):
            raise InputError(f"{name} made {len(made[name])} spectra of {len(weights)} weights.")
    return [
        setting.record(name, metric, value, unit="deg")
        for name, those in made.items()
        for metric, value in _summary(spectral_angle_deg(those, weights @ means)).items()
    ]


def _pure_pixels(shares: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    pure = [np.flatnonzero(column > PURE_ABOVE) for column in shares.T]
    for number, members in enumerate(pure, start=1):
        if not len(members):
            raise LabelError(
                f"no pixel has more than 0.9 of material {number}; its mean spectrum is unknown"
            )
    return pure


def _summary(angles: NDArray[np.float64]) -> dict[str, float]:
    return {
        "mixture_angle": float(np.nanmedian(angles)),
        "mixture_angle_90_percent": float(np.nanquantile(angles, 0.9)),
    }
