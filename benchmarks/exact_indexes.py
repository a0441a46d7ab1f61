"""Count the table indexes that differ between ways to compute them: ten million, and none may.

Command: ``python benchmarks/exact_indexes.py -o docs/results/exact-indexes``

The scale synthesis of a hyperprior, in integers and, beside it, in floats as it was trained, is run
under every condition that a file may be decoded under; its indexes are compared with those of one
thread, a batch of 8, oneDNN and the whole instruction set. What the integers cost in rate is told
too. Weights are random, scaled so that the
indexes reach over the whole table; side information is random too, most of it near 0.
"""

from __future__ import annotations

import argparse
import contextlib
import math
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
from safetensors.torch import load_file, save_file

from hsigan.evaluation.results import Record, ResultsFolder
from hsigan.models.entropy_models import (
    SCALE_MAX,
    SCALE_MIN,
    gaussian_bits,
    table_indexes,
    table_log_scales,
)
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


def make_networks(width: str) -> tuple[HyperSynthesis, IntegerScaleNetwork]:
    """Return a float scale synthesis and the integers made of it."""
    latent, hyper = WIDTHS[width].latent, WIDTHS[width].hyper
    torch.manual_seed(0)
    floats, integers = HyperSynthesis(latent, hyper), IntegerScaleNetwork(latent, hyper)
    z = make_z(hyper, 1, 16)
    with torch.no_grad():
        floats.layers[2].weight.mul_(2.0 / floats(z, (SIDE, SIDE)).std())
        floats.layers[2].bias.fill_(1.0)
    integers.take_over(floats.layers, z)
    return floats, integers


def write_case(path: Path, width: str, tiles: int) -> None:
    """Write weights and side information, once: random numbers depend on the instruction set."""
    floats, integers = make_networks(width)
    tensors = {f"floats/{key}": tensor for key, tensor in floats.state_dict().items()}
    tensors |= {f"integers/{key}": tensor for key, tensor in integers.state_dict().items()}
    save_file({**tensors, "z": make_z(WIDTHS[width].hyper, 2, tiles)}, path)


def read_case(path: Path, width: str, kind: str) -> tuple[torch.nn.Module, torch.Tensor]:
    """Return the network of a kind, ``integers`` or ``floats``, and the side information."""
    tensors = load_file(path)
    sizes = (WIDTHS[width].latent, WIDTHS[width].hyper)
    network = IntegerScaleNetwork(*sizes) if kind == "integers" else HyperSynthesis(*sizes)
    prefix = f"{kind}/"
    own = {key.removeprefix(prefix): t for key, t in tensors.items() if key.startswith(prefix)}
    network.load_state_dict(own)
    return network, tensors["z"]


@contextlib.contextmanager
def under(condition: Condition) -> Iterator[None]:
    torch.set_num_threads(condition.threads)
    torch.backends.mkldnn.enabled = condition.onednn
    with torch.no_grad(), torch.autocast(condition.device, torch.bfloat16, condition.autocast):
        yield
    torch.backends.mkldnn.enabled = True


def compute(condition: Condition, case: Path, width: str, kind: str) -> tuple[Indexes, float]:
    """Return the indexes under a condition, in this process, and the seconds that they took."""
    order = torch.channels_last if condition.channels_last else torch.contiguous_format
    network, z = read_case(case, width, kind)
    network.to(condition.device, memory_format=order)
    z = z.to(condition.device, memory_format=order)
    with under(condition):
        start = time.perf_counter()
        made = [network(part, (SIDE, SIDE)) for part in z.split(condition.batch)]
        if kind == "floats":
            made = [table_indexes(logs.float()) for logs in made]
        indexes = torch.cat(made).cpu()
        seconds = time.perf_counter() - start
    return indexes.numpy(), seconds


def compute_anywhere(
    condition: Condition, case: Path, width: str, kind: str
) -> tuple[Indexes, float]:
    """As `compute`; in a process of its own where the instruction set is to be another."""
    if not condition.capability:
        return compute(condition, case, width, kind)
    file = case.with_suffix(".npz")
    child = ["--child", condition.name, "--case", str(case), "--width", width, "--kind", kind]
    command = [sys.executable, __file__, "-o", str(file), *child]
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": condition.capability}
    subprocess.run(command, env=environment, check=True)
    with np.load(file) as made:
        return made["indexes"], float(made["seconds"])


def rate_cost(width: str) -> float:
    """Return how many bits more y costs, as a share, with the scales of integers for floats."""
    floats, integers = make_networks(width)
    z = make_z(WIDTHS[width].hyper, 3, 64)
    random = torch.Generator().manual_seed(4)
    with torch.no_grad():
        logs = floats(z, (SIDE, SIDE)).clamp(math.log(SCALE_MIN), math.log(SCALE_MAX))
        y = (torch.randn(logs.shape, generator=random) * logs.exp()).round()
        bits = [
            float(gaussian_bits(y, table_log_scales(indexes)).double().sum())
            for indexes in (table_indexes(logs), integers(z, (SIDE, SIDE)))
        ]
    return bits[1] / bits[0] - 1


def compare(case: Path, width: str, kind: str) -> Iterator[Record]:
    """Yield the records of a kind under every condition, and print them."""
    expected, _ = compute(REFERENCE, case, width, kind)
    print(f"{kind}: {expected.size:,} indexes, {len(np.unique(expected))} of 64 values")
    for condition in CONDITIONS + (CUDA if torch.cuda.is_available() else []):
        indexes, seconds = compute_anywhere(condition, case, width, kind)
        differing = int((indexes != expected).sum())
        method = f"{kind}, {condition.name}"
        yield Record("exact-indexes", "random", method, "differing", differing, unit="indexes")
        yield Record("exact-indexes", "random", method, "time", seconds, unit="s")
        print(f"  {condition.name}: {differing} differ, {seconds:.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--width", choices=WIDTHS, default="cpu")
    parser.add_argument("--tiles", type=int, default=0, help="0: ten million indexes")
    for name in ("--child", "--case", "--kind"):
        parser.add_argument(name, default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    width = arguments.width
    if arguments.child:
        condition = next(each for each in CONDITIONS if each.name == arguments.child)
        indexes, seconds = compute(condition, Path(arguments.case), width, arguments.kind)
        np.savez(arguments.out, indexes=indexes, seconds=seconds)
        return
    tiles = arguments.tiles or -(-(10**7) // (WIDTHS[width].latent * SIDE**2))
    results = ResultsFolder(arguments.out)
    with tempfile.TemporaryDirectory() as folder:
        case = Path(folder) / "case.safetensors"
        write_case(case, width, tiles)
        for kind in ("integers", "floats"):
            results.append(list(compare(case, width, kind)))
    cost = rate_cost(width)
    results.append([Record("exact-indexes", "random", "integers", "rate cost", cost, unit="share")])
    print(f"integers cost {100 * cost:.4f} % more bits of y than floats")
    results.write_experiment(
        {
            "title": "Table indexes that differ between ways to compute them",
            "options": {"width": width, "tiles": tiles, "cuda": torch.cuda.is_available()},
            "scene": {"name": "random", "indexes": tiles * WIDTHS[width].latent * SIDE**2},
            "seeds": [0],
        }
    )
    results.write_summary()


if __name__ == "__main__":
    main()
