"""The command line: thin. Each command parses, calls the library, and prints."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from hsigan.errors import HsiganError

app = typer.Typer(
    name="hsigan",
    help="Generative adversarial networks for hyperspectral imagery.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    # Every command writes to --out, and takes --output for it.
    context_settings={"token_normalize_func": lambda word: "out" if word == "output" else word},
)


def _group(text: str) -> typer.Typer:
    """Return a command that only holds others. Markdown joins the lines of their docstrings."""
    return typer.Typer(help=text, no_args_is_help=True, rich_markup_mode="markdown")


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
        compress,
        decompress,
        demo,
        evaluate_augmentation,
        evaluate_compression,
        evaluate_synthesis,
        inspect_file,
        report,
        sample,
        scene,
        split,
        train_classifier,
        train_codec,
        train_gan,
    )

    train = _group("Train a GAN, a classifier or a codec.")
    train.command("gan")(train_gan.train_gan_command)
    train.command("classifier")(train_classifier.train_classifier_command)
    train.command("codec")(train_codec.train_codec_command)
    evaluate = _group("Measure samples and what they gain, and codecs.")
    evaluate.command("synthesis")(evaluate_synthesis.evaluate_synthesis_command)
    evaluate.command("augmentation")(evaluate_augmentation.evaluate_augmentation_command)
    evaluate.command("compression")(evaluate_compression.evaluate_compression_command)

    app.command("demo")(demo.demo_command)
    app.add_typer(scene.app, name="scene", help="Read, list, fetch, simulate, convert scenes.")
    app.command("split")(split.split_command)
    app.add_typer(train, name="train")
    app.command("sample")(sample.sample_command)
    app.command("interpolate")(sample.interpolate_command)
    app.command("classify")(classify.classify_command)
    app.command("compress")(compress.compress_command)
    app.command("decompress")(decompress.decompress_command)
    app.command("inspect")(inspect_file.inspect_command)
    app.command("verify")(inspect_file.verify_command)
    app.add_typer(evaluate, name="evaluate")
    app.command("report")(report.report_command)


_add_commands()

_INTERRUPTED = 130
"""The exit status that typer makes of Ctrl-C."""

# typer's word for an unknown option, a missing argument and the like has no public name: it comes
# from click or, in later versions, from typer's own copy of it.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def main() -> None:
    """Run the command line; a user's mistake becomes one line and exit status 2."""
    try:
        status = app(standalone_mode=False, prog_name="hsigan")
        if status == _INTERRUPTED:
            print("hsigan: interrupted; what was written so far is kept", file=sys.stderr)
        sys.exit(status)
    except HsiganError as error:
        print(f"hsigan: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except _UsageError as error:
        _explain_usage(error)
        sys.exit(2)
    except typer.Abort:  # hsigan asks no questions: it is what typer makes of an EOFError
        print("hsigan: a file that was read is cut off: copy it again", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(
            f"hsigan: {where}{error.strerror or error}; correct the path, free some space, or "
            "choose another place",
            file=sys.stderr,
        )
        sys.exit(2)
    except (MemoryError, RuntimeError) as error:
        if not _lacks_memory(error):
            raise
        print(
            f"hsigan: this needs more memory than there is ({' '.join(str(error).split())}): ask "
            "for less (smaller scenes, numbers or settings), or take a larger machine",
            file=sys.stderr,
        )
        sys.exit(2)


def _explain_usage(error: Any) -> None:
    """Print what is wrong with the words of a command in one line, where its help is in the same.

    A group of commands given without one shows its help instead.
    """
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return
    message = " ".join(error.format_message().split()).rstrip(".").replace("Value error, ", "")
    command = "hsigan" if error.ctx is None else error.ctx.command_path
    print(f"hsigan: {message[:1].lower()}{message[1:]} (see {command} --help)", file=sys.stderr)


def _lacks_memory(error: Exception) -> bool:
    """Tell PyTorch's word that memory ran out, a plain RuntimeError, from others."""
    return isinstance(error, MemoryError) or "memory" in str(error)
