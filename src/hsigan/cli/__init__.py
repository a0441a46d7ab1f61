"""The command line: thin. Each command parses, calls the library, and prints."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hsigan.errors import HsiganError

app = typer.Typer(
    name="hsigan",
    help="Generative adversarial networks for hyperspectral imagery.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(version("hsigan"))
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Synthesise labelled spectra, train better classifiers with them, and measure both."""


def _add_commands() -> None:
    """Hang every command onto the app. Their modules import nothing heavy until they run."""
    from hsigan.cli import (
        classify,
        demo,
        evaluate_augmentation,
        evaluate_synthesis,
        report,
        sample,
        scene,
        split,
        train_classifier,
        train_gan,
    )

    train = typer.Typer(help="Train a GAN or a classifier.", no_args_is_help=True)
    train.command("gan")(train_gan.train_gan_command)
    train.command("classifier")(train_classifier.train_classifier_command)
    evaluate = typer.Typer(help="Measure samples, and what they gain.", no_args_is_help=True)
    evaluate.command("synthesis")(evaluate_synthesis.evaluate_synthesis_command)
    evaluate.command("augmentation")(evaluate_augmentation.evaluate_augmentation_command)

    app.command("demo")(demo.demo_command)
    app.add_typer(scene.app, name="scene", help="Read, list, fetch, simulate, convert scenes.")
    app.command("split")(split.split_command)
    app.add_typer(train, name="train")
    app.command("sample")(sample.sample_command)
    app.command("interpolate")(sample.interpolate_command)
    app.command("classify")(classify.classify_command)
    app.add_typer(evaluate, name="evaluate")
    app.command("report")(report.report_command)


_add_commands()


def main() -> None:
    """Run the command line; a user's mistake becomes one line and exit status 2."""
    try:
        app()
    except HsiganError as error:
        print(f"hsigan: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("hsigan: interrupted; what was written so far is kept", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        print(
            f"hsigan: {error.strerror or error}: {error.filename or ''}".rstrip(": "),
            file=sys.stderr,
        )
        sys.exit(2)
