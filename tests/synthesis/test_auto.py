"""``auto`` does no harm: laws of the decision, on noise and on planted gains."""

import numpy as np
import pytest

from hsigan.classification import SpectralClassifier
from hsigan.classification.tuning import cross_validation_parts
from hsigan.errors import InputError
from hsigan.synthesis.auto import (
    Candidate,
    augment,
    cross_validated_gains,
    decide,
    fakes_for,
    group_gains,
)
from hsigan.synthesis.baselines import SIMPLE_GENERATORS

MANY = [Candidate(f"m{i}", float(a)) for i in range(6) for a in (1, 5)]


def test_on_pure_noise_twelve_candidates_are_seldom_taken() -> None:
    rng = np.random.default_rng(0)
    taken = 0
    for seed in range(400):
        shared = rng.standard_normal(8)
        gains = {c: 0.5 * shared + rng.standard_normal(8) for c in MANY}
        taken += decide(gains, test_to_train=1 / 7, seed=seed).candidate is not None
    # The naive rule (best mean above one standard error) takes nearly always.
    assert taken / 400 < 0.05


def test_a_large_planted_gain_is_found() -> None:
    rng = np.random.default_rng(1)
    gains = {c: rng.standard_normal(8) for c in MANY}
    gains[MANY[3]] = gains[MANY[3]] + 4.0
    choice = decide(gains, test_to_train=1 / 7)
    assert choice.candidate == MANY[3]
    assert choice.gain > choice.standard_error


def test_a_gain_of_one_standard_error_is_not_enough() -> None:
    # Deviations of +-sqrt(7) have a variance of 8 over 8 parts: the standard error is 1.
    noise = np.sqrt(7.0) * np.array([1.0, -1.0] * 4)
    assert decide({MANY[0]: noise}).standard_error == pytest.approx(1.0)
    for gain in (0.5, 1.0, 1.9):
        assert not any(decide({MANY[0]: gain + noise}, seed=s).candidate for s in range(20))
    assert any(decide({MANY[0]: 3.0 + noise}, seed=s).candidate for s in range(20))


def test_ties_losses_and_few_parts_keep_the_real_pixels_alone() -> None:
    assert decide({MANY[0]: np.zeros(8)}).candidate is None
    assert decide({MANY[0]: np.full(8, -1.0)}).candidate is None
    assert decide({MANY[0]: np.full(3, 9.0)}).candidate is None
    assert decide({}).candidate is None
    with pytest.raises(InputError, match="same held-out parts"):
        decide({MANY[0]: np.zeros(8), MANY[1]: np.zeros(6)})


def test_group_gains_are_paired_by_group() -> None:
    gains = group_gains([1, 1, 0, 0], [0, 1, 0, 1], ["a", "a", "b", "b"])
    np.testing.assert_allclose(gains, [50.0, -50.0])


def test_amounts_are_per_real_pixel_and_never_nothing() -> None:
    y = np.repeat([3, 9], [10, 1])
    assert fakes_for(y, 0.5) == {3: 5, 9: 1}
    X = np.random.default_rng(0).random((11, 4)).astype(np.float32)
    generator = SIMPLE_GENERATORS["duplication"]().fit(X, y)
    more, labels = augment(X, y, generator, 2.0, 0)
    np.testing.assert_array_equal(more[:11], X)
    assert np.unique(labels, return_counts=True)[1].tolist() == [30, 3]


def test_duplication_gains_nothing_for_lda_in_cross_validation() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([1, 2], 20)
    X = (rng.standard_normal((40, 5)) + y[:, None]).astype(np.float32)
    parts = cross_validation_parts(y, 5, 0)
    gains = cross_validated_gains(
        X,
        y,
        parts,
        {"duplication": SIMPLE_GENERATORS["duplication"]},
        [1.0],
        {"lda": lambda a, b: SpectralClassifier("lda", {"shrinkage": 0.1}).fit(a, b)},
    )
    np.testing.assert_array_equal(gains["lda"][Candidate("duplication", 1.0)], np.zeros(5))
