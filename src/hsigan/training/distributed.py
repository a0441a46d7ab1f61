"""Several processes on one training, started by ``torchrun``; alone, nothing of this happens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, distributed, nn


@contextmanager
def joined_processes() -> Iterator[int]:
    """Join the processes that ``torchrun`` started, and give this one's rank; 0 when alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield 0
        return
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group(backend)
    try:
        yield distributed.get_rank()
        # What the last exchange left behind could otherwise be freed when the interpreter is gone.
        wait_for_all()
    finally:
        distributed.destroy_process_group()


def rank() -> int:
    """Return this process's number among those that train together."""
    return distributed.get_rank() if _together() else 0


def own_seed(seed: int) -> int:
    """Return a seed that differs between processes, so that each draws its own batches."""
    return seed + 1_000_003 * rank()


def average_gradients(module: nn.Module) -> None:
    """Average gradients over the processes; alone, do nothing.

    DistributedDataParallel hooks into ``forward``; the closed-form input gradients of the critics
    go past it, so the averaging is written out.
    """
    if not _together():
        return
    count = distributed.get_world_size()
    for parameter in module.parameters():
        if parameter.grad is not None:
            distributed.all_reduce(parameter.grad)
            parameter.grad /= count


def descend(
    optimiser: torch.optim.Optimizer, module: nn.Module, loss: Tensor, limit: float | None = None
) -> None:
    """Take one step down a loss, the same in all processes; the gradient's norm may be limited."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    average_gradients(module)
    if limit is not None:
        nn.utils.clip_grad_norm_(module.parameters(), limit)
    optimiser.step()


def any_process(*flags: bool) -> list[bool]:
    """Return for each flag whether any process has set it; alone, the flags as they are.

    Whether to stop or to save must be decided alike everywhere, or one process would wait forever
    for the gradients of another that has left.
    """
    if not _together():
        return list(flags)
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    shared = torch.tensor(flags, dtype=torch.int32, device=device)
    distributed.all_reduce(shared, op=distributed.ReduceOp.MAX)
    return [bool(flag) for flag in shared.tolist()]


def wait_for_all() -> None:
    """Go on when every process has come here; alone, at once."""
    if _together():
        distributed.barrier()


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()
