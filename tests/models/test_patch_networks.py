"""Laws of the patch networks: what is convolved, what a class does, what attention weighs."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from hsigan.models.patch_blocks import (
    ClassNormalisation,
    PatchConvolution,
    SpectralAttention,
    SpectralUpsampling,
)
from hsigan.models.patch_critics import PatchCritic
from hsigan.models.patch_generators import PatchGenerator


def normal(*shape: int, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=random, dtype=torch.float64)


def stirred(network: torch.nn.Module) -> torch.nn.Module:
    """Move every parameter a little, in double precision: what starts at zero tests nothing."""
    network.double()
    with torch.no_grad():
        for index, parameter in enumerate(network.parameters()):
            parameter.add_(0.1 * normal(*parameter.shape, seed=index))
    return network


@pytest.mark.parametrize("px", [3, 4, 9])
@pytest.mark.parametrize("bands", [1, 2, 17])
@pytest.mark.parametrize(
    ("kernel", "stride"),
    [((7, 1), (4, 1)), ((3, 1), (1, 1)), ((1, 3), (1, 1)), ((1, 3), (1, 2)), ((5, 3), (4, 2))],
)
def test_factors_are_three_dimensional_convolutions(kernel, stride, bands, px):
    layer = stirred(PatchConvolution(2, 3, kernel, stride))
    x = normal(2, 2, bands, px, px)
    along, across = kernel
    padding = (along // 2, across // 2, across // 2)
    strides = (stride[0], stride[1], stride[1])
    expected = F.conv3d(x, layer.weight, layer.bias, strides, padding)
    torch.testing.assert_close(layer(x), expected)
    assert expected.shape[2:4] == (math.ceil(bands / stride[0]), math.ceil(px / stride[1]))


@pytest.mark.parametrize("kernel", [(7, 1), (7, 3)])
@pytest.mark.parametrize("bands", [1, 4, 17, 18, 19, 20])
def test_upsampling_is_the_transpose_of_the_strided_convolution(kernel, bands):
    up = stirred(SpectralUpsampling(3, 2, kernel))
    down = PatchConvolution(2, 3, kernel, (4, 1)).double()
    torch.nn.init.zeros_(up.bias)
    down.load_state_dict({"weight": up.weight, "bias": torch.zeros(3)})
    x, y = normal(2, 2, bands, 4, 4), normal(2, 3, math.ceil(bands / 4), 4, 4, seed=1)
    torch.testing.assert_close((down(x) * y).sum(), (x * up(y, bands)).sum())


@pytest.mark.parametrize("convolution", ["factorised", "3d"])
def test_the_first_layer_of_the_critic_follows_a_shift_along_the_spectrum(convolution):
    first = stirred(PatchCritic(64, 5, width=4, convolution=convolution)).layers[0]
    x = F.pad(normal(1, 1, 24, 5, 5), (0, 0, 0, 0, 8, 32))
    moved = first(torch.roll(x, 4, dims=2))
    torch.testing.assert_close(moved[:, :, 1:], first(x)[:, :, :-1])
    assert not torch.allclose(moved, first(x))


@pytest.mark.parametrize("convolution", ["factorised", "3d"])
def test_bands_in_another_order_are_another_patch(convolution):
    critic = stirred(PatchCritic(32, 5, width=4, convolution=convolution))
    x = normal(2, 1, 32, 5, 5)
    assert not torch.allclose(critic(x), critic(x.flip(2)))


@pytest.mark.parametrize("convolution", ["factorised", "3d"])
def test_texture_moves_its_own_neighbourhood_alone(convolution):
    generator = stirred(PatchGenerator(20, 16, noise=3, width=4, convolution=convolution))
    random = torch.Generator().manual_seed(0)
    latents = generator.draw_latents(torch.zeros(1, dtype=torch.long), random).double()
    other = latents.clone()
    pixel = 16 * 8 + 8
    other[:, 3 + pixel * generator.texture : 3 + (pixel + 1) * generator.texture] += 1
    none = torch.zeros(1, 0, dtype=torch.float64)
    change = (generator(latents, none) - generator(other, none)).abs().sum(dim=(0, 1, 2))
    assert change[8, 8] > 0
    assert (change[8 - 3 : 8 + 4, 8 - 3 : 8 + 4].sum() / change.sum()).item() == 1


def test_class_weights_between_two_classes_normalise_between_theirs():
    norm = stirred(ClassNormalisation(3, 2))
    x = normal(2, 3, 4, 5, 5)
    ends = [norm(x, torch.eye(2, dtype=torch.float64)[[code, code]]) for code in (0, 1)]
    mixed = norm(x, torch.tensor([[0.25, 0.75]], dtype=torch.float64).expand(2, 2))
    torch.testing.assert_close(mixed, 0.25 * ends[0] + 0.75 * ends[1])
    assert not torch.allclose(*ends)


def test_normalisation_forgets_how_large_a_voxel_is():
    norm = ClassNormalisation(3, 0).double()
    x = normal(2, 3, 4, 5, 5)
    none = torch.zeros(2, 0, dtype=torch.float64)
    torch.testing.assert_close(norm(x, none), norm(50 * x, none), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        norm(x, none).square().mean(dim=1), torch.ones_like(x[:, 0]), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize("convolution", ["factorised", "3d"])
@pytest.mark.parametrize("classes", [0, 2])
def test_critic_gradients_are_right_and_train_every_parameter(convolution, attention, classes):
    critic = stirred(PatchCritic(17, 4, classes, 4, convolution, attention))
    x = normal(3, 1, 17, 4, 4)
    weights = torch.eye(2, dtype=torch.float64)[[0, 1, 1]] if classes else None
    score, gradient = critic.score_and_gradient(x, weights)
    torch.testing.assert_close(score, critic(x, weights))
    direction, step = normal(3, 1, 17, 4, 4, seed=7), 1e-6
    slope = (critic(x + step * direction, weights) - critic(x - step * direction, weights)) / (
        2 * step
    )
    torch.testing.assert_close(
        (gradient * direction).flatten(1).sum(dim=1), slope, rtol=1e-4, atol=1e-6
    )
    gradient.square().sum().backward()
    biases = {"class_bias", "score.bias"}  # they move scores, never their gradients
    for name, parameter in critic.named_parameters():
        blind = name in biases or (name.endswith("bias") and "attention" not in name)
        assert blind or parameter.grad.abs().sum() > 0, name


def test_critic_ramps_from_blind_to_conditional():
    critic = stirred(PatchCritic(16, 3, 3, width=4))
    x, weights = normal(6, 1, 16, 3, 3), torch.eye(3, dtype=torch.float64)[torch.arange(6) % 3]
    blind, full = critic(x), critic(x, weights)
    torch.testing.assert_close(critic(x, 0 * weights), blind)
    torch.testing.assert_close(critic(x, 0.25 * weights), blind + 0.25 * (full - blind))
    assert not torch.allclose(blind, full)


@pytest.mark.parametrize("bands", [1, 5, 16, 17, 204])
def test_attention_weighs_bands_between_shut_and_open(bands):
    attention = stirred(SpectralAttention(bands))
    x = 3 * normal(4, 2, bands, 3, 3)
    weights = attention.band_weights(x)
    assert weights.shape == (4, bands)
    assert weights.min() > 0
    assert weights.max() < 1
    assert not torch.allclose(weights[0], weights[1])
    assert bands == 1 or weights.std(dim=1).min() > 0
    torch.testing.assert_close(attention(x) / x, weights[:, None, :, None, None].expand_as(x))


@pytest.mark.parametrize("bands", [16, 17, 103])
def test_band_weights_are_those_that_the_networks_apply(bands):
    critic = stirred(PatchCritic(bands, 3, 2, width=4, attention=True))
    plain = PatchCritic(bands, 3, 2, width=4).double()
    plain.load_state_dict(
        {name: value for name, value in critic.state_dict().items() if "attention" not in name}
    )
    x = normal(2, 1, bands, 3, 3)
    read = critic.band_weights(x)
    torch.testing.assert_close(critic(x), plain(x * read[:, None, :, None, None]))

    generator = stirred(PatchGenerator(bands, 3, 2, noise=3, width=4, attention=True))
    weights = torch.eye(2, dtype=torch.float64)
    read = generator.band_weights(normal(2, 3 + 4 * 9), weights)
    assert read.shape == (2, bands)
    assert read.min() > 0
    assert read.max() < 1
    assert all(len(row.unique()) == math.ceil(bands / 4) for row in read)


def test_networks_without_attention_have_no_band_weights():
    with pytest.raises(ValueError, match="attention=False"):
        PatchCritic(16, 3, width=2).band_weights(torch.zeros(1, 1, 16, 3, 3))
    with pytest.raises(ValueError, match="attention=False"):
        PatchGenerator(16, 3, width=2).band_weights(torch.zeros(1, 100), torch.zeros(1, 0))
