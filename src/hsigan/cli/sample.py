"""`hsigan sample` and `hsigan interpolate`: from a run to files of spectra."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="Folder that `hsigan train gan` wrote.")
]
OutOption = Annotated[
    Path,
    typer.Option("-o", "--out", metavar="FILE", help=".npz; spectra also .parquet or .sli (ENVI)."),
]
SeedOption = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the drawing.")]


def sample_command(
    run: RunArgument,
    out: OutOption,
    number: Annotated[
        int | None, typer.Option("-n", min=1, help="Samples per class; default 1000.")
    ] = None,
    class_: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="NAME", help="Class name or id; repeatable; default all."),
    ] = None,
    seed: SeedOption = 0,
    balance: Annotated[
        bool,
        typer.Option(
            "--balance",
            help="Fill up: with the training pixels every class has as many as the largest.",
        ),
    ] = False,
    counts: Annotated[
        str | None,
        typer.Option(metavar="A=300,B=20", help="Samples of each class named, none of others."),
    ] = None,
) -> None:
    """Draw new labelled spectra or patches from a trained GAN, as many as the disk holds.

    Example: hsigan sample runs/salinas -n 1000 -o samples.npz
    """
    from hsigan.errors import InputError
    from hsigan.synthesis.scene_run import draw_samples

    if balance + (number is not None) + (counts is not None) > 1:
        raise InputError("give -n, --counts or --balance; no two of them")
    if counts is not None and class_:
        raise InputError("--counts names the classes itself: leave out --class")
    wanted = None if balance else number or 1000
    drawn = draw_samples(run, out, wanted if counts is None else parse_counts(counts), class_, seed)
    filled = sum(count > 0 for count in drawn.values())
    classes = "1 class" if filled == 1 else f"{filled} classes"
    typer.echo(f"{out}: {sum(drawn.values())} samples of {classes}")


def parse_counts(text: str) -> dict[str, int]:
    """Return class names, or ids, and numbers from text such as ``A=300,B=20``.

    Raises
    ------
    InputError
        The text has another form, or names a class twice.
    """
    from hsigan.errors import InputError

    counts: dict[str, int] = {}
    for piece in text.split(","):
        name, _, number = (word.strip() for word in piece.rpartition("="))
        if not name or not number.isdecimal() or name in counts:
            raise InputError(f"--counts takes A=300,B=20, each class once. Got {text!r} instead.")
        counts[name] = int(number)
    return counts


def interpolate_command(
    run: RunArgument,
    out: OutOption,
    start: Annotated[
        str | None, typer.Option("--from", metavar="CLASS", help="Class to start from.")
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="CLASS", help="Class to end at; the same one walks within."),
    ] = None,
    steps: Annotated[int, typer.Option(min=2, help="Spectra along the way.")] = 9,
    weights: Annotated[
        str | None,
        typer.Option(metavar="A=0.3,B=0.7", help="Mixing weights instead of --from and --to."),
    ] = None,
    seed: SeedOption = 0,
) -> None:
    """Walk through the latent space: within a class, between two, or mix classes.

    Example: hsigan interpolate runs/salinas --from Celery --to Fallow --steps 9 -o path.npz
    """
    import numpy as np

    from hsigan.errors import InputError
    from hsigan.synthesis.interpolation import (
        between_classes,
        class_weights,
        mixtures,
        within_class,
    )
    from hsigan.synthesis.scene_run import as_samples, open_run, parse_class

    ends = sum(name is not None for name in (start, end))
    if ends != (2 if weights is None else 0):
        raise InputError("give --from and --to, or --weights A=0.3,B=0.7")
    gan, scene = open_run(run)
    facts = {"run": run.name, "sample_seed": seed}
    label = 0
    if weights is not None:
        shares = parse_weights(weights, scene.class_names)
        rows = np.tile(class_weights(gan, shares), (steps, 1))
        spectra = mixtures(gan, rows, seed)
        facts |= {"weights": {str(key): share for key, share in shares.items()}}
    else:
        first, last = (parse_class(str(name), scene.class_names) for name in (start, end))
        facts |= {"from": first, "to": last}
        if first == last:
            label = first  # of a mixture there is none
            spectra = within_class(gan, first, steps, seed)
        else:
            spectra = between_classes(gan, first, last, steps, seed)
    labels = np.full(len(spectra), label, dtype=np.int64)
    as_samples(gan, scene, spectra, labels, facts).save(out)
    typer.echo(f"{out}: {len(spectra)} spectra")


def parse_weights(text: str, class_names: dict[int, str]) -> dict[int, float]:
    """Return class ids and shares from text such as ``A=0.3,B=0.7``.

    Raises
    ------
    InputError
        The text has another form, or names a class twice.
    """
    from hsigan.errors import InputError
    from hsigan.synthesis.scene_run import parse_class

    shares: dict[int, float] = {}
    for piece in text.split(","):
        name, _, number = piece.rpartition("=")
        label = parse_class(name.strip(), class_names)
        if label in shares:
            raise InputError(f"--weights takes each class once. Got {text!r}")
        try:
            shares[label] = float(number)
        except ValueError as error:
            raise InputError(f"--weights takes A=0.3,B=0.7. Got {text!r}: {error}") from error
    return shares
