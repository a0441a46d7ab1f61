"""What records call a split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def split_name(facts: Mapping[str, Any]) -> str:
    """Return a split in a few words: mode, share, guard, patch.

    Parameters
    ----------
    facts : a split's provenance, or the fields of ``SplitOptions``
    """
    name = str(facts.get("mode", "given"))
    if name == "blocks":
        name += f" {facts['block_px']} px"
    if facts.get("train") is not None:
        name += f" {100 * facts['train']:g} %"
    if facts.get("guard_px"):
        name += f", guard {facts['guard_px']} px"
    side = facts.get("patch_px", 1)
    return name + (f", {side} x {side} patches" if side > 1 else "")
