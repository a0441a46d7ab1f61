"""Training a classifier of patches: cross-entropy, the paper's optimiser, early stopping."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that PyTorch's own documentation uses

from hsigan.errors import DivergedError
from hsigan.recipe import Config
from hsigan.training.precision import Precision, autocast

Progress = Callable[[int, int], None]
"""Called with the steps done and the steps at most."""

# Patches that are looked at together where nothing is learnt.
_JUDGED_TOGETHER = 64


class PatchClassifierConfig(Config):
    """How a classifier of patches is trained; a recipe holds what its paper says.

    Parameters
    ----------
    patch_px : side P of the published patches; another one is taken from the patches themselves
    components : principal components that replace the bands; 0 keeps the bands
    optimiser : "adam", "rmsprop" or "sgd"
    learning_rate : of the optimiser
    momentum : of "sgd"
    weight_decay : of the optimiser
    batch : patches per step
    epochs : passes over the training patches, as published
    max_steps : steps at most, however many the epochs would take; 0 sets no bound
    precision : "fp32", "bf16", or "auto" for bf16 where the hardware multiplies it; of training and
        prediction
    check_every : steps between two looks at the validation patches
    patience : looks without a lower validation loss before training stops
    """

    patch_px: int = Field(default=9, ge=1)
    components: int = Field(default=0, ge=0)
    optimiser: Literal["adam", "rmsprop", "sgd"] = "adam"
    learning_rate: float = Field(default=1e-3, gt=0)
    momentum: float = Field(default=0.0, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    batch: int = Field(default=64, ge=2)
    epochs: int = Field(default=100, ge=1)
    max_steps: int = Field(default=600, ge=0)
    precision: Precision = "fp32"
    check_every: int = Field(default=20, ge=1)
    patience: int = Field(default=8, ge=1)


@dataclass(frozen=True)
class TrainingPatches:
    """Patches that are cut and standardised when they are asked for.

    Attributes
    ----------
    cut : gives standardised patches (n, B, P, P), on the network's device, for (n,) indices
    codes : (N,) long, class codes, on that device too
    """

    cut: Callable[[Tensor], Tensor]
    codes: Tensor


def train_patch_classifier(
    network: nn.Module,
    data: TrainingPatches,
    validation: TrainingPatches | None,
    config: PatchClassifierConfig,
    seed: int,
    report: Progress | None = None,
) -> int:
    """Train in place; return the step whose weights are kept.

    Every epoch shuffles the patches anew. With validation patches the weights of the lowest
    validation loss are kept, and training stops when it has not fallen for a while.

    Raises
    ------
    DivergedError
        The loss is not finite.
    """
    generator = torch.Generator().manual_seed(seed)
    optimiser = _optimiser(network, config)
    batches: list[Tensor] = []
    steps = _steps(len(data.codes), config)
    best_loss, best_step = math.inf, steps
    best_weights: dict[str, Tensor] | None = None

    network.train()
    for step in range(1, steps + 1):
        # The next patches of this epoch's order
        if not batches:
            batches = _batches(len(data.codes), config.batch, generator)
        chosen = batches.pop()

        # One step of the optimiser
        with autocast(config.precision, data.codes.device):
            logits = network(data.cut(chosen))
        loss = F.cross_entropy(logits.float(), data.codes[chosen])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if report is not None:
            report(step, steps)

        # Now and then: is it still finite, is it still getting better?
        if step % config.check_every and step != steps:
            continue
        if not bool(torch.isfinite(loss)):
            raise DivergedError(
                f"the classifier's loss is {loss.item()} at step {step}; lower the learning rate "
                f"(now {config.learning_rate}) or look for extreme values in the patches"
            )
        if validation is None:
            continue
        held_out = _mean_loss(network, validation)
        if held_out < best_loss:
            best_loss, best_step = held_out, step
            best_weights = copy.deepcopy(network.state_dict())
        elif step - best_step >= config.patience * config.check_every:
            break

    if best_weights is not None:
        network.load_state_dict(best_weights)
    network.eval()
    return best_step


def _optimiser(network: nn.Module, config: PatchClassifierConfig) -> torch.optim.Optimizer:
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimiser == "adam":
        return torch.optim.Adam(network.parameters(), lr=rate, weight_decay=decay)
    if config.optimiser == "rmsprop":
        # 0.9 is Keras's own smoothing, with which the published rates were found.
        return torch.optim.RMSprop(network.parameters(), lr=rate, alpha=0.9, weight_decay=decay)
    return torch.optim.SGD(
        network.parameters(), lr=rate, momentum=config.momentum, weight_decay=decay
    )


def _steps(count: int, config: PatchClassifierConfig) -> int:
    published = config.epochs * math.ceil(count / config.batch)
    return min(published, config.max_steps) if config.max_steps else published


def _batches(count: int, size: int, generator: torch.Generator) -> list[Tensor]:
    """Return shuffled indices in batches; a last patch alone joins others.

    Batch normalisation cannot learn from a single value per channel.
    """
    batches = list(torch.split(torch.randperm(count, generator=generator), size))
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


@torch.no_grad()
def _mean_loss(network: nn.Module, data: TrainingPatches) -> float:
    network.eval()
    total = 0.0
    for chosen in torch.split(torch.arange(len(data.codes)), _JUDGED_TOGETHER):
        logits = network(data.cut(chosen))
        total += float(F.cross_entropy(logits, data.codes[chosen], reduction="sum"))
    network.train()
    return total / len(data.codes)
