"""Building blocks of the compression networks: norms, channel attention, 3-D convolutions."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from hsigan.errors import InputError
from hsigan.models.patch_blocks import PatchConvolution

SEPlacement = Literal["none", "encoder-first", "encoder", "encoder-generator"]
"""Where squeeze-and-excitation stands (Byju et al., Table II).

``encoder-first``: on the bands, before the encoder's first convolution. ``encoder``: there and
after every norm of the encoder. ``encoder-generator``: after every norm of encoder and generator.
"""

Conv3dPlacement = Literal["none", "first-last", "everywhere"]
"""Where convolutions are 3-D (Byju et al., Table II): nowhere; the encoder's first and the
generator's last; or all of both networks."""

MAPS_3D = 8
"""Feature maps between the bands and the fold in `BandsToChannels` and `ChannelsToBands`."""

BANDS_PER_PLACE = 4
"""Stride along the bands, there."""


class ChannelNorm(nn.Module):
    """Normalise the channels of every pixel, then scale and shift each channel (HiFiC).

    Mean and unbiased variance are taken over the channels of one pixel, so nothing is shared
    between pixels or images.

    Parameters
    ----------
    channels
        Number of channels C.
    """

    epsilon = 1e-3

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, H, W)."""
        centred = x - x.mean(dim=1, keepdim=True)
        freedom = max(1, x.shape[1] - 1)
        variance = centred.square().sum(dim=1, keepdim=True) / freedom
        return centred * torch.rsqrt(variance + self.epsilon) * self.scale + self.shift


class SqueezeExcitation(nn.Module):
    """Weigh every channel by what all channels hold on average (Hu, Shen and Sun, CVPR 2018).

    ::

        x (N, C, H, W) ─ mean over H, W ─ linear C/r ─ ReLU ─ linear C ─ sigmoid ─┐
             └───────────────────────────────────────────────────────────────── * ┴─> x'

    The mean runs over the whole tile: the same pixels in a tile of another size get other weights.

    Parameters
    ----------
    channels
        Number of channels C.
    reduction
        r, 2 in Byju et al.
    """

    def __init__(self, channels: int, reduction: int = 2) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.squeeze = nn.Linear(channels, hidden)
        self.excite = nn.Linear(hidden, channels)

    def weights(self, x: Tensor) -> Tensor:
        """Return the weights (N, C), each in (0, 1), of (N, C, H, W)."""
        hidden = torch.relu(self.squeeze(x.mean(dim=(2, 3))))
        return torch.sigmoid(self.excite(hidden))

    def forward(self, x: Tensor) -> Tensor:
        """Weigh the channels of (N, C, H, W)."""
        return x * self.weights(x)[:, :, None, None]

    def l1(self) -> Tensor:
        """Return the sum of the absolute weights of both layers, a scalar (biases left out)."""
        return self.squeeze.weight.abs().sum() + self.excite.weight.abs().sum()


def squeeze_excitation_l1(network: nn.Module) -> Tensor:
    """Return the l1 norm of a network's squeeze-and-excitation weights; 0 where it has none."""
    terms = [part.l1() for part in network.modules() if isinstance(part, SqueezeExcitation)]
    return torch.stack(terms).sum() if terms else torch.zeros(())


class BandsToChannels(nn.Module):
    """A first convolution in 3-D: kernels 7 x 7 x 7 run along the bands, then the bands fold.

    ::

        x (N, B, H, W) = one volume (N, 1, B, H, W)
          -> 8 kernels 7 x 7 x 7, stride 4 along the bands    (N, 8, B/4, H, W)
          -> maps and places along the bands become channels  (N, 8 * B/4, H, W)
          -> convolution 1 x 1                                (N, C, H, W)

    Byju et al. do not say how the volume becomes the channels of the next 2-D layer; here a learned
    1 x 1 convolution folds it.
    """

    def __init__(self, bands: int, channels: int) -> None:
        super().__init__()
        self.volume = PatchConvolution(1, MAPS_3D, (7, 7), (BANDS_PER_PLACE, 1))
        self.fold = nn.Conv2d(MAPS_3D * math.ceil(bands / BANDS_PER_PLACE), channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, B, H, W) to (N, C, H, W)."""
        channels: Tensor = self.fold(self.volume(x[:, None]).flatten(1, 2))
        return channels


class ChannelsToBands(nn.Module):
    """A last convolution in 3-D, `BandsToChannels` the other way round.

    ::

        x (N, C, H, W)
          -> convolution 1 x 1                                    (N, 8 * B/4, H, W)
          -> channels become maps and places along the bands      (N, 8, B/4, H, W)
          -> 4 kernels 3 x 7 x 7, one for each band of a place    (N, 4, B/4, H, W)
          -> the four bands of every place in turn, cut to B      (N, B, H, W)

    Four kernels whose results take turns are a transposed convolution with stride 4 and a kernel of
    12 bands (Shi et al., CVPR 2016); on a CPU PyTorch computes it several times as fast so.
    """

    def __init__(self, channels: int, bands: int) -> None:
        super().__init__()
        self.bands = bands
        self.unfold = nn.Conv2d(channels, MAPS_3D * math.ceil(bands / BANDS_PER_PLACE), 1)
        self.volume = nn.Conv3d(MAPS_3D, BANDS_PER_PLACE, (3, 7, 7), padding=(1, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, B, H, W)."""
        maps = _unfold(self.unfold(x), MAPS_3D)
        # Laid out so, the backward pass takes a quarter of the time on a CPU.
        volume: Tensor = self.volume(maps.contiguous(memory_format=torch.channels_last_3d))
        return volume.transpose(1, 2).flatten(1, 2)[:, : self.bands]


class ChannelVolume(nn.Module):
    """A 2-D convolution turned into a 3-D one whose third axis lies along the channels.

    The C channels are read as C/D maps of a volume with D places, (N, C/D, D, H, W); kernels of
    3 x 3 x 3 run over places, rows and columns and make C'/D maps. A place stands for the same D-th
    of the channels from layer to layer, as a group of bands would.

    Parameters
    ----------
    inputs, outputs
        Channels C and C', multiples of ``depth``.
    depth
        D.
    stride
        Over rows and columns: 1 or 2; with ``up``, what H and W are multiplied by.
    """

    def __init__(
        self, inputs: int, outputs: int, depth: int, stride: int = 1, up: bool = False
    ) -> None:
        super().__init__()
        self.depth = depth
        maps, made, steps = inputs // depth, outputs // depth, (1, stride, stride)
        over = (0, stride - 1, stride - 1)
        self.layer: nn.Module = (
            nn.ConvTranspose3d(maps, made, 3, steps, 1, over)
            if up
            else nn.Conv3d(maps, made, 3, steps, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C', H', W')."""
        made: Tensor = self.layer(_unfold(x, x.shape[1] // self.depth)).flatten(1, 2)
        return made


class Convolutions:
    """What a layer is under a placement of 3-D convolutions: the one place that decides it.

    Parameters
    ----------
    conv3d
        The placement.
    channels
        The numbers of channels of all layers; ``everywhere`` cuts them into as many places along
        the channels as their greatest common divisor says.

    Raises
    ------
    InputError
        ``everywhere`` and channels without a common divisor of 3 or more.
    """

    def __init__(self, conv3d: Conv3dPlacement, channels: tuple[int, ...]) -> None:
        self.conv3d = conv3d
        self.depth = math.gcd(*channels)
        if conv3d == "everywhere" and self.depth < 3:
            raise InputError(
                "3-D convolutions everywhere need widths and latent channels with a common divisor "
                f"of 3 or more. Got {channels} instead."
            )

    def first(self, bands: int, outputs: int) -> nn.Module:
        """Return the encoder's first layer, 7 x 7."""
        if self.conv3d == "none":
            return nn.Conv2d(bands, outputs, 7, padding=3)
        return BandsToChannels(bands, outputs)

    def last(self, inputs: int, bands: int) -> nn.Module:
        """Return the generator's last layer, 7 x 7."""
        if self.conv3d == "none":
            return nn.Conv2d(inputs, bands, 7, padding=3)
        return ChannelsToBands(inputs, bands)

    def inner(self, inputs: int, outputs: int, stride: int = 1) -> nn.Module:
        """Return a layer 3 x 3 that divides rows and columns by ``stride``."""
        if self.conv3d == "everywhere":
            return ChannelVolume(inputs, outputs, self.depth, stride)
        return nn.Conv2d(inputs, outputs, 3, stride, 1)

    def up(self, inputs: int, outputs: int) -> nn.Module:
        """Return a transposed layer 3 x 3 that doubles rows and columns."""
        if self.conv3d == "everywhere":
            return ChannelVolume(inputs, outputs, self.depth, 2, up=True)
        return nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, 1)


def _unfold(x: Tensor, maps: int) -> Tensor:
    """Read the channels of (N, C, H, W) as maps of a volume, (N, maps, C / maps, H, W)."""
    return x.reshape(x.shape[0], maps, -1, *x.shape[2:])


def initialise(network: nn.Module) -> None:
    """Draw convolutions as the authors of HiFiC did: Glorot's uniform weights, no biases.

    PyTorch's own are smaller by a factor of 1.7; latents would start so small that all round to 0.
    """
    kinds = nn.Conv2d | nn.ConvTranspose2d | nn.Conv3d | nn.ConvTranspose3d
    for part in network.modules():
        if isinstance(part, kinds):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
