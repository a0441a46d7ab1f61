"""`hsigan evaluate augmentation`: whether synthetic spectra improve a classifier, by how much."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hsigan.cli.experiment import experiment_config, open_experiment, with_class_ids
from hsigan.cli.options import Reading, takes_reading

if TYPE_CHECKING:
    from hsigan.evaluation.augmentation_config import AugmentationConfig
    from hsigan.evaluation.results import Record
    from hsigan.evaluation.statistics import Interval


@takes_reading
def evaluate_augmentation_command(
    scenes: Annotated[
        list[str] | None,
        typer.Argument(metavar="SCENE", help="Scenes with labels; else those of the recipe."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="A shipped experiment such as pavia-u-3pct, or a TOML file."),
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--out", metavar="RESULTS", help="Folder of the results.")
    ] = Path("results"),
    seeds: Annotated[int | None, typer.Option(help="Number of fresh partitions.")] = None,
    mode: Annotated[
        Literal["random", "blocks", "rows", "tiles"] | None,
        typer.Option(help="How to divide; without a recipe at random."),
    ] = None,
    train: Annotated[
        float | None,
        typer.Option(help="Share of the labelled pixels that trains; 0.03 at random, else 0.5."),
    ] = None,
    train_per_class: Annotated[
        int | None, typer.Option(help="Labels per class (pixels), validation included.")
    ] = None,
    block: Annotated[int | None, typer.Option(help="Side of the blocks (pixels).")] = None,
    guard: Annotated[
        int | None, typer.Option(help="Test and training pixels lie more than this apart (pixels).")
    ] = None,
    patch: Annotated[
        int | None,
        typer.Option(help="Side of the patches that networks and GANs see (pixels); 1: spectra."),
    ] = None,
    allow_leak: Annotated[
        bool,
        typer.Option(
            "--allow-leak", help="Go on although test patches hold training pixels, and say so."
        ),
    ] = False,
    classes: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Ids or names that take part.")
    ] = None,
    methods: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Methods; none is always run.")
    ] = None,
    classifiers: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Classifiers, tuned on validation data.")
    ] = None,
    amounts: Annotated[
        str | None,
        typer.Option(metavar="0.5,1,...", help="Synthetic pixels per real one, class by class."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the recipe; repeatable."),
    ] = None,
    processes: Annotated[
        int, typer.Option(help="Partitions that run at a time; 0: one per processor core.")
    ] = 0,
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep the GANs trained here as runs; an interrupted training continues.",
        ),
    ] = None,
    *,
    reading: Reading,
) -> None:
    """Compare real pixels alone with every method, for every classifier, over fresh partitions.

    An interrupted experiment continues when the same command is given again.

    Example: hsigan evaluate augmentation --recipe salinas-a-3pct --seeds 10 -o results/salinas-a
    """
    from hsigan.evaluation.augmentation import evaluate_augmentation, experiment_facts
    from hsigan.evaluation.results import ResultsFolder
    from hsigan.evaluation.study_name import study_name

    given = _given(seeds, methods, classifiers, amounts)
    split = {
        "mode": mode,
        "train": train,
        "train_per_class": train_per_class,
        "block_px": block,
        "guard_px": guard,
        "patch_px": patch,
        "allow_leak": allow_leak or None,
    }
    if classes is not None:
        given["class_names"] = [word.strip() for word in classes.split(",")]
    config = experiment_config(
        recipe, given, {k: v for k, v in split.items() if v is not None}, set_ or []
    )
    opened = open_experiment(scenes or [], config, reading)
    config = with_class_ids(config, opened[0])
    name = study_name(opened, recipe)
    folder = ResultsFolder(output)
    started = time.monotonic()
    command = "hsigan " + shlex.join(sys.argv[1:])
    if not folder.experiment():  # an interrupted experiment knows its settings too
        told = experiment_facts(opened, config, name=name, command=command, seconds=0.0)
        folder.write_experiment(told)
    with counting("evaluating", "steps") as report:
        records = evaluate_augmentation(
            opened,
            config,
            folder,
            scene_name=name,
            processes=processes or (os.cpu_count() or 1),
            keep=keep,
            progress=lambda message, done, planned: report(done, planned, message),
        )
    seconds = time.monotonic() - started
    facts = experiment_facts(opened, config, name=name, command=command, seconds=seconds)
    folder.write_experiment(facts)
    folder.write_summary()
    print_gains(records, config)
    typer.echo(f"next: hsigan report {output} -o report.html")


def print_gains(records: list[Record], config: AugmentationConfig) -> None:
    """Print accuracy on real pixels alone, and each method's paired gain with its interval."""
    from rich.console import Console
    from rich.table import Table

    from hsigan.evaluation.augmentation_run import BEST, works
    from hsigan.evaluation.statistics import mean_interval, paired_difference

    values: dict[tuple[Any, ...], dict[int, float]] = {}
    for record in records:
        if record.metric == "overall_accuracy" and record.seed is not None:
            key = (record.method, record.amount, record.classifier)
            values.setdefault(key, {})[record.seed] = record.value
    columns = [*config.classifiers, BEST]
    table = Table("method", "amount", title="overall accuracy (%); gains in points, 95 % intervals")
    for name in columns:
        table.add_column(name, justify="right", overflow="fold")
    for method, amount in works(config):
        cells = []
        for name in columns:
            own, alone = values.get((method, amount, name)), values.get(("none", None, name), {})
            if own is None:
                cells.append("")
            elif method == "none":
                cells.append(f"{mean_interval(list(own.values())).mean:.2f}")
            else:
                gain = paired_difference(own, alone)
                cells.append(_gain_cell(gain))
        table.add_row(method, "" if amount is None else f"{amount:g}", *cells)
    # In a file there is room for every classifier's name.
    Console(width=None if sys.stdout.isatty() else 240).print(table)


def _gain_cell(gain: Interval) -> str:
    """Write a gain with its interval, which one partition does not have."""
    if gain.count < 2:
        return f"{gain.mean:+.2f}" if gain.count else ""
    return f"{gain.mean:+.2f}\n{gain.low:+.2f} to {gain.high:+.2f}"


def _given(
    seeds: int | None, methods: str | None, classifiers: str | None, amounts: str | None
) -> dict[str, Any]:
    """Return the settings that options of the command line lay over a recipe."""
    from hsigan.errors import InputError

    values: dict[str, Any] = {} if seeds is None else {"seeds": seeds}
    for key, text in (("methods", methods), ("classifiers", classifiers)):
        if text is not None:
            values[key] = [word.strip() for word in text.split(",")]
    if amounts is not None:
        try:
            values["amounts"] = [float(word) for word in amounts.split(",")]
        except ValueError:
            raise InputError(
                f"--amounts takes numbers such as 0.5,1,2. Got {amounts!r} instead."
            ) from None
    return values


@contextmanager
def counting(what: str, unit: str) -> Iterator[Callable[..., None]]:
    """Yield a callback for steps done, all steps and a message, drawn as a bar on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn(unit), Remaining())
    with Progress(
        *columns,
        TextColumn("{task.description}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=None)

        def report(done: int, planned: int, message: str = "") -> None:
            bar.update(task, completed=done, total=planned, description=message)

        yield report


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show that something is under way."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(what):
        yield
