"""From scenes and a split to judged generators: fit, sample, evaluate, and keep everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hsigan.errors import InputError
from hsigan.evaluation.augmentation_methods import METHODS, fit_generator, possible
from hsigan.evaluation.augmentation_partition import Partition, make_partition
from hsigan.evaluation.interpolation import interpolation_arrays
from hsigan.evaluation.patch_judging import count_judging_steps, judge_partition
from hsigan.evaluation.results import Record, ResultsFolder
from hsigan.evaluation.scene_arrays import scene_arrays
from hsigan.evaluation.seen_pixels import refuse_seen_pixels
from hsigan.evaluation.split_name import split_name
from hsigan.evaluation.synthesis import (
    Progress,
    Setting,
    count_steps,
    evaluate_synthesis,
)
from hsigan.evaluation.unmixing import Interpolate, evaluate_unmixing
from hsigan.sampling import Split, check_split_fits, common_bands, common_grid
from hsigan.sampling.patches import centres_of
from hsigan.synthesis import SpectralGAN, load_samples
from hsigan.synthesis.auto import Generator
from hsigan.synthesis.interpolation import mixtures
from hsigan.synthesis.patch_gan import PatchGAN
from hsigan.synthesis.scene_run import open_run
from hsigan.synthesis.spectral_transplant import SpectralTransplant

Pair = tuple[NDArray[Any], NDArray[Any]]
JUDGEABLE = tuple(name for name, method in METHODS.items() if method.kind == "generator")
DEFAULT_METHODS = ("gan", "ss-gan", "duplication", "gaussian", "smoothed-bootstrap", "smote")
DEFAULT_PATCH_METHODS = ("patch", "gan", "flips-rotations", "patch-bootstrap")


@dataclass(frozen=True)
class Contestants:
    """Whose samples are judged.

    Parameters
    ----------
    methods : names of ``JUDGEABLE`` generators, fitted on the training part
    runs : name -> folder of a trained GAN
    files : name -> .npz of samples
    per_class : spectra drawn per class from generators
    skip_impossible : leave out methods that need unlabelled pixels where the split leaves none;
        otherwise that is an error
    gan_settings : laid over the GAN recipes
    keep : a folder that keeps the GANs trained here as runs, where interrupted trainings continue
    patch_px : side P of the patches that are judged; 1 for spectra
    """

    methods: tuple[str, ...] = DEFAULT_METHODS
    runs: Mapping[str, Path] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    per_class: int = 1000
    skip_impossible: bool = False
    gan_settings: Mapping[str, Any] = field(default_factory=dict)
    keep: Path | None = None
    patch_px: int = 1

    def __post_init__(self) -> None:
        for name in self.methods:
            if name not in JUDGEABLE:
                raise InputError(f"there is no generator {name!r}; known: {', '.join(JUDGEABLE)}.")
            if METHODS[name].patches and self.patch_px == 1:
                raise InputError(f"{name} makes patches: say of which side, such as --patch 9.")
        if self.per_class < 2:
            raise InputError(f"at least 2 spectra per class are judged. Got {self.per_class}.")
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise InputError(f"{twice[0]!r} names two sets of samples; give them other names.")
        if not self.names:
            raise InputError("there is nothing to judge: name a method, a run or a samples file.")

    def steps(self, classes: int) -> int:
        """Return how often a study of one split reports progress."""
        if self.patch_px == 1:
            return len(self.names) + count_steps(classes, len(self.names))
        return len(self.names) + count_judging_steps(classes, len(self.names))

    @property
    def names(self) -> list[str]:
        """All names in the order in which they are judged."""
        return [*self.methods, *self.runs, *self.files]


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
    gans: dict[str, SpectralGAN] = {}
    samples = _drawn(data, contestants, setting.seed, gans, report)
    for name, path in contestants.files.items():
        samples[name] = read_samples(path, bands, data.classes, data.patch_px)
        report(f"read {name}")
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
    named = {name: gan for name, gan in gans.items() if _knows_classes(gan, data)}
    if named:
        arrays |= interpolation_arrays(next(iter(named.values())), setting.seed)
    if abundances is not None:
        records = records + _unmixing(scenes[0], bands, abundances, named, setting)
    results.append(records)
    results.save_arrays(arrays)
    return records


def describe_split(split: Split, patch_px: int = 1) -> str:
    """Return a split in a few words, as records name it; P is the side of what is judged."""
    return split_name({**split.provenance, "patch_px": patch_px})


def read_samples(
    path: Path, bands: NDArray[np.int64], classes: NDArray[np.int64], patch_px: int = 1
) -> Pair:
    """Return the spectra, or patches, and labels of a samples file over these bands and classes.

    Raises
    ------
    InputError
        The file cannot be read, its bands are others and it does not say which, or it holds no
        patches of the side that is asked for.
    """
    found = load_samples(path)
    if patch_px > 1 and (found.patches is None or found.patches.shape[2] != patch_px):
        raise InputError(
            f"{path} holds no {patch_px} x {patch_px} patches: give samples of a GAN of such "
            "patches, or judge spectra without --patch."
        )
    spectra = found.spectra if patch_px == 1 or found.patches is None else found.patches
    indices = found.band_indices
    if indices is not None and np.isin(bands, indices).all():
        order = np.argsort(indices)
        spectra = spectra[:, order[np.searchsorted(indices, bands, sorter=order)]]
    if spectra.shape[1] != len(bands):
        raise InputError(
            f"{path} has {found.spectra.shape[1]} bands and the scene {len(bands)} "
            "usable ones: write them over the same bands, or add `band_indices`."
        )
    kept = np.isin(found.labels, classes)
    return spectra[kept], found.labels[kept]


def _drawn(
    data: Partition,
    contestants: Contestants,
    seed: int,
    gans: dict[str, SpectralGAN],
    report: Progress,
) -> dict[str, Pair]:
    """Fit or load every generator and draw from it; GANs are kept in ``gans``."""
    chosen = [
        name
        for name in contestants.methods
        if not contestants.skip_impossible or possible(name, data)
    ]
    sources: dict[str, Callable[[], Generator]] = {
        name: lambda name=name: _fitted(name, data, contestants)  # type: ignore[misc]
        for name in chosen
    }
    for name, path in contestants.runs.items():
        sources[name] = lambda path=path: _opened(path, data)  # type: ignore[misc]
    samples = {}
    for name, source in sources.items():
        generator = source()
        if isinstance(generator, SpectralGAN):
            _refuse_other_bands(generator, name, data)
            gans[name] = generator
        samples[name] = generator.sample(contestants.per_class, random_state=seed)
        report(f"drew from {name}")
    return samples


def _fitted(name: str, data: Partition, contestants: Contestants) -> Generator:
    """Return a generator fitted on the training part alone."""
    if not possible(name, data):
        raise InputError(
            f"{name} needs unlabelled pixels and this split leaves none: leave it out, or choose "
            "another split."
        )
    settings = {METHODS[name].gan_recipe: contestants.gan_settings}
    return fit_generator(name, data, settings, contestants.keep)


def _opened(path: Path, data: Partition) -> Generator:
    """Return the GAN of a run; of one of spectra, where patches are judged, its transplants."""
    gan = open_run(path)[0]
    if data.patch_px > 1 and not isinstance(gan, PatchGAN):
        return SpectralTransplant(gan, prefit=True).fit(data.X, data.y)
    return gan


def _refuse_other_bands(gan: SpectralGAN, name: str, data: Partition) -> None:
    if gan.n_features_in_ != data.X.shape[1]:
        raise InputError(
            f"{name} makes spectra of {gan.n_features_in_} bands and the scene has "
            f"{data.X.shape[1]} usable ones: name the scene that it was trained on."
        )
    side = gan.patch_px_ if isinstance(gan, PatchGAN) else 1
    if side != data.patch_px:
        raise InputError(f"{name} makes patches of side {side}: judge it with --patch {side}.")


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
