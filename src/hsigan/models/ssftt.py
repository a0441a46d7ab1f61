"""SSFTT: convolutions, a few tokens, one transformer layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hsigan.models.patch_space import PatchSpace, as_volume

# On smaller patches unpadded convolutions would leave one pixel, and tokens nothing to choose from.
_LEAST_UNPADDED_PX = 7


class SSFTT(nn.Module):
    """The tokenization transformer of Sun, Zhao, Zheng and Wu (TGRS 2022).

    ::

        patch (N, 1, B, P, P), the bands replaced by principal components
          -> 8 kernels 3 x 3 x 3 -> the bands become channels -> 64 kernels 3 x 3
          -> pixels (N, (P - 4)^2, 64)
          -> 4 tokens: means of the pixels' values, weighted by a soft-max over the pixels
          -> class token in front, positions added, dropout
          -> transformer layer (8 heads, MLP of 8 units, GELU, normalisation first)
          -> class token -> linear -> logits (N, K)

    Batch normalisation and ReLU follow both convolutions. Published for P = 13 and 30 components.
    Convolutions are not padded, but for P < 7, where they keep the P x P pixels.

    Parameters
    ----------
    bands : number of components (or bands) B
    patch_px : side P of the patches
    classes : number of classes K
    tokens : number of tokens
    dropout : share that is dropped in training, of the embedding and inside the transformer
    """

    def __init__(
        self, bands: int, patch_px: int, classes: int, tokens: int = 4, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.arguments = {
            "bands": bands,
            "patch_px": patch_px,
            "classes": classes,
            "tokens": tokens,
            "dropout": dropout,
        }
        space = PatchSpace(bands, patch_px)
        kernel = space.odd_kernel(3, 3)
        padding = 0 if patch_px >= _LEAST_UNPADDED_PX else kernel[1] // 2
        volume = nn.Conv3d(1, 8, kernel, padding=(0, padding, padding))
        self.volume = nn.Sequential(volume, nn.BatchNorm3d(8), nn.ReLU())
        channels = 8 * space.after(volume).bands
        plane = nn.Conv2d(channels, 64, kernel[1], padding=padding)
        self.plane = nn.Sequential(plane, nn.BatchNorm2d(64), nn.ReLU())
        self.token_weights = nn.Parameter(torch.empty(64, tokens))
        self.token_values = nn.Parameter(torch.empty(64, 64))
        self.class_token = nn.Parameter(torch.zeros(1, 1, 64))
        self.positions = nn.Parameter(torch.empty(1, tokens + 1, 64))
        self.dropout = nn.Dropout(dropout)
        self.transformer = nn.TransformerEncoderLayer(
            64, 8, 8, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.head = nn.Linear(64, classes)
        self._initialise(volume)

    def _initialise(self, volume: nn.Conv3d) -> None:
        nn.init.kaiming_normal_(volume.weight)
        nn.init.xavier_normal_(self.token_weights)
        nn.init.xavier_normal_(self.token_values)
        nn.init.normal_(self.positions, std=0.02)
        nn.init.xavier_uniform_(self.head.weight)

    def features(self, patches: Tensor) -> Tensor:
        """Return the class token after the transformer, (N, 64), of patches (N, B, P, P)."""
        planes = self.plane(self.volume(as_volume(patches)).flatten(1, 2))
        pixels = planes.flatten(2).transpose(1, 2)  # (N, pixels, 64)
        attention = torch.softmax(pixels @ self.token_weights, dim=1)  # (N, pixels, tokens)
        tokens = attention.transpose(1, 2) @ (pixels @ self.token_values)
        tokens = torch.cat([self.class_token.expand(len(tokens), -1, -1), tokens], dim=1)
        seen: Tensor = self.transformer(self.dropout(tokens + self.positions))
        return seen[:, 0]

    def forward(self, patches: Tensor) -> Tensor:
        """Map patches of standardised components (N, B, P, P) to logits (N, K)."""
        logits: Tensor = self.head(self.features(patches))
        return logits
