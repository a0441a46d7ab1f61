"""Classifiers of spectra behind one interface, their tuning, and class maps of whole scenes."""

from hsigan.classification.estimator import CLASSIFIERS, ClassifierKind, SpectralClassifier
from hsigan.classification.mapping import classify_scene, predict_blocks
from hsigan.classification.trained import TrainedClassifier, load_classifier, save_classifier
from hsigan.classification.tuning import Tuned, best_of, tune

__all__ = [
    "CLASSIFIERS",
    "ClassifierKind",
    "SpectralClassifier",
    "TrainedClassifier",
    "Tuned",
    "best_of",
    "classify_scene",
    "load_classifier",
    "predict_blocks",
    "save_classifier",
    "tune",
]
