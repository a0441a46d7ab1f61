"""The training of HiFiC's family: first without the GAN, then with it (Byju et al., section III).

::

    crops x ─> CompressionModel ─> x', bits ──> lambda r + theta . (MSE, 1 - SSIM, LPIPS)   (2, 4)
                                   └ stage 2 ─> - beta log D(x', y)                         (2)
                     discriminator on x and x', each under the latents y                    (3)

Stage 2 starts from stage 1's weights with fresh optimisers. It trains all networks, as the paper
does, or the generator alone: encoder and entropy model then stay as they are, and one file serves
the decoder of stage 1 ("faithful") and that of stage 2 ("realistic").
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hsigan.models.compression_losses import RateTarget, discriminator_loss, generator_loss
from hsigan.models.compression_model import Coded
from hsigan.models.hific import Discriminator
from hsigan.models.scene_model import SceneModel
from hsigan.models.tile_level import TileLevel
from hsigan.training.averaging import follow
from hsigan.training.compression_config import CompressionConfig
from hsigan.training.distributed import descend
from hsigan.training.held_out import HeldOut, Measured, measure
from hsigan.training.plane_distortion import PlaneDistortion
from hsigan.training.precision import autocast
from hsigan.training.rate_control import RateControl, table_weight
from hsigan.training.run_folder import RunFolder
from hsigan.training.scene_crops import RandomCrops
from hsigan.training.state import Report, TrainingState

_LAST_RATE = 0.1
_LEAST_RATE = 0.02


@dataclass(frozen=True)
class CompressionData:
    """What a training sees: planes (K, H, W) of training scenes, and scenes that are held out."""

    images: Sequence[Tensor]
    held_out: Sequence[HeldOut]


@dataclass(frozen=True)
class TrainedCompression:
    """What comes of a training.

    Attributes
    ----------
    model : the codec, its generator that of the last step
    faithful : state of the generator at the end of stage 1 where stage 2 trained nothing else, and
        so the files of both decoders are the same; None where there is but one decoder
    state : steps, numbers, and whether the training was interrupted
    """

    model: SceneModel
    faithful: Mapping[str, Tensor] | None
    state: TrainingState


def train_compression(
    data: CompressionData,
    model: SceneModel,
    config: CompressionConfig,
    seed: int,
    distortion: PlaneDistortion,
    run: RunFolder | None = None,
    report: Report | None = None,
) -> TrainedCompression:
    """Train a model in place, in both stages; Ctrl-C leaves a state that goes on bit for bit.

    Parameters
    ----------
    data, model
        Crops and held-out scenes; a model whose front is set, on the device to train on.
    config, seed
        Settings, and the seed of crops and noise.
    distortion
        Equation 4.
    run, report
        Where to save and log, and whom to tell.

    Raises
    ------
    DivergedError
        A loss is not finite; the message names the step.
    """
    device = model.front.mean.device
    widths = model.core.widths
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        critic = Discriminator(model.front.planes, widths.latent, widths.discriminator).to(device)
    average = copy.deepcopy(model).requires_grad_(False)
    faithful = copy.deepcopy(average.core.generator)
    optimisers = {
        "model": torch.optim.Adam(_groups(model, config), lr=config.learning_rate),
        "critic": torch.optim.Adam(critic.parameters(), lr=config.learning_rate),
    }
    modules = {"model": model, "critic": critic, "average": average, "faithful": faithful}
    random = torch.Generator().manual_seed(seed)
    state = TrainingState(modules, optimisers, random, run)
    state.resume()
    controls = rate_controls(config, state.numbers)
    crops = RandomCrops(data.images, config.crop_px, config.margin_px)
    stages = _Stages(config, state)
    cast = autocast(config.precision, device)

    for step in state.steps(config.all_steps):
        adversarial = stages.enter(step)
        x = _augment(crops.draw(config.batch, random).to(device), model, config, random)
        noise = torch.Generator(device).manual_seed(int(torch.randint(2**31, (), generator=random)))
        level = int(torch.randint(config.levels, (), generator=random))
        control = controls[level]

        # Code the crops; what the rate weighs depends on whether they took more than they may.
        own = TileLevel.of(x) if config.tile_level else None
        planes = x if own is None else own.take_off(x)
        with cast, model.crops_of(config.crop_px):
            coded = model.core(planes, float(level), noise)
        bpp = (coded.y_bits + coded.z_bits).float().mean() / config.crop_px**2
        weight = control.weight(step, float(bpp.detach()))
        made = coded.reconstruction.float()
        looks = adversarial or config.perceptual_from == "start"
        terms = distortion(x, made if own is None else own.put_on(made), noise, looks)
        loss = weight * bpp + terms.total + config.se_l1_weight * coded.se_l1
        losses = {"loss": loss, "bpp": bpp, "psnr_db": _psnr(terms.mse_255)}

        # Stage 2: pass for real, and then tell the two apart.
        if adversarial:
            critic.requires_grad_(False)
            with cast:
                fooled = generator_loss(critic(coded.reconstruction, coded.latents).float())
            loss = loss + config.gan_weight * fooled
            losses |= {"adversarial": fooled}
        descend(optimisers["model"], model, loss, config.gradient_limit)
        if adversarial:
            losses["critic"] = _train_critic(critic, optimisers["critic"], planes, coded)
        follow(average, model, min(config.averaging, (step + 1) / (step + 10)))
        values = state.check(losses)

        if (step + 1) % config.validate_every == 0 or step + 1 == config.all_steps:
            values |= {"lambda": weight, "bpppc": values["bpp"] / model.front.bands}
            values |= _look_elsewhere(average, data.held_out, controls, step + 1)
            state.tell(values, report)
    return TrainedCompression(average.eval(), stages.faithful(), state)


def rate_controls(config: CompressionConfig, numbers: dict[str, float]) -> list[RateControl]:
    """Return the control of each level, targets geometric from the lowest rate to the highest."""
    controls = []
    for level in range(config.levels):
        share = 1.0 if config.levels == 1 else level / (config.levels - 1)
        target = config.lowest_bpp ** (1 - share) * config.target_bpp**share
        above = table_weight(target) if config.weight_above is None else config.weight_above
        rule = RateTarget(target, above, config.weight_below)
        mode, gain = config.rate_control, config.rate_gain
        name = "" if config.levels == 1 else f"_{level}"
        controls.append(RateControl(rule, numbers, mode, gain, config.warm_up_steps, name))
    return controls


class _Stages:
    """Which stage a step belongs to, and what changes when the second one begins."""

    def __init__(self, config: CompressionConfig, state: TrainingState) -> None:
        self.config, self.state = config, state

    def enter(self, step: int) -> bool:
        """Prepare for a step; say whether it is one with the GAN."""
        config, modules = self.config, self.state.modules
        model, average = modules["model"], modules["average"]
        assert isinstance(model, SceneModel)  # for the type checker
        assert isinstance(average, SceneModel)
        adversarial = step >= config.steps
        if step == config.steps:
            modules["faithful"].load_state_dict(average.core.generator.state_dict())
            model.load_state_dict(average.state_dict())
            for optimiser in self.state.optimisers.values():
                optimiser.state.clear()
        if adversarial and config.gan_trains == "generator":
            model.requires_grad_(False)
            model.core.generator.requires_grad_(True)
        rate = _learning_rate(config, step)
        for optimiser in self.state.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = rate * group.get("multiplier", 1.0)
        model.train()
        return adversarial

    def faithful(self) -> Mapping[str, Tensor] | None:
        """Return stage 1's generator where stage 2 has begun and trains the generator alone."""
        if self.config.gan_trains == "all" or self.state.step <= self.config.steps:
            return None
        return self.state.modules["faithful"].state_dict()


def _learning_rate(config: CompressionConfig, step: int) -> float:
    """Return the step's learning rate: each stage has a schedule of its own."""
    length = config.steps if step < config.steps else config.gan_steps
    within = step if step < config.steps else step - config.steps
    share = within / max(1, length)
    rate = config.learning_rate * min(1.0, (within + 1) / max(1, config.ramp_steps))
    if config.schedule == "drop":
        return rate * (_LAST_RATE if share >= 0.5 else 1.0)
    return rate * max(_LEAST_RATE, 0.5 * (1 + math.cos(math.pi * share)))


def _groups(model: SceneModel, config: CompressionConfig) -> list[dict[str, Any]]:
    """Return the parameters of entropy model and gains apart: they may learn faster than the rest.

    The gains answer to the rate's weight: where they were slow, its control would overshoot.
    """
    entropy = list(model.core.hyperprior.parameters())
    if model.transform is not None:
        entropy += model.transform.parameters()
    apart = {id(parameter) for parameter in entropy}
    rest = [parameter for parameter in model.parameters() if id(parameter) not in apart]
    return [{"params": rest}, {"params": entropy, "multiplier": config.entropy_rate}]


def _augment(
    x: Tensor, model: SceneModel, config: CompressionConfig, random: torch.Generator
) -> Tensor:
    """Make crops brighter or darker, as other light would: multiply the scene's own values."""
    if not config.gain_augmentation:
        return x
    logs = config.gain_augmentation * torch.randn(len(x), 1, 1, 1, generator=random)
    gain = logs.exp().to(x.device)
    dark: Tensor = model.front(x.new_zeros(1, model.front.bands, 1, 1))
    return gain * x + (1 - gain) * dark


def _train_critic(
    critic: Discriminator, optimiser: torch.optim.Optimizer, real: Tensor, coded: Coded
) -> Tensor:
    critic.requires_grad_(True)
    fake = coded.reconstruction.detach().float()
    on_real, on_fake = critic.both(real, fake, coded.latents.detach().float())
    loss = discriminator_loss(on_real, on_fake)
    descend(optimiser, critic, loss)
    return loss


def _look_elsewhere(
    model: SceneModel, held_out: Sequence[HeldOut], controls: Sequence[RateControl], step: int
) -> dict[str, float]:
    """Measure held-out scenes at every level, and let the rate control know."""
    model.eval()
    values: dict[str, float] = {}
    for level, control in enumerate(controls):
        if not held_out:
            continue
        found: Measured = measure(model, held_out, float(level))
        control.correct(step, found.bpp)
        values |= {
            f"held_out_bpp{control.name}": found.bpp,
            f"held_out_bpppc{control.name}": found.bpp / model.front.bands,
            f"held_out_psnr_db{control.name}": found.psnr_db,
        }
    return values


def _psnr(mse_255: Tensor) -> Tensor:
    return 10 * torch.log10(255.0**2 / mse_255.clamp(min=1e-12))
