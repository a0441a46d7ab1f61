"""Training the networks that repair decoded components."""

import math

import pytest
import torch

from hsigan.errors import DivergedError, InputError
from hsigan.models.component_repair import ComponentRepair, noise_bands
from hsigan.training.component_repair import (
    RepairConfig,
    fit_amplitudes,
    train_faithful,
    train_realistic,
    with_noise,
)
from hsigan.training.repair_examples import Crops, RepairExample, make_example
from hsigan.training.run_folder import RunFolder

COMPONENTS = 3


def config(**settings):
    small = {
        "amplitude_steps": 2,
        "width": 4,
        "layers": 2,
        "components": COMPONENTS,
        "crop_px": 12,
        "batch": 4,
    }
    return RepairConfig(**{**small, "critic_width": 4, "precision": "fp32", **settings})


def example(height=20, width=24, share=0.5, seed=0):
    """A decoder that makes all details smaller by the same factor."""
    random = torch.Generator().manual_seed(seed)
    decoded = 2 * torch.randn(COMPONENTS, height, width, generator=random)
    found = make_example(decoded, decoded, torch.tensor([1.0, 0.5, 0.0]), COMPONENTS)
    return RepairExample(share * found.evidence[:, 0], found.evidence, found.facts)


def network(**settings):
    torch.manual_seed(0)
    return ComponentRepair(width=4, layers=2, **settings)


def test_a_faithful_network_learns_what_is_lost():
    losses = []
    settings = config(faithful_steps=80, faithful_rate=2e-2, report_every=10)
    train_faithful(
        [example()], network(), settings, 0, report=lambda _, v: losses.append(v["error"])
    )
    assert losses[0] > 0.8
    assert losses[-1] < 0.3


def test_a_realistic_network_starts_from_the_faithful_one_and_leaves_it_alone():
    faithful = network()
    torch.nn.init.normal_(faithful.correction.weight, std=0.1)
    before = {name: tensor.clone() for name, tensor in faithful.state_dict().items()}
    same, shown = with_noise(faithful), example()
    inputs = shown.evidence[None].float(), shown.facts[None]
    assert torch.equal(same.correct(*inputs), faithful.correct(*inputs))

    trained, _ = train_realistic([shown], faithful, config(realistic_steps=4), 0)
    assert trained.amplitudes.weight.abs().sum() > 0
    assert all(torch.equal(before[name], t) for name, t in faithful.state_dict().items())


def test_amplitudes_are_those_of_what_is_lost():
    random = torch.Generator().manual_seed(0)
    shown, trained = example(48, 48), with_noise(network())
    lost = 0.5 * torch.randn(COMPONENTS, 48, 48, generator=random)
    noisy = RepairExample(lost, 0 * shown.evidence, shown.facts)
    settings = config(amplitude_steps=150, faithful_rate=2e-2, amplitude_share=1.0)
    fit_amplitudes(Crops([noisy], COMPONENTS, 24, 4), trained, settings, random)
    noise = noise_bands(torch.randn(1, COMPONENTS, 48, 48, generator=random))
    added = trained.correct(noisy.evidence[None].float(), noisy.facts[None], noise)[0]
    assert float(added.detach().std()) == pytest.approx(0.5, rel=0.15)


@pytest.mark.parametrize(("allowed_db", "is_dearer"), [(0.0, True), (20.0, False)])
def test_error_costs_more_as_long_as_it_is_too_large(allowed_db, is_dearer):
    faithful = network()
    train_faithful([example()], faithful, config(faithful_steps=60, faithful_rate=2e-2), 0)
    settings = config(realistic_steps=5, realistic_rate=1e-2, most_loss_db=allowed_db)
    _, state = train_realistic([example()], faithful, settings, 0)
    assert (state.numbers["log_multiplier"] > 0) is is_dearer


def test_training_repeats():
    first, second = network(), network()
    for each in (first, second):
        train_faithful([example()], each, config(faithful_steps=3), 7)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_finished_run_is_read_back(tmp_path):
    settings = config(faithful_steps=3)
    run = RunFolder.create(tmp_path / "run", settings.model_dump())
    trained, other = network(), network()
    train_faithful([example()], trained, settings, 0, run)
    state = train_faithful([example(seed=1)], other, settings, 1, run)
    assert state.step == 3
    for a, b in zip(trained.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def test_crops_turn_all_that_belongs_together():
    shown = example(share=1.0)
    draw = Crops([shown], COMPONENTS, 8, 6)
    lost, evidence, facts = draw(torch.Generator().manual_seed(3))
    assert torch.equal(lost, evidence[:, :, 0])
    assert torch.equal(facts[0], shown.facts)
    assert (evidence[:, :, -1] >= 0).all()  # a logarithm of energies


@pytest.mark.parametrize("size", [(1, 1), (3, 30), (30, 5)])
def test_small_scenes_are_mirrored_and_missing_components_are_zero(size):
    lost, evidence, facts = Crops([example(*size)], 5, 16, 2)(torch.Generator())
    assert lost.shape == (2, 5, 16, 16)
    assert evidence.shape[:2] == facts.shape[:2] == (2, 5)
    assert lost[:, COMPONENTS:].abs().sum() == 0
    assert set(lost.abs().unique().tolist()) <= set(
        example(*size).lost.float().abs().unique().tolist()
    ) | {0.0}


def test_components_as_good_as_exact_or_lost_are_left_out():
    planes = torch.randn(5, 8, 8)
    ratios = torch.tensor([math.log(100), math.log(50), math.log(3), 0.0, -4.0])
    kept = make_example(planes, planes.round(), ratios, 8)
    assert torch.equal(kept.lost, (planes - planes.round())[2:4].half())
    assert make_example(planes, planes, torch.full((5,), math.log(40)), 8) is None


def test_what_cannot_be_trained_is_refused():
    with pytest.raises(InputError, match="one coded scene or more"):
        train_faithful([], network(), config(), 0)
    broken = example()
    broken.lost[:] = math.nan
    with pytest.raises(DivergedError, match="not finite"):
        train_faithful([broken], network(), config(faithful_steps=2), 0)
