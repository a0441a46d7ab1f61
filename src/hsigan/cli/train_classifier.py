"""`hsigan train classifier`: labelled scenes in, a run folder with a classifier out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hsigan.cli.options import Reading, SceneArgument, open_inputs, takes_reading

if TYPE_CHECKING:
    from hsigan.evaluation.augmented_classifier import Training


@takes_reading
def train_classifier_command(
    scenes: SceneArgument,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="RUN", help="Folder of the run.")],
    classifier: Annotated[
        str,
        typer.Option(
            help="nn-1d, lda, svm-linear, svm-rbf, random-forest, or best: the one that is best "
            "on validation data."
        ),
    ] = "lda",
    augment: Annotated[
        str,
        typer.Option(
            metavar="none|auto|NAME|RUN|FILE",
            help="Synthetic pixels to add: none; auto (only where validation data show a gain); a "
            "generator such as gan or gaussian; a trained GAN's folder; a samples file (.npz).",
        ),
    ] = "none",
    amount: Annotated[
        float, typer.Option(help="Synthetic pixels per real one, class by class.")
    ] = 1.0,
    auto_methods: Annotated[
        str,
        typer.Option(metavar="A,B,...", help="Generators that auto chooses from."),
    ] = "gaussian,smoothed-bootstrap,gain-offset,gan",
    split: Annotated[
        Path | None,
        typer.Option(help="Split (split.npz); without it every labelled pixel trains."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the training.")] = 0,
    *,
    reading: Reading,
) -> None:
    """Tune and train a classifier of spectra, with or without synthetic pixels.

    Settings are chosen on the split's validation part, or by cross-validation where it has none;
    the accuracy printed is that on its test part.

    Example: hsigan train classifier SalinasA_corrected.mat --labels SalinasA_gt.mat
    --split split.npz --classifier svm-rbf --augment auto --out runs/svm
    """
    from hsigan.classification import save_classifier
    from hsigan.cli.evaluate_augmentation import working
    from hsigan.errors import InputError, RunError
    from hsigan.evaluation.augmented_classifier import (
        ClassifierOptions,
        best_classifier,
        train_classifier_on_scenes,
    )
    from hsigan.sampling import Split
    from hsigan.training.run_folder import RunFolder

    if not 0 < amount < float("inf"):
        raise InputError(f"--amount must be a number above 0. Got {amount} instead.")
    parts = None if split is None else Split.load(split)
    settings = {
        "classifier": classifier,
        "augment": augment,
        "amount": amount,
        "seed": seed,
        "scenes": list(scenes),
        "split": "" if split is None else str(split),
    }
    if RunFolder(out).exists():
        raise RunError(f"{out} holds a run already: name a new folder with --out.")
    opened = open_inputs(scenes, reading)
    with working("training"):
        name = best_classifier(opened, parts, seed) if classifier == "best" else classifier
        options = ClassifierOptions(
            name, augment, amount, tuple(auto_methods.split(",")), seed=seed
        )
        training = train_classifier_on_scenes(opened, parts, options)
    run = RunFolder.create(out, settings)
    save_classifier(run, training.trained, training.X, training.y)
    if parts is not None:
        parts.save(out / "split.npz")
    _print_training(training, out)
    typer.echo(f"next: hsigan classify {out} SCENE -o map.tif")


def _print_training(training: Training, out: Path) -> None:
    """Print what was chosen, how many pixels trained, and the accuracy on the test part."""
    facts = training.trained.facts
    counts = facts["training_pixels"]
    typer.echo(f"{out}: {training.trained.classifier.name} {facts['tuned']['params']}")
    typer.echo(f"trained on {counts['real']} real and {counts['synthetic']} synthetic pixels")
    how = facts["augmentation"]
    if how["method"] == "auto":
        typer.echo(
            f"auto chose {how['chosen']}: the best candidate's gain on validation data was "
            f"{how['gain']:.2f} points, its standard error {how['standard_error']:.2f}"
        )
    if training.accuracy is not None:
        result = training.accuracy
        typer.echo(
            f"test part: overall accuracy {result.overall_percent:.2f} %, average "
            f"{result.average_percent:.2f} %, kappa {result.kappa:.3f}"
        )
