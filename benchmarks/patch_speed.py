"""How fast the patch GANs train: 3-D and factorised convolutions, fp32 and bf16, in one run.

Command: ``OMP_NUM_THREADS=1 python benchmarks/patch_speed.py -o docs/results/patch-speed``

A step is one of the critic, with both gradient penalties (exact, or as a finite difference), and
one of the generator, in hsigan's own loop: 32 patches of 9 x 9 pixels and 204 bands. The variants
take turns; the figures are medians over the turns. The peak of memory is on a CPU that of a process
which does nothing else (PyTorch itself included), on a GPU what PyTorch has allocated there.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import torch

from hsigan.evaluation.results import Record, ResultsFolder
from hsigan.models.patch_blocks import Convolution
from hsigan.models.patch_class_units import ClassUnitsGenerator
from hsigan.models.patch_critics import PatchCritic
from hsigan.training.patch import PatchConfig, PatchTensors, train_patch

BANDS, PATCH_PX, CLASSES, BATCH = 204, 9, 6, 32
Penalty = Literal["exact", "finite-difference"]
Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Variant:
    """One way to train."""

    convolution: Convolution
    precision: Precision
    penalty: Penalty

    @property
    def name(self) -> str:
        """What the results call it."""
        return f"{self.convolution}, {self.precision}, {self.penalty} penalty"


VARIANTS = [
    Variant(convolution, precision, penalty)
    for convolution in get_args(Convolution)
    for precision in get_args(Precision)
    for penalty in get_args(Penalty)
]


def train(variant: Variant, device: str, steps: int) -> float:
    """Train for some steps from the start; return the seconds of one."""
    random = torch.Generator().manual_seed(0)
    features = torch.randn(4 * BATCH, 1, BANDS, PATCH_PX, PATCH_PX, generator=random)
    data = PatchTensors(features, torch.arange(4 * BATCH) % CLASSES, CLASSES)
    size, option = (BANDS, PATCH_PX, CLASSES), variant.convolution
    networks = (
        ClassUnitsGenerator(*size, convolution=option).to(device),
        PatchCritic(*size, convolution=option).to(device),
    )
    config = PatchConfig(
        convolution=option,
        precision=variant.precision,
        penalty_method=variant.penalty,
        batch=BATCH,
        steps=steps,
        validate_every=steps,
    )
    on_device = data.to(torch.device(device))
    start = time.perf_counter()
    train_patch(on_device, networks, config, seed=0)
    if device != "cpu":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / steps


def peak_mib(variant: Variant, device: str) -> float:
    """Return the peak of memory in three steps; on a CPU, of this whole process."""
    torch.set_num_threads(1)
    if device == "cpu":
        train(variant, device, steps=3)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    torch.cuda.reset_peak_memory_stats()
    train(variant, device, steps=3)
    return torch.cuda.max_memory_allocated() / 2**20


def peaks_mib(device: str) -> dict[Variant, float]:
    """Return each variant's peak of memory, from a fresh process each."""
    peaks = {}
    for variant in VARIANTS:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            peaks[variant] = pool.apply(peak_mib, (variant, device))
    return peaks


def ratio(rows: dict[Variant, list[float]], over: Variant, under: Variant) -> float:
    """Return the median over turns of how many times as long ``over`` takes as ``under``."""
    return statistics.median(a / b for a, b in zip(rows[over], rows[under], strict=True))


def print_ratios(rows: dict[Variant, list[float]]) -> None:
    for precision in get_args(Precision):
        for penalty in get_args(Penalty):
            first, second = (Variant(c, precision, penalty) for c in ("3d", "factorised"))
            print(f"{first.name} / factorised: {ratio(rows, first, second):.2f}")
    for convolution in get_args(Convolution):
        for penalty in get_args(Penalty):
            first, second = (Variant(convolution, p, penalty) for p in ("fp32", "bf16"))
            print(f"{first.name} / bf16: {ratio(rows, first, second):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    peaks = peaks_mib(arguments.device)  # first: a process starts with its parent's peak
    for variant in VARIANTS:
        train(variant, arguments.device, steps=2)  # what is slow only once
    rows: dict[Variant, list[float]] = {variant: [] for variant in VARIANTS}
    for _ in range(arguments.turns):
        for variant, seconds in rows.items():
            seconds.append(train(variant, arguments.device, arguments.steps))
    results = ResultsFolder(arguments.out)
    for variant, seconds in rows.items():
        results.append(
            Record(
                "patch-speed", "random", variant.name, "speed", BATCH / value, unit="patches / s"
            )
            for value in seconds
        )
        peak = Record("patch-speed", "random", variant.name, "peak", peaks[variant], unit="MiB")
        results.append([peak])
        speed = BATCH / statistics.median(seconds)
        print(f"{variant.name}: {speed:.0f} patches per second, peak {peaks[variant]:.0f} MiB")
    gpu = torch.cuda.get_device_name() if arguments.device != "cpu" else None
    results.write_experiment(
        {
            "title": "Speed of the patch GANs",
            "options": {**vars(arguments), "out": str(arguments.out), "threads": 1, "gpu": gpu},
            "scene": {"name": "random", "bands": BANDS, "patch_px": PATCH_PX},
            "seeds": [0],
        }
    )
    results.write_summary()
    print_ratios(rows)


if __name__ == "__main__":
    main()
