"""Laws of realism: nothing where nothing differs, more for more blur, the same for a seed."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from hsigan.errors import InputError
from hsigan.metrics import kernel_mmd, median_pair_distance, paired_kernel_mmd
from hsigan.metrics.realism import RealismJudge
from hsigan.scene import Landscape, open_scene, simulate_scene

Cube = NDArray[np.float32]


def _blurred(cube: Cube, sigma_px: float) -> Cube:
    return np.asarray(gaussian_filter(cube, (sigma_px, sigma_px, 0)))


@pytest.fixture(scope="module")
def simulated() -> Cube:
    scene = simulate_scene(72, 72, 30, seed=2, landscape=Landscape(field_px=6))
    return scene["values"].values.astype(np.float32)


@pytest.fixture(scope="module")
def real(data_dir: Path) -> Cube:
    return open_scene(data_dir / "abu" / "abu-airport-1.mat")["values"].values.astype(np.float32)


@pytest.mark.parametrize("name", ["simulated", "real"])
def test_a_half_is_like_the_other_half_and_a_blurred_copy_is_not(
    name: str, request: pytest.FixtureRequest
) -> None:
    cube: Cube = request.getfixturevalue(name)[:72, :72, ::3]
    judges = [RealismJudge(cube, seed=seed) for seed in range(8)]
    floors = [judge.floor() for judge in judges]
    blurred = judges[0].judge(_blurred(cube, 2.0))
    for figure in ("patch_mmd", "spectrum_mmd"):
        values = np.array([getattr(floor, figure) for floor in floors])
        error = values.std(ddof=1) / len(values) ** 0.5
        assert abs(values.mean()) < 4 * error + 1e-4
        assert getattr(blurred, figure) > 3 * values.std(ddof=1)
    assert blurred.gradient_ratio < 0.8
    assert blurred.autocorrelation_offset > 0.05
    assert np.mean([floor.gradient_ratio for floor in floors]) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("name", ["simulated", "real"])
def test_more_blur_is_less_real(name: str, request: pytest.FixtureRequest) -> None:
    cube: Cube = request.getfixturevalue(name)[:, :, ::3]
    judge = RealismJudge(cube)
    found = [judge.judge(_blurred(cube, sigma)) for sigma in (0.5, 1.0, 2.0)]
    for figure in ("patch_mmd", "spectrum_mmd", "gradient_distance"):
        values = [getattr(one, figure) for one in found]
        assert 0 < values[0] < values[1] < values[2]


def test_a_copy_is_exactly_as_real(simulated: Cube) -> None:
    copy = RealismJudge(simulated).judge(simulated.copy())
    assert (copy.patch_mmd, copy.spectrum_mmd) == (0.0, 0.0)
    assert (copy.gradient_ratio, copy.gradient_distance) == (1.0, 0.0)


def test_the_same_seed_gives_the_same_figures(simulated: Cube) -> None:
    blurred = _blurred(simulated, 1.0)
    first, again, other = (RealismJudge(simulated, seed=s).judge(blurred) for s in (5, 5, 6))
    assert first == again
    assert first != other


def test_the_units_of_the_scene_do_not_matter(simulated: Cube) -> None:
    blurred = _blurred(simulated, 1.0)
    plain = RealismJudge(simulated).judge(blurred)
    scaled = RealismJudge(simulated * 1e-4 + 2).judge(blurred * 1e-4 + 2)
    assert scaled.patch_mmd == pytest.approx(plain.patch_mmd, rel=1e-2)
    assert scaled.spectrum_mmd == pytest.approx(plain.spectrum_mmd, rel=1e-2)


def test_invalid_pixels_count_nowhere(simulated: Cube) -> None:
    valid = np.ones(simulated.shape[:2], dtype=bool)
    valid[10:30, 40:] = False
    blurred, spoilt = _blurred(simulated, 1.0), simulated.copy()
    spoilt[~valid] = -32768
    wrong = np.where(valid[:, :, None], blurred, np.nan)
    assert RealismJudge(spoilt, valid).judge(wrong) == RealismJudge(simulated, valid).judge(blurred)


@pytest.mark.parametrize("size", [(3, 40), (6, 6), (1, 50)])
def test_small_scenes_have_the_figures_that_they_can(size: tuple[int, int]) -> None:
    cube = np.random.default_rng(0).normal(size=(*size, 4)).astype(np.float32)
    found = RealismJudge(cube).judge(cube * 0.5)
    assert found.spectrum_mmd > 0
    assert np.isfinite(found.patch_mmd) == (size == (3, 40))


def test_other_shapes_are_refused(simulated: Cube) -> None:
    with pytest.raises(InputError, match="shape"):
        RealismJudge(simulated).judge(simulated[:-1])
    with pytest.raises(InputError, match="mask"):
        RealismJudge(simulated, np.ones((2, 2), bool))
    with pytest.raises(InputError, match="rows, columns, bands"):
        RealismJudge(simulated[0])


def test_pairs_in_common_make_no_bias() -> None:
    rng = np.random.default_rng(7)
    values = []
    for _ in range(200):
        shared = rng.normal(size=(30, 2))
        fake, real = shared + rng.normal(size=(30, 2)), shared + rng.normal(size=(30, 2))
        values.append(paired_kernel_mmd(fake, real, 2.0))
    assert abs(np.mean(values)) < 4 * np.std(values) / len(values) ** 0.5


def test_pairing_agrees_with_the_plain_estimate_for_independent_samples() -> None:
    rng = np.random.default_rng(8)
    fake, real = rng.normal(0.5, 1, (800, 3)), rng.normal(size=(800, 3))
    width = median_pair_distance(real)
    assert paired_kernel_mmd(fake, real, width) == pytest.approx(
        kernel_mmd(fake, real, width), abs=2e-3
    )
    with pytest.raises(InputError, match="as many fake as real"):
        paired_kernel_mmd(fake[:-1], real)
