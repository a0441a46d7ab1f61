"""`hsigan evaluate synthesis`: how real are the samples of GANs, baselines, or anybody."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hsigan.cli.experiment import experiment_config, with_class_ids
from hsigan.cli.options import Reading, takes_reading
from hsigan.cli.synthesis_inputs import contestants, labelled_by, scenes_and_runs, split_of
from hsigan.cli.synthesis_table import print_figures

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

    from hsigan.evaluation.contestants import Contestants
    from hsigan.evaluation.results import ResultsFolder
    from hsigan.sampling import Split, SplitOptions


@takes_reading
def evaluate_synthesis_command(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN] [SCENE]", help="Scenes, and folders of trained GANs."),
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--out", metavar="RESULTS", help="Folder for the results.")
    ] = Path("results"),
    recipe: Annotated[
        str | None,
        typer.Option(help="Scenes and split of a shipped experiment such as pavia-u-3pct."),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="Generators to fit and judge; none: no others than RUN and --samples. By "
            "default gan, ss-gan and simple ones, or none where a RUN or --samples is given.",
        ),
    ] = None,
    samples: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE.npz", help="Anybody's samples to judge; repeatable."),
    ] = None,
    split: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The split; a RUN brings its own.")
    ] = None,
    mode: Annotated[
        Literal["random", "blocks", "rows", "tiles"],
        typer.Option(help="How to divide where no split is given."),
    ] = "random",
    train: Annotated[
        float | None, typer.Option(help="Share of the labelled pixels that trains; 0.03 if unsaid.")
    ] = None,
    train_per_class: Annotated[
        int | None, typer.Option(help="Labels per class (pixels), validation included.")
    ] = None,
    classes: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Ids or names that take part.")
    ] = None,
    block: Annotated[int, typer.Option(help="Side of the blocks (pixels).")] = 20,
    guard: Annotated[
        int | None,
        typer.Option(
            help="Test and training pixels lie more than this apart (pixels); by default half of "
            "the patch, at random 0."
        ),
    ] = None,
    patch: Annotated[
        int | None,
        typer.Option(min=1, help="Side of the patches that are judged (pixels); 1: spectra."),
    ] = None,
    allow_leak: Annotated[
        bool,
        typer.Option(
            "--allow-leak", help="Go on although test patches hold training pixels, and say so."
        ),
    ] = False,
    seeds: Annotated[int, typer.Option(min=1, help="Fresh partitions (and trainings).")] = 1,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="The first of the seeds.")] = 0,
    per_class: Annotated[
        int, typer.Option(min=2, help="Spectra drawn per class (number) from each generator.")
    ] = 1000,
    floor_draws: Annotated[
        int, typer.Option(min=1, help="Draws of the real-against-real floor (number).")
    ] = 20,
    classes_together: Annotated[
        bool,
        typer.Option(
            "--classes-together",
            help="Judge all classes as one, as samples without classes need (unsupervised GANs).",
        ),
    ] = False,
    abundances: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.mat",
            help="Unmixing reference: labels are where an abundance exceeds 0.9, and mixtures of "
            "classes are judged too.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting over the GAN recipes."),
    ] = None,
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
    """Judge synthetic spectra, each figure beside its real-against-real floor.

    Example: hsigan evaluate synthesis SalinasA.mat --labels SalinasA_gt.mat --train 0.03
    --methods gan,gaussian --samples theirs=theirs.npz -o results

    A recipe brings the scenes and the split of one of the paper's tables:
    hsigan evaluate synthesis --recipe pavia-u-3pct --seeds 3 -o results
    """
    from dataclasses import replace

    from hsigan.evaluation.leak_facts import leak_facts
    from hsigan.evaluation.results import ResultsFolder
    from hsigan.evaluation.study_name import study_name
    from hsigan.sampling import Split, SplitOptions, check_patch_split, common_grid
    from hsigan.scene import class_names_of

    started = perf_counter()
    asked = {"patch_px": patch, "allow_leak": allow_leak or None}
    sides = {key: value for key, value in asked.items() if value is not None}
    config = None if recipe is None else experiment_config(recipe, {}, sides, [])
    scenes, runs = scenes_and_runs(inputs or [], config, reading, abundances is not None)
    shares = labelled_by(scenes, abundances)
    given = split or split_of(runs, train, train_per_class)
    if given is not None:
        loaded = Split.load(given)
        side = patch or int(loaded.provenance.get("patch_px", 1))
        check_patch_split(loaded, side, allow_leak=allow_leak, grids=common_grid(scenes))
        options: Split | SplitOptions = loaded
    elif config is not None:
        options = with_class_ids(config, scenes[0]).split_options(seed)
        side = options.patch_px
    else:
        side = patch or 1
        options = SplitOptions(
            mode=mode,
            train=0.03 if train is None and train_per_class is None else train,
            train_per_class=train_per_class,
            classes=_classes(classes, class_names_of(scenes[0])),
            block_px=block,
            guard_px=guard,
            patch_px=side,
            allow_leak=allow_leak,
            seed=seed,
        )
    who = contestants(methods, samples, runs, per_class, set_, side)
    who = replace(who, keep=keep, classes_together=classes_together)
    results = ResultsFolder(output)
    name = study_name(scenes, recipe)
    facts = _facts(name, scenes, who, floor_draws, given)
    facts |= {
        "seeds": list(range(seed, seed + seeds)),
        "patches": leak_facts(scenes, options, side),
    }
    if not results.experiment():  # an interrupted experiment knows its settings too
        results.write_experiment(facts | {"seconds": 0.0})
    _run(name, scenes, options, who, range(seed, seed + seeds), floor_draws, shares, results)
    results.write_summary(reference="floor")
    results.write_experiment(facts | {"seconds": round(perf_counter() - started, 1)})
    print_figures(results.records())
    if who.files and given is None:
        typer.echo(
            "without --split the samples were judged on a partition made here, whose held-out "
            "pixels they may have learned from: give the split that they were made with.",
            err=True,
        )
    typer.echo(f"{output}  (hsigan report {output} -o report.html turns it into a page)")


def _run(
    name: str,
    scenes: Sequence[xr.Dataset],
    how: Split | SplitOptions,
    who: Contestants,
    seeds: range,
    floor_draws: int,
    shares: NDArray[np.float64] | None,
    results: ResultsFolder,
) -> None:
    """Judge on one partition per seed; a given split stays, and only trainings differ.

    A seed whose methods are all in the results already is not run again.
    """
    from dataclasses import replace

    from hsigan.cli.progress import watched
    from hsigan.evaluation.synthesis import Setting
    from hsigan.evaluation.synthesis_study import describe_split, run_study
    from hsigan.sampling import Split, split_scenes

    place = ("scene", "split", "labels_per_class", "seed", "method")
    done = results.done(*place)
    measured = results.done(*place[:3])
    classes = max(len(scenes[0]["label"].attrs.get("class_ids", [])), 1)
    with watched(range(len(seeds) * who.steps(classes)), "judging") as steps:
        ticks = iter(steps)

        def tick(_: str) -> None:
            next(ticks, None)

        for seed in seeds:
            part = how if isinstance(how, Split) else split_scenes(scenes, replace(how, seed=seed))
            setting = Setting(
                scene=name,
                split=describe_split(part, who),
                labels_per_class=part.provenance.get("train_per_class"),
                seed=seed,
                floor_draws=floor_draws,
            )
            where = tuple(getattr(setting, key) for key in place[:-1])
            if where[:3] in measured:
                results.check_options(name, _deciding(who, floor_draws))
            if not all((*where, name) in done for name in who.names):
                run_study(scenes, part, who, setting, results, abundances=shares, progress=tick)


def _classes(text: str | None, names: dict[int, str]) -> tuple[int, ...] | None:
    from hsigan.cli.split import parse_classes

    return parse_classes(text, names)


def _facts(
    name: str,
    scenes: Sequence[xr.Dataset],
    who: Contestants,
    floor_draws: int,
    split: Path | None,
) -> dict[str, Any]:
    """Return what ``experiment.json`` says beside machine, seeds and time."""
    from hsigan.evaluation.contestants import ALL_CLASSES, id_of_all_classes
    from hsigan.sampling import common_bands
    from hsigan.scene import class_names_of

    names = class_names_of(scenes[0])
    if who.classes_together:
        names[id_of_all_classes(scenes[0])] = ALL_CLASSES
    return {
        "title": f"Synthesis: how real are spectra made for {name}",
        "command": shlex.join(["hsigan", *sys.argv[1:]]),
        "options": {
            "methods": [*who.methods, *who.runs],
            "samples": {name: path.name for name, path in who.files.items()},
            **_deciding(who, floor_draws),
            "split": split.name if split else "made here",
        },
        "scene": {
            "name": name,
            "files": len(scenes),
            "shape": [scenes[0].sizes["y"], scenes[0].sizes["x"]],
            "class_ids": list(names),
            "class_names": list(names.values()),
            "bands": len(common_bands(scenes)),
        },
    }


def _deciding(who: Contestants, floor_draws: int) -> dict[str, Any]:
    """Return the options under which figures can be compared."""
    return {
        "per_class": who.per_class,
        "floor_draws": floor_draws,
        "gan": dict(who.gan_settings),
    }
