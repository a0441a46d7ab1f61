"""Building blocks of the patch networks: convolutions, class normalisation, spectral attention."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

Convolution = Literal["factorised", "3d"]

SLOPE = 0.2
"""LeakyReLU's slope for negative values in all patch networks."""


class PatchConvolution(nn.Module):
    """A convolution along the spectrum, over space, or over both, that knows its own transpose.

    Parameters
    ----------
    inputs, outputs
        Channels C in and out.
    kernel, stride
        Each (along the spectrum, over space). Kernels are odd and padded by half, so that n places
        become ceil(n / stride).
    upwards
        Apply the transpose: from ``outputs`` channels to ``inputs``, and to ``stride`` times as
        many places.

    Notes
    -----
    A kernel of one pixel runs as a 2-D convolution over (bands, pixels), a kernel of one band as
    one over (rows, columns) of every band: on a CPU both are several times as fast as the 3-D
    convolution with the same kernel. ``pull_back`` is a forward operation of its own, whose
    gradient is again cheap. Differentiating PyTorch's convolutions twice is not: it takes the
    gradient of the weights for a convolution whose kernel is as large as the image.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        upwards: bool = False,
    ) -> None:
        super().__init__()
        self.stride = stride
        self.upwards = upwards
        along, across = kernel
        self.weight = nn.Parameter(torch.empty(outputs, inputs, along, across, across))
        self.bias = nn.Parameter(torch.zeros(inputs if upwards else outputs))
        reached_by = float(along * across**2 * inputs)
        if upwards:  # a place is reached by one stride's share of the kernel
            reached_by = along * across**2 * outputs / (stride[0] * stride[1] ** 2)
        gain = nn.init.calculate_gain("leaky_relu", SLOPE)
        nn.init.normal_(self.weight, std=gain / math.sqrt(reached_by))  # Kaiming

    def forward(self, x: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Map (N, C, B, P, P) to (N, C', B', P', P'); ``size`` is (B', P') on the way up."""
        if not self.upwards:
            return convolve(x, self.weight, self.bias, self.stride)
        if size is None:
            size = (x.shape[2] * self.stride[0], x.shape[3] * self.stride[1])
        bias = self.bias.view(-1, 1, 1, 1)
        return convolve_transposed(x, self.weight, self.stride, size) + bias

    def pull_back(self, gradient: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the input's gradient, (N, C, B, P, P) with ``size`` (B, P), from the output's."""
        return convolve_transposed(gradient, self.weight, self.stride, size)


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, stride: tuple[int, int]) -> Tensor:
    """Convolve (N, C, B, P, P) with (C', C, kb, kp, kp), padded by half of the kernel."""
    n, _, bands, px, _ = x.shape
    along, across = weight.shape[2:4]
    padding = (along // 2, across // 2)
    if across == 1 and stride[1] == 1:
        flat = x.reshape(n, -1, bands, px * px)
        flat = F.conv2d(flat, weight[..., 0], bias, (stride[0], 1), (padding[0], 0))
        return flat.view(n, -1, flat.shape[2], px, px)
    if along == 1 and stride[0] == 1:
        images = x.transpose(1, 2).flatten(0, 1)  # (N B, C, P, P)
        images = F.conv2d(images, weight[:, :, 0], bias, stride[1], padding[1])
        return images.view(n, bands, *images.shape[1:]).transpose(1, 2)
    strides, paddings = (stride[0], stride[1], stride[1]), (padding[0], padding[1], padding[1])
    return F.conv3d(x, weight, bias, strides, paddings)


def convolve_transposed(
    y: Tensor, weight: Tensor, stride: tuple[int, int], size: tuple[int, int]
) -> Tensor:
    """Transpose `convolve`: (N, C', B', P', P') to (N, C, B, P, P) with ``size`` (B, P)."""
    n, _, bands, px, _ = y.shape
    along, across = weight.shape[2:4]
    padding = (along // 2, across // 2)
    # What a strided convolution left over at the far end: without it sizes would be ambiguous.
    over = (size[0] - (bands - 1) * stride[0] - 1, size[1] - (px - 1) * stride[1] - 1)
    if across == 1 and stride[1] == 1:
        flat = F.conv_transpose2d(
            y.reshape(n, -1, bands, px * px),
            weight[..., 0],
            None,
            (stride[0], 1),
            (padding[0], 0),
            (over[0], 0),
        )
        return flat.view(n, -1, size[0], px, px)
    if along == 1 and stride[0] == 1:
        images = y.transpose(1, 2).flatten(0, 1)  # (N B', C', P', P')
        images = F.conv_transpose2d(images, weight[:, :, 0], None, stride[1], padding[1], over[1])
        return images.view(n, bands, *images.shape[1:]).transpose(1, 2)
    return F.conv_transpose3d(
        y,
        weight,
        None,
        (stride[0], stride[1], stride[1]),
        (padding[0], padding[1], padding[1]),
        (over[0], over[1], over[1]),
    )


class ClassNormalisation(nn.Module):
    """Pixel normalisation with a scale and a shift per channel that the class decides.

    The channels of every voxel are divided by their root mean square (Karras et al., ICLR 2018,
    section 4.2): nothing is shared between the patches of a batch, so a batch of one is fine. Scale
    and shift are linear in the class weights, as in conditional batch normalisation (Dumoulin et
    al., ICLR 2017), so that weights between two classes give a scale between theirs.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))
        self.class_scale = nn.Parameter(torch.zeros(classes, channels)) if classes else None
        self.class_shift = nn.Parameter(torch.zeros(classes, channels)) if classes else None

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """Normalise (N, C, B, P, P) under (N, K) class weights."""
        scale: Tensor = self.scale
        shift: Tensor = self.shift
        if self.class_scale is not None and self.class_shift is not None:
            scale = scale + weights @ self.class_scale  # (N, C)
            shift = shift + weights @ self.class_shift
        shape = (-1, x.shape[1], 1, 1, 1)
        normal = x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-6)
        return normal * scale.view(shape) + shift.view(shape)


class SpectralAttention(nn.Module):
    """Squeeze-and-excitation over the spectral axis: a weight in (0, 1) for every band.

    ::

        x (N, C, B, P, P) ─ mean over C, P, P ─> (N, B) ─ linear, LeakyReLU, linear, sigmoid ─┐
             └───────────────────────────────────────────────────────────────────────────── * ┴─> x'

    Hu, Shen and Sun (CVPR 2018) weigh feature channels; here bands are squeezed and excited in
    their place, so that the weights can be read against wavelength. Any number of bands will do.
    """

    def __init__(self, bands: int, reduction: int = 4) -> None:
        super().__init__()
        hidden = max(4, bands // reduction)
        self.squeeze = nn.Linear(bands, hidden)
        self.excite = nn.Linear(hidden, bands)
        nn.init.kaiming_normal_(self.squeeze.weight, a=SLOPE)
        # Near 0.9 at the start: bands differ a little, and none is shut before it was looked at.
        nn.init.normal_(self.excite.weight, std=0.1 / hidden**0.5)
        nn.init.constant_(self.excite.bias, 2.0)

    def band_weights(self, x: Tensor) -> Tensor:
        """Return the weights (N, B), each in (0, 1), of (N, C, B, P, P)."""
        squeezed = F.leaky_relu(self.squeeze(x.mean(dim=(1, 3, 4))), SLOPE)
        return torch.sigmoid(self.excite(squeezed))

    def forward(self, x: Tensor) -> Tensor:
        """Weigh the bands of (N, C, B, P, P)."""
        return x * self.band_weights(x)[:, None, :, None, None]
