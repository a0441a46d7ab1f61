"""A generator of patches: noise and a class in, a spatio-spectral patch out."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

from hsigan.models.patch_blocks import (
    SLOPE,
    ClassNormalisation,
    Convolution,
    PatchConvolution,
    Places,
    SpectralAttention,
    SpectralUpsampling,
)

# The kernels of one block: a 3-D convolution, or its two factors.
BLOCK: dict[Convolution, tuple[Places, ...]] = {"factorised": ((1, 3), (3, 1)), "3d": ((3, 3),)}
UPWARDS: dict[Convolution, Places] = {"factorised": (7, 1), "3d": (7, 3)}


class PatchBlock(nn.Module):
    """Convolutions, each followed by class normalisation and LeakyReLU."""

    def __init__(self, inputs: int, outputs: int, classes: int, convolution: Convolution) -> None:
        super().__init__()
        kernels = BLOCK[convolution]
        channels = (inputs, *[outputs] * len(kernels))
        self.layers = nn.ModuleList(
            PatchConvolution(channels[i], outputs, kernel) for i, kernel in enumerate(kernels)
        )
        self.norms = nn.ModuleList(ClassNormalisation(outputs, classes) for _ in kernels)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """Map (N, C, B, P, P) under (N, K) class weights to (N, C', B, P, P)."""
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = F.leaky_relu(norm(layer(x), weights), SLOPE)
        return x


class PatchGenerator(nn.Module):
    """A convolutional generator of patches in standardised units, conditional where K > 0.

    ::

        z (N, Z'), c (N, K) ─ linear ─> (N, 4 w, B/16, P/4, P/4) ─ block
            ─ nearest to P/2 ─ block ─> (N, 2 w, B/16, P/2, P/2)
            ─ nearest to P ─ + linear(texture (N, T, P, P)) ─ block ─> (N, 2 w, B/16, P, P)
            ─ transposed convolution ─> (N, w/2, B/4, P, P) ─ [attention over B/4]
            ─ transposed convolution ─> (N, 1, B, P, P)

    A block is a 3-D convolution or its two factors, class normalisation and LeakyReLU. Few channels
    ever meet many bands, so that the cost lies where the maps are small. The seed is a linear map
    with a place for every group of bands: the spectrum is not stationary. Texture, T numbers for
    every pixel, spares z from describing each pixel (as the noise inputs of StyleGAN do, Karras et
    al., CVPR 2019); without it patches would be smoother than real ones.

    Parameters
    ----------
    bands, patch_px, classes
        B, P, and K; with ``classes=0`` no label enters.
    noise, texture
        Z', numbers for the patch, and T, numbers for each of its pixels: latents have
        Z = Z' + T P^2 columns.
    width
        Channels w: 4 w in the first maps, w / 2 in the last.
    convolution
        "factorised": 2-D convolutions over space and 1-D ones along the spectrum, in turn. "3d":
        3-D convolutions.
    attention
        Weigh the last maps by `SpectralAttention`, one weight per group of four bands.
    """

    def __init__(
        self,
        bands: int,
        patch_px: int,
        classes: int = 0,
        noise: int = 64,
        width: int = 16,
        convolution: Convolution = "factorised",
        attention: bool = False,
        texture: int = 4,
    ) -> None:
        super().__init__()
        self.arguments = {
            "bands": bands,
            "patch_px": patch_px,
            "classes": classes,
            "noise": noise,
            "width": width,
            "convolution": convolution,
            "attention": attention,
            "texture": texture,
        }
        self.bands, self.patch_px, self.classes = bands, patch_px, classes
        self.noise, self.texture = noise, texture
        self.groups = math.ceil(bands / 4)
        self.seed_shape = (4 * width, math.ceil(self.groups / 4), *[min(4, -(-patch_px // 4))] * 2)
        self.seed = nn.Linear(noise + classes, math.prod(self.seed_shape))
        nn.init.kaiming_normal_(self.seed.weight, nonlinearity="linear")
        self.grain = nn.Linear(texture, 2 * width * self.seed_shape[1], bias=False)
        self.blocks = nn.ModuleList(
            PatchBlock(inputs * width, outputs * width, classes, convolution)
            for inputs, outputs in ((4, 4), (4, 2), (2, 2))
        )
        up = UPWARDS[convolution]
        last = max(1, width // 2)
        self.widen = SpectralUpsampling(2 * width, last, up)
        self.widen_norm = ClassNormalisation(last, classes)
        self.attention = SpectralAttention(self.groups) if attention else None
        self.last = SpectralUpsampling(last, 1, up)

    def draw_latents(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Draw z ~ N(0, 1) for (N,) class indices: (N, Z)."""
        columns = self.noise + self.texture * self.patch_px**2
        return torch.randn(labels.shape[0], columns, generator=generator, device=labels.device)

    def forward(self, latents: Tensor, weights: Tensor) -> Tensor:
        """Return (N, 1, B, P, P) patches for (N, Z) latents and (N, K) class weights."""
        maps = self._last_maps(latents, weights)
        if self.attention is not None:
            maps = self.attention(maps)
        patches: Tensor = self.last(maps, self.bands)
        return patches

    def band_weights(self, latents: Tensor, weights: Tensor) -> Tensor:
        """Return the attention to every band, (N, B) in (0, 1); four neighbours share a weight."""
        if self.attention is None:
            raise ValueError("a generator built with attention=False has no band weights")
        groups = self.attention.band_weights(self._last_maps(latents, weights))
        return groups.repeat_interleave(4, dim=1)[:, : self.bands]

    def _last_maps(self, latents: Tensor, weights: Tensor) -> Tensor:
        noise, texture = latents[:, : self.noise], latents[:, self.noise :]
        px = self.patch_px
        first, second, third = self.blocks
        x = self.seed(torch.cat([noise, weights], dim=1)).view(-1, *self.seed_shape)
        x = second(_over_space(first(x, weights), -(-px // 2)), weights)
        x = third(_over_space(x, px) + self._grain(texture), weights)
        x = self.widen(x, self.groups)  # (N, w / 2, B / 4, P, P)
        return F.leaky_relu(self.widen_norm(x, weights), SLOPE)

    def _grain(self, texture: Tensor) -> Tensor:
        """Spread (N, T P^2) texture over channels and band groups: (N, 2 w, B / 16, P, P)."""
        pixels = texture.view(-1, self.patch_px, self.patch_px, self.texture)
        grain: Tensor = self.grain(pixels)
        return grain.view(*pixels.shape[:3], -1, self.seed_shape[1]).permute(0, 3, 4, 1, 2)


def _over_space(x: Tensor, px: int) -> Tensor:
    return F.interpolate(x, size=(x.shape[2], px, px), mode="nearest")
