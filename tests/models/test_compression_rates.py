"""Rate laws: what training counts is what the tables of a file charge."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from hsigan.bitstream.tables import CodingTables, gaussian_tables
from hsigan.models.entropy_models import (
    SCALE_MAX,
    SCALE_MIN,
    FactorisedPrior,
    add_noise,
    gaussian_bits,
    lower_bound,
    round_straight_through,
    table_log_scales,
)
from hsigan.models.rate_gains import Gains

CHANNELS = 12


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def prior() -> FactorisedPrior:
    """Return a prior fitted to channels that are narrow, wide, skewed and off centre."""
    torch.manual_seed(0)
    made = FactorisedPrior(CHANNELS)
    optimiser = torch.optim.Adam(made.parameters(), 8e-2)
    random = draws(1)
    for _ in range(150):
        z = channel_values(40, random)
        loss = made.bits(add_noise(z, random)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return made


def channel_values(count: int, random: torch.Generator) -> Tensor:
    shape = (count, CHANNELS, 3, 3)
    spread = torch.logspace(-1, 1, CHANNELS)[:, None, None]
    centre = torch.linspace(-4, 3, CHANNELS)[:, None, None]
    skewed = torch.randn(shape, generator=random) + torch.randn(shape, generator=random).relu()
    return skewed * spread + centre


def test_integers_of_z_cost_what_their_tables_say(prior: FactorisedPrior) -> None:
    z = channel_values(3000, draws(2)).round()
    tables = CodingTables.from_probabilities(*prior.probabilities())
    channels = np.broadcast_to(np.arange(CHANNELS)[:, None, None], z.shape)
    content = tables.information_bits(
        z.numpy().astype(np.int32).ravel(), channels.astype(np.uint16).ravel()
    )
    with torch.no_grad():
        estimate = prior.bits(z).sum().item()
    assert abs(estimate / content - 1) < 0.01


def test_noise_costs_what_integers_cost(prior: FactorisedPrior) -> None:
    z = channel_values(3000, draws(2))
    with torch.no_grad():
        noisy, rounded = prior.bits(add_noise(z, draws(3))).sum(), prior.bits(z.round()).sum()
    assert noisy > 0.97 * rounded  # noise never tells less than rounding, up to the fit
    assert noisy < 1.25 * rounded


@pytest.mark.parametrize("tail", [1e-3, 1e-6])
def test_probabilities_leave_out_no_more_than_their_tails(
    prior: FactorisedPrior, tail: float
) -> None:
    lists, offsets = prior.probabilities(tail)
    assert offsets.dtype == np.int32
    assert len(lists) == len(offsets) == CHANNELS
    for row, offset in zip(lists, offsets, strict=True):
        assert (row >= 0).all()
        assert 1 - 2 * tail - 1e-12 <= row.sum() <= 1 + 1e-12
        assert -512 <= offset <= 512
    widths = [len(row) for row in lists]
    assert widths[-1] > 4 * widths[0]


def test_probabilities_beyond_reach_still_make_tables() -> None:
    prior = FactorisedPrior(2)
    with torch.no_grad():
        prior.shifts[-1].copy_(torch.tensor([[[9e4]], [[-9e4]]]))
    lists, offsets = prior.probabilities()
    assert [len(row) >= 1 for row in lists] == [True, True]
    assert all(np.isfinite(row).all() and (row >= 0).all() and row.sum() <= 1 for row in lists)
    assert (np.abs(offsets) <= 512).all()


def test_integers_of_y_cost_what_their_tables_say() -> None:
    indexes = torch.arange(64, dtype=torch.uint8).repeat_interleave(4000)
    logs = table_log_scales(indexes)
    y = (torch.randn(logs.shape, generator=draws(4)) * logs.exp()).round()
    content = gaussian_tables().information_bits(
        y.numpy().astype(np.int32), indexes.numpy().astype(np.uint16)
    )
    estimate = gaussian_bits(y[None], logs[None]).item()
    assert abs(estimate / content - 1) < 0.01


def test_unlikely_deviations_cost_much_and_never_infinity() -> None:
    y = torch.tensor([[0.0, 1e3, -1e6]])
    y.requires_grad_()
    logs = torch.tensor([[-9.0, -9.0, 90.0]], requires_grad=True)
    bits = gaussian_bits(y, logs)
    bits.sum().backward()
    assert 25 < bits.item() < 100
    assert torch.isfinite(y.grad).all()
    assert torch.isfinite(logs.grad).all()


@pytest.mark.parametrize("log_scale", [math.log(SCALE_MIN), 0.0, math.log(SCALE_MAX)])
def test_a_gaussian_over_the_integers_is_a_distribution(log_scale: float) -> None:
    places = torch.arange(-2000, 2001).double()
    logs = torch.full_like(places, log_scale)
    bits = gaussian_bits(places[:, None], logs[:, None])
    assert torch.exp2(-bits[bits < 29]).sum().item() == pytest.approx(1, abs=1e-5)
    assert torch.equal(bits, bits.flip(0))


def test_a_bound_lets_values_come_back() -> None:
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    (lower_bound(x, 0.5) * torch.tensor([3.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [0.0, 3.0]  # further down is refused
    x.grad = None
    (lower_bound(x, 0.5) * torch.tensor([-3.0, -3.0])).sum().backward()
    assert x.grad.tolist() == [-3.0, -3.0]  # up is not


def test_rounding_passes_gradients_through() -> None:
    x = torch.tensor([0.4, 0.6, -1.5], requires_grad=True)
    rounded = round_straight_through(x)
    rounded.square().sum().backward()
    assert rounded.tolist() == [0.0, 1.0, -2.0]
    assert x.grad.tolist() == [0.0, 2.0, -4.0]


def test_gains_of_a_level_are_geometric_between_their_neighbours() -> None:
    gains = Gains(3, 4)
    with torch.no_grad():
        for logs in (gains.log_gains, gains.log_inverse):
            logs.add_(0.3 * torch.randn(logs.shape, generator=draws(6)))
    y = torch.ones(1, 3, 1, 1)
    for change in (gains.scale, gains.undo):
        low, between, high = (change(y, level) for level in (1.0, 1.25, 2.0))
        torch.testing.assert_close(between, low**0.75 * high**0.25)
        torch.testing.assert_close(change(y, 9.0), change(y, 3.0))
    mixed = gains.scale(y.repeat(2, 1, 1, 1), torch.tensor([1.0, 2.0]))
    torch.testing.assert_close(mixed, torch.cat([gains.scale(y, 1.0), gains.scale(y, 2.0)]))


def test_a_model_for_one_rate_has_no_gains() -> None:
    y = torch.randn(1, 3, 2, 2)
    assert Gains(3, 1).scale(y, 0.0) is y
    assert not list(Gains(3, 1).parameters())


def test_higher_levels_cost_more_and_give_finer_latents() -> None:
    gains = Gains(5, 3)
    y = torch.randn(1, 5, 40, 40, generator=draws(7))
    errors, rates = [], []
    for level in (0.0, 0.5, 1.0, 2.0):
        scaled = gains.scale(y, level)
        errors.append((gains.undo(scaled.round(), level) - y).square().mean().item())
        rates.append(gaussian_bits(scaled.round(), scaled.std().log().expand_as(scaled)).item())
    assert errors == sorted(errors, reverse=True)
    assert rates == sorted(rates)
