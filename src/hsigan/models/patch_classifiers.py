"""Classifiers of patches by name, and the one among them that looks at the centre pixel alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hsigan.models.classifiers_3d import Hamida3D, Li3D
from hsigan.models.hybridsn import HybridSN
from hsigan.models.ssftt import SSFTT
from hsigan.models.ssrn import SSRN


class Hu1D(nn.Module):
    """The 1-D CNN of Hu, Huang, Wei, Zhang and Li (Journal of Sensors 2015, 258619).

    ::

        patch (N, B, P, P) -> centre spectrum (N, 1, B)
          -> 20 kernels of ceil(B / 9), tanh -> maxima over ceil(kernel / 5)
          -> linear, tanh (N, 100) -> linear -> logits (N, K)

    Weights start between -0.05 and 0.05, as published.

    Parameters
    ----------
    bands : number of bands B
    patch_px : side P of the patches
    classes : number of classes K
    """

    def __init__(self, bands: int, patch_px: int, classes: int) -> None:
        super().__init__()
        self.arguments = {"bands": bands, "patch_px": patch_px, "classes": classes}
        kernel = math.ceil(bands / 9)
        pool = math.ceil(kernel / 5)
        self.convolution = nn.Conv1d(1, 20, kernel)
        self.pool = nn.MaxPool1d(pool)
        self.hidden = nn.Linear(20 * ((bands - kernel + 1) // pool), 100)
        self.head = nn.Linear(100, classes)
        for layer in (self.convolution, self.hidden, self.head):
            nn.init.uniform_(layer.weight, -0.05, 0.05)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def features(self, patches: Tensor) -> Tensor:
        """Return what the last layer decides by, (N, 100), of patches (N, B, P, P)."""
        middle = patches.shape[-1] // 2
        spectra = patches[:, None, :, middle, middle]  # (N, 1, B)
        pooled = self.pool(torch.tanh(self.convolution(spectra)))
        return torch.tanh(self.hidden(pooled.flatten(1)))

    def forward(self, patches: Tensor) -> Tensor:
        """Map standardised patches (N, B, P, P) to logits (N, K)."""
        logits: Tensor = self.head(self.features(patches))
        return logits


PATCH_CLASSIFIERS: dict[str, type[nn.Module]] = {
    "hu-1d": Hu1D,
    "hamida-3d": Hamida3D,
    "li-3d": Li3D,
    "ssrn": SSRN,
    "hybridsn": HybridSN,
    "ssftt": SSFTT,
}
