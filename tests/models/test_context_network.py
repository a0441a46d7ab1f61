"""The context network: exact integers, whatever carries them."""

from __future__ import annotations

import numpy as np
import pytest

from hsigan.errors import InputError, StreamError
from hsigan.models.context_network import ContextNetwork

LOCAL, SHARED, TABLES = 5, 3, 64


def _network(seed: int = 0, largest: int = 300) -> ContextNetwork:
    random = np.random.default_rng(seed)
    sizes = [(32, LOCAL + SHARED), (16, 32), (1, 16)]
    weights = tuple(random.integers(-largest, largest, size).astype(np.int32) for size in sizes)
    biases = tuple(random.integers(-9000, 9000, size[0]).astype(np.int32) for size in sizes)
    return ContextNetwork(weights, biases, LOCAL, TABLES)


def _by_integers(network: ContextNetwork, local: np.ndarray, shared: np.ndarray) -> np.ndarray:
    """Return the tables by integer arithmetic of 64 bits."""
    values = np.concatenate([local, np.repeat(shared[:, None], local.shape[1], axis=1)])
    values = values.astype(np.int64)
    for weight, bias in zip(network.weights[:2], network.biases[:2], strict=True):
        sums = weight.astype(np.int64) @ values + bias[:, None]
        values = np.clip(sums >> 8, 0, 1023)
    last = network.weights[2].astype(np.int64) @ values + network.biases[2][:, None]
    return np.clip(np.rint(last[0] / 2.0**14), 0, TABLES - 1)


@pytest.mark.parametrize("count", [1, 7, 5000])
def test_floats_carry_the_integers_exactly(count: int) -> None:
    network = _network()
    random = np.random.default_rng(1)
    local = random.integers(0, 128, (LOCAL, count)).astype(np.float32)
    shared = random.integers(0, 128, SHARED).astype(np.int32)
    found = network.tables(local, shared)
    assert np.array_equal(found, _by_integers(network, local, shared))
    assert len(np.unique(found)) > 3 or count < 10


def test_rows_of_shared_contexts_mean_the_same() -> None:
    network = _network()
    random = np.random.default_rng(2)
    local = random.integers(0, 128, (LOCAL, 6000)).astype(np.float32)
    shared = random.integers(0, 128, SHARED).astype(np.int32)
    rows = np.repeat(shared[None], 6000, axis=0)
    assert np.array_equal(network.tables(local, shared), network.tables_of_rows(local, rows))


def test_sums_that_float32_cannot_hold_are_refused() -> None:
    with pytest.raises(InputError, match="too large"):
        _network(largest=40_000)


def test_arrays_give_the_network_back() -> None:
    network = _network()
    again = ContextNetwork.from_arrays(network.to_arrays())
    local = np.arange(LOCAL * 9, dtype=np.float32).reshape(LOCAL, 9)
    shared = np.array([1, 2, 3], np.int32)
    assert np.array_equal(again.tables(local, shared), network.tables(local, shared))
    damaged = {**network.to_arrays(), "weight_1": np.zeros((3, 3), np.int32)}
    with pytest.raises(StreamError):
        ContextNetwork.from_arrays(damaged)
