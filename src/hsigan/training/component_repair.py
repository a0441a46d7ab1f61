"""Training the networks that repair decoded components, first for fidelity, then for realism.

::

    faithful    L = mean |x + G(x) - o|^2 / |x - o|^2            x decoded, o original components

    amplitudes  L = mean over bands of (r / a)^2 + 2 log a       r = o - x - F(x), a amplitude

    realistic   L_D = softplus(-(D(o - x | x) - D(G(x, n) | x))) + gamma / 2 (R1 + R2)
                L_G = softplus(D(o - x | x) - D(G(x, n) | x)) + mu e
                e = |x + G(x, n) - o|^2 / |x + F(x) - o|^2

The relativistic loss with both zero-centred gradient penalties is R3GAN's (Huang et al., NeurIPS
2024, section 2). G starts from the faithful network F with amplitudes by likelihood, a share of
them: noise where F errs, as far as decoded planes tell where that is. The multiplier mu rises while
e is above what is allowed and falls while it is below: the loss of fidelity is a setting, and what
realism it buys is learnt.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that PyTorch's own documentation uses

from hsigan.errors import InputError
from hsigan.models.component_repair import (
    ComponentRepair,
    in_deviations,
    noise_bands,
    split_bands,
)
from hsigan.models.repair_critic import RepairCritic
from hsigan.recipe import Config
from hsigan.training.averaging import follow
from hsigan.training.distributed import descend
from hsigan.training.precision import Precision, autocast
from hsigan.training.repair_examples import Crops, RepairExample
from hsigan.training.run_folder import RunFolder
from hsigan.training.state import Report, TrainingState

_NORM_LIMIT = 1.0  # of gradients
_FIRST_GUESS = -1.5  # log-odds of amplitudes
_PACE = 0.05  # of the multiplier's logarithm, per step, at most
_LEAST_ERROR = 1e-3  # squared steps, so that an empty crop does not divide by zero


class RepairConfig(Config):
    """How the repairing networks are built and trained.

    Parameters
    ----------
    width, layers : of the network, see `ComponentRepair`
    components : components of an example that are trained on, from the first inexact one
    crop_px, batch : side and number of the crops of a step
    faithful_steps, faithful_rate : steps and learning rate for fidelity; the rate falls to zero
    realistic_steps, realistic_rate : steps and learning rate of the adversarial training
    critic_components, critic_width : of the critic, see `RepairCritic`
    amplitude_steps : steps by likelihood that come before, at the faithful rate
    amplitude_share : factor of these amplitudes' odds that the adversarial training starts with
    penalty : gamma, per value that the critic sees
    most_loss_db : allowed loss of the realistic decoder over the faithful one, in dB of PSNR
    averaging : share of the moving average of the realistic weights that a step keeps
    precision : "fp32", "bf16", or "auto" for bf16 where the hardware multiplies it
    report_every : steps between two reports
    """

    width: int = Field(default=32, ge=1)
    layers: int = Field(default=3, ge=1)
    components: int = Field(default=8, ge=1)
    crop_px: int = Field(default=48, ge=8)
    batch: int = Field(default=8, ge=1)
    faithful_steps: int = Field(default=3000, ge=0)
    faithful_rate: float = Field(default=2e-3, gt=0)
    realistic_steps: int = Field(default=300, ge=0)
    realistic_rate: float = Field(default=5e-4, gt=0)
    amplitude_steps: int = Field(default=250, ge=0)
    amplitude_share: float = Field(default=0.5, gt=0)
    critic_components: int = Field(default=6, ge=1)
    critic_width: int = Field(default=32, ge=1)
    penalty: float = Field(default=1e-3, ge=0)
    most_loss_db: float = Field(default=0.8, ge=0)
    averaging: float = Field(default=0.99, ge=0, lt=1)
    precision: Precision = "auto"
    report_every: int = Field(default=100, ge=1)


def train_faithful(
    examples: Sequence[RepairExample],
    network: ComponentRepair,
    config: RepairConfig,
    seed: int,
    run: RunFolder | None = None,
    report: Report | None = None,
) -> TrainingState:
    """Train in place for the least squared error.

    Raises
    ------
    InputError
        There is no example.
    DivergedError
        A loss is not finite.
    """
    draw = Crops(examples, config.components, config.crop_px, config.batch)
    optimiser = torch.optim.Adam(network.parameters(), lr=config.faithful_rate)
    random = torch.Generator().manual_seed(seed)
    state = TrainingState({"faithful": network}, {"faithful": optimiser}, random, run)
    state.resume()
    network.train()

    for step in state.steps(config.faithful_steps):
        _set_rate(optimiser, config.faithful_rate * _falling(step, config.faithful_steps))
        lost, evidence, facts = draw(random)
        with autocast(config.precision, lost.device):
            added = network.correct(evidence, facts)
        # Each crop counts by the share of its error that is left, whatever its scene and step.
        left = _squared(added.float() - lost)
        loss = (left / (_squared(lost) + _LEAST_ERROR)).mean()
        descend(optimiser, network, loss, _NORM_LIMIT)
        _tell(state, {"error": loss}, config, config.faithful_steps, report)
    network.eval()
    return state


def train_realistic(
    examples: Sequence[RepairExample],
    faithful: ComponentRepair,
    config: RepairConfig,
    seed: int,
    run: RunFolder | None = None,
    report: Report | None = None,
) -> tuple[ComponentRepair, TrainingState]:
    """Return a network with noise, trained against a critic from the faithful one's weights.

    Raises
    ------
    InputError
        There is no example.
    DivergedError
        A loss is not finite.
    """
    draw = Crops(examples, config.components, config.crop_px, config.batch)
    random = torch.Generator().manual_seed(seed)
    generator = with_noise(faithful)
    fit_amplitudes(draw, generator, config, random)
    count = min(config.critic_components, config.components)
    critic = RepairCritic(count, config.critic_width)
    average = copy.deepcopy(generator).requires_grad_(False)
    pair: dict[str, nn.Module] = {"critic": critic, "generator": generator}
    rate, betas = config.realistic_rate, (0.0, 0.99)
    optimisers = {
        name: torch.optim.Adam(network.parameters(), lr=rate, betas=betas)
        for name, network in pair.items()
    }
    state = TrainingState({**pair, "average": average}, optimisers, random, run)
    state.numbers["log_multiplier"] = 0.0
    state.resume()
    values = count * config.crop_px**2
    allowed = 10 ** (config.most_loss_db / 10)

    for _ in state.steps(config.realistic_steps):
        lost, evidence, facts = draw(random)
        unit = in_deviations(facts)
        seen = evidence[:, :, 0] * unit, facts
        noise = noise_bands(torch.randn(lost.shape, generator=random))
        with autocast(config.precision, lost.device):
            added = generator.correct(evidence, facts, noise).float()
            with torch.no_grad():
                best = faithful.correct(evidence, facts).float()

        # The critic learns which of two textures is the original's.
        real, fake = lost * unit, added * unit
        loss, penalty = _critic_terms(critic, real, fake.detach(), seen)
        total = loss + 0.5 * config.penalty * values * penalty
        descend(optimisers["critic"], critic, total, _NORM_LIMIT)

        # The generator learns to rank above the original, for as much error as it may make.
        critic.requires_grad_(False)
        with torch.no_grad():
            ahead = critic(real, *seen)
        adversarial = F.softplus(ahead - critic(fake, *seen)).mean()
        # Of all crops together: in some there is next to nothing to lose.
        own, least = (_squared(each - lost).mean() + _LEAST_ERROR for each in (added, best))
        error = own / least
        multiplier = math.exp(state.numbers["log_multiplier"])
        descend(optimisers["generator"], generator, adversarial + multiplier * error, _NORM_LIMIT)
        critic.requires_grad_(True)
        excess = math.log(float(error.detach()) / allowed)
        state.numbers["log_multiplier"] += _PACE * min(1.0, max(-1.0, excess))
        follow(average, generator, config.averaging)
        losses = {"critic": loss, "penalty": penalty, "generator": adversarial, "error": error}
        _tell(state, losses, config, config.realistic_steps, report)
    return average.eval(), state


def fit_amplitudes(
    draw: Crops, network: ComponentRepair, config: RepairConfig, random: torch.Generator
) -> None:
    """Fit the amplitudes of the noise alone, by likelihood, to what is still lost; in place."""
    if network.amplitudes is None:
        raise InputError("amplitudes are fitted to a network with noise.")
    head = network.amplitudes
    weight, bias = head.parameters()
    nn.init.constant_(bias, _FIRST_GUESS)
    optimiser = torch.optim.Adam([weight, bias], lr=config.faithful_rate)
    for step in range(config.amplitude_steps):
        _set_rate(optimiser, config.faithful_rate * _falling(step, config.amplitude_steps))
        lost, evidence, facts = draw(random)
        with autocast(config.precision, lost.device):
            correction, amplitudes = network.propose(evidence, facts)
        power = cast(Tensor, amplitudes).square() + _LEAST_ERROR
        left = split_bands(lost - correction.detach()).square()
        descend(optimiser, head, (left / power + power.log()).mean(), _NORM_LIMIT)
    with torch.no_grad():
        bias.add_(math.log(config.amplitude_share))


def with_noise(faithful: ComponentRepair) -> ComponentRepair:
    """Return a network that does what the faithful one does, and can learn to add noise."""
    network = ComponentRepair(faithful.width, faithful.layers, has_noise=True)
    network.load_state_dict({**network.state_dict(), **faithful.state_dict()})
    return network


def _critic_terms(
    critic: RepairCritic, real: Tensor, fake: Tensor, condition: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Return the critic's loss, and R1 + R2: its mean squared gradient norms at real and fake."""
    details, facts = (torch.cat([each, each]) for each in condition)
    both = torch.cat([real, fake]).requires_grad_()
    score = critic(both, details, facts)
    (gradient,) = torch.autograd.grad(score.sum(), both, create_graph=True)
    penalty = 2 * gradient.flatten(1).square().sum(dim=1).mean()
    first, second = score.chunk(2)
    return F.softplus(second - first).mean(), penalty


def _squared(planes: Tensor) -> Tensor:
    """Return each crop's mean square, (N,)."""
    return planes.square().mean(dim=(1, 2, 3))


def _falling(step: int, steps: int) -> float:
    """Return the share of the learning rate: a short rise, then a fall to zero."""
    return min(1.0, (step + 1) / 50) * math.sqrt(1 - step / steps)


def _set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate


def _tell(
    state: TrainingState,
    losses: dict[str, Tensor],
    config: RepairConfig,
    steps: int,
    report: Report | None,
) -> None:
    """Check, log and report the losses, now and then."""
    step = state.step + 1
    if step % config.report_every and step != steps:
        return
    state.tell(state.check(losses), report)
