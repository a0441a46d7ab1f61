"""The page and the experiments call the same things by the same names."""

from hsigan.evaluation import augmentation_methods, augmentation_run
from hsigan.evaluation.class_figures import UNITS
from hsigan.report.catalogue import METRICS, THEMES
from hsigan.report.study import BEST, SEES_UNLABELLED


def test_methods_that_see_unlabelled_pixels_are_named_so() -> None:
    seen = {name: m.unlabelled for name, m in augmentation_methods.METHODS.items() if m.unlabelled}
    # "areas" is the area to be classified and that of the training pixels
    told = {name: "transductive" if kind == "areas" else kind for name, kind in seen.items()}
    assert told == SEES_UNLABELLED


def test_the_best_real_only_classifier_has_one_name() -> None:
    assert augmentation_run.BEST == BEST


def test_every_figure_of_synthesis_has_a_name_and_a_reading() -> None:
    assert set(UNITS) <= set(METRICS)
    assert set(METRICS) == {metric for theme in THEMES for metric in theme.metrics}
