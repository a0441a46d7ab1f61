"""Classifiers of spectra behind one interface, their tuning, and class maps of whole scenes."""

from hsigan.classification.critic_features import CriticFeatures
from hsigan.classification.estimator import CLASSIFIERS, ClassifierKind, SpectralClassifier
from hsigan.classification.mapping import classify_scene, predict_blocks
from hsigan.classification.trained import TrainedClassifier, load_classifier, save_classifier
from hsigan.classification.tuning import (
    CLASSIFIER_NAMES,
    Classifier,
    Tuned,
    best_of,
    make_classifier,
    tune,
)

__all__ = [
    "CLASSIFIERS",
    "CLASSIFIER_NAMES",
    "Classifier",
    "ClassifierKind",
    "CriticFeatures",
    "SpectralClassifier",
    "TrainedClassifier",
    "Tuned",
    "best_of",
    "classify_scene",
    "load_classifier",
    "make_classifier",
    "predict_blocks",
    "save_classifier",
    "tune",
]
