"""The settings of an augmentation experiment: what an experiment recipe holds."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator

from hsigan.classification import CLASSIFIER_NAMES, CLASSIFIERS
from hsigan.classification.patch_estimator import patch_classifier_config
from hsigan.evaluation.augmentation_methods import METHODS
from hsigan.evaluation.split_name import split_name
from hsigan.models.patch_classifiers import PATCH_CLASSIFIERS
from hsigan.recipe import Config
from hsigan.sampling import SplitOptions

# From simple to flexible: where validation data cannot tell two apart, the simpler one is the best.
STANDARD_CLASSIFIERS = (
    "lda",
    "lda-unit",
    "two-view",
    "svm-linear",
    "svm-rbf",
    "random-forest",
    "nn-1d",
)
# Two classifiers of the centre pixel; a plain 3-D network, one that goes on in 2-D, a transformer.
PATCH_CLASSIFIERS_COMPARED = ("lda", "two-view", "li-3d", "hybridsn", "ssftt")
PATCH_METHODS = (
    "none",
    "flips-rotations",
    "radiation-noise",
    "mixture-noise",
    "gan",
    "conv3d",
    "conv3d-attention",
    "conv3d-conditional",
    "factorised-semi-supervised",
    "patch",
    "auto",
)
INDUCTIVE_METHODS = (
    "none",
    "duplication",
    "gaussian",
    "gaussian-mixture",
    "smoothed-bootstrap",
    "smote",
    "mixup",
    "mixup-between",
    "gain-offset",
    "relighting",
    "label-propagation",
    "gan",
    "ss-gan",
    "auto",
)


class AugmentationConfig(Config):
    """What is run: scenes, split, methods, classifiers, amounts and seeds.

    Parameters
    ----------
    title : a heading for the report
    scenes : files, patterns or names of known scenes; patterns are looked for in the folder that
        ``HSIGAN_DATA`` names when they are not found as they stand
    leave_out : file names (without folders) that patterns must not match
    reading : options of ``open_scenes``: labels, variable, label_field, label_table, label_key ...
    class_names : names of the classes that take part; by default, or with ``classes``, ids
    split : options of the split (``SplitOptions``) except its seed; with its ``patch_px`` above 1
        classifiers and generators see patches
    seeds, first_seed : fresh partitions: seeds first_seed ... first_seed + seeds - 1
    methods, classifiers : names; "none" is always run, since everything is compared with it
    amounts : fakes per real pixel, class by class
    reference_methods : classical augmentation that the best real-only classifier may use
    auto_methods, auto_amounts : what ``auto`` chooses from, whatever ``amounts`` the other methods
        have; where it cross-validates (few labels), every amount costs as much time again
    max_unlabelled : at most this many unlabelled pixels are shown to a method
    gan : GAN recipe -> settings laid over it
    networks : network on patches -> settings laid over its recipe, such as max_steps

    With patches other classifiers and methods than with spectra are the default.
    """

    title: str = ""
    scenes: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    reading: dict[str, Any] = Field(default_factory=dict)
    class_names: tuple[str, ...] | None = None
    split: dict[str, Any] = Field(default_factory=lambda: {"mode": "random", "train": 0.03})
    seeds: int = Field(default=10, ge=1)
    first_seed: int = Field(default=0, ge=0)
    methods: tuple[str, ...] = INDUCTIVE_METHODS
    classifiers: tuple[str, ...] = STANDARD_CLASSIFIERS
    amounts: tuple[float, ...] = (1.0,)
    reference_methods: tuple[str, ...] = ("none",)
    auto_methods: tuple[str, ...] = ("gaussian", "smoothed-bootstrap", "gain-offset", "gan")
    auto_amounts: tuple[float, ...] = (1.0, 5.0)
    auto_folds: int = Field(default=8, ge=4)
    max_unlabelled: int = Field(default=20_000, ge=1)
    gan: dict[str, dict[str, Any]] = Field(default_factory=dict)
    networks: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_patches(cls, values: Any) -> Any:
        split = values.get("split") if isinstance(values, dict) else None
        if not isinstance(split, dict) or split.get("patch_px", 1) == 1:
            return values
        return {
            "methods": PATCH_METHODS,
            "classifiers": PATCH_CLASSIFIERS_COMPARED,
            "reference_methods": ("none", "flips-rotations"),
            "auto_methods": ("flips-rotations", "patch"),
            "auto_amounts": (1.0,),
            "auto_folds": 4,
            **values,
        }

    @field_validator("methods")
    @classmethod
    def _known_methods(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known(names, METHODS, "method")

    @field_validator("auto_methods")
    @classmethod
    def _known_generators(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        # A transductive generator has seen the test pixels; auto must choose without them.
        allowed = [
            name
            for name, method in METHODS.items()
            if method.kind == "generator" and method.unlabelled in ("", "inductive")
        ]
        return _known(names, allowed, "inductive generator")

    @field_validator("classifiers")
    @classmethod
    def _known_classifiers(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known(names, CLASSIFIER_NAMES, "classifier")

    @field_validator("reference_methods")
    @classmethod
    def _known_references(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        # It is fitted on labelled pixels alone.
        simple = [
            name
            for name, method in METHODS.items()
            if method.kind == "generator" and not method.gan_recipe and not method.unlabelled
        ]
        return _known(names, ["none", *simple], "classical augmentation")

    @field_validator("networks")
    @classmethod
    def _known_settings(cls, networks: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name, settings in networks.items():
            _known((name,), PATCH_CLASSIFIERS, "network on patches")
            patch_classifier_config(name, settings)
        return networks

    @field_validator("amounts", "auto_amounts")
    @classmethod
    def _positive(cls, amounts: tuple[float, ...]) -> tuple[float, ...]:
        if not amounts or min(amounts) <= 0:
            raise ValueError("give one amount or more, each above zero")
        return amounts

    @model_validator(mode="after")
    def _possible_split(self) -> AugmentationConfig:
        self.split_options(0)
        return self

    @model_validator(mode="after")
    def _fits_patches(self) -> AugmentationConfig:
        if self.patch_px == 1:
            of_spectra = [*CLASSIFIERS, "hu-1d"]
            alien = [n for n in self.classifiers if n not in of_spectra]
            named = (*self.methods, *self.auto_methods, *self.reference_methods)
            alien += [n for n in named if METHODS[n].patches]
            hint = "works on patches: give the split a patch_px"
        else:
            spectral = ("transform", "self-training")
            alien = [n for n in self.methods if METHODS[n].kind in spectral]
            hint = "works on spectra alone: leave it out, or set patch_px = 1"
        if alien:
            raise ValueError(f"{alien[0]!r} {hint}")
        return self

    def split_options(self, seed: int) -> SplitOptions:
        """Return the options of the partition with this seed."""
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in self.split.items()
        }
        try:
            return SplitOptions(**{**values, "seed": seed})
        except TypeError as error:
            raise ValueError(f"split: {error}") from error

    @property
    def patch_px(self) -> int:
        """Return the side P of the patches that classifiers and generators see; 1 for spectra."""
        return self.split_options(0).patch_px

    def split_name(self) -> str:
        """Return the split in a few words, as records name it."""
        return split_name(self.split_options(0).resolved())

    def all_seeds(self) -> range:
        """Return the seeds of the partitions."""
        return range(self.first_seed, self.first_seed + self.seeds)


def _known(names: tuple[str, ...], known: Any, what: str) -> tuple[str, ...]:
    strange = [name for name in names if name not in known]
    if strange:
        raise ValueError(f"there is no {what} {strange[0]!r}; known: {', '.join(known)}")
    return tuple(dict.fromkeys(names))
