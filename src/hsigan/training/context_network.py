"""Training the network that picks coding tables from contexts, and the tables with it.

A float network gives each symbol a scale; its loss is the information content under a mixture of
two Laplace distributions of that scale, cut into the quantiser's cells. Then the network is rounded
to integers, and each of its 64 outputs gets the frequencies of the symbols that it was given,
smoothed by the mixture.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hsigan.errors import DivergedError
from hsigan.models.context_network import ACTIVATION_SHIFT, WEIGHT_SHIFT, ContextNetwork

TABLES = 64
LOWEST, HIGHEST = -3.5, 7.5
"""Logarithms of the scales of the first table and the last."""
MOST_SYMBOLS = 1024
_SMOOTHING = 30.0

Symbols = NDArray[np.int32]


@dataclass(frozen=True)
class ContextSample:
    """Symbols and what was known when they were coded.

    Attributes
    ----------
    contexts
        (N, C + G) uint8, 0 ... 127.
    symbols
        (N,) int32.
    local_count
        C.
    """

    contexts: NDArray[np.uint8]
    symbols: Symbols
    local_count: int


class ScaleNetwork(nn.Module):
    """The float network: contexts (N, F) to logarithms of scales (N,), and the mixture's shape."""

    def __init__(self, inputs: int, hidden: int = 32, hidden_later: int = 16) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [nn.Linear(inputs, hidden), nn.Linear(hidden, hidden_later), nn.Linear(hidden_later, 1)]
        )
        self.mixture = nn.Parameter(torch.tensor([0.0, 1.0, 0.0]))

    def forward(self, contexts: Tensor) -> Tensor:
        """Return logarithms of scales in steps."""
        values = contexts / 2**ACTIVATION_SHIFT
        for layer in self.layers[:-1]:
            values = torch.relu(layer(values))
        scales: Tensor = self.layers[-1](values)[:, 0]
        return scales

    def probabilities(self, log_scales: Tensor, magnitudes: Tensor) -> Tensor:
        """Return the probabilities of magnitudes (both signs together)."""
        share = torch.sigmoid(self.mixture[0])
        wider = 1 + torch.exp(self.mixture[1])
        edge = 0.5 + 0.4 * torch.tanh(self.mixture[2])
        scales = torch.exp(log_scales.clamp(LOWEST - 0.5, HIGHEST + 0.5))
        lower = torch.where(magnitudes == 0, torch.zeros_like(magnitudes), magnitudes - 1 + edge)
        width = magnitudes + edge - lower

        def cell(scale: Tensor) -> Tensor:
            return torch.exp(-lower / scale) * -torch.expm1(-width / scale)

        return share * cell(scales) + (1 - share) * cell(scales * wider)


def train_context_network(
    sample: ContextSample,
    steps: int = 2500,
    batch: int = 4096,
    learning_rate: float = 3e-3,
    seed: int = 0,
    report: Callable[[int, float], None] = lambda step, bits: None,
) -> tuple[ContextNetwork, list[NDArray[np.float64]]]:
    """Return the integer network, and per table the probabilities of symbols -n ... n.

    Raises
    ------
    DivergedError
        The loss is not finite.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = ScaleNetwork(sample.contexts.shape[1])
    optimiser = torch.optim.Adam(network.parameters(), learning_rate)
    contexts = torch.from_numpy(sample.contexts)
    magnitudes = torch.from_numpy(np.abs(sample.symbols))
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * min(1.0, 2 * (1 - step / steps))
        chosen = torch.randint(len(magnitudes), (batch,), generator=generator)
        chances = network.probabilities(
            network(contexts[chosen].float()), magnitudes[chosen].float()
        )
        loss = -torch.log2(chances + 1e-9).mean()
        if not torch.isfinite(loss):
            raise DivergedError("the training of the context network diverged: lower its rate.")
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if step % 100 == 99:
            report(step + 1, float(loss.detach()))
    integer = round_network(network, sample.local_count)
    return integer, table_probabilities(network, integer, sample)


def round_network(network: ScaleNetwork, local_count: int) -> ContextNetwork:
    """Return the network in integers; its output is the number of a table."""
    to_table = (TABLES - 1) / (HIGHEST - LOWEST)
    weights, biases = [], []
    for place, layer in enumerate(network.layers):
        assert isinstance(layer, nn.Linear)
        weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        if place == len(network.layers) - 1:
            weight, bias = weight * to_table, (bias - LOWEST) * to_table
        weights.append(np.rint(weight * 2**WEIGHT_SHIFT).astype(np.int32))
        biases.append(np.rint(bias * 2 ** (WEIGHT_SHIFT + ACTIVATION_SHIFT)).astype(np.int32))
    return ContextNetwork(tuple(weights), tuple(biases), local_count, TABLES)


def tables_of(network: ContextNetwork, sample: ContextSample) -> NDArray[np.uint8]:
    """Return the table of each symbol of a sample."""
    local = np.ascontiguousarray(sample.contexts[:, : sample.local_count].T).astype(np.float32)
    return network.tables_of_rows(local, sample.contexts[:, sample.local_count :])


def table_probabilities(
    network: ScaleNetwork, integer: ContextNetwork, sample: ContextSample
) -> list[NDArray[np.float64]]:
    """Return per table the probabilities of symbols -n ... n; what is missing to 1 lies beyond."""
    indexes = tables_of(integer, sample)
    magnitudes = np.abs(sample.symbols)
    tables = []
    for table in range(TABLES):
        log_scale = LOWEST + (HIGHEST - LOWEST) * table / (TABLES - 1)
        size = min(MOST_SYMBOLS, 4 + math.ceil(14 * math.exp(log_scale)))
        with torch.no_grad():
            smooth = network.probabilities(
                torch.full((size,), log_scale), torch.arange(size).float()
            )
        expected = np.append(smooth.numpy().astype(np.float64), 0.0)
        expected[-1] = max(1.0 - expected.sum(), 1e-7)
        seen = np.bincount(np.minimum(magnitudes[indexes == table], size), minlength=size + 1)
        chances = (seen + _SMOOTHING * expected) / (seen.sum() + _SMOOTHING * expected.sum())
        halves = chances[1:size] / 2
        tables.append(np.concatenate([halves[::-1], chances[:1], halves]))
    return tables
