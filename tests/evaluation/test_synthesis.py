from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from hsigan.errors import InputError, LabelError
from hsigan.evaluation.results import FLOOR, FLOOR_HIGH, FLOOR_LOW, Record
from hsigan.evaluation.synthesis import (
    Setting,
    SynthesisResult,
    count_steps,
    evaluate_synthesis,
)

BANDS = 40
Pixels = tuple[np.ndarray, np.ndarray]


def _pixels(per_class: int, seed: int) -> Pixels:
    """Three classes of smooth spectra with a curved, two-dimensional variety and a little noise."""
    rng = np.random.default_rng(seed)
    along = np.linspace(0, 1, BANDS)
    spectra, labels = [], []
    for number, label in enumerate((1, 4, 7)):
        level = 1000 * np.sin(2 * along + number) + 2000
        gain, slope = rng.normal(1, 0.05, (per_class, 1)), rng.normal(0, 60, (per_class, 1))
        bend = 0.02 * slope**2 * along**2
        noise = 6 * rng.normal(size=(per_class, BANDS))
        spectra.append(gain * level + slope * along + bend + noise)
        labels.append(np.full(per_class, label))
    return np.concatenate(spectra), np.concatenate(labels)


def _change(pixels: Pixels, change: Callable[[np.ndarray], np.ndarray]) -> Pixels:
    spectra, labels = pixels
    return np.concatenate([change(spectra[labels == k]) for k in np.unique(labels)]), labels


def _copies(rng: np.random.Generator, train: Pixels) -> Pixels:
    index = np.repeat(np.arange(len(train[1])), 2)
    return train[0][index], train[1][index]


def _confused(pixels: Pixels) -> Pixels:
    """Move every class most of the way to the next one."""
    spectra, labels = pixels
    means = [spectra[labels == k].mean(axis=0) for k in (1, 4, 7)]
    steps = {k: means[(i + 1) % 3] - means[i] for i, k in enumerate((1, 4, 7))}
    return spectra + 0.7 * np.stack([steps[label] for label in labels.tolist()]), labels


@pytest.fixture(scope="module")
def judged() -> SynthesisResult:
    rng = np.random.default_rng(0)
    train, fresh = _pixels(100, 1), _pixels(200, 3)
    samples = {
        "fresh": fresh,
        "copies": _copies(rng, train),
        "narrow": _change(fresh, lambda x: x.mean(axis=0) + 0.5 * (x - x.mean(axis=0))),
        "noisy": _change(fresh, lambda x: x + 40 * rng.normal(size=x.shape)),
        "confused": _confused(fresh),
        "shifted": _change(fresh, lambda x: x + 900),
    }
    return evaluate_synthesis(
        train,
        _pixels(300, 2),
        samples,
        Setting("simulated", split="random", labels_per_class=100, seed=5, floor_draws=6),
        wavelengths_nm=np.linspace(400, 900, BANDS),
    )


def _value(
    records: list[Record], method: str, metric: str, class_id: int | None = None, **keys: str
) -> float:
    (found,) = [
        r.value
        for r in records
        if (r.method, r.metric, r.class_id) == (method, metric, class_id)
        and all(getattr(r, key) == value for key, value in keys.items())
    ]
    return found


def test_fresh_reals_lie_at_the_floor(judged: SynthesisResult) -> None:
    def value(metric: str) -> float:
        return _value(judged.records, "fresh", metric)

    assert value("frechet_over_floor") < 1.3
    assert abs(value("kernel_mmd")) < 0.01
    assert value("coverage") > 0.85
    assert value("neighbour_ratio") == pytest.approx(1, abs=0.1)
    assert value("memorised_share") == pytest.approx(0.05, abs=0.04)
    assert value("deviation_ratio") == pytest.approx(1, abs=0.06)
    assert value("recall") > 0.9
    assert value("precision") > 0.85
    assert value("band_correlation_distance") < 0.03
    assert value("roughness_ratio") == pytest.approx(1, abs=0.05)
    assert value("two_sample_accuracy") == pytest.approx(50, abs=6)


@pytest.mark.parametrize(
    ("fault", "metric", "least", "most"),
    [
        ("copies", "neighbour_ratio", 0.0, 0.0),
        ("copies", "memorised_share", 0.99, 1.0),
        ("copies", "frechet_over_floor", 0.5, 1.4),
        ("narrow", "deviation_ratio", 0.45, 0.55),
        ("narrow", "deviation_ratio_to_train", 0.4, 0.6),
        ("narrow", "frechet_over_floor", 3.0, np.inf),
        ("narrow", "recall", 0.0, 0.8),
        ("narrow", "two_sample_accuracy", 60.0, 100.0),
        ("noisy", "roughness_ratio", 10.0, np.inf),
        ("noisy", "nearest_angle", 0.5, 5.0),
        ("noisy", "band_correlation_distance", 0.05, 2.0),
        ("shifted", "frechet_over_floor", 10.0, np.inf),
        ("shifted", "precision", 0.0, 0.3),
        ("shifted", "kernel_mmd", 0.1, 2.0),
        ("shifted", "two_sample_accuracy", 90.0, 100.0),
        ("shifted", "neighbour_ratio", 1.5, np.inf),
        ("shifted", "mean_spectrum_angle", 0.5, 20.0),
    ],
)
def test_a_planted_fault_is_seen(
    judged: SynthesisResult, fault: str, metric: str, least: float, most: float
) -> None:
    assert least <= _value(judged.records, fault, metric) <= most


def test_the_floor_has_a_mean_inside_its_spread_for_every_figure(judged: SynthesisResult) -> None:
    metrics = {r.metric for r in judged.records if r.method == "fresh" and not r.classifier}
    for metric in metrics - {"frechet_over_floor"}:
        for class_id in (None, 1, 4, 7):
            low, mean, high = (
                _value(judged.records, name, metric, class_id)
                for name in (FLOOR_LOW, FLOOR, FLOOR_HIGH)
            )
            assert low <= mean <= high, metric


def test_the_floor_of_the_frechet_distance_is_resampled_training_pixels(
    judged: SynthesisResult,
) -> None:
    low, high = (
        _value(judged.records, name, "frechet_distance", 4) for name in (FLOOR_LOW, FLOOR_HIGH)
    )
    copies = _value(judged.records, "copies", "frechet_distance", 4)
    assert 0.6 * low < copies < 1.4 * high


def test_table_one_has_its_cells_and_sees_a_confusion(judged: SynthesisResult) -> None:
    for classifier in ("svm-linear", "lda"):
        cells = {
            (method, cell): _value(
                judged.records, method, f"accuracy_{cell}", classifier=classifier
            )
            for method in ("fresh", "confused", "narrow", FLOOR)
            for cell in ("real_real", "real_fake", "fake_fake", "fake_real", "both_real")
        }
        assert len({cells[method, "real_real"] for method in ("fresh", "narrow", FLOOR)}) == 1
        assert cells["fresh", "fake_real"] == pytest.approx(cells["fresh", "real_real"], abs=3)
        assert cells["confused", "fake_fake"] > 95
        assert cells["confused", "fake_real"] < 50
        assert cells["confused", "real_fake"] < 50
        assert cells["narrow", "real_fake"] >= cells["fresh", "real_fake"]


def test_no_method_depends_on_its_neighbours(judged: SynthesisResult) -> None:
    alone = evaluate_synthesis(
        _pixels(100, 1),
        _pixels(300, 2),
        {"fresh": _pixels(200, 3)},
        Setting("simulated", split="random", labels_per_class=100, seed=5, floor_draws=6),
    )
    together = {r.place(): r.value for r in judged.records}
    for record in alone.records:
        assert together[record.place()] == pytest.approx(record.value, nan_ok=True)


def test_arrays_have_the_names_that_the_report_reads(judged: SynthesisResult) -> None:
    for method in ("real", "train", "fresh"):
        points, labels = (judged.arrays[f"pca/{method}/{key}"] for key in ("points", "labels"))
        assert points.shape == (len(labels), 2)
        for class_id in (1, 4, 7):
            assert judged.arrays[f"spectra/{method}/{class_id}/mean"].shape == (BANDS,)
    real = judged.arrays["spectra/real/4/std"]
    assert np.median(judged.arrays["spectra/narrow/4/std"] / real) == pytest.approx(0.5, abs=0.1)
    assert judged.arrays["wavelengths_nm"].shape == (BANDS,)


def test_progress_is_told_as_often_as_announced() -> None:
    steps: list[str] = []
    evaluate_synthesis(
        _pixels(12, 1),
        _pixels(20, 2),
        {"a": _pixels(15, 3), "b": _pixels(25, 4)},
        Setting("simulated", floor_draws=1),
        progress=steps.append,
    )
    assert len(steps) == count_steps(classes=3, methods=2)


@pytest.mark.parametrize("per_class", [1, 2, 5])
def test_tiny_classes_give_figures_or_nan_but_no_failure(per_class: int) -> None:
    result = evaluate_synthesis(
        _pixels(per_class, 1),
        _pixels(7, 2),
        {"few": _pixels(3, 3)},
        Setting("simulated", floor_draws=2),
    )
    assert np.isfinite(_value(result.records, "few", "frechet_distance"))
    assert np.isnan(_value(result.records, "few", "coverage"))


def test_what_does_not_fit_is_refused_by_name() -> None:
    train, held_out = _pixels(20, 1), _pixels(20, 2)
    setting = Setting("simulated", floor_draws=1)
    fewer = (train[0][:40], train[1][:40])
    with pytest.raises(LabelError, match=r"samples 'theirs' have no spectra of class 7"):
        evaluate_synthesis(train, held_out, {"theirs": fewer}, setting)
    with pytest.raises(LabelError, match="class 7, which the training pixels do not know"):
        evaluate_synthesis(fewer, (held_out[0][:40], held_out[1][:40]), {"s": train}, setting)
    with pytest.raises(InputError, match=f"must have {BANDS} bands"):
        evaluate_synthesis(train, held_out, {"s": (train[0][:, 1:], train[1])}, setting)


def test_salinas_a_at_three_percent(data_dir: Path) -> None:
    cube = loadmat(data_dir / "salinas_a" / "SalinasA_corrected.mat")["salinasA_corrected"]
    truth = loadmat(data_dir / "salinas_a" / "SalinasA_gt.mat")["salinasA_gt"].ravel()
    spectra = cube.reshape(len(truth), -1).astype(float)
    rng = np.random.default_rng(0)
    chosen = np.concatenate(
        [
            rng.permutation(np.flatnonzero(truth == k))[: round(0.03 * (truth == k).sum())]
            for k in np.unique(truth[truth > 0])
        ]
    )
    rest = rng.permutation(np.setdiff1d(np.flatnonzero(truth), chosen))
    half = rest[: len(rest) // 2], rest[len(rest) // 2 :]
    train = (spectra[chosen], truth[chosen])
    copies = rng.choice(np.repeat(chosen, 5), size=5 * len(chosen), replace=False)
    result = evaluate_synthesis(
        train,
        (spectra[half[0]], truth[half[0]]),
        {
            "fresh": (spectra[half[1]], truth[half[1]]),
            "duplication": (spectra[copies], truth[copies]),
        },
        Setting("salinas-a", floor_draws=2),
    )
    assert _value(result.records, "duplication", "neighbour_ratio") == 0
    assert _value(result.records, "duplication", "memorised_share") > 0.99
    assert _value(result.records, "duplication", "frechet_over_floor") == pytest.approx(1, abs=0.3)
    assert _value(result.records, "fresh", "frechet_over_floor") < 0.7
    fresh, copied = (_value(result.records, m, "coverage") for m in ("fresh", "duplication"))
    assert fresh > copied + 0.3
    accuracy = _value(result.records, "fresh", "accuracy_real_real", classifier="svm-linear")
    assert accuracy > 97
