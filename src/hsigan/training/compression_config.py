"""Settings of the training of a codec of the HiFiC family."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from hsigan.models.compression_blocks import Conv3dPlacement, SEPlacement
from hsigan.models.spectral_front import FrontKind
from hsigan.recipe import Config
from hsigan.training.precision import Precision

_STARTING_RATE = 1.15
"""A little above the target: side information soon saves that much."""


class CompressionConfig(Config):
    """Settings of the two-stage training; the defaults are the paper's, in its width.

    Weights, rates and the squared error are those of equations 2-5: bits per pixel, all bands
    together, and differences on a scale where the range of the training values is 0 ... 255.
    ``weight_below`` (lambda_b) is not in the paper; 2^-6 is what the authors of HiFiC configured,
    two ports of it have 2^-4. Without ``weight_above`` (lambda_a) Table I says it.
    ``entropy_rate`` multiplies the learning rate of the hyperprior and of the block transform's
    gains.
    """

    codec: Literal["hific", "hific-se", "hific-3d", "hific-tunable"] = "hific"

    # What the networks see, and how wide they are.
    front: FrontKind = "range"
    components: int = Field(0, ge=0)
    has_transform: bool = False
    tile_level: bool = False
    tile_px: int = Field(96, ge=16, multiple_of=16)
    stages: tuple[int, int, int, int, int] = (60, 120, 240, 480, 960)
    latent: int = Field(220, ge=1)
    hyper: int = Field(320, ge=1)
    residual_blocks: int = Field(9, ge=0)
    discriminator: tuple[int, int, int, int] = (64, 128, 256, 512)
    se: SEPlacement = "none"
    conv3d: Conv3dPlacement = "none"
    levels: int = Field(1, ge=1)

    # The losses.
    target_bpp: float = Field(0.6, gt=0)
    lowest_bpp: float = Field(0.3, gt=0)
    weight_above: float | None = Field(None, gt=0)
    weight_below: float = Field(2**-6, gt=0)
    rate_control: Literal["switch", "integral"] = "switch"
    rate_gain: float = Field(0.01, gt=0, lt=1)
    mse_weight: float = Field(0.15 * 2**-5, ge=0)
    ssim_weight: float = Field(0.075 * 2**-3, ge=0)
    ssim_bands: int = Field(0, ge=0)
    perceptual_weight: float = Field(1.0, ge=0)
    perceptual: Literal["auto", "lpips", "stand-in"] = "auto"
    perceptual_from: Literal["start", "gan"] = "start"
    gan_weight: float = Field(0.15, ge=0)
    se_l1_weight: float = Field(1e-6, ge=0)

    # The two stages: without the GAN, then with it.
    steps: int = Field(1_000_000, ge=0)
    gan_steps: int = Field(1_000_000, ge=0)
    gan_trains: Literal["all", "generator"] = "all"
    warm_up_steps: int = Field(50_000, ge=0)
    batch: int = Field(8, ge=1)
    crop_px: int = Field(96, ge=16, multiple_of=16)
    margin_px: int = Field(0, ge=0)
    gain_augmentation: float = Field(0.0, ge=0, lt=1)
    learning_rate: float = Field(1e-4, gt=0)
    entropy_rate: float = Field(1.0, gt=0)
    ramp_steps: int = Field(0, ge=0)
    schedule: Literal["drop", "cosine"] = "drop"
    averaging: float = Field(0.0, ge=0, lt=1)
    gradient_limit: float | None = Field(None, gt=0)
    precision: Precision = "fp32"
    validate_every: int = Field(5000, ge=1)
    weights_as: Literal["float32", "float16", "int8"] = "float16"

    @property
    def objective(self) -> str:
        """What loads a run of this kind."""
        return "compression"

    @property
    def all_steps(self) -> int:
        """Steps of both stages."""
        return self.steps + self.gan_steps

    @property
    def first_bpp(self) -> float:
        """The rate that the block transform starts from: of several, the middle one."""
        middle = self.target_bpp
        if self.levels > 1:
            middle = (self.target_bpp * self.lowest_bpp) ** 0.5
        return _STARTING_RATE * middle

    def model_arguments(self, bands: int) -> dict[str, Any]:
        """Return the arguments of `SceneModel` for scenes of so many bands."""
        widths = {
            "stages": list(self.stages),
            "latent": self.latent,
            "hyper": self.hyper,
            "residual_blocks": self.residual_blocks,
            "discriminator": list(self.discriminator),
        }
        return {
            "bands": bands,
            "tile_px": self.tile_px,
            "components": min(self.components, bands),
            "has_transform": self.has_transform,
            "widths": widths,
            "se": self.se,
            "conv3d": self.conv3d,
            "levels": self.levels,
        }

    @model_validator(mode="after")
    def _fits_together(self) -> CompressionConfig:
        if (self.front == "klt") != (self.components > 0):
            raise ValueError("front = 'klt' needs components, and no other front has any")
        if self.codec == "hific-se" and self.se == "none":
            raise ValueError("codec = 'hific-se' needs se: a placement other than 'none'")
        if self.codec == "hific-3d" and self.conv3d == "none":
            raise ValueError("codec = 'hific-3d' needs conv3d: a placement other than 'none'")
        if (self.codec == "hific-tunable") != (self.levels > 1):
            raise ValueError("codec = 'hific-tunable' needs levels of 2 or more, and no other any")
        if self.codec == "hific-tunable" and self.lowest_bpp >= self.target_bpp:
            raise ValueError("lowest_bpp must be below target_bpp, the rate of the highest level")
        return self
