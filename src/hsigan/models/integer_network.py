"""The scale synthesis in integers: the same table index on every machine.

Integers instead of floats before the entropy coder follow Balle, Johnston and Minnen, Integer
Networks for Data Compression with Latent-Variable Models, ICLR 2019; here a trained float network
is turned into integers once, at the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

from hsigan.models.entropy_models import LOG_SCALE_STEP, SCALE_LEVELS, SCALE_MIN

WEIGHT_LIMIT = 127
LARGEST_SUM = 2**31
"""Every sum of products stays below, so that int32 holds it, and float64 with 22 bits to spare.

float32 would ask for 2^24, which leaves 5 bits to the activations of 320 channels: measured with
random weights, 1.8 % more bits for y than from floats. With 2^31 they have 12 bits, and y costs
0.006 % more.
"""

MOST_ACTIVATION_BITS = 12
MULTIPLIER_BITS = 15
MOST_SHIFT = 52
HEADROOM = 1.25
"""Activations may exceed the largest one seen at export by this factor before they are clipped."""


class IntegerConvolution(nn.Module):
    """A convolution with 8-bit weights between bounded integers.

    ::

        a, integers clipped to [low, high]
          -> sum of w a, + bias                                      |sum| < 2^31
          -> floor((sum * multiplier + divisor / 2) / divisor)       one of each per output channel
          -> clipped to [0, the next layer's high]

    Why the result is the same everywhere: all numbers are integers carried in float64. Sums stay
    below 2^31, so every order of summation gives the same, and so do fused multiply-adds; a backend
    that convolves by Fourier transforms or Winograd's method errs by less than 1e-3 there, which
    rounding takes away. The sum times its multiplier stays below 2^46, half a divisor below 2^51,
    and the divisor is a power of two. float64 also escapes what lowers float32 unasked: TF32,
    bfloat16 matrix products and autocast. The numbers are kept as integers, so ``half()`` does not
    touch them.

    Parameters
    ----------
    inputs, outputs
        Channels.
    kernel
        5: transposed, doubles rows and columns. 3: keeps them.
    """

    weight: Tensor
    bias: Tensor
    multiplier: Tensor
    divisor: Tensor
    limits: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.doubles = kernel == 5
        shape = (inputs, outputs) if self.doubles else (outputs, inputs)
        self.register_buffer("weight", torch.zeros(*shape, kernel, kernel, dtype=torch.int8))
        self.register_buffer("bias", torch.zeros(outputs, dtype=torch.int32))
        self.register_buffer("multiplier", torch.zeros(outputs, dtype=torch.int32))
        self.register_buffer("divisor", torch.ones(outputs, dtype=torch.int64))
        self.register_buffer("limits", torch.zeros(3, dtype=torch.int32))  # low, high, next high

    def forward(self, a: Tensor) -> Tensor:
        """Map integers (N, C, h, w), as float64, to integers (N, C', h', w'), as float64."""
        low, high, next_high = (int(limit) for limit in self.limits)
        a, weight, bias = a.clamp(low, high), self.weight.double(), self.bias.double()
        if self.doubles:
            sums = F.conv_transpose2d(a, weight, bias, 2, 2, 1).round()
        else:
            sums = F.conv2d(a, weight, bias, padding=1).round()
        divisor = self.divisor.double()[:, None, None]
        scaled = sums * self.multiplier.double()[:, None, None] + divisor / 2
        return torch.floor(scaled / divisor).clamp(0, next_high)

    def largest_sum(self) -> int:
        """Return a bound of all sums that the layer can come to."""
        gains = _absolute_sums(self.weight.double(), self.doubles)
        largest = int(self.limits.abs()[:2].max())
        return int((gains * largest + self.bias.abs()).max())


class IntegerScaleNetwork(nn.Module):
    """The scale synthesis of a hyperprior in bounded integers; its output is the table's index.

    Parameters
    ----------
    latent
        Latent channels L.
    hyper
        Channels C of z.

    Notes
    -----
    It starts empty. ``frozen`` says whether `take_over` has filled it; being a buffer, that is kept
    in checkpoints.
    """

    filled: Tensor

    def __init__(self, latent: int, hyper: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [
                IntegerConvolution(hyper, hyper, 5),
                IntegerConvolution(hyper, hyper, 5),
                IntegerConvolution(hyper, latent, 3),
            ]
        )
        self.register_buffer("filled", torch.zeros((), dtype=torch.uint8))

    @property
    def frozen(self) -> bool:
        """Whether the network has taken over."""
        return bool(self.filled)

    def forward(self, z: Tensor, size: tuple[int, int]) -> Tensor:
        """Map integers z (N, C, h/4, w/4) of any type to uint8 indexes (N, L, h, w)."""
        a = z.double()
        for layer in self.layers:
            a = layer(a)
        return a[:, :, : size[0], : size[1]].to(torch.uint8)

    @torch.no_grad()
    def take_over(self, layers: Sequence[nn.Module] | nn.ModuleList, z: Tensor) -> None:
        """Take the weights of a float scale synthesis, its outputs being logarithms of scales.

        Parameters
        ----------
        layers
            Its three convolutions.
        z
            (N, C, h, w) integers of training tiles: the activations that they cause, with some
            headroom, are the ranges of the integers.
        """
        highs = [_highest_input(layer) for layer in layers] + [SCALE_LEVELS - 1]
        x, step_in = z.double(), 1.0
        for index, (mine, layer) in enumerate(zip(self.layers, layers, strict=True)):
            assert isinstance(mine, IntegerConvolution)  # for the type checker
            weight, bias = _float64_parameters(layer)
            x = _apply(x, weight, bias)
            last = index == len(layers) - 1
            largest = max(float(x.max()), 1e-6) * HEADROOM
            step_out = LOG_SCALE_STEP if last else largest / highs[index + 1]
            _fill(mine, weight, bias - math.log(SCALE_MIN) * last, (step_in, step_out))
            low = -highs[0] if index == 0 else 0
            mine.limits.copy_(torch.tensor([low, highs[index], highs[index + 1]]))
            x, step_in = x.relu(), step_out
        self.filled.fill_(1)


def _float64_parameters(layer: nn.Module) -> tuple[Tensor, Tensor]:
    if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) or layer.bias is None:
        raise TypeError(f"a convolution with a bias is needed, not {layer}")
    return layer.weight.detach().double(), layer.bias.detach().double()


def _apply(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Run the float layer: 5 x 5 is transposed and doubles, 3 x 3 keeps rows and columns."""
    if weight.shape[-1] == 5:
        return F.conv_transpose2d(x, weight, bias, 2, 2, 1)
    return F.conv2d(x, weight, bias, padding=1)


def _absolute_sums(weight: Tensor, doubles: bool) -> Tensor:
    """Return, per output channel, the largest sum of absolute weights that meet in one pixel."""
    if not doubles:
        return weight.abs().sum(dim=(1, 2, 3))
    # A transposed kernel with stride 2 reaches each pixel with every second row and column.
    phases = [weight[:, :, i::2, j::2].abs().sum(dim=(0, 2, 3)) for i in (0, 1) for j in (0, 1)]
    return torch.stack(phases).amax(dim=0)


def _weight_steps(weight: Tensor) -> Tensor:
    """Return, per output channel, what one count of an 8-bit weight stands for."""
    outputs = 1 if weight.shape[-1] == 5 else 0
    largest = weight.abs().amax(dim=(1 - outputs, 2, 3))
    return largest.clamp(min=1e-9) / WEIGHT_LIMIT


def _quantised(weight: Tensor, steps: Tensor) -> Tensor:
    shape = (1, -1, 1, 1) if weight.shape[-1] == 5 else (-1, 1, 1, 1)
    return (weight / steps.view(shape)).round()


def _highest_input(layer: nn.Module) -> int:
    """Return the largest 2^k - 1 that inputs may reach so that products sum to less than 2^30."""
    weight, _ = _float64_parameters(layer)
    integers = _quantised(weight, _weight_steps(weight))
    gain = float(_absolute_sums(integers, weight.shape[-1] == 5).max())
    bits = int(math.log2(LARGEST_SUM / 2 / gain))
    return int(2 ** min(bits, MOST_ACTIVATION_BITS)) - 1


def _fill(
    mine: IntegerConvolution, weight: Tensor, bias: Tensor, counts: tuple[float, float]
) -> None:
    """Turn a float layer into integers; ``counts``: what one of input and output stands for."""
    step_in, step_out = counts
    # A bias that would not fit beside the products makes the weights of its channel coarser.
    steps = torch.maximum(_weight_steps(weight), bias.abs() / (step_in * LARGEST_SUM / 4))
    mine.weight.copy_(_quantised(weight, steps))
    mine.bias.copy_((bias / (steps * step_in)).round())
    fraction, exponent = torch.frexp(steps * step_in / step_out)
    shift = MULTIPLIER_BITS - exponent
    multiplier = (fraction * 2**MULTIPLIER_BITS).round() * (shift <= MOST_SHIFT)
    mine.multiplier.copy_(multiplier)
    mine.divisor.copy_(2 ** shift.clamp(1, MOST_SHIFT).long())
