"""What the figures of synthesis are called on the page, and how to read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Better = Literal["low", "high", "near"]


@dataclass(frozen=True)
class Metric:
    """A figure's name on the page, and which side of its floor is the good one.

    `better` is ``low``, ``high``, or ``near`` for figures that should be what they are between
    real pixels.
    """

    label: str
    better: Better


@dataclass(frozen=True)
class Theme:
    """Figures that answer one question, and a sentence that says how to read them."""

    heading: str
    metrics: tuple[str, ...]
    reading: str


METRICS = {
    "frechet_over_floor": Metric("Fréchet distance over its floor", "low"),
    "frechet_distance": Metric("Fréchet distance", "low"),
    "kernel_mmd": Metric("kernel MMD, squared", "low"),
    "two_sample_accuracy": Metric("real or fake? accuracy, %", "low"),
    "mean_spectrum_angle": Metric("angle between mean spectra, deg", "low"),
    "precision": Metric("precision", "high"),
    "recall": Metric("recall", "high"),
    "density": Metric("density", "high"),
    "coverage": Metric("coverage", "high"),
    "deviation_ratio": Metric("standard-deviation ratio, to held-out", "near"),
    "deviation_ratio_to_train": Metric("standard-deviation ratio, to training", "near"),
    "neighbour_ratio": Metric("nearest-neighbour ratio", "near"),
    "memorised_share": Metric("share closer than real ones come", "low"),
    "nearest_angle": Metric("angle to the nearest real spectrum, deg", "near"),
    "outside_range_share": Metric("share outside the real range", "low"),
    "roughness_ratio": Metric("roughness ratio", "near"),
    "band_correlation_distance": Metric("distance of band correlations", "low"),
    "feature_frechet_over_floor": Metric("Fréchet distance of features over its floor", "low"),
    "feature_frechet_distance": Metric("Fréchet distance of features", "low"),
    "patch_frechet_over_floor": Metric("Fréchet distance of whole patches over its floor", "low"),
    "patch_frechet_distance": Metric("Fréchet distance of whole patches", "low"),
    "autocorrelation_offset": Metric("Moran's I, fakes less reals", "near"),
    "autocorrelation_distance": Metric("distance of Moran's I", "low"),
    "gradient_ratio": Metric("gradient ratio", "near"),
    "gradient_distance": Metric("distance of gradients", "low"),
    "patch_deviation_ratio": Metric("standard-deviation ratio of patches", "near"),
    "patch_neighbour_ratio": Metric("nearest-neighbour ratio of patches", "near"),
    "patch_memorised_share": Metric("share of patches closer than real ones come", "low"),
    "mixture_angle": Metric("median angle to the linear mixture, deg", "low"),
    "mixture_angle_90_percent": Metric("angle that 90 % stay below, deg", "low"),
}

THEMES = (
    Theme(
        "How far from reality",
        (
            "frechet_over_floor",
            "frechet_distance",
            "kernel_mmd",
            "two_sample_accuracy",
            "mean_spectrum_angle",
        ),
        "A Fréchet distance of once its floor means as close to held-out pixels as other real "
        "pixels are; a classifier asked “real or fake?” that stays near 50 % cannot tell.",
    ),
    Theme(
        "As varied as reality",
        (
            "deviation_ratio",
            "deviation_ratio_to_train",
            "precision",
            "recall",
            "density",
            "coverage",
        ),
        "A standard-deviation ratio near 1 means as varied as reality, below 1 too uniform. "
        "Coverage is the share of real pixels that have a fake among their neighbours; high "
        "precision with low recall is a generator that plays safe. Few training pixels, drawn "
        "again and again, cover and recall little: new spectra should lie above that floor.",
    ),
    Theme(
        "New, or copied",
        ("neighbour_ratio", "memorised_share", "nearest_angle"),
        "A nearest-neighbour ratio near 1 means as far from the training pixels as these are from "
        "one another: 0 is a copy, far above 1 an outlier. Where blocks or tiles were held out, "
        "their pixels lie farther off than new spectra need to: then judge by the ratio, not the "
        "share.",
    ),
    Theme(
        "Physically plausible",
        ("outside_range_share", "roughness_ratio", "band_correlation_distance"),
        "Values outside the range of real pixels, a roughness ratio above 1 (noise) or below 1 "
        "(smoothing), and bands that no longer vary together betray a fake.",
    ),
    Theme(
        "Whole patches: as close, as varied, as new",
        (
            "feature_frechet_over_floor",
            "feature_frechet_distance",
            "patch_frechet_over_floor",
            "patch_frechet_distance",
            "patch_deviation_ratio",
            "patch_neighbour_ratio",
            "patch_memorised_share",
        ),
        "As above, but of all pixels of a patch together: in the principal components of whole "
        "patches, and in the features of a classifier that was trained on real patches alone. The "
        "figures above are those of the patches' centre pixels.",
    ),
    Theme(
        "Texture",
        (
            "autocorrelation_offset",
            "autocorrelation_distance",
            "gradient_ratio",
            "gradient_distance",
        ),
        "Moran's I says, band by band, how alike neighbouring pixels of a patch are: fakes above "
        "the reals are too smooth, below them speckled. A gradient ratio above 1 means more "
        "contrast between neighbours than in reality, below 1 less. The distances compare the "
        "whole distributions over patches: 0 is equal.",
    ),
    Theme(
        "Do interpolants between classes mix as light does?",
        ("mixture_angle", "mixture_angle_90_percent"),
        "The angle between an interpolant and the linear mixture of the class means with the same "
        "weights. Compare with real mixed pixels, and with pure pixels mixed linearly: as small an "
        "angle means that the generator mixes materials as light does.",
    ),
)

TABLE_CELLS = {
    "accuracy_real_real": "real on real",
    "accuracy_real_fake": "real on fake",
    "accuracy_fake_fake": "fake on fake",
    "accuracy_fake_real": "fake on real",
    "accuracy_both_real": "both on real",
}


def metric_label(name: str, unit: str | None = None) -> str:
    """Return a figure's name on the page; unknown ones by their own name and unit."""
    if name in METRICS:
        return METRICS[name].label
    plain = name.replace("_", " ")
    return f"{plain}, {unit}" if unit else plain
