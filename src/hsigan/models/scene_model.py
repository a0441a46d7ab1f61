"""A tile codec with what surrounds it: the front, the networks and, beside them, a block transform.

::

    values (N, B, h, w) ─ front ─> planes (N, K, h, w) ─ padded ─┬─ CompressionModel ─┬─> y, z
                                                                 └── BlockTransform ──┘
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

from hsigan.models.block_transform import BLOCK_PX, BlockTransform, WithTransform
from hsigan.models.compression_model import CompressionModel
from hsigan.models.entropy_models import FactorisedPrior, gaussian_bits, table_log_scales
from hsigan.models.hyperprior import Hyperprior, Symbols
from hsigan.models.spectral_front import SpectralFront

_STARTING_SPREAD = 1.0
_STARTING_WEIGHTS = 0.1
_STARTING_SIDE = 3.0
_LEAST_VARIANCE = 0.02
_FAINT_VARIANCE = 0.1


class SceneModel(nn.Module):
    """Front, block transform and HiFiC networks in one module with one state.

    Parameters
    ----------
    bands
        B, of the scenes.
    tile_px
        T, a multiple of 16.
    components
        K of a front with a spectral basis; 0: one plane per band.
    has_transform
        Whether an orthonormal block transform stands beside encoder and generator.
    **settings
        ``widths``, ``se``, ``conv3d`` and ``levels`` of `CompressionModel`.
    """

    def __init__(
        self,
        bands: int,
        tile_px: int,
        components: int = 0,
        has_transform: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__()
        self.front = SpectralFront(bands, components)
        self.core = CompressionModel(self.front.planes, tile_px, **settings)
        self.tile_px = tile_px
        self.arguments: dict[str, Any] = {
            "bands": bands,
            "tile_px": tile_px,
            "components": components,
            "has_transform": has_transform,
            **{key: self.core.arguments[key] for key in ("widths", "se", "conv3d", "levels")},
        }
        self.transform: BlockTransform | None = None
        if has_transform:
            self.transform = BlockTransform(self.front.planes, self.core.widths.latent)
            encoder = WithTransform(self.core.encoder, self.transform, forwards=True)
            generator = WithTransform(self.core.generator, self.transform, forwards=False)
            # Their places in the composite are typed by the networks that published codecs have.
            self.core.encoder, self.core.generator = encoder, generator  # type: ignore[assignment]

    def start(self, images: Sequence[Tensor], bpp: float) -> None:
        """Start from the block transform: networks at zero, the entropy model at its variances.

        Parameters
        ----------
        images : planes (K, H, W) of the training scenes
        bpp : the rate to start from, bits per pixel
        """
        if self.transform is None:
            return
        variances = self.transform.fit_to_rate(list(images), self.front.scale, bpp)
        for part in (self.core.encoder, self.core.generator):
            _zero_last_layer(part.network)  # type: ignore[arg-type]
        _start_hyperprior(self.core.hyperprior, variances)

    @contextmanager
    def crops_of(self, side_px: int) -> Iterator[None]:
        """Take tiles of another side while the block runs: training crops are smaller."""
        self.core.tile_px, before = side_px, self.core.tile_px
        try:
            yield
        finally:
            self.core.tile_px = before

    @torch.no_grad()
    def analyse(self, planes: Tensor, level: float = 0.0) -> Symbols:
        """Return the integers of a tile's planes (1, K, h, w), h and w up to T.

        Edges are filled up with copies of the last row and column. What lies outside the tile
        altogether is left out: its symbols, which a decoder takes as 0, are not returned.
        """
        height, width = planes.shape[2:]
        side = self.tile_px
        padded = F.pad(planes, (0, side - width, 0, side - height), mode="replicate")
        hyper = self.core.hyperprior
        y = self.core.encode(padded, level)
        z = _inside(hyper.analysis(y).round(), z_size(height, width))
        whole_z = _whole(z, self.core.symbol_shapes()[0])
        mean = hyper.synthesise(whole_z, torch.zeros_like(y))
        size = y_size(height, width)
        symbols = _inside((y - mean).round(), size)
        return Symbols(z.int(), symbols.int(), self.indexes(z, height, width))

    @torch.no_grad()
    def indexes(self, z: Tensor, height: int, width: int) -> Tensor:
        """Return the index into the scale table of every y symbol of a tile of h x w pixels."""
        whole = _whole(z, self.core.symbol_shapes()[0])
        return _inside(self.core.indexes(whole), y_size(height, width))

    @torch.no_grad()
    def synthesise(self, z: Tensor, y: Tensor, size: tuple[int, int], level: float = 0.0) -> Tensor:
        """Return the planes (1, K, h, w) of a tile of ``size`` from its integers."""
        z_shape, y_shape = self.core.symbol_shapes()
        planes = self.core.synthesise(_whole(z, z_shape), _whole(y, y_shape), level)
        return planes[:, :, : size[0], : size[1]]

    @torch.no_grad()
    def estimate_bits(self, symbols: Symbols) -> float:
        """Return the information content, in bits, of the integers of a tile."""
        log_scales = table_log_scales(symbols.indexes)
        bits = gaussian_bits(symbols.y.float(), log_scales).sum()
        return float(bits + self.core.hyperprior.prior.bits(symbols.z.float()).sum())


def y_size(height: int, width: int) -> tuple[int, int]:
    """Return rows and columns of latents that hold a tile of so many pixels."""
    return math.ceil(height / BLOCK_PX), math.ceil(width / BLOCK_PX)


def z_size(height: int, width: int) -> tuple[int, int]:
    """Return rows and columns of side information that hold a tile of so many pixels."""
    rows, columns = y_size(height, width)
    return math.ceil(rows / 4), math.ceil(columns / 4)


def build_scene_model(arguments: Mapping[str, Any]) -> SceneModel:
    """Return a model of constructor arguments as a model file holds them."""
    return SceneModel(**dict(arguments))


@torch.no_grad()
def _start_hyperprior(hyperprior: Hyperprior, variances: Tensor) -> None:
    """Start an entropy model at latents of these variances (L,), each channel heard alike.

    Latents of low frequencies are hundreds of times as large as the rest: unscaled, they alone
    would decide what z says. z starts large enough that not all of it rounds to 0.
    """
    hyperprior.prior = FactorisedPrior(len(hyperprior.prior.matrices[0]), _STARTING_SPREAD)
    layers = [part for part in hyperprior.analysis.layers if isinstance(part, nn.Conv2d)]
    layers[0].weight.div_((variances + _FAINT_VARIANCE).sqrt()[None, :, None, None])
    layers[-1].weight.mul_(_STARTING_SIDE)
    for network in (hyperprior.mean_synthesis, hyperprior.scale_synthesis):
        network.layers[-1].weight.mul_(_STARTING_WEIGHTS)  # type: ignore[operator]
    bias: Tensor = hyperprior.scale_synthesis.layers[-1].bias  # type: ignore[assignment]
    bias.copy_(0.5 * variances.clamp(min=_LEAST_VARIANCE).log())


def _inside(x: Tensor, size: tuple[int, int]) -> Tensor:
    return x[:, :, : size[0], : size[1]]


def _whole(x: Tensor, shape: tuple[int, int, int]) -> Tensor:
    return F.pad(x, (0, shape[2] - x.shape[3], 0, shape[1] - x.shape[2]))


def _zero_last_layer(network: nn.Module) -> None:
    kinds = nn.Conv2d | nn.ConvTranspose2d | nn.Conv3d | nn.ConvTranspose3d
    last = [part for part in network.modules() if isinstance(part, kinds)][-1]
    nn.init.zeros_(last.weight)
    if last.bias is not None:
        nn.init.zeros_(last.bias)
