"""A critic of textures in decoded KLT components."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that PyTorch's own documentation uses

from hsigan.models.component_repair import FACTS

_SLOPE = 0.2  # LeakyReLU's, for negative values


class RepairCritic(nn.Module):
    """Scores textures: what a decoder adds to the planes, beside what it adds it to.

    ::

        residuals, details (N, 2 C, H, W) ─> conv 3x3 ─> conv 4x4 / 2 ─> conv 4x4 / 2 ─> conv 1x1
                                                ^ shifts ─ linear ─ facts (N, C, 4)
            ─> a score for every window of 12 x 12 pixels ─ mean ─> (N,)

    All is in units of the components' expected deviations: what is missing from a faint component
    counts as what is missing from a strong one. There is no normalisation: gradient penalties
    belong to each patch.

    Parameters
    ----------
    components
        C, the leading components that it looks at.
    width
        Channels of its first layer; the others have twice as many.
    """

    def __init__(self, components: int = 6, width: int = 32) -> None:
        super().__init__()
        self.arguments = {"components": components, "width": width}
        self.components = components
        layers = [
            nn.Conv2d(2 * components, width, 3, padding=1),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.Conv2d(2 * width, 2 * width, 4, 2, 1),
        ]
        self.layers = nn.ModuleList(layers)
        self._sizes = [layer.out_channels for layer in layers]
        self.shifts = nn.Linear(FACTS * components, sum(self._sizes))
        self.score = nn.Conv2d(2 * width, 1, 1)

    def forward(self, residuals: Tensor, details: Tensor, facts: Tensor) -> Tensor:
        """Return (N,) scores; of residuals, details (N, K, H, W) and facts the first C serve."""
        count = self.components
        seen = torch.cat([residuals[:, :count], details[:, :count]], dim=1)
        shifts = self.shifts(facts[:, :count].flatten(1))[:, :, None, None]
        for layer, shift in zip(self.layers, shifts.split(self._sizes, dim=1), strict=True):
            seen = F.leaky_relu(layer(seen) + shift, _SLOPE)
        score: Tensor = self.score(seen)
        return score.mean(dim=(1, 2, 3))
