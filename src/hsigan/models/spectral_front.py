"""What stands before and after a codec's networks: bands to well-scaled planes, and back.

::

    x (N, B, H, W) ── minus mean ── basis (K, B), if any ── / scale ──> planes (N, K, H, W)
    planes ── x scale ── transposed basis ── plus mean ──> x'

The networks normalise over channels, which erases how bright a pixel is; what each band's or
component's level is lies here, in numbers that the model file holds, and passes them by.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

FrontKind = Literal["range", "standardise", "klt"]
_LEAST_SCALE = 1e-6


class SpectralFront(nn.Module):
    """An affine map between B bands in the scene's units and K planes of about unit variance.

    Parameters
    ----------
    bands : number of bands B
    components : number of planes K; 0 for one plane per band, without a basis

    Notes
    -----
    The map is not trained. ``plane_weights`` turns squared errors of planes into those of bands:
    with orthonormal rows in the basis the mean over bands of the squared error in the scene's units
    is the sum over planes of ``plane_weights[k]`` times the squared error of plane k, plus what the
    basis leaves out.
    """

    mean: Tensor
    scale: Tensor
    basis: Tensor

    def __init__(self, bands: int, components: int = 0) -> None:
        super().__init__()
        self.bands, self.components = bands, components
        self.planes = components or bands
        self.register_buffer("mean", torch.zeros(bands))
        self.register_buffer("scale", torch.ones(self.planes))
        self.register_buffer("basis", torch.zeros(components, bands))

    @property
    def plane_weights(self) -> Tensor:
        """Weights (K,) of squared errors, in the scene's units squared."""
        return self.scale.square() / self.bands

    @torch.no_grad()
    def fit(
        self,
        kind: FrontKind,
        mean: NDArray[np.float64],
        covariance: NDArray[np.float64],
        value_range: tuple[float, float],
    ) -> None:
        """Set the map from statistics of the training scenes.

        Parameters
        ----------
        kind : "range" maps ``value_range`` to 0 ... 1, all bands alike, as the paper does;
            "standardise" gives each band mean 0 and deviation 1; "klt" takes the leading
            eigenvectors of the covariance, each scaled to deviation 1
        mean : (B,) in the scene's units
        covariance : (B, B)
        value_range : lowest and greatest value
        """
        deviation = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        centre, scale = mean, deviation
        if kind == "range":
            low, high = value_range
            centre, scale = np.full_like(mean, low), np.full_like(mean, high - low)
        elif kind == "klt":
            values, vectors = np.linalg.eigh(covariance)
            leading = vectors[:, ::-1][:, : self.components]
            # A vector's sign is arbitrary: fixed, so that equal scenes give equal models.
            signs = np.sign(leading[np.abs(leading).argmax(axis=0), range(leading.shape[1])])
            self.basis.copy_(torch.from_numpy((leading * signs).T.copy()))
            scale = np.sqrt(np.maximum(values[::-1][: self.components], 0.0))
        least = max(float(scale.max()), 1.0) * _LEAST_SCALE
        # A band that is constant everywhere is carried by the mean alone.
        self.mean.copy_(torch.from_numpy(centre.copy()))
        self.scale.copy_(torch.from_numpy(np.where(scale > least, scale, 1.0)))

    def forward(self, x: Tensor) -> Tensor:
        """Return planes (N, K, H, W) of values x (N, B, H, W) in the scene's units."""
        centred = x - self.mean[:, None, None]
        if self.components:
            centred = torch.einsum("kb,nbhw->nkhw", self.basis, centred)
        return centred / self.scale[:, None, None]

    def invert(self, planes: Tensor) -> Tensor:
        """Return values (N, B, H, W) in the scene's units of planes (N, K, H, W)."""
        scaled = planes * self.scale[:, None, None]
        if self.components:
            scaled = torch.einsum("kb,nkhw->nbhw", self.basis, scaled)
        return scaled + self.mean[:, None, None]

    def some_bands(self, planes: Tensor, which: Tensor) -> Tensor:
        """Return only the bands ``which`` (M,) of `invert`, (N, M, H, W)."""
        mean = self.mean[which, None, None]
        if not self.components:
            return planes[:, which] * self.scale[which, None, None] + mean
        mixing = self.basis[:, which] * self.scale[:, None]
        return torch.einsum("km,nkhw->nmhw", mixing, planes) + mean
