"""The penalties of both objectives against plainly written ones: values and gradients."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from hsigan.models.discriminators import HyperCritic, ProjectionCritic
from hsigan.training import hypergan, spectral


def named_gradients(loss: Tensor, module: torch.nn.Module) -> dict[str, Tensor]:
    names, parameters = zip(*module.named_parameters(), strict=True)
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    filled = (
        torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients, strict=True)
    )
    return dict(zip(names, filled, strict=True))


def gradient_at(scores: Tensor, x: Tensor) -> Tensor:
    return torch.autograd.grad(scores.sum(), x, create_graph=True)[0]


def test_hypergan_terms_are_those_of_a_plain_wgan_gp():
    torch.manual_seed(0)
    critic = HyperCritic(9, width=16).double()
    real, fake = torch.rand(12, 9).double(), torch.rand(12, 9).double()
    difference, penalty = hypergan.critic_terms(
        critic, real, fake, torch.Generator().manual_seed(7)
    )
    share = torch.rand(12, 1, generator=torch.Generator().manual_seed(7))
    between = (share * fake + (1 - share) * real).requires_grad_()
    gradient = gradient_at(critic(between), between)
    plain_penalty = ((gradient.norm(2, dim=1) - 1) ** 2).mean()
    plain_difference = critic(fake).mean() - critic(real).mean()
    torch.testing.assert_close(difference.double(), plain_difference, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(penalty.double(), plain_penalty, atol=1e-6, rtol=1e-5)
    ours = named_gradients(difference + 10 * penalty, critic)
    plain = named_gradients(plain_difference + 10 * plain_penalty, critic)
    assert ours.keys() == plain.keys()
    for name in ours:
        torch.testing.assert_close(ours[name], plain[name], atol=1e-5, rtol=1e-5, msg=name)


@pytest.mark.parametrize("conditional", [False, True])
def test_spectral_terms_are_relativistic_pairs_with_r1_and_r2(conditional):
    torch.manual_seed(1)
    critic = ProjectionCritic(6, 3, width=16).double()
    torch.nn.init.normal_(critic.embedding)
    torch.nn.init.normal_(critic.bias)
    real = torch.randn(12, 6).double().requires_grad_()
    fake = torch.randn(12, 6).double().requires_grad_()
    weights = torch.eye(3).double()[torch.arange(12) % 3] if conditional else None
    loss, penalty = spectral.critic_terms(critic, real.detach(), fake.detach(), weights)
    on_real, on_fake = critic(real, weights), critic(fake, weights)
    plain_loss = F.softplus(-(on_real - on_fake)).mean()
    r1 = gradient_at(on_real, real).square().sum(dim=1).mean()
    r2 = gradient_at(on_fake, fake).square().sum(dim=1).mean()
    torch.testing.assert_close(loss, plain_loss)
    torch.testing.assert_close(penalty, r1 + r2)
    ours = named_gradients(loss + penalty / 2, critic)
    plain = named_gradients(plain_loss + (r1 + r2) / 2, critic)
    for name in ours:
        torch.testing.assert_close(ours[name], plain[name], msg=name)


def test_rare_classes_are_drawn_by_the_root_of_their_count():
    codes = torch.tensor([0] * 900 + [1] * 100)
    data = spectral.FeatureTensors(torch.arange(1000.0)[:, None], codes, 2)
    rows, weights = spectral._draw_labelled(data, 20_000, torch.Generator().manual_seed(0))
    assert weights[:, 1].mean().item() == pytest.approx(0.25, abs=0.015)
    assert torch.equal(rows[:, 0] >= 900, weights[:, 1].bool())
