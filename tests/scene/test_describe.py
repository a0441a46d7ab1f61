import numpy as np
import pytest
from rasterio.transform import Affine

from hsigan.scene.dataset import make_scene
from hsigan.scene.describe import band_ranges, describe_scene
from hsigan.scene.simulate import simulate_scene


def test_facts_of_a_difficult_scene():
    values = np.random.default_rng(0).uniform(1, 9, (4, 5, 8)).astype(np.float32)
    values[:, :, 2] = np.nan
    values[:, :, 3] = -9999
    values[:, :, 4] = 7
    values[0, 0] = -9999
    values[3, 4, 0] = 100  # in a pixel and band that count
    values[0, 1, 1] = np.nan
    label = np.zeros((4, 5), dtype=int)
    label[1] = 3
    scene = make_scene(
        values,
        label=label,
        class_names={3: "soil", 8: "elsewhere"},
        wavelengths_nm=np.linspace(500, 570, 8),
        good_band=[True] * 5 + [False] * 2 + [True],
        nodata=-9999.0,
        units="reflectance",
        crs="EPSG:32632",
        transform=Affine(30, 0, 1000, 0, -20, 5000),
    )
    facts = describe_scene(scene)
    assert facts.band_problems == {
        2: "no data",
        3: "no data",
        4: "constant (7.0)",
        5: "flagged bad",
        6: "flagged bad",
    }
    assert facts.shape == (4, 5, 8)
    assert facts.missing_share == pytest.approx((20 + 20 + 6 + 1) / 160)
    assert facts.invalid_pixel_share == pytest.approx(2 / 20)
    assert facts.value_range is not None
    assert facts.value_range[1] == 100
    assert facts.value_range[0] >= 1
    assert facts.wavelength_range_nm == (500, 570)
    assert (facts.crs, facts.pixel_size, facts.corner) == ("EPSG:32632", (30, 20), (1000, 5000))
    assert facts.pixel_unit == "m"
    assert [(c.class_id, c.name, c.pixels) for c in facts.classes] == [
        (3, "soil", 5),
        (8, "elsewhere", 0),
    ]
    assert facts.labelled_pixels == 5


@pytest.mark.parametrize(
    ("system", "unit"), [(32632, "m"), (4326, "degrees"), (2264, "US survey foot"), (None, None)]
)
def test_the_pixel_size_has_the_unit_of_its_system(system, unit):
    crs = None if system is None else f"EPSG:{system}"
    scene = make_scene(np.ones((2, 3, 4)), crs=crs, transform=Affine(0.1, 0, 5, 0, -0.1, 9))
    assert describe_scene(scene).pixel_unit == unit


def test_a_plain_array_has_few_facts():
    facts = describe_scene(make_scene(np.arange(24, dtype=np.uint8).reshape(2, 3, 4)))
    assert (facts.crs, facts.corner, facts.nodata, facts.wavelength_range_nm) == (None,) * 4
    assert (facts.classes, facts.band_problems, facts.missing_share) == ((), {}, 0.0)
    assert facts.value_range == (0, 23)


def test_class_counts_are_those_of_the_map():
    scene = simulate_scene(30, 30, 6, 4)
    counted = np.bincount(scene["label"].values.ravel())[1:].tolist()
    assert [count.pixels for count in describe_scene(scene).classes] == counted


def test_neighbouring_bands_are_joined_when_the_reason_is_the_same():
    problems = {9: "a", 1: "a", 2: "a", 3: "b", 5: "b"}
    assert band_ranges(problems) == [(1, 2, "a"), (3, 3, "b"), (5, 5, "b"), (9, 9, "a")]


def test_enmap_bands_without_data_are_explained(data_dir):
    from hsigan.scene.read import open_scene

    tile = data_dir / "enmap_potsdam" / "images" / "enmap_potsdam_tile_128_0.tif"
    facts = describe_scene(open_scene(tile))
    assert sorted(facts.band_problems) == list(range(129, 135))
    assert facts.crs == "EPSG:32633"
