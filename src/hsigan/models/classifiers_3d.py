"""Plain 3-D convolutional classifiers of patches: the bands are the depth."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hsigan.models.patch_space import PatchSpace, as_volume, lay_channels_last


class Hamida3D(nn.Module):
    """The 3-D CNN of Ben Hamida, Benoit, Lambert and Ben Amar (TGRS 2018).

    ::

        patch (N, 1, B, P, P)
          -> 20 kernels 3 x 3 x 3      -> 20 kernels 3 x 1 x 1, stride 2   "pooling" of the bands
          -> 35 kernels 3 x 3 x 3      -> 35 kernels 3 x 1 x 1, stride 2
          -> 35 kernels 3 x 1 x 1      -> 35 kernels 2 x 1 x 1, stride 2
          -> linear -> logits (N, K)

    ReLU after each convolution. Space is not padded; published for P = 5, where a single pixel is
    left. On larger patches more are left, on smaller ones the kernels are cut to the patch.

    Parameters
    ----------
    bands : number of bands B
    patch_px : side P of the patches
    classes : number of classes K
    """

    def __init__(self, bands: int, patch_px: int, classes: int) -> None:
        super().__init__()
        self.arguments = {"bands": bands, "patch_px": patch_px, "classes": classes}
        space = PatchSpace(bands, patch_px)
        layers: list[nn.Conv3d] = []
        # inputs, outputs, depth and width of the kernel, stride and padding along the bands
        for inputs, outputs, depth, width, stride, padding in (
            (1, 20, 3, 3, 1, 0),
            (20, 20, 3, 1, 2, 1),
            (20, 35, 3, 3, 1, 1),
            (35, 35, 3, 1, 2, 1),
            (35, 35, 3, 1, 1, 1),
            (35, 35, 2, 1, 2, 1),
        ):
            padded = PatchSpace(space.bands + 2 * padding, space.side)
            layer = nn.Conv3d(
                inputs, outputs, padded.kernel(depth, width), (stride, 1, 1), (padding, 0, 0)
            )
            layers.append(layer)
            space = space.after(layer)
        self.convolutions = nn.ModuleList(layers)
        self.head = nn.Linear(35 * space.bands * space.side**2, classes)
        weighted_layers: list[nn.Conv3d | nn.Linear] = [*layers, self.head]
        for weighted in weighted_layers:
            nn.init.kaiming_normal_(weighted.weight)
            nn.init.zeros_(weighted.bias)  # type: ignore[arg-type]
        lay_channels_last(self)

    def features(self, patches: Tensor) -> Tensor:
        """Return what the last layer decides by, (N, F), of patches (N, B, P, P)."""
        x = as_volume(patches)
        for layer in self.convolutions:
            x = torch.relu(layer(x))
        return x.flatten(1)

    def forward(self, patches: Tensor) -> Tensor:
        """Map standardised patches (N, B, P, P) to logits (N, K)."""
        logits: Tensor = self.head(self.features(patches))
        return logits


class Li3D(nn.Module):
    """The 3-D CNN of Li, Zhang and Shen (Remote Sensing 2017, 9, 67).

    ::

        patch (N, 1, B, P, P) -> C1: 2 kernels 7 x 3 x 3 -> C2: 4 kernels 3 x 3 x 3
          -> F1: linear (N, 144) -> linear -> logits (N, K)

    ReLU after C1, C2 and F1; nothing is padded. Published for P = 5, where a single pixel is left;
    on smaller patches the kernels are cut to the patch.

    Parameters
    ----------
    bands : number of bands B
    patch_px : side P of the patches
    classes : number of classes K
    kernels : of C1; C2 has twice as many
    hidden : units of F1
    """

    def __init__(
        self, bands: int, patch_px: int, classes: int, kernels: int = 2, hidden: int = 144
    ) -> None:
        super().__init__()
        self.arguments = {
            "bands": bands,
            "patch_px": patch_px,
            "classes": classes,
            "kernels": kernels,
            "hidden": hidden,
        }
        space = PatchSpace(bands, patch_px)
        self.first = nn.Conv3d(1, kernels, space.kernel(7, 3))
        space = space.after(self.first)
        self.second = nn.Conv3d(kernels, 2 * kernels, space.kernel(3, 3))
        space = space.after(self.second)
        self.hidden = nn.Linear(2 * kernels * space.bands * space.side**2, hidden)
        self.head = nn.Linear(hidden, classes)
        for layer in (self.first, self.second, self.hidden, self.head):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def features(self, patches: Tensor) -> Tensor:
        """Return what the last layer decides by, (N, 144), of patches (N, B, P, P)."""
        x = torch.relu(self.second(torch.relu(self.first(as_volume(patches)))))
        return torch.relu(self.hidden(x.flatten(1)))

    def forward(self, patches: Tensor) -> Tensor:
        """Map standardised patches (N, B, P, P) to logits (N, K)."""
        logits: Tensor = self.head(self.features(patches))
        return logits
