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
        str | None,
        typer.Option(
            show_default="lda",
            help="Of spectra: nn-1d, hu-1d, lda, svm-linear, svm-rbf, random-forest, two-view, or "
            "best, the one that is best on validation data. Of patches: hamida-3d, li-3d, ssrn, "
            "hybridsn, ssftt.",
        ),
    ] = None,
    critic: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Instead of --classifier: a trained GAN of patches, by whose critic's features "
            "classes are told apart; frozen, or with --set tuning=fine-tuned trained further.",
        ),
    ] = None,
    patch: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="PX",
            help="Side of the patches that a network sees, in pixels; by default its paper's.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A setting of a network on patches, such as max_steps=300; repeatable.",
        ),
    ] = None,
    augment: Annotated[
        str,
        typer.Option(
            metavar="none|auto|NAME|RUN|FILE",
            help="Synthetic pixels to add: none; auto (only where validation data show a gain); a "
            "generator such as gan, gaussian or, of patches, flips-rotations; a trained GAN's "
            "folder; a samples file (.npz).",
        ),
    ] = "none",
    amount: Annotated[
        float, typer.Option(help="Synthetic pixels per real one, class by class.")
    ] = 1.0,
    auto_methods: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="Generators that auto chooses from; by default gaussian, smoothed-bootstrap, "
            "gain-offset, gan; of patches flips-rotations, patch.",
        ),
    ] = None,
    split: Annotated[
        Path | None,
        typer.Option(help="Split (split.npz); without it every labelled pixel trains."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the training.")] = 0,
    device: Annotated[
        str, typer.Option(help="Where a network on patches is trained: cpu or cuda.")
    ] = "cpu",
    allow_leak: Annotated[
        bool,
        typer.Option(
            "--allow-leak", help="Train though patches of test pixels hold training pixels."
        ),
    ] = False,
    *,
    reading: Reading,
) -> None:
    """Tune and train a classifier of spectra or patches, with or without synthetic pixels.

    Settings are chosen on the split's validation part, or by cross-validation where it has none;
    networks on patches have their papers' settings, and the validation part ends their training.
    The accuracy printed is that on the test part.

    Example: hsigan train classifier SalinasA_corrected.mat --labels SalinasA_gt.mat
    --split split.npz --classifier svm-rbf --augment auto --out runs/svm; with --classifier ssftt
    --patch 9 it classifies 9 x 9 patches.
    """
    from hsigan.classification import save_classifier
    from hsigan.cli.evaluate_augmentation import counting, working
    from hsigan.cli.train_gan import tell_leak
    from hsigan.errors import InputError, RunError
    from hsigan.evaluation.augmented_classifier import best_classifier, train_classifier_on_scenes
    from hsigan.evaluation.classifier_options import ClassifierOptions
    from hsigan.evaluation.critic_source import CriticSource
    from hsigan.recipe import parse_overrides
    from hsigan.sampling import Split
    from hsigan.training.run_folder import RunFolder

    if not 0 < amount < float("inf"):
        raise InputError(f"--amount must be a number above 0. Got {amount} instead.")
    if critic is not None and (classifier is not None or device != "cpu"):
        raise InputError(
            "--critic is a classifier by itself, on the processor: leave out "
            "--classifier and --device."
        )
    parts = None if split is None else Split.load(split)
    name = classifier or "lda"
    settings = {
        "classifier": name if critic is None else "critic",
        "critic": "" if critic is None else str(critic),
        "augment": augment,
        "amount": amount,
        "seed": seed,
        "scenes": list(scenes),
        "split": "" if split is None else str(split),
        "set": set_ or [],
    }
    if RunFolder(out).exists():
        raise RunError(f"{out} holds a run already: name a new folder with --out.")
    opened = open_inputs(scenes, reading)
    if name == "best":
        if set_ or patch not in (None, 1):
            raise InputError(
                "--classifier best compares classifiers of spectra: leave out --patch and --set, "
                "or name a network such as ssftt."
            )
        with working("comparing classifiers"):
            name = best_classifier(opened, parts, seed)
    own = parse_overrides(set_ or [])
    options = ClassifierOptions(
        name,
        augment,
        amount,
        None if auto_methods is None else tuple(auto_methods.split(",")),
        seed=seed,
        patch_px=patch,
        settings=own,
        allow_leak=allow_leak,
        device=device,
        critic=None if critic is None else CriticSource.open(critic, own),
    )
    settings["patch_px"] = options.side_px
    with counting("training", "steps") as report:
        training = train_classifier_on_scenes(opened, parts, options, report)
    run = RunFolder.create(out, settings)
    save_classifier(run, training.trained, training.X, training.y)
    if parts is not None:
        parts.save(out / "split.npz")
    _print_training(training, out)
    tell_leak(opened, parts, options.side_px)
    typer.echo(f"next: hsigan classify {out} SCENE -o map.tif")


def _print_training(training: Training, out: Path) -> None:
    """Print what was chosen, how many pixels trained, and the accuracy on the test part."""
    facts = training.trained.facts
    counts = facts["training_pixels"]
    side = training.trained.patch_px
    what = f"patches of {side} x {side} pixels" if side > 1 else "pixels"
    typer.echo(f"{out}: {training.trained.classifier.name} {facts['tuned']['params']}")
    typer.echo(f"trained on {counts['real']} real and {counts['synthetic']} synthetic {what}")
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
