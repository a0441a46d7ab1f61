"""How fast the GANs train: hsigan's loops beside the paper's loop written plainly, in one run.

Command: ``OMP_NUM_THREADS=1 python benchmarks/speed.py -o docs/results/speed``

The plain loop is what the paper's two critic steps cost when nothing is thought about: a dataset
that yields one pixel at a time through a DataLoader, float32, and a gradient penalty by
differentiating twice through the critic. Both loops run in turn on one core, several times; the
figures are medians of the pairs.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from torch.nn import functional as F  # noqa: N812
from torch.utils.data import DataLoader, Dataset

from hsigan.evaluation.results import Record, ResultsFolder
from hsigan.models.blocks import LeakyMLP
from hsigan.models.generators import HyperGenerator
from hsigan.sampling import Split, SplitOptions, gather_pixels, split_scenes
from hsigan.scene import open_known_scene
from hsigan.synthesis import SpectralGAN
from hsigan.training.hypergan import HyperganConfig, SpectraTensors, train_hypergan

PAIRS = 5


class PixelDataset(Dataset[tuple[torch.Tensor, int]]):
    """One pixel at a time, as scripts of the field have it."""

    def __init__(self, spectra: torch.Tensor, codes: torch.Tensor) -> None:
        self.spectra = spectra
        self.codes = codes

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.spectra[index], int(self.codes[index])


def batches(data: SpectraTensors, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield shuffled batches for ever."""
    dataset = PixelDataset(data.spectra, data.codes)
    sampler = torch.utils.data.RandomSampler(dataset, replacement=True, num_samples=10**9)
    yield from DataLoader(dataset, batch_size=size, sampler=sampler)


def plain_seconds_per_step(data: SpectraTensors, config: HyperganConfig, steps: int) -> float:
    """Time the loop written plainly."""
    bands, width = data.spectra.shape[1], config.width
    generator = HyperGenerator(bands, data.classes, config.noise, width)
    critic = LeakyMLP((bands, width, width, width, 1))
    classifier = LeakyMLP((bands, width, width, width, data.classes))
    optimisers = [
        torch.optim.RMSprop(network.parameters(), lr=config.learning_rate)
        for network in (generator, critic, classifier)
    ]
    source = batches(data, config.batch)
    next(source)  # the loader's own start is not the loop's cost
    start = time.perf_counter()
    for _ in range(steps):
        for _ in range(config.critic_steps):
            real, codes = next(source)
            weights = F.one_hot(codes, data.classes).float()
            fake = generator(torch.randn(len(real), config.noise), weights).detach()
            share = torch.rand(len(real), 1)
            between = (share * real + (1 - share) * fake).requires_grad_()
            (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
            penalty = ((gradient.norm(dim=1) - 1) ** 2).mean()
            loss = critic(fake).mean() - critic(real).mean() + config.penalty_weight * penalty
            optimisers[1].zero_grad()
            loss.backward()
            optimisers[1].step()
            optimisers[2].zero_grad()
            F.cross_entropy(classifier(real), codes).backward()
            optimisers[2].step()
        fake = generator(torch.randn(len(real), config.noise), weights)
        auxiliary = F.cross_entropy(classifier(fake), codes)
        optimisers[0].zero_grad()
        (-critic(fake).mean() + config.auxiliary_weight * auxiliary).backward()
        optimisers[0].step()
    return (time.perf_counter() - start) / steps


def spectral_seconds(scene: xr.Dataset, split: Split, seed: int) -> float:
    """Time one whole training.

    With 3 % of the labels no pixels can choose a checkpoint, so the density is kept and the
    adversary never starts; with 30 % it runs all of its steps.
    """
    train = gather_pixels([scene], split.train)
    held_out = gather_pixels([scene], split.validation, band_indices=train.band_indices)
    start = time.perf_counter()
    gan = SpectralGAN(random_state=seed)
    gan.fit(train.spectra, train.labels, held_out.spectra, held_out.labels)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=40)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    scene = open_known_scene("salinas-a")
    few = split_scenes([scene], SplitOptions(mode="random", train=0.03))
    many = split_scenes([scene], SplitOptions(mode="random", train=0.3))
    pixels = gather_pixels([scene], few.train)
    low, span = pixels.spectra.min(), np.ptp(pixels.spectra)
    ids, codes = np.unique(pixels.labels, return_inverse=True)
    data = SpectraTensors(
        torch.from_numpy((pixels.spectra - low) / span), torch.from_numpy(codes), len(ids)
    )
    config = HyperganConfig(steps=arguments.steps)
    names = ("plain step", "hypergan step", "spectral, 3 %", "spectral, 30 %")
    rows: dict[str, list[float]] = {name: [] for name in names}
    for pair in range(PAIRS):
        rows["plain step"].append(plain_seconds_per_step(data, config, arguments.steps))
        start = time.perf_counter()
        train_hypergan(data, config, seed=pair)
        rows["hypergan step"].append((time.perf_counter() - start) / arguments.steps)
        for name, split in (("spectral, 3 %", few), ("spectral, 30 %", many)):
            rows[name].append(spectral_seconds(scene, split, pair))
    results = ResultsFolder(arguments.out)
    results.append(
        Record("speed", "salinas-a", method, "seconds", value, seed=pair, unit="s")
        for method, values in rows.items()
        for pair, value in enumerate(values)
    )
    results.write_experiment(
        {
            "title": "Speed of the training loops",
            "command": f"OMP_NUM_THREADS=1 python benchmarks/speed.py --steps {arguments.steps}",
            "options": {"threads": 1, "pairs": PAIRS, "steps": arguments.steps},
            "scene": {"name": "salinas-a", "bands": int(pixels.spectra.shape[1])},
            "seeds": list(range(PAIRS)),
        }
    )
    results.write_summary()
    steps = [a / b for a, b in zip(rows["plain step"], rows["hypergan step"], strict=True)]
    print(f"plain / hypergan, one step: {statistics.median(steps):.2f}")
    for name in names[2:]:
        ratios = [20_000 * a / b for a, b in zip(rows["plain step"], rows[name], strict=True)]
        print(f"20,000 plain steps / {name}: {statistics.median(ratios):.0f}")
        print(f"{name}: {statistics.median(rows[name]):.2f} s")


if __name__ == "__main__":
    main()
