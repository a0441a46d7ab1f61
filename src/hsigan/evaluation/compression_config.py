"""The settings of a comparison of codecs: what a recipe ``experiment/compression-*`` holds."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from hsigan.classification import CLASSIFIERS
from hsigan.recipe import Config
from hsigan.sampling import SplitOptions

Decoders = Literal["faithful", "realistic", "both"]


class CitedFigure(Config):
    """Somebody else's figure, drawn beside ours and never mixed with it.

    Without ``psnr_db`` it is a rate alone, such as that of a lossless coder. ``scenes`` are those
    that it was measured on.
    """

    label: str
    bpppc: float = Field(gt=0)
    psnr_db: float | None = None
    scenes: tuple[str, ...] = ()
    source: str


class ComparisonConfig(Config):
    """What is run: scenes, codecs, rates, and what judges them.

    Parameters
    ----------
    title : a heading for the report
    scenes : held-out files or patterns; patterns are looked for in the folder that ``HSIGAN_DATA``
        names when they are not found as they stand
    train : files or patterns that codecs which learn are fitted on; none of them may be held out
    companions : files or patterns of any sensors, for what a codec such as klt-context learns that
        is alike in all of them; none of them may be held out either
    leave_out : file names (without folders) that patterns must not match
    reading : options of ``open_scenes``: labels, variable, wavelengths ...
    codecs : names that ``open_codec`` knows, model files or run folders
    baseline : the codecs whose upper envelope the Bjontegaard differences refer to; of those that
        are not among ``codecs`` nothing is run
    bpp : targets in bits per pixel, all bands together
    bpppc : targets in bits per pixel per band
    bd_bpp, bd_bpppc : the rates that the differences are over; else all that curves share
    with_metadata : whether files hold wavelengths and georeference; without, every codec's bytes
        are those of the values and their mask alone, whether or not its model knows the sensor
    decoders : which decoders of a codec that has two
    classifier : trained on original pixels, tested on decoded ones where a scene has labels; None
        for none
    label_split : options of the split of a scene's labelled pixels (``SplitOptions``)
    pictures : so many held-out scenes are shown, the first ones
    cited : figures of others for the report
    seed : of the draws of patches and of the split of labels
    """

    title: str = ""
    scenes: tuple[str, ...] = ()
    train: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    reading: dict[str, Any] = Field(default_factory=dict)
    codecs: tuple[str, ...] = ("klt", "jpeg2000")
    baseline: tuple[str, ...] = ("klt", "klt-shared")
    bpp: tuple[float, ...] = ()
    bpppc: tuple[float, ...] = ()
    bd_bpp: tuple[float, float] | None = None
    bd_bpppc: tuple[float, float] | None = None
    with_metadata: bool = False
    decoders: Decoders = "both"
    classifier: str | None = "lda"
    label_split: dict[str, Any] = Field(default_factory=lambda: {"mode": "random", "train": 0.5})
    pictures: int = Field(default=1, ge=0)
    cited: tuple[CitedFigure, ...] = ()
    seed: int = Field(default=0, ge=0)

    @field_validator("codecs")
    @classmethod
    def _once_each(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names:
            raise ValueError("name one codec or more")
        return tuple(dict.fromkeys(names))

    @field_validator("bpp", "bpppc")
    @classmethod
    def _rising(cls, rates: tuple[float, ...]) -> tuple[float, ...]:
        if rates and min(rates) <= 0:
            raise ValueError("every rate must be above zero")
        return tuple(sorted(set(rates)))

    @field_validator("bd_bpp", "bd_bpppc")
    @classmethod
    def _a_range(cls, rates: tuple[float, float] | None) -> tuple[float, float] | None:
        if rates is not None and not 0 < rates[0] < rates[1]:
            raise ValueError("give the lower rate first, above zero")
        return rates

    @field_validator("classifier")
    @classmethod
    def _known_classifier(cls, name: str | None) -> str | None:
        if name in (None, "none"):
            return None
        if name not in CLASSIFIERS:
            raise ValueError(
                f"there is no classifier of spectra {name!r}; known: {list(CLASSIFIERS)}"
            )
        return name

    @model_validator(mode="after")
    def _possible_split(self) -> ComparisonConfig:
        self.split_options()
        return self

    def split_options(self) -> SplitOptions:
        """Return the options of the split of a scene's labelled pixels."""
        given: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in self.label_split.items()
        }
        try:
            return SplitOptions(**{**given, "seed": self.seed})
        except TypeError as error:
            raise ValueError(f"label_split: {error}") from error

    def targets(self) -> list[tuple[str, float]]:
        """Return all rates with their units, "bpp" first."""
        return [("bpp", rate) for rate in self.bpp] + [("bpppc", rate) for rate in self.bpppc]
