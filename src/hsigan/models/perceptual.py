"""How different two tiles look: LPIPS, and a spectral-spatial distance that needs no weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

from hsigan.errors import InputError

LPIPS_LEAST_PX = 31
"""Smaller tiles do not reach AlexNet's third convolution."""


class LPIPS(nn.Module):
    """Learned perceptual image patch similarity with AlexNet, on triplets of bands.

    Zhang, Isola, Efros, Shechtman and Wang (CVPR 2018), version 0.1: the outputs of AlexNet's five
    convolutions, each pixel's features scaled to length 1; squared differences, weighed by one
    number per feature, averaged over space and summed over layers. AlexNet sees three bands in the
    place of red, green and blue.

    Parameters
    ----------
    weights
        A state dict, or two merged into one: AlexNet's ``features.0.weight`` ... ``.bias`` (the
        convolutions 0, 3, 6, 8 and 10, as torchvision names them) and the heads
        ``lin0.model.1.weight`` ... ``lin4.model.1.weight`` (as the authors name them). Others are
        ignored.
    triplets
        Triplets per call, which bound the cost.

    Raises
    ------
    InputError
        A weight is missing or has another shape.
    """

    sizes = ((3, 64, 11), (64, 192, 5), (192, 384, 3), (384, 256, 3), (256, 256, 3))
    names = (0, 3, 6, 8, 10)
    mean: Tensor
    deviation: Tensor

    def __init__(self, weights: Mapping[str, Tensor], triplets: int = 4) -> None:
        super().__init__()
        self.triplets = triplets
        self.convolutions = nn.ModuleList(
            nn.Conv2d(inputs, outputs, kernel, 4 if kernel == 11 else 1, min(2, kernel // 2))
            for inputs, outputs, kernel in self.sizes
        )
        self.heads = nn.ParameterList(
            nn.Parameter(torch.zeros(1, outputs, 1, 1)) for _, outputs, _ in self.sizes
        )
        # What images in [-1, 1] are standardised by, so that it equals ImageNet's in [0, 1].
        self.register_buffer("mean", torch.tensor([-0.030, -0.088, -0.188]).view(3, 1, 1))
        self.register_buffer("deviation", torch.tensor([0.458, 0.448, 0.450]).view(3, 1, 1))
        self._read(weights)
        self.requires_grad_(False)

    def _read(self, weights: Mapping[str, Tensor]) -> None:
        mine = self.state_dict()
        for index, name in enumerate(self.names):
            sources = {
                f"convolutions.{index}.weight": f"features.{name}.weight",
                f"convolutions.{index}.bias": f"features.{name}.bias",
                f"heads.{index}": f"lin{index}.model.1.weight",
            }
            for key, source in sources.items():
                found = weights.get(source)
                if found is None or found.shape != mine[key].shape:
                    shape = None if found is None else tuple(found.shape)
                    raise InputError(
                        f"LPIPS needs the weight {source} {tuple(mine[key].shape)}, found {shape}: "
                        "give the weights of AlexNet and of LPIPS 0.1 (alex)"
                    )
                mine[key].copy_(found)

    def forward(
        self, original: Tensor, decoded: Tensor, random: torch.Generator | None = None
    ) -> Tensor:
        """Return the distance (N,), the mean over triplets of bands.

        Parameters
        ----------
        original, decoded
            (N, B, T, T), the data's range scaled to [0, 1]; T at least 31.
        random
            Draws the triplets; None: triplets spread evenly, the same at every call.
        """
        if original.shape[-1] < LPIPS_LEAST_PX or original.shape[-2] < LPIPS_LEAST_PX:
            raise InputError(
                f"LPIPS needs tiles of {LPIPS_LEAST_PX} pixels or more. "
                f"Got {tuple(original.shape[-2:])} instead."
            )
        triplets = band_triplets(original.shape[1], self.triplets, random).to(original.device)
        pairs = torch.cat([original, decoded])[:, triplets.flatten()]
        images = pairs.unflatten(1, triplets.shape).flatten(0, 1)  # type: ignore[no-untyped-call]
        x = (images * 2 - 1 - self.mean) / self.deviation
        distance = torch.zeros((), device=x.device)
        for index, (convolution, head) in enumerate(
            zip(self.convolutions, self.heads, strict=True)
        ):
            x = F.relu(convolution(x if index not in (1, 2) else F.max_pool2d(x, 3, 2)))
            first, second = (x / (x.norm(dim=1, keepdim=True) + 1e-10)).chunk(2)
            weighed = ((first - second).square() * head).sum(dim=1)
            distance = distance + weighed.mean(dim=(1, 2))  # (N * triplets,)
        return distance.view(-1, len(triplets)).mean(dim=1)


def band_triplets(bands: int, count: int, random: torch.Generator | None = None) -> Tensor:
    """Return (count, 3) bands, ascending: one from each third of the spectrum.

    Drawn at random, or spread evenly without a generator. Fewer than three bands are repeated.
    """
    if random is None:
        share = (torch.arange(count) + 0.5)[:, None].repeat(1, 3) / count
    else:
        share = torch.rand(count, 3, generator=random, device=random.device).cpu()
    places = (torch.arange(3) + share) / 3 * bands
    return places.floor().long().clamp(max=bands - 1)


class SpectralSpatialDistance(nn.Module):
    """A perceptual distance of tiles by their edges, textures and spectral slopes; no weights.

    It takes the place of LPIPS where that has no weights. Of at most 16 bands b, spread over the
    spectrum, it takes the values x_b and the spectral slopes x_(b+1) - x_b, and of each at three
    scales (as it is, and halved once and twice by averages of 2 x 2 pixels)

    - the differences along rows and along columns, and the Laplacian (4 neighbours);
    - f: how far they are from the original's, pixel by pixel: mean of ``|f - f'|``;
    - e: how far their local strengths are, wherever the edges lie: ``|f|`` averaged over 4 x 4
      pixels, mean of ``|e - e'|``.

    Each mean is divided by that of ``|f|`` of the original tile, so that equal tiles have distance
    0 and a flat one about 1, whatever the units. The result is the mean of all terms.

    Parameters
    ----------
    places
        Bands per call, which bound the cost.
    scales
        Number of scales.
    """

    window_px = 4
    faint = 1e-3
    """Added to the original's mean strength, in units of the data's range: noise is no edge."""

    def __init__(self, places: int = 16, scales: int = 3) -> None:
        super().__init__()
        self.places = places
        self.scales = scales

    def forward(
        self, original: Tensor, decoded: Tensor, random: torch.Generator | None = None
    ) -> Tensor:
        """Return the distance (N,).

        Parameters
        ----------
        original, decoded
            (N, B, T, T), the data's range scaled to [0, 1]; bands, not components: neighbours are
            compared.
        random
            Draws the bands; None: spread evenly, the same at every call.
        """
        chosen = self._bands(original.shape[1], random).to(original.device)
        first, second = _with_slopes(original, chosen), _with_slopes(decoded, chosen)
        terms: list[Tensor] = []
        for _ in range(self.scales):
            for mine, yours in zip(_edges(first), _edges(second), strict=True):
                terms.append(self._compare(mine, yours))
            if min(first.shape[-2:]) < 8:
                break
            first, second = F.avg_pool2d(first, 2), F.avg_pool2d(second, 2)
        return torch.stack(terms).mean(dim=0)

    def _bands(self, bands: int, random: torch.Generator | None) -> Tensor:
        """Return the bands to look at: one of each of equal parts of the spectrum."""
        places = min(self.places, max(1, bands - 1))
        share = torch.full((places,), 0.5)
        if random is not None:
            share = torch.rand(places, generator=random, device=random.device).cpu()
        chosen = (torch.arange(places) + share) / places * max(1, bands - 1)
        return chosen.floor().long().clamp(max=max(0, bands - 2))

    def _compare(self, mine: Tensor, yours: Tensor) -> Tensor:
        """Return (N,): both terms of one kind of edges, relative to the original's strength."""
        strength = mine.abs().mean(dim=(2, 3)).detach() + self.faint  # (N, channels)
        aligned = (mine - yours).abs().mean(dim=(2, 3))
        side = min(self.window_px, *mine.shape[2:])
        local = F.avg_pool2d(mine.abs(), side) - F.avg_pool2d(yours.abs(), side)
        terms: Tensor = (aligned + local.abs().mean(dim=(2, 3))) / (2 * strength)
        return terms.mean(dim=1)


def _with_slopes(tiles: Tensor, chosen: Tensor) -> Tensor:
    """Return the chosen bands and their differences to the next band, (N, 2 * places, T, T)."""
    bands = tiles[:, chosen]
    if tiles.shape[1] == 1:
        return bands
    return torch.cat([bands, tiles[:, chosen + 1] - bands], dim=1)


def _edges(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the differences along rows and columns, and the Laplacian where it fits whole."""
    centre = x[:, :, 1:-1, 1:-1]
    around = x[:, :, :-2, 1:-1] + x[:, :, 2:, 1:-1] + x[:, :, 1:-1, :-2] + x[:, :, 1:-1, 2:]
    return x[:, :, :, 1:] - x[:, :, :, :-1], x[:, :, 1:] - x[:, :, :-1], around / 4 - centre
