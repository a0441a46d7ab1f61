"""How fast a large scene is compressed and decompressed, and in how much memory.

Command: ``python benchmarks/codec_speed.py -o docs/results/codec-speed``

A simulated scene of 1000 x 1000 pixels and 200 bands (int16, 400 MB) is written as ENVI. With a
signal-to-noise ratio of 600, 50 dB take 0.07 bits per sample; on AVIRIS scenes it is 0.03.
`hsigan compress` and `hsigan decompress` run on it in processes of their own, at the default target
(50 dB PSNR), with one thread per core; JPEG 2000 band by band does the same in the same run, and
the ratio to it is reported. Megabytes are those of the scene's values; the peak of memory is that
of the whole process. Reading and writing the scene are included.

``--codecs klt klt-context hific cae-1d ...`` measures trained codecs as well, each the recipe of
its name: they are trained before, by `hsigan train codec` on two other simulated scenes of the same
ground, with far fewer steps than the recipe has. What they learn decides about bytes and pixels,
hardly about speed.
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
from pathlib import Path

import numpy as np
import xarray as xr

from hsigan.evaluation.results import Record, ResultsFolder
from hsigan.scene import simulate_scene, write_scene

SIDE, BANDS = 1000, 200
STRIP = 250
SNR = 600.0
MEGABYTES = SIDE * SIDE * BANDS * 2 / 1e6
BASELINE = "jpeg2000"
TRAINING_SIDE = 192
_GAN, _AUTOENCODER = ("steps=10", "gan_steps=2"), ("steps=10",)
TRAINED = {
    "klt-context": ("steps=1000", "repair_faithful_steps=300", "repair_realistic_steps=30"),
    **dict.fromkeys(("hific", "hific-se", "hific-3d", "hific-tunable"), _GAN),
    **dict.fromkeys(("cae-1d", "sscnet", "cae-3d"), _AUTOENCODER),
    **dict.fromkeys(("cae-1d-quantised", "sscnet-quantised", "cae-3d-quantised"), _AUTOENCODER),
}
"""Recipes that are trained before they are measured, and with which settings."""
TARGETS = {"hific-tunable": ("--bpp", "1")}
"""Where the default of 50 dB is not what the codec was made for; the others have one rate."""


def hsigan(*words: object) -> tuple[float, float]:
    """Run the command, quietly; return its seconds and the peak of its memory in GiB."""
    command = [sys.executable, "-m", "hsigan", *map(str, words)]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return seconds, usage.ru_maxrss / 2**20


def write_large(path: Path) -> None:
    """Write a scene of strips of different ground."""
    strips = [
        simulate_scene(STRIP, SIDE, BANDS, 6, seed, snr=SNR).drop_vars("label")
        for seed in range(SIDE // STRIP)
    ]
    large = xr.concat(strips, dim="y")
    spacing = float(strips[0]["y"][1] - strips[0]["y"][0])
    large = large.assign_coords(y=float(strips[0]["y"][0]) + spacing * np.arange(SIDE))
    large.attrs = strips[0].attrs
    write_scene(large, path)


def train(codec: str, folder: Path) -> Path:
    """Train a codec on two scenes of other seeds; return its model."""
    scenes = [folder / f"training-{seed}.img" for seed in (100, 101)]
    for seed, path in zip((100, 101), scenes, strict=True):
        small = simulate_scene(TRAINING_SIDE, TRAINING_SIDE, BANDS, 6, seed, snr=SNR)
        write_scene(small.drop_vars("label"), path)
    model = folder / codec
    settings = [word for setting in TRAINED[codec] for word in ("--set", setting)]
    hsigan("train", "codec", *scenes, "--recipe", codec, *settings, "-o", model)
    return model


def measure(codec: str, scene: Path, folder: Path) -> dict[str, tuple[float, str]]:
    """Return the figures of one codec, each with its unit."""
    packed, decoded = folder / f"{codec}.hsc", folder / "decoded.img"
    name = train(codec, folder) if codec in TRAINED else codec
    words = ("compress", scene, "-o", packed, "--codec", name, "--overwrite")
    encoding, encoding_peak = hsigan(*words, *TARGETS.get(codec, ()))
    model = ("--codec", name) if codec in TRAINED else ()
    decoding, decoding_peak = hsigan("decompress", packed, "-o", decoded, *model)
    size = packed.stat().st_size
    return {
        "encode_seconds": (encoding, "s"),
        "encode_speed": (MEGABYTES / encoding, "MB/s"),
        "encode_peak": (encoding_peak, "GiB"),
        "decode_seconds": (decoding, "s"),
        "decode_speed": (MEGABYTES / decoding, "MB/s"),
        "decode_peak": (decoding_peak, "GiB"),
        "bytes": (float(size), "bytes"),
        "bpppc": (8 * size / (SIDE * SIDE * BANDS), "bits per sample"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--codecs", nargs="*", default=["klt"], help="compared with jpeg2000")
    given = parser.parse_args()
    results = ResultsFolder(given.out)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene = folder / "large.img"
        # In a process of its own: a process starts with the peak of the one that started it.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            pool.apply(write_large, (scene,))
        figures = {codec: measure(codec, scene, folder) for codec in [*given.codecs, BASELINE]}
    for codec, found in figures.items():
        for metric in ("encode_speed", "decode_speed", "bytes"):
            ratio = found[metric][0] / figures[BASELINE][metric][0]
            found[f"{metric}_over_{BASELINE}"] = (ratio, "ratio")
        print(codec, json.dumps({key: round(value, 3) for key, (value, _) in found.items()}))
        results.append(
            Record("codec-speed", "simulated", codec, metric, value, unit=unit)
            for metric, (value, unit) in found.items()
        )
    results.write_experiment(
        {
            "title": "Speed of codecs",
            "scene": {"name": "simulated", "shape": [SIDE, SIDE], "bands": BANDS},
            "seeds": list(range(SIDE // STRIP)),
        }
    )
    results.write_summary()


if __name__ == "__main__":
    main()
