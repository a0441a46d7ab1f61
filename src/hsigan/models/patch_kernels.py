"""A density of whole patches, bent by convolutions over rows and columns."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it


class PatchKernelGenerator(nn.Module):
    """A smoothed bootstrap of whole patches, bent into shape by a small convolutional network.

    ::

        training patches of class c, less their mean: anchors a_i (C, P, P)
              │  pick one, shrink it, add the spread of the class: u = sqrt(1 - h^2) a_i + h s
              v
        u (C, P, P) ── m_w + u ──────────────────────────────────────┐
        m_w + u, z, w ── 3 convolutions over rows, columns; last 0 ──┴─ + ─> (N, 1, C, P, P)

    The spread s is normal with the covariance of the class's own patches, shrunk towards that of
    all classes: a random combination of anchors (the smoothed bootstrap of Efron and Tibshirani
    1993). The bandwidth h of a class is a number between 0 (copies of the training patches) and 1
    (the class Gaussian). At the start the network adds nothing.

    Parameters
    ----------
    features, patch_px, classes
        C features of a pixel, such as principal components of its spectrum; P; K.
    anchors
        A: how many training patches lie in the buffers.
    noise, width, slope
        Planes of noise that the network sees, its channels, LeakyReLU's slope.
    """

    means: Tensor
    anchors: Tensor
    bandwidths: Tensor
    own_shares: Tensor
    pooled_scales: Tensor
    offsets: Tensor
    counts: Tensor

    def __init__(
        self,
        features: int,
        patch_px: int,
        classes: int,
        anchors: int,
        noise: int = 4,
        width: int = 64,
        slope: float = 0.2,
    ) -> None:
        super().__init__()
        self.arguments = {
            "features": features,
            "patch_px": patch_px,
            "classes": classes,
            "anchors": anchors,
            "noise": noise,
            "width": width,
            "slope": slope,
        }
        self.shape = (features, patch_px, patch_px)
        self.noise = noise
        self.classes = classes
        self.slope = slope
        self.register_buffer("means", torch.zeros(classes, *self.shape))
        self.register_buffer("anchors", torch.zeros(anchors, *self.shape))
        self.register_buffer("bandwidths", torch.ones(classes))
        self.register_buffer("own_shares", torch.ones(classes))
        self.register_buffer("pooled_scales", torch.ones(classes))
        self.register_buffer("offsets", torch.zeros(classes, dtype=torch.int64))
        self.register_buffer("counts", torch.zeros(classes, dtype=torch.int64))
        edges = {"kernel_size": 3, "padding": 1, "padding_mode": "replicate"}
        self.first = nn.Conv2d(features + noise, width, **edges)  # type: ignore[arg-type]
        self.second = nn.Conv2d(width, width, **edges)  # type: ignore[arg-type]
        self.last = nn.Conv2d(width, features, **edges)  # type: ignore[arg-type]
        self.class_shift = nn.Linear(classes, width, bias=False)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def draw_latents(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Draw u beside z, flat, for (N,) class codes: (N, (C + Z) P P)."""
        total, device = len(labels), labels.device
        uniform = torch.rand(total, generator=generator, device=device)
        pick = self.offsets[labels] + (uniform * self.counts[labels]).long()
        h = self.bandwidths[labels, None]
        u = torch.sqrt(1 - h**2) * self.anchors[pick].flatten(1)
        u = u + h * self._spread(labels, generator)
        planes = self.noise * self.shape[1] * self.shape[2]
        z = torch.randn(total, planes, generator=generator, device=device)
        return torch.cat([u, z], dim=1)

    def _spread(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Draw from the normal distribution of each label's class around 0: (N, C P P)."""
        anchors = self.anchors.flatten(1)
        spread = torch.zeros(len(labels), anchors.shape[1], device=labels.device)
        for code in torch.bincount(labels).nonzero()[:, 0].tolist():
            rows = labels == code
            start, count = int(self.offsets[code]), int(self.counts[code])
            share, scale = self.own_shares[code], self.pooled_scales[code]
            for part, weight in (
                (anchors[start : start + count], torch.sqrt(share)),
                (anchors, torch.sqrt((1 - share) * scale)),
            ):
                size = (int(rows.sum()), len(part))
                normal = torch.randn(size, generator=generator, device=labels.device)
                spread[rows] += weight / math.sqrt(max(1, len(part) - 1)) * (normal @ part)
        return spread

    def base(self, latents: Tensor, weights: Tensor) -> Tensor:
        """Return the density's own features (N, C, P, P), before the network bends them."""
        weights = _of_one_class(weights)
        u = latents[:, : math.prod(self.shape)].reshape(-1, *self.shape)
        means: Tensor = torch.einsum("nk,kcij->ncij", weights, self.means)
        return means + u

    def forward(self, latents: Tensor, weights: Tensor) -> Tensor:
        """Return features (N, 1, C, P, P) for (N, (C + Z) P P) latents, (N, K) class weights.

        With no column of weights all are of the one class there is.
        """
        weights = _of_one_class(weights)
        base = self.base(latents, weights)
        z = latents[:, math.prod(self.shape) :].reshape(-1, self.noise, *self.shape[1:])
        hidden = self.first(torch.cat([base, z], dim=1))
        hidden = F.leaky_relu(hidden + self.class_shift(weights)[:, :, None, None], self.slope)
        hidden = F.leaky_relu(self.second(hidden), self.slope)
        bent: Tensor = base + self.last(hidden) / math.sqrt(2)  # small first steps beside the base
        return bent[:, None]


def _of_one_class(weights: Tensor) -> Tensor:
    return weights if weights.shape[1] else weights.new_ones(len(weights), 1)
