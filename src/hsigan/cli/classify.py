"""`hsigan classify`: a trained classifier and a scene in, a class map out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hsigan.cli.options import (
    Reading,
    SceneArgument,
    open_inputs,
    refuse_to_replace,
    takes_reading,
)

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

    from hsigan.metrics.accuracy import Accuracy


@takes_reading
def classify_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a trained classifier.")],
    scenes: SceneArgument,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE",
            help="Class map: .tif (georeference, colours, names) or .png (with a legend). Of "
            "several scenes each map gets its scene's name added.",
        ),
    ] = Path("map.tif"),
    probabilities: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Probability of each class, as bands of a .tif."),
    ] = None,
    device: Annotated[
        str, typer.Option(help="Where a network on patches computes: cpu or cuda.")
    ] = "cpu",
    *,
    reading: Reading,
) -> None:
    """Predict the class of every pixel of a scene, up to its border.

    GeoTIFF and ENVI files are read a block of rows at a time, so that scenes larger than memory can
    be classified.

    Where the scene has labels the confusion matrix is printed and written beside the map as .csv:
    over the test part of the run's split where that fits the scenes, else over all labels.

    Example: hsigan classify runs/svm scene.tif -o map.tif --probabilities probabilities.tif
    """
    from hsigan.classification import classify_scene, load_classifier
    from hsigan.cli.evaluate_augmentation import counting

    refuse_to_replace([output, probabilities], scenes)
    trained = load_classifier(run, device)
    opened = open_inputs(scenes, reading, lazy=True)
    maps = []
    for index, scene in enumerate(opened):
        own = "" if len(opened) == 1 else f"_{scene.attrs.get('name', index)}"
        path = _with_ending(output, own)
        layers = None if probabilities is None else _with_ending(probabilities, own)
        with counting("classifying", "rows") as report:
            maps.append(classify_scene(trained, scene, path, layers, report))
        typer.echo(str(path))
    truth = _truth(run, opened)
    if truth is not None:
        masks, what = truth
        _print_confusion(opened, maps, masks, what, output, trained.class_names)


def _with_ending(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.stem}{ending}{path.suffix}")


def _truth(run: Path, scenes: list[xr.Dataset]) -> tuple[list[NDArray[np.bool_]], str] | None:
    """Return where predictions are compared with labels, and the words for it."""
    from hsigan.errors import InputError
    from hsigan.sampling import Split, check_split_fits

    if not all("label" in scene for scene in scenes):
        return None
    labelled = [scene["label"].values > 0 for scene in scenes]
    if (run / "split.npz").is_file():
        split = Split.load(run / "split.npz")
        try:
            check_split_fits(scenes, split)
        except InputError:
            pass  # Another scene than that of the run may be classified.
        else:
            if any(mask.any() for mask in split.test):
                return list(split.test), "the test part of the run's split"
    if not any(mask.any() for mask in labelled):
        return None
    return labelled, "all labelled pixels, those it was trained on included where it was"


def _print_confusion(
    scenes: list[xr.Dataset],
    maps: list[NDArray[np.int32]],
    masks: list[NDArray[np.bool_]],
    what: str,
    output: Path,
    class_names: dict[int, str],
) -> None:
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    from hsigan.metrics.accuracy import score

    truth = np.concatenate([s["label"].values[m] for s, m in zip(scenes, masks, strict=True)])
    predicted = np.concatenate([p[m] for p, m in zip(maps, masks, strict=True)])
    seen = predicted > 0
    accuracy = score(truth[seen], predicted[seen])
    table = Table("true \\ predicted", title=f"pixels of {what}")
    for class_id in accuracy.classes:
        table.add_column(str(class_id), justify="right")
    for class_id, row in zip(accuracy.classes, accuracy.confusion, strict=True):
        table.add_row(f"{class_id} {class_names.get(int(class_id), '')}", *map(str, row))
    Console(soft_wrap=True, markup=False).print(table)
    typer.echo(
        f"overall accuracy {accuracy.overall_percent:.2f} %, average "
        f"{accuracy.average_percent:.2f} %, kappa {accuracy.kappa:.3f}"
    )
    _write_confusion(accuracy, output.with_name(f"{output.stem}_confusion.csv"))


def _write_confusion(accuracy: Accuracy, path: Path) -> None:
    from hsigan.files import whole_file

    lines = ["true/predicted," + ",".join(map(str, accuracy.classes))]
    lines += [
        ",".join(map(str, [class_id, *row]))
        for class_id, row in zip(accuracy.classes, accuracy.confusion.tolist(), strict=True)
    ]
    with whole_file(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    typer.echo(str(path))
