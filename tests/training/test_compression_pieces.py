"""The pieces of a codec's training: crops, statistics, front, block transform, rate control."""

import itertools

import numpy as np
import pytest
import torch
from compression_scenes import BANDS, config, scene

from hsigan.errors import RecipeError, SceneError
from hsigan.models.block_transform import BlockTransform, dct_matrix
from hsigan.models.compression_losses import PAPER_TARGETS, RateTarget
from hsigan.models.entropy_models import gaussian_bits
from hsigan.models.scene_model import SceneModel
from hsigan.models.spectral_front import SpectralFront
from hsigan.models.tile_level import LEVEL_BYTES, TileLevel
from hsigan.training.rate_control import RateControl, table_weight
from hsigan.training.scene_crops import RandomCrops, gather_scenes, hold_out_rows


def test_a_crop_is_a_window_turned_or_mirrored():
    image = torch.arange(2 * 7 * 9.0).view(2, 7, 9)
    crops = RandomCrops([image], 4).draw(50, torch.Generator().manual_seed(1))
    windows = {
        tuple(torch.rot90(window, turns, (1, 2)).flip([2] if mirrored else []).flatten().tolist())
        for row, column in itertools.product(range(4), range(6))
        for window in [image[:, row : row + 4, column : column + 4]]
        for turns in range(4)
        for mirrored in (False, True)
    }
    drawn = {tuple(crop.flatten().tolist()) for crop in crops}
    assert drawn <= windows
    assert len(drawn) > 30


def test_a_scene_narrower_than_a_crop_is_mirrored():
    image = torch.arange(3.0).view(1, 1, 3).expand(1, 5, 3)
    crop = RandomCrops([image], 5).images[0]
    assert crop[0, 0].tolist() == [0, 1, 2, 1, 0]


def test_statistics_leave_out_what_is_no_data():
    plain = scene(1)
    with_gap = scene(1, nodata=-9999)
    with_gap["values"][:5, :7] = -9999
    (filled,), statistics = gather_scenes([with_gap])
    kept = plain["values"].values.astype(float).reshape(-1, BANDS)
    kept = np.delete(kept, [row * 36 + column for row in range(5) for column in range(7)], axis=0)
    np.testing.assert_allclose(statistics.mean, kept.mean(axis=0))
    np.testing.assert_allclose(statistics.covariance, np.cov(kept.T))
    np.testing.assert_allclose(filled.values[:, 0, 0], statistics.mean, rtol=1e-6)
    assert filled.valid.sum() == 40 * 36 - 35


def test_scenes_of_other_bands_are_refused():
    with pytest.raises(SceneError, match="same bands"):
        gather_scenes([scene(1), scene(1, bands=5)])
    with pytest.raises(SceneError, match="one or more"):
        gather_scenes([])


def test_held_out_rows_are_not_trained_on():
    scenes, _ = gather_scenes([scene(1, height=100), scene(2, height=20)])
    kept, held_out = hold_out_rows(scenes)
    assert [part.values.shape[1] for part in kept] == [84, 20]
    assert [part.values.shape[1:] for part in held_out] == [(16, 32)]
    np.testing.assert_array_equal(kept[0].values, scenes[0].values[:, :84])
    np.testing.assert_array_equal(held_out[0].values, scenes[0].values[:, 84:, :32])


@pytest.mark.parametrize("kind", ["range", "standardise", "klt"])
def test_the_front_is_undone_and_weighs_errors_as_bands_do(kind):
    (values,), found = gather_scenes([scene(3)])
    front = SpectralFront(BANDS, BANDS if kind == "klt" else 0)
    front.fit(kind, found.mean, found.covariance, (found.low, found.high))
    x = torch.from_numpy(values.values)[None]
    planes = front(x)
    torch.testing.assert_close(front.invert(planes), x, rtol=1e-4, atol=0.02)
    other = planes + torch.randn(planes.shape, generator=torch.Generator().manual_seed(0))
    weighed = ((other - planes).square() * front.plane_weights[:, None, None]).sum(1).mean()
    error = (front.invert(other) - front.invert(planes)).square().mean()
    torch.testing.assert_close(weighed, error, rtol=1e-3, atol=0)
    which = torch.tensor([5, 2])
    torch.testing.assert_close(front.some_bands(planes, which), front.invert(planes)[:, which])


def test_the_block_transform_is_orthonormal_and_keeps_the_strongest():
    torch.testing.assert_close(dct_matrix(16) @ dct_matrix(16).T, torch.eye(16))
    random = torch.Generator().manual_seed(2)
    x = torch.randn(1, 2, 32, 48, generator=random)
    whole = BlockTransform(2, 512)
    whole.fit([x[0]], torch.ones(2), 0.5)
    y = whole.analyse(x)
    torch.testing.assert_close(whole.synthesise(y), x, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close((0.5 * y).square().sum(), x.square().sum())
    few = BlockTransform(2, 100)
    kept = few.fit([x[0]], torch.ones(2), 0.5)
    torch.testing.assert_close(kept, y.square().mean(dim=(0, 2, 3)).sort(descending=True)[0][:100])


def test_the_block_transform_starts_at_a_rate():
    x = 30 * torch.randn(2, 64, 64, generator=torch.Generator().manual_seed(3))
    transform = BlockTransform(2, 300)
    for bpp in (0.2, 2.0):
        variances = transform.fit_to_rate([x], torch.ones(2), bpp)
        symbols = transform.analyse(x[None]).round()
        logs = (0.5 * variances.log())[None, :, None, None].expand_as(symbols)
        bits = float(gaussian_bits(symbols, logs).detach())
        assert bits / 64**2 == pytest.approx(bpp, rel=0.05)


def test_a_started_model_is_its_block_transform():
    (values,), found = gather_scenes([scene(4)])
    model = SceneModel(**config().model_arguments(BANDS))
    model.front.fit("klt", found.mean, found.covariance, (found.low, found.high))
    planes = model.front(torch.from_numpy(values.values)[None])
    model.start([planes[0]], 0.5)
    x = planes[:, :, :32, :32]
    torch.testing.assert_close(model.core.encode(x), model.transform.analyse(x))
    y = torch.randn(1, 12, 2, 2)
    torch.testing.assert_close(model.core.generator(y), model.transform.synthesise(y))


@pytest.mark.parametrize(("height", "width"), [(32, 32), (17, 3), (1, 30)])
def test_indexes_follow_from_z_alone_whatever_the_tile(height, width):
    torch.manual_seed(0)
    model = SceneModel(**config().model_arguments(BANDS)).eval()
    planes = torch.randn(1, 4, height, width)
    symbols = model.analyse(planes)
    assert symbols.y.shape[2:] == (-(-height // 16), -(-width // 16))
    again = model.indexes(symbols.z, height, width)
    assert torch.equal(again, symbols.indexes)
    assert model.synthesise(symbols.z, symbols.y, (height, width)).shape == planes.shape


def test_a_tiles_level_passes_through_its_bytes():
    planes = 3 + 20 * torch.randn(1, 4, 6, 6)
    level = TileLevel.of(planes)
    again = TileLevel.from_bytes(level.to_bytes())
    assert len(level.to_bytes()) == LEVEL_BYTES
    assert torch.equal(again.take_off(planes), level.take_off(planes))
    torch.testing.assert_close(again.put_on(level.take_off(planes)), planes)
    taken = level.take_off(planes)
    assert abs(float(taken.mean())) < 0.01
    assert float(taken.std()) == pytest.approx(1, abs=0.05)


def test_the_rate_is_weighed_as_in_equation_5_and_table_1():
    for rule in PAPER_TARGETS:
        assert table_weight(rule.target_bpp) == pytest.approx(rule.above)
    control = RateControl(RateTarget(1.0, 0.125, 0.01), {}, warm_up_steps=10)
    assert control.weight(20, 1.01) == 0.125
    assert control.weight(20, 0.99) == 0.01
    assert control.weight(5, 1.42) == 0.005  # the warm-up allows 1.43 times as much, at half weight
    assert control.weight(5, 1.44) == 0.0625


def test_the_target_moves_against_what_held_out_scenes_missed():
    control = RateControl(RateTarget(1.0, 0.125, 0.01), {})
    control.correct(1, 2.0)
    assert control.weight(2, 0.8) == 0.125  # below the target, but not where it matters
    for _ in range(20):
        control.correct(3, 1e-3)
    assert control.allowance(3) == 4.0


def test_the_integral_control_settles_on_the_target():
    control = RateControl(RateTarget(0.5, 1.0, 0.01), {}, "integral", 0.05)
    rate = 2.0
    for step in range(400):
        rate = 0.08 / np.sqrt(control.weight(step, rate))  # a codec's answer to lambda
    assert rate == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"front": "range"}, "components"),
        ({"codec": "hific-se"}, "placement"),
        ({"codec": "hific-3d"}, "placement"),
        ({"codec": "hific-tunable"}, "levels"),
        ({"codec": "hific-tunable", "levels": 3, "lowest_bpp": 2.0}, "lowest_bpp"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, message):
    with pytest.raises(RecipeError, match=message):
        config(**settings)
