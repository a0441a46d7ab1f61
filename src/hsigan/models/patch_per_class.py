"""A generator and a critic of its own for every class, called as if they were one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hsigan.models.patch_critics import PatchCritic
from hsigan.models.patch_generators import PatchGenerator


class PerClassGenerator(nn.Module):
    """K unconditional generators; a sample's heaviest class weight says which one makes it.

    Parameters
    ----------
    bands, patch_px, classes
        B, P and K.
    options
        Of `PatchGenerator`: noise, width, convolution, attention.
    """

    def __init__(self, bands: int, patch_px: int, classes: int, **options: Any) -> None:
        super().__init__()
        self.arguments = {"bands": bands, "patch_px": patch_px, "classes": classes, **options}
        self.classes = classes
        self.members = nn.ModuleList(
            PatchGenerator(bands, patch_px, 0, **options) for _ in range(classes)
        )

    @property
    def generators(self) -> list[PatchGenerator]:
        """The generators, in the order of the classes."""
        return [member for member in self.members if isinstance(member, PatchGenerator)]

    def draw_latents(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Draw z ~ N(0, 1) for (N,) class codes: (N, Z)."""
        return self.generators[0].draw_latents(labels, generator)

    def forward(self, latents: Tensor, weights: Tensor) -> Tensor:
        """Return patches (N, 1, B, P, P) for (N, Z) noise and (N, K) class weights."""
        codes = weights.argmax(dim=1)
        parts = [
            self.generators[code](latents[codes == code], weights[codes == code, :0])
            for code in torch.bincount(codes).nonzero()[:, 0].tolist()
        ]
        return _in_order(codes, torch.cat(parts))

    def band_weights(self, latents: Tensor, weights: Tensor) -> Tensor:
        """Return each sample's attention weights of the bands, (N, B) in [0, 1]."""
        codes = weights.argmax(dim=1)
        parts = [
            self.generators[code].band_weights(latents[codes == code], weights[codes == code, :0])
            for code in torch.bincount(codes).nonzero()[:, 0].tolist()
        ]
        return _in_order(codes, torch.cat(parts))


class PerClassCritic(nn.Module):
    """K unconditional critics; a patch's heaviest class weight says which one judges it.

    Parameters
    ----------
    bands, patch_px, classes
        B, P and K.
    options
        Of `PatchCritic`: width, convolution, attention.
    """

    def __init__(self, bands: int, patch_px: int, classes: int, **options: Any) -> None:
        super().__init__()
        self.arguments = {"bands": bands, "patch_px": patch_px, "classes": classes, **options}
        self.members = nn.ModuleList(
            PatchCritic(bands, patch_px, 0, **options) for _ in range(classes)
        )

    @property
    def critics(self) -> list[PatchCritic]:
        """The critics, in the order of the classes."""
        return [member for member in self.members if isinstance(member, PatchCritic)]

    def forward(self, patches: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return (N,) scores of patches (N, 1, B, P, P) under (N, K) class weights."""
        codes = _codes(patches, weights)
        parts = [
            self.critics[code](patches[codes == code], None)
            for code in torch.bincount(codes).nonzero()[:, 0].tolist()
        ]
        return _in_order(codes, torch.cat(parts))

    def score_and_gradient(
        self, patches: Tensor, weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return (N,) scores and their gradients (N, 1, B, P, P), both ready for ``backward``."""
        codes = _codes(patches, weights)
        parts = [
            self.critics[code].score_and_gradient(patches[codes == code])
            for code in torch.bincount(codes).nonzero()[:, 0].tolist()
        ]
        scores, gradients = (torch.cat(part) for part in zip(*parts, strict=True))
        return _in_order(codes, scores), _in_order(codes, gradients)

    def features(self, patches: Tensor) -> Tensor:
        """Return what all K critics see in each patch, side by side: (N, K F)."""
        return torch.cat([critic.features(patches) for critic in self.critics], dim=1)

    def band_weights(self, patches: Tensor) -> Tensor:
        """Return the bands' attention weights, the mean over the K critics: (N, B) in [0, 1]."""
        return torch.stack([critic.band_weights(patches) for critic in self.critics]).mean(dim=0)


def _codes(patches: Tensor, weights: Tensor | None) -> Tensor:
    """Return each patch's heaviest class, (N,); the first one where nothing is known of it."""
    if weights is None:
        return torch.zeros(len(patches), dtype=torch.long, device=patches.device)
    return weights.argmax(dim=1)


def _in_order(codes: Tensor, rows: Tensor) -> Tensor:
    """Bring rows that lie class by class back into the order of the codes."""
    return rows[torch.argsort(torch.argsort(codes, stable=True))]
