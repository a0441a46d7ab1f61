"""The GAN for labelled patches: convolutions over bands, rows and columns.

::

    features of real patches x, class w ─────────┐
    latents, w ─> generator ─> x' ───────────────┴─ + instance noise ─> critic D

    relativistic    L_D = softplus(-(D(x, w) - D(x', w)))      L_G = softplus(D(x, w) - D(x', w))
    cross-entropy   L_D = softplus(-D(x)) + softplus(D(x'))    L_G = softplus(-D(x'))

The relativistic loss, with gamma / 2 (|grad D(x)|^2 + |grad D(x')|^2) beside it, is R3GAN's (Huang
et al., NeurIPS 2024, section 2) and that of `hsigan.training.spectral`, from which the class ramp
and the class-blind training on unlabelled patches come too. The cross-entropy loss is that of
Goodfellow et al. (NeurIPS 2014) with the non-saturating generator. With ``per_class`` every class
has networks of its own, which take their turns. What is kept is the moving average of the
generator's weights at the step of the lowest validation distance; where the generator starts from
a density, the density as it was unless a step is better by two standard errors over classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that PyTorch's own documentation uses

from hsigan.models.patch_class_units import ClassUnitsGenerator
from hsigan.models.patch_critics import PatchCritic
from hsigan.models.patch_kernels import PatchKernelGenerator
from hsigan.models.patch_per_class import PerClassCritic
from hsigan.recipe import Config
from hsigan.training.averaging import BestAverage
from hsigan.training.distributed import descend, own_seed
from hsigan.training.precision import Precision, autocast
from hsigan.training.run_folder import RunFolder
from hsigan.training.state import Report, TrainingState, one_hot


class PatchConfig(Config):
    """Settings of a GAN for patches.

    The defaults are for convolutions that start from noise. ``penalty`` is gamma per value of a
    patch (Karras et al., NeurIPS 2020, appendix C, scale it by the pixels of an image). With
    ``class_moments`` what they generate is moved to the mean and covariance of its class when the
    training has ended (`hsigan.synthesis.class_moments`).
    """

    objective: Literal["patch"] = "patch"
    mode: Literal["supervised", "semi-supervised", "unsupervised"] = "supervised"
    loss: Literal["relativistic", "cross-entropy"] = "relativistic"
    start: Literal["noise", "density"] = "noise"
    per_class: bool = False
    class_units: bool = True
    class_moments: bool = True
    components: int = Field(0, ge=0)
    convolution: Literal["3d", "factorised"] = "3d"
    attention: bool = False
    steps: int = Field(1500, ge=0)
    batch: int = Field(16, ge=2)
    noise: int = Field(64, ge=1)
    width: int = Field(8, ge=1)
    learning_rate: float = Field(2e-3, gt=0)
    betas: tuple[float, float] = (0.0, 0.9)
    penalty: float = Field(0.006, ge=0)
    penalty_method: Literal["exact", "finite-difference"] = "exact"
    instance_noise: float = Field(0.3, ge=0)
    ramp: float = Field(0.3, ge=0, le=1)
    averaging: float = Field(0.99, ge=0, lt=1)
    unlabelled_weight: float = Field(0.5, ge=0)
    unlabelled_patches: int = Field(2000, ge=1)
    precision: Precision = "fp32"
    validate_every: int = Field(50, ge=1)

    @model_validator(mode="after")
    def _fits_together(self) -> PatchConfig:
        if self.start == "density" and (self.per_class or not self.components):
            raise ValueError("start = 'density' needs components, and has all classes in one")
        if self.attention and self.components:
            raise ValueError("attention = true weighs bands: it needs components = 0")
        if self.per_class and self.mode != "supervised":
            raise ValueError("per_class needs mode = 'supervised'")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be at least 0 and below 1. Got {self.betas}")
        return self


@dataclass(frozen=True)
class PatchTensors:
    """Features (N, 1, C, P, P), class codes (N,) 0 ... K-1; unlabelled features or None."""

    features: Tensor
    codes: Tensor
    classes: int
    unlabelled: Tensor | None = None

    def to(self, device: torch.device) -> PatchTensors:
        """Return the same on another device."""
        more = None if self.unlabelled is None else self.unlabelled.to(device)
        return PatchTensors(self.features.to(device), self.codes.to(device), self.classes, more)


AnyGenerator = ClassUnitsGenerator | PatchKernelGenerator
AnyCritic = PatchCritic | PerClassCritic
Validate = Callable[[AnyGenerator], Sequence[float]]
"""Returns each validated class's distance to its validation patches; lower is better."""


def train_patch(
    data: PatchTensors,
    networks: tuple[AnyGenerator, AnyCritic],
    config: PatchConfig,
    seed: int,
    validate: Validate | None = None,
    run: RunFolder | None = None,
    report: Report | None = None,
) -> tuple[AnyGenerator, AnyCritic, TrainingState]:
    """Train a generator and a critic in place; return the best average of the generator, and both.

    Parameters
    ----------
    data
        Features of the training patches, about standardised.
    networks
        The generator, latents (N, Z) and class weights (N, K) to (N, 1, C, P, P), and the critic,
        (N, 1, C, P, P) and class weights or None to (N,).
    config, seed
        Settings, and the seed of every draw.
    validate
        Chooses the checkpoint; without it the last average is kept.
        ``state.numbers["best_step"]`` names the step.
    run, report
        Where to save and log, and whom to tell.

    Raises
    ------
    DivergedError
        A loss is not finite.
    """
    generator, critic = networks
    device = data.features.device
    best = BestAverage(generator, validate, start_counts=config.start == "density")
    pair = {"critic": critic, "generator": generator}
    rate, betas = config.learning_rate, config.betas
    adam = torch.optim.Adam
    optimisers = {key: adam(net.parameters(), lr=rate, betas=betas) for key, net in pair.items()}
    random = torch.Generator(device=device).manual_seed(own_seed(seed))
    state = TrainingState({**pair, **best.modules}, optimisers, random, run)
    if not state.resume():
        best.begin(state)
    cast = autocast(config.precision, device)
    gamma = config.penalty * data.features[0].numel()

    for step in state.steps(config.steps):
        # Per class, the networks of one class have their turn, and its weight is not ramped up.
        ramp = min(1.0, (step + 1) / max(1.0, config.ramp * config.steps))
        real, codes = _draw_labelled(data, config, step, random)
        weights = one_hot(codes, data.classes)
        known = weights if config.per_class else ramp * weights
        with cast:
            fake = generator(generator.draw_latents(codes, random), weights).float()
        fake, real = _noisy(fake, config, random), _noisy(real, config, random)

        # The critic learns to tell a real patch from a fake one of the same class.
        seen = None
        with cast:
            critic_loss, penalty = critic_terms(critic, real, fake.detach(), known, config, random)
            loss = critic_loss + gamma / 2 * penalty
            if data.unlabelled is not None and config.unlabelled_weight:
                seen = _noisy(_draw(data.unlabelled, config.batch, random), config, random)
                terms = critic_terms(critic, seen, fake.detach(), None, config, random)
                blind = terms[0] + gamma / 2 * terms[1]
                loss = loss + config.unlabelled_weight * blind
        descend(optimisers["critic"], critic, loss)

        # The generator learns to make its patch pass for the real one, or rank above it.
        critic.requires_grad_(False)
        with cast:
            generator_loss = _generator_loss(critic, real, fake, known, config)
            if seen is not None:  # the class part could cancel what the blind part has learned
                blind = _generator_loss(critic, seen, fake, None, config)
                generator_loss = generator_loss + config.unlabelled_weight * blind
        descend(optimisers["generator"], generator, generator_loss)
        critic.requires_grad_(True)
        best.follow(generator, step, config.averaging)

        values = state.check(
            {"critic": critic_loss, "penalty": penalty, "generator": generator_loss}
        )
        if (step + 1) % config.validate_every == 0 or step + 1 == config.steps:
            state.tell({**values, **best.judge(state, step)}, report)
    return best.chosen(), critic.eval(), state


def critic_terms(
    critic: AnyCritic,
    real: Tensor,
    fake: Tensor,
    weights: Tensor | None,
    config: PatchConfig,
    random: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Return the critic's loss, and R1 + R2: its mean squared gradient norms at real and fake.

    The exact gradient is `PatchCritic.score_and_gradient`. The finite difference
    ``(D(x + s e) - D(x))^2 / s^2`` with normal e has the same expectation for small s (Lin et al.,
    ICML 2025, arXiv 2501.08316: "approximated R1"), and needs one more pass forward.
    """
    both, count = torch.cat([real, fake]), len(real)
    doubled = None if weights is None else torch.cat([weights, weights])
    penalty = torch.zeros((), device=real.device)
    if config.penalty and config.penalty_method == "exact":
        score, gradient = critic.score_and_gradient(both, doubled)
        penalty = gradient.float().flatten(1).square().sum(dim=1).mean()
    else:
        score = critic(both, doubled)
    if config.penalty and config.penalty_method == "finite-difference":
        direction = torch.randn(both.shape, generator=random, device=both.device)
        moved = critic(both + DIFFERENCE_STEP * direction, doubled)
        penalty = ((moved.float() - score.float()) / DIFFERENCE_STEP).square().mean()
    first, second = score[:count].float(), score[count:].float()
    if config.loss == "relativistic":
        return F.softplus(second - first).mean(), 2 * penalty
    return F.softplus(-first).mean() + F.softplus(second).mean(), 2 * penalty


DIFFERENCE_STEP = 0.05
"""Length per feature, in standard deviations, over which a gradient is taken as a difference."""


def _generator_loss(
    critic: AnyCritic, real: Tensor, fake: Tensor, weights: Tensor | None, config: PatchConfig
) -> Tensor:
    score = critic(fake, weights).float()
    if config.loss == "cross-entropy":
        return F.softplus(-score).mean()
    with torch.no_grad():
        real_score = critic(real, weights).float()
    return F.softplus(real_score - score).mean()


def _draw_labelled(
    data: PatchTensors, config: PatchConfig, step: int, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw features and codes, a class first, so that rare ones are learned as well as common."""
    counts = torch.bincount(data.codes)
    chances = (counts.float().sqrt())[data.codes] / counts[data.codes]
    if config.per_class:
        chances = (data.codes == step % data.classes).float()
    pick = torch.multinomial(chances, config.batch, replacement=True, generator=random)
    return data.features[pick], data.codes[pick]


def _draw(rows: Tensor, count: int, random: torch.Generator) -> Tensor:
    pick = torch.randint(len(rows), (count,), generator=random, device=rows.device)
    return rows[pick]


def _noisy(x: Tensor, config: PatchConfig, random: torch.Generator) -> Tensor:
    """Blur real and fake alike: where few patches are, a sharp critic would memorise them."""
    noise = torch.randn(x.shape, generator=random, device=x.device)
    return x + config.instance_noise * noise
