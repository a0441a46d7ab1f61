"""The GAN of Audebert, Le Saux and Lefevre (IGARSS 2018): Wasserstein, auxiliary classifier.

::

    spectra in [0, 1] ──────────────┐
    z, class ─> generator ─> fake ──┴─> critic (no label): E[D(fake)] - E[D(real)] + 10 penalty
                     │
                     └──────────────> classifier, trained on real labelled spectra alone

The generator minimises ``-E[D(fake)] + 0.2 cross-entropy(C(fake), class)``. All three learn by
RMSprop. The paper trains critic and classifier twice a step, the authors' notebook five times and
with mixup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

from hsigan.models.blocks import LeakyMLP
from hsigan.models.discriminators import HyperCritic
from hsigan.models.generators import HyperGenerator
from hsigan.recipe import Config
from hsigan.training.distributed import descend, own_seed
from hsigan.training.precision import Precision, autocast
from hsigan.training.run_folder import RunFolder
from hsigan.training.state import Report, TrainingState, one_hot


class HyperganConfig(Config):
    """Settings of the paper's GAN; the defaults are the paper's text."""

    objective: Literal["hypergan"] = "hypergan"
    mode: Literal["supervised", "semi-supervised", "unsupervised"] = "supervised"
    steps: int = Field(100_000, ge=1)
    critic_steps: int = Field(2, ge=1)
    batch: int = Field(256, ge=2)
    learning_rate: float = Field(5e-5, gt=0)
    penalty_weight: float = Field(10.0, ge=0)
    auxiliary_weight: float = Field(0.2, ge=0)
    mixup_alpha: float = Field(0.0, ge=0)
    noise: int = Field(30, ge=1)
    width: int = Field(512, ge=1)
    slope: float = Field(0.01, ge=0, lt=1)
    precision: Precision = "auto"
    report_every: int = Field(100, ge=1)


_REPORTS_PER_VALIDATION = 10


@dataclass(frozen=True)
class SpectraTensors:
    """Spectra (N, B) with class codes (N,) 0 ... K-1, and unlabelled spectra (M, B) or None."""

    spectra: Tensor
    codes: Tensor
    classes: int
    unlabelled: Tensor | None = None

    def critic_pool(self) -> Tensor:
        """Return every real spectrum that a critic may see, labelled and not."""
        if self.unlabelled is None:
            return self.spectra
        return torch.cat([self.spectra, self.unlabelled])

    def to(self, device: torch.device) -> SpectraTensors:
        """Return the same on another device."""
        unlabelled = None if self.unlabelled is None else self.unlabelled.to(device)
        return SpectraTensors(
            self.spectra.to(device), self.codes.to(device), self.classes, unlabelled
        )


def train_hypergan(
    data: SpectraTensors,
    config: HyperganConfig,
    seed: int,
    run: RunFolder | None = None,
    report: Report | None = None,
    validate: Callable[[HyperGenerator], Sequence[float]] | None = None,
) -> tuple[HyperGenerator, TrainingState]:
    """Train on spectra scaled to [0, 1]; return the generator and where the training stands.

    ``validate`` gives distances to validation pixels, class by class: their mean is logged now and
    then, and chooses nothing, for the paper keeps the last weights.

    Raises
    ------
    DivergedError
        A loss is not finite.
    """
    device = data.spectra.device
    classes = 0 if config.mode == "unsupervised" else data.classes
    bands = data.spectra.shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = HyperGenerator(bands, classes, config.noise, config.width, config.slope)
        critic = HyperCritic(bands, config.width, config.slope)
        width = config.width
        classifier = LeakyMLP((bands, width, width, width, max(classes, 1)), config.slope)
    modules = {"generator": generator, "critic": critic, "classifier": classifier}
    optimisers = {
        name: torch.optim.RMSprop(module.to(device).parameters(), lr=config.learning_rate)
        for name, module in modules.items()
    }
    random = torch.Generator(device=device).manual_seed(own_seed(seed))
    state = TrainingState(modules, optimisers, random, run)
    state.resume()
    pool = data.critic_pool()
    cast = autocast(config.precision, device)

    for step in state.steps(config.steps):
        # The critic tells real from fake; the classifier learns the classes from real pixels only.
        for _ in range(config.critic_steps):
            codes = _draw(data.codes, config.batch, random)
            with cast, torch.no_grad():
                latents = generator.draw_latents(codes, random)
                fake = generator(latents, one_hot(codes, classes)).float()
            real = _draw(pool, config.batch, random)
            with cast:
                difference, penalty = critic_terms(critic, real, fake, random)
            critic_loss = difference + config.penalty_weight * penalty
            descend(optimisers["critic"], critic, critic_loss)
            losses = {"critic": critic_loss, "wasserstein": -difference, "penalty": penalty}
            if classes:
                with cast:
                    losses["classifier"] = _classifier_loss(classifier, data, config, random)
                descend(optimisers["classifier"], classifier, losses["classifier"])

        # The generator wants high scores, and its classes recognised.
        codes = _draw(data.codes, config.batch, random)
        weights = one_hot(codes, classes)
        with cast, _frozen(critic, classifier):
            fake = generator(generator.draw_latents(codes, random), weights)
            losses["generator"] = -critic(fake).float().mean()
            if classes:
                auxiliary = F.cross_entropy(classifier(fake).float(), codes)
                losses["generator"] = losses["generator"] + config.auxiliary_weight * auxiliary
        descend(optimisers["generator"], generator, losses["generator"])

        values = state.check(losses)
        is_last = step + 1 == config.steps
        if (step + 1) % config.report_every == 0 or is_last:
            if validate is not None and (
                is_last or (step + 1) % (_REPORTS_PER_VALIDATION * config.report_every) == 0
            ):
                values["distance"] = float(np.mean(validate(generator)))
            state.tell(values, report)
    return generator.eval(), state


def critic_terms(
    critic: HyperCritic, real: Tensor, fake: Tensor, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return E[D(fake)] - E[D(real)], and the gradient penalty at U(0, 1) interpolates.

    Gulrajani et al. (NeurIPS 2017), equation 3. The scores of both halves come from one pass, and
    the gradient from its closed form.
    """
    scores = critic(torch.cat([fake, real])).float()
    difference = scores[: len(fake)].mean() - scores[len(fake) :].mean()
    share = torch.rand(len(real), 1, generator=random, device=real.device)
    gradient = critic.input_gradient(real + share * (fake - real)).float()
    return difference, ((gradient.norm(dim=1) - 1) ** 2).mean()


def _classifier_loss(
    classifier: nn.Module, data: SpectraTensors, config: HyperganConfig, random: torch.Generator
) -> Tensor:
    device = data.spectra.device
    pick = torch.randint(len(data.codes), (config.batch,), generator=random, device=device)
    spectra, codes = data.spectra[pick], data.codes[pick]
    if not config.mixup_alpha:
        return F.cross_entropy(classifier(spectra).float(), codes)
    # Mixup (Zhang et al., ICLR 2018): a Beta variable out of two gamma variables.
    alpha = torch.full((2,), config.mixup_alpha, device=device)
    share = torch._standard_gamma(alpha, generator=random)
    keep = share[0] / share.sum().clamp_min(torch.finfo(torch.float32).tiny)
    order = torch.randperm(config.batch, generator=random, device=device)
    logits = classifier(keep * spectra + (1 - keep) * spectra[order]).float()
    first, second = F.cross_entropy(logits, codes), F.cross_entropy(logits, codes[order])
    return keep * first + (1 - keep) * second


def _draw(rows: Tensor, count: int, random: torch.Generator) -> Tensor:
    pick = torch.randint(len(rows), (count,), generator=random, device=rows.device)
    return rows[pick]


class _frozen:  # noqa: N801 - reads as a verb in the loop
    """Within the block these modules pass gradients on, and gather none themselves."""

    def __init__(self, *modules: nn.Module) -> None:
        self.modules = modules

    def __enter__(self) -> None:
        for module in self.modules:
            module.requires_grad_(False)

    def __exit__(self, *error: object) -> None:
        for module in self.modules:
            module.requires_grad_(True)
