"""What a user may ask of a split."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, get_args

from hsigan.errors import SplitError

Mode: TypeAlias = Literal["random", "blocks", "rows", "tiles", "mask"]
ValidationBy: TypeAlias = Literal["pixels", "units"]
GuardSide: TypeAlias = Literal["auto", "training", "test"]

MODES: tuple[Mode, ...] = get_args(Mode)
CROSS_VALIDATION_BELOW = 30
"""Labels per class under which a held-out validation part would be too small to choose by."""


@dataclass(frozen=True)
class SplitOptions:
    """Everything that decides a split, beside the label maps themselves.

    Attributes
    ----------
    mode : {"random", "blocks", "rows", "tiles", "mask"}
        ``random``: single pixels, stratified by class. ``blocks``: squares of `block_px` pixels are
        assigned whole. ``tiles``: files are assigned whole. ``rows``: each class is cut at a row,
        training above (the split of the DeepHyperX toolbox). ``mask``: a given map says it.
    train : float, optional
        Share of the labelled pixels, 0 < train < 1, that goes to the training part (validation
        included). Spatial modes (blocks, rows, tiles) come as close to it as their units allow.
    train_per_class : int, optional
        Labels per class, validation included. Drawn at random from the whole map in mode random,
        else inside the training area; the area is then half of the map unless `train` says more
        or less. The rest of the training area belongs to no part.
    validation : float, optional
        Share of the training part held out to choose models by. By default 0.2, or 0 when
        `train_per_class` is below 30: there, choose by stratified cross-validation inside the
        training labels.
    validation_by : {"pixels", "units"}
        ``pixels``: validation pixels are drawn among the training part's, and lie beside its
        others; they choose models well for the ground that was trained on, and what they measure
        is too good for ground farther away. ``units`` (modes blocks and tiles): whole blocks or
        files of the training area validate, and the guard holds between them and the training
        pixels too, so that models are chosen for new ground, as they are tested.
    minimum_per_class : int
        Pixels that every class has at least in every part.
    block_px : int
        Side of the blocks, in pixels.
    guard_px : int, optional
        Training or validation pixels and test pixels differ by more than this many pixels
        (Chebyshev), across the borders of files too. By default `patch_px` // 2, or 0 in mode
        random, where such a guard would take most of the test pixels.
    guard_from : {"auto", "training", "test"}
        The side that loses the pixels that violate the guard. ``auto``: training, so that the test
        part does not depend on the guard; test in mode random, where every training pixel has test
        pixels beside it.
    patch_px : int
        Side P of the patches that a model will see; 1 for single spectra.
    allow_leak : bool
        Whether a split passes whose test pixels have training or validation pixels inside their
        patches.
    classes : tuple of int, optional
        The classes that take part; by default all that occur.
    seed : int
        Of the draws.
    attempts : int
        How often a draw is repeated until every class is in every part.

    Raises
    ------
    SplitError
        When an option is out of its range or contradicts another.
    """

    mode: Mode = "random"
    train: float | None = None
    train_per_class: int | None = None
    validation: float | None = None
    validation_by: ValidationBy = "pixels"
    minimum_per_class: int = 1
    block_px: int = 20
    guard_px: int | None = None
    guard_from: GuardSide = "auto"
    patch_px: int = 1
    allow_leak: bool = False
    classes: tuple[int, ...] | None = None
    seed: int = 0
    attempts: int = 200

    def __post_init__(self) -> None:
        _member("mode", self.mode, MODES)
        _member("guard_from", self.guard_from, get_args(GuardSide))
        _member("validation_by", self.validation_by, get_args(ValidationBy))
        if self.validation_by == "units" and self.mode not in ("blocks", "tiles"):
            raise SplitError(
                f"Mode {self.mode} has no units to hold out whole (validation_by='units'): choose "
                "mode blocks or tiles, or validation_by='pixels'."
            )
        if self.train is not None and not 0.0 < self.train < 1.0:
            raise _out_of_range("train", "a share between 0 and 1, both excluded", self.train)
        if self.validation is not None and not 0.0 <= self.validation < 1.0:
            raise _out_of_range("validation", "a share of at least 0 and below 1", self.validation)
        least = {"train_per_class": 1, "minimum_per_class": 1, "block_px": 1, "guard_px": 0}
        for name, lowest in {**least, "patch_px": 1, "seed": 0, "attempts": 1}.items():
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not lowest <= value < 2**63):
                raise _out_of_range(
                    name, f"a whole number of at least {lowest}, below 2**63", value
                )
        if self.classes is not None and (not self.classes or min(self.classes) < 1):
            raise _out_of_range("classes", "class ids of at least 1", self.classes)
        self._check_amounts()

    def _check_amounts(self) -> None:
        if self.mode == "mask":
            if self.train is not None:
                raise SplitError(
                    f"In mode mask the mask says which pixels train. Got train={self.train!r}: "
                    "leave it out, or give train_per_class to draw inside the mask."
                )
        elif self.train is None and self.train_per_class is None:
            raise SplitError(
                f"Mode {self.mode} needs the size of the training part: give train (a share such "
                "as 0.03) or train_per_class (a number such as 25)."
            )
        elif self.mode == "random" and None not in (self.train, self.train_per_class):
            raise SplitError(
                f"In mode random give either train or train_per_class. Got train={self.train!r} "
                f"and train_per_class={self.train_per_class!r}."
            )

    @property
    def validation_share(self) -> float:
        """Return the share of the training part that validates, with the default resolved."""
        if self.validation is not None:
            return self.validation
        few = self.train_per_class is not None and self.train_per_class < CROSS_VALIDATION_BELOW
        return 0.0 if few else 0.2

    @property
    def area_share(self) -> float:
        """Return the share of the labelled pixels that a spatial mode's training area aims at."""
        return 0.5 if self.train is None else self.train

    @property
    def guard_width_px(self) -> int:
        """Return the guard's width in pixels, with the default resolved."""
        if self.guard_px is not None:
            return self.guard_px
        # A patch of even side reaches P // 2 pixels to one side: the farther one counts.
        return 0 if self.mode == "random" else self.patch_px // 2

    @property
    def guard_side(self) -> Literal["training", "test"]:
        """Return the side that loses pixels to the guard, with ``auto`` resolved."""
        if self.guard_from == "auto":
            return "test" if self.mode == "random" else "training"
        return self.guard_from

    def resolved(self) -> dict[str, Any]:
        """Return the options by name as plain data, with the defaults resolved."""
        return asdict(self) | {
            "validation": self.validation_share,
            "guard_px": self.guard_width_px,
            "guard_from": self.guard_side,
        }


def _member(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise _out_of_range(name, f"one of {', '.join(allowed)}", value)


def _out_of_range(name: str, constraint: str, value: object) -> SplitError:
    return SplitError(f"The {name!r} parameter of a split must be {constraint}. Got {value!r}.")
