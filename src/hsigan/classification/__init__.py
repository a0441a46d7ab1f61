"""Classifiers of spectra behind one interface, their tuning, and class maps of whole scenes."""

from hsigan.classification.estimator import CLASSIFIERS, ClassifierKind, SpectralClassifier
from hsigan.classification.tuning import Tuned, best_of, tune

__all__ = ["CLASSIFIERS", "ClassifierKind", "SpectralClassifier", "Tuned", "best_of", "tune"]
