"""Contracts of every network that classifies patches."""

import pytest
import torch
from torch import nn

from hsigan.models.patch_classifiers import PATCH_CLASSIFIERS
from hsigan.models.patch_space import PatchSpace

SIZES = [(16, 3), (17, 4), (30, 9), (103, 7), (5, 6)]


def _network(name: str, bands: int, patch_px: int, classes: int = 3) -> nn.Module:
    torch.manual_seed(0)
    return PATCH_CLASSIFIERS[name](bands, patch_px, classes)


def _patches(count: int, bands: int, patch_px: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, bands, patch_px, patch_px, generator=generator)


@pytest.mark.parametrize("name", PATCH_CLASSIFIERS)
class TestEveryNetwork:
    @pytest.mark.parametrize(("bands", "patch_px"), SIZES)
    def test_any_patch_gives_logits_and_a_gradient_to_every_parameter(
        self, name: str, bands: int, patch_px: int
    ) -> None:
        network = _network(name, bands, patch_px)
        logits = network(_patches(4, bands, patch_px))
        assert logits.shape == (4, 3)
        logits.square().sum().backward()
        starved = [
            key
            for key, parameter in network.named_parameters()
            if parameter.grad is None or not parameter.grad.abs().sum() > 0
        ]
        assert not starved

    @pytest.mark.parametrize(("bands", "patch_px"), [(450, 3), (16, 32), (16, 1)])
    def test_extreme_patches_are_taken(self, name: str, bands: int, patch_px: int) -> None:
        network = _network(name, bands, patch_px).eval()
        with torch.no_grad():
            assert network(_patches(2, bands, patch_px)).isfinite().all()

    def test_one_patch_alone_gets_what_it_gets_among_others(self, name: str) -> None:
        network = _network(name, 20, 9).eval()
        patches = _patches(5, 20, 9)
        with torch.no_grad():
            together = network(patches)
            alone = torch.cat([network(patch[None]) for patch in patches])
        torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)

    def test_the_last_layer_decides_by_the_features(self, name: str) -> None:
        network = _network(name, 20, 9).eval()
        patches = _patches(3, 20, 9)
        with torch.no_grad():
            features = network.features(patches)
            assert features.ndim == 2
            torch.testing.assert_close(network.head(features), network(patches))

    def test_its_arguments_and_weights_make_it_again(self, name: str) -> None:
        network = _network(name, 20, 5).eval()
        again = PATCH_CLASSIFIERS[name](**network.arguments).eval()
        again.load_state_dict(network.state_dict())
        with torch.no_grad():
            patches = _patches(2, 20, 5)
            torch.testing.assert_close(again(patches), network(patches), rtol=0, atol=0)


def test_the_published_sizes_have_the_published_shapes() -> None:
    hybrid = PATCH_CLASSIFIERS["hybridsn"](30, 25, 16)
    # Table I of the paper: 5,122,176 parameters for 16 classes.
    assert sum(p.numel() for p in hybrid.parameters()) == 5_122_176
    hamida = PATCH_CLASSIFIERS["hamida-3d"](103, 5, 9)
    assert hamida.features(torch.zeros(1, 103, 5, 5)).shape[1] % 35 == 0
    ssrn = PATCH_CLASSIFIERS["ssrn"](200, 7, 16)
    assert ssrn.spectral[5].kernel_size == (97, 1, 1)


def test_only_the_centre_pixel_counts_for_hu_1d() -> None:
    network = _network("hu-1d", 18, 4).eval()
    patches = _patches(2, 18, 4)
    changed = torch.randn_like(patches)
    changed[:, :, 2, 2] = patches[:, :, 2, 2]
    with torch.no_grad():
        torch.testing.assert_close(network(changed), network(patches), rtol=0, atol=0)


def test_kernels_are_cut_to_what_is_left() -> None:
    assert PatchSpace(5, 2).kernel(7, 3) == (5, 2, 2)
    assert PatchSpace(6, 2).odd_kernel(7, 3) == (5, 1, 1)
    assert PatchSpace(9, 4).kernel(7, 3) == (7, 3, 3)
