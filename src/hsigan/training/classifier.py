"""Training a classifier of spectra: cross-entropy, Adam, early stopping on validation pixels."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that PyTorch's own documentation uses

from hsigan.errors import DivergedError, InputError


@dataclass(frozen=True)
class ClassifierTraining:
    """How a classifier network is trained.

    Parameters
    ----------
    batch : pixels per step
    max_steps : steps at most; where there are no validation pixels, exactly as many
    learning_rate : of Adam (amsgrad)
    check_every : steps between two looks at the validation pixels
    patience : looks without a lower validation loss before training stops
    epochs : passes over the training pixels; where given, they replace ``max_steps`` and nothing
        stops the training early
    """

    batch: int = 128
    max_steps: int = 300
    learning_rate: float = 1e-3
    check_every: int = 20
    patience: int = 4
    epochs: int | None = None

    def __post_init__(self) -> None:
        for name in ("batch", "max_steps", "learning_rate", "check_every", "patience"):
            if getattr(self, name) <= 0:
                raise InputError(
                    f"the {name!r} of ClassifierTraining must be positive. "
                    f"Got {getattr(self, name)!r} instead."
                )


NOTEBOOK = ClassifierTraining(batch=1024, epochs=10_000)
"""The setting of the paper's notebook: 10,000 epochs, no early stopping."""


@dataclass(frozen=True)
class LabelledTensors:
    """Standardised spectra (N, B), class codes (N,) and weights (N,)."""

    spectra: Tensor
    codes: Tensor
    weights: Tensor


def train_classifier_network(
    network: nn.Module,
    data: LabelledTensors,
    validation: LabelledTensors | None,
    options: ClassifierTraining,
    seed: int,
) -> int:
    """Train in place; return the step whose weights are kept.

    Each step takes the next pixels of a shuffled order; the whole scene lies in memory. With
    validation pixels (and without ``epochs``) the weights of the lowest validation loss are kept.

    Raises
    ------
    DivergedError
        The loss is not finite.
    """
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=options.learning_rate, amsgrad=True)
    count = len(data.codes)
    batch = min(options.batch, count)
    per_epoch = math.ceil(count / batch)
    stopping = validation is not None and options.epochs is None
    steps = options.max_steps if options.epochs is None else options.epochs * per_epoch
    best_loss, best_step = math.inf, steps
    best_weights: dict[str, Tensor] | None = None
    order = torch.empty(0, dtype=torch.long)

    for step in range(1, steps + 1):
        # The next pixels of this epoch's order
        position = (step - 1) % per_epoch
        if position == 0:
            order = torch.randperm(count, generator=generator)
        chosen = order[position * batch : (position + 1) * batch]

        # One step of Adam
        losses = F.cross_entropy(
            network(data.spectra[chosen]), data.codes[chosen], reduction="none"
        )
        loss = (losses * data.weights[chosen]).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

        # Now and then: is it still finite, is it still getting better?
        if step % options.check_every and step != steps:
            continue
        if not bool(torch.isfinite(loss)):
            raise DivergedError(
                f"the classifier's loss is {loss.item()} at step {step}; lower the learning rate "
                f"(now {options.learning_rate}) or look for extreme values in the spectra"
            )
        if validation is None or not stopping:
            continue
        held_out = _loss(network, validation)
        if held_out < best_loss:
            best_loss, best_step = held_out, step
            best_weights = copy.deepcopy(network.state_dict())
        elif step - best_step >= options.patience * options.check_every:
            break

    if best_weights is not None:
        network.load_state_dict(best_weights)
    return best_step


@torch.no_grad()
def _loss(network: nn.Module, data: LabelledTensors) -> float:
    return float(F.cross_entropy(network(data.spectra), data.codes))
