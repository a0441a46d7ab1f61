"""A published autoencoder with quantised latents and a prior, so that they can be coded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hsigan.errors import InputError
from hsigan.models.entropy_models import FactorisedPrior, add_noise, round_straight_through
from hsigan.models.spectral_autoencoders import CAE1D, CAE3D, SSCNet

AUTOENCODERS: dict[str, type[CAE1D | SSCNet | CAE3D]] = {
    "1d-cae": CAE1D,
    "sscnet": SSCNet,
    "3d-cae": CAE3D,
}


@dataclass(frozen=True)
class CodedLatents:
    """What `QuantisedAutoencoder.forward` makes of N tiles.

    Parameters
    ----------
    reconstruction
        (N, B, H, W).
    bits
        (N,): rates in bits per tile, from noisy latents in training, else from the integers.
    """

    reconstruction: Tensor
    bits: Tensor


class QuantisedAutoencoder(nn.Module):
    """An autoencoder with a step per latent channel and a factorised prior (Balle et al. 2018).

    ::

        x (N, B, H, W) ─ encode ─ / step ─> y ─ round ─> y^ ─ x step ─ decode ─> x^
                                                 └─ factorised prior ─> rate

    Parameters
    ----------
    autoencoder
        Name in `AUTOENCODERS`.
    arguments
        Of that autoencoder, ``bands`` and ``ratio`` among them.
    step
        The quantiser's step at the start; steps are learned with the rest.

    Raises
    ------
    InputError
        There is no such autoencoder.
    """

    def __init__(self, autoencoder: str, arguments: Mapping[str, Any], step: float = 0.125) -> None:
        super().__init__()
        if autoencoder not in AUTOENCODERS:
            raise InputError(
                f"The 'autoencoder' parameter must be one of {', '.join(AUTOENCODERS)}. "
                f"Got {autoencoder!r} instead."
            )
        self.arguments = {
            "autoencoder": autoencoder,
            "arguments": dict(arguments),
            "step": step,
        }
        self.autoencoder = AUTOENCODERS[autoencoder](**arguments)
        channels = self.autoencoder.latent_channels
        self.log_steps = nn.Parameter(torch.full((channels, 1, 1), step).log())
        self.prior = FactorisedPrior(channels)

    def forward(self, x: Tensor, random: torch.Generator | None = None) -> CodedLatents:
        """Code and decode (N, B, H, W), with rates; ``random`` draws the noise in training."""
        y = self.autoencoder.encode(x) / self.log_steps.exp()
        y_hat = round_straight_through(y)
        bits = self.prior.bits(add_noise(y, random) if self.training else y_hat)
        decoded = self.autoencoder.decode(y_hat * self.log_steps.exp(), (x.shape[2], x.shape[3]))
        return CodedLatents(decoded, bits)

    @torch.no_grad()
    def analyse(self, x: Tensor) -> Tensor:
        """Return the integers that a file holds of (N, B, H, W): (N, C, h, w) int32.

        The table of a symbol is that of its channel.
        """
        y = self.autoencoder.encode(x) / self.log_steps.exp()
        return y.round().int()

    @torch.no_grad()
    def synthesise(self, y: Tensor, size: tuple[int, int]) -> Tensor:
        """Return (N, B, H, W), where (H, W) is ``size``, of the integers of a file."""
        latents = y.to(self.log_steps.dtype) * self.log_steps.exp()
        return self.autoencoder.decode(latents, size)
