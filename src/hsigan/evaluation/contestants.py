"""Whose samples are judged: generators fitted here, runs, and files of samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hsigan.errors import InputError
from hsigan.evaluation.augmentation_methods import METHODS, fit_generator, possible
from hsigan.evaluation.augmentation_partition import Partition
from hsigan.evaluation.labelled import counts_of
from hsigan.evaluation.patch_judging import count_judging_steps
from hsigan.evaluation.synthesis import Progress, count_steps
from hsigan.scene import class_names_of
from hsigan.synthesis import SpectralGAN, load_samples
from hsigan.synthesis.auto import Generator
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
    classes_together : judge all classes as one, which samples without classes need; those of the
        others are then taken in the classes' training shares
    """

    methods: tuple[str, ...] = DEFAULT_METHODS
    runs: Mapping[str, Path] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    per_class: int = 1000
    skip_impossible: bool = False
    gan_settings: Mapping[str, Any] = field(default_factory=dict)
    keep: Path | None = None
    patch_px: int = 1
    classes_together: bool = False

    def __post_init__(self) -> None:
        if self.classes_together and self.patch_px > 1:
            raise InputError("classes are judged together for spectra alone: leave out --patch.")
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
            judged = 1 if self.classes_together else classes
            return len(self.names) + count_steps(judged, len(self.names))
        return len(self.names) + count_judging_steps(classes, len(self.names))

    @property
    def names(self) -> list[str]:
        """All names in the order in which they are judged."""
        return [*self.methods, *self.runs, *self.files]


def read_samples(
    path: Path, bands: NDArray[np.int64], classes: NDArray[np.int64] | None, patch_px: int = 1
) -> Pair:
    """Return the spectra, or patches, and labels of a samples file over these bands.

    Those of other classes are left out, where classes are given.

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
    if classes is None:
        return spectra, found.labels
    kept = np.isin(found.labels, classes)
    return spectra[kept], found.labels[kept]


def draw_samples(
    data: Partition,
    contestants: Contestants,
    bands: NDArray[np.int64],
    seed: int,
    report: Progress,
) -> tuple[dict[str, Pair], dict[str, SpectralGAN]]:
    """Fit, load and read what is judged; return samples and, of those that are GANs, the GANs.

    Parameters
    ----------
    data : the partition that generators are fitted on
    contestants : whose samples are judged
    bands : (B,) of the scene that the partition has
    seed : of the draws
    report : called with a few words after each

    Raises
    ------
    HsiganError
        A generator or a file does not fit the partition.
    """
    gans: dict[str, SpectralGAN] = {}
    samples = {}
    for name, source in _sources(data, contestants).items():
        generator = source()
        count = contestants.per_class
        if isinstance(generator, SpectralGAN):
            _refuse_other_bands(generator, name, data)
            gans[name] = generator
            if contestants.classes_together and generator.classes_.tolist() == [0]:
                count *= len(data.classes)  # as many as the others draw
        samples[name] = generator.sample(count, random_state=seed)
        report(f"drew from {name}")
    for name, path in contestants.files.items():
        known = None if contestants.classes_together else data.classes
        samples[name] = read_samples(path, bands, known, data.patch_px)
        report(f"read {name}")
    for name, (_, labels) in samples.items():
        if not (contestants.classes_together or np.isin(labels, data.classes).any()):
            raise InputError(
                f"{name} has no sample of a class of the training pixels: give samples with the "
                "scene's class ids, or add --classes-together, which judges all classes as one."
            )
    return samples, gans


ALL_CLASSES = "all classes"


def id_of_all_classes(scene: xr.Dataset) -> int:
    """Return the id that stands for all classes of a labelled scene together."""
    return 1 + max(class_names_of(scene), default=0)


def without_classes(
    data: Partition, samples: dict[str, Pair], class_id: int
) -> tuple[Partition, dict[str, Pair]]:
    """Return training and test pixels and samples as of one class.

    Samples of several classes are taken in the shares that these have in training.
    """
    trained = counts_of(data.y)
    merged = {}
    for name, (spectra, labels) in samples.items():
        drawn = counts_of(labels)
        if set(drawn) <= set(trained):
            share = min(drawn[label] / trained[label] for label in drawn)
            kept = [np.flatnonzero(labels == k)[: max(1, int(share * trained[k]))] for k in drawn]
            spectra = spectra[np.sort(np.concatenate(kept))]
        merged[name] = spectra, np.full(len(spectra), class_id)
    y, y_test = np.full_like(data.y, class_id), np.full_like(data.y_test, class_id)
    return replace(data, y=y, y_test=y_test, classes=np.array([class_id])), merged


def _sources(data: Partition, contestants: Contestants) -> dict[str, Callable[[], Generator]]:
    """Return by name what gives each generator, fitted or loaded."""
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
    return sources


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
