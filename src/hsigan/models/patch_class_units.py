"""A generator of patches that works in the units of each class."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hsigan.models.patch_generators import PatchGenerator
from hsigan.models.patch_per_class import PerClassGenerator


class ClassUnitsGenerator(nn.Module):
    """`PatchGenerator`, whose output each class scales and shifts band by band.

    ::

        z, w ─> generator ─> (N, 1, B, P, P) ─ * s_w + m_w ─> (N, 1, B, P, P)

    Means m and deviations s of the bands of each class are those of its training patches. They
    need no gradient, and save the adversary most of its steps: what classes look like on average
    is known before it begins. As long as they are 0 and 1 nothing happens.

    Parameters
    ----------
    bands, patch_px, classes
        B, P, and K; with ``classes=0`` there are no class units.
    per_class
        A generator of its own for every class.
    options
        Of `PatchGenerator`: noise, width, convolution, attention.
    """

    means: Tensor
    scales: Tensor

    def __init__(
        self, bands: int, patch_px: int, classes: int, per_class: bool = False, **options: Any
    ) -> None:
        super().__init__()
        self.arguments = {
            "bands": bands,
            "patch_px": patch_px,
            "classes": classes,
            "per_class": per_class,
            **options,
        }
        self.generator: PatchGenerator | PerClassGenerator = (
            PerClassGenerator if per_class else PatchGenerator
        )(bands, patch_px, classes, **options)
        self.register_buffer("means", torch.zeros(classes, bands))
        self.register_buffer("scales", torch.ones(classes, bands))

    def draw_latents(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Draw z ~ N(0, 1) for (N,) class codes: (N, Z)."""
        return self.generator.draw_latents(labels, generator)

    def forward(self, latents: Tensor, weights: Tensor) -> Tensor:
        """Return patches (N, 1, B, P, P) for (N, Z) latents and (N, K) class weights."""
        patches: Tensor = self.generator(latents, weights)
        if not weights.shape[1]:
            return patches
        mean, scale = weights @ self.means, weights @ self.scales  # (N, B)
        return patches * scale[:, None, :, None, None] + mean[:, None, :, None, None]

    def band_weights(self, latents: Tensor, weights: Tensor) -> Tensor:
        """Return the attention to every band, (N, B) in [0, 1]."""
        return self.generator.band_weights(latents, weights)
