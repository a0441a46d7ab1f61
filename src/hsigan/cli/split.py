"""`hsigan split`: labelled scenes in, an audited split out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hsigan.cli.options import Reading, SceneArgument, open_inputs, takes_reading

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

    from hsigan.sampling import Split


def read_masks(
    scenes: Sequence[xr.Dataset], files: Sequence[str]
) -> list[NDArray[np.int64]] | None:
    """Read training or test maps, laid on the scenes as label files are.

    Parameters
    ----------
    scenes : sequence of xarray.Dataset
    files : sequence of str
        ``FILE`` or ``FILE:NAME``, one per scene; or one for all: a folder with a file of each
        scene's name, or a georeferenced map that covers them.

    Returns
    -------
    list of (H, W) arrays, or None
        One per scene; None when no file is named.

    Raises
    ------
    SplitError
        When the number of files is neither one nor the number of scenes.
    LabelError
        When a file is not a map of its scene.
    """
    from hsigan.errors import SplitError
    from hsigan.scene import ReadOptions
    from hsigan.scene.labels import label_scene, labels_for

    if not files:
        return None
    if len(files) not in (1, len(scenes)):
        raise SplitError(
            f"Give one mask, or one per scene. Got {len(files)} masks for {len(scenes)} scenes."
        )
    masks = []
    for scene, file in zip(scenes, list(files) * (len(scenes) // len(files)), strict=True):
        path, name = labels_for(Path(scene.attrs["source"][0]), file)
        labelled = label_scene(scene, path, name, ReadOptions())
        masks.append(labelled["label"].values.astype("int64"))
    return masks


def parse_classes(text: str | None, class_names: dict[int, str]) -> tuple[int, ...] | None:
    """Return the class ids in text such as ``1,2,4`` or ``oak,elm``.

    Raises
    ------
    LabelError
        When a word between the commas is neither an id nor a name of the scene.
    """
    from hsigan.errors import LabelError

    if text is None:
        return None
    ids = {name: label for label, name in class_names.items()}
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in ids and not word.isdecimal():
            raise LabelError(
                f"--classes takes class ids or names. Got {word!r}; the scene's classes are "
                + ", ".join(f"{label} ({name})" for label, name in class_names.items())
                + "."
            )
    return tuple(ids[word] if word in ids else int(word) for word in words)


def print_split(split: Split, class_names: dict[int, str]) -> None:
    """Print a made split's audit: a table of the classes, then what holds for all."""
    from rich.console import Console
    from rich.table import Table

    from hsigan.sampling import PARTS, Audit

    report = Audit(**split.provenance["audit"])
    table = Table("class", "name")
    for part in PARTS:
        table.add_column(part, justify="right")
    for label in report.counts["train"]:
        numbers = [str(report.counts[part][label]) for part in PARTS]
        table.add_row(label, class_names.get(int(label), ""), *numbers)
    console = Console(soft_wrap=True, markup=False)
    console.print(table)
    for line in [*report.findings(), *_notes(split.provenance)]:
        console.print(line, highlight=False)


def _notes(provenance: dict[str, Any]) -> list[str]:
    removed = {side: number for side, number in provenance["removed_by_guard"].items() if number}
    notes = [
        f"the guard took {number} pixels from the {side} side" for side, number in removed.items()
    ]
    if provenance.get("raised_to_minimum"):
        ids = ", ".join(map(str, provenance["raised_to_minimum"]))
        notes.append(f"raised to the minimum per class: {ids}")
    for part in ("training", "test"):
        if provenance.get(f"{part}_mask_pixels_left_out"):
            number = provenance[f"{part}_mask_pixels_left_out"]
            notes.append(f"{number} pixels of the {part} mask carry no label and are left out")
    return [*notes, f"models are chosen by: {provenance['model_choice']}"]


@takes_reading
def split_command(
    scene: SceneArgument,
    mode: Annotated[
        Literal["random", "blocks", "rows", "tiles", "mask"],
        typer.Option(help="Assign pixels, squares, each class's rows, files, or as a mask says."),
    ] = "random",
    train: Annotated[
        float | None,
        typer.Option(help="Share of the labelled pixels that trains, between 0 and 1."),
    ] = None,
    train_per_class: Annotated[
        int | None, typer.Option(help="Labels per class (pixels), validation included.")
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(
            help="Share of the training part that validates, 0 to 1; by default 0.2, or 0 below 30 "
            "labels per class: models are then chosen by cross-validation."
        ),
    ] = None,
    validation_by: Annotated[
        Literal["pixels", "units"],
        typer.Option(help="Validate on scattered pixels or on whole blocks or files."),
    ] = "pixels",
    block: Annotated[int, typer.Option(help="Side of the blocks (pixels).")] = 20,
    guard: Annotated[
        int | None,
        typer.Option(
            help="Test and training pixels lie more than this apart (pixels); by default half the "
            "side of the patch, in mode random 0."
        ),
    ] = None,
    guard_from: Annotated[
        Literal["auto", "training", "test"],
        typer.Option(help="Side that gives way to the guard; auto: test in mode random only."),
    ] = "auto",
    patch: Annotated[
        int, typer.Option(help="Side of the patches that a model will see (pixels).")
    ] = 1,
    allow_leak: Annotated[
        bool,
        typer.Option(
            "--allow-leak",
            help="Take a split whose test pixels have training pixels inside their patches.",
        ),
    ] = False,
    minimum_per_class: Annotated[
        int, typer.Option(help="Pixels of every class in every part, at least.")
    ] = 1,
    classes: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Ids or names that take part.")
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE[:NAME]", help="Mode mask: not 0 where a pixel trains."),
    ] = None,
    test_mask: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE[:NAME]", help="Mode mask: not 0 where a pixel tests."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    output: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE", help="The file to write.")
    ] = Path("split.npz"),
    *,
    reading: Reading,
) -> None:
    """Divide the labelled pixels into training, validation and test parts, and audit them.

    Example: hsigan split images/ --labels labels/ --mode tiles --train-per-class 50 --guard 1
    --classes 1,2,3,4 -o split.npz

    For a model of 9 x 9 patches, with a guard of 4 px: hsigan split Scene.mat --labels GT.mat
    --mode blocks --train 0.3 --patch 9
    """
    from hsigan.sampling import SplitOptions, split_scenes
    from hsigan.scene import class_names_of

    scenes = open_inputs(scene, reading)
    names = class_names_of(scenes[0])
    options = SplitOptions(
        mode=mode,
        train=train,
        train_per_class=train_per_class,
        validation=validation,
        validation_by=validation_by,
        minimum_per_class=minimum_per_class,
        block_px=block,
        guard_px=guard,
        guard_from=guard_from,
        patch_px=patch,
        allow_leak=allow_leak,
        classes=parse_classes(classes, names),
        seed=seed,
    )
    split = split_scenes(
        scenes,
        options,
        masks=read_masks(scenes, mask or []),
        test_masks=read_masks(scenes, test_mask or []),
    )
    print_split(split, names)
    typer.echo(f"written: {split.save(output)}")
