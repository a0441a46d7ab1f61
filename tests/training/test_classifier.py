"""Training a classifier network: it learns, it can be repeated, it says when it fails."""

import pytest
import torch

from hsigan.errors import DivergedError, InputError
from hsigan.models.classifiers import CLASSIFIER_NETWORKS
from hsigan.training.classifier import (
    ClassifierTraining,
    LabelledTensors,
    train_classifier_network,
)


def _data(count: int = 60, seed: int = 0) -> LabelledTensors:
    generator = torch.Generator().manual_seed(seed)
    codes = torch.arange(count) % 3
    spectra = torch.randn(count, 6, generator=generator)
    spectra[torch.arange(count), codes] += 4.0
    return LabelledTensors(spectra, codes, torch.ones(count))


def _network(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    return CLASSIFIER_NETWORKS[name](6, 3, width=16)


@pytest.mark.parametrize("name", CLASSIFIER_NETWORKS)
def test_every_network_gives_logits_and_a_gradient_to_every_parameter(name: str) -> None:
    network = _network(name)
    logits = network(_data().spectra)
    assert logits.shape == (60, 3)
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_training_learns_and_is_repeatable() -> None:
    options = ClassifierTraining(batch=20, max_steps=120)
    networks = [_network("nn-1d") for _ in range(2)]
    for network in networks:
        assert train_classifier_network(network, _data(), None, options, seed=1) == 120
    first, second = (network(_data(seed=1).spectra) for network in networks)
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert (first.argmax(dim=1) == _data(seed=1).codes).float().mean() > 0.9


def test_epochs_are_passes_and_switch_stopping_off() -> None:
    options = ClassifierTraining(batch=20, epochs=7, max_steps=1, check_every=1, patience=1)
    steps = train_classifier_network(_network("nn-1d"), _data(), _data(seed=2), options, seed=0)
    assert steps == 7 * 3


def test_weight_zero_means_not_there() -> None:
    data = _data()
    twisted = LabelledTensors(
        torch.cat([data.spectra, data.spectra]),
        torch.cat([data.codes, (data.codes + 1) % 3]),
        torch.cat([torch.full((60,), 2.0), torch.zeros(60)]),
    )
    network = _network("nn-1d")
    train_classifier_network(network, twisted, None, ClassifierTraining(max_steps=80), seed=0)
    assert (network(data.spectra).argmax(dim=1) == data.codes).float().mean() > 0.95


def test_a_loss_that_is_not_finite_is_named_with_its_step() -> None:
    data = _data()
    data.spectra[0, 0] = torch.nan
    with pytest.raises(DivergedError, match="step 20"):
        train_classifier_network(_network("nn-1d"), data, None, ClassifierTraining(), seed=0)
    with pytest.raises(InputError, match="'batch'"):
        ClassifierTraining(batch=0)
