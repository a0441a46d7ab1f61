"""The moving average of a generator, and which of its states is kept."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import nn

from hsigan.training.averaging import BestAverage, follow, is_better
from hsigan.training.state import TrainingState


def _linear(value: float, has_gradient: bool = True) -> nn.Linear:
    network = nn.Linear(2, 1, bias=False)
    nn.init.constant_(network.weight, value)
    if has_gradient:
        network.weight.grad = torch.zeros_like(network.weight)
    return network


def test_an_average_follows_by_the_share_it_does_not_keep() -> None:
    average = _linear(1.0)
    follow(average, _linear(5.0), 0.75)
    torch.testing.assert_close(average.weight, torch.full((1, 2), 2.0))


def test_weights_that_did_not_have_their_turn_are_left_alone() -> None:
    average, idle = _linear(1.0), _linear(5.0, has_gradient=False)
    follow(average, idle, 0.75, takes_turns=True)
    torch.testing.assert_close(average.weight, torch.ones(1, 2))
    follow(average, idle, 0.75)
    torch.testing.assert_close(average.weight, torch.full((1, 2), 2.0))


def _kept(
    distances: Sequence[Sequence[float]], start_counts: bool
) -> tuple[nn.Linear, TrainingState]:
    """Follow weights 1, 2, ... without inertia; the validation tells these distances in turn."""
    told = iter(distances)
    best = BestAverage(_linear(0.0), lambda network: next(told), start_counts)
    state = TrainingState(best.modules, {}, torch.Generator())
    best.begin(state)
    for step in range(len(distances) - start_counts):
        best.follow(_linear(step + 1.0), step, averaging=0.0)
        best.judge(state, step)
    return best.chosen(), state


def test_the_average_of_the_lowest_distance_is_kept() -> None:
    chosen, state = _kept([[3.0], [1.0], [2.0]], start_counts=False)
    torch.testing.assert_close(chosen.weight, torch.full((1, 2), 2.0))
    assert state.numbers == {"best_step": 2.0, "best_distance": 1.0}


def test_a_start_that_counts_is_left_for_a_proven_gain_alone() -> None:
    start = [2.0, 2.0, 2.0]
    chosen, state = _kept([start, [1.9, 2.2, 1.8], [2.1, 2.0, 2.2]], start_counts=True)
    torch.testing.assert_close(chosen.weight, torch.zeros(1, 2))
    assert state.numbers == {"best_step": 0.0, "best_distance": 2.0}
    chosen, state = _kept([start, [1.9, 1.8, 1.85]], start_counts=True)
    torch.testing.assert_close(chosen.weight, torch.ones(1, 2))
    assert state.numbers["best_distance"] == pytest.approx(1.85)


def test_without_validation_the_last_average_is_kept() -> None:
    best = BestAverage(_linear(0.0), None, start_counts=True)
    state = TrainingState(best.modules, {}, torch.Generator())
    best.begin(state)
    best.follow(_linear(4.0), 0, averaging=0.0)
    assert best.judge(state, 0) == {}
    torch.testing.assert_close(best.chosen().weight, torch.full((1, 2), 4.0))


@pytest.mark.parametrize(
    ("now", "start", "best", "better"),
    [
        ([1.0, 1.0], [], 2.0, True),
        ([2.0, 3.0], [], 2.0, False),
        ([1.0], [2.0], 2.0, True),  # of one class there is no standard error
        ([1.0, 2.1], [2.0, 2.0], 2.0, False),
    ],
)
def test_better_is_the_lowest_mean_and_a_proven_gain(
    now: list[float], start: list[float], best: float, better: bool
) -> None:
    assert is_better(now, start, best) is better
