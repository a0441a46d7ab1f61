"""HiFiC to the layer, and the laws of its blocks and variants."""

import itertools
from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from hsigan.models.compression_blocks import (
    BandsToChannels,
    ChannelNorm,
    ChannelsToBands,
    ChannelVolume,
    SqueezeExcitation,
    squeeze_excitation_l1,
)
from hsigan.models.compression_model import CompressionModel
from hsigan.models.hific import WIDTHS, Discriminator, Encoder, Generator
from hsigan.models.hyperprior import HyperAnalysis, HyperSynthesis

PAPER = WIDTHS["paper"]
KINDS = (nn.Conv2d, nn.ConvTranspose2d, nn.Conv3d, nn.ConvTranspose3d)
Row = tuple[int, int, int, int]


def normal(*shape: int, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=random, dtype=torch.float64)


def layers_seen(network: nn.Module, *inputs: Tensor) -> list[Row]:
    """Run without memory; list the convolutions as (kernel, stride, channels, rows of output)."""
    seen: list[Row] = []

    def note(layer: Any, _: object, output: Tensor) -> None:
        seen.append((layer.kernel_size[0], layer.stride[0], output.shape[1], output.shape[2]))

    for layer in network.modules():
        if isinstance(layer, KINDS):
            layer.register_forward_hook(note)
    network(*inputs)
    return seen


def on_meta(kind: type[nn.Module], *arguments: Any) -> nn.Module:
    with torch.device("meta"):
        return kind(*arguments).eval()


def tile(channels: int, side: int) -> Tensor:
    return torch.zeros(1, channels, side, side, device="meta")


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def convolution(kernel: int, inputs: int, outputs: int) -> int:
    return kernel**2 * inputs * outputs + outputs


def test_the_encoder_is_that_of_the_paper() -> None:
    encoder = on_meta(Encoder, 369, PAPER)
    assert layers_seen(encoder, tile(369, 96)) == [
        (7, 1, 60, 96),
        (3, 2, 120, 48),
        (3, 2, 240, 24),
        (3, 2, 480, 12),
        (3, 2, 960, 6),
        (3, 1, 220, 6),
    ]
    widths = (60, 120, 240, 480, 960)
    expected = convolution(7, 369, 60) + convolution(3, 960, 220) + 2 * sum(widths)
    expected += sum(convolution(3, *pair) for pair in itertools.pairwise(widths))
    assert count(encoder) == expected


def test_the_generator_is_that_of_the_paper() -> None:
    generator = on_meta(Generator, 369, PAPER)
    assert layers_seen(generator, tile(220, 6)) == [
        *[(3, 1, 960, 6)] * 19,
        (3, 2, 480, 12),
        (3, 2, 240, 24),
        (3, 2, 120, 48),
        (3, 2, 60, 96),
        (7, 1, 369, 96),
    ]
    kinds = Counter(type(part).__name__ for part in generator.modules())
    assert kinds["ResidualBlock"] == 9
    assert kinds["ChannelNorm"] == 2 + 18 + 4
    widths = (960, 480, 240, 120, 60)
    expected = convolution(3, 220, 960) + 18 * convolution(3, 960, 960) + convolution(7, 60, 369)
    expected += sum(convolution(3, *pair) for pair in itertools.pairwise(widths))
    norms = 220 + 960 + 18 * 960 + sum(widths[1:])
    assert count(generator) == expected + 2 * norms


def test_the_hyperprior_is_that_of_the_paper() -> None:
    analysis, synthesis = on_meta(HyperAnalysis, 220, 320), on_meta(HyperSynthesis, 220, 320)
    assert layers_seen(analysis, tile(220, 16)) == [(3, 1, 320, 16), (5, 2, 320, 8), (5, 2, 320, 4)]
    assert layers_seen(synthesis, tile(320, 4), (16, 16)) == [
        (5, 2, 320, 8),
        (5, 2, 320, 16),
        (3, 1, 220, 16),
    ]
    fives = 2 * convolution(5, 320, 320)
    assert count(analysis) == convolution(3, 220, 320) + fives
    assert count(synthesis) == fives + convolution(3, 320, 220)


def test_the_discriminator_is_that_of_the_paper() -> None:
    discriminator = Discriminator(3, 8)
    seen = layers_seen(discriminator, torch.zeros(1, 3, 96, 96), torch.zeros(1, 8, 6, 6))
    assert [row[:3] for row in seen] == [
        (3, 1, 12),
        (4, 2, 64),
        (4, 2, 128),
        (4, 2, 256),
        (4, 1, 512),
        (4, 1, 1),
    ]
    for layer in discriminator.modules():
        if isinstance(layer, nn.Conv2d):
            assert nn.utils.parametrize.is_parametrized(layer, "weight")


def test_three_bands_at_the_paper_width_are_hific_in_size() -> None:
    parts = [on_meta(Encoder, 3, PAPER), on_meta(Generator, 3, PAPER)]
    parts += [on_meta(HyperAnalysis, 220, 320), *[on_meta(HyperSynthesis, 220, 320)] * 2]
    assert [round(count(part) / 1e6, 1) for part in parts] == [7.4, 156.8, 5.8, 5.8, 5.8]


ATTENDED = {
    "none": (0, 0),
    "encoder-first": (1, 0),
    "encoder": (1 + 5, 0),
    "encoder-generator": (5, 2 + 2 * 3 + 4),
}


@pytest.mark.parametrize("se", ATTENDED)
def test_attention_stands_where_the_ablation_has_it(se: str) -> None:
    model = CompressionModel(7, 16, se=se)
    found = [
        [part for part in network.modules() if isinstance(part, SqueezeExcitation)]
        for network in (model.encoder, model.generator)
    ]
    assert tuple(map(len, found)) == ATTENDED[se]
    first = model.encoder.layers[0]
    assert isinstance(first, SqueezeExcitation) == (se in ("encoder-first", "encoder"))
    total = squeeze_excitation_l1(model)
    expected = sum(
        layer.weight.abs().sum() for part in itertools.chain(*found) for layer in part.children()
    )
    torch.testing.assert_close(total, torch.as_tensor(expected, dtype=total.dtype))


@pytest.mark.parametrize("conv3d", ["none", "first-last", "everywhere"])
def test_convolutions_are_3d_where_the_ablation_has_them(conv3d: str) -> None:
    model = CompressionModel(7, 16, conv3d=conv3d)
    kinds = Counter(
        type(part).__name__
        for network in (model.encoder, model.generator)
        for part in network.modules()
    )
    assert kinds["BandsToChannels"] == kinds["ChannelsToBands"] == int(conv3d != "none")
    inner = 4 + 1 + 1 + 2 * 3 + 4
    assert kinds["ChannelVolume"] == (inner if conv3d == "everywhere" else 0)
    expected = {"none": 2 + inner, "first-last": 2 + inner, "everywhere": 2}[conv3d]
    assert kinds["Conv2d"] + kinds["ConvTranspose2d"] == expected


def test_channel_norm_is_mean_and_unbiased_deviation_of_a_pixel() -> None:
    norm = ChannelNorm(5).double()
    with torch.no_grad():
        norm.scale.copy_(normal(5, 1, 1, seed=1))
        norm.shift.copy_(normal(5, 1, 1, seed=2))
    x = 3 + 2 * normal(2, 5, 4, 3)
    pixel = x[1, :, 2, 1]
    expected = (pixel - pixel.mean()) / (pixel.var(correction=1) + 1e-3).sqrt()
    expected = expected * norm.scale.flatten() + norm.shift.flatten()
    torch.testing.assert_close(norm(x)[1, :, 2, 1], expected)


def test_a_single_channel_is_normalised_without_harm() -> None:
    assert torch.isfinite(ChannelNorm(1)(torch.randn(1, 1, 2, 2))).all()


def test_squeeze_and_excitation_weighs_channels_by_the_whole_tile() -> None:
    block = SqueezeExcitation(6).double()
    assert block.squeeze.out_features == 3  # r = 2
    x = normal(2, 6, 4, 5)
    weights = block.weights(x)
    assert ((weights > 0) & (weights < 1)).all()
    torch.testing.assert_close(block(x), x * weights[:, :, None, None])
    shuffled = x.flatten(2)[:, :, torch.randperm(20)].view(x.shape)
    torch.testing.assert_close(block.weights(shuffled), weights)
    assert not torch.allclose(block.weights(x[:, :, :2]), weights)


@pytest.mark.parametrize("bands", [1, 4, 5, 18])
def test_the_first_layer_in_3d_is_a_convolution_along_bands_and_a_fold(bands: int) -> None:
    first = BandsToChannels(bands, 3).double()
    x = normal(2, bands, 6, 5)
    volume = first.volume
    maps = F.conv3d(x[:, None], volume.weight, volume.bias, (4, 1, 1), 3)
    weight = first.fold.weight.view(3, 8, -1)
    folded = torch.einsum("omp,nmphw->nohw", weight, maps) + first.fold.bias[:, None, None]
    torch.testing.assert_close(first(x), folded)


@pytest.mark.parametrize("bands", [1, 4, 5, 18])
def test_the_last_layer_in_3d_is_a_transposed_convolution_along_bands(bands: int) -> None:
    last = ChannelsToBands(3, bands).double()
    x = normal(2, 3, 6, 5)
    maps = last.unfold(x).view(2, 8, -1, 6, 5)
    # Place d and its neighbours make bands 4 d + p: tap 4 (1 - t) + p of a kernel of 12 bands.
    kernel = last.volume.weight.flip(2).permute(1, 2, 0, 3, 4).reshape(8, 1, 12, 7, 7).flip(3, 4)
    wide = F.conv_transpose3d(maps, kernel, None, (4, 1, 1), (4, 3, 3))[:, 0]
    bias = last.volume.bias.repeat(wide.shape[1] // 4)[:, None, None]
    torch.testing.assert_close(last(x), (wide + bias)[:, :bands])


@pytest.mark.parametrize(("stride", "up"), [(1, False), (2, False), (2, True)])
def test_channel_volumes_run_kernels_over_neighbouring_places(stride: int, up: bool) -> None:
    layer = ChannelVolume(10, 15, 5, stride, up).double()
    assert layer.layer.weight.shape[2:] == (3, 3, 3)
    x = normal(1, 10, 6, 6)
    reach = torch.zeros(15, dtype=torch.bool)
    moved = x.clone()
    moved[:, 5 + 1] += 1  # map 1, place 1
    change = (layer(moved) - layer(x)).abs().amax(dim=(0, 2, 3)) > 1e-12
    reach[[0, 1, 2, 5, 6, 7, 10, 11, 12]] = True  # places 0 to 2 of each of three maps
    assert torch.equal(change, reach)
    assert layer(x).shape[2] == (12 if up else 6 // stride)


def test_generators_without_blocks_add_what_enters_them() -> None:
    generator = Generator(2, WIDTHS["cpu"]).eval()
    latents = torch.randn(1, 55, 2, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        head = generator.head(latents)
        x = head
        for block in generator.body:
            x = x + block.layers(x)
        torch.testing.assert_close(generator(latents), generator.tail(x + head))
        assert F.mse_loss(x, head) > 0
