"""The moving average of a generator's weights, and at which step it is kept."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import nn

from hsigan.training.state import TrainingState

Network = TypeVar("Network", bound=nn.Module)


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, keep: float, takes_turns: bool = False) -> None:
    """Move an average towards weights; where networks take turns, those with a gradient alone."""
    for mean, weight in zip(average.parameters(), network.parameters(), strict=True):
        if weight.grad is not None or not takes_turns:
            mean.lerp_(weight, 1 - keep)


class BestAverage(Generic[Network]):
    """Follows a generator, and keeps the average of the lowest validation distance.

    Parameters
    ----------
    generator
        As it starts.
    validate
        Returns each validated class's distance to its validation samples, lower being better;
        without it the last average is kept.
    start_counts
        Whether the generator is worth keeping as it starts: then a step must be better by two
        standard errors over classes.

    Attributes
    ----------
    modules
        What a training state must save.
    """

    def __init__(
        self,
        generator: Network,
        validate: Callable[[Network], Sequence[float]] | None,
        start_counts: bool,
    ) -> None:
        self._average = copy.deepcopy(generator).requires_grad_(False)
        self._best = copy.deepcopy(self._average)
        self._validate = validate
        self._start: Sequence[float] = ()
        if validate is not None and start_counts:
            self._start = tuple(validate(self._best))
        self.modules: dict[str, nn.Module] = {"average": self._average, "best": self._best}

    def begin(self, state: TrainingState) -> None:
        """Put the numbers of a training that starts into its state."""
        distance = float(np.mean(self._start or (np.inf,)))
        state.numbers |= {"best_step": 0.0, "best_distance": distance}

    def follow(self, generator: Network, step: int, averaging: float) -> None:
        """Follow the weights after a step, counted from 0; faster at first."""
        keep = min(averaging, (step + 1) / (step + 10))
        follow(self._average, generator, keep, takes_turns=True)

    def judge(self, state: TrainingState, step: int) -> dict[str, float]:
        """Keep the average after a step if it is the best so far; return its distance, if any."""
        if self._validate is None:
            return {}
        distances = self._validate(self._average)
        distance = float(np.mean(distances))
        if is_better(distances, self._start, state.numbers["best_distance"]):
            self._best.load_state_dict(self._average.state_dict())
            state.numbers |= {"best_distance": distance, "best_step": step + 1.0}
        return {"distance": distance}

    def chosen(self) -> Network:
        """Return what is kept."""
        return (self._average if self._validate is None else self._best).eval()


def is_better(now: Sequence[float], start: Sequence[float], best: float) -> bool:
    """Ask for the lowest mean so far and, over a start, for a gain of two standard errors."""
    if not start:
        return bool(np.mean(now) < best)
    gains = np.subtract(start, now)
    error = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else 0.0
    return bool(np.mean(now) < best and gains.mean() > 2 * error)
