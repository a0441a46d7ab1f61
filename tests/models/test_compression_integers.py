"""The exactness law: what the entropy decoder reads is the same integers under all conditions."""

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from hsigan.bitstream.tables import SCALES
from hsigan.models.entropy_models import table_indexes, table_log_scales
from hsigan.models.hyperprior import HyperSynthesis
from hsigan.models.integer_network import LARGEST_SUM, IntegerScaleNetwork

LATENT, HYPER, SIDE = 55, 80, 16
CHILD = """
import hashlib, sys, torch, safetensors.torch
from hsigan.models.integer_network import IntegerScaleNetwork
tensors = safetensors.torch.load_file(sys.argv[1])
z = tensors.pop("z")
network = IntegerScaleNetwork(55, 80)
network.load_state_dict(tensors)
print(torch.backends.cpu.get_cpu_capability())
print(hashlib.sha256(network(z, (16, 16)).numpy().tobytes()).hexdigest())
"""


def make_z(count: int, seed: int = 0) -> Tensor:
    """Draw integers as a hyperprior has them: most near 0, some channels wide."""
    random = torch.Generator().manual_seed(seed)
    spread = torch.logspace(-1, 1.2, HYPER)[:, None, None]
    return (torch.randn(count, HYPER, SIDE // 4, SIDE // 4, generator=random) * spread).round()


@pytest.fixture(scope="module")
def synthesis() -> HyperSynthesis:
    """Return a float scale synthesis whose scales reach over the whole table."""
    torch.manual_seed(3)
    network = HyperSynthesis(LATENT, HYPER)
    with torch.no_grad():
        logs = network(make_z(8), (SIDE, SIDE))
        network.layers[2].weight.mul_(2.0 / logs.std())
        network.layers[2].bias.fill_(1.0)
    return network


@pytest.fixture(scope="module")
def network(synthesis: HyperSynthesis) -> IntegerScaleNetwork:
    made = IntegerScaleNetwork(LATENT, HYPER)
    made.take_over(synthesis.layers, make_z(8))
    return made


@pytest.fixture(scope="module")
def expected(network: IntegerScaleNetwork) -> Tensor:
    """Return the indexes of 8 tiles, on one thread."""
    with threads(1):
        return network(make_z(8, seed=1), (SIDE, SIDE))


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def coarse_products() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextlib.contextmanager
def without_onednn() -> Iterator[None]:
    torch.backends.mkldnn.enabled = False
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = True


CONDITIONS = {
    "one thread": lambda: threads(1),
    "three threads": lambda: threads(3),
    "no oneDNN": without_onednn,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "coarse products": coarse_products,
}


def test_indexes_are_many_and_reach_over_the_table(expected: Tensor) -> None:
    assert expected.numel() > 100_000
    assert expected.unique().numel() > 55


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("batch", [1, 8])
def test_no_index_depends_on_how_it_is_computed(
    network: IntegerScaleNetwork, expected: Tensor, condition: str, batch: int
) -> None:
    z = make_z(8, seed=1)
    with CONDITIONS[condition](), torch.no_grad():
        parts = [network(part, (SIDE, SIDE)) for part in z.split(batch)]
    assert int((torch.cat(parts) != expected).sum()) == 0


def test_no_index_depends_on_the_memory_format_or_the_type(
    network: IntegerScaleNetwork, expected: Tensor
) -> None:
    z = make_z(8, seed=1)
    size = (SIDE, SIDE)
    assert torch.equal(network(z.to(memory_format=torch.channels_last), size), expected)
    assert torch.equal(network(z.int(), size), expected)
    again = IntegerScaleNetwork(LATENT, HYPER)
    again.load_state_dict(network.state_dict())
    assert torch.equal(again.half()(z.half(), size), expected)
    assert torch.equal(again.to(memory_format=torch.channels_last)(z, size), expected)


def test_no_index_depends_on_the_instruction_set(
    network: IntegerScaleNetwork, expected: Tensor, tmp_path: Path
) -> None:
    file = tmp_path / "network.safetensors"
    safetensors.torch.save_file({**network.state_dict(), "z": make_z(8, seed=1)}, file)
    command = [sys.executable, "-c", CHILD, str(file)]
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": "default", "OMP_NUM_THREADS": "1"}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    capability, digest = told.stdout.split()
    assert capability in ("DEFAULT", "NO")
    assert digest == hashlib.sha256(expected.numpy().tobytes()).hexdigest()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_no_index_depends_on_the_device(network: IntegerScaleNetwork, expected: Tensor) -> None:
    again = IntegerScaleNetwork(LATENT, HYPER)
    again.load_state_dict(network.state_dict())
    found = again.cuda()(make_z(8, seed=1).cuda(), (SIDE, SIDE))
    assert torch.equal(found.cpu(), expected)


def test_integers_alone_give_the_same_indexes(
    network: IntegerScaleNetwork, expected: Tensor
) -> None:
    a = make_z(8, seed=1)[:1].numpy().astype(np.int64)
    for layer in network.layers:
        a = in_integers(layer, a)
    assert np.array_equal(a, expected[:1].numpy())


def in_integers(layer: torch.nn.Module, a: np.ndarray) -> np.ndarray:
    """Compute a layer in 64-bit integers, tap by tap."""
    low, high, next_high = layer.limits.tolist()
    a = np.clip(a, low, high)
    weight = layer.weight.numpy().astype(np.int64)
    kernel = weight.shape[-1]
    if layer.doubles:  # put zeros between the pixels, then convolve with the kernel turned round
        spread = np.zeros((*a.shape[:2], 2 * a.shape[2], 2 * a.shape[3]), np.int64)
        spread[:, :, ::2, ::2] = a
        a, weight = spread, weight.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
    edge = kernel // 2
    padded = np.pad(a, ((0, 0), (0, 0), (edge, edge), (edge, edge)))
    rows, columns = a.shape[2:]
    sums = np.zeros((a.shape[0], weight.shape[0], rows, columns), np.int64)
    for i in range(kernel):
        for j in range(kernel):
            window = padded[:, :, i : i + rows, j : j + columns]
            sums += np.einsum("oc,nchw->nohw", weight[:, :, i, j], window)
    sums += layer.bias.numpy().astype(np.int64)[:, None, None]
    multiplier = layer.multiplier.numpy().astype(np.int64)[:, None, None]
    divisor = layer.divisor.numpy()[:, None, None]
    # Twice everything, so that half a divisor is an integer too.
    return np.clip((2 * sums * multiplier + divisor) // (2 * divisor), 0, next_high)


def test_sums_stay_below_their_bound_whatever_comes(
    network: IntegerScaleNetwork,
) -> None:
    assert all(layer.largest_sum() < LARGEST_SUM for layer in network.layers)
    worst = torch.full((1, HYPER, 4, 4), 1e9)
    random = torch.Generator().manual_seed(5)
    worst *= torch.randint(0, 2, worst.shape, generator=random) * 2 - 1
    a = worst.numpy().astype(np.int64)
    for layer in network.layers:
        a = in_integers(layer, a)
    assert np.array_equal(a, network(worst, (SIDE, SIDE)).numpy())


@pytest.mark.parametrize("bias", [0.0, 1e4, -1e4])
@pytest.mark.parametrize("gain", [0.0, 1e-6, 1e3])
def test_extreme_weights_keep_the_bound(gain: float, bias: float) -> None:
    torch.manual_seed(0)
    synthesis = HyperSynthesis(4, 6)
    with torch.no_grad():
        for layer in synthesis.layers:
            layer.weight[0].mul_(gain)
            layer.bias[:2] += bias
    network = IntegerScaleNetwork(4, 6)
    z = torch.randint(-9, 9, (2, 6, 2, 2)).float()
    network.take_over(synthesis.layers, z)
    assert all(layer.largest_sum() < LARGEST_SUM for layer in network.layers)
    a = z.numpy().astype(np.int64)
    for layer in network.layers:
        a = in_integers(layer, a)
    assert np.array_equal(a[:, :, :7, :5], network(z, (7, 5)).numpy())


def test_integers_stay_near_the_float_network(synthesis: HyperSynthesis, expected: Tensor) -> None:
    with torch.no_grad():
        floats = table_indexes(synthesis(make_z(8, seed=1), (SIDE, SIDE)))
    away = (floats.int() - expected.int()).abs().float()
    assert away.mean() < 0.15
    assert away.max() <= 1


def test_the_table_is_the_one_that_files_are_coded_with() -> None:
    indexes = torch.arange(64, dtype=torch.uint8)
    mine = table_log_scales(indexes).double().exp().numpy()
    np.testing.assert_allclose(mine, SCALES, rtol=1e-5)
    assert torch.equal(table_indexes(torch.from_numpy(SCALES).log()), indexes)
