"""`hsigan train gan`: labelled scenes in, a run folder out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hsigan.cli.options import Reading, SceneArgument, open_inputs, takes_reading

if TYPE_CHECKING:
    import xarray as xr

    from hsigan.sampling import Split


@takes_reading
def train_gan_command(
    scenes: SceneArgument,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="RUN", help="Folder of the run.")],
    recipe: Annotated[
        str | None,
        typer.Option(
            help="spectral (default), spectral-semi-supervised, hypergan, "
            "hypergan-semi-supervised, hypergan-notebook; for patches patch (default), conv3d, "
            "conv3d-attention, conv3d-conditional, conv3d-cross-entropy, factorised-conditional, "
            "factorised-semi-supervised; or a TOML file."
        ),
    ] = None,
    patch: Annotated[
        int | None,
        typer.Option(min=1, metavar="P", help="Train on P x P patches, 9 for example."),
    ] = None,
    split: Annotated[
        Path | None,
        typer.Option(help="Split (split.npz); without it every labelled pixel trains."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the recipe; repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the training.")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    transductive: Annotated[
        bool,
        typer.Option(
            "--transductive",
            help="Let a semi-supervised recipe see test pixels too (never their labels).",
        ),
    ] = False,
    allow_leak: Annotated[
        bool,
        typer.Option(
            "--allow-leak", help="Train though patches of test pixels hold training pixels."
        ),
    ] = False,
    *,
    reading: Reading,
) -> None:
    """Train a GAN on the labelled spectra of a scene, or on the patches around them.

    Example: hsigan train gan SalinasA_corrected.mat --labels SalinasA_gt.mat --split split.npz
    --out runs/salinas; with --patch 9 it learns patches of 9 x 9 pixels.

    Ctrl-C stops after the step under way and leaves a usable run; --resume continues it. Several
    devices: torchrun --nproc-per-node 2 -m hsigan train gan ...
    """
    from hsigan.sampling import Split
    from hsigan.synthesis.gan_settings import resolve_settings
    from hsigan.synthesis.scene_parts import GanOptions
    from hsigan.synthesis.scene_run import train_on_scenes
    from hsigan.training.distributed import joined_processes

    recipe = recipe or ("spectral" if patch is None else "patch")
    config = resolve_settings(recipe, None, set_ or [])
    opened = open_inputs(scenes, reading)
    parts = None if split is None else Split.load(split)
    settings = config.model_dump()
    side = patch or (9 if config.objective == "patch" else 1)
    options = GanOptions(
        recipe, settings, side, allow_leak, seed, transductive, resume, device=device
    )
    with (
        joined_processes() as rank,
        training_progress(config.steps, rank == 0) as report,
        warnings.catch_warnings(),
    ):
        # What Ctrl-C leaves is said below.
        warnings.filterwarnings("ignore", message="training was interrupted")
        gan = train_on_scenes(opened, parts, out, options, report)
    if rank == 0:
        typer.echo(f"{out}: {gan.step_} of {config.steps} steps, {len(gan.classes_)} classes")
        if (gan.kept_start_ or gan.step_ == 0 < config.steps) and not gan.interrupted_:
            typer.echo(
                "no step was shown to help, or there are too few labels to tell: samples are drawn "
                "from the calibrated density of each class"
            )
        tell_leak(opened, parts, side)
        if gan.interrupted_:
            typer.echo("interrupted: the run is usable as it is; --resume continues it")
        typer.echo(f"next: hsigan sample {out} -n 1000 -o samples.npz")


def tell_leak(scenes: Sequence[xr.Dataset], split: Split | None, patch_px: int) -> None:
    """Say what share of the test pixels a trained model of patches has seen, if any."""
    from hsigan.sampling import common_grid, patch_leak

    if split is None or patch_px == 1 or not any(mask.any() for mask in split.test):
        return
    share = patch_leak(split, patch_px, common_grid(scenes)).test_seeing_training
    if share:
        typer.echo(
            f"{share:.1%} of the test pixels have a training or validation pixel inside their "
            f"{patch_px} x {patch_px} patch: accuracy on them tells memory as much as skill"
        )


@contextmanager
def training_progress(
    steps: int, shown: bool = True
) -> Iterator[Callable[[int, Mapping[str, float]], None]]:
    """Yield a callback that draws step and losses as a bar on the terminal.

    ``steps`` is 0 where nobody knows how many there will be.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    console = Console(stderr=True)
    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), Remaining())
    with Progress(
        *columns,
        TextColumn("{task.description}"),
        console=console,
        transient=True,
        disable=not (shown and console.is_terminal),
    ) as bar:
        task = bar.add_task("", total=steps or None)

        def report(step: int, values: Mapping[str, float]) -> None:
            text = "  ".join(f"{name} {value:.3g}" for name, value in values.items())
            bar.update(task, completed=step, description=text)

        yield report
