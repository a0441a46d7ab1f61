"""What is asked of one classifier that is trained for use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hsigan.classification import CriticFeatures
from hsigan.classification.patch_estimator import patch_classifier_config
from hsigan.errors import InputError
from hsigan.evaluation.critic_source import CriticSource
from hsigan.models.patch_classifiers import PATCH_CLASSIFIERS


@dataclass(frozen=True)
class ClassifierOptions:
    """What is asked of a classifier.

    Parameters
    ----------
    classifier : one of ``CLASSIFIER_NAMES``; not looked at where ``critic`` is given
    augment : "none"; "auto"; the name of a generator such as "gan" or "gaussian"; the folder of a
        trained GAN; or a samples file (.npz)
    amount : fakes per real pixel, class by class; a samples file is taken whole
    auto_methods : what "auto" chooses from; None is what experiments take
    auto_amounts : and in which amounts
    seed : of classifier and samples
    patch_px : side P of the patches that a network sees; None is what its paper takes
    settings : of a network on patches, laid over its recipe
    allow_leak : train though patches of test pixels hold training pixels
    device : where a network on patches is trained
    critic : a patch GAN whose critic gives the features
    """

    classifier: str = "lda"
    augment: str = "none"
    amount: float = 1.0
    auto_methods: tuple[str, ...] | None = None
    auto_amounts: tuple[float, ...] = (1.0, 5.0)
    seed: int = 0
    patch_px: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    allow_leak: bool = False
    device: str = "cpu"
    critic: CriticSource | None = None

    @property
    def name(self) -> str:
        """Return the name of the classifier."""
        return self.classifier if self.critic is None else CriticFeatures.name

    @property
    def side_px(self) -> int:
        """Return the side of the patches that the classifier sees: 1 where it sees spectra.

        Raises
        ------
        InputError
            Patches or settings are asked of a classifier of spectra, or other patches of a critic.
        """
        if self.critic is not None:
            side = self.critic.gan.patch_px_
            if self.patch_px not in (None, side):
                raise InputError(
                    f"the GAN in {self.critic.run} sees patches of {side} x {side} pixels: leave "
                    "out --patch."
                )
            return side
        if self.classifier in PATCH_CLASSIFIERS:
            published = patch_classifier_config(self.classifier, self.settings).patch_px
            return published if self.patch_px is None else self.patch_px
        if self.settings or self.patch_px not in (None, 1):
            raise InputError(
                f"{self.classifier} reads spectra: leave out the patch and the settings, or choose "
                f"{', '.join(PATCH_CLASSIFIERS)}."
            )
        return 1
