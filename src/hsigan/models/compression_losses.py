"""What compression networks are trained for: equations 2 to 5 of Byju, Fuchs, Walda and Demir.

Every function is a pure piece beside a training loop. Tiles are (N, B, T, T) with values scaled so
that [0, 1] spans the data, as in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

from hsigan.errors import InputError

SSIM_WINDOW_PX = 11
SSIM_SIGMA_PX = 1.5


@dataclass(frozen=True)
class RateTarget:
    """The rule that holds a rate (equation 5, HiFiC's): weigh it more while it is above its target.

    Parameters
    ----------
    target_bpp
        r_t, bits per pixel, all bands together.
    above, below
        lambda_a and lambda_b: the rate's weight while the rate is above the target, and while it is
        not. The paper does not give lambda_b; 2^-6 is what the authors of HiFiC configured.
    """

    target_bpp: float
    above: float
    below: float = 2.0**-6

    def weight(self, rate_bpp: float, allowance: float = 1.0) -> float:
        """Return lambda for a rate; ``allowance`` times the target may be used up (warm-up)."""
        return self.above if rate_bpp > self.target_bpp * allowance else self.below


PAPER_TARGETS = (
    RateTarget(0.2, 2.0**1),
    RateTarget(0.4, 2.0**0),
    RateTarget(0.6, 2.0**-1),
    RateTarget(0.8, 2.0**-2),
    RateTarget(1.0, 2.0**-3),
)
"""Table I of the paper."""


@dataclass(frozen=True)
class DistortionWeights:
    """theta_1, theta_2 and theta_3 of equation 4, as the paper chose them.

    theta_1 weighs the mean squared error on a scale of 0 to 255: HiFiC's weight for it is
    0.075 / 32, and on [0, 1] the paper's 0.15 / 32 would not be felt.
    """

    mse: float = 0.15 * 2.0**-5
    ssim: float = 0.075 * 2.0**-3
    perceptual: float = 1.0


@dataclass(frozen=True)
class Distortion:
    """Equation 4: the weighted sum, and its terms without weights, all scalars.

    Parameters
    ----------
    total
        What to minimise.
    mse_255
        Mean squared error on a scale of 0 to 255, detached.
    ssim, perceptual
        Structural similarity, and the perceptual distance, detached.
    """

    total: Tensor
    mse_255: Tensor
    ssim: Tensor
    perceptual: Tensor


def distortion(
    original: Tensor,
    decoded: Tensor,
    perceptual: nn.Module | None = None,
    weights: DistortionWeights | None = None,
    random: torch.Generator | None = None,
) -> Distortion:
    """Return theta_1 MSE + theta_2 (1 - SSIM) + theta_3 perceptual distance (equation 4).

    Parameters
    ----------
    original, decoded
        (N, B, T, T), the data's range scaled to [0, 1].
    perceptual
        Called with both and ``random``, returns (N,): `perceptual.LPIPS` or
        `perceptual.SpectralSpatialDistance`; None leaves the term out.
    weights
        The thetas; None: the paper's.
    random
        Decides which bands the perceptual term looks at.
    """
    weights = weights or DistortionWeights()
    mse = 255.0**2 * F.mse_loss(decoded, original)
    similarity = structural_similarity(original, decoded).mean()
    total = weights.mse * mse + weights.ssim * (1 - similarity)
    distance = torch.zeros((), device=original.device)
    if perceptual is not None:
        distance = perceptual(original, decoded, random).mean()
        total = total + weights.perceptual * distance
    return Distortion(total, mse.detach(), similarity.detach(), distance.detach())


def structural_similarity(original: Tensor, decoded: Tensor) -> Tensor:
    """Return the SSIM (N,) of tiles whose data's range is [0, 1], the mean over bands.

    Wang, Bovik, Sheikh and Simoncelli (2004): an 11 x 11 Gaussian window, sigma 1.5, where it fits
    whole, K1 = 0.01, K2 = 0.03.
    """
    rows, columns = (_gaussian_windows(original, size) for size in original.shape[2:])
    products = [original, decoded, original.square(), decoded.square(), original * decoded]
    mean_x, mean_y, xx, yy, xy = (_blur(image, rows, columns) for image in products)
    luminance = (2 * mean_x * mean_y + 0.01**2) / (mean_x.square() + mean_y.square() + 0.01**2)
    spread = xx - mean_x.square() + yy - mean_y.square()
    structure = (2 * (xy - mean_x * mean_y) + 0.03**2) / (spread + 0.03**2)
    return (luminance * structure).mean(dim=(1, 2, 3))


def _blur(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Average (N, B, H, W) under windows; rows and columns of the result change places."""
    return F.linear(F.linear(images, columns).transpose(2, 3), rows)


def _gaussian_windows(like: Tensor, size: int) -> Tensor:
    """Return a matrix (size - 10, size): each row holds the window at one of its places.

    On a CPU a product with it takes a tenth of the time that a convolution of single bands does.
    """
    if size < SSIM_WINDOW_PX:
        raise InputError(
            f"SSIM needs tiles of {SSIM_WINDOW_PX} pixels or more. Got {size} instead."
        )
    places = torch.arange(SSIM_WINDOW_PX, device=like.device, dtype=like.dtype)
    window = torch.exp(-0.5 * ((places - SSIM_WINDOW_PX // 2) / SSIM_SIGMA_PX) ** 2)
    window = window / window.sum()
    windows = torch.zeros(size - SSIM_WINDOW_PX + 1, size, device=like.device, dtype=like.dtype)
    for place, row in enumerate(windows):
        row[place : place + SSIM_WINDOW_PX] = window
    return windows


def generator_loss(logits_decoded: Tensor) -> Tensor:
    """Return ``-log D(x', y)``, the generator's non-saturating loss (equation 2), a scalar."""
    return F.softplus(-logits_decoded).mean()


def discriminator_loss(logits_original: Tensor, logits_decoded: Tensor) -> Tensor:
    """Return ``-log(1 - D(x', y)) - log D(x, y)`` (equation 3), a scalar."""
    return F.softplus(logits_decoded).mean() + F.softplus(-logits_original).mean()


ADVERSARIAL_WEIGHT = 0.15
"""beta of equation 2."""
