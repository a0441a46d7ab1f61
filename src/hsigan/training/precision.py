"""In which precision a training multiplies."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

Precision = Literal["auto", "fp32", "bf16"]


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Return bf16 autocast where it is asked for, or where it pays: the hardware multiplies it."""
    wanted = precision == "bf16"
    if precision == "auto":
        has_cuda = device.type == "cuda" and torch.cuda.is_bf16_supported()
        has_cpu = device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
        wanted = has_cuda or has_cpu
    if not wanted:
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
