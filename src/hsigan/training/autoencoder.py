"""The training of published autoencoders: squared error alone, or with a rate.

As published (1D-CAE, SSCNet, 3D-CAE) latents are 32-bit floats and the loss is the mean squared
error. The quantised variant rounds latents of gain g, ``round(g z)``, with uniform noise in
training, and adds lambda times their information under a factorised prior, as
`hsigan.training.compression` weighs it; everything else stays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from hsigan.models.entropy_models import FactorisedPrior, add_noise, round_straight_through
from hsigan.models.spectral_autoencoders import CAE1D, CAE3D, SSCNet
from hsigan.recipe import Config
from hsigan.training.distributed import descend
from hsigan.training.run_folder import RunFolder
from hsigan.training.scene_crops import RandomCrops
from hsigan.training.state import Report, TrainingState

Autoencoder = CAE1D | SSCNet | CAE3D
CodecName = Literal["cae-1d", "sscnet", "cae-3d"]


class AutoencoderConfig(Config):
    """Settings of an autoencoder and its training.

    ``ratio`` is the number of values over that of latents; ``width`` that of SSCNet's layers.
    ``rate_weight`` is lambda, per bit per pixel, beside the squared error on a scale of 0 ... 255
    times 0.15 / 32, as in `CompressionConfig`.
    """

    codec: CodecName = "cae-1d"
    latents: Literal["raw", "quantised"] = "raw"
    ratio: int = Field(4, ge=1)
    width: int = Field(256, ge=1)
    tile_px: int = Field(96, ge=8, multiple_of=8)
    steps: int = Field(20_000, ge=0)
    batch: int = Field(8, ge=1)
    crop_px: int = Field(32, ge=8, multiple_of=8)
    learning_rate: float = Field(1e-3, gt=0)
    rate_weight: float = Field(0.05, gt=0)
    first_gain: float = Field(8.0, gt=0)
    validate_every: int = Field(200, ge=1)
    weights_as: Literal["float32", "float16"] = "float16"

    def network(self, bands: int) -> Autoencoder:
        """Return the network for scenes of so many bands."""
        if self.codec == "cae-1d":
            return CAE1D(bands, self.ratio)
        if self.codec == "cae-3d":
            return CAE3D(bands, self.ratio)
        return SSCNet(bands, self.ratio, self.width)


class AutoencoderModel(nn.Module):
    """A network, the gain of its latents, and their prior.

    ``low`` and ``high`` are the values that the network sees as 0 and 1. The gain and the prior are
    of no use to raw latents, and are not trained then.
    """

    low: Tensor
    high: Tensor

    def __init__(self, network: Autoencoder, value_range: tuple[float, float], gain: float) -> None:
        super().__init__()
        self.network = network
        self.prior = FactorisedPrior(network.latent_channels, 4.0)
        self.log_gain = nn.Parameter(torch.full((network.latent_channels,), math.log(gain)))
        self.register_buffer("low", torch.tensor(value_range[0]))
        self.register_buffer("high", torch.tensor(value_range[1]))

    @property
    def gain(self) -> Tensor:
        """Gains (C, 1, 1)."""
        return self.log_gain.exp()[:, None, None]

    def scaled(self, values: Tensor) -> Tensor:
        """Return values in the scene's units as the network sees them."""
        return (values - self.low) / (self.high - self.low)

    def unscaled(self, x: Tensor) -> Tensor:
        """Undo `scaled`."""
        return x * (self.high - self.low) + self.low

    def coded(self, x: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return scaled values x (N, B, T, T) after coding, and the bits (N,) of their latents."""
        latents = self.network.encode(x) * self.gain
        bits = self.prior.bits(add_noise(latents, random))
        rounded = round_straight_through(latents) / self.gain
        return self.network.decode(rounded, (x.shape[2], x.shape[3])), bits


def train_autoencoder(
    images: Sequence[Tensor],
    model: AutoencoderModel,
    config: AutoencoderConfig,
    seed: int,
    run: RunFolder | None = None,
    report: Report | None = None,
) -> TrainingState:
    """Train a model in place; see `train_compression` for Ctrl-C, resuming and divergence.

    Parameters
    ----------
    images : values (B, H, W) of training scenes, in their units
    model, config, seed, run, report : see `train_compression`

    Raises
    ------
    DivergedError
        The loss is not finite.
    """
    device = model.low.device
    optimisers = {"model": torch.optim.Adam(model.parameters(), lr=config.learning_rate)}
    random = torch.Generator().manual_seed(seed)
    state = TrainingState({"model": model}, optimisers, random, run)
    state.resume()
    crops = RandomCrops(images, config.crop_px)
    model.train()
    for step in state.steps(config.steps):
        late = step >= config.steps // 2
        optimisers["model"].param_groups[0]["lr"] = config.learning_rate * (0.1 if late else 1.0)
        x = model.scaled(crops.draw(config.batch, random).to(device))
        noise = torch.Generator(device).manual_seed(int(torch.randint(2**31, (), generator=random)))
        losses = _losses(model, x, config, noise)
        descend(optimisers["model"], model, losses["loss"])
        values = state.check(losses)
        if (step + 1) % config.validate_every == 0 or step + 1 == config.steps:
            state.tell(values, report)
    return state


def _losses(
    model: AutoencoderModel, x: Tensor, config: AutoencoderConfig, noise: torch.Generator
) -> dict[str, Tensor]:
    if config.latents == "raw":
        mse = (model.network(x) - x).square().mean()
        return {"loss": mse, "psnr_db": -10 * torch.log10(mse)}
    decoded, bits = model.coded(x, noise)
    mse = (decoded - x).square().mean()
    bpp = bits.mean() / (x.shape[2] * x.shape[3])
    loss = config.rate_weight * bpp + 0.15 / 32 * 255**2 * mse
    return {"loss": loss, "bpp": bpp, "psnr_db": -10 * torch.log10(mse)}
