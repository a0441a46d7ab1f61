"""How many fakes fill up the classes that have few pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Label = TypeVar("Label")


def balancing_counts(counts: Mapping[Label, int]) -> dict[Label, int]:
    """Return the number of fakes with which every class has as many samples as the largest.

    For spectra and patches alike, as the ``n_per_class`` of ``sample``.

    Parameters
    ----------
    counts : real samples of each class
    """
    largest = max(counts.values(), default=0)
    return {label: largest - count for label, count in counts.items()}
