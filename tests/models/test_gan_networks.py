"""Contracts that every generator and critic keeps, and the closed-form gradients."""

import pytest
import torch

from hsigan.models.blocks import LeakyMLP
from hsigan.models.discriminators import HyperCritic, ProjectionCritic
from hsigan.models.generators import HyperGenerator, KernelGenerator

SIZES = [(7, 2), (1, 3), (33, 5)]


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def hyper_generator(bands: int, classes: int) -> HyperGenerator:
    torch.manual_seed(1)
    return HyperGenerator(bands, classes, noise=3, width=11)


def kernel_generator(features: int, classes: int) -> KernelGenerator:
    torch.manual_seed(1)
    network = KernelGenerator(features, classes, centres=2 * classes, noise=3, width=11)
    network.means.copy_(torch.randn(classes, features))
    network.roots.copy_(torch.eye(features).expand(classes, -1, -1))
    network.bandwidths.fill_(0.5)
    network.centres.copy_(torch.randn(2 * classes, features))
    network.counts.fill_(2)
    network.offsets.copy_(2 * torch.arange(classes))
    torch.nn.init.normal_(network.residual.linears[-1].weight)
    return network


GENERATORS = {"hyper": hyper_generator, "kernel": kernel_generator}
ZOO = [(name, *size) for name in GENERATORS for size in SIZES] + [("hyper", 9, 0)]


def weights_of(codes: torch.Tensor, classes: int) -> torch.Tensor:
    return torch.eye(classes)[codes] if classes else torch.zeros(len(codes), 0)


@pytest.mark.parametrize(("name", "bands", "classes"), ZOO)
def test_generators_depend_on_every_parameter_latent_and_class(name, bands, classes):
    network = GENERATORS[name](bands, classes)
    codes = torch.arange(16) % max(1, classes)
    latents = network.draw_latents(codes, draws()).requires_grad_()
    weights = weights_of(codes, classes).requires_grad_()
    output = network(latents, weights)
    assert output.shape == (16, bands)
    output.square().sum().backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.abs().sum() > 0, key
    assert (latents.grad.abs().sum(dim=0) > 0).all()
    assert not classes or (weights.grad.abs().sum(dim=0) > 0).all()


@pytest.mark.parametrize(("name", "bands", "classes"), ZOO)
def test_generators_repeat_themselves_and_treat_rows_alone(name, bands, classes):
    network = GENERATORS[name](bands, classes)
    codes = torch.arange(6) % max(1, classes)
    latents = network.draw_latents(codes, draws(4))
    assert torch.equal(latents, network.draw_latents(codes, draws(4)))
    assert not torch.equal(latents, network.draw_latents(codes, draws(5)))
    weights = weights_of(codes, classes)
    whole = network(latents, weights)
    alone = torch.cat([network(latents[i : i + 1], weights[i : i + 1]) for i in range(6)])
    torch.testing.assert_close(alone, whole)
    assert network.draw_latents(codes[:0], draws()).shape == (0, latents.shape[1])


@pytest.mark.parametrize(("name", "bands", "classes"), ZOO)
def test_generators_rebuild_from_their_arguments_and_state(name, bands, classes):
    network = GENERATORS[name](bands, classes)
    again = type(network)(**network.arguments)
    again.load_state_dict(network.state_dict())
    codes = torch.arange(5) % max(1, classes)
    weights = weights_of(codes, classes)
    latents = network.draw_latents(codes, draws())
    assert torch.equal(again.draw_latents(codes, draws()), latents)
    assert torch.equal(again(latents, weights), network(latents, weights))


def test_hyper_generator_stays_within_the_scaled_range():
    network = hyper_generator(12, 2)
    codes = torch.zeros(500, dtype=torch.int64)
    spectra = network(1e3 * network.draw_latents(codes, draws()), weights_of(codes, 2))
    assert spectra.min() >= 0
    assert spectra.max() <= 1


def test_kernel_generator_picks_anchors_of_its_own_class_alone_and_all_of_them():
    network = kernel_generator(1, 3)
    network.centres.copy_(torch.arange(6.0)[:, None])
    network.bandwidths.zero_()
    for code in range(3):
        codes = torch.full((200,), code)
        picked = network.draw_latents(codes, draws())[:, 0]
        assert set(picked.tolist()) == {2.0 * code, 2.0 * code + 1}


@pytest.mark.parametrize("repeats", [1, 7])
def test_kernel_latents_drawn_together_are_balanced(repeats):
    centres = torch.randn(30, 4, generator=draws())
    network = KernelGenerator(4, 1, centres=30)
    network.centres.copy_(centres)
    network.counts.fill_(30)
    network.bandwidths.fill_(0.01)
    latents = network.draw_latents(torch.zeros(30 * repeats, dtype=torch.int64), draws(1))
    nearest = torch.cdist(latents[:, :4], centres).argmin(dim=1)
    drawn = torch.bincount(nearest, minlength=30)
    assert drawn.min() >= repeats - 1
    assert drawn.max() <= repeats + 1
    even = latents[: 30 * repeats // 2 * 2]
    noise = even[:, :4] - centres[nearest[: len(even)]]
    assert noise.mean(dim=0).abs().max() < 1e-6
    assert even[:, 4:].mean(dim=0).abs().max() < 1e-6


def test_kernel_generator_is_its_density_until_it_is_trained():
    network = KernelGenerator(4, 2, centres=3)
    latents = torch.randn(5, 4 + network.noise, generator=draws())
    network.roots.copy_(torch.randn(2, 4, 4, generator=draws(1)))
    weights = torch.full((5, 2), 0.5)
    assert torch.equal(network(latents, weights), network.base(latents, weights))
    mixed = torch.einsum("ij,nj->ni", network.roots.mean(dim=0), latents[:, :4])
    torch.testing.assert_close(network.base(latents, weights), mixed)


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.2])
@pytest.mark.parametrize("bands", [1, 7, 40])
@pytest.mark.parametrize("count", [1, 9])
def test_hyper_critic_input_gradient_is_autograds(slope, bands, count):
    torch.manual_seed(2)
    critic = HyperCritic(bands, width=13, slope=slope).double()
    x = torch.randn(count, bands, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(critic(x).sum(), x)
    torch.testing.assert_close(critic.input_gradient(x), expected)


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize(("features", "classes"), SIZES)
def test_projection_critic_scores_and_gradients_are_autograds(features, classes, conditional):
    torch.manual_seed(3)
    critic = ProjectionCritic(features, classes, width=13).double()
    torch.nn.init.normal_(critic.embedding)
    torch.nn.init.normal_(critic.bias)
    x = torch.randn(8, features, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(8, classes, dtype=torch.float64) if conditional else None
    score, gradient = critic.score_and_gradient(x, weights)
    torch.testing.assert_close(score, critic(x, weights))
    (expected,) = torch.autograd.grad(critic(x, weights).sum(), x)
    torch.testing.assert_close(gradient, expected)


def test_projection_critic_ramps_from_blind_to_conditional():
    torch.manual_seed(4)
    critic = ProjectionCritic(5, 3, width=8)
    torch.nn.init.normal_(critic.embedding)
    torch.nn.init.normal_(critic.bias)
    x, weights = torch.randn(6, 5), torch.eye(3)[torch.arange(6) % 3]
    blind, full = critic(x), critic(x, weights)
    torch.testing.assert_close(critic(x, 0 * weights), blind)
    torch.testing.assert_close(critic(x, 0.25 * weights), blind + 0.25 * (full - blind))
    assert not torch.allclose(blind, full)


@pytest.mark.parametrize("build", [lambda: HyperCritic(6, 9), lambda: ProjectionCritic(6, 2, 9)])
def test_critics_rebuild_from_their_arguments_and_every_parameter_counts(build):
    torch.manual_seed(5)
    critic = build()
    again = type(critic)(**critic.arguments)
    again.load_state_dict(critic.state_dict())
    x = torch.randn(10, 6)
    given = (torch.eye(2)[torch.arange(10) % 2],) if isinstance(critic, ProjectionCritic) else ()
    scores = critic(x, *given)
    assert torch.equal(again(x, *given), scores)
    scores.square().sum().backward()
    for key, parameter in critic.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.abs().sum() > 0, key


def test_masked_and_plain_hidden_features_agree():
    torch.manual_seed(6)
    network = LeakyMLP((5, 7, 7, 1), slope=0.3)
    x = torch.randn(20, 5)
    hidden, masks = network.hidden_with_masks(x)
    torch.testing.assert_close(hidden, network.hidden(x))
    torch.testing.assert_close(network(x), network.linears[-1](hidden))
    assert all(set(mask.unique().tolist()) <= {1.0, torch.tensor(0.3).item()} for mask in masks)
