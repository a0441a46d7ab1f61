"""An orthonormal block transform beside a codec's networks, so that training starts from it.

::

    x (N, K, H, W) ──┬── block DCT, L coefficients, x gain ──┐
                     └── analysis network ───────────────────┴ + ──> y (N, L, H/16, W/16)

    y ──┬── / gain, inverse block DCT ──┐
        └── synthesis network ──────────┴ + ──> x'

With both networks at zero, which their last layers are at the start, this is transform coding with
a uniform quantiser: the least that the trained codec has to improve on. The gains are trained.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from hsigan.models.entropy_models import gaussian_bits

BLOCK_PX = 16
_BISECTIONS = 30
_LEAST_VARIANCE = 0.02


def dct_matrix(size: int) -> Tensor:
    """Return the orthonormal DCT-II, (size, size): row i holds the basis function i."""
    places = np.arange(size)
    matrix = np.cos(math.pi / size * (places[None] + 0.5) * places[:, None])
    matrix *= math.sqrt(2 / size)
    matrix[0] /= math.sqrt(2)
    return torch.from_numpy(matrix.astype(np.float32))


class BlockTransform(nn.Module):
    """L coefficients of the DCT of 16 x 16 blocks over K planes, scaled by trained gains.

    Parameters
    ----------
    planes : number of planes K
    latents : number of coefficients L, at most 256 K
    """

    weight: Tensor
    chosen: Tensor
    matrix: Tensor

    def __init__(self, planes: int, latents: int) -> None:
        super().__init__()
        self.planes, self.latents = planes, latents
        self.register_buffer("matrix", dct_matrix(BLOCK_PX), persistent=False)
        self.register_buffer("weight", torch.ones(planes))
        self.register_buffer("chosen", torch.arange(latents))
        self.log_gain = nn.Parameter(torch.zeros(latents))

    @torch.no_grad()
    def fit(self, images: list[Tensor], weight: Tensor, step: float) -> Tensor:
        """Choose the coefficients of the greatest energy, and set the gains for a quantiser's step.

        Parameters
        ----------
        images : (K, H, W) each; whole blocks of them are used
        weight : (K,) root of a plane's weight in the squared error
        step : of the quantiser, in the units of ``weight`` times the planes

        Returns
        -------
        Mean squares (L,) of the latents, and so the variances that the entropy model starts with.
        """
        self.weight.copy_(weight)
        energy, count = torch.zeros(self.planes * BLOCK_PX**2), 0
        for image in images:
            coefficients = self._coefficients(_whole_blocks(image)[None])
            energy += coefficients.square().sum(dim=(0, 2, 3))
            count += coefficients.shape[2] * coefficients.shape[3]
        self.chosen.copy_(energy.argsort(descending=True, stable=True)[: self.latents])
        self.log_gain.fill_(-math.log(step))
        return energy[self.chosen] / max(count, 1) / step**2

    @torch.no_grad()
    def fit_to_rate(self, images: list[Tensor], weight: Tensor, bpp: float) -> Tensor:
        """Do as `fit` with the step at which the latents' information is ``bpp`` bits per pixel.

        Each latent channel counts with a Gaussian of its variance, as an entropy model without
        side information would code it.
        """
        variances = self.fit(images, weight, 1.0)
        latents = [self.analyse(_whole_blocks(image)[None])[0].flatten(1) for image in images]
        y = torch.cat(latents, dim=1)  # (L, blocks)
        low, high = 1e-6 * float(variances.max().sqrt()), 4 * float(variances.max().sqrt())
        for _ in range(_BISECTIONS):
            step = math.sqrt(low * high)
            logs = 0.5 * (variances / step**2).clamp(min=_LEAST_VARIANCE).log()
            bits = gaussian_bits((y / step).round()[None], logs[None, :, None].expand(1, *y.shape))
            is_fine = float(bits) / (y.shape[1] * BLOCK_PX**2) > bpp
            low, high = (step, high) if is_fine else (low, step)
        self.log_gain.fill_(-math.log(high))
        return variances / high**2

    def analyse(self, x: Tensor) -> Tensor:
        """Return latents (N, L, H/16, W/16) of planes (N, K, H, W); H and W are multiples of 16."""
        return self._coefficients(x)[:, self.chosen] * self.log_gain.exp()[:, None, None]

    def synthesise(self, y: Tensor) -> Tensor:
        """Return planes (N, K, H, W) of latents (N, L, H/16, W/16)."""
        count, _, rows, columns = y.shape
        coefficients = y.new_zeros(count, self.planes * BLOCK_PX**2, rows, columns)
        coefficients[:, self.chosen] = y * (-self.log_gain).exp()[:, None, None]
        blocks = coefficients.view(count, self.planes, BLOCK_PX, BLOCK_PX, rows, columns)
        blocks = torch.einsum("ui,nkuvrc->nkivrc", self.matrix, blocks)
        blocks = torch.einsum("vj,nkivrc->nkricj", self.matrix, blocks)
        planes = blocks.reshape(count, self.planes, rows * BLOCK_PX, columns * BLOCK_PX)
        return planes / self.weight[:, None, None]

    def _coefficients(self, x: Tensor) -> Tensor:
        """Return all coefficients (N, 256 K, H/16, W/16), plane by plane."""
        count, planes, height, width = x.shape
        rows, columns = height // BLOCK_PX, width // BLOCK_PX
        blocks = (x * self.weight[:, None, None]).reshape(
            count, planes, rows, BLOCK_PX, columns, BLOCK_PX
        )
        blocks = torch.einsum("ui,nkricj->nkrucj", self.matrix, blocks)
        blocks = torch.einsum("vj,nkrucj->nkuvrc", self.matrix, blocks)
        return blocks.reshape(count, planes * BLOCK_PX**2, rows, columns)


def _whole_blocks(image: Tensor) -> Tensor:
    """Return (K, H, W) without the rows and columns that fill no block."""
    rows, columns = (size // BLOCK_PX * BLOCK_PX for size in image.shape[1:])
    return image[:, :rows, :columns]


class WithTransform(nn.Module):
    """A network, and a linear map whose result is added to the network's.

    ``transform`` is shared between analysis and synthesis: held here without being registered
    twice where ``forwards`` is false.
    """

    def __init__(self, network: nn.Module, transform: BlockTransform, forwards: bool) -> None:
        super().__init__()
        self.network = network
        self.forwards = forwards
        self._linear = (transform,)
        if forwards:
            self.transform = transform

    def forward(self, x: Tensor) -> Tensor:
        """Return the network's result plus the linear one."""
        transform = self._linear[0]
        linear = transform.analyse(x) if self.forwards else transform.synthesise(x)
        learned: Tensor = self.network(x)
        return linear + learned
