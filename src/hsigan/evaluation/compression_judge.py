"""Everything that is measured of a decoded scene: fidelity, realism, what a classifier loses."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hsigan.classification import make_classifier
from hsigan.errors import InputError, LabelError, SceneError, SplitError
from hsigan.evaluation.compression_config import ComparisonConfig
from hsigan.metrics import score
from hsigan.metrics.fidelity import measure_fidelity
from hsigan.metrics.realism import Realism, RealismJudge
from hsigan.sampling import SplitOptions, gather_pixels, labels_of, split_scenes
from hsigan.scene import usable_bands, valid_mask
from hsigan.scene.dataset import is_data

Figures = dict[str, float]
_FEWEST_PIXELS = 10

UNITS: dict[str, str] = {
    "psnr": "dB",
    "spectral_angle": "deg",
    "accuracy_original": "%",
    "accuracy_decoded": "%",
    "accuracy_loss": "points",
    "agreement": "%",
}


class SceneJudge:
    """Judges decoded versions of one held-out scene, all by the same pixels.

    The peak of PSNR is the scene's largest valid value; samples that are nodata or not finite in
    the original count nowhere.

    Parameters
    ----------
    scene : the original
    config : its classifier, split of labels and seed
    """

    def __init__(self, scene: xr.Dataset, config: ComparisonConfig) -> None:
        self.name = str(scene.attrs.get("name", "scene"))
        self.values: NDArray[Any] = scene["values"].values
        self.valid = is_data(self.values, scene)
        if not self.valid.any():
            raise SceneError(f"{self.name} holds no valid sample; leave this file out.")
        self.usable = usable_bands(scene)
        self.realism = self._realism_judge(scene, config.seed)
        self.classes = _PixelClasses.of(scene, config)

    def _realism_judge(self, scene: xr.Dataset, seed: int) -> RealismJudge | None:
        """Return no judge where there are no two different pixels to compare."""
        try:
            return RealismJudge(self.values[:, :, self.usable], valid_mask(scene), seed)
        except InputError:
            return None

    def figures(self, decoded: xr.Dataset) -> Figures:
        """Return every figure of a decoded scene but those of the classifier.

        Raises
        ------
        SceneError
            It has another shape than the original.
        """
        values = self._values_of(decoded)
        found = measure_fidelity(self.values, values, valid=self.valid)
        figures = {
            "psnr": found.psnr_db,
            "spectral_angle": found.spectral_angle_deg,
            "ssim": found.ssim,
            "max_error": found.max_error,
            "mse": found.mse,
            "peak": found.peak,
        }
        if self.realism is not None:
            figures |= known_figures(self.realism.judge(values[:, :, self.usable]))
        return figures

    def floor(self) -> Figures:
        """Return realism between random halves of the original."""
        return {} if self.realism is None else known_figures(self.realism.floor())

    def classified(self, decoded: xr.Dataset) -> Figures:
        """Return what the classifier loses on the decoded scene; {} without usable labels."""
        return {} if self.classes is None else self.classes.figures(self._values_of(decoded))

    def _values_of(self, decoded: xr.Dataset) -> NDArray[Any]:
        values: NDArray[Any] = decoded["values"].values
        if values.shape != self.values.shape:
            raise SceneError(
                f"what was decoded has the shape {values.shape}, and {self.name} has "
                f"{self.values.shape}: give the decoded version of this scene."
            )
        return values


def known_figures(realism: Realism) -> Figures:
    """Return the figures by name, without those that the scene is too small for."""
    return {name: value for name, value in asdict(realism).items() if np.isfinite(value)}


def _of_frequent_classes(options: SplitOptions, scene: xr.Dataset) -> SplitOptions:
    """Leave classes out that are too rare in this scene to train on and to test on."""
    ids, counts = np.unique(labels_of([scene])[0], return_counts=True)
    frequent = {int(i) for i, n in zip(ids, counts, strict=True) if i and n >= _FEWEST_PIXELS}
    chosen = frequent if options.classes is None else frequent & set(options.classes)
    if len(chosen) < 2:
        raise SplitError(f"{scene.attrs.get('name')} has no two classes with enough pixels.")
    return replace(options, classes=tuple(sorted(chosen)))


class _PixelClasses:
    """A classifier trained on part of a scene's original pixels, and the pixels that test it."""

    def __init__(self, scene: xr.Dataset, config: ComparisonConfig, name: str) -> None:
        split = split_scenes([scene], _of_frequent_classes(config.split_options(), scene))
        train = gather_pixels(
            [scene], [a | b for a, b in zip(split.train, split.validation, strict=True)]
        )
        self.test = gather_pixels([scene], split.test)
        self.bands = np.searchsorted(scene["band"].values, self.test.band_indices)
        self.classifier = make_classifier(name, random_state=config.seed)
        self.classifier.fit(train.spectra, train.labels)
        self.before = self.classifier.predict(self.test.spectra)

    @classmethod
    def of(cls, scene: xr.Dataset, config: ComparisonConfig) -> _PixelClasses | None:
        """Return None where the scene has no labels, or none that can be split."""
        if config.classifier is None or "label" not in scene:
            return None
        try:
            return cls(scene, config, config.classifier)
        except (LabelError, SplitError):
            return None

    def figures(self, values: NDArray[Any]) -> Figures:
        spectra = values[self.test.row[:, None], self.test.column[:, None], self.bands]
        after = self.classifier.predict(spectra.astype(np.float32))
        original = score(self.test.labels, self.before).overall_percent
        decoded = score(self.test.labels, after).overall_percent
        return {
            "accuracy_original": original,
            "accuracy_decoded": decoded,
            "accuracy_loss": original - decoded,
            "agreement": 100 * float((self.before == after).mean()),
        }
