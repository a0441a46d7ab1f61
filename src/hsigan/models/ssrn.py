"""The spectral-spatial residual network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hsigan.models.patch_space import PatchSpace, as_volume, lay_channels_last


class SSRN(nn.Module):
    """The residual network of Zhong, Li, Luo and Chapman (TGRS 2018).

    ::

        patch (N, 1, B, P, P)
          -> 24 kernels 7 x 1 x 1, stride 2 along the bands      (N, 24, B', P, P)
          -> 2 residual blocks of two convolutions 7 x 1 x 1
          -> 128 kernels B' x 1 x 1: no band is left             (N, 128, P, P)
          -> 24 kernels 3 x 3                                    (N, 24, P - 2, P - 2)
          -> 2 residual blocks of two convolutions 3 x 3
          -> mean over space -> dropout -> linear -> logits (N, K)

    Batch normalisation and ReLU come before each convolution inside a block and after the others.
    Published for P = 7. Convolutions inside blocks are padded, the others are not; where fewer
    bands or pixels are left than a kernel spans, the kernel is cut to them.

    Parameters
    ----------
    bands : number of bands B
    patch_px : side P of the patches
    classes : number of classes K
    dropout : share of the features that are dropped in training
    """

    def __init__(self, bands: int, patch_px: int, classes: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.arguments = {
            "bands": bands,
            "patch_px": patch_px,
            "classes": classes,
            "dropout": dropout,
        }
        space = PatchSpace(bands, patch_px)
        entry = nn.Conv3d(1, 24, space.kernel(7, 1), (2, 1, 1))
        space = space.after(entry)
        self.spectral = nn.Sequential(
            entry,
            nn.BatchNorm3d(24),
            nn.ReLU(),
            _SpectralBlock(space),
            _SpectralBlock(space),
            nn.Conv3d(24, 128, (space.bands, 1, 1)),
            nn.BatchNorm3d(128),
            nn.ReLU(),
        )
        width = space.kernel(1, 3)[1]
        side = space.side - width + 1
        self.spatial = nn.Sequential(
            nn.Conv2d(128, 24, width),
            nn.BatchNorm2d(24),
            nn.ReLU(),
            _SpatialBlock(side),
            _SpatialBlock(side),
            nn.BatchNorm2d(24),
            nn.ReLU(),
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(24, classes)
        lay_channels_last(self)

    def features(self, patches: Tensor) -> Tensor:
        """Return what the last layer decides by, (N, 24), of patches (N, B, P, P)."""
        spectral = self.spectral(as_volume(patches)).squeeze(2)  # (N, 128, P, P)
        means: Tensor = self.spatial(spectral).mean(dim=(2, 3))
        return means

    def forward(self, patches: Tensor) -> Tensor:
        """Map standardised patches (N, B, P, P) to logits (N, K)."""
        logits: Tensor = self.head(self.dropout(self.features(patches)))
        return logits


class _SpectralBlock(nn.Module):
    """``x + h(h(x))``, where h is normalisation, ReLU and a 7 x 1 x 1 convolution."""

    def __init__(self, space: PatchSpace) -> None:
        super().__init__()
        kernel = space.odd_kernel(7, 1)
        self.norms = nn.ModuleList(nn.BatchNorm3d(24) for _ in range(2))
        self.convolutions = nn.ModuleList(
            nn.Conv3d(24, 24, kernel, padding=(kernel[0] // 2, 0, 0)) for _ in range(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 24, B', P, P) to the same shape."""
        residual = x
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            residual = convolution(torch.relu(norm(residual)))
        return x + residual


class _SpatialBlock(nn.Module):
    """``x + h(h(x))``, where h is normalisation, ReLU and a 3 x 3 convolution."""

    def __init__(self, side: int) -> None:
        super().__init__()
        width = PatchSpace(1, side).odd_kernel(1, 3)[1]
        self.norms = nn.ModuleList(nn.BatchNorm2d(24) for _ in range(2))
        self.convolutions = nn.ModuleList(
            nn.Conv2d(24, 24, width, padding=width // 2) for _ in range(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 24, P', P') to the same shape."""
        residual = x
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            residual = convolution(torch.relu(norm(residual)))
        return x + residual
