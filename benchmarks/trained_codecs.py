"""Train codecs with ``hsigan train codec`` and judge them with ``hsigan evaluate compression``.

What the benchmarks of learned codecs share. A finished run is not trained again, an interrupted one
continues.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hsigan.evaluation.results import ResultsFolder

TRAIN, HELD_OUT = ("abu-airport-2", "abu-urban-4"), "abu-airport-1"


@dataclass(frozen=True)
class Variant:
    """A recipe with what differs from it, the curve that it belongs to, and its run folder."""

    curve: str
    recipe: str
    folder: str
    overrides: tuple[str, ...] = ()


def data_folder() -> Path:
    """Return the folder of the scenes, or end with what to do."""
    data = os.environ.get("HSIGAN_DATA")
    if data is None:
        sys.exit("set HSIGAN_DATA to the folder that holds the scenes")
    return Path(data)


def compare(variants: Sequence[Variant], runs: Path, out: Path, command: str) -> None:
    """Train all variants on two scenes, and judge them on the third beside KLT + JPEG 2000."""
    scenes = [str(data_folder() / "abu" / f"{name}.mat") for name in (*TRAIN, HELD_OUT)]
    for variant in variants:
        _train(variant, scenes[:-1], runs)
    codecs = ",".join(f"{each.curve}={runs / each.folder}" for each in variants)
    words = ["--recipe", "compression-aviris", "--codecs", f"klt,klt-shared,{codecs}"]
    training = [word for scene in scenes[:-1] for word in ("--train", scene)]
    rates = ["--bpp", "0.2,0.3,0.5,0.7,1,1.4,2"]
    _hsigan("evaluate", "compression", scenes[-1], *training, *words, *rates, "-o", str(out))
    # Results are read elsewhere than they were made: the folders of this machine stay here.
    folder = ResultsFolder(out)
    facts = json.loads(json.dumps(folder.experiment()).replace(str(runs), "DIR"))
    folder.write_experiment({**facts, "command": command})


def _train(variant: Variant, scenes: list[str], runs: Path) -> None:
    run = runs / variant.folder
    words = [word for each in variant.overrides for word in ("--set", each)]
    resume = ["--resume"] if run.is_dir() else []
    recipe = ["--variable", "data", "--recipe", variant.recipe]
    _hsigan("train", "codec", *scenes, *recipe, *words, "--out", str(run), *resume)


def _hsigan(*words: str) -> None:
    """Run a command of hsigan with one thread."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", "hsigan", *words], check=True, env=environment)
