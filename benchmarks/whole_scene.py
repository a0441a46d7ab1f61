"""How much memory a class map of a large scene takes: 1000 x 1000 pixels, 200 bands, from disk.

Command: ``OMP_NUM_THREADS=1 python benchmarks/whole_scene.py -o docs/results/whole-scene``

A simulated scene is written as ENVI (float32, 800 MB), and classified with `hsigan classify` by a
classifier of pixels and by networks on 9 x 9 patches, all trained on a corner of it: one that looks
at the centre alone, one of 3-D convolutions over all bands, and a transformer on components. The
peak is that of the whole process. How well they classify is no concern here.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import xarray as xr

from hsigan.evaluation.results import Record, ResultsFolder
from hsigan.scene import simulate_scene, write_scene

SIDE, BANDS = 1000, 200
STRIP = 100
CLASSIFIERS = {
    "lda": ["--classifier", "lda"],
    "hu-1d, 9 x 9": ["--classifier", "hu-1d", "--patch", "9", "--set", "max_steps=50"],
    "li-3d, 9 x 9": ["--classifier", "li-3d", "--patch", "9", "--set", "max_steps=10"],
    "ssftt, 9 x 9": ["--classifier", "ssftt", "--patch", "9", "--set", "max_steps=10"],
}


def hsigan(*words: object) -> float:
    """Run the command, quietly; return the peak of its memory in GiB."""
    command = [sys.executable, "-m", "hsigan", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return usage.ru_maxrss / 2**20


def write_scenes(folder: Path) -> None:
    """Write a small labelled scene, and a large one that repeats a strip of the same ground."""
    strip = simulate_scene(STRIP, SIDE, bands=BANDS, classes=4, seed=0)
    small = strip.isel(y=slice(0, 60), x=slice(0, 60))
    write_scene(small, folder / "small.nc")
    large = xr.concat([strip.drop_vars("label")] * (SIDE // STRIP), dim="y")
    spacing = float(strip["y"][1] - strip["y"][0])
    large = large.assign_coords(y=float(strip["y"][0]) + spacing * np.arange(SIDE))
    large.attrs = strip.attrs
    large["values"] = large["values"].astype(np.float32)
    write_scene(large, folder / "large.img")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, required=True)
    out: Path = parser.parse_args().out
    results = ResultsFolder(out)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In a process of its own: a process starts with the peak of the one that started it.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            pool.apply(write_scenes, (folder,))
        for label, words in CLASSIFIERS.items():
            run = folder / label.replace(" ", "")
            hsigan("train", "classifier", folder / "small.nc", *words, "--out", run)
            start = time.perf_counter()
            peak = hsigan("classify", run, folder / "large.img", "-o", folder / "map.tif")
            seconds = time.perf_counter() - start
            print(f"{label}: {seconds:.0f} s, peak {peak:.2f} GiB")
            figures = {"seconds": (seconds, "s"), "peak": (peak, "GiB")}
            results.append(
                Record("whole-scene", "simulated", label, metric, value, unit=unit)
                for metric, (value, unit) in figures.items()
            )
    results.write_experiment(
        {
            "title": "Memory of a class map",
            "scene": {"name": "simulated", "shape": [SIDE, SIDE], "bands": BANDS},
            "seeds": [0],
        }
    )
    results.write_summary()


if __name__ == "__main__":
    main()
