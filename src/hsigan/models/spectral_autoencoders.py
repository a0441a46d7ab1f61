"""Published autoencoders of hyperspectral images, the baselines of learned compression.

Each maps values in [0, 1] to latents of a fixed number and back. ``ratio`` is the number of values
of a tile over the number of its latents; as published, latents are kept as 32-bit floats.

`encode` returns (N, C, h, w) for all of them: ``latent_channels`` is C, and rows and columns are
divided by ``latent_step``. Sizes that a network cannot halve are padded by repeating the last band,
row or column, and `decode` gives what was asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

from hsigan.errors import InputError

SLOPE = 0.01
"""LeakyReLU's slope for negative values."""


def _pad(x: Tensor, bands: int, step: int) -> Tensor:
    """Repeat the last band up to ``bands``, the last row and column up to multiples of ``step``."""
    rows, columns = (-size % step for size in x.shape[2:])
    over = (0, columns, 0, rows, 0, bands - x.shape[1])
    return F.pad(x[:, None], over, mode="replicate").squeeze(1) if any(over) else x


def _check_ratio(ratio: int, allowed: tuple[int, ...]) -> None:
    if ratio not in allowed:
        raise InputError(f"The 'ratio' parameter must be one of {allowed}. Got {ratio} instead.")


class CAE1D(nn.Module):
    """1D-CAE: every pixel's spectrum by itself (Kuester, Gross and Middelmann 2021).

    ::

        spectrum (1, B) -> 64 kernels of 11, LeakyReLU, halve -> 32 of 11, LeakyReLU, halve
          -> 16 of 9, LeakyReLU -> 1 of 7 -> latents (1, B/4)
          -> 16 of 7 -> 32 of 9, double -> 64 of 11, double -> 1 of 11, sigmoid -> (1, B)

    Published with ratio 4. Every further factor of 2 adds a layer of 16 kernels of 9 with a halving
    after the third layer, and its mirror image to the decoder. B is padded to a multiple of
    ``ratio``.

    Parameters
    ----------
    bands
        B.
    ratio
        4, 8, 16 or 32.
    """

    latent_step = 1

    def __init__(self, bands: int, ratio: int = 4) -> None:
        super().__init__()
        _check_ratio(ratio, (4, 8, 16, 32))
        self.arguments = {"bands": bands, "ratio": ratio}
        self.bands, self.latent_channels = bands, math.ceil(bands / ratio)
        self.padded = self.latent_channels * ratio
        further = int(math.log2(ratio)) - 2
        self.encoder = nn.Sequential(
            *_spectral(1, 64, 11),
            nn.MaxPool1d(2),
            *_spectral(64, 32, 11),
            nn.MaxPool1d(2),
            *_spectral(32, 16, 9),
            *(part for _ in range(further) for part in (*_spectral(16, 16, 9), nn.MaxPool1d(2))),
            nn.Conv1d(16, 1, 7, padding=3),
        )
        self.decoder = nn.Sequential(
            *_spectral(1, 16, 7),
            *(
                part
                for _ in range(further)
                for part in (*_spectral(16, 16, 9), nn.Upsample(scale_factor=2))
            ),
            *_spectral(16, 32, 9),
            nn.Upsample(scale_factor=2),
            *_spectral(32, 64, 11),
            nn.Upsample(scale_factor=2),
            nn.Conv1d(64, 1, 11, padding=5),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Encode and decode (N, B, H, W)."""
        return self.decode(self.encode(x), (x.shape[2], x.shape[3]))

    def encode(self, x: Tensor) -> Tensor:
        """Map (N, B, H, W) to latents (N, B/ratio, H, W)."""
        return self._by_pixel(self.encoder, _pad(x, self.padded, 1))

    def decode(self, latents: Tensor, size: tuple[int, int]) -> Tensor:
        """Map latents (N, B/ratio, H, W) to (N, B, H, W), where (H, W) is ``size``."""
        return self._by_pixel(self.decoder, latents)[:, : self.bands, : size[0], : size[1]]

    def _by_pixel(self, network: nn.Module, x: Tensor) -> Tensor:
        n, channels, rows, columns = x.shape
        spectra = x.permute(0, 2, 3, 1).reshape(-1, 1, channels)
        made: Tensor = network(spectra)[:, 0].view(n, rows, columns, -1)
        return made.permute(0, 3, 1, 2).contiguous()


def _spectral(inputs: int, outputs: int, kernel: int) -> Iterator[nn.Module]:
    yield nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2)
    yield nn.LeakyReLU(SLOPE)


class SSCNet(nn.Module):
    """SSCNet: bands are channels of 2-D convolutions (La Grassa, Re, Cremonese and Gallo 2022).

    ::

        x (N, B, T, T) -> 3 x 3, 256 -> 256, halve -> 256, halve -> 512, halve -> L, PReLU each
          -> latents (N, L, T/8, T/8), L = 64 B / ratio rounded up
          -> transposed 512 -> 256 doubling, three times over -> B, sigmoid; PReLU between

    Any B goes as it is; rows and columns are padded to multiples of 8. Weights start as those of He
    et al. (ICCV 2015, section 2.2): PyTorch's own let the signal die on its way through ten layers,
    and nothing but the mean is learned.

    Parameters
    ----------
    bands
        B.
    ratio
        1 or more.
    width
        256 as published; the layer with twice as many follows it.
    """

    latent_step = 8

    def __init__(self, bands: int, ratio: int = 16, width: int = 256) -> None:
        super().__init__()
        if ratio < 1:
            raise InputError(f"The 'ratio' parameter must be 1 or more. Got {ratio} instead.")
        self.arguments = {"bands": bands, "ratio": ratio, "width": width}
        self.bands, self.latent_channels = bands, math.ceil(64 * bands / ratio)
        self.encoder = nn.Sequential(
            *_planar(bands, width),
            *_planar(width, width),
            nn.MaxPool2d(2),
            *_planar(width, width),
            nn.MaxPool2d(2),
            *_planar(width, 2 * width),
            nn.MaxPool2d(2),
            *_planar(2 * width, self.latent_channels),
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(self.latent_channels, 2 * width, 3, 1, 1),
            nn.PReLU(),
            *_doubling(2 * width, width),
            *_doubling(width, width),
            *_doubling(width, width),
            nn.ConvTranspose2d(width, bands, 3, 1, 1),
            nn.Sigmoid(),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                _he_start(layer)

    def forward(self, x: Tensor) -> Tensor:
        """Encode and decode (N, B, H, W)."""
        return self.decode(self.encode(x), (x.shape[2], x.shape[3]))

    def encode(self, x: Tensor) -> Tensor:
        """Map (N, B, H, W) to latents (N, L, H/8, W/8), rounded up."""
        latents: Tensor = self.encoder(_pad(x, self.bands, self.latent_step))
        return latents

    def decode(self, latents: Tensor, size: tuple[int, int]) -> Tensor:
        """Map latents (N, L, H/8, W/8) to (N, B, H, W), where (H, W) is ``size``."""
        decoded: Tensor = self.decoder(latents)
        return decoded[:, :, : size[0], : size[1]]


def _he_start(layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
    """Draw weights that keep the variance of what passes, before a PReLU of its first slope."""
    gathered = layer.weight.numel() / layer.out_channels  # values that one output is a sum of
    if isinstance(layer, nn.ConvTranspose2d):
        gathered /= layer.stride[0] * layer.stride[1]
    nn.init.normal_(layer.weight, std=math.sqrt(2 / (1 + 0.25**2) / gathered))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _planar(inputs: int, outputs: int) -> Iterator[nn.Module]:
    yield nn.Conv2d(inputs, outputs, 3, padding=1)
    yield nn.PReLU()


def _doubling(inputs: int, outputs: int) -> Iterator[nn.Module]:
    yield nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, 1)
    yield nn.PReLU()


class CAE3D(nn.Module):
    """3D-CAE: convolutions over bands, rows and columns (Chong, Chen and Pan 2021).

    ::

        x (1, B, T, T) -> 16 kernels (2, 5, 5), stride (1, 2, 2) -> 32 of 5, stride 2
          -> three residual blocks at 32 -> L of 5, stride 2
          -> latents (L, B/4, T/8, T/8), L = 256 / ratio, as L B/4 channels
          -> double, 32 of 5 -> three residual blocks -> double, 16 of 5
          -> double rows and columns, 1 of (2, 5, 5), sigmoid

    Batch normalisation and LeakyReLU follow every convolution but the one that makes the latents
    and the last. Doubling repeats the nearest value. B is padded to a multiple of 4, rows and
    columns to multiples of 8; the kernel of 2 bands sees each band and the next.

    Parameters
    ----------
    bands
        B.
    ratio
        A divisor of 256.
    """

    latent_step = 8

    def __init__(self, bands: int, ratio: int = 16) -> None:
        super().__init__()
        _check_ratio(ratio, (1, 2, 4, 8, 16, 32, 64, 128, 256))
        self.arguments = {"bands": bands, "ratio": ratio}
        self.maps, self.places = 256 // ratio, math.ceil(bands / 4)
        self.bands, self.latent_channels = bands, self.maps * self.places
        self.encoder = nn.Sequential(
            nn.ReplicationPad3d((2, 2, 2, 2, 0, 1)),
            *_voluminous(1, 16, (2, 5, 5), (1, 2, 2), (0, 0, 0)),
            *_voluminous(16, 32, (5, 5, 5), (2, 2, 2), (2, 2, 2)),
            *(_ResidualVolume(32) for _ in range(3)),
            nn.Conv3d(32, self.maps, 5, 2, 2),
        )
        self.decoder = nn.Sequential(
            nn.Upsample(scale_factor=2),
            *_voluminous(self.maps, 32, (5, 5, 5), (1, 1, 1), (2, 2, 2)),
            *(_ResidualVolume(32) for _ in range(3)),
            nn.Upsample(scale_factor=2),
            *_voluminous(32, 16, (5, 5, 5), (1, 1, 1), (2, 2, 2)),
            nn.Upsample(scale_factor=(1, 2, 2)),
            nn.ReplicationPad3d((2, 2, 2, 2, 0, 1)),
            nn.Conv3d(16, 1, (2, 5, 5)),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Encode and decode (N, B, H, W)."""
        return self.decode(self.encode(x), (x.shape[2], x.shape[3]))

    def encode(self, x: Tensor) -> Tensor:
        """Map (N, B, H, W) to latents (N, L B/4, H/8, W/8), rounded up."""
        volume = _pad(x, 4 * self.places, self.latent_step)[:, None]
        latents: Tensor = self.encoder(volume).flatten(1, 2)
        return latents

    def decode(self, latents: Tensor, size: tuple[int, int]) -> Tensor:
        """Map latents (N, L B/4, H/8, W/8) to (N, B, H, W), where (H, W) is ``size``."""
        n, _, rows, columns = latents.shape
        volume = latents.reshape(n, self.maps, self.places, rows, columns)
        decoded: Tensor = self.decoder(volume).squeeze(1)
        return decoded[:, : self.bands, : size[0], : size[1]]


Triple = tuple[int, int, int]


def _voluminous(
    inputs: int, outputs: int, kernel: Triple, stride: Triple, padding: Triple
) -> Iterator[nn.Module]:
    yield nn.Conv3d(inputs, outputs, kernel, stride, padding)
    yield nn.BatchNorm3d(outputs)
    yield nn.LeakyReLU(SLOPE)


class _ResidualVolume(nn.Module):
    """``LeakyReLU(x + norm(conv(LeakyReLU(norm(conv(x))))))``, kernels of 3."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_voluminous(channels, channels, (3, 3, 3), (1, 1, 1), (1, 1, 1)),
            nn.Conv3d(channels, channels, 3, padding=1),
            nn.BatchNorm3d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, B', H, W) to the same shape."""
        return F.leaky_relu(x + self.layers(x), SLOPE)
