"""The hyperprior: what z tells about the latents y, as floats in training and integers in files."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

from hsigan.models.entropy_models import (
    FactorisedPrior,
    add_noise,
    gaussian_bits,
    round_straight_through,
    table_indexes,
    table_log_scales,
)
from hsigan.models.integer_network import IntegerScaleNetwork


@dataclass(frozen=True)
class LatentRates:
    """What the hyperprior makes of latents.

    Parameters
    ----------
    latents
        (N, L, h, w): y as the decoder gets it, ``round(y - mean) + mean``, with y's gradient.
    y_bits, z_bits
        (N,): information of both, in bits. From noisy latents in training, from integer symbols
        and tabled scales otherwise.
    """

    latents: Tensor
    y_bits: Tensor
    z_bits: Tensor


@dataclass(frozen=True)
class Symbols:
    """The integers that a file holds of N tiles.

    Parameters
    ----------
    z
        (N, C, h/4, w/4) int32; the table of a symbol is that of its channel.
    y
        (N, L, h, w) int32: ``round(y - mean)``.
    indexes
        (N, L, h, w) uint8: of the entry in the scale table for every y; not in the file, z decides.
    """

    z: Tensor
    y: Tensor
    indexes: Tensor


class HyperAnalysis(nn.Module):
    """h_a: latents y (N, L, h, w) to z (N, C, h/4, w/4), rounded up; 3 x 3, 5 x 5 /2, 5 x 5 /2."""

    def __init__(self, latent: int, hyper: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(latent, hyper, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(hyper, hyper, 5, 2, 2),
            nn.ReLU(),
            nn.Conv2d(hyper, hyper, 5, 2, 2),
        )

    def forward(self, y: Tensor) -> Tensor:
        """Map (N, L, h, w) to (N, C, h/4, w/4)."""
        z: Tensor = self.layers(y)
        return z


class HyperSynthesis(nn.Module):
    """h_s: z (N, C, h/4, w/4) to one value per latent; 5 x 5 x2, 5 x 5 x2, 3 x 3, ReLU between."""

    def __init__(self, latent: int, hyper: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [
                nn.ConvTranspose2d(hyper, hyper, 5, 2, 2, 1),
                nn.ConvTranspose2d(hyper, hyper, 5, 2, 2, 1),
                nn.Conv2d(hyper, latent, 3, padding=1),
            ]
        )

    def forward(self, z: Tensor, size: tuple[int, int]) -> Tensor:
        """Map (N, C, h/4, w/4) to (N, L, h, w), where (h, w) is ``size``."""
        x = F.relu(self.layers[0](z))
        x = F.relu(self.layers[1](x))
        values: Tensor = self.layers[2](x)
        return values[:, :, : size[0], : size[1]]


class Hyperprior(nn.Module):
    """Side information z with a factorised prior; Gaussians for y with means and scales from z.

    ::

        y ─ h_a ─> z ─ round ─> z^ ─ mean synthesis ──> mean ──┐
        │                       └─── scale synthesis ─> scale ─┼─> rate of y
        └───────────────────────────── y^ = round(y - mean) + mean

    Rates come from latents with uniform noise in training. Both synthesis networks always see z
    rounded, straight-through: z is an integer in every file, and the integer network that takes the
    place of the scale synthesis is made for integers (`freeze`).

    Parameters
    ----------
    latent
        Latent channels L.
    hyper
        Channels C of z and of the networks.
    """

    def __init__(self, latent: int, hyper: int) -> None:
        super().__init__()
        self.analysis = HyperAnalysis(latent, hyper)
        self.mean_synthesis = HyperSynthesis(latent, hyper)
        self.scale_synthesis = HyperSynthesis(latent, hyper)  # logarithms of scales
        self.prior = FactorisedPrior(hyper)
        self.integer_scales = IntegerScaleNetwork(latent, hyper)

    def forward(self, y: Tensor, random: torch.Generator | None = None) -> LatentRates:
        """Return the latents (N, L, h, w) as a decoder gets them, and their rates."""
        z = self.analysis(y)
        z_hat = round_straight_through(z)
        size = (y.shape[2], y.shape[3])
        mean = self.mean_synthesis(z_hat, size)
        symbols = round_straight_through(y - mean)
        if self.training:
            log_scales = self.scale_synthesis(z_hat, size)
            y_bits = gaussian_bits(add_noise(y, random) - mean, log_scales)
            z_bits = self.prior.bits(add_noise(z, random))
        else:
            log_scales = table_log_scales(self.indexes(z_hat, size))
            y_bits = gaussian_bits(symbols, log_scales)
            z_bits = self.prior.bits(z_hat)
        return LatentRates(symbols + mean, y_bits, z_bits)

    def analyse(self, y: Tensor) -> Symbols:
        """Return the integers that a file holds of latents y (N, L, h, w)."""
        z_hat = self.analysis(y).round()
        size = (y.shape[2], y.shape[3])
        mean = self.mean_synthesis(z_hat, size)
        symbols = (y - mean).round()
        return Symbols(z_hat.int(), symbols.int(), self.indexes(z_hat, size))

    def synthesise(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the latents (N, L, h, w) of integers z (N, C, h/4, w/4) and y (N, L, h, w)."""
        z_hat = z.to(self.prior.matrices[0].dtype)
        size = (y.shape[2], y.shape[3])
        mean: Tensor = self.mean_synthesis(z_hat, size)
        return y.to(mean.dtype) + mean

    def indexes(self, z: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the index, uint8 (N, L, h, w), into the scale table of every y.

        Parameters
        ----------
        z
            (N, C, h/4, w/4), integers of any type.
        size
            (h, w).
        """
        if self.integer_scales.frozen:
            indexes: Tensor = self.integer_scales(z, size)
            return indexes
        return table_indexes(self.scale_synthesis(z.to(self.prior.matrices[0].dtype), size))

    @torch.no_grad()
    def freeze(self, y: Tensor) -> None:
        """Turn the scale synthesis into integers, for latents like y (N, L, h, w)."""
        z_hat = self.analysis(y).round()
        self.integer_scales.take_over(self.scale_synthesis.layers, z_hat)
