"""Generators that change or combine real pixels: duplication, SMOTE, mixup, noise, relighting."""

from __future__ import annotations

from typing import Any

import numpy as np
from imblearn.over_sampling import SMOTE
from numpy.typing import ArrayLike

from hsigan.errors import InputError
from hsigan.synthesis.baselines_base import Floats, SimpleGenerator


class Duplication(SimpleGenerator):
    """Training pixels again, each about equally often: what more weight alone would do."""

    def _draw(self, label: Any, count: int, rng: np.random.Generator) -> Floats:
        return self._resample(label, count, rng)


class Smote(SimpleGenerator):
    """Points on the line between a pixel and one of its nearest neighbours (Chawla et al. 2002).

    imbalanced-learn's implementation. A class with a single pixel has no neighbours: it is
    duplicated.

    Parameters
    ----------
    neighbours : nearest neighbours per pixel, at most the class size less one
    """

    def __init__(self, neighbours: int = 5) -> None:
        self.neighbours = neighbours

    def _draw(self, label: Any, count: int, rng: np.random.Generator) -> Floats:
        spectra = self.spectra_[label]
        if len(spectra) < 2:
            return self._resample(label, count, rng)
        # SMOTE wants a second class; one zero row serves, and is never read.
        table = np.concatenate([spectra, np.zeros((1, spectra.shape[1]))])
        flags = np.append(np.ones(len(spectra), dtype=int), 0)
        sampler = SMOTE(
            sampling_strategy={1: len(spectra) + count},
            k_neighbors=min(self.neighbours, len(spectra) - 1),
            random_state=int(rng.integers(2**31)),
        )
        enlarged, _ = sampler.fit_resample(table, flags)
        return np.asarray(enlarged[len(table) :], dtype=np.float64)


class Mixup(SimpleGenerator):
    """Convex combinations of two pixels, with a weight drawn from Beta(alpha, alpha).

    After Zhang et al. 2018, with hard labels: within a class, or (``between``) with a pixel of any
    class, where the label is that of the pixel with the larger weight.

    Parameters
    ----------
    alpha : both parameters of the Beta distribution
    between : mix with pixels of all classes
    """

    def __init__(self, alpha: float = 0.4, between: bool = False) -> None:
        self.alpha = alpha
        self.between = between

    def _draw(self, label: Any, count: int, rng: np.random.Generator) -> Floats:
        weight = rng.beta(self.alpha, self.alpha, size=(count, 1))
        weight = np.maximum(weight, 1.0 - weight)
        first = self._resample(label, count, rng)
        pool = np.concatenate(list(self.spectra_.values())) if self.between else None
        partners = self.spectra_[label] if pool is None else pool
        second = partners[rng.integers(len(partners), size=count)]
        return np.asarray(weight * first + (1.0 - weight) * second)


class MixupBetween(Mixup):
    """Mixup across classes with the majority label."""

    def __init__(self, alpha: float = 0.4, between: bool = True) -> None:
        super().__init__(alpha=alpha, between=between)


class GainOffset(SimpleGenerator):
    """Training pixels times a random gain plus a random offset, the same in all bands.

    Parameters
    ----------
    gain : standard deviation of the logarithm of the gain
    offset : standard deviation of the offset, in mean values of the training spectra
    """

    def __init__(self, gain: float = 0.1, offset: float = 0.02) -> None:
        self.gain = gain
        self.offset = offset

    def _prepare(self, unlabelled: Floats | None) -> None:
        everything = np.concatenate(list(self.spectra_.values()))
        self.level_ = float(np.abs(everything).mean())

    def _draw(self, label: Any, count: int, rng: np.random.Generator) -> Floats:
        gain = np.exp(self.gain * rng.standard_normal((count, 1)))
        offset = self.offset * self.level_ * rng.standard_normal((count, 1))
        return np.asarray(self._resample(label, count, rng) * gain + offset)


class Relighting(SimpleGenerator):
    """The same material under another illumination (after Windrim et al. 2016).

    A pixel is lit by the sun, in proportion to the cosine of the angle of incidence, and by the
    sky, in proportion to the visible part of the sky. Between two illuminations a band of
    wavelength w changes by

        m(w) = (1 - s(w)) v + s(w) f,

    where s(w) is the sky's share of the light on level ground, v the relative cosine and f the
    relative view of the sky. The simplification: no irradiance is measured here, so
    s(w) = sky_share (550 nm / w)^3, at most 0.9, falls with the wavelength as scattered light in a
    slightly hazy atmosphere does, and the reference pixel is taken as level and unshaded. Without
    wavelengths s is the same in all bands and relighting is a gain.

    Parameters
    ----------
    wavelengths_nm : (B,) band centres in nanometres, or None
    sky_share : share of sky light at 550 nm
    direct : (low, high), relative cosines of incidence, drawn uniformly; 0 is full shadow
    sky_view : (low, high), relative views of the sky, drawn uniformly
    """

    def __init__(
        self,
        wavelengths_nm: ArrayLike | None = None,
        sky_share: float = 0.15,
        direct: tuple[float, float] = (0.6, 1.2),
        sky_view: tuple[float, float] = (0.8, 1.0),
    ) -> None:
        self.wavelengths_nm = wavelengths_nm
        self.sky_share = sky_share
        self.direct = direct
        self.sky_view = sky_view

    def _prepare(self, unlabelled: Floats | None) -> None:
        share = np.full(self.n_features_in_, self.sky_share)
        if self.wavelengths_nm is not None:
            wavelengths = np.asarray(self.wavelengths_nm, dtype=np.float64)
            if wavelengths.shape != share.shape or not (wavelengths > 0).all():
                raise InputError(
                    f"the wavelengths_nm of Relighting must be {len(share)} positive numbers, one "
                    f"per band. Got shape {wavelengths.shape} instead."
                )
            share = share * (550.0 / wavelengths) ** 3
        self.share_ = np.minimum(share, 0.9)

    def _draw(self, label: Any, count: int, rng: np.random.Generator) -> Floats:
        direct = rng.uniform(*self.direct, size=(count, 1))
        sky = rng.uniform(*self.sky_view, size=(count, 1))
        factor = (1.0 - self.share_) * direct + self.share_ * sky  # (n, B)
        return np.asarray(self._resample(label, count, rng) * factor)
