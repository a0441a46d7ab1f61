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


Places = tuple[int, int]
"""A kernel or a stride: bands along the spectrum, and pixels over space."""


class PatchConvolution(nn.Module):
    """A convolution along the spectrum, over space, or over both.

    Parameters
    ----------
    inputs, outputs
        Channels C and C'.
    kernel, stride
        Kernels are odd and padded by half, so that n places become ceil(n / stride).

    Notes
    -----
    A kernel of one pixel runs as a 2-D convolution over (bands, pixels), a kernel of one band as
    one over (rows, columns) of every band: on a CPU both take a fraction of the time that PyTorch's
    3-D convolution takes for the same kernel.
    """

    def __init__(self, inputs: int, outputs: int, kernel: Places, stride: Places = (1, 1)) -> None:
        super().__init__()
        along, across = kernel
        self.stride = stride
        self.weight = nn.Parameter(torch.empty(outputs, inputs, along, across, across))
        self.bias = nn.Parameter(torch.zeros(outputs))
        nn.init.kaiming_normal_(self.weight, a=SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, B, P, P) to (N, C', B', P', P')."""
        n, _, bands, px, _ = x.shape
        along, across = self.weight.shape[2:4]
        by, by_px = self.stride
        if across == 1 and by_px == 1:
            flat = x.reshape(n, -1, bands, px * px)
            flat = F.conv2d(flat, self.weight[..., 0], self.bias, (by, 1), (along // 2, 0))
            return flat.view(*flat.shape[:3], px, px)
        if along == 1 and by == 1:
            images = x.transpose(1, 2).flatten(0, 1)  # (N B, C, P, P)
            images = F.conv2d(images, self.weight[:, :, 0], self.bias, by_px, across // 2)
            return images.view(n, bands, *images.shape[1:]).transpose(1, 2)
        padding = (along // 2, across // 2, across // 2)
        return F.conv3d(x, self.weight, self.bias, (by, by_px, by_px), padding)


class SpectralUpsampling(nn.Module):
    """A transposed convolution that makes four bands of one, to exactly as many as are asked for.

    Parameters
    ----------
    inputs, outputs
        Channels C and C'.
    kernel
        Odd; (7, 1) runs as a 2-D convolution over (bands, pixels).
    """

    stride = 4

    def __init__(self, inputs: int, outputs: int, kernel: Places) -> None:
        super().__init__()
        along, across = kernel
        self.weight = nn.Parameter(torch.empty(inputs, outputs, along, across, across))
        self.bias = nn.Parameter(torch.zeros(outputs))
        # Kaiming's deviation: a band is reached by a quarter of the kernel.
        reached_by = inputs * along * across**2 / self.stride
        gain = nn.init.calculate_gain("leaky_relu", SLOPE)
        nn.init.normal_(self.weight, std=gain / math.sqrt(reached_by))

    def forward(self, x: Tensor, bands: int) -> Tensor:
        """Map (N, C, ceil(bands / 4), P, P) to (N, C', bands, P, P)."""
        n, _, groups, px, _ = x.shape
        along, across = self.weight.shape[2:4]
        over = bands - (groups - 1) * self.stride - 1  # 0 to 3: which of four sizes is meant
        if across == 1:
            flat = F.conv_transpose2d(
                x.reshape(n, -1, groups, px * px),
                self.weight[..., 0],
                self.bias,
                (self.stride, 1),
                (along // 2, 0),
                (over, 0),
            )
            return flat.view(*flat.shape[:3], px, px)
        padding = (along // 2, across // 2, across // 2)
        stride = (self.stride, 1, 1)
        return F.conv_transpose3d(x, self.weight, self.bias, stride, padding, (over, 0, 0))


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
