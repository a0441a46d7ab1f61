"""The whole learned codec of a tile: transform, hyperprior and generator in one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hsigan.errors import InputError
from hsigan.models.compression_blocks import (
    Conv3dPlacement,
    SEPlacement,
    initialise,
    squeeze_excitation_l1,
)
from hsigan.models.hific import WIDTHS, Encoder, Generator, Widths
from hsigan.models.hyperprior import Hyperprior, Symbols
from hsigan.models.rate_gains import Gains

TILE_STEP = 16
"""Tiles are as many pixels wide as a multiple of this: the encoder divides by it."""


@dataclass(frozen=True)
class Coded:
    """What `CompressionModel.forward` makes of N tiles.

    Parameters
    ----------
    reconstruction
        (N, B, T, T).
    y_bits, z_bits
        (N,): rates in bits per tile. Estimates: from noisy latents in training, otherwise the
        information content of the integers.
    latents
        (N, L, T/16, T/16): what generator and discriminator see.
    se_l1
        Scalar: the l1 norm of all squeeze-and-excitation weights.
    """

    reconstruction: Tensor
    y_bits: Tensor
    z_bits: Tensor
    latents: Tensor
    se_l1: Tensor


class CompressionModel(nn.Module):
    """HiFiC for tiles of hyperspectral images, any of its published variants.

    ::

        x (N, B, T, T) ─ encoder ─ gain ─> y ─ hyperprior ─> y^ ─ 1 / gain ─ generator ─> x^
                                               │
                                  z, y - mean as integers, and the rate of both

    `forward` is for training. `analyse` and `synthesise` are its two halves with the integers of a
    file between them; after `freeze` the indexes into the scale table come from integer arithmetic
    and are the same on every machine.

    Parameters
    ----------
    bands
        B: standardised bands, or components of a front end; 1 or more.
    tile_px
        T, a multiple of 16. Other sizes are refused: what a tile decodes to depends on its size
        where squeeze-and-excitation averages over it.
    widths
        ``paper``, ``cpu``, or the fields of `Widths` as plain data.
    se, conv3d
        Placements of squeeze-and-excitation and of 3-D convolutions.
    levels
        Rates of a tunable model (`Gains`); 1: a model for one rate.

    Raises
    ------
    InputError
        A size, width or placement that no model can have.
    """

    def __init__(
        self,
        bands: int,
        tile_px: int,
        widths: str | Mapping[str, Any] = "cpu",
        se: SEPlacement = "none",
        conv3d: Conv3dPlacement = "none",
        levels: int = 1,
    ) -> None:
        super().__init__()
        self.widths = _read_widths(widths)
        if tile_px < TILE_STEP or tile_px % TILE_STEP:
            raise InputError(
                f"The 'tile_px' parameter must be a multiple of {TILE_STEP}. Got {tile_px} instead."
            )
        self.bands, self.tile_px = bands, tile_px
        self.arguments = {
            "bands": bands,
            "tile_px": tile_px,
            "widths": {key: _plain(value) for key, value in asdict(self.widths).items()},
            "se": se,
            "conv3d": conv3d,
            "levels": levels,
        }
        self.encoder = Encoder(bands, self.widths, se, conv3d)
        self.gains = Gains(self.widths.latent, levels)
        self.hyperprior = Hyperprior(self.widths.latent, self.widths.hyper)
        self.generator = Generator(bands, self.widths, se, conv3d)
        initialise(self)

    def forward(
        self,
        x: Tensor,
        level: Tensor | float = 0.0,
        random: torch.Generator | None = None,
    ) -> Coded:
        """Code and decode tiles, with rates.

        Parameters
        ----------
        x
            (N, B, T, T).
        level
            The rate's level in [0, levels - 1], one for all tiles or (N,).
        random
            Source of the noise in training; none: PyTorch's own.
        """
        y = self.encode(x, level)
        rates = self.hyperprior(y, random)
        latents = self.gains.undo(rates.latents, level)
        reconstruction = self.generator(latents)
        l1 = squeeze_excitation_l1(self)
        return Coded(reconstruction, rates.y_bits, rates.z_bits, latents, l1)

    @torch.no_grad()
    def analyse(self, x: Tensor, level: Tensor | float = 0.0) -> Symbols:
        """Return the integers that a file holds of tiles x (N, B, T, T)."""
        y = self.encode(x, level)
        return self.hyperprior.analyse(y)

    @torch.no_grad()
    def synthesise(self, z: Tensor, y: Tensor, level: Tensor | float = 0.0) -> Tensor:
        """Return the tiles (N, B, T, T) of the integers z and y of a file."""
        rounded = self.hyperprior.synthesise(z, y)
        latents = self.gains.undo(rounded, level)
        reconstruction: Tensor = self.generator(latents)
        return reconstruction

    @torch.no_grad()
    def indexes(self, z: Tensor) -> Tensor:
        """Return the index into the scale table, uint8 (N, L, T/16, T/16), of every y."""
        side = self.tile_px // TILE_STEP
        return self.hyperprior.indexes(z, (side, side))

    def encode(self, x: Tensor, level: Tensor | float = 0.0) -> Tensor:
        """Return the latents y (N, L, T/16, T/16) of tiles, before anything is rounded."""
        expected = (self.bands, self.tile_px, self.tile_px)
        if tuple(x.shape[1:]) != expected:
            raise InputError(
                f"tiles must have the shape (N, {', '.join(map(str, expected))}). Got "
                f"{tuple(x.shape)} instead: pad the edges of the scene to whole tiles"
            )
        return self.gains.scale(self.encoder(x), level)

    @torch.no_grad()
    def freeze(self, x: Tensor) -> None:
        """Turn the scale synthesis into integers; encoder and hyperprior stay as they are after.

        Parameters
        ----------
        x
            (N, B, T, T) training tiles, some dozens: they set the ranges of the integers.
        """
        levels = range(self.gains.levels)
        self.hyperprior.freeze(torch.cat([self.encode(x, float(level)) for level in levels]))

    @property
    def frozen(self) -> bool:
        """Whether `freeze` was called, here or before the model was saved."""
        return self.hyperprior.integer_scales.frozen

    def symbol_shapes(self) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """Return the shapes of z and of y of one tile, each (channels, rows, columns)."""
        side = self.tile_px // TILE_STEP
        z_side = -(-side // 4)
        return (self.widths.hyper, z_side, z_side), (self.widths.latent, side, side)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _read_widths(widths: str | Mapping[str, Any]) -> Widths:
    if isinstance(widths, str):
        if widths not in WIDTHS:
            raise InputError(
                f"The 'widths' parameter must be one of {', '.join(WIDTHS)}, or the fields of "
                f"Widths. Got {widths!r} instead."
            )
        return WIDTHS[widths]
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in widths.items()
    }
    try:
        read = Widths(**values)
    except TypeError as error:
        raise InputError(f"these widths cannot be read ({error})") from error
    if len(read.stages) != 5:
        raise InputError(f"there are five stages. Got {len(read.stages)} widths instead.")
    return read
