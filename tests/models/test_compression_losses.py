"""Laws of equations 2 to 5, and of both perceptual distances."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from hsigan.errors import InputError
from hsigan.models.compression_losses import (
    PAPER_TARGETS,
    DistortionWeights,
    RateTarget,
    discriminator_loss,
    distortion,
    generator_loss,
    structural_similarity,
)
from hsigan.models.perceptual import LPIPS, SpectralSpatialDistance, band_triplets


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scene(bands: int = 9, px: int = 48, seed: int = 0) -> Tensor:
    """Return smooth tiles with edges and smooth spectra, (2, B, T, T) in [0, 1]."""
    random = np.random.default_rng(seed)
    noise = gaussian_filter(random.normal(size=(2, bands, px, px)), (0, 2, 3, 3))
    edges = (noise > 0) * 0.3 + 2 * noise
    return torch.from_numpy((edges - edges.min()) / np.ptp(edges)).float()


def alexnet_weights() -> dict[str, Tensor]:
    """Return weights in the shapes and under the names of AlexNet and of LPIPS's heads."""
    torch.manual_seed(0)
    weights = {}
    for index, (name, (inputs, outputs, kernel)) in enumerate(
        zip(LPIPS.names, LPIPS.sizes, strict=True)
    ):
        deviation = math.sqrt(2 / (inputs * kernel**2))
        weights[f"features.{name}.weight"] = deviation * torch.randn(
            outputs, inputs, kernel, kernel
        )
        weights[f"features.{name}.bias"] = 0.1 * torch.randn(outputs)
        weights[f"lin{index}.model.1.weight"] = torch.rand(1, outputs, 1, 1)
    weights["classifier.1.weight"] = torch.zeros(1)
    return weights


def test_the_rate_is_weighed_more_above_its_target() -> None:
    rule = RateTarget(0.5, 2.0, 0.25)
    assert [rule.weight(rate) for rate in (0.4, 0.5, 0.51)] == [0.25, 0.25, 2.0]
    assert rule.weight(0.7, allowance=1.43) == 0.25
    assert [(t.target_bpp, t.above) for t in PAPER_TARGETS] == [
        (0.2, 2),
        (0.4, 1),
        (0.6, 0.5),
        (0.8, 0.25),
        (1.0, 0.125),
    ]
    assert all(target.below < target.above for target in PAPER_TARGETS)


def test_adversarial_losses_are_logarithms_of_probabilities() -> None:
    real = torch.tensor([0.3, -1.0, 40.0])
    fake = torch.tensor([2.0, -0.5, -40.0])
    odds_real, odds_fake = torch.sigmoid(real.double()), torch.sigmoid(fake.double())
    expected = -torch.log(odds_fake).mean()
    torch.testing.assert_close(generator_loss(fake).double(), expected)
    expected = -torch.log(1 - odds_fake).mean() - torch.log(odds_real).mean()
    torch.testing.assert_close(discriminator_loss(real, fake).double(), expected)


def test_distortion_is_the_weighted_sum_of_its_terms() -> None:
    original = scene()
    decoded = (original + 0.02 * torch.randn(original.shape, generator=draws())).requires_grad_()
    weights = DistortionWeights(0.3, 0.4, 0.5)
    found = distortion(original, decoded, SpectralSpatialDistance(), weights)
    assert found.mse_255.item() == pytest.approx((0.02 * 255) ** 2, rel=0.05)
    total = 0.3 * found.mse_255 + 0.4 * (1 - found.ssim) + 0.5 * found.perceptual
    torch.testing.assert_close(found.total.detach(), total)
    found.total.backward()
    assert (decoded.grad.abs() > 0).float().mean() > 0.99
    assert distortion(original, original).total.item() == pytest.approx(0, abs=1e-6)
    assert not found.mse_255.requires_grad


def test_ssim_is_that_of_its_authors() -> None:
    original = scene(bands=2).double()
    decoded = original * 0.9 + 0.02 * torch.randn(original.shape, generator=draws()).double()

    # A Gaussian of sigma 1.5 cut at 5 pixels, as in the original; only where the window fits whole.
    def blur(image: Tensor) -> np.ndarray:
        flat = gaussian_filter(image.numpy(), (0, 0, 1.5, 1.5), truncate=3.4)
        return flat[:, :, 5:-5, 5:-5]

    mean_x, mean_y = blur(original), blur(decoded)
    spread_x = blur(original**2) - mean_x**2
    spread_y = blur(decoded**2) - mean_y**2
    shared = blur(original * decoded) - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + 1e-4) * (2 * shared + 9e-4)
    similarity /= (mean_x**2 + mean_y**2 + 1e-4) * (spread_x + spread_y + 9e-4)
    expected = similarity.mean(axis=(1, 2, 3))
    found = structural_similarity(original, decoded).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    wide = torch.cat([original, original], dim=3)[:, :, :20]
    torch.testing.assert_close(structural_similarity(wide, wide), torch.ones(2).double())


def test_ssim_of_tiles_under_its_window_is_refused() -> None:
    with pytest.raises(InputError, match="SSIM"):
        structural_similarity(torch.zeros(1, 1, 10, 16), torch.zeros(1, 1, 10, 16))


class TestLPIPS:
    def test_three_bands_are_compared_layer_by_layer(self) -> None:
        weights = alexnet_weights()
        original, decoded = scene(3, 64), scene(3, 64, seed=1)
        found = LPIPS(weights, triplets=1)(original, decoded)
        layers = [features(weights, image) for image in (original, decoded)]
        expected = torch.zeros(2)
        for index, (mine, yours) in enumerate(zip(*layers, strict=True)):
            mine, yours = (x / x.square().sum(1, keepdim=True).sqrt() for x in (mine, yours))
            head = weights[f"lin{index}.model.1.weight"]
            expected += ((mine - yours) ** 2 * head).sum(1).mean((1, 2))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)

    def test_equal_tiles_have_no_distance_and_gradients_stay_finite(self) -> None:
        network = LPIPS(alexnet_weights())
        original = scene(9, 40)
        decoded = original.clone().requires_grad_()
        distance = network(original, decoded)
        assert distance.tolist() == [0.0, 0.0]
        network(original, decoded * 0.9).sum().backward()
        assert torch.isfinite(decoded.grad).all()
        assert not any(parameter.requires_grad for parameter in network.parameters())

    def test_one_tile_alone_is_judged_as_among_others(self) -> None:
        network = LPIPS(alexnet_weights())
        original, decoded = scene(9, 40), scene(9, 40, seed=1)
        together = network(original, decoded, draws(3))
        alone = network(original[1:], decoded[1:], draws(3))
        torch.testing.assert_close(together[1:], alone)

    @pytest.mark.parametrize("name", ["features.6.bias", "lin2.model.1.weight"])
    def test_missing_weights_are_named(self, name: str) -> None:
        weights = alexnet_weights()
        del weights[name]
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            LPIPS(weights)

    def test_small_tiles_are_refused(self) -> None:
        network = LPIPS(alexnet_weights())
        assert network(scene(3, 31), scene(3, 31)).shape == (2,)
        with pytest.raises(InputError, match="31 pixels"):
            network(scene(3, 30), scene(3, 30))


def features(weights: dict[str, Tensor], image: Tensor) -> list[Tensor]:
    """Return AlexNet's five convolutional outputs, written out."""
    shift = torch.tensor([-0.030, -0.088, -0.188]).view(3, 1, 1)
    spread = torch.tensor([0.458, 0.448, 0.450]).view(3, 1, 1)
    conv, pool = torch.nn.functional.conv2d, torch.nn.functional.max_pool2d
    w = [(weights[f"features.{n}.weight"], weights[f"features.{n}.bias"]) for n in LPIPS.names]
    first = conv((2 * image - 1 - shift) / spread, *w[0], stride=4, padding=2).relu()
    second = conv(pool(first, 3, 2), *w[1], padding=2).relu()
    third = conv(pool(second, 3, 2), *w[2], padding=1).relu()
    fourth = conv(third, *w[3], padding=1).relu()
    return [first, second, third, fourth, conv(fourth, *w[4], padding=1).relu()]


@pytest.mark.parametrize("bands", [1, 2, 3, 17, 450])
@pytest.mark.parametrize("random", [None, 0])
def test_triplets_take_one_band_of_each_third(bands: int, random: int | None) -> None:
    triplets = band_triplets(bands, 50, None if random is None else draws(random))
    assert triplets.shape == (50, 3)
    assert (triplets.diff(dim=1) >= 0).all()
    assert triplets.min() >= 0
    assert triplets.max() < bands
    if bands >= 17:
        thirds = (triplets.float() + 0.5) / bands * 3
        assert (thirds.floor() - torch.arange(3)).abs().max() <= 1
        assert len(triplets.unique(dim=0)) > 5


class TestSpectralSpatialDistance:
    def test_it_is_zero_for_equals_and_about_one_for_nothing(self) -> None:
        original = scene()
        measure = SpectralSpatialDistance()
        assert measure(original, original).tolist() == [0.0, 0.0]
        flat = measure(original, torch.full_like(original, 0.5))
        assert ((flat > 0.75) & (flat < 1.01)).all()

    def test_it_grows_with_blur(self) -> None:
        original = scene()
        measure = SpectralSpatialDistance()
        found = [
            measure(original, torch.from_numpy(gaussian_filter(original.numpy(), (0, 0, s, s))))
            for s in (0.5, 1.0, 2.0, 4.0)
        ]
        for less, more in itertools.pairwise(found):
            assert (less < more).all()

    def test_a_shift_of_all_values_is_not_seen_but_a_tilt_of_spectra_is(self) -> None:
        original = scene()
        measure = SpectralSpatialDistance()
        assert measure(original, original + 0.1).max() < 1e-4
        textured = original.clone()
        textured[:, ::2] = textured[:, ::2] * 0.8
        assert measure(original, textured).min() > 0.05

    def test_texture_of_the_right_strength_is_nearer_than_none(self) -> None:
        random = draws(1)
        grain = 0.2 * torch.rand(2, 9, 48, 48, generator=random)
        other = 0.2 * torch.rand(2, 9, 48, 48, generator=random)
        pixel_by_pixel = (grain - other).abs().mean() / (grain - 0.1).abs().mean()
        assert pixel_by_pixel > 1.2  # an error alone prefers none
        measure = SpectralSpatialDistance()
        flat = measure(grain, torch.full_like(grain, 0.1))
        assert (measure(grain, other) < 0.85 * flat).all()

    @pytest.mark.parametrize(("bands", "px"), [(1, 16), (2, 16), (450, 16), (17, 33)])
    def test_any_size_has_a_gradient(self, bands: int, px: int) -> None:
        original = torch.rand(1, bands, px, px, generator=draws())
        decoded = torch.rand(1, bands, px, px, generator=draws(1)).requires_grad_()
        SpectralSpatialDistance()(original, decoded, draws(2)).sum().backward()
        assert torch.isfinite(decoded.grad).all()
        touched = (decoded.grad.abs().sum(dim=(0, 2, 3)) > 0).sum()
        assert touched == min(bands, 2 * 16) if bands in (1, 2) else touched >= 16

    def test_its_cost_is_bounded(self) -> None:
        original = torch.rand(1, 450, 16, 16, generator=draws())
        decoded = (original + 0.1).requires_grad_()
        SpectralSpatialDistance(places=5)(original, decoded * decoded).sum().backward()
        assert (decoded.grad.abs().sum(dim=(0, 2, 3)) > 0).sum() <= 10
