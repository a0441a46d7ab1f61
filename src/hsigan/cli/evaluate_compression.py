"""`hsigan evaluate compression`: how good files of so many bytes are, codec by codec."""

from __future__ import annotations

import shlex
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hsigan.cli.evaluate_augmentation import counting
from hsigan.cli.experiment import recipe_files, recipe_reading
from hsigan.cli.options import Reading, expand_scene, open_inputs, takes_reading
from hsigan.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from hsigan.evaluation.compression import SceneSource
    from hsigan.evaluation.compression_config import ComparisonConfig
    from hsigan.evaluation.compression_points import ForeignPoint
    from hsigan.evaluation.results import Record


@takes_reading
def evaluate_compression_command(
    scenes: Annotated[
        list[str] | None,
        typer.Argument(metavar="SCENE", help="Held-out scenes; else those of the recipe."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="A shipped experiment such as compression-aviris, or a TOML file."),
    ] = None,
    train: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCENE", help="Scenes that codecs which learn are fitted on; repeatable."
        ),
    ] = None,
    companion: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCENE",
            help="Scenes of any sensors, for what a codec such as klt-context learns that is alike "
            "in all of them; repeatable.",
        ),
    ] = None,
    codecs: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...", help="Codecs, recipes, model files, runs; LABEL=NAME names one."
        ),
    ] = None,
    bpp: Annotated[
        str | None,
        typer.Option(metavar="0.5,1,...", help="Targets in bits per pixel, all bands together."),
    ] = None,
    bpppc: Annotated[
        str | None,
        typer.Option(metavar="0.05,0.1,...", help="Targets in bits per pixel and band."),
    ] = None,
    decoder: Annotated[
        Literal["faithful", "realistic", "both"] | None,
        typer.Option(help="Which decoder of codecs that have two; both unless a recipe says more."),
    ] = None,
    decoded: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE,BYTES",
            help="A scene that another codec decoded, and the size of its file; repeatable.",
        ),
    ] = None,
    classifier: Annotated[
        str | None,
        typer.Option(help="Tested on decoded pixels where there are labels; none for none."),
    ] = None,
    pictures: Annotated[
        int | None, typer.Option(help="Number of scenes that the report shows.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the recipe; repeatable."),
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--out", metavar="RESULTS", help="Folder of the results.")
    ] = Path("results"),
    *,
    reading: Reading,
) -> None:
    """Encode held-out scenes to real files at several rates, decode them, and judge what is left.

    An interrupted comparison continues when the same command is given again.

    Example: hsigan evaluate compression SCENE --codecs klt,jpeg2000 --bpppc 0.1,0.5 -o results/rate
    """
    from hsigan.cli.train_gan import training_progress
    from hsigan.codec.fitting import Training
    from hsigan.evaluation.compression import (
        Comparison,
        comparison_facts,
        refuse_training_scene,
    )
    from hsigan.evaluation.compression_codecs import open_codecs
    from hsigan.evaluation.compression_differences import BASELINE
    from hsigan.evaluation.results import ResultsFolder
    from hsigan.scene.describe import scene_digest

    given: dict[str, Any] = {
        "codecs": None if codecs is None else [word.strip() for word in codecs.split(",")],
        "bpp": _rates("--bpp", bpp),
        "bpppc": _rates("--bpppc", bpppc),
        "decoders": decoder,
        "classifier": classifier,
        "pictures": pictures,
    }
    config = _config(recipe, {k: v for k, v in given.items() if v is not None}, set_ or [])
    if recipe is not None and not scenes:
        reading = recipe_reading(config.reading)
    sources = _sources(scenes or recipe_files(config.scenes, config.leave_out), reading)
    foreign = [_foreign(text, sources, reading) for text in decoded or []]
    training = _training(train, config, reading)
    names = tuple(str(scene.attrs["name"]) for scene in training)
    companions = _companions(companion or config.companions)
    others = tuple(str(scene.attrs["name"]) for scene in companions)
    config = config.model_copy(update={"train": names, "companions": others})
    trained_on = frozenset(scene_digest(scene) for scene in [*training, *companions])
    for source in sources if trained_on else ():  # before a training, not after it
        refuse_training_scene(source.open(), source.name, trained_on)
    with training_progress(0) as report:
        around = Training(seed=config.seed, companions=companions, report=report)
        judged = open_codecs(config.codecs, training, output / "models", config.decoders, around)
    comparison = Comparison(
        name=Path(recipe).stem if recipe else _group_name(sources),
        config=config,
        folder=ResultsFolder(output),
        codecs=judged,
        trained_on=trained_on,
        foreign=foreign,
    )
    del training, companions, around  # they may be large, and have done their work
    started = time.monotonic()
    with counting("comparing", "points") as report:
        comparison.progress = lambda message, done, planned: report(done, planned, message)
        records = comparison.run(sources)
    command, seconds = "hsigan " + shlex.join(sys.argv[1:]), time.monotonic() - started
    comparison.folder.write_experiment(
        comparison_facts(comparison, command=command, seconds=seconds)
    )
    comparison.folder.write_summary(BASELINE)
    _print_points(records)
    for line, count in Counter(comparison.impossible).items():
        typer.echo(f"not possible on {count} scene{'s' if count > 1 else ''}: {line}")
    typer.echo(f"next: hsigan report {output} -o report.html")


def _config(recipe: str | None, given: dict[str, Any], overrides: list[str]) -> ComparisonConfig:
    """Lay the command line's settings over a recipe's; rates of one kind replace both kinds."""
    from hsigan.evaluation.compression_config import ComparisonConfig
    from hsigan.recipe import build_config, load_recipe

    values = {} if recipe is None else load_recipe("experiment", recipe)
    if "bpp" in given or "bpppc" in given:
        values = {key: value for key, value in values.items() if key not in ("bpp", "bpppc")}
    return build_config(ComparisonConfig, values | given, overrides)


def _rates(option: str, text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise InputError(
            f"{option} takes numbers such as 0.2,0.5,1. Got {text!r} instead."
        ) from None


def _sources(names: Sequence[str], reading: Reading) -> list[SceneSource]:
    """Return the held-out scenes, each opened when its turn comes."""
    from hsigan.evaluation.compression import SceneSource

    files = [str(path) for name in names for path in _files(name)]
    if not files:
        raise InputError("no scene was given: name files, or a recipe with --recipe.")
    own = [_reading_of(reading, index, len(files)) for index in range(len(files))]
    return [
        SceneSource(_scene_name(file), partial(_open_one, file, how))
        for file, how in zip(files, own, strict=True)
    ]


def _files(name: str) -> list[Path] | list[str]:
    return [name] if name.startswith("known:") else expand_scene(name)


def _scene_name(file: str) -> str:
    return file.removeprefix("known:") if file.startswith("known:") else Path(file).stem


def _reading_of(reading: Reading, index: int, count: int) -> Reading:
    """Return the options for one of several scenes, which may have label files of their own."""
    labels = reading.labels
    if not labels or len(labels) == 1:
        return reading
    if len(labels) != count:
        raise InputError(f"{len(labels)} label files were given for {count} scenes: give one each.")
    return replace(reading, labels=[labels[index]])


def _open_one(file: str, reading: Reading) -> xr.Dataset:
    return open_inputs([file], reading)[0]


def _training(
    given: list[str] | None, config: ComparisonConfig, reading: Reading
) -> list[xr.Dataset]:
    """Open the training scenes of the command line, else those of the recipe; without labels."""
    names = given or recipe_files(config.train, config.leave_out)
    files = [str(path) for name in names for path in _files(name)]
    plain = replace(reading, labels=None, label_field=None, label_table=None, label_key=None)
    return open_inputs(files, plain) if files else []


def _companions(names: Sequence[str]) -> list[xr.Dataset]:
    """Open scenes of any sensors, one after the other; without labels."""
    files = recipe_files(names, ())
    return [open_inputs([str(path)])[0] for name in files for path in _files(name)]


def _foreign(text: str, sources: Sequence[SceneSource], reading: Reading) -> ForeignPoint:
    """Read NAME=FILE,BYTES; of several scenes it is the one whose name is in the file's."""
    from hsigan.evaluation.compression_points import ForeignPoint

    method, is_named, rest = text.partition("=")
    file, _, size = rest.rpartition(",")
    if not (is_named and method.strip() and file and size.strip().isdecimal() and int(size)):
        raise InputError(
            f"--decoded takes NAME=FILE,BYTES such as ours=decoded.tif,12345. Got {text!r} instead."
        )
    named = [source.name for source in sources if source.name in Path(file).name]
    found = max(named, key=len) if named else sources[0].name
    if not named and len(sources) > 1:
        raise InputError(
            f"{file} does not say which scene it is: give the file a name that holds one of "
            f"{', '.join(source.name for source in sources)}."
        )
    plain = replace(reading, labels=None, label_field=None, label_table=None, label_key=None)
    return ForeignPoint(method.strip(), found, int(size), partial(_open_one, file, plain))


def _group_name(sources: Sequence[SceneSource]) -> str:
    """Return what the scenes' names begin with, and how many there are."""
    names = [source.name for source in sources]
    if len(names) == 1:
        return names[0]
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    shared = "".join(letters[0] for letters in alike).rstrip("0123456789").rstrip("_- .")
    return f"{shared or names[0]}, {len(names)} scenes"


def _print_points(records: Sequence[Record]) -> None:
    """Print rate, PSNR and spectral angle of every point, means over the scenes."""
    from rich.console import Console
    from rich.table import Table

    from hsigan.evaluation.statistics import mean_interval

    shown = {"bpp": 4, "bpppc": 5, "psnr": 2, "spectral_angle": 3, "ssim": 4, "ratio": 1}
    values: dict[tuple[str, str, float], dict[str, list[float]]] = {}
    for record in records:
        if record.metric in shown and record.split is not None:
            key = (record.method, record.split, record.amount or 0.0)
            values.setdefault(key, {}).setdefault(record.metric, []).append(record.value)
    headings = ("bpp", "bpppc", "PSNR, dB", "angle, deg", "SSIM", "ratio")
    table = Table("codec", title="means over the scenes, by the bytes of the files")
    for heading in headings:
        table.add_column(heading, justify="right")
    for (method, _, _), figures in values.items():
        means = [mean_interval(figures.get(metric, [])).mean for metric in shown]
        cells = [f"{m:.{digits}f}" for m, digits in zip(means, shown.values(), strict=True)]
        table.add_row(method, *cells)
    Console(width=None if sys.stdout.isatty() else 160).print(table)
