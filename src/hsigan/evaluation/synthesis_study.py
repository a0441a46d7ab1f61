"""From scenes and a split to judged generators: fit, sample, evaluate, and keep everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hsigan.evaluation.augmentation_partition import Partition, make_partition
from hsigan.evaluation.contestants import (
    Contestants,
    draw_samples,
    id_of_all_classes,
    without_classes,
)
from hsigan.evaluation.interpolation import interpolation_arrays
from hsigan.evaluation.patch_judging import judge_partition
from hsigan.evaluation.results import Record, ResultsFolder
from hsigan.evaluation.scene_arrays import scene_arrays
from hsigan.evaluation.seen_pixels import refuse_seen_pixels
from hsigan.evaluation.split_name import split_name
from hsigan.evaluation.synthesis import Progress, Setting, evaluate_synthesis
from hsigan.evaluation.unmixing import Interpolate, evaluate_unmixing
from hsigan.sampling import Split, check_split_fits, common_bands, common_grid
from hsigan.sampling.patches import centres_of
from hsigan.synthesis import SpectralGAN
from hsigan.synthesis.interpolation import mixtures
from hsigan.synthesis.patch_gan import PatchGAN


def run_study(
    scenes: Sequence[xr.Dataset],
    split: Split,
    contestants: Contestants,
    setting: Setting,
    results: ResultsFolder,
    *,
    abundances: NDArray[np.float64] | None = None,
    progress: Progress | None = None,
) -> list[Record]:
    """Judge generators on one split; append the records and save the arrays.

    Parameters
    ----------
    scenes, split
        Labelled scenes and who sees which pixel. Held-out pixels are the test part; validation
        pixels choose checkpoints and are not judged by.
    contestants
        Whose samples are judged.
    setting
        Names for the records, and the seed.
    results
        Where everything is kept.
    abundances : (H, W, K), optional
        Shares of class 1 ... K in every pixel of a single scene: GANs are then also asked for
        mixtures (``evaluate_unmixing``).
    progress
        Called with a few words at each of ``contestants.steps(classes)`` steps.

    Raises
    ------
    HsiganError
        Scenes, split and samples do not fit together.
    """
    report = progress or (lambda _: None)
    check_split_fits(scenes, split)
    for path in contestants.runs.values():
        refuse_seen_pixels(path, split, common_grid(scenes))
    data = make_partition(scenes, split, setting.seed, patch_px=contestants.patch_px)
    bands = common_bands(scenes)
    samples, gans = draw_samples(data, contestants, bands, setting.seed, report)
    named = {name: gan for name, gan in gans.items() if _knows_classes(gan, data)}
    if contestants.classes_together:
        data, samples = without_classes(data, samples, id_of_all_classes(scenes[0]))
    if data.patch_px > 1:
        judged = judge_partition(data, samples, gans, setting, report)
    else:
        judged = evaluate_synthesis(
            (data.X, data.y),
            (centres_of(data.X_test), data.y_test),
            samples,
            setting,
            wavelengths_nm=data.wavelengths_nm,
            progress=report,
        )
    records, arrays = judged.records, judged.arrays | scene_arrays(scenes, split)
    if named:
        arrays |= interpolation_arrays(next(iter(named.values())), setting.seed)
    if abundances is not None:
        records = records + _unmixing(scenes[0], bands, abundances, named, setting)
    results.append(records)
    results.save_arrays(arrays)
    return records


def describe_split(split: Split, contestants: Contestants) -> str:
    """Return a split, and of what it is judged, in a few words, as records name it."""
    name = split_name({**split.provenance, "patch_px": contestants.patch_px})
    return f"{name}, classes together" if contestants.classes_together else name


def _knows_classes(gan: SpectralGAN, data: Partition) -> bool:
    return not isinstance(gan, PatchGAN) and np.array_equal(gan.classes_, np.unique(data.y))


def _unmixing(
    scene: xr.Dataset,
    bands: NDArray[np.int64],
    abundances: NDArray[np.float64],
    gans: Mapping[str, SpectralGAN],
    setting: Setting,
) -> list[Record]:
    positions = np.flatnonzero(np.isin(scene["band"].values, bands))
    spectra = scene["values"].values[:, :, positions].reshape(-1, len(bands)).astype(np.float64)
    mixers: dict[str, Interpolate] = {
        name: lambda weights, gan=gan: mixtures(gan, weights, setting.seed)  # type: ignore[misc]
        for name, gan in gans.items()
    }
    shares = abundances.reshape(-1, abundances.shape[2])
    return evaluate_unmixing(spectra, shares, mixers, replace(setting, experiment="unmixing"))
