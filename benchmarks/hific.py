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
import statistics
import time
from pathlib import Path

from hsigan.codec.fitting import Training, resolve_codec
from hsigan.evaluation.results import Record, ResultsFolder
from hsigan.scene import simulate_scene
from trained_codecs import Variant, compare

EQUAL = ("steps=600", "gan_steps=80")


def variant(curve: str, recipe: str, bpp: float, *settings: str) -> Variant:
    """Return a variant that is trained for a target as long as the others."""
    overrides = (f"target_bpp={bpp}", *EQUAL, *settings)
    return Variant(curve, recipe, f"{curve}-{bpp:g}bpp", overrides)


PLACEMENTS = (
    variant("hific", "hific", 1.0),
    variant("hific-se encoder-first", "hific-se", 1.0, "se=encoder-first"),
    variant("hific-se encoder", "hific-se", 1.0, "se=encoder"),
    variant("hific-se", "hific-se", 1.0),
    variant("hific-3d", "hific-3d", 1.0),
    variant("hific-3d everywhere", "hific-3d", 1.0, "conv3d=everywhere"),
)
CURVES = tuple(
    variant(name, name, bpp) for name in ("hific", "hific-se", "hific-3d") for bpp in (0.5, 2.0)
)
TUNABLE = variant("hific-tunable", "hific-tunable", 2.0, "steps=1500", "gan_steps=100")


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
    command = "python benchmarks/hific.py -o docs/results/hific --runs DIR"
    variants = (*PLACEMENTS, *CURVES, TUNABLE)
    compare(variants, arguments.runs, arguments.out, command)


if __name__ == "__main__":
    main()
