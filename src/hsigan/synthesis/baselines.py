"""The simple generators that a GAN must be compared with, by name.

All have the interface of ``SpectralGAN``: ``fit(X, y, ...)``, then
``sample(n_per_class, classes, random_state)``.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading

from hsigan.errors import InputError
from hsigan.synthesis.baselines_base import Floats, SimpleGenerator
from hsigan.synthesis.baselines_density import (
    ClassGaussian,
    ClassGaussianMixture,
    SmoothedBootstrap,
)
from hsigan.synthesis.baselines_pixels import (
    Duplication,
    GainOffset,
    Mixup,
    MixupBetween,
    Relighting,
    Smote,
)


class LabelPropagation(SimpleGenerator):
    """Unlabelled pixels under labels that spread to them along a neighbour graph.

    scikit-learn's label spreading (Zhou et al. 2004) in the leading principal components. Samples
    are unlabelled real pixels whose label is surer than ``confidence``; a class that no unlabelled
    pixel joined is duplicated.

    Parameters
    ----------
    neighbours : neighbours in the graph
    components : principal components in which distances are taken
    max_unlabelled : at most this many unlabelled pixels, drawn at random
    confidence : least probability of the propagated label
    random_state : seed of that draw
    """

    def __init__(
        self,
        neighbours: int = 7,
        components: int = 20,
        max_unlabelled: int = 3000,
        confidence: float = 0.7,
        random_state: int = 0,
    ) -> None:
        self.neighbours = neighbours
        self.components = components
        self.max_unlabelled = max_unlabelled
        self.confidence = confidence
        self.random_state = random_state

    def _prepare(self, unlabelled: Floats | None) -> None:
        if unlabelled is None or len(unlabelled) == 0:
            raise InputError(
                "LabelPropagation needs pixels without a label: give X_unlabelled. Got none."
            )
        rng = np.random.default_rng(self.random_state)
        chosen = rng.permutation(len(unlabelled))[: self.max_unlabelled]
        pool = unlabelled[np.sort(chosen)]
        labelled = np.concatenate(list(self.spectra_.values()))
        codes = np.repeat(np.arange(len(self.spectra_)), [len(s) for s in self.spectra_.values()])
        count = min(self.components, len(labelled) + len(pool), labelled.shape[1])
        everything = np.concatenate([labelled, pool])
        space = make_pipeline(StandardScaler(), PCA(count, random_state=self.random_state))
        probability = self._spread(space.fit_transform(everything), codes)
        best = probability.argmax(axis=1)
        sure = probability.max(axis=1) >= self.confidence
        self.propagated_: dict[Any, Floats] = {
            label: pool[sure & (best == code)] for code, label in enumerate(self.spectra_)
        }

    def _spread(self, points: Floats, codes: Any) -> Floats:
        """Return label probabilities (M, K) of the points behind the labelled ones."""
        targets = np.full(len(points), -1)
        targets[: len(codes)] = codes
        graph = LabelSpreading(
            kernel="knn", n_neighbors=min(self.neighbours, len(points) - 1), max_iter=100
        )
        with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
            # A part of the graph without a label gets no probability; it is left out below.
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            graph.fit(points, targets)
        probability = np.zeros((len(points), int(codes.max()) + 1))
        probability[:, graph.classes_] = graph.label_distributions_
        return np.where(np.isfinite(probability), probability, 0.0)[len(codes) :]

    def _draw(self, label: Any, count: int, rng: np.random.Generator) -> Floats:
        pool = self.propagated_[label]
        if len(pool) == 0:
            return self._resample(label, count, rng)
        if count <= len(pool):
            return pool[rng.permutation(len(pool))[:count]]
        return pool[rng.integers(len(pool), size=count)]


SIMPLE_GENERATORS: dict[str, type[SimpleGenerator]] = {
    "duplication": Duplication,
    "gaussian": ClassGaussian,
    "gaussian-mixture": ClassGaussianMixture,
    "smoothed-bootstrap": SmoothedBootstrap,
    "smote": Smote,
    "mixup": Mixup,
    "mixup-between": MixupBetween,
    "gain-offset": GainOffset,
    "relighting": Relighting,
    "label-propagation": LabelPropagation,
}
