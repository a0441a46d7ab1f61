"""Do synthetic spectra improve a classifier? Table 2's protocol, with the baselines it left out.

For each seed a fresh partition is drawn; every method prepares the training pixels, every tuned
classifier is trained on them, and the test pixels are predicted at the very end. Differences are
paired by seed: to the same classifier on real pixels alone, and to the best of them.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

import xarray as xr

from hsigan.evaluation.augmentation_config import AugmentationConfig
from hsigan.evaluation.augmentation_partition import make_partition
from hsigan.evaluation.augmentation_run import BEST, IMPOSSIBLE, Work, run_partition, works
from hsigan.evaluation.leak_facts import leak_facts
from hsigan.evaluation.results import Record, ResultsFolder
from hsigan.evaluation.scene_arrays import scene_arrays
from hsigan.evaluation.study_name import study_name
from hsigan.sampling import split_scenes

Progress = Callable[[str, int, int], None]
"""Called with a message, the steps done and all steps."""


def evaluate_augmentation(
    scenes: Sequence[xr.Dataset],
    config: AugmentationConfig,
    folder: ResultsFolder,
    *,
    scene_name: str | None = None,
    processes: int = 1,
    keep: Path | None = None,
    progress: Progress | None = None,
) -> list[Record]:
    """Run what is not yet in the results folder, and return this experiment's records.

    An interrupted experiment continues when it is called again with the same folder.

    Parameters
    ----------
    scenes : scenes with labels, one per file
    config : what is run
    folder : where records go, as soon as they are there
    scene_name : how records name the scene; by default what the scenes' own names share
    processes : partitions that run at a time, each on one thread
    keep : a folder that keeps the GANs as runs, where interrupted trainings continue
    progress : called after each method

    Raises
    ------
    RunError
        The folder's records were measured with other settings.
    """
    name = scene_name or study_name(scenes)
    done = _done(folder, config, name)
    if done:
        _refuse_other_settings(folder, config, name)
    planned = len(config.all_seeds()) * len(works(config))
    count = sum(len(done.get(seed, set())) for seed in config.all_seeds())
    todo = [seed for seed in config.all_seeds() if len(done.get(seed, ())) < len(works(config))]
    report = progress or _silent
    report("continuing" if count else "starting", count, planned)
    jobs = ((scenes, config, folder, name, seed, done.get(seed, set()), keep) for seed in todo)
    steps = _in_processes(jobs, processes) if processes > 1 else _one_by_one(jobs)
    for message, finished in steps:
        count += finished
        report(message, count, planned)
    return _own_records(folder, config, name)


def experiment_facts(
    scenes: Sequence[xr.Dataset],
    config: AugmentationConfig,
    *,
    name: str,
    command: str,
    seconds: float,
) -> dict[str, Any]:
    """Return what ``experiment.json`` says about this experiment."""
    first = scenes[0]
    ids = first["label"].attrs.get("class_ids", []) if "label" in first else []
    names = first["label"].attrs.get("class_names", []) if "label" in first else []
    return {
        "title": config.title or f"Augmentation on {name}",
        "command": command,
        "options": config.model_dump(mode="json"),
        "patches": leak_facts(scenes, config.split_options(config.first_seed), config.patch_px),
        "scene": {
            "name": name,
            "shape": [first.sizes["y"], first.sizes["x"]],
            "files": len(scenes),
            "class_ids": ids,
            "class_names": names,
            "bands": first.sizes["band"],
        },
        "seeds": list(config.all_seeds()),
        "seconds": seconds,
        "notes": {
            "tuning": "each classifier once per partition, on real pixels alone",
            BEST: "the classifier that was best on validation data with real pixels alone",
        },
    }


def _done(folder: ResultsFolder, config: AugmentationConfig, scene: str) -> dict[int, set[Work]]:
    """Return per seed the methods and amounts with figures for all classifiers, or impossible."""
    classifiers = {*config.classifiers, BEST}
    seen: dict[tuple[int, Work], set[str | None]] = {}
    for record in _own_records(folder, config, scene):
        if record.metric in ("gain_over_best", IMPOSSIBLE) and record.seed is not None:
            work = (record.method, record.amount)
            told = classifiers if record.metric == IMPOSSIBLE else [record.classifier]
            seen.setdefault((record.seed, work), set()).update(told)
    planned = set(works(config))
    done: dict[int, set[Work]] = {}
    for (seed, work), names in seen.items():
        if work in planned and classifiers <= names:
            done.setdefault(seed, set()).add(work)
    return done


def _own_records(folder: ResultsFolder, config: AugmentationConfig, scene: str) -> list[Record]:
    """Return the records of this scene and split; a folder may hold other experiments too."""
    return [
        record
        for record in folder.records()
        if record.experiment == "augmentation"
        and record.scene == scene
        and record.split == config.split_name()
        and record.labels_per_class == config.split.get("train_per_class")
    ]


def _refuse_other_settings(folder: ResultsFolder, config: AugmentationConfig, scene: str) -> None:
    """Refuse to add figures to those of another generator, network, reference or choice."""
    old, new = folder.experiment().get("options", {}), config.model_dump(mode="json")
    if old.get("split") != new["split"]:
        return  # the folder's facts are those of another experiment in it
    deciding = ["reference_methods", "max_unlabelled", "gan", "networks"]
    if "auto" in config.methods and "auto" in old.get("methods", ()):
        deciding += ["auto_methods", "auto_amounts", "auto_folds"]
    folder.check_options(scene, {key: new[key] for key in deciding})


Job = tuple[
    Sequence[xr.Dataset], AugmentationConfig, ResultsFolder, str, int, set[Work], Path | None
]


def _one_by_one(jobs: Iterator[Job]) -> Iterator[tuple[str, int]]:
    for job in jobs:
        yield from _run(job)


def _run(job: Job) -> Iterator[tuple[str, int]]:
    """Run one partition; yield a message and the number of steps after each one."""
    scenes, config, folder, name, seed, done, keep = job
    split = split_scenes(scenes, config.split_options(seed))
    if seed == config.first_seed:
        folder.save_arrays(scene_arrays(scenes, split))
    data = make_partition(scenes, split, seed, config.max_unlabelled, config.patch_px)
    for work, records in run_partition(data, config, name, done, keep):
        folder.append(records)
        amount = "" if work[1] is None else f" x {work[1]:g}"
        yield f"seed {seed}: {work[0]}{amount}", 1


def _run_whole(job: Job) -> tuple[str, int]:
    started = time.monotonic()
    count = sum(steps for _, steps in _run(job))
    return f"seed {job[4]} done in {time.monotonic() - started:.0f} s", count


def _in_processes(jobs: Iterator[Job], processes: int) -> Iterator[tuple[str, int]]:
    """Run partitions in fresh processes, each with one thread."""
    context = multiprocessing.get_context("spawn")
    before = os.environ.get("OMP_NUM_THREADS")
    # Children read it when they load their libraries; two threads each on two cores stall.
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        with ProcessPoolExecutor(processes, mp_context=context) as pool:
            running = {pool.submit(_run_whole, job) for job in jobs}
            try:
                while running:
                    finished, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        yield future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def _silent(message: str, done: int, planned: int) -> None:
    return None
