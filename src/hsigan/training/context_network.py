"""Training the network that picks coding tables from contexts, and the tables with it.

A float network gives each symbol a scale; its loss is the information content under a mixture of
two Laplace distributions of that scale, cut into the quantiser's cells. Then the network is rounded
to integers, and each of its 64 outputs gets the frequencies of the symbols that it was given,
smoothed by the mixture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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
_LARGEST_WEIGHTS = (8.0, 1.8, 0.6)
_SMOOTHING = 30.0
_FEWEST_BITS = 0.03
"""Per symbol; a coding of fewer weighs no more."""

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
    is_odd
        (N,) bool: coded by the odd quantiser.
    excess
        (N,) float32: how far the symbol's grid point lies above the magnitude of the value, in
        steps.
    weights
        (N,) float32: what a bit of each symbol counts.
    local_count
        C.
    """

    contexts: NDArray[np.uint8]
    symbols: Symbols
    is_odd: NDArray[np.bool_]
    excess: NDArray[np.float32]
    weights: NDArray[np.float32]
    local_count: int

    @classmethod
    def of_equal_rates(cls, sample: ContextSample) -> ContextSample:
        """Return the sample of one coding, weighted so that saving a share of its bits counts.

        Codings of a thousand bytes and of a million then count alike.
        """
        bits = float((2 * np.log2(1 + np.abs(sample.symbols.astype(np.float64)))).mean())
        weights = np.full(len(sample.symbols), 1 / max(bits, _FEWEST_BITS), np.float32)
        return replace(sample, weights=weights)

    def take(self, rows: NDArray[np.intp]) -> ContextSample:
        """Return some of the symbols."""
        return ContextSample(
            self.contexts[rows],
            self.symbols[rows],
            self.is_odd[rows],
            self.excess[rows],
            self.weights[rows],
            self.local_count,
        )

    @classmethod
    def joined(cls, pieces: Sequence[ContextSample]) -> ContextSample:
        """Return several samples as one."""
        return cls(
            np.concatenate([piece.contexts for piece in pieces]),
            np.concatenate([piece.symbols for piece in pieces]),
            np.concatenate([piece.is_odd for piece in pieces]),
            np.concatenate([piece.excess for piece in pieces]),
            np.concatenate([piece.weights for piece in pieces]),
            pieces[0].local_count,
        )


class ScaleNetwork(nn.Module):
    """The float network: contexts (N, F) to logarithms of scales (N,), and the mixture's shape."""

    def __init__(self, inputs: int, hidden: int = 32, hidden_later: int = 16) -> None:
        super().__init__()
        self.layers: list[nn.Linear] = [
            nn.Linear(inputs, hidden),
            nn.Linear(hidden, hidden_later),
            nn.Linear(hidden_later, 1),
        ]
        self.network = nn.ModuleList(self.layers)
        self.mixture = nn.Parameter(torch.tensor([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]))

    @torch.no_grad()
    def bound(self) -> None:
        """Keep the weights so small that the integer network is exact."""
        for layer, largest in zip(self.layers, _LARGEST_WEIGHTS, strict=True):
            layer.weight.clamp_(-largest, largest)

    def forward(self, contexts: Tensor) -> Tensor:
        """Return logarithms of scales in steps."""
        values = contexts / 2**ACTIVATION_SHIFT
        for layer in self.layers[:-1]:
            values = torch.relu(layer(values))
        scales: Tensor = self.layers[-1](values)[:, 0]
        return scales

    def probabilities(self, log_scales: Tensor, magnitudes: Tensor, is_odd: Tensor) -> Tensor:
        """Return the probabilities of magnitudes (both signs together)."""
        shape = self.mixture[is_odd.long()]  # (N, 3)
        share = torch.sigmoid(shape[:, 0])
        wider = 1 + torch.exp(shape[:, 1])
        edge = 0.5 + 0.4 * torch.tanh(shape[:, 2])
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
    """Return the integer network, and the probabilities of symbols -n ... n of 2 T tables.

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
    is_odd = torch.from_numpy(sample.is_odd)
    shares = importance(sample)
    ends = torch.from_numpy(np.cumsum(shares))
    weights = torch.from_numpy((sample.weights / shares).astype(np.float32))
    weights /= float(sample.weights.mean() / shares.mean())
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * min(1.0, 2 * (1 - step / steps))
        places = torch.rand(batch, generator=generator, dtype=torch.float64) * ends[-1]
        chosen = torch.searchsorted(ends, places).clamp(max=len(ends) - 1)
        chances = network.probabilities(
            network(contexts[chosen].float()), magnitudes[chosen].float(), is_odd[chosen]
        )
        loss = -(weights[chosen] * torch.log2(chances + 1e-9)).mean()
        if not torch.isfinite(loss):
            raise DivergedError("the training of the context network diverged: lower its rate.")
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        network.bound()
        if step % 100 == 99:
            report(step + 1, float(loss.detach()))
    integer = round_network(network, sample.local_count)
    return integer, table_probabilities(network, integer, sample)


def importance(sample: ContextSample) -> NDArray[np.float64]:
    """Return how often to draw each symbol (N,): more often where much is to be learnt.

    Most symbols are zeros among zeros. What is drawn more often counts less in the loss.
    """
    activity = sample.contexts[:, : sample.local_count].mean(axis=1) / 2**ACTIVATION_SHIFT
    surprise = 2.0 * np.log2(1 + np.minimum(np.abs(sample.symbols), 7))
    return np.asarray(sample.weights * (0.03 + np.minimum(activity, 1.0) + surprise), np.float64)


def round_network(network: ScaleNetwork, local_count: int) -> ContextNetwork:
    """Return the network in integers; its output is the number of a table."""
    to_table = (TABLES - 1) / (HIGHEST - LOWEST)
    weights, biases = [], []
    for place, layer in enumerate(network.layers):
        weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        if place == len(network.layers) - 1:
            weight, bias = weight * to_table, (bias - LOWEST) * to_table
        weights.append(np.rint(weight * 2**WEIGHT_SHIFT).astype(np.int32))
        biases.append(np.rint(bias * 2 ** (WEIGHT_SHIFT + ACTIVATION_SHIFT)).astype(np.int32))
    return ContextNetwork(tuple(weights), tuple(biases), local_count, TABLES)


def tables_of(network: ContextNetwork, sample: ContextSample) -> NDArray[np.uint8]:
    """Return the table of each symbol of a sample; the odd quantiser's follow the even one's."""
    local = np.ascontiguousarray(sample.contexts[:, : sample.local_count].T).astype(np.float32)
    chosen = network.tables_of_rows(local, sample.contexts[:, sample.local_count :])
    return chosen + TABLES * sample.is_odd.astype(np.uint8)


def table_probabilities(
    network: ScaleNetwork, integer: ContextNetwork, sample: ContextSample
) -> list[NDArray[np.float64]]:
    """Return per table the probabilities of symbols -n ... n; what is missing to 1 lies beyond."""
    indexes = tables_of(integer, sample)
    magnitudes = np.abs(sample.symbols)
    weights = sample.weights / sample.weights.mean()
    tables = []
    for table in range(2 * TABLES):
        log_scale = LOWEST + (HIGHEST - LOWEST) * (table % TABLES) / (TABLES - 1)
        size = min(MOST_SYMBOLS, 4 + math.ceil(14 * math.exp(log_scale)))
        with torch.no_grad():
            smooth = network.probabilities(
                torch.full((size,), log_scale),
                torch.arange(size).float(),
                torch.full((size,), table >= TABLES),
            )
        expected = np.append(smooth.numpy().astype(np.float64), 0.0)
        expected[-1] = max(1.0 - expected.sum(), 1e-7)
        rows = np.flatnonzero(indexes == table)
        capped = np.minimum(magnitudes[rows], size)
        seen = np.bincount(capped, weights[rows], minlength=size + 1)
        chances = (seen + _SMOOTHING * expected) / (seen.sum() + _SMOOTHING * expected.sum())
        halves = chances[1:size] / 2
        tables.append(np.concatenate([halves[::-1], chances[:1], halves]))
    return tables


def mean_excess(integer: ContextNetwork, sample: ContextSample) -> NDArray[np.float32]:
    """Return (2 T, 3): the mean excess of magnitudes 1, 2, and 3 and more, per table."""
    magnitudes = np.clip(np.abs(sample.symbols), 0, 3)
    cells = tables_of(integer, sample).astype(np.int64) * 4 + magnitudes
    count = np.bincount(cells, minlength=8 * TABLES)
    total = np.bincount(cells, sample.excess, minlength=8 * TABLES)
    means = (total / (count + _SMOOTHING)).reshape(-1, 4)[:, 1:]
    return means.astype(np.float32)
