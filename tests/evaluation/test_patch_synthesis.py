"""A planted fault of patches is seen by the figures that are there for it."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from hsigan.errors import InputError, LabelError
from hsigan.evaluation.patch_figures import PATCH_UNITS
from hsigan.evaluation.patch_pictures import band_weight_arrays, patch_pictures
from hsigan.evaluation.patch_synthesis import count_patch_steps, judge_patches
from hsigan.evaluation.results import FLOOR, FLOOR_HIGH, FLOOR_LOW, Record
from hsigan.evaluation.synthesis import Setting, SynthesisResult
from hsigan.sampling import PatchView

BANDS, SIDE = 6, 5
CLASSES = (1, 4)
Pair = tuple[np.ndarray, np.ndarray]
SETTING = Setting("simulated", split="blocks", seed=3, floor_draws=6)


def _patches(per_class: int, seed: int) -> Pair:
    """Two classes; a patch has a level, a slope over the plane and smooth texture of its own."""
    rng = np.random.default_rng(seed)
    spectra = np.random.default_rng(99).uniform(1000, 2000, (max(CLASSES) + 1, BANDS, 1, 1))
    labels = np.repeat(CLASSES, per_class)
    count = len(labels)
    gain = rng.normal(1, 0.05, (count, 1, 1, 1)) + rng.normal(0, 0.01, (count, BANDS, 1, 1))
    field = gaussian_filter(rng.normal(size=(count, 1, SIDE + 4, SIDE + 4)), (0, 0, 1, 1))
    texture = 40 * field[..., 2:-2, 2:-2] / field.std()
    noise = rng.normal(0, 4, (count, BANDS, SIDE, SIDE))
    return (gain * spectra[labels] + texture + noise).astype(np.float32), labels


def _change(pair: Pair, change: Callable[[np.ndarray], np.ndarray]) -> Pair:
    """Change the patches of each class by themselves."""
    X, y = pair
    return np.concatenate([change(X[y == k]) for k in CLASSES]).astype(np.float32), y


def _shuffled(patches: np.ndarray) -> np.ndarray:
    """Move the pixels about inside each patch: spectra stay, texture goes."""
    order = np.random.default_rng(0).permutation(SIDE * SIDE)
    flat = patches.reshape(*patches.shape[:2], -1)
    return flat[:, :, order].reshape(patches.shape)


def _flat(patches: np.ndarray) -> np.ndarray:
    centre = patches[:, :, SIDE // 2, SIDE // 2][:, :, None, None]
    return centre + 0.2 * (patches - centre)


def _features(patches: np.ndarray) -> np.ndarray:
    return np.concatenate([patches.mean(axis=(2, 3)), patches.std(axis=(2, 3))], axis=1)


def _nearest_mean(X: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    means = np.stack([X[y == k].mean(axis=(0, 2, 3)) for k in CLASSES])

    def predict(patches: np.ndarray) -> np.ndarray:
        gap = patches[:].mean(axis=(2, 3))[:, None] - means
        return np.asarray(CLASSES)[np.abs(gap).sum(axis=2).argmin(axis=1)]

    return predict


@pytest.fixture(scope="module")
def judged() -> SynthesisResult:
    train, fresh = _patches(60, 1), _patches(100, 3)
    swapped = fresh[0], np.where(fresh[1] == 1, 4, 1)
    samples = {
        "fresh": fresh,
        "copies": (np.repeat(train[0], 2, axis=0), np.repeat(train[1], 2)),
        "shuffled": _change(fresh, _shuffled),
        "flat": _change(fresh, _flat),
        "narrow": _change(fresh, lambda x: x.mean(axis=0) + 0.5 * (x - x.mean(axis=0))),
        "swapped": swapped,
    }
    return judge_patches(
        train,
        _patches(120, 2),
        samples,
        SETTING,
        features=_features,
        classifiers={"nearest-mean": _nearest_mean},
        wavelengths_nm=np.linspace(400, 900, BANDS),
    )


def _value(records: list[Record], method: str, metric: str, class_id: int | None = None) -> float:
    classifier = "nearest-mean" if metric.startswith("accuracy") else None
    wanted = (method, metric, class_id, classifier)
    (found,) = [
        r.value for r in records if (r.method, r.metric, r.class_id, r.classifier) == wanted
    ]
    return found


def test_every_figure_has_its_floor_in_every_class_and_overall(judged: SynthesisResult) -> None:
    for metric in PATCH_UNITS:
        for class_id in (*CLASSES, None):
            low, floor, high, fresh = (
                _value(judged.records, method, metric, class_id)
                for method in (FLOOR_LOW, FLOOR, FLOOR_HIGH, "fresh")
            )
            assert low <= floor <= high
            assert np.isfinite(fresh)
    places = [record.place() for record in judged.records]
    assert len(places) == len(set(places))


def test_fresh_real_patches_lie_at_the_floor(judged: SynthesisResult) -> None:
    def value(metric: str) -> float:
        return _value(judged.records, "fresh", metric)

    assert value("feature_frechet_over_floor") < 1.3
    assert value("patch_frechet_over_floor") < 1.3
    assert value("autocorrelation_offset") == pytest.approx(0, abs=0.03)
    assert value("autocorrelation_distance") < 0.06
    assert value("gradient_ratio") == pytest.approx(1, abs=0.06)
    assert value("gradient_distance") < 0.1
    assert value("patch_deviation_ratio") == pytest.approx(1, abs=0.1)
    assert value("patch_neighbour_ratio") == pytest.approx(1, abs=0.12)
    assert value("patch_memorised_share") < 0.12
    assert value("neighbour_ratio") == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    ("fault", "metric", "least", "most"),
    [
        ("copies", "patch_neighbour_ratio", 0.0, 1e-6),
        ("copies", "patch_memorised_share", 0.99, 1.0),
        ("shuffled", "autocorrelation_offset", -1.0, -0.1),
        ("shuffled", "autocorrelation_distance", 0.1, 2.0),
        ("shuffled", "gradient_ratio", 1.1, 9.0),
        ("flat", "gradient_ratio", 0.15, 0.4),
        ("flat", "gradient_distance", 0.5, 1.0),
        ("flat", "feature_frechet_over_floor", 2.0, np.inf),
        ("narrow", "patch_deviation_ratio", 0.4, 0.65),
        ("narrow", "patch_frechet_over_floor", 1.5, np.inf),
        ("swapped", "patch_frechet_over_floor", 10.0, np.inf),
        ("swapped", "accuracy_fake_real", 0.0, 10.0),
        ("fresh", "accuracy_fake_real", 90.0, 100.0),
        ("fresh", "accuracy_real_real", 90.0, 100.0),
    ],
)
def test_a_planted_fault_is_seen(
    judged: SynthesisResult, fault: str, metric: str, least: float, most: float
) -> None:
    assert least <= _value(judged.records, fault, metric) <= most


def test_what_a_centre_pixel_shows_is_blind_to_texture(judged: SynthesisResult) -> None:
    for metric in ("frechet_distance", "coverage", "neighbour_ratio"):
        flat = _value(judged.records, "flat", metric)
        assert flat == pytest.approx(_value(judged.records, "fresh", metric), rel=1e-3)


def test_no_method_depends_on_its_neighbours(judged: SynthesisResult) -> None:
    alone = judge_patches(_patches(60, 1), _patches(120, 2), {"fresh": _patches(100, 3)}, SETTING)
    together = {r.place(): r.value for r in judged.records}
    for record in alone.records:
        assert together[record.place()] == pytest.approx(record.value, nan_ok=True)
    assert not any(record.metric.startswith("feature") for record in alone.records)


def _view(pair: Pair) -> tuple[PatchView, np.ndarray]:
    """Return the patches as a view: one scene per patch."""
    cubes = [np.moveaxis(patch, 0, 2) for patch in pair[0]]
    zeros = np.zeros(len(cubes), dtype=np.int64)
    return PatchView(cubes, np.arange(len(cubes)), zeros, zeros, SIDE), pair[1]


def test_uncut_held_out_patches_are_judged_as_cut_ones() -> None:
    train, held_out, fakes = _patches(12, 1), _patches(15, 2), {"few": _patches(14, 3)}
    keys = {"features": _features, "classifiers": {"nearest-mean": _nearest_mean}}
    cut = judge_patches(train, held_out, fakes, SETTING, **keys)
    uncut = judge_patches(train, _view(held_out), fakes, SETTING, **keys)
    assert [r.to_json() for r in uncut.records] == [r.to_json() for r in cut.records]


@pytest.mark.parametrize("per_class", [1, 2])
def test_tiny_classes_give_figures_or_nan_but_no_failure(per_class: int) -> None:
    steps: list[str] = []
    result = judge_patches(
        _patches(per_class, 1),
        _patches(4, 2),
        {"few": _patches(2, 3), "more": _patches(3, 4)},
        Setting("simulated", floor_draws=1),
        features=_features,
        classifiers={"nearest-mean": _nearest_mean},
        progress=steps.append,
    )
    assert np.isfinite(_value(result.records, "few", "gradient_ratio"))
    assert len(steps) == count_patch_steps(classes=2, methods=2, classifiers=1)


def test_what_does_not_fit_is_refused_by_name() -> None:
    train, held_out = _patches(8, 1), _patches(8, 2)
    with pytest.raises(LabelError, match="samples 'theirs' have no spectra of class 4"):
        judge_patches(train, held_out, {"theirs": (train[0][:8], train[1][:8])}, SETTING)
    with pytest.raises(InputError, match="samples 'wide' must have bands and sides"):
        judge_patches(train, held_out, {"wide": (np.zeros((4, BANDS, 7, 7)), [1] * 4)}, SETTING)
    with pytest.raises(InputError, match="one label per patch"):
        judge_patches(train, (held_out[0], held_out[1][1:]), {}, SETTING)


def test_pictures_share_the_stretch_of_the_real_patches() -> None:
    held_out, dark = _patches(20, 1), _patches(20, 2)
    samples = {"same": held_out, "dark": (dark[0] - 5000, dark[1])}
    nm = np.array([900.0, 455.0, 700.0, 660.0, 548.0, 1200.0])
    arrays = patch_pictures(held_out, samples, nm, seed=0, per_class=6)
    for class_id in CLASSES:
        real, same, black = (
            arrays[f"patches/{name}/{class_id}"] for name in ("real", "same", "dark")
        )
        assert real.shape == (6, SIDE, SIDE, 3)
        assert real.dtype == np.uint8
        np.testing.assert_array_equal(real, same)
        assert (black == 0).all()
        members = held_out[0][held_out[1] == class_id]
        for channel, band in enumerate((3, 4, 1)):
            shown = real[0, :, :, channel].astype(float).ravel()
            fits = [np.corrcoef(shown, patch[band].ravel())[0, 1] for patch in members]
            assert max(fits) > 0.98
    uncut = patch_pictures(_view(held_out), samples, nm, seed=0, per_class=6)
    np.testing.assert_array_equal(uncut["patches/real/4"], arrays["patches/real/4"])


def test_band_weights_are_means_per_class() -> None:
    weights = np.array([[0.0, 1.0], [1.0, 1.0], [0.25, 0.5]])
    arrays = band_weight_arrays("gan", "critic", weights, [7, 7, 2])
    np.testing.assert_allclose(arrays["band_weights/gan/critic/7"], [0.5, 1.0])
    np.testing.assert_allclose(arrays["band_weights/gan/critic/2"], [0.25, 0.5])
