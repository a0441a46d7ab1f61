"""From scenes and a split to a run folder, and from a run folder to samples."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hsigan import __version__
from hsigan.errors import LabelError, RunError
from hsigan.sampling import Split
from hsigan.sampling.patches import centres_of
from hsigan.synthesis.balance import balancing_counts
from hsigan.synthesis.baselines_base import class_counts
from hsigan.synthesis.gan_inputs import check_training
from hsigan.synthesis.patch_gan import PatchGAN
from hsigan.synthesis.samples import Samples
from hsigan.synthesis.scene_parts import GanOptions, TrainingParts, gather_parts, values_of
from hsigan.synthesis.spectral_gan import SpectralGAN
from hsigan.training.distributed import rank
from hsigan.training.run_folder import RunFolder, write_text
from hsigan.training.state import Report

SCENE_FILE = "scene.json"


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
    patch_px: int = 1
    training_counts: dict[int, int] = field(default_factory=dict)

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
            counts = {int(key): n for key, n in facts.pop("training_counts", {}).items()}
            return cls(**facts, class_names=names, training_counts=counts)
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

    In the unsupervised mode the labels of the training pixels are forgotten; without a split it
    sees the spectra of every pixel, of patches those around labelled pixels where there are any.

    The folder ``out`` then holds the whole run. Validation pixels choose the checkpoint; test
    pixels are not touched unless ``transductive``. A recipe for patches trains on the patches
    around those pixels.

    Raises
    ------
    HsiganError
        The scenes have no labels, the split does not fit them or its patches leak, or the training
        diverged.
    """
    parts = gather_parts(scenes, split, options)
    gan = (SpectralGAN if options.patch_px == 1 else PatchGAN)(
        options.recipe,
        options.settings,
        device=options.device,
        random_state=options.seed,
        report=report,
    )
    labels = None if parts.mode == "unsupervised" else parts.train.labels
    check_training(gan, parts.train.spectra, labels, parts.mode)  # before a folder is made
    gan.run = RunFolder.create(out, gan.run_settings(), options.resume)
    if rank() == 0:
        _note_scene(gan.run, _remember(scenes, parts, options.patch_px), split)
    validation, unlabelled, side = parts.validation, parts.unlabelled, options.patch_px
    return gan.fit(
        values_of(scenes, parts.train, side),
        labels,
        None if validation is None else values_of(scenes, validation, side),
        None if validation is None else validation.labels,
        None if unlabelled is None else values_of(scenes, unlabelled, side),
    )


def open_run(path: str | Path) -> tuple[SpectralGAN, RunScene]:
    """Open what `train_on_scenes` wrote: a `SpectralGAN`, or a `PatchGAN`."""
    run = RunFolder(path)
    settings = run.config().get("settings", {})
    kind = PatchGAN if settings.get("objective") == "patch" else SpectralGAN
    return kind.load(path), RunScene.load(run)


def draw_samples(
    path: str | Path,
    out: str | Path,
    n_per_class: int | Mapping[str, int] | None,
    classes: Sequence[str | int] | None = None,
    seed: int = 0,
) -> dict[int, int]:
    """Draw labelled spectra or patches from a run into a samples file, block by block.

    However many they are, memory holds 20,000 spectra (of patches, the centre pixels' too), and
    the labels. Classes are named or numbered; by default all are drawn, where ``n_per_class`` has a
    number for each class it names, these. Where it is None, classes are filled up: with the
    training pixels, each has as many as the largest.

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
    asked = _asked(path, scene, n_per_class)
    counts = class_counts(asked, wanted, gan.classes_)
    labels = np.repeat(np.array(list(counts)), np.array(list(counts.values())))
    none_yet = np.empty((0, *gan.sample_shape_), dtype=np.float32)
    facts = {"run": Path(path).name, "sample_seed": seed}
    blocks = (values for values, _ in gan.sample_blocks(counts, random_state=seed))
    as_samples(gan, scene, none_yet, labels, facts).save(out, blocks)
    return counts


def _asked(
    path: str | Path, scene: RunScene, n_per_class: int | Mapping[str, int] | None
) -> int | dict[int, int]:
    """Return one number for all classes, or one for each."""
    if isinstance(n_per_class, int):
        return n_per_class
    if n_per_class is not None:
        return {parse_class(name, scene.class_names): n for name, n in n_per_class.items()}
    if not scene.training_counts:
        raise RunError(f"{path} does not say how many pixels its classes had: give a number, -n")
    return balancing_counts(scene.training_counts)


def as_samples(
    gan: SpectralGAN,
    scene: RunScene,
    values: NDArray[np.float32],
    labels: NDArray[Any],
    provenance: Mapping[str, Any],
) -> Samples:
    """Join spectra (N, B), or patches (N, B, P, P), with what a run knows of their scene."""
    wavelengths = scene.wavelengths_nm
    return Samples(
        centres_of(values),
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
        values if values.ndim == 4 else None,
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
    return {
        **facts,
        "class_names": scene.class_names,
        "training_counts": scene.training_counts,
    }


def _remember(scenes: Sequence[xr.Dataset], parts: TrainingParts, patch_px: int) -> RunScene:
    train, unlabelled = parts.train, parts.unlabelled
    known, counts = (found.tolist() for found in np.unique(train.labels, return_counts=True))
    return RunScene(
        [str(scene.attrs.get("name", "")) for scene in scenes],
        [str(name) for scene in scenes for name in scene.attrs.get("source", [])],
        {label: train.class_names.get(label, f"class {label}") for label in known},
        train.band_indices.tolist(),
        None if train.wavelengths_nm is None else train.wavelengths_nm.tolist(),
        {
            "training": len(train),
            "validation": 0 if parts.validation is None else len(parts.validation),
            "unlabelled": 0 if unlabelled is None else len(unlabelled),
        },
        None if unlabelled is None else unlabelled.provenance,
        patch_px,
        dict(zip(known, counts, strict=True)),
    )
