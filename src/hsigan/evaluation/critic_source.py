"""A trained patch GAN whose critic is to be the feature extractor of a classifier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hsigan.classification import CriticFeatures
from hsigan.classification.critic_features import check_tuning
from hsigan.errors import InputError
from hsigan.synthesis.patch_gan import PatchGAN
from hsigan.synthesis.scene_run import open_run


@dataclass(frozen=True)
class CriticSource:
    """A patch GAN, where it lies, and whether its critic is tuned further.

    Attributes
    ----------
    run : folder of the trained GAN
    gan : what lies there
    tuning : "frozen" or "fine-tuned"
    """

    run: Path
    gan: PatchGAN
    tuning: str = "frozen"

    @classmethod
    def open(cls, run: Path, settings: Mapping[str, Any]) -> CriticSource:
        """Open the folder of a patch GAN; ``tuning`` is all that ``settings`` may hold.

        Raises
        ------
        InputError
            It holds a GAN of spectra or an untrained critic, or another setting is asked for.
        RunError
            It holds no GAN, or is damaged.
        """
        unknown = sorted(set(settings) - {"tuning"})
        if unknown:
            raise InputError(f"a critic has no setting {unknown[0]!r}: it takes tuning alone.")
        tuning = str(settings.get("tuning", "frozen"))
        check_tuning(tuning)
        gan, _ = open_run(run)
        if not isinstance(gan, PatchGAN):
            raise InputError(
                f"{run} holds a GAN of spectra: --critic needs one of patches, which "
                "`hsigan train gan --patch P` trains."
            )
        gan.check_critic()
        return cls(run, gan, tuning)

    def classifier(self, seed: int) -> CriticFeatures:
        """Return the classifier, not yet fitted."""
        return CriticFeatures(self.gan, self.tuning, seed)

    def check_bands(self, bands: int) -> None:
        """Refuse patches of another number of bands than the GAN was trained on.

        Raises
        ------
        InputError
            They have another.
        """
        if bands != self.gan.n_features_in_:
            raise InputError(
                f"the GAN in {self.run} was trained on {self.gan.n_features_in_} bands, but the "
                f"scene has {bands} usable ones: give a GAN of this scene's sensor."
            )
