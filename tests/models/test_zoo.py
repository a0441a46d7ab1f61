"""Contracts that every network of the zoo keeps, whatever it makes or judges."""

import json
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from hsigan.models.generators import KernelGenerator
from hsigan.models.zoo import CLASSIFIERS, CRITICS, GENERATORS

Case = tuple[str, dict[str, Any]]

PIXELS: list[Case] = [
    ("hyper", {"bands": 33, "classes": 5, "noise": 3, "width": 11}),
    ("hyper", {"bands": 9, "classes": 0, "noise": 3, "width": 11}),
    ("kernel", KernelGenerator(7, 2, 4, noise=3, width=11).arguments),
]
PATCHES: list[Case] = [
    ("patch", {"bands": bands, "patch_px": px, "classes": k, "width": 4, **network})
    for bands, px, k, network in (
        (16, 3, 0, {"convolution": "factorised"}),
        (16, 3, 2, {"convolution": "3d", "attention": True}),
        (17, 4, 3, {"convolution": "factorised", "attention": True}),
        (103, 9, 2, {"convolution": "factorised"}),
        (103, 9, 0, {"convolution": "3d"}),
        (450, 3, 0, {"convolution": "factorised", "attention": True}),
        (16, 32, 2, {"convolution": "factorised"}),
    )
]
PER_CLASS: Case = ("patch-per-class", {"bands": 17, "patch_px": 4, "classes": 2, "width": 4})
GENERATOR_CASES: list[Case] = [
    *PIXELS,
    *PATCHES,
    PER_CLASS,
    ("patch-class-units", PER_CLASS[1]),
    ("patch-kernel", {"features": 5, "patch_px": 4, "classes": 2, "anchors": 4, "width": 8}),
]
CRITIC_CASES: list[Case] = [
    ("hyper", {"bands": 33, "width": 11}),
    ("projection", {"features": 7, "classes": 2, "width": 11}),
    *PATCHES,
    PER_CLASS,
]
CLASSIFIER_CASES: list[Case] = [
    (name, {"bands": 17, "classes": 3} | ({} if name == "nn-1d" else {"patch_px": 9}))
    for name in CLASSIFIERS
]


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(zoo: dict[str, type[nn.Module]], case: Case) -> nn.Module:
    """Build with a seed, and move every parameter a little: what starts at zero tests nothing."""
    torch.manual_seed(1)
    network = zoo[case[0]](**case[1]).eval()
    random = draws(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=random))
    return network


def class_weights(arguments: dict[str, Any], count: int) -> Tensor:
    classes = arguments.get("classes", 0)
    codes = torch.arange(count) % max(1, classes)
    return torch.eye(classes)[codes] if classes else torch.zeros(count, 0)


def generator_inputs(network: nn.Module, arguments: dict[str, Any], count: int) -> tuple[Any, ...]:
    weights = class_weights(arguments, count)
    codes = torch.arange(count) % max(1, weights.shape[1])
    return network.draw_latents(codes, draws(3)), weights


def samples(arguments: dict[str, Any], count: int) -> Tensor:
    px = arguments.get("patch_px", 0)
    length = arguments.get("bands", arguments.get("features"))
    shape = (count, 1, length, px, px) if px else (count, length)
    return torch.randn(shape, generator=draws(4))


def critic_inputs(case: Case, count: int) -> tuple[Any, ...]:
    x, weights = samples(case[1], count), class_weights(case[1], count)
    return (x, weights) if weights.shape[1] else (x,)


def classifier_inputs(case: Case, count: int) -> tuple[Any, ...]:
    x = samples(case[1], count)
    return (x[:, 0] if x.ndim == 5 else x,)


def starved(network: nn.Module) -> list[str]:
    """Name the parameters that no gradient has reached."""
    return [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]


def rebuilt(network: nn.Module) -> nn.Module:
    """Send a network through the bytes that a run keeps of it."""
    arguments = json.loads(json.dumps(network.arguments))
    whole = {name: value.contiguous() for name, value in network.state_dict().items()}
    weights = safetensors.torch.load(safetensors.torch.save(whole))
    again = type(network)(**arguments)
    again.load_state_dict(weights)
    return again.eval()


def identify(case: Case) -> str:
    return "-".join([case[0], *(str(value) for value in case[1].values())])


@pytest.mark.parametrize("case", GENERATOR_CASES, ids=identify)
class TestGenerators:
    def test_samples_depend_on_every_parameter_latent_and_class(self, case: Case) -> None:
        network = build(GENERATORS, case)
        latents, weights = generator_inputs(network, case[1], 6)
        latents.requires_grad_()
        weights.requires_grad_()
        output = network(latents, weights)
        assert output.shape == samples(case[1], 6).shape
        (output * torch.randn(output.shape, generator=draws(5))).sum().backward()
        assert not starved(network)
        if case[0] != "kernel":  # whose u is spread by roots that are all zero here
            assert (latents.grad.abs().sum(dim=0) > 0).all()
        if case != PER_CLASS:  # there the heaviest weight picks a network
            assert (weights.grad.abs().sum(dim=0) > 0).all()

    def test_one_sample_alone_is_what_it_is_among_others(self, case: Case) -> None:
        network = build(GENERATORS, case)
        latents, weights = (given.double() for given in generator_inputs(network, case[1], 3))
        network.double()
        with torch.no_grad():
            together = network(latents, weights)
            alone = [network(latents[i : i + 1], weights[i : i + 1]) for i in range(3)]
        torch.testing.assert_close(torch.cat(alone), together)

    def test_seeds_decide_and_files_keep_everything(self, case: Case) -> None:
        network, twin = build(GENERATORS, case), build(GENERATORS, case)
        again = rebuilt(network)
        inputs = generator_inputs(network, case[1], 2)
        codes = torch.zeros(2, dtype=torch.long)
        assert torch.equal(again.draw_latents(codes, draws()), twin.draw_latents(codes, draws()))
        assert not torch.equal(
            again.draw_latents(codes, draws()), again.draw_latents(codes, draws(9))
        )
        with torch.no_grad():
            assert torch.equal(network(*inputs), twin(*inputs))
            assert torch.equal(network(*inputs), again(*inputs))


@pytest.mark.parametrize(
    ("zoo", "case"),
    [(CRITICS, case) for case in CRITIC_CASES] + [(CLASSIFIERS, case) for case in CLASSIFIER_CASES],
    ids=lambda value: identify(value) if isinstance(value, tuple) else "",
)
class TestJudges:
    def test_judgements_depend_on_every_parameter(self, zoo: dict[str, Any], case: Case) -> None:
        network = build(zoo, case)
        output = network(*self.inputs(zoo, case, 6))
        assert output.shape == ((6,) if zoo is CRITICS else (6, 3))
        output.square().sum().backward()
        assert not starved(network)

    def test_one_sample_alone_is_judged_as_among_others(
        self, zoo: dict[str, Any], case: Case
    ) -> None:
        network = build(zoo, case).double()
        inputs = [given.double() for given in self.inputs(zoo, case, 3)]
        with torch.no_grad():
            together = network(*inputs)
            alone = [network(*(given[i : i + 1] for given in inputs)) for i in range(3)]
        torch.testing.assert_close(torch.cat(alone), together)

    def test_seeds_decide_and_files_keep_everything(self, zoo: dict[str, Any], case: Case) -> None:
        network, twin = build(zoo, case), build(zoo, case)
        inputs = self.inputs(zoo, case, 2)
        with torch.no_grad():
            assert torch.equal(network(*inputs), twin(*inputs))
            assert torch.equal(network(*inputs), rebuilt(network)(*inputs))

    @staticmethod
    def inputs(zoo: dict[str, Any], case: Case, count: int) -> tuple[Any, ...]:
        return critic_inputs(case, count) if zoo is CRITICS else classifier_inputs(case, count)


def test_every_network_of_the_zoo_has_a_case() -> None:
    assert {name for name, _ in GENERATOR_CASES} == set(GENERATORS)
    assert {name for name, _ in CRITIC_CASES} == set(CRITICS)
    assert {name for name, _ in CLASSIFIER_CASES} == set(CLASSIFIERS)
