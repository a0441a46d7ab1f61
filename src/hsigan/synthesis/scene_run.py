"""From scenes and a split to a run folder, and from a run folder to samples."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from hsigan import __version__
from hsigan.errors import LabelError, RunError
from hsigan.sampling import (
    PixelTable,
    Split,
    check_split_fits,
    gather_pixels,
    gather_unlabelled,
)
from hsigan.synthesis.baselines_base import class_counts
from hsigan.synthesis.gan_inputs import check_training
from hsigan.synthesis.gan_settings import resolve_settings
from hsigan.synthesis.samples import Samples
from hsigan.synthesis.spectral_gan import SpectralGAN
from hsigan.training.distributed import rank
from hsigan.training.run_folder import RunFolder, write_text
from hsigan.training.state import Report

SCENE_FILE = "scene.json"


@dataclass(frozen=True)
class GanOptions:
    """What to train, and how.

    Attributes
    ----------
    recipe, settings
        Of `SpectralGAN`.
    seed
        Of the training.
    transductive
        Let a semi-supervised recipe see the test pixels too, without their labels.
    resume
        Continue the run that lies in the folder.
    device
        ``"cpu"`` or ``"cuda"``.
    """

    recipe: str = "spectral"
    settings: Mapping[str, Any] | None = None
    seed: int = 0
    transductive: bool = False
    resume: bool = False
    device: str = "cpu"


@dataclass(frozen=True)
class RunScene:
    """What a run remembers of the scenes that it was trained on."""

    names: list[str]
    sources: list[str]
    class_names: dict[int, str]
    band_indices: list[int]
    wavelengths_nm: list[float] | None
    pixels: dict[str, int]
    unlabelled: dict[str, Any] | None

    def save(self, run: RunFolder) -> None:
        """Write it into the run folder."""
        write_text(run.path / SCENE_FILE, json.dumps(asdict(self), indent=2))

    @classmethod
    def load(cls, run: RunFolder) -> RunScene:
        """Read it from the run folder.

        Raises
        ------
        RunError
            It is missing or damaged.
        """
        try:
            facts = json.loads((run.path / SCENE_FILE).read_text(encoding="utf-8"))
            names = {int(key): name for key, name in facts.pop("class_names").items()}
            return cls(**facts, class_names=names)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise RunError(
                f"{run.path / SCENE_FILE} is missing or damaged ({error}): copy the run again, or "
                "train it again"
            ) from error


def train_on_scenes(
    scenes: Sequence[xr.Dataset],
    split: Split | None,
    out: str | Path,
    options: GanOptions,
    report: Report | None = None,
) -> SpectralGAN:
    """Train a GAN on the training pixels of a split (without one: on every labelled pixel).

    The folder ``out`` then holds the whole run. Validation pixels choose the checkpoint; test
    pixels are not touched unless ``transductive``.

    Raises
    ------
    HsiganError
        The scenes have no labels, the split does not fit them, or the training diverged.
    """
    config = resolve_settings(options.recipe, options.settings)
    if split is not None and config.mode != "unsupervised":
        check_split_fits(scenes, split)
    train = gather_pixels(scenes, "labelled" if split is None else split.train)
    if not len(train) and config.mode != "unsupervised":
        raise LabelError("there is no labelled training pixel: give --labels, or another split")
    if not len(train):
        train = gather_pixels(scenes, "all")
    validation, unlabelled = None, None
    if split is not None:
        validation = gather_pixels(scenes, split.validation, band_indices=train.band_indices)
        if config.mode == "semi-supervised":
            unlabelled = gather_unlabelled(scenes, split, transductive=options.transductive)
    elif config.mode == "semi-supervised":
        unlabelled = _without_label(scenes, train)
    gan = SpectralGAN(
        options.recipe,
        options.settings,
        device=options.device,
        random_state=options.seed,
        report=report,
    )
    labels = None if config.mode == "unsupervised" else train.labels
    check_training(gan, train.spectra, labels, config.mode)  # before a folder is made
    gan.run = RunFolder.create(out, gan.run_settings(), options.resume)
    if rank() == 0:
        _note_scene(gan.run, _remember(scenes, train, validation, unlabelled), split)
    return gan.fit(
        train.spectra,
        labels,
        None if validation is None else validation.spectra,
        None if validation is None else validation.labels,
        None if unlabelled is None else unlabelled.spectra,
    )


def open_run(path: str | Path) -> tuple[SpectralGAN, RunScene]:
    """Open what `train_on_scenes` wrote."""
    gan = SpectralGAN.load(path)
    return gan, RunScene.load(RunFolder(path))


def draw_samples(
    path: str | Path,
    out: str | Path,
    n_per_class: int,
    classes: Sequence[str | int] | None = None,
    seed: int = 0,
) -> dict[int, int]:
    """Draw labelled spectra from a run into a samples file, block by block.

    However many they are, memory holds 20,000 spectra, and the labels. Classes are named or
    numbered; by default all are drawn.

    Returns
    -------
    dict
        Class id to the number of its spectra.

    Raises
    ------
    HsiganError
        The run cannot be read, a class is unknown to it, or the file cannot be written.
    """
    gan, scene = open_run(path)
    wanted = [parse_class(str(name), scene.class_names) for name in classes or ()] or None
    counts = class_counts(n_per_class, wanted, gan.classes_)
    labels = np.repeat(np.array(list(counts)), np.array(list(counts.values())))
    none_yet = np.empty((0, gan.n_features_in_), dtype=np.float32)
    facts = {"run": Path(path).name, "sample_seed": seed}
    blocks = (spectra for spectra, _ in gan.sample_blocks(counts, random_state=seed))
    as_samples(gan, scene, none_yet, labels, facts).save(out, blocks)
    return counts


def as_samples(
    gan: SpectralGAN,
    scene: RunScene,
    spectra: np.ndarray[Any, np.dtype[np.float32]],
    labels: np.ndarray[Any, Any],
    provenance: Mapping[str, Any],
) -> Samples:
    """Join spectra with what a run knows of their scene."""
    wavelengths = scene.wavelengths_nm
    return Samples(
        spectra,
        labels.astype(np.int64),
        scene.class_names,
        None if wavelengths is None else np.array(wavelengths),
        np.array(scene.band_indices),
        {
            "hsigan": __version__,
            **gan.run_settings(),
            "step": gan.step_,
            "scenes": scene.sources or scene.names,
            **provenance,
        },
    )


def parse_class(text: str, class_names: Mapping[int, str]) -> int:
    """Return the class id that a name or a number means.

    Raises
    ------
    LabelError
        No such class.
    """
    for label, name in class_names.items():
        if text == name or text == str(label):
            return label
    folded = [label for label, name in class_names.items() if text.lower() == name.lower()]
    if len(folded) == 1:
        return folded[0]
    known = ", ".join(f"{label} ({name})" for label, name in class_names.items())
    raise LabelError(f"there is no class {text!r}; known: {known}")


def _without_label(scenes: Sequence[xr.Dataset], train: PixelTable) -> PixelTable:
    masks = [np.asarray(scene["label"].values == 0) for scene in scenes]
    table = gather_pixels(scenes, masks, band_indices=train.band_indices)
    if not len(table):
        raise LabelError("every pixel is labelled: a semi-supervised recipe needs a --split")
    return table


def _note_scene(run: RunFolder, scene: RunScene, split: Split | None) -> None:
    """Write what a new run is trained on; refuse to continue one with something else."""
    if not (run.path / SCENE_FILE).is_file():
        scene.save(run)
    elif asdict(RunScene.load(run)) != _as_read(scene):
        raise RunError(
            f"{run.path} was started with other scenes, labels or split: continue it with the "
            "same ones, or name a new folder"
        )
    if split is not None and not (run.path / "split.npz").is_file():
        split.save(run.path / "split.npz")


def _as_read(scene: RunScene) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(json.dumps(asdict(scene)))
    return {**facts, "class_names": scene.class_names}


def _remember(
    scenes: Sequence[xr.Dataset],
    train: PixelTable,
    validation: PixelTable | None,
    unlabelled: PixelTable | None,
) -> RunScene:
    known = np.unique(train.labels).tolist()
    return RunScene(
        [str(scene.attrs.get("name", "")) for scene in scenes],
        [str(name) for scene in scenes for name in scene.attrs.get("source", [])],
        {label: train.class_names.get(label, f"class {label}") for label in known},
        train.band_indices.tolist(),
        None if train.wavelengths_nm is None else train.wavelengths_nm.tolist(),
        {
            "training": len(train),
            "validation": 0 if validation is None else len(validation),
            "unlabelled": 0 if unlabelled is None else len(unlabelled),
        },
        None if unlabelled is None else unlabelled.provenance,
    )
