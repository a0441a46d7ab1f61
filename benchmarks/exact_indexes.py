"""Count the table indexes that differ between ways to compute them: ten million, and none may.

Command: ``python benchmarks/exact_indexes.py -o docs/results/exact-indexes``

The scale synthesis of a hyperprior, in integers and, beside it, in floats as it was trained, is run
under every condition that a file may be decoded under; its indexes are compared with those of one
thread, a batch of 8, oneDNN and the whole instruction set. Weights are random, scaled so that the
indexes reach over the whole table; side information is random too, most of it near 0.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hsigan.evaluation.results import Record, ResultsFolder
from hsigan.models.entropy_models import table_indexes
from hsigan.models.hific import WIDTHS
from hsigan.models.hyperprior import HyperSynthesis
from hsigan.models.integer_network import IntegerScaleNetwork

SIDE = 16
"""Latents per side of a tile: tiles of 256 pixels."""

Indexes = NDArray[np.uint8]


@dataclass(frozen=True)
class Condition:
    """One way to compute.

    Parameters
    ----------
    name
        What the results call it.
    batch
        Tiles at a time.
    threads
        PyTorch's.
    onednn, channels_last, autocast
        Whether oneDNN, that memory format, and bfloat16 where autocast would use it are on.
    capability
        Instruction set that PyTorch's own kernels are held to; "": all there is.
    device
        Where it runs.
    """

    name: str
    batch: int = 8
    threads: int = 1
    onednn: bool = True
    channels_last: bool = False
    autocast: bool = False
    capability: str = ""
    device: str = "cpu"


REFERENCE = Condition("one thread, batch 8")
CONDITIONS = [
    REFERENCE,
    Condition("two threads", threads=2),
    Condition("batch 1", batch=1),
    Condition("batch 32", batch=32),
    Condition("no oneDNN", onednn=False),
    Condition("channels last", channels_last=True),
    Condition("autocast to bfloat16", autocast=True),
    Condition("AVX2", capability="avx2"),
    Condition("no vector instructions", capability="default"),
    Condition("no vector instructions, no oneDNN", onednn=False, capability="default"),
]
CUDA = [
    Condition("CUDA, batch 8", device="cuda"),
    Condition("CUDA, batch 1", device="cuda", batch=1),
    Condition("CUDA, channels last", device="cuda", channels_last=True),
    Condition("CUDA, autocast to bfloat16", device="cuda", autocast=True),
]


def make_z(channels: int, seed: int, tiles: int) -> torch.Tensor:
    """Draw side information, integers: each channel has its own spread, 0.1 to 16."""
    random = torch.Generator().manual_seed(seed)
    spread = torch.logspace(-1, 1.2, channels)[:, None, None]
    return (torch.randn(tiles, channels, SIDE // 4, SIDE // 4, generator=random) * spread).round()


def networks(width: str) -> tuple[HyperSynthesis, IntegerScaleNetwork]:
    """Return a float scale synthesis and the integers made of it."""
    latent, hyper = WIDTHS[width].latent, WIDTHS[width].hyper
    torch.manual_seed(0)
    floats, integers = HyperSynthesis(latent, hyper), IntegerScaleNetwork(latent, hyper)
    z = make_z(hyper, 1, 16)
    with torch.no_grad():
        # In float64, so that the weights are the same under all conditions.
        logs = floats.double()(z.double(), (SIDE, SIDE))
        floats.layers[2].weight.mul_(2.0 / logs.std().round(decimals=3))
        floats.layers[2].bias.fill_(1.0)
    integers.take_over(floats.layers, z)
    return floats.float(), integers


@contextlib.contextmanager
def under(condition: Condition) -> Iterator[None]:
    torch.set_num_threads(condition.threads)
    torch.backends.mkldnn.enabled = condition.onednn
    with torch.no_grad(), torch.autocast(condition.device, torch.bfloat16, condition.autocast):
        yield
    torch.backends.mkldnn.enabled = True


def compute(condition: Condition, width: str, tiles: int, kind: str) -> tuple[Indexes, float]:
    """Return the indexes under a condition, in this process, and the seconds that they took."""
    floats, integers = (network.to(condition.device) for network in networks(width))
    order = torch.channels_last if condition.channels_last else torch.contiguous_format
    z = make_z(WIDTHS[width].hyper, 2, tiles).to(condition.device, memory_format=order)
    network = (integers if kind == "integers" else floats).to(memory_format=order)
    size = (SIDE, SIDE)
    with under(condition):
        start = time.perf_counter()
        made = [network(part, size) for part in z.split(condition.batch)]
        if kind == "floats":
            made = [table_indexes(logs.float()) for logs in made]
        indexes = torch.cat(made).cpu()
        seconds = time.perf_counter() - start
    return indexes.numpy(), seconds


def compute_anywhere(
    condition: Condition, width: str, tiles: int, kind: str
) -> tuple[Indexes, float]:
    """As `compute`; in a process of its own where the instruction set is to be another."""
    if not condition.capability:
        return compute(condition, width, tiles, kind)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "indexes.npz"
        choice = ["--child", condition.name, "--width", width, "--tiles", str(tiles)]
        command = [sys.executable, __file__, "-o", str(file), *choice, "--kind", kind]
        environment = {**os.environ, "ATEN_CPU_CAPABILITY": condition.capability}
        subprocess.run(command, env=environment, check=True)
        with np.load(file) as made:
            return made["indexes"], float(made["seconds"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--width", choices=WIDTHS, default="cpu")
    parser.add_argument("--tiles", type=int, default=0, help="0: ten million indexes")
    parser.add_argument("--kind", choices=["integers", "floats"], default="integers")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    width = arguments.width
    tiles = arguments.tiles or -(-(10**7) // (WIDTHS[width].latent * SIDE**2))
    if arguments.child:
        condition = next(each for each in CONDITIONS if each.name == arguments.child)
        indexes, seconds = compute(condition, width, tiles, arguments.kind)
        np.savez(arguments.out, indexes=indexes, seconds=seconds)
        return
    conditions = CONDITIONS + (CUDA if torch.cuda.is_available() else [])
    results = ResultsFolder(arguments.out)
    for kind in ("integers", "floats"):
        expected, _ = compute(REFERENCE, width, tiles, kind)
        print(f"{kind}: {expected.size:,} indexes, {len(np.unique(expected))} of 64 values")
        for condition in conditions:
            indexes, seconds = compute_anywhere(condition, width, tiles, kind)
            differing = int((indexes != expected).sum())
            method = f"{kind}, {condition.name}"
            results.append(
                [
                    Record(
                        "exact-indexes", "random", method, "differing", differing, unit="indexes"
                    ),
                    Record("exact-indexes", "random", method, "time", seconds, unit="s"),
                ]
            )
            print(f"  {condition.name}: {differing} differ, {seconds:.1f} s", flush=True)
    results.write_experiment(
        {
            "title": "Table indexes that differ between ways to compute them",
            "options": {"width": width, "tiles": tiles, "cuda": torch.cuda.is_available()},
            "scene": {"name": "random", "indexes": expected.size},
            "seeds": [0],
        }
    )
    results.write_summary()


if __name__ == "__main__":
    main()
