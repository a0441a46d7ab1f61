"""`hsigan compress`: scenes in, compressed files out."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hsigan.cli.options import (
    Reading,
    SceneArgument,
    expand_inputs,
    open_inputs,
    refuse_to_replace,
    takes_reading,
)
from hsigan.errors import HsiganError, InputError
from hsigan.files import check_folder, check_writable

if TYPE_CHECKING:
    from hsigan.codec.scene_file import Compressed, Target

SUFFIX = ".hsc"
_SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))

CodecOption = Annotated[
    str,
    typer.Option(
        "--codec",
        metavar="NAME|FILE|RUN",
        help="A codec that needs no training (klt, jpeg2000, sperr, dct3d, dpcm-dct), a shipped "
        "model, a model file, or the folder of a trained codec.",
    ),
]


@dataclass(frozen=True)
class _Job:
    """One scene to compress; plain data, so that another process can take it."""

    scene: str
    path: Path
    reading: Reading
    codec: str
    target: Target | None
    embed_model: bool
    threads: int


@takes_reading
def compress_command(
    scenes: SceneArgument,
    output: Annotated[
        str,  # a Path would drop the slash at the end
        typer.Option(
            "-o",
            "--out",
            metavar="PATH",
            help="File to write (.hsc); of several scenes, or with a slash at its end, a folder.",
        ),
    ],
    codec: CodecOption = "klt",
    psnr: Annotated[
        float | None,
        typer.Option(
            help="Quality to hold (dB; the peak is the scene's largest valid value). "
            "[default: 50, without another target]"
        ),
    ] = None,
    bpp: Annotated[
        float | None, typer.Option(help="Rate to hold, in bits per pixel, all bands together.")
    ] = None,
    bpppc: Annotated[
        float | None, typer.Option(help="Rate to hold, in bits per sample (pixel and band).")
    ] = None,
    embed_model: Annotated[
        bool, typer.Option("--embed-model", help="Put the codec's model into the file.")
    ] = False,
    processes: Annotated[
        int, typer.Option(min=0, help="Processes (of one scene: threads); 0 is one per core.")
    ] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that are there; else keep them.")
    ] = False,
    *,
    reading: Reading,
) -> None:
    """Compress scenes; the rate is that of the files' bytes, the quality that of decoded pixels.

    Without training, codec klt compresses any scene. Samples without data (nodata, NaN, infinite)
    come back exactly; labels are not kept. Of several scenes, those whose file is there already
    are skipped.

    Example: hsigan compress scene.tif -o scene.hsc --bpppc 0.1
    """
    from hsigan.codec.zoo import open_codec

    refuse_to_replace([Path(output)], scenes)
    target = _target(psnr, bpp, bpppc)
    open_codec(codec)  # a wrong name is an error before anything is read
    workers = processes or os.cpu_count() or 1
    jobs = [
        _Job(scene, path, reading, codec, target, embed_model, workers)
        for scene, path in _targets(scenes, output, overwrite)
    ]
    if len(jobs) == 1:
        typer.echo(_told(_compress(jobs[0], shows=True)))
    elif jobs:
        _compress_all([replace(job, threads=1) for job in jobs], workers)


def _target(psnr: float | None, bpp: float | None, bpppc: float | None) -> Target | None:
    from hsigan.codec.scene_file import Target

    if psnr is None and bpp is None and bpppc is None:
        return None
    if [psnr, bpp, bpppc].count(None) < 2:
        raise InputError("--psnr, --bpp and --bpppc exclude each other: give one of them.")
    return Target(psnr_db=psnr, bpp=bpp, bpppc=bpppc)


def _targets(scenes: list[str], output: str, overwrite: bool) -> list[tuple[str, Path]]:
    """Return each scene with its file, without those that are there already."""
    names, place = expand_inputs(scenes), Path(output)
    is_folder = len(names) > 1 or place.is_dir() or output.endswith(_SEPARATORS)
    pairs = [(name, place / f"{Path(name).stem}{SUFFIX}" if is_folder else place) for name in names]
    files = [path for _, path in pairs]
    twice = next((path for path in files if files.count(path) > 1), None)
    if twice is not None:
        raise InputError(f"two scenes would be written to {twice}: compress them one at a time.")
    if is_folder and place.is_file():
        why = f"{len(names)} scenes need" if len(names) > 1 else "the slash at its end asks for"
        raise InputError(f"{place} is a file, and {why} a folder: name one.")
    kept = [path for path in files if path.exists() and not overwrite]
    for path in kept:
        typer.echo(f"{path}: is there already, kept (--overwrite replaces it)")
    todo = [pair for pair in pairs if pair[1] not in kept]
    if todo:  # an archive that is complete may be on a disk that takes nothing more
        (check_folder if is_folder else check_writable)(place)
    return todo


def _compress(job: _Job, shows: bool = False) -> Compressed:
    from hsigan.cli.evaluate_augmentation import counting
    from hsigan.codec.scene_file import compress_scene
    from hsigan.codec.zoo import open_codec

    unlabelled = replace(
        job.reading, labels=None, label_field=None, label_table=None, label_key=None
    )
    [scene] = open_inputs([job.scene], unlabelled, lazy=True)
    with counting("compressing", "tiles") if shows else nullcontext() as report:
        return compress_scene(
            scene,
            job.path,
            open_codec(job.codec),
            job.target,
            embed_model=job.embed_model,
            threads=job.threads,
            progress=report,
        )


def _compress_all(jobs: list[_Job], workers: int) -> None:
    """Compress several scenes, in processes of their own; one that fails does not stop the rest."""
    from hsigan.cli.evaluate_augmentation import counting

    failed = []
    # Processes are started afresh: a fork of one that has threads may hang.
    pool = ProcessPoolExecutor(min(workers, len(jobs)), mp_context=get_context("spawn"))
    with pool, counting("compressing", "scenes") as report:
        waiting = {pool.submit(_compress, job): job for job in jobs}
        for done, future in enumerate(as_completed(waiting), start=1):
            try:
                typer.echo(_told(future.result()))
            except (HsiganError, OSError, MemoryError, BrokenProcessPool) as error:
                failed.append(waiting[future].scene)
                typer.echo(f"{waiting[future].scene}: {_reason(error)}", err=True)
            report(done, len(jobs))
    if failed:
        raise InputError(f"{len(failed)} of {len(jobs)} scenes could not be compressed; see above.")


def _reason(error: Exception) -> str:
    """Return why a scene could not be compressed, in one line."""
    if isinstance(error, (MemoryError, BrokenProcessPool)):
        return "its process ended, as happens where memory runs out: take fewer --processes"
    return " ".join(str(error).split())


def _told(made: Compressed) -> str:
    """Return what was reached, in one line."""
    quality = "exact" if made.psnr_db == float("inf") else f"PSNR {made.psnr_db:.2f} dB"
    return (
        f"{made.path}: {made.bytes} bytes, {made.bpp:.4g} bpp, {made.bpppc:.4g} bpppc, "
        f"{made.ratio:.1f} times smaller than {made.source_bits} bit; {quality} "
        f"(peak {made.peak:g}), {made.seconds:.1f} s"
    )
