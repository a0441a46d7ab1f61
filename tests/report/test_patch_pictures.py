"""Patches and band weights reach the page as they lie in the arrays, and nothing else is needed."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from hsigan.evaluation.patch_pictures import band_weight_arrays
from hsigan.evaluation.results import FLOOR, Record, ResultsFolder
from hsigan.report import read_results, render_report

SIDE, SHOWN = 5, 4
CLASSES = {1: "Meadows", 12: "Bricks <b>"}
METHODS = ("real", "conv3d-attention", "flips-rotations")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ResultsFolder:
    folder = ResultsFolder(tmp_path_factory.mktemp("results") / "patches")
    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {
        f"patches/{method}/{class_id}": rng.integers(0, 256, (SHOWN, SIDE, SIDE, 3), np.uint8)
        for method in METHODS
        for class_id in CLASSES
    }
    weights, labels = rng.uniform(0.4, 0.6, (6, 30)), [1, 1, 1, 12, 12, 12]
    for network in ("generator", "critic"):
        arrays |= band_weight_arrays("conv3d-attention", network, weights, labels)
    arrays["wavelengths_nm"] = np.linspace(400, 2400, 30)
    folder.save_arrays(arrays)
    facts = {"class_ids": list(CLASSES), "class_names": list(CLASSES.values())}
    folder.write_experiment({"title": "Patches", "scene": facts})
    return folder


def _pictures(page: str) -> dict[str, np.ndarray]:
    """Return every picture of the page by what it says it shows."""
    found = re.findall(r'aria-label="([^"]*)"><image [^>]*base64,([^"]*)"', page)
    return {alt: imread(io.BytesIO(base64.b64decode(data))) for alt, data in found}


def test_every_class_shows_real_patches_beside_those_of_every_method(store: ResultsFolder) -> None:
    pictures = _pictures(render_report([read_results(store.path)]))
    assert len(pictures) == len(CLASSES) * len(METHODS)
    sheet = pictures["4 patches of Meadows: conv3d-attention"]
    shown = (255 * sheet[..., :3]).round().astype(int)
    patches = store.arrays()["patches/conv3d-attention/1"]
    for patch in patches:
        tops = range(shown.shape[0] - SIDE + 1)
        windows = [
            shown[top : top + SIDE, left : left + SIDE]
            for top in tops
            for left in range(shown.shape[1] - SIDE + 1)
        ]
        assert any((window == patch).all() for window in windows)


def test_real_patches_come_first(store: ResultsFolder) -> None:
    page = render_report([read_results(store.path)])
    titles = re.findall(r"<figcaption>([^<]*)</figcaption><svg class=\"map\"", page)
    assert titles == ["real, held out", "conv3d-attention", "flips-rotations"] * len(CLASSES)


def test_band_weights_have_a_figure_per_network_and_a_panel_per_class(
    store: ResultsFolder,
) -> None:
    page = render_report([read_results(store.path)])
    for network in ("generator", "critic"):
        assert f"Band weights of the {network}, conv3d-attention" in page
    assert page.count('aria-label="Band weights of Meadows"') == 2
    assert page.count('aria-label="Band weights of Bricks &lt;b&gt;"') == 2
    assert "wavelength, nm" in page


def test_results_without_patches_have_no_such_section(tmp_path: Path) -> None:
    store = ResultsFolder(tmp_path / "plain")
    store.append([Record("synthesis", "field", "gan", "coverage", 0.7, seed=0)])
    page = render_report([read_results(store.path)])
    assert 'id="patches-1"' not in page
    assert 'id="bands-1"' not in page


def test_classes_that_only_the_pictures_know_are_shown(tmp_path: Path) -> None:
    store = ResultsFolder(tmp_path / "arrays")
    store.save_arrays({"patches/real/3": np.zeros((2, 3, 3, 3), np.uint8)})
    page = render_report([read_results(store.path)])
    assert list(_pictures(page)) == ["2 patches of class 3: real, held out"]


def test_patch_figures_stand_under_their_own_headings(tmp_path: Path) -> None:
    store = ResultsFolder(tmp_path / "figures")
    common = {"experiment": "synthesis", "scene": "field", "seed": 0}
    values = {"gradient_ratio": 1.31, "feature_frechet_over_floor": 1.17}
    store.append([Record(method="gan", metric=m, value=v, **common) for m, v in values.items()])
    store.append([Record(method=FLOOR, metric="gradient_ratio", value=0.99, **common)])
    place = {**common, "method": "gan", "classifier": "hamida-3d", "unit": "%"}
    store.append([Record(metric="accuracy_real_real", value=91.0, **place)])
    store.append([Record(metric="accuracy_fake_real", value=89.5, **place)])
    page = render_report([read_results(store.path)])
    assert "<h3>Texture</h3>" in page
    assert "<h3>Whole patches: as close, as varied, as new</h3>" in page
    assert "Further figures" not in page
    head = page[page.index("tested on reals: hamida-3d") :]
    columns = re.findall(r'<th scope="col">([^<]*)</th>', head[: head.index("</thead>")])
    assert columns == ["method", "real on real", "fake on real"]


@pytest.mark.parametrize(("seeing", "warned"), [(0.64, True), (0.0, False)])
def test_the_page_says_what_leaks_through_patches(
    store: ResultsFolder, tmp_path: Path, seeing: float, warned: bool
) -> None:
    folder = ResultsFolder(tmp_path)
    folder.save_arrays(store.arrays())
    leak = {
        "patch_px": 7,
        "test_seeing_training": seeing,
        "test_overlapping_training": 0.853,
    }
    folder.write_experiment({"title": "Patches", "patches": leak})
    page = render_report([read_results(folder.path)])
    assert f"{seeing:.1%} of the test pixels" in page
    assert "85.3%" in page
    assert ("memory as much as skill" in page) is warned
