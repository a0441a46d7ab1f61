"""Critics of spectra: a spectrum (and a class) in, one unbounded score out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hsigan.models.blocks import LeakyMLP


class HyperCritic(nn.Module):
    """The critic of Audebert et al. (IGARSS 2018): B - 512 - 512 - 512 - 1, blind to labels."""

    def __init__(self, bands: int, width: int = 512, slope: float = 0.01) -> None:
        super().__init__()
        self.arguments = {"bands": bands, "width": width, "slope": slope}
        self.body = LeakyMLP((bands, width, width, width, 1), slope)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N,) scores of (N, B) spectra."""
        score: Tensor = self.body(x)[:, 0]
        return score

    def input_gradient(self, x: Tensor) -> Tensor:
        """Return the gradient of each score with respect to its spectrum, (N, B)."""
        _, masks = self.body.hidden_with_masks(x)
        top = self.body.linears[-1].weight[0]
        return self.body.input_gradient(masks, top)


class ProjectionCritic(nn.Module):
    """A projection discriminator (Miyato and Koyama, ICLR 2018) on spectral features.

    ::

        x (N, D) ─ MLP ─> phi (N, width) ── v . phi + <e_w, phi> + b_w ─> score (N,)

    Without weights the score is ``v . phi`` alone: the unconditional critic that unlabelled pixels
    train and from which the conditional one is ramped up.
    """

    def __init__(self, features: int, classes: int, width: int = 128, slope: float = 0.2) -> None:
        super().__init__()
        self.arguments = {
            "features": features,
            "classes": classes,
            "width": width,
            "slope": slope,
        }
        self.body = LeakyMLP((features, width, width, width, 1), slope)
        self.embedding = nn.Parameter(torch.zeros(classes, width))
        self.bias = nn.Parameter(torch.zeros(classes))

    def score_and_gradient(self, x: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return (N,) scores and their gradients (N, D) for (N, D) features, (N, K) weights."""
        hidden, masks = self.body.hidden_with_masks(x)
        top, bias = self._head(weights)
        score = (hidden * top).sum(dim=1) + bias
        return score, self.body.input_gradient(masks, top)

    def forward(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return (N,) scores of (N, D) features under (N, K) class weights, or without a class."""
        top, bias = self._head(weights)
        return (self.body.hidden(x) * top).sum(dim=1) + bias

    def _head(self, weights: Tensor | None) -> tuple[Tensor, Tensor]:
        last = self.body.linears[-1]
        top, bias = last.weight[0], last.bias[0]
        if weights is None:
            return top, bias
        return top + weights @ self.embedding, bias + weights @ self.bias
