"""Equation 4 for planes: squared error where it is cheap, the other terms on bands.

A squared error of components is one of bands, up to what the basis leaves out. Structural and
perceptual similarity are of bands, scaled so that [0, 1] spans the training scenes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hsigan.models.compression_losses import Distortion, structural_similarity
from hsigan.models.spectral_front import SpectralFront


@dataclass(frozen=True)
class PlaneDistortion:
    """theta_1 MSE + theta_2 (1 - SSIM) + theta_3 perceptual distance.

    Parameters
    ----------
    front : from planes to bands
    value_range : the lowest and greatest value of the training scenes; their distance is 255 in the
        mean squared error
    weights : theta_1, theta_2 and theta_3
    ssim_bands : number of bands that the SSIM looks at, drawn anew at every call; 0 for all
    perceptual : called with bands (N, B, T, T) in [0, 1]; None where theta_3 is 0
    """

    front: SpectralFront
    value_range: tuple[float, float]
    weights: tuple[float, float, float]
    ssim_bands: int
    perceptual: nn.Module | None

    def __call__(
        self,
        original: Tensor,
        decoded: Tensor,
        random: torch.Generator,
        looks: bool = True,
    ) -> Distortion:
        """Compare planes (N, K, T, T); ``looks`` says whether the perceptual term counts."""
        low, high = self.value_range
        theta_mse, theta_ssim, theta_perceptual = self.weights
        weights = self.front.plane_weights[:, None, None]
        squared = ((original - decoded).square() * weights).sum(dim=1).mean()
        mse = squared * (255 / (high - low)) ** 2
        total = theta_mse * mse
        ssim = distance = torch.zeros((), device=original.device)
        if theta_ssim:
            which = self._some_bands(random).to(original.device)
            pair = (self._scaled(planes, which) for planes in (original, decoded))
            ssim = structural_similarity(*pair).mean()
            total = total + theta_ssim * (1 - ssim)
        if self.perceptual is not None and looks:
            bands = torch.arange(self.front.bands, device=original.device)
            pair = (self._scaled(planes, bands) for planes in (original, decoded))
            distance = self.perceptual(*pair, random).mean()
            total = total + theta_perceptual * distance
        return Distortion(total, mse.detach(), ssim.detach(), distance.detach())

    def _some_bands(self, random: torch.Generator) -> Tensor:
        bands, count = self.front.bands, self.ssim_bands
        if not 0 < count < bands:
            return torch.arange(bands)
        return torch.randperm(bands, generator=random, device=random.device)[:count].cpu()

    def _scaled(self, planes: Tensor, which: Tensor) -> Tensor:
        low, high = self.value_range
        return (self.front.some_bands(planes, which) - low) / (high - low)
