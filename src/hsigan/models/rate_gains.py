"""One model for all rates: a gain per latent channel, interpolated between trained rates."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Gains(nn.Module):
    """Gain units: multiply latents before they are rounded, and divide afterwards.

    Wu, Huang and Shen (A GAN-based tunable image compression system, WACV 2020) reach any ratio
    with one model by an importance map, which says what is kept, and a GAN that makes up the rest.
    This follows a later answer to the same question, the gain units of Cui et al. (Asymmetric
    Gained Deep Image Compression with Continuous Rate Adaptation, CVPR 2021): a vector of gains per
    trained rate, learned with a vector of inverse gains, and between two rates the geometric
    interpolation of both. Their gains for z are left out: z is made of latents with gains on them.

    Parameters
    ----------
    channels
        Latent channels L.
    levels
        Trained rates, from the lowest up; 1: latents are left alone.
    span
        Ratio of the gains of the highest to those of the lowest rate at the start.
    """

    def __init__(self, channels: int, levels: int, span: float = 8.0) -> None:
        super().__init__()
        self.levels = levels
        self.log_gains: nn.Parameter | None = None
        self.log_inverse: nn.Parameter | None = None
        if levels > 1:
            start = torch.linspace(-0.5, 0.5, levels)[:, None] * torch.log(torch.tensor(span))
            self.log_gains = nn.Parameter(start.repeat(1, channels))
            self.log_inverse = nn.Parameter(-start.repeat(1, channels))

    def scale(self, y: Tensor, level: Tensor | float) -> Tensor:
        """Return y (N, L, h, w) with the gains of a level, in [0, levels - 1], on it."""
        return y if self.log_gains is None else y * _at_level(self.log_gains, level)

    def undo(self, y: Tensor, level: Tensor | float) -> Tensor:
        """Return y (N, L, h, w) with the inverse gains of a level on it."""
        return y if self.log_inverse is None else y * _at_level(self.log_inverse, level)


def _at_level(logs: Tensor, level: Tensor | float) -> Tensor:
    """Return gains (N or 1, L, 1, 1): linear in their logarithms between whole levels."""
    place = torch.as_tensor(level, dtype=logs.dtype, device=logs.device).reshape(-1)
    place = place.clamp(0, len(logs) - 1)
    below = place.floor().long().clamp(max=len(logs) - 2)
    share = (place - below)[:, None]
    return torch.lerp(logs[below], logs[below + 1], share).exp()[:, :, None, None]
