"""Contracts that every compression network of the zoo keeps."""

import json
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from hsigan.errors import InputError
from hsigan.models.compression_blocks import SqueezeExcitation
from hsigan.models.compression_model import Coded, CompressionModel
from hsigan.models.compression_zoo import (
    AUTOENCODERS,
    COMPRESSORS,
    DISCRIMINATORS,
    HIFIC_VARIANTS,
)

SMALL = {
    "stages": [3, 6, 6, 9, 12],
    "latent": 6,
    "hyper": 5,
    "residual_blocks": 1,
    "discriminator": [4, 5, 6, 7],
}
Case = tuple[str, int, int]
HIFIC: list[Case] = [(name, 17, 32) for name in HIFIC_VARIANTS]
HIFIC += [("hific", 1, 16), ("hific-se", 2, 48), ("hific-3d", 1, 16), ("hific-3d", 450, 16)]
BASELINES: list[Case] = [
    ("cae-1d", 16, 8),
    ("cae-1d", 33, 32),
    ("sscnet", 450, 16),
    ("sscnet", 17, 4),
    ("cae-3d", 18, 16),
    ("cae-3d", 450, 8),
]


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def hific(case: Case) -> CompressionModel:
    """Build with a seed; move every parameter, and widen the latents so that integers vary."""
    name, bands, tile_px = case
    torch.manual_seed(1)
    model = COMPRESSORS["hific"](bands, tile_px, SMALL, **HIFIC_VARIANTS[name])
    random = draws(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=random))
        for part in model.modules():
            if isinstance(part, SqueezeExcitation):
                part.squeeze.bias.add_(1.0)  # one hidden neuron here: let it not be dead
        for part in (model.encoder.layers, model.hyperprior.analysis.layers):
            last = [parameter for parameter in part.parameters() if parameter.ndim > 1][-1]
            last.mul_(30.0)
    return model


def tiles(case: Case, count: int) -> Tensor:
    return torch.rand(count, case[1], case[2], case[2], generator=draws(4))


def starved(network: nn.Module) -> list[str]:
    return [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]


def rebuilt(network: nn.Module) -> nn.Module:
    """Send a network through the bytes that a run keeps of it."""
    arguments = json.loads(json.dumps(network.arguments))
    weights = safetensors.torch.load(safetensors.torch.save(dict(network.state_dict())))
    again = type(network)(**arguments)
    again.load_state_dict(weights)
    return again.eval()


def identify(case: Case) -> str:
    return "-".join(str(value) for value in case)


def loss_of(coded: Coded) -> Tensor:
    weights = torch.randn(coded.reconstruction.shape, generator=draws(5))
    rates = coded.y_bits.sum() + coded.z_bits.sum() + 1e-3 * coded.se_l1
    return (coded.reconstruction * weights).sum() + 1e-2 * rates


@pytest.mark.parametrize("case", HIFIC, ids=identify)
class TestHiFiC:
    def test_training_reaches_every_parameter(self, case: Case) -> None:
        model = hific(case).train()
        level = torch.tensor([0.0, 1.5, 3.2, 4.0])
        count = 4 if model.gains.levels > 1 else 2
        coded = model(tiles(case, count), level[:count], draws(3))
        assert coded.reconstruction.shape == tiles(case, count).shape
        assert coded.y_bits.shape == coded.z_bits.shape == (count,)
        loss_of(coded).backward()
        assert not starved(model)

    def test_forward_is_analysis_and_synthesis(self, case: Case) -> None:
        model = hific(case).eval()
        x = tiles(case, 2)
        model.freeze(x)
        with torch.no_grad():
            coded = model(x, 1.3)
        symbols = model.analyse(x, 1.3)
        assert torch.equal(model.synthesise(symbols.z, symbols.y, 1.3), coded.reconstruction)
        assert torch.equal(model.indexes(symbols.z), symbols.indexes)
        assert model.symbol_shapes() == (symbols.z.shape[1:], symbols.y.shape[1:])
        assert symbols.z.unique().numel() > 1
        assert symbols.y.unique().numel() > 1
        assert (symbols.z.dtype, symbols.y.dtype) == (torch.int32, torch.int32)
        assert symbols.indexes.dtype == torch.uint8

    def test_one_tile_alone_is_what_it_is_among_others(self, case: Case) -> None:
        model = hific(case).eval().double()
        x = tiles(case, 3).double()
        with torch.no_grad():
            together = model(x)
            alone = [model(x[i : i + 1]) for i in range(3)]
        for name in ("reconstruction", "y_bits", "z_bits", "latents"):
            joined = torch.cat([getattr(coded, name) for coded in alone])
            torch.testing.assert_close(joined, getattr(together, name))

    def test_seeds_decide_and_files_keep_everything(self, case: Case) -> None:
        model, twin = hific(case), hific(case)
        x = tiles(case, 1)
        with torch.no_grad():
            one, two, other = (model(x, 0.0, draws(seed)).y_bits for seed in (7, 7, 8))
            assert torch.equal(one, two)
            assert not torch.equal(one, other)
            model.eval().freeze(x)
            twin.eval().freeze(x)
            again = rebuilt(model)
            assert again.frozen
            first, second, third = (part(x, 2.0) for part in (model, twin, again))
        for name in ("reconstruction", "y_bits", "z_bits", "latents"):
            assert torch.equal(getattr(first, name), getattr(second, name))
            assert torch.equal(getattr(first, name), getattr(third, name))

    def test_tiles_of_another_size_are_refused(self, case: Case) -> None:
        model = hific(case).eval()
        _, bands, px = case
        for shape in ((1, bands, px, px - 1), (1, bands, px + 16, px + 16), (1, bands + 1, px, px)):
            with pytest.raises(InputError, match="tiles must have the shape"):
                model.analyse(torch.zeros(shape))


@pytest.mark.parametrize("case", BASELINES, ids=identify)
class TestAutoencoders:
    def test_training_reaches_every_parameter_at_any_size(self, case: Case) -> None:
        network = self.build(case).train()
        x = tiles(case, 2)[:, :, :-1, :-3]
        decoded = network(x)
        assert decoded.shape == x.shape
        assert ((decoded > 0) & (decoded < 1)).all()
        (decoded * torch.randn(x.shape, generator=draws(5))).sum().backward()
        assert not starved(network)

    def test_forward_is_encoding_and_decoding(self, case: Case) -> None:
        network = self.build(case).eval()
        x = tiles(case, 3)[:, :, 1:, :-3]
        with torch.no_grad():
            together = network(x)
            latents = network.encode(x[1:2])
            alone = network.decode(latents, (x.shape[2], x.shape[3]))
        torch.testing.assert_close(alone, together[1:2])
        assert latents.shape[1] == network.latent_channels
        assert latents.shape[2] == -(-x.shape[2] // network.latent_step)

    def test_latents_are_as_many_as_the_ratio_says(self, case: Case) -> None:
        network = self.build(case).eval()
        name, bands, px = case
        ratio, step = network.arguments["ratio"], network.latent_step
        with torch.no_grad():
            latents = network.encode(tiles(case, 1)).numel()
        pixels = (-(-px // step) * step) ** 2
        unit = {"cae-1d": ratio, "sscnet": 1, "cae-3d": 4}[name]  # bands are padded to it
        whole = -(-bands // unit) * unit * pixels / ratio
        assert whole <= latents < whole + pixels / 64

    def test_seeds_decide_and_files_keep_everything(self, case: Case) -> None:
        network, twin = self.build(case).eval(), self.build(case).eval()
        x = tiles(case, 1)
        with torch.no_grad():
            assert torch.equal(network(x), twin(x))
            assert torch.equal(network(x), rebuilt(network)(x))

    @staticmethod
    def build(case: Case) -> nn.Module:
        name, bands, _ = case
        torch.manual_seed(1)
        width: dict[str, Any] = {"width": 12} if name == "sscnet" else {}
        return AUTOENCODERS[name](bands, 8, **width)


@pytest.mark.parametrize(("bands", "px", "name"), [(1, 16, "hific"), (17, 32, "hific")])
class TestDiscriminators:
    def test_judgement_depends_on_every_parameter_but_not_on_the_encoder(
        self, bands: int, px: int, name: str
    ) -> None:
        network, x, latents = self.build(bands, px, name)
        latents.requires_grad_()
        real, fake = network.both(x, x.flip(0), latents)
        assert real.shape == fake.shape
        (real.square().sum() + fake.sum()).backward()
        assert not starved(network)
        assert latents.grad is None

    def test_each_tile_is_judged_under_its_own_latents(
        self, bands: int, px: int, name: str
    ) -> None:
        network, x, latents = self.build(bands, px, name)
        network.eval()
        with torch.no_grad():
            real, fake = network.both(x, x.flip(0), latents)
            torch.testing.assert_close(real, network(x, latents))
            torch.testing.assert_close(fake, network(x.flip(0), latents))
            swapped = network(x, latents.flip(0))
        assert not torch.allclose(real, swapped)

    def test_files_keep_everything(self, bands: int, px: int, name: str) -> None:
        network, x, latents = self.build(bands, px, name)
        network.eval()
        with torch.no_grad():
            assert torch.equal(network(x, latents), rebuilt(network)(x, latents))

    @staticmethod
    def build(bands: int, px: int, name: str) -> tuple[nn.Module, Tensor, Tensor]:
        torch.manual_seed(1)
        network = DISCRIMINATORS[name](bands, 6, (4, 5, 6, 7))
        side = px // 16
        return (
            network,
            tiles((name, bands, px), 3),
            torch.randn(3, 6, side, side, generator=draws(6)),
        )


def test_every_network_of_the_zoo_has_a_case() -> None:
    assert {name for name, _, _ in HIFIC} == set(HIFIC_VARIANTS)
    assert {name for name, _, _ in BASELINES} == set(AUTOENCODERS)
    assert set(COMPRESSORS) == set(DISCRIMINATORS) == {"hific"}


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"tile_px": 24}, "tile_px"),
        ({"tile_px": 0}, "tile_px"),
        ({"widths": "huge"}, "widths"),
        ({"widths": {**SMALL, "stages": [3, 6]}}, "five stages"),
        ({"widths": {"latent": 3}}, "cannot be read"),
        ({"widths": {**SMALL, "latent": 7}, "conv3d": "everywhere"}, "common divisor"),
    ],
)
def test_impossible_models_are_refused(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        CompressionModel(**{"bands": 4, "tile_px": 16, "widths": SMALL, **arguments})


def test_impossible_autoencoders_are_refused() -> None:
    for name, ratio in (("cae-1d", 5), ("cae-3d", 3), ("sscnet", 0)):
        with pytest.raises(InputError, match="ratio"):
            AUTOENCODERS[name](16, ratio)


@pytest.mark.parametrize(("bands", "width"), [(205, 64), (16, 12)])
def test_the_signal_passes_sscnet_before_any_training(bands: int, width: int) -> None:
    """With weights that let it die, training finds the mean of all scenes and nothing else."""
    torch.manual_seed(0)
    network = AUTOENCODERS["sscnet"](bands, 16, width)
    with torch.no_grad():
        latents = network.encode(torch.rand(4, bands, 32, 32))
        decoded = network.decoder[:-1](latents)  # before the sigmoid
    assert latents.std() > 0.2
    assert decoded.std() > 0.1
