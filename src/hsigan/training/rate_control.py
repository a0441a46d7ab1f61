"""The weight of the rate in the loss: equation 5, its warm-up, and holding the target elsewhere.

Rates are in bits per pixel, all bands together. During the warm-up the target is 1.43 times as high
and lambda half as large (Mentzer et al. 2020). Crops that train a codec become cheaper than others:
after each look at scenes that are not trained on, the target inside the loop moves by how far those
missed it.
"""

from __future__ import annotations

import math
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Literal

from hsigan.models.compression_losses import RateTarget

WARM_UP_TARGET = 1.43
WARM_UP_WEIGHT = 0.5
_CORRECTION = 0.5
_GREATEST_CORRECTION = 4.0


def table_weight(target_bpp: float) -> float:
    """Return Table I's lambda_a at a target rate, between and beyond its rows on the same line.

    >>> [table_weight(rate) for rate in (0.2, 0.4, 0.6, 0.8, 1.0)]
    [2.0, 1.0, 0.5, 0.25, 0.125]
    """
    return float(2.0 ** round(2 - 5 * target_bpp, 9))


@dataclass
class RateControl:
    """Chooses lambda from the rates that were met, in the loop and outside of it.

    Parameters
    ----------
    rule : equation 5; its target is what scenes that are not trained on shall take
    numbers : where the state lies that must survive an interruption
    mode : "switch" is equation 5; "integral" lets log lambda follow how far the rate is off,
        between both weights and from their geometric mean on, which swings less
    gain : by how much a step may move log lambda in mode "integral"
    warm_up_steps : steps with the higher target
    name : of this control's entries in ``numbers``
    """

    rule: RateTarget
    numbers: MutableMapping[str, float]
    mode: Literal["switch", "integral"] = "switch"
    gain: float = 0.01
    warm_up_steps: int = 0
    name: str = ""

    def __post_init__(self) -> None:
        middle = math.sqrt(self.rule.above * self.rule.below)
        self.numbers.setdefault(f"lambda{self.name}", middle)
        self.numbers.setdefault(f"correction{self.name}", 1.0)

    @property
    def last_weight(self) -> float:
        """Lambda as it stands."""
        return self.numbers[f"lambda{self.name}"]

    def allowance(self, step: int) -> float:
        """Return by what the target is multiplied at a step."""
        raised = WARM_UP_TARGET if step < self.warm_up_steps else 1.0
        return raised * self.numbers[f"correction{self.name}"]

    def weight(self, step: int, rate_bpp: float) -> float:
        """Return lambda for a batch that took ``rate_bpp``."""
        allowance = self.allowance(step)
        if self.mode == "switch":
            value = self.rule.weight(rate_bpp, allowance)
        else:
            # A batch of easy crops must not halve lambda: one step moves it by the gain at most.
            off = math.log(max(rate_bpp, 1e-9) / (self.rule.target_bpp * allowance))
            value = self.last_weight * math.exp(self.gain * max(-1.0, min(1.0, off)))
            value = min(max(value, self.rule.below), self.rule.above)
        self.numbers[f"lambda{self.name}"] = value
        return value * (WARM_UP_WEIGHT if step < self.warm_up_steps else 1.0)

    def correct(self, step: int, held_out_bpp: float) -> None:
        """Move the loop's target after scenes that are not trained on took ``held_out_bpp``."""
        if step <= self.warm_up_steps or held_out_bpp <= 0:
            return
        key = f"correction{self.name}"
        moved = self.numbers[key] * (self.rule.target_bpp / held_out_bpp) ** _CORRECTION
        self.numbers[key] = min(max(moved, 1 / _GREATEST_CORRECTION), _GREATEST_CORRECTION)
