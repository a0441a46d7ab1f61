import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score, recall_score

from hsigan.errors import InputError
from hsigan.metrics import confusion_matrix, score


def test_scores_agree_with_scikit_learn_for_ids_with_gaps() -> None:
    rng = np.random.default_rng(0)
    ids = np.array([1, 10, 14])
    truth = rng.choice(ids, 500, p=[0.7, 0.2, 0.1])
    predicted = np.where(rng.random(500) < 0.6, truth, rng.choice(ids, 500))
    found = score(truth, predicted)
    assert found.overall_percent == pytest.approx(100 * np.mean(truth == predicted))
    assert found.average_percent == pytest.approx(
        100 * recall_score(truth, predicted, average="macro")
    )
    assert found.kappa == pytest.approx(cohen_kappa_score(truth, predicted))
    np.testing.assert_allclose(found.f1_percent, 100 * f1_score(truth, predicted, average=None))


def test_rows_are_true_classes() -> None:
    matrix = confusion_matrix([1, 1, 2], [2, 2, 2], [1, 2])
    assert matrix.tolist() == [[0, 2], [0, 1]]


def test_a_class_without_true_pixels_does_not_lower_the_average() -> None:
    found = score([1, 1, 2], [1, 1, 2], classes=[1, 2, 3])
    assert found.average_percent == 100
    assert np.isnan(found.recall_percent[2])
    assert np.isnan(found.f1_percent[2])


def test_guessing_the_only_class_is_perfect_and_chance_is_zero() -> None:
    assert score([3, 3], [3, 3]).kappa == 1
    assert score([1, 1, 2, 2], [1, 2, 1, 2]).kappa == 0


@pytest.mark.parametrize(
    ("truth", "predicted"), [([1, 2], [1]), ([], []), ([1, 9], [1, 1]), ([1, 1], [1, 9])]
)
def test_labels_that_do_not_fit_are_refused(truth: list[int], predicted: list[int]) -> None:
    with pytest.raises(InputError):
        confusion_matrix(truth, predicted, [1, 2])
