"""How long the default patch recipe trains on SalinasA, how long it draws, in how much memory.

Command: ``python benchmarks/patch_training.py [-o docs/results/patch-training.json]``

Patches of 9 x 9 pixels and 204 bands, on the split of the experiment recipe ``salinas-a-patches``.
`hsigan train gan --patch 9` and `hsigan sample -n 1000` run in processes of their own, one thread
for each of two cores. Seconds are those of the clock, from the start of Python to its end; beside
other work look at the processor's seconds with ``--threads 1``: two threads that have no core each
wait for one another, busily. The peak of memory is that of the whole process. The scene is looked
for in the folder that ``HSIGAN_DATA`` names.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from hsigan.environment import describe_environment
from hsigan.recipe import load_recipe

SCENE, RECIPE = "salinas-a", "salinas-a-patches"
PER_CLASS = 1000
MOST_SECONDS, MOST_GIB = 600.0, 4.0
"""What training may take."""


@dataclass(frozen=True)
class Cost:
    """What one command took, of the clock, of the processors and of memory."""

    command: str
    seconds: float
    processor_seconds: float
    peak_gib: float


def hsigan(threads: int, *words: object) -> Cost:
    """Run the command, quietly, with so many threads."""
    command = [sys.executable, "-m", "hsigan", *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    busy = usage.ru_utime + usage.ru_stime
    return Cost(
        " ".join(word for word in map(str, words[:2]) if "/" not in word),
        seconds,
        busy,
        usage.ru_maxrss / 2**20,
    )


def write_split(path: Path, seed: int) -> None:
    """Write the split of the experiment recipe."""
    from hsigan.sampling import SplitOptions, split_scenes
    from hsigan.scene import open_known_scene

    options = SplitOptions(**load_recipe("experiment", RECIPE)["split"], seed=seed)
    split_scenes([open_known_scene(SCENE)], options).save(path)


def trained(run: Path) -> dict[str, object]:
    """Return what a run was trained on, and for how many steps."""
    from hsigan.synthesis.scene_run import open_run

    gan, scene = open_run(run)
    size = {"patch_px": scene.patch_px, "bands": gan.n_features_in_}
    return {"recipe": gan.recipe, "steps": gan.step_, "pixels": scene.pixels, **size}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, help="write the figures as JSON")
    parser.add_argument("--seed", type=int, default=0, help="of the split, training and drawing")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    side = load_recipe("experiment", RECIPE)["split"]["patch_px"]
    with tempfile.TemporaryDirectory() as name:
        split, run, samples = (Path(name) / part for part in ("split.npz", "run", "samples.npz"))
        # In processes of their own: a process starts with the peak of the one that started it.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            pool.apply(write_split, (split, given.seed))
        words = ("--split", split, "--patch", side, "--seed", given.seed, "--out", run)
        training = hsigan(given.threads, "train", "gan", f"known:{SCENE}", *words)
        words = ("-n", PER_CLASS, "--seed", given.seed, "-o", samples)
        drawing = hsigan(given.threads, "sample", run, *words)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            facts = pool.apply(trained, (run,))
    print(facts)
    for what, cost in (("training", training), ("drawing", drawing)):
        seconds = f"{cost.seconds:.1f} s ({cost.processor_seconds:.1f} s of processor time)"
        print(f"{what}: {seconds}, peak {cost.peak_gib:.2f} GiB")
    print(f"goal of training: {MOST_SECONDS:.0f} s, less than {MOST_GIB:.0f} GiB")
    if given.out:
        record = {
            "scene": SCENE,
            "split": RECIPE,
            "seed": given.seed,
            "threads": given.threads,
            "trained": facts,
            "training": asdict(training),
            "drawing": asdict(drawing) | {"per_class": PER_CLASS},
            "goal": {"seconds": MOST_SECONDS, "peak_gib": MOST_GIB},
        }
        text = json.dumps(record | describe_environment(), indent=1)
        given.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
