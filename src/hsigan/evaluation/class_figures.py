"""All figures of one class of fakes, and their real-against-real floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hsigan.metrics import (
    SpectralSpace,
    band_correlation_distance,
    deviation_ratio,
    frechet_distance,
    kernel_mmd,
    median_pair_distance,
    memorised_share,
    nearest_angle_deg,
    neighbour_ratio,
    outside_range_share,
    prdc,
    roughness_ratio,
    spectral_angle_deg,
    two_sample_accuracy,
)

Spectra = NDArray[np.float64]

UNITS: dict[str, str | None] = {
    "frechet_distance": None,
    "kernel_mmd": None,
    "precision": None,
    "recall": None,
    "density": None,
    "coverage": None,
    "two_sample_accuracy": "%",
    "nearest_angle": "deg",
    "mean_spectrum_angle": "deg",
    "deviation_ratio": None,
    "outside_range_share": None,
    "roughness_ratio": None,
    "band_correlation_distance": None,
    "neighbour_ratio": None,
    "memorised_share": None,
    "deviation_ratio_to_train": None,
}
"""Every figure of a class with its unit; the last three compare with the training pixels."""


@dataclass(frozen=True)
class ClassJudge:
    """What fakes of one class are compared with.

    Parameters
    ----------
    space : SpectralSpace
        Fitted on the training pixels of all classes.
    class_id : int
        The class.
    train, held_out : (N, B) and (M, B)
        Real spectra of the class: those that generators saw, and those that none saw.
    """

    space: SpectralSpace
    class_id: int
    train: Spectra
    held_out: Spectra

    def judge(self, fake: Spectra, rng: np.random.Generator) -> dict[str, float]:
        """Return every figure of ``UNITS`` for fakes (N, B) of the class."""
        return self._against_held_out(fake, rng) | self._against_train(fake)

    def floor_draw(self, count: int, rng: np.random.Generator) -> dict[str, float]:
        """Return the figures of ``count`` real spectra, drawn with repetition.

        They are training pixels where a figure compares with held-out pixels, and held-out pixels
        where it compares with training pixels.
        """
        seen = self.train[rng.integers(len(self.train), size=count)]
        unseen = self.held_out[rng.integers(len(self.held_out), size=count)]
        return self._against_held_out(seen, rng) | self._against_train(unseen)

    def _against_held_out(self, fake: Spectra, rng: np.random.Generator) -> dict[str, float]:
        real = self.held_out
        clipped, real_clipped = self._standardise(fake), self._standardise(real)
        points, real_points = self._project(fake), self._project(real)
        white, real_white = points / self.space.point_scale, real_points / self.space.point_scale
        shares = prdc(points, real_points)
        return {
            "frechet_distance": frechet_distance(points, real_points),
            "kernel_mmd": kernel_mmd(white, real_white, _median(real_white)),
            "precision": shares.precision,
            "recall": shares.recall,
            "density": shares.density,
            "coverage": shares.coverage,
            "two_sample_accuracy": two_sample_accuracy(white, real_white, rng),
            "nearest_angle": float(np.nanmedian(nearest_angle_deg(fake, real))),
            "mean_spectrum_angle": float(spectral_angle_deg(fake.mean(axis=0), real.mean(axis=0))),
            "deviation_ratio": deviation_ratio(clipped, real_clipped),
            "outside_range_share": outside_range_share(fake, real),
            "roughness_ratio": roughness_ratio(fake, real),
            "band_correlation_distance": band_correlation_distance(clipped, real_clipped),
        }

    def _against_train(self, fake: Spectra) -> dict[str, float]:
        points, train = self._project(fake), self._project(self.train)
        held_out = self._project(self.held_out)
        return {
            "neighbour_ratio": neighbour_ratio(points, train),
            "memorised_share": memorised_share(points, train, held_out),
            "deviation_ratio_to_train": deviation_ratio(
                self._standardise(fake), self._standardise(self.train)
            ),
        }

    def _standardise(self, spectra: Spectra) -> Spectra:
        return self.space.standardise(spectra, self.class_id)

    def _project(self, spectra: Spectra) -> Spectra:
        return self.space.project(spectra, self.class_id)


def _median(points: Spectra) -> float | None:
    return median_pair_distance(points) if len(points) > 1 else None
