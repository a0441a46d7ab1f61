"""`hsigan train codec`: scenes of one sensor in, a run folder with a codec out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from hsigan.cli.options import Reading, SceneArgument, open_inputs, takes_reading


@takes_reading
def train_codec_command(
    scenes: SceneArgument,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="RUN", help="Folder of the run.")],
    recipe: Annotated[
        str,
        typer.Option(
            help="A recipe of `src/hsigan/recipes/codec`, such as klt-context, hific, hific-se, "
            "hific-3d, hific-tunable, cae-1d, sscnet, cae-3d; or a TOML file.",
        ),
    ] = "klt-context",
    validation: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCENE",
            help="A scene that is not trained on: it holds the rate and gives the figures of the "
            "log; repeatable. Without one the last rows of every scene are held out.",
        ),
    ] = None,
    companion: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCENE",
            help="A scene of any sensor, with any bands, for what klt-context learns that is alike "
            "in all of them; repeatable.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the recipe; repeatable."),
    ] = None,
    lpips: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Weights of LPIPS (AlexNet's and the heads), where a recipe uses it and they "
            "cannot be fetched; repeatable.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the training.")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    *,
    reading: Reading,
) -> None:
    """Train a codec on scenes of one sensor; `--codec RUN` then compresses other scenes with it.

    Example: hsigan train codec airport-2.mat urban-4.mat --companion salinas.mat --out runs/codec;
    with --recipe hific --set target_bpp=0.6 it trains a GAN codec of one rate.

    Ctrl-C stops after the step under way and leaves a usable codec; --resume continues it.
    """
    from hsigan.cli.train_gan import training_progress
    from hsigan.codec.fitting import Training, check_companions, check_held_out, resolve_codec
    from hsigan.codec.zoo import RUN_MODEL
    from hsigan.files import check_writable
    from hsigan.synthesis.gan_inputs import check_device
    from hsigan.training.run_folder import RunFolder

    codec_class, config = resolve_codec(recipe, None, set_ or [])
    check_device(device)
    check_writable(out / RUN_MODEL)
    opened = open_inputs(scenes, reading)
    others = open_inputs(validation, reading) if validation else []
    companions = [open_inputs([name])[0] for name in companion or []]
    training = Training(others, seed, device, None, None, lpips or (), companions)
    check_companions(codec_class, training)
    check_held_out(opened, training)
    settings = {**config.model_dump(mode="json"), "seed": seed, "recipe": recipe}
    run = RunFolder.create(out, settings, resume)
    steps = int(getattr(config, "all_steps", getattr(config, "steps", 0)))
    with training_progress(steps) as report:
        training = replace(training, run=run, report=report)
        codec = codec_class().fit(opened, config, training)
    codec.save(out / RUN_MODEL)
    _print_result(codec.describe(), out, steps)
    typer.echo(f"next: hsigan compress SCENE --codec {out} -o scene.hsc")


def _print_result(facts: dict[str, object], out: Path, steps: int) -> None:
    """Print how far the training came, what it reached, and what took the place of LPIPS."""
    done = facts.get("steps", steps)
    typer.echo(f"{out}: {facts['name']}, {done} of {steps} steps")
    held_out = facts.get("held_out")
    if isinstance(held_out, dict):
        figures = ", ".join(f"{key} {value:.4g}" for key, value in held_out.items())
        typer.echo(f"on what was held out: {figures}")
    if "perceptual" in facts:
        typer.echo(str(facts["perceptual"]))
    if isinstance(done, int) and done < steps:
        typer.echo("interrupted: the codec is usable as it is; --resume continues it")
