"""Encoder, generator and discriminator of HiFiC, with the variants for hyperspectral images.

Mentzer, Toderici, Tschannen and Agustsson, High-Fidelity Generative Image Compression, NeurIPS
2020; the variants are those of Byju, Fuchs, Walda and Demir.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it
from torch.nn.utils.parametrizations import spectral_norm

from hsigan.models.compression_blocks import (
    ChannelNorm,
    Conv3dPlacement,
    Convolutions,
    SEPlacement,
    SqueezeExcitation,
)


@dataclass(frozen=True)
class Widths:
    """How wide the networks are.

    Parameters
    ----------
    stages
        Channels of the encoder's stages, from full resolution down; the generator mirrors them.
    latent
        Latent channels L.
    hyper
        Channels of the hyperprior's networks, and of z.
    residual_blocks
        Residual blocks of the generator.
    discriminator
        Channels of the discriminator's layers.
    """

    stages: tuple[int, ...]
    latent: int
    hyper: int
    residual_blocks: int
    discriminator: tuple[int, ...]


WIDTHS: dict[str, Widths] = {
    "paper": Widths((60, 120, 240, 480, 960), 220, 320, 9, (64, 128, 256, 512)),
    "cpu": Widths((15, 30, 60, 120, 240), 55, 80, 3, (16, 32, 64, 128)),
}


def _norm(channels: int, attend: bool) -> nn.Module:
    """Return a norm, with squeeze-and-excitation after it where asked."""
    if attend:
        return nn.Sequential(ChannelNorm(channels), SqueezeExcitation(channels))
    return ChannelNorm(channels)


class Encoder(nn.Module):
    """E of HiFiC: bands to latents, rows and columns divided by 2 at every stage but the first.

    ::

        x (N, B, T, T) -> [SE] -> 7 x 7, norm, [SE], ReLU         (N, 60, T, T)
          -> 3 x 3 stride 2, norm, [SE], ReLU, four times over    (N, 960, T/16, T/16)
          -> 3 x 3                                                (N, L, T/16, T/16)

    Parameters
    ----------
    bands
        B: raw bands or components of a front end.
    widths
        Channels of the stages and of the latents.
    se, conv3d
        Placements of squeeze-and-excitation and of 3-D convolutions.
    """

    def __init__(
        self,
        bands: int,
        widths: Widths,
        se: SEPlacement = "none",
        conv3d: Conv3dPlacement = "none",
    ) -> None:
        super().__init__()
        stages = widths.stages
        layer = Convolutions(conv3d, (*stages, widths.latent))
        attend = se in ("encoder", "encoder-generator")
        first: list[nn.Module] = []
        if se in ("encoder-first", "encoder"):
            first.append(SqueezeExcitation(bands))
        self.layers = nn.Sequential(
            *first,
            layer.first(bands, stages[0]),
            _norm(stages[0], attend),
            nn.ReLU(),
            *(
                part
                for inputs, outputs in itertools.pairwise(stages)
                for part in (layer.inner(inputs, outputs, 2), _norm(outputs, attend), nn.ReLU())
            ),
            layer.inner(stages[-1], widths.latent),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map tiles (N, B, T, T) to latents (N, L, T/16, T/16)."""
        latents: Tensor = self.layers(x)
        return latents


class ResidualBlock(nn.Module):
    """``x + norm(conv(ReLU(norm(conv(x)))))``."""

    def __init__(self, channels: int, layer: Convolutions, attend: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            layer.inner(channels, channels),
            _norm(channels, attend),
            nn.ReLU(),
            layer.inner(channels, channels),
            _norm(channels, attend),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        made: Tensor = x + self.layers(x)
        return made


class Generator(nn.Module):
    """G of HiFiC: latents to bands.

    ::

        y (N, L, T/16, T/16) -> norm -> 3 x 3 -> norm             (N, 960, T/16, T/16)
          -> 9 residual blocks, + what entered the first
          -> 3 x 3 transposed, norm, ReLU, four times over        (N, 60, T, T)
          -> 7 x 7                                                (N, B, T, T)

    With ``se="encoder-generator"`` every norm is followed by squeeze-and-excitation.

    Parameters
    ----------
    bands
        B.
    widths
        Channels of the stages and of the latents, and the number of residual blocks.
    se, conv3d
        Placements of squeeze-and-excitation and of 3-D convolutions.
    """

    def __init__(
        self,
        bands: int,
        widths: Widths,
        se: SEPlacement = "none",
        conv3d: Conv3dPlacement = "none",
    ) -> None:
        super().__init__()
        stages = widths.stages[::-1]
        layer = Convolutions(conv3d, (*stages, widths.latent))
        attend = se == "encoder-generator"
        self.head = nn.Sequential(
            _norm(widths.latent, attend),
            layer.inner(widths.latent, stages[0]),
            _norm(stages[0], attend),
        )
        self.body = nn.Sequential(
            *(ResidualBlock(stages[0], layer, attend) for _ in range(widths.residual_blocks))
        )
        self.tail = nn.Sequential(
            *(
                part
                for inputs, outputs in itertools.pairwise(stages)
                for part in (layer.up(inputs, outputs), _norm(outputs, attend), nn.ReLU())
            ),
            layer.last(stages[-1], bands),
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Map latents (N, L, T/16, T/16) to tiles (N, B, T, T)."""
        head = self.head(latents)
        tiles: Tensor = self.tail(self.body(head) + head)
        return tiles


class Discriminator(nn.Module):
    """D of HiFiC: is each patch of a tile real, given the tile's latents.

    ::

        latents (N, L, T/16, T/16) ─ 3 x 3, 12 ─ nearest neighbour x 16 ─┐
        tiles (N, B, T, T) ──────────────────────────────── concatenate ─┴> 4 x 4 stride 2 (64)
          -> 4 x 4 stride 2 (128), stride 2 (256), stride 1 (512) -> 4 x 4, 1 -> logits

    Every convolution has spectral norm; LeakyReLU 0.2 stands between them. No gradient reaches the
    latents.

    Parameters
    ----------
    bands
        B.
    latent
        Latent channels L.
    widths
        Channels of the four inner layers.
    """

    latent_maps = 12
    slope = 0.2

    def __init__(
        self, bands: int, latent: int, widths: Sequence[int] = (64, 128, 256, 512)
    ) -> None:
        super().__init__()
        self.arguments = {"bands": bands, "latent": latent, "widths": list(widths)}
        self.condition = spectral_norm(nn.Conv2d(latent, self.latent_maps, 3, padding=1))
        sizes = (bands + self.latent_maps, *widths)
        strides = [2] * (len(widths) - 1) + [1]
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(inputs, outputs, 4, stride, padding=1))
            for (inputs, outputs), stride in zip(itertools.pairwise(sizes), strides, strict=True)
        )
        self.last = spectral_norm(nn.Conv2d(sizes[-1], 1, 4, padding=2))

    def forward(self, tiles: Tensor, latents: Tensor) -> Tensor:
        """Return logits (N, 1, H', W'), one per patch, of tiles under their latents."""
        condition = F.leaky_relu(self.condition(latents.detach()), self.slope)
        condition = F.interpolate(condition, size=tiles.shape[2:], mode="nearest")
        x = torch.cat([tiles, condition], dim=1)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), self.slope)
        logits: Tensor = self.last(x)
        return logits

    def both(self, real: Tensor, fake: Tensor, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of real and decoded tiles, judged in one batch, each under its latents.

        Parameters
        ----------
        real, fake
            (N, B, T, T): the tiles, and what the generator made of them.
        latents
            (N, L, T/16, T/16): of the tiles, in the same order.
        """
        logits = self(torch.cat([real, fake]), torch.cat([latents, latents]))
        judged_real, judged_fake = logits.chunk(2)
        return judged_real, judged_fake
