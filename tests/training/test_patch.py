"""The patch GAN's loop: its terms, its stopping and resuming, what it keeps."""

import signal

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional as F  # noqa: N812

from hsigan.errors import DivergedError
from hsigan.models.patch_class_units import ClassUnitsGenerator
from hsigan.models.patch_critics import PatchCritic
from hsigan.models.patch_per_class import PerClassCritic
from hsigan.recipe import build_config, load_recipe
from hsigan.training.patch import PatchConfig, PatchTensors, critic_terms, train_patch
from hsigan.training.run_folder import RunFolder

BANDS, SIDE, CLASSES = 16, 3, 2


def tensors(seed=0):
    random = torch.Generator().manual_seed(seed)
    codes = torch.arange(20) % CLASSES
    features = torch.randn(20, 1, BANDS, SIDE, SIDE, generator=random) + codes.view(-1, 1, 1, 1, 1)
    return PatchTensors(features, codes, CLASSES)


def networks(per_class=False):
    torch.manual_seed(5)
    sizes = {"width": 2, "convolution": "factorised"}
    generator = ClassUnitsGenerator(BANDS, SIDE, CLASSES, per_class, noise=3, **sizes)
    return generator, (PerClassCritic if per_class else PatchCritic)(BANDS, SIDE, CLASSES, **sizes)


def train(run=None, report=None, data=None, validate=None, **settings):
    defaults = {"steps": 6, "batch": 4, "validate_every": 2}
    config = PatchConfig(**{**defaults, **settings})
    return train_patch(
        data or tensors(), networks(config.per_class), config, 3, validate, run, report
    )


def weights(state):
    found = {}
    for name, module in state.modules.items():
        found |= {f"{name}.{key}": t.clone() for key, t in module.state_dict().items()}
    return found


def assert_same(first, second):
    assert [key for key in first if not torch.equal(first[key], second[key])] == []


@pytest.mark.parametrize("loss", ["relativistic", "cross-entropy"])
def test_terms_are_those_written_plainly(loss):
    critic = networks()[1].double()
    random = torch.Generator().manual_seed(1)
    real, fake = (torch.randn(4, 1, BANDS, SIDE, SIDE, generator=random).double() for _ in "ab")
    known = torch.eye(2).double()[[0, 1, 0, 1]]
    both = torch.cat([real, fake]).requires_grad_()
    score = critic(both, torch.cat([known, known]))
    gradient = torch.autograd.grad(score.sum(), both)[0].flatten(1).square().sum(dim=1)
    first, second = score[:4].float(), score[4:].float()
    ours, penalty = critic_terms(critic, real, fake, known, PatchConfig(loss=loss), random)
    plain = F.softplus(second - first).mean()
    if loss == "cross-entropy":
        plain = F.binary_cross_entropy_with_logits(first, torch.ones(4))
        plain = plain + F.binary_cross_entropy_with_logits(second, torch.zeros(4))
    torch.testing.assert_close(ours, plain)
    torch.testing.assert_close(penalty.double(), gradient[:4].mean() + gradient[4:].mean())


def test_the_plain_recipe_adds_nothing_to_cross_entropy_and_adam():
    plain = build_config(PatchConfig, load_recipe("gan", "conv3d-cross-entropy"))
    assert (plain.loss, plain.learning_rate, plain.betas) == ("cross-entropy", 2e-4, (0.5, 0.999))
    assert plain.penalty == plain.instance_noise == plain.averaging == 0
    settings = {"steps": 3, "batch": 4, "convolution": "factorised"}
    generator, _, state = train(**{**plain.model_dump(), **settings})
    last = state.modules["generator"].state_dict()
    assert_same(generator.state_dict(), last)


def test_the_finite_difference_estimates_the_exact_penalty():
    critic = networks()[1]
    random = torch.Generator().manual_seed(2)
    real, fake = (torch.randn(200, 1, BANDS, SIDE, SIDE, generator=random) for _ in "ab")
    exact = critic_terms(critic, real, fake, None, PatchConfig(), random)
    config = PatchConfig(penalty_method="finite-difference")
    drawn = [critic_terms(critic, real, fake, None, config, random) for _ in range(20)]
    assert drawn[0][0].item() == pytest.approx(exact[0].item(), rel=1e-5)
    assert np.mean([float(p.detach()) for _, p in drawn]) == pytest.approx(exact[1].item(), rel=0.1)


@pytest.mark.parametrize("per_class", [False, True])
def test_ctrl_c_leaves_a_run_that_continues_bit_for_bit(per_class, tmp_path):
    def interrupt(step, values):
        if step == 2:
            signal.raise_signal(signal.SIGINT)

    _, _, whole = train(per_class=per_class)
    _, _, part = train(RunFolder.create(tmp_path / "run", {}), interrupt, per_class=per_class)
    assert part.interrupted
    assert part.step == 2
    run = RunFolder.create(tmp_path / "run", {}, resume=True)
    _, _, state = train(run, per_class=per_class)
    assert state.step == 6
    assert_same(weights(state), weights(whole))


def test_classes_take_their_turns():
    before = networks(per_class=True)[0].state_dict()
    generator, _, _ = train(steps=1, per_class=True)
    changed = {
        key.split(".")[2]
        for key, tensor in generator.state_dict().items()
        if not torch.equal(tensor, before[key])
    }
    assert changed == {"0"}


def test_the_lowest_validation_distance_is_kept():
    distances = iter([3.0, 1.0, 2.0])
    seen = []

    def validate(generator):
        seen.append({k: t.clone() for k, t in generator.state_dict().items()})
        return [next(distances)]

    generator, _, state = train(validate=validate)
    assert state.numbers["best_step"] == 4
    assert_same(generator.state_dict(), seen[1])


def test_unlabelled_patches_train_the_class_blind_critic_alone():
    data = tensors()
    more = PatchTensors(data.features, data.codes, CLASSES, data.features + 3)
    _, without, _ = train(steps=1)
    _, with_them, _ = train(steps=1, data=more)
    assert not torch.equal(with_them.score.weight, without.score.weight)


def test_divergence_names_step_and_tensor(tmp_path):
    run = RunFolder.create(tmp_path, {})
    with pytest.raises(DivergedError, match=r"step [12]\b.*(weights|gradient).*learning rate"):
        train(run, learning_rate=1e30)
    assert not run.has("state")


@pytest.mark.parametrize(
    "settings",
    [{"start": "density"}, {"start": "density", "components": 9, "per_class": True}],
)
def test_settings_that_do_not_fit_together_are_refused(settings):
    with pytest.raises(ValidationError, match="density"):
        PatchConfig(**settings)


def test_momenta_that_the_optimiser_would_refuse_are_refused_at_once():
    with pytest.raises(ValidationError, match="below 1"):
        PatchConfig(betas=(0.5, 1.0))


def test_attention_without_bands_to_weigh_is_refused() -> None:
    with pytest.raises(ValueError, match="needs components = 0"):
        PatchConfig(attention=True, components=20)
