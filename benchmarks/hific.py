"""HiFiC's family trained alike: rate-distortion curves, and where attention and 3-D layers belong.

Command: ``python benchmarks/hific.py -o docs/results/hific --runs DIR``

Table II of Byju et al.: squeeze-and-excitation and 3-D convolutions at every place, all with the
same recipe, steps and target of 1 bpp; figure 4: plain, SE and 3-D at more rates; and one model for
all rates. Each is trained with ``hsigan train codec`` on two AVIRIS scenes (a finished run is not
trained again, an interrupted one continues) and judged with ``hsigan evaluate compression`` on the
third. With ``--speed``, the steps per second of every placement are measured instead, the variants
in turn: on simulated tiles of 128 x 128 x 205 and of the paper's 96 x 96 x 369.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hsigan.codec.fitting import Training, resolve_codec
from hsigan.evaluation.results import Record, ResultsFolder
from hsigan.scene import simulate_scene

TRAIN, HELD_OUT = ("abu-airport-2", "abu-urban-4"), "abu-airport-1"
EQUAL = ("steps=600", "gan_steps=80")


@dataclass(frozen=True)
class Variant:
    """A recipe with what differs from it, the curve that it belongs to, and its target."""

    curve: str
    recipe: str
    bpp: float
    settings: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Return the name of the run folder."""
        return f"{self.curve}-{self.bpp:g}bpp"

    @property
    def overrides(self) -> list[str]:
        """Return all settings that differ from the recipe."""
        return [f"target_bpp={self.bpp}", *EQUAL, *self.settings]


PLACEMENTS = (
    Variant("hific", "hific", 1.0),
    Variant("hific-se encoder-first", "hific-se", 1.0, ("se=encoder-first",)),
    Variant("hific-se encoder", "hific-se", 1.0, ("se=encoder",)),
    Variant("hific-se", "hific-se", 1.0),
    Variant("hific-3d", "hific-3d", 1.0),
    Variant("hific-3d everywhere", "hific-3d", 1.0, ("conv3d=everywhere",)),
)
CURVES = tuple(
    Variant(name, name, bpp) for name in ("hific", "hific-se", "hific-3d") for bpp in (0.5, 2.0)
)
TUNABLE = Variant("hific-tunable", "hific-tunable", 2.0, ("steps=1500", "gan_steps=100"))


def hsigan(*words: str) -> None:
    """Run a command of hsigan with one thread."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", "hsigan", *words], check=True, env=environment)


def train(variant: Variant, scenes: list[str], runs: Path) -> None:
    """Train a variant; continue one that was interrupted, which for a finished one is no step."""
    run = runs / variant.folder
    words = [word for each in variant.overrides for word in ("--set", each)]
    resume = ["--resume"] if run.is_dir() else []
    recipe = ["--variable", "data", "--recipe", variant.recipe]
    hsigan("train", "codec", *scenes, *recipe, *words, "--out", str(run), *resume)


def compare(data: Path, runs: Path, out: Path) -> None:
    """Train all variants, and judge them on the held-out scene in one folder of results."""
    scenes = [str(data / "abu" / f"{name}.mat") for name in TRAIN]
    variants = (*PLACEMENTS, *CURVES, TUNABLE)
    for variant in variants:
        train(variant, scenes, runs)
    codecs = ",".join(f"{each.curve}={runs / each.folder}" for each in variants)
    held_out = str(data / "abu" / f"{HELD_OUT}.mat")
    words = ["--recipe", "compression-aviris", "--codecs", f"klt,klt-shared,{codecs}"]
    training = [word for scene in scenes for word in ("--train", scene)]
    rates = ["--bpp", "0.2,0.3,0.5,0.7,1,1.4,2"]
    hsigan("evaluate", "compression", held_out, *training, *words, *rates, "-o", str(out))
    # Results are read elsewhere than they were made: the folders of this machine stay here.
    folder = ResultsFolder(out)
    facts = json.loads(json.dumps(folder.experiment()).replace(str(runs), "DIR"))
    shown = "python benchmarks/hific.py -o docs/results/hific --runs DIR"
    folder.write_experiment({**facts, "command": shown})


def seconds_per_step(variant: Variant, steps: int, *, paper_size: bool) -> float:
    """Train from the start on simulated tiles; return the processor's seconds of a step."""
    overrides = [*variant.overrides, f"steps={steps}", "gan_steps=0"]
    bands, side = (369, 96) if paper_size else (205, 128)
    if paper_size:
        overrides += ["front=range", "components=0", "has_transform=false", "margin_px=0"]
        overrides += ["tile_px=96", "crop_px=96", "batch=8"]
    scene = simulate_scene(2 * side, 2 * side, bands, 5, seed=0)
    codec, config = resolve_codec(variant.recipe, overrides=overrides)
    start = time.process_time()
    codec().fit([scene], config, Training())
    return (time.process_time() - start) / steps


def measure_speed(out: Path, steps: int, turns: int) -> None:
    """Record the iterations per second of every placement."""
    started = time.perf_counter()
    records = []
    for paper_size in (False, True):
        found: dict[str, list[float]] = {each.curve: [] for each in PLACEMENTS}
        for _ in range(turns):
            for each in PLACEMENTS:
                # What every training does once is taken off: the steps alone count.
                long = seconds_per_step(each, 2 * steps, paper_size=paper_size)
                short = seconds_per_step(each, steps, paper_size=paper_size)
                found[each.curve].append(2 * long - short)
        where = "simulated, 96 x 96 x 369" if paper_size else "simulated, 128 x 128 x 205"
        for curve, seconds in found.items():
            value = 1 / statistics.median(seconds)
            print(f"{where}  {curve:26s} {value:8.3f} steps/s")
            about = {"experiment": "codec training speed", "scene": where, "split": "none"}
            records.append(
                Record(**about, method=curve, metric="steps_per_second", value=value, unit="1/s")
            )
    folder = ResultsFolder(out)
    folder.append(records)
    folder.write_experiment(
        {
            "title": "Training steps per second of HiFiC's family, one thread",
            "command": "python benchmarks/hific.py --speed -o docs/results/hific-speed",
            "seconds": round(time.perf_counter() - started, 1),
            "notes": {"step": "one of the first stage; processor time; medians over the turns"},
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/results/hific"))
    parser.add_argument("--runs", type=Path, default=Path("hific-runs"))
    parser.add_argument("--speed", action="store_true", help="measure iterations per second")
    parser.add_argument("--steps", type=int, default=10, help="steps of a speed measurement")
    parser.add_argument("--turns", type=int, default=3, help="how often each is measured")
    arguments = parser.parse_args()
    if arguments.speed:
        measure_speed(arguments.out, arguments.steps, arguments.turns)
        return
    data = os.environ.get("HSIGAN_DATA")
    if data is None:
        sys.exit("set HSIGAN_DATA to the folder that holds the scenes")
    compare(Path(data), arguments.runs, arguments.out)


if __name__ == "__main__":
    main()
