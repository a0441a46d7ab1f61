"""hsigan's own GAN for labelled spectra: a kernel density, bent by a relativistic adversary.

::

    features of real pixels x, class w ────────┐
    u ~ kernels, z ~ N(0, 1) ─> generator ─> x' ├─ + instance noise ─> projection critic D
                                                │
    L_D = softplus(-(D(x, w) - D(x', w))) + gamma / 2 (|grad D(x)|^2 + |grad D(x')|^2)
    L_G = softplus(-(D(x', w) - D(x, w)))

The loss is R3GAN's (Huang et al., NeurIPS 2024, section 2): relativistic pairs and both
zero-centred penalties, one step of each network in turn. Every pair shares its class. The critic
starts blind to classes and sees them fully after ``ramp`` of the training, because conditional
GANs collapse first on few labels (Shahbazi et al., ICLR 2022). Unlabelled pixels, where given,
train the class-blind part of the critic alone, and the generator through it. What is kept is the
moving average of the generator's weights at the step of the lowest validation distance, and the
density as it was where no step is better than it by two standard errors over classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, PlainValidator
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

from hsigan.models.discriminators import ProjectionCritic
from hsigan.models.generators import KernelGenerator
from hsigan.recipe import Config
from hsigan.training.averaging import BestAverage
from hsigan.training.distributed import descend, own_seed
from hsigan.training.run_folder import RunFolder
from hsigan.training.state import Report, TrainingState, one_hot


def _shrinkage(value: Any) -> Any:
    if value == "auto":
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ValueError('it is "auto" or a number of pixels, 0 or more')
    return float(value)


class SpectralConfig(Config):
    """Settings of the default GAN.

    The covariance that all classes share counts as ``shrinkage`` pixels of a class along the
    directions that hold ``kept_variance`` of its variance, as ``rest_shrinkage`` along the rest;
    "auto" finds the latter for each class on the ten widest components of its training pixels
    (`hsigan.synthesis.shrinkage`); outside the components it is 32 then.
    """

    objective: Literal["spectral"] = "spectral"
    mode: Literal["supervised", "semi-supervised", "unsupervised"] = "supervised"
    steps: int = Field(400, ge=0)
    batch: int = Field(256, ge=2)
    features: int = Field(40, ge=1)
    shrinkage: float = Field(1.0, ge=0)
    rest_shrinkage: Annotated[float | Literal["auto"], PlainValidator(_shrinkage)] = "auto"
    reach: float = Field(1.1, gt=0)
    kept_variance: float = Field(0.95, gt=0, le=1)
    noise: int = Field(8, ge=1)
    width: int = Field(128, ge=1)
    learning_rate: float = Field(2e-4, gt=0)
    penalty: float = Field(1.0, ge=0)
    instance_noise: float = Field(0.1, ge=0)
    ramp: float = Field(0.3, ge=0, le=1)
    averaging: float = Field(0.99, ge=0, lt=1)
    unlabelled_weight: float = Field(0.5, ge=0)
    validate_every: int = Field(50, ge=1)


@dataclass(frozen=True)
class FeatureTensors:
    """Features (N, D) with class codes (N,) 0 ... K-1, and unlabelled features (M, D) or None."""

    features: Tensor
    codes: Tensor
    classes: int
    unlabelled: Tensor | None = None

    def to(self, device: torch.device) -> FeatureTensors:
        """Return the same on another device."""
        unlabelled = None if self.unlabelled is None else self.unlabelled.to(device)
        return FeatureTensors(
            self.features.to(device), self.codes.to(device), self.classes, unlabelled
        )


Validate = Callable[[KernelGenerator], Sequence[float]]
"""Returns, class by class, how far a generator's samples lie from validation pixels."""


def train_spectral(
    data: FeatureTensors,
    generator: KernelGenerator,
    config: SpectralConfig,
    seed: int,
    validate: Validate | None = None,
    run: RunFolder | None = None,
    report: Report | None = None,
) -> tuple[KernelGenerator, TrainingState]:
    """Bend ``generator``, whose kernels are set already; return the best average of its weights.

    Without ``validate`` the last average is kept. ``state.numbers["best_step"]`` names the step.

    Raises
    ------
    DivergedError
        A loss is not finite.
    """
    device = data.features.device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        critic = ProjectionCritic(data.features.shape[1], data.classes, config.width).to(device)
    best = BestAverage(generator, validate, start_counts=True)
    betas = (0.0, 0.9)
    optimisers = {
        "critic": torch.optim.Adam(critic.parameters(), lr=config.learning_rate, betas=betas),
        "generator": torch.optim.Adam(
            generator.residual.parameters(), lr=config.learning_rate, betas=betas
        ),
    }
    random = torch.Generator(device=device).manual_seed(own_seed(seed))
    modules = {"generator": generator, "critic": critic, **best.modules}
    state = TrainingState(modules, optimisers, random, run)
    if not state.resume():
        best.begin(state)

    for step in state.steps(config.steps):
        ramp = min(1.0, (step + 1) / max(1.0, config.ramp * config.steps))
        real, weights = _draw_labelled(data, config.batch, random)
        fake = _noisy(_fakes(generator, weights, random), config, random)
        real = _noisy(real, config, random)

        # The critic learns to rank a real pixel over a fake one of the same class.
        critic_loss, penalty = critic_terms(critic, real, fake.detach(), ramp * weights)
        loss = critic_loss + config.penalty / 2 * penalty
        seen = None
        if data.unlabelled is not None and config.unlabelled_weight:
            pick = torch.randint(
                len(data.unlabelled), (config.batch,), generator=random, device=device
            )
            seen = _noisy(data.unlabelled[pick], config, random)
            blind, blind_penalty = critic_terms(critic, seen, fake.detach(), None)
            loss = loss + config.unlabelled_weight * (blind + config.penalty / 2 * blind_penalty)
        descend(optimisers["critic"], critic, loss)

        # The generator learns to make its pixel rank over the real one.
        critic.requires_grad_(False)
        with torch.no_grad():
            real_score = critic(real, ramp * weights)
            seen_score = None if seen is None else critic(seen)
        generator_loss = F.softplus(real_score - critic(fake, ramp * weights)).mean()
        if seen_score is not None:  # the class part could cancel what the blind part has learned
            blind = F.softplus(seen_score - critic(fake)).mean()
            generator_loss = generator_loss + config.unlabelled_weight * blind
        descend(optimisers["generator"], generator, generator_loss)
        critic.requires_grad_(True)
        best.follow(generator, step, config.averaging)

        values = state.check(
            {"critic": critic_loss, "penalty": penalty, "generator": generator_loss}
        )
        if (step + 1) % config.validate_every == 0 or step + 1 == config.steps:
            state.tell({**values, **best.judge(state, step)}, report)
    return best.chosen(), state


def critic_terms(
    critic: ProjectionCritic, real: Tensor, fake: Tensor, weights: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the critic's relativistic loss, and R1 + R2 (mean squared gradient norms)."""
    both = None if weights is None else torch.cat([weights, weights])
    score, gradient = critic.score_and_gradient(torch.cat([real, fake]), both)
    loss = F.softplus(score[len(real) :] - score[: len(real)]).mean()
    return loss, 2 * gradient.square().sum(dim=1).mean()


def _draw_labelled(
    data: FeatureTensors, count: int, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw a class for each row first, so that rare classes are learned as well as common ones."""
    device = data.features.device
    counts = torch.bincount(data.codes, minlength=data.classes)
    chances = (counts.float().sqrt())[data.codes] / counts[data.codes]
    pick = torch.multinomial(chances, count, replacement=True, generator=random)
    return data.features[pick], one_hot(data.codes[pick], data.classes).to(device)


def _fakes(generator: KernelGenerator, weights: Tensor, random: torch.Generator) -> Tensor:
    latents = generator.draw_latents(weights.argmax(dim=1), random)
    fake: Tensor = generator(latents, weights)
    return fake


def _noisy(x: Tensor, config: SpectralConfig, random: torch.Generator) -> Tensor:
    """Blur real and fake alike: where few pixels are, a sharp critic would memorise them."""
    noise = torch.randn(x.shape, generator=random, device=x.device)
    return x + config.instance_noise * noise
