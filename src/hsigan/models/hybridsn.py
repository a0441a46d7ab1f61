"""HybridSN: 3-D convolutions, then a 2-D one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hsigan.models.patch_space import PatchSpace, as_volume


class HybridSN(nn.Module):
    """The hybrid network of Roy, Krishna, Dubey and Chaudhuri (GRSL 2020).

    ::

        patch (N, 1, B, P, P), the bands replaced by principal components
          -> 8 kernels 7 x 3 x 3 -> 16 kernels 5 x 3 x 3 -> 32 kernels 3 x 3 x 3
          -> the bands become channels (N, 32 B', P - 6, P - 6) -> 64 kernels 3 x 3
          -> linear (N, 256) -> linear (N, 128) -> linear -> logits (N, K)

    ReLU after each layer but the last, dropout after the two hidden linear ones; nothing is
    padded. Published for P = 25 and 15 components (30 on Indian Pines); where fewer
    are left than a kernel spans, the kernel is cut to them, which P = 9 does not need.

    Parameters
    ----------
    bands : number of components (or bands) B
    patch_px : side P of the patches
    classes : number of classes K
    dropout : share of the units that are dropped in training
    """

    def __init__(self, bands: int, patch_px: int, classes: int, dropout: float = 0.4) -> None:
        super().__init__()
        self.arguments = {
            "bands": bands,
            "patch_px": patch_px,
            "classes": classes,
            "dropout": dropout,
        }
        space = PatchSpace(bands, patch_px)
        volumes = []
        for inputs, outputs, depth in ((1, 8, 7), (8, 16, 5), (16, 32, 3)):
            layer = nn.Conv3d(inputs, outputs, space.kernel(depth, 3))
            volumes.append(layer)
            space = space.after(layer)
        width = space.kernel(1, 3)[1]
        side = space.side - width + 1
        self.volumes = nn.ModuleList(volumes)
        self.plane = nn.Conv2d(32 * space.bands, 64, width)
        self.hidden = nn.ModuleList([nn.Linear(64 * side**2, 256), nn.Linear(256, 128)])
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(128, classes)

    def features(self, patches: Tensor) -> Tensor:
        """Return what the last layer decides by, (N, 128), of patches (N, B, P, P)."""
        x = as_volume(patches)
        for layer in self.volumes:
            x = torch.relu(layer(x))
        x = torch.relu(self.plane(x.flatten(1, 2))).flatten(1)
        for layer in self.hidden:
            x = self.dropout(torch.relu(layer(x)))
        return x

    def forward(self, patches: Tensor) -> Tensor:
        """Map patches of standardised components (N, B, P, P) to logits (N, K)."""
        logits: Tensor = self.head(self.features(patches))
        return logits
