"""Generators of spectra: noise and a class in, spectra or spectral features out."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hsigan.models.blocks import LeakyMLP


class HyperGenerator(nn.Module):
    """The generator of Audebert et al. (IGARSS 2018): noise beside a one-hot class, to a spectrum.

    ::

        z (N, Z) ──┐
                   ├─ concatenate ─ 512 ─ 512 ─ 512 ─ B ─ sigmoid ─> x (N, B) in [0, 1]
        w (N, K) ──┘

    Parameters
    ----------
    bands, classes
        B, and K; with ``classes=0`` no label enters (unsupervised).
    noise
        Z; 30 in the authors' notebook.
    width, slope
        Hidden width and LeakyReLU's slope.
    """

    def __init__(
        self, bands: int, classes: int, noise: int = 30, width: int = 512, slope: float = 0.01
    ) -> None:
        super().__init__()
        self.arguments = {
            "bands": bands,
            "classes": classes,
            "noise": noise,
            "width": width,
            "slope": slope,
        }
        self.noise = noise
        self.classes = classes
        self.body = LeakyMLP((noise + classes, width, width, width, bands), slope)

    def draw_latents(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Draw z ~ N(0, 1) for (N,) class indices: (N, Z)."""
        return torch.randn(labels.shape[0], self.noise, generator=generator, device=labels.device)

    def forward(self, latents: Tensor, weights: Tensor) -> Tensor:
        """Return (N, B) spectra for (N, Z) noise and (N, K) class weights (one-hot, or mixed)."""
        return torch.sigmoid(self.body(torch.cat([latents, weights], dim=1)))


class KernelGenerator(nn.Module):
    """A kernel density in class coordinates, bent into shape by a residual network.

    ::

        training pixels of class c, whitened, pulled towards the mean: centres a_i (D,)
              │  pick one, add noise: u = a_i + h e
              v
        u (N, D) ── m_w + R_w u ────────────────────┐
        u, z (N, Z), w (N, K) ── MLP, last layer 0 ─┴─ + ─> features (N, D)

    With ``m_w`` and ``R_w`` the means and covariance roots of the classes mixed by the weights w.
    At the start the network adds nothing, so training starts from a density whose class means and
    covariances are right already, however few the labels; the adversary then only has to teach
    what a kernel density gets wrong. The bandwidth h of a class is a number between 0 (copies of
    the training pixels) and 1 (noise as wide as the class).

    Latents drawn together are balanced: every centre is picked about equally often, and the noise
    comes in pairs of opposite sign (antithetic variates, Hammersley and Morton 1956). Mean and
    covariance of a thousand samples so differ from the class's by less than chance would have it.

    Parameters
    ----------
    features, classes
        D, and K.
    centres
        How many training pixels lie in the buffers.
    noise, width, slope
        Z, hidden width, LeakyReLU's slope of the residual network.
    """

    means: Tensor
    roots: Tensor
    bandwidths: Tensor
    centres: Tensor
    offsets: Tensor
    counts: Tensor

    def __init__(
        self,
        features: int,
        classes: int,
        centres: int,
        noise: int = 8,
        width: int = 128,
        slope: float = 0.2,
    ) -> None:
        super().__init__()
        self.arguments = {
            "features": features,
            "classes": classes,
            "centres": centres,
            "noise": noise,
            "width": width,
            "slope": slope,
        }
        self.features = features
        self.noise = noise
        self.register_buffer("means", torch.zeros(classes, features))
        self.register_buffer("roots", torch.zeros(classes, features, features))
        self.register_buffer("bandwidths", torch.ones(classes))
        self.register_buffer("centres", torch.zeros(centres, features))
        self.register_buffer("offsets", torch.zeros(classes, dtype=torch.int64))
        self.register_buffer("counts", torch.zeros(classes, dtype=torch.int64))
        self.residual = LeakyMLP((features + noise + classes, width, width, width, features), slope)
        nn.init.zeros_(self.residual.linears[-1].weight)
        nn.init.zeros_(self.residual.linears[-1].bias)

    def draw_latents(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Draw u beside z for (N,) class indices: (N, D + Z)."""
        total, device = labels.shape[0], labels.device
        strata = torch.randperm(total, generator=generator, device=device)
        uniform = (strata + torch.rand(total, generator=generator, device=device)) / max(1, total)
        counts = self.counts[labels]
        # rounding can lift a uniform number to 1, and the pick into the next class
        pick = self.offsets[labels] + torch.minimum((uniform * counts).long(), counts - 1)
        half = torch.randn(
            (total + 1) // 2, self.features + self.noise, generator=generator, device=device
        )
        noise = torch.cat([half, -half])[:total]
        u = self.centres[pick] + self.bandwidths[labels, None] * noise[:, : self.features]
        return torch.cat([u, noise[:, self.features :]], dim=1)

    def base(self, latents: Tensor, weights: Tensor) -> Tensor:
        """Return the density's own features (N, D), before the network bends them."""
        u = latents[:, : self.features]
        roots = torch.einsum("nk,kij->nij", weights, self.roots)
        return weights @ self.means + torch.einsum("nij,nj->ni", roots, u)

    def forward(self, latents: Tensor, weights: Tensor) -> Tensor:
        """Return (N, D) features for (N, D + Z) latents and (N, K) class weights."""
        bent: Tensor = self.residual(torch.cat([latents, weights], dim=1))
        scale = 1 / math.sqrt(2)  # keeps the first steps small beside features of unit variance
        return self.base(latents, weights) + scale * bent
