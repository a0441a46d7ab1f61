"""Training of the context network: it finds the scales that contexts tell, and stays exact."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hsigan.bitstream.tables import CodingTables
from hsigan.models.context_network import ContextNetwork
from hsigan.training.context_network import (
    HIGHEST,
    LOWEST,
    TABLES,
    ContextSample,
    ScaleNetwork,
    importance,
    mean_excess,
    round_network,
    tables_of,
    train_context_network,
)

LOCAL, SHARED = 3, 2


def _sample(count: int = 20_000, seed: int = 0) -> ContextSample:
    """Draw symbols whose scale one local and one shared context tell together."""
    random = np.random.default_rng(seed)
    contexts = random.integers(0, 128, (count, LOCAL + SHARED)).astype(np.uint8)
    scales = np.exp((contexts[:, 0] / 40.0 - 1) + (contexts[:, LOCAL] / 60.0 - 1))
    values = random.laplace(0, scales)
    symbols = np.rint(values).astype(np.int32)
    excess = (np.abs(symbols) - np.abs(values)).astype(np.float32)
    is_odd = random.random(count) < 0.3
    return ContextSample(contexts, symbols, is_odd, excess, np.ones(count, np.float32), LOCAL)


@pytest.fixture(scope="module")
def trained() -> tuple[ContextNetwork, CodingTables]:
    network, chances = train_context_network(_sample(), steps=400, batch=512)
    offsets = np.array([-(len(row) // 2) for row in chances], np.int32)
    return network, CodingTables.from_probabilities(chances, offsets)


def test_new_symbols_take_hardly_more_than_their_entropy(
    trained: tuple[ContextNetwork, CodingTables],
) -> None:
    network, tables = trained
    sample = _sample(seed=5)
    bits = tables.information_bits(sample.symbols, tables_of(network, sample))
    scales = np.exp(sample.contexts[:, 0] / 40.0 - 1 + sample.contexts[:, LOCAL] / 60.0 - 1)
    near = np.abs(sample.symbols)
    inside = np.exp(-np.maximum(near - 0.5, 0) / scales) - np.exp(-(near + 0.5) / scales)
    ideal = float((-np.log2(inside) + (near > 0)).sum())
    assert ideal < bits < 1.04 * ideal


def test_tables_are_symmetric(trained: tuple[ContextNetwork, CodingTables]) -> None:
    _, tables = trained
    assert len(tables) == 2 * TABLES
    for offset, row in zip(tables.offsets, tables.frequencies, strict=True):
        symbols = row[:-1].astype(np.int64)
        assert len(symbols) == 1 - 2 * offset
        assert np.abs(symbols - symbols[::-1]).max() <= 2


def test_the_same_seed_gives_the_same_network() -> None:
    first, _ = train_context_network(_sample(500), steps=5, batch=64, seed=3)
    second, _ = train_context_network(_sample(500), steps=5, batch=64, seed=3)
    for one, other in zip(first.weights, second.weights, strict=True):
        assert np.array_equal(one, other)


def test_rounding_keeps_the_tables_of_the_float_network() -> None:
    torch.manual_seed(0)
    network = ScaleNetwork(LOCAL + SHARED)
    sample = _sample(2000)
    with torch.no_grad():
        scales = network(torch.from_numpy(sample.contexts).float()).numpy()
    expected = np.clip((scales - LOWEST) / (HIGHEST - LOWEST) * (TABLES - 1), 0, TABLES - 1)
    found = tables_of(round_network(network, LOCAL), sample) % TABLES
    assert np.abs(found - expected).max() < 1.1


def test_the_excess_of_a_table_is_the_mean_of_its_symbols(
    trained: tuple[ContextNetwork, CodingTables],
) -> None:
    network, _ = trained
    sample = _sample()
    excess = mean_excess(network, sample)
    indexes = tables_of(network, sample)
    table = int(np.bincount(indexes).argmax())
    ones = sample.excess[(indexes == table) & (np.abs(sample.symbols) == 1)]
    # Shrunk towards nothing, as if thirty more symbols had none.
    assert excess[table, 0] == pytest.approx(ones.sum() / (len(ones) + 30), abs=1e-4)


def test_every_symbol_is_drawn_at_times_and_large_ones_more_often() -> None:
    sample = _sample()
    shares = importance(sample)
    assert (shares > 0).all()
    assert shares[np.abs(sample.symbols) > 3].mean() > shares[sample.symbols == 0].mean()
