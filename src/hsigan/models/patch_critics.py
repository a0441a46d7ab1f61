"""A critic of patches: a patch (and a class) in, one unbounded score out."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

from hsigan.models.patch_blocks import (
    SLOPE,
    Convolution,
    PatchConvolution,
    Places,
    SpectralAttention,
)

Layer = tuple[float, Places, Places]
"""Channels out, in widths; kernel and stride."""

# The spectrum is shortened first, where it costs one channel, and space last.
LAYERS: dict[Convolution, tuple[Layer, ...]] = {
    "factorised": (
        (0.5, (7, 1), (4, 1)),
        (2, (5, 1), (4, 1)),
        (2, (1, 3), (1, 2)),
        (4, (3, 1), (2, 1)),
        (4, (1, 3), (1, 2)),
    ),
    "3d": ((0.5, (7, 3), (4, 1)), (2, (5, 3), (4, 2)), (4, (3, 3), (2, 2))),
}


class PatchCritic(nn.Module):
    """A projection discriminator (Miyato and Koyama, ICLR 2018) of spatio-spectral patches.

    ::

        x (N, 1, B, P, P) ─ [attention over B] ─ convolutions, LeakyReLU
            ─> (N, 4 w, B/32, P/4, P/4) ─ mean over space, and the centre ─ linear, LeakyReLU
            ─> phi (N, F) ─ v . phi + <e_c, phi> + b_c ─> score (N,)

    Without class weights the score is ``v . phi`` alone, as in `ProjectionCritic`. There is no
    normalisation: gradient penalties belong to each patch, and batch statistics would mix them.

    Parameters
    ----------
    bands, patch_px, classes
        B, P, and K; with ``classes=0`` there is no class.
    width
        Channels w: w / 2 in the first layer, 4 w in the last.
    convolution
        "factorised": 1-D convolutions along the spectrum and 2-D ones over space, in turn. "3d":
        3-D convolutions.
    attention
        Weigh the bands of the input by `SpectralAttention`, one weight per band.
    """

    def __init__(
        self,
        bands: int,
        patch_px: int,
        classes: int = 0,
        width: int = 16,
        convolution: Convolution = "factorised",
        attention: bool = False,
    ) -> None:
        super().__init__()
        self.arguments = {
            "bands": bands,
            "patch_px": patch_px,
            "classes": classes,
            "width": width,
            "convolution": convolution,
            "attention": attention,
        }
        self.attention = SpectralAttention(bands) if attention else None
        self.layers = _convolutions(convolution, width)
        places = 2 * math.ceil(bands / 32)  # the mean over space and the centre, of each band group
        self.hidden = nn.Linear(4 * width * places, 8 * width)
        nn.init.kaiming_normal_(self.hidden.weight, a=SLOPE)
        self.score = nn.Linear(8 * width, 1)
        nn.init.kaiming_normal_(self.score.weight, nonlinearity="linear")
        self.embedding = nn.Parameter(torch.zeros(classes, 8 * width)) if classes else None
        self.class_bias = nn.Parameter(torch.zeros(classes)) if classes else None

    def forward(self, patches: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return (N,) scores of (N, 1, B, P, P) patches under (N, K) class weights, or without."""
        return self._score(self.features(patches), weights)

    def features(self, patches: Tensor) -> Tensor:
        """Return the last hidden features phi, (N, F) with F = 8 widths, of (N, 1, B, P, P)."""
        maps = patches if self.attention is None else self.attention(patches)
        for layer in self.layers:
            maps = F.leaky_relu(layer(maps), SLOPE)
        return self._pool(maps)

    def band_weights(self, patches: Tensor) -> Tensor:
        """Return the attention to every band, (N, B) in (0, 1), of (N, 1, B, P, P) patches."""
        if self.attention is None:
            raise ValueError("a critic built with attention=False has no band weights")
        return self.attention.band_weights(patches)

    def score_and_gradient(
        self, patches: Tensor, weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return (N,) scores and their gradients (N, 1, B, P, P), both ready for ``backward``.

        Passing masks back through transposed convolutions by hand, as `ProjectionCritic` does
        through its layers, was no quicker than differentiating twice.
        """
        patches = patches.detach().requires_grad_()
        score = self.forward(patches, weights)
        (gradient,) = torch.autograd.grad(score.sum(), patches, create_graph=True)
        return score, gradient

    def _pool(self, maps: Tensor) -> Tensor:
        """Join the maps' mean over space with their centre, whose class is the patch's."""
        centre = maps[:, :, :, maps.shape[3] // 2, maps.shape[4] // 2]
        pooled = torch.cat([maps.mean(dim=(3, 4)), centre], dim=1)  # (N, 8 w, B / 32)
        return F.leaky_relu(self.hidden(pooled.flatten(1)), SLOPE)

    def _score(self, features: Tensor, weights: Tensor | None) -> Tensor:
        score: Tensor = self.score(features)[:, 0]
        if weights is None or self.embedding is None or self.class_bias is None:
            return score
        return (
            score + (features * (weights @ self.embedding)).sum(dim=1) + weights @ self.class_bias
        )


def _convolutions(convolution: Convolution, width: int) -> nn.ModuleList:
    layers = LAYERS[convolution]
    channels = (1, *(max(1, int(factor * width)) for factor, _, _ in layers))
    return nn.ModuleList(
        PatchConvolution(inputs, outputs, kernel, stride)
        for (inputs, outputs), (_, kernel, stride) in zip(
            itertools.pairwise(channels), layers, strict=True
        )
    )
