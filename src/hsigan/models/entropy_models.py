"""How probable quantised latents are: a factorised prior, and Gaussians with tabled scales.

Balle, Minnen, Singh, Hwang and Johnston, Variational image compression with a scale hyperprior,
ICLR 2018. Rates are in bits per image of the batch.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

SCALE_MIN, SCALE_MAX, SCALE_LEVELS = 0.11, 256.0, 64
"""The table of standard deviations in HiFiC: log-spaced, from the first to the second."""

LOG_SCALE_STEP = math.log(SCALE_MAX / SCALE_MIN) / (SCALE_LEVELS - 1)

LEAST_PROBABILITY = 1e-9
"""Training takes no symbol to be less probable; 30 bits."""


class _Bound(Function):
    """Clip from below; the gradient passes where the value lies above, or is pulled up."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bound: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.bound = bound
        return x.clamp(min=bound)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return gradient * ((x >= ctx.bound) | (gradient < 0)), None


class _Round(Function):
    """Round; the gradient passes as if nothing were done (straight-through, Theis et al. 2017)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.round()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


def lower_bound(x: Tensor, bound: float) -> Tensor:
    """Return max(x, bound), with a gradient that can still lift what lies below the bound."""
    bounded: Tensor = _Bound.apply(x, bound)  # type: ignore[no-untyped-call]
    return bounded


def round_straight_through(x: Tensor) -> Tensor:
    """Return x rounded to integers, with the gradient of x."""
    rounded: Tensor = _Round.apply(x)  # type: ignore[no-untyped-call]
    return rounded


def add_noise(x: Tensor, random: torch.Generator | None) -> Tensor:
    """Return x with uniform noise in [-0.5, 0.5) on it: rounding as training sees it."""
    noise = torch.rand(x.shape, generator=random, device=x.device, dtype=x.dtype)
    return x + noise - 0.5


def information_bits(probabilities: Tensor) -> Tensor:
    """Return the information (N,) of (N, ...) probabilities, in bits, summed over the rest."""
    bounded = lower_bound(probabilities, LEAST_PROBABILITY)
    return -torch.log2(bounded).flatten(1).sum(dim=1)


def gaussian_bits(deviations: Tensor, log_scales: Tensor) -> Tensor:
    """Return the information (N,) of y - mean under Gaussians integrated over unit intervals.

    Parameters
    ----------
    deviations
        y - mean, (N, L, H, W): noisy in training, integer in a file.
    log_scales
        Natural logarithms of the standard deviations, same shape; clipped to the table's range.
    """
    bounded = lower_bound(log_scales, math.log(SCALE_MIN)).clamp(max=math.log(SCALE_MAX))
    scales = bounded.exp()
    distance = deviations.abs()  # the lower tail, where differences of small numbers are exact
    upper = torch.special.ndtr((0.5 - distance) / scales)
    lower = torch.special.ndtr((-0.5 - distance) / scales)
    return information_bits(upper - lower)


def table_indexes(log_scales: Tensor) -> Tensor:
    """Return the indexes, uint8, of the nearest entries (on the log axis) of the scale table."""
    places = (log_scales - math.log(SCALE_MIN)) / LOG_SCALE_STEP
    return places.round().clamp(0, SCALE_LEVELS - 1).to(torch.uint8)


def table_log_scales(indexes: Tensor) -> Tensor:
    """Return the logarithms of the standard deviations that indexes stand for, float32."""
    return math.log(SCALE_MIN) + LOG_SCALE_STEP * indexes.float()


class FactorisedPrior(nn.Module):
    """A learned density per channel, the same at every pixel (Balle et al. 2018, appendix 6.1).

    Its cumulative is a small monotone network of one input: layers of widths 3, 3, 3 whose matrices
    are positive, with gates ``x + tanh(a) tanh(x)`` between them and a sigmoid at the end.

    Parameters
    ----------
    channels
        Number of channels C of z.
    spread
        Width of the density at the start.
    """

    widths = (1, 3, 3, 3, 1)

    def __init__(self, channels: int, spread: float = 10.0) -> None:
        super().__init__()
        layers = len(self.widths) - 1
        gain = spread ** (1 / layers)
        self.matrices = nn.ParameterList()
        self.shifts = nn.ParameterList()
        self.gates = nn.ParameterList()
        for inputs, outputs in zip(self.widths[:-1], self.widths[1:], strict=True):
            start = math.log(math.expm1(1 / gain / outputs))
            self.matrices.append(nn.Parameter(torch.full((channels, outputs, inputs), start)))
            self.shifts.append(nn.Parameter(torch.rand(channels, outputs, 1) - 0.5))
            if outputs > 1:
                self.gates.append(nn.Parameter(torch.zeros(channels, outputs, 1)))

    def logits(self, z: Tensor) -> Tensor:
        """Return the cumulative's logits, (C, 1, M), of values (C, 1, M)."""
        for index, (matrix, shift) in enumerate(zip(self.matrices, self.shifts, strict=True)):
            z = F.softplus(matrix.to(z.dtype)) @ z + shift.to(z.dtype)
            if index < len(self.gates):
                z = z + torch.tanh(self.gates[index].to(z.dtype)) * torch.tanh(z)
        return z

    def interval(self, z: Tensor) -> Tensor:
        """Return the probability of [z - 0.5, z + 0.5], (C, 1, M), of values (C, 1, M)."""
        lower, upper = self.logits(z - 0.5), self.logits(z + 0.5)
        # Taken in the tail that z lies in, where sigmoids keep their digits.
        sign = -torch.sign(lower + upper).detach()
        return (torch.sigmoid(sign * upper) - torch.sigmoid(sign * lower)).abs()

    def bits(self, z: Tensor) -> Tensor:
        """Return the information (N,) of z (N, C, H, W), in bits."""
        values = z.transpose(0, 1).flatten(1)[:, None]  # (C, 1, N H W)
        probabilities = self.interval(values)[:, 0].reshape(z.shape[1], z.shape[0], -1)
        return information_bits(probabilities.transpose(0, 1))

    @torch.no_grad()
    def probabilities(
        self, tail: float = 1e-6, reach: int = 512
    ) -> tuple[list[NDArray[np.float64]], NDArray[np.int32]]:
        """Return the probabilities of the integers of every channel, for integer tables.

        Parameters
        ----------
        tail
            Integers below and above may be left out while their probability is at most this on
            each side; at least one integer is kept.
        reach
            No integer beyond is listed, however probable.

        Returns
        -------
        probabilities
            One float64 array per channel; they sum to a little less than 1, by what is left out.
        offsets
            (C,) int32: the integer that each array starts with.
        """
        channels = len(self.matrices[0])
        edges = torch.arange(-reach, reach + 2, dtype=torch.float64) - 0.5
        edges = edges.to(self.matrices[0].device).expand(channels, 1, -1)
        logits = self.logits(edges)[:, 0].cpu()
        below, above = torch.sigmoid(logits).numpy(), torch.sigmoid(-logits).numpy()
        lists, offsets = [], np.zeros(channels, np.int32)
        for channel in range(channels):
            first = max(0, int(np.searchsorted(below[channel], tail, "right")) - 1)
            end = int(np.searchsorted(-above[channel], -tail, "left"))
            end = min(max(end, first + 1), 2 * reach + 1)
            first = min(first, end - 1)
            lower, upper = below[channel, first:end], below[channel, first + 1 : end + 1]
            rest_lower, rest_upper = above[channel, first:end], above[channel, first + 1 : end + 1]
            lists.append(np.where(upper < 0.5, upper - lower, rest_lower - rest_upper))
            offsets[channel] = first - reach
        return lists, offsets
