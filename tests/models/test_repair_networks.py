"""The networks that repair decoded components, and the evidence that they see."""

import pytest
import torch

from hsigan.models.component_repair import (
    ComponentRepair,
    describe_components,
    gather_evidence,
    local_regression,
    noise_bands,
    split_bands,
    window_mean,
)
from hsigan.models.repair_critic import RepairCritic


def planes(components=5, height=20, width=17, seed=0, scale=4.0):
    random = torch.Generator().manual_seed(seed)
    return scale * torch.randn(2, components, height, width, generator=random)


def ratios(components=5):
    return torch.linspace(2, -1, components).expand(2, -1)


@pytest.mark.parametrize("size", [(1, 1), (1, 8), (5, 7), (16, 16)])
@pytest.mark.parametrize("components", [1, 2, 5])
@pytest.mark.parametrize("has_noise", [False, True])
def test_an_untrained_network_changes_nothing(size, components, has_noise):
    network = ComponentRepair(width=4, layers=2, has_noise=has_noise)
    decoded = planes(components, *size)
    noise = noise_bands(planes(components, *size, seed=1, scale=1.0)) if has_noise else None
    repaired = network(decoded, ratios(components), noise)
    assert torch.allclose(repaired, decoded, rtol=0, atol=0.1 if has_noise else 0.0)


def test_window_means_are_of_what_lies_inside():
    x = planes(1, 6, 9)
    means = window_mean(x, 2)
    assert torch.allclose(means[0, 0, 0, 0], x[0, 0, :3, :3].mean())
    assert torch.allclose(means[0, 0, 3, 4], x[0, 0, 1:6, 2:7].mean(), atol=1e-6)
    assert torch.allclose(means[1, 0, 5, 8], x[1, 0, 3:, 6:].mean(), atol=1e-6)


def test_a_component_that_follows_its_guides_in_each_half_is_predicted_there():
    x = planes(4, 24, 40, scale=30.0)
    x[:, 3, :, :20] = 2 * x[:, 0, :, :20] - x[:, 2, :, :20]
    x[:, 3, :, 20:] = x[:, 1, :, 20:]
    predicted = local_regression(x[:, :3], x, 2)[:, 3]
    inside = torch.cat([predicted[:, :, :16], predicted[:, :, 24:]], dim=2)
    truth = torch.cat([x[:, 3, :, :16], x[:, 3, :, 24:]], dim=2)
    assert (inside - truth).square().mean() < 1e-4 * truth.square().mean()


def test_regression_solves_the_ridge_equations():
    x = planes(5, 5, 5)  # one window of radius 4 covers all pixels, from every pixel
    flat = x.flatten(2).double()
    centred = flat - flat.mean(dim=2, keepdim=True)
    covariance = centred @ centred.transpose(1, 2) / 25
    among = covariance[:, :3, :3] + 0.05 * torch.eye(3)
    slopes = torch.linalg.solve(among, covariance[:, :3])  # (2, 3, 5)
    expected = flat.mean(dim=2, keepdim=True) + slopes.transpose(1, 2) @ centred[:, :3]
    assert torch.allclose(local_regression(x[:, :3], x, 4).flatten(2), expected.float(), atol=1e-4)


def test_flat_guides_predict_nothing():
    x = torch.zeros(1, 4, 9, 9)
    x[0, 3, 4, 4] = 5.0
    assert local_regression(x[:, :3], x, 2)[0, 3, 4, 4] < 1.0


def test_the_sign_of_an_axis_means_nothing():
    x = planes()
    signs = torch.tensor([1.0, -1, -1, 1, -1])[:, None, None]
    evidence, turned = gather_evidence(x), gather_evidence(x * signs)
    assert torch.allclose(turned[:, :, :-1], evidence[:, :, :-1] * signs[:, None], atol=1e-5)
    assert torch.allclose(turned[:, :, -1], evidence[:, :, -1], atol=1e-5)


def test_a_constant_is_no_evidence():
    x = planes()
    offset = torch.tensor([100.0, 0, -40, 3, 0])[:, None, None]
    assert torch.allclose(gather_evidence(x + offset), gather_evidence(x), atol=1e-3)


def test_components_do_not_depend_on_how_many_are_repaired_together():
    network = ComponentRepair(width=4, layers=2)
    torch.nn.init.normal_(network.correction.weight, std=0.1)
    x = planes()
    evidence, facts = gather_evidence(x), describe_components(ratios())
    together = network.correct(evidence, facts)
    alone = network.correct(gather_evidence(x, slice(2, 3)), facts[:, 2:3])
    assert torch.allclose(together[:, 2:3], alone, atol=1e-5)


def test_noise_bands_have_variance_one_and_share_nothing():
    noise = torch.randn(1, 4, 512, 512, generator=torch.Generator().manual_seed(0))
    bands = noise_bands(noise)[0, :, :, 16:-16, 16:-16].flatten(2)
    products = bands @ bands.transpose(1, 2) / bands.shape[2]
    assert torch.allclose(products.mean(0), torch.eye(4), atol=0.25)
    # each band is of half the frequency of the one before: it changes less from pixel to pixel
    steps = noise_bands(noise)[0].diff(dim=3).square().mean(dim=(0, 2, 3))
    assert (steps[1:] < 0.5 * steps[:-1]).all()


def test_bands_make_up_the_planes_less_their_local_means():
    x = planes(2, 40, 40)
    assert torch.allclose(split_bands(x).sum(dim=2), x - window_mean(x, 15), atol=1e-5)


def test_every_parameter_learns():
    network = ComponentRepair(width=4, layers=3, has_noise=True)
    for layer in (network.correction, network.amplitudes):
        torch.nn.init.normal_(layer.weight, std=0.1)
    noise = noise_bands(planes(seed=1))
    network(planes(), ratios(), noise).square().sum().backward()
    critic = RepairCritic(components=3, width=4)
    critic(planes(), planes(seed=1), describe_components(ratios())).sum().backward()
    for module in (network, critic):
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name
