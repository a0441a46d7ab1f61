"""What was run, on what, and how to run it again."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from hsigan.report.blocks import Block, Facts, Fold
from hsigan.report.folder import Results

_SHOWN_SEPARATELY = {"title", "command", "options", "scene", "machine", "versions", "commit"}


def provenance_blocks(results: Results) -> list[Block]:
    """Return the command, the scene's facts, the machine, the versions and the seeds."""
    facts = results.experiment
    rows = [("results folder", results.name)]
    rows += [_scene_row(scene) for scene in results.scenes]
    for name in ("seeds", "seconds"):
        if facts.get(name) is not None:
            rows.append((name, _duration(facts[name]) if name == "seconds" else _text(facts[name])))
    for name in ("machine", "versions", "commit"):
        if facts.get(name):
            rows.append((name, _text(facts[name])))
    rows += [
        (str(name), _text(value))
        for name, value in facts.items()
        if name not in _SHOWN_SEPARATELY | {"seeds", "seconds"} and value not in (None, "", {}, [])
    ]
    rows.append(
        ("figures on disk", f"{len(results.records):,} records, {len(results.arrays):,} arrays")
    )
    command = facts.get("command")
    blocks: list[Block] = [Facts("How to run it again", rows, _command(command))]
    options = facts.get("options")
    if isinstance(options, Mapping) and options:
        settings = [(str(name), _text(value)) for name, value in options.items()]
        blocks.append(Fold("Every option", [Facts("Options", settings)]))
    return blocks


def _scene_row(scene: Mapping[str, Any]) -> tuple[str, str]:
    parts = []
    shape = scene.get("shape")
    if isinstance(shape, list) and shape:
        several = isinstance(shape[0], list)
        sizes = [" x ".join(map(str, one)) for one in (shape if several else [shape])]
        parts.append(
            sizes[0] if len(sizes) == 1 else f"{len(sizes)} files, {', '.join(sorted(set(sizes)))}"
        )
    if scene.get("bands") is not None:
        bands = scene["bands"]
        parts.append(f"{len(bands) if isinstance(bands, list) else bands} bands")
    if isinstance(scene.get("files"), int) and scene["files"] > 1:
        parts.append(f"{scene['files']} files")
    if scene.get("class_ids"):
        parts.append(f"{len(scene['class_ids'])} classes")
    return "scene", "; ".join([str(scene.get("name", "unnamed")), *parts])


def _command(command: object) -> str:
    if isinstance(command, list):
        return " ".join(map(str, command))
    return str(command) if command else ""


def _duration(seconds: object) -> str:
    if not isinstance(seconds, (int, float)):
        return _text(seconds)
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _text(value: object) -> str:
    """Write plain data as a person would: no brackets, whole numbers whole."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items() if item is not None)
    if isinstance(value, list):
        if len(value) > 3 and all(isinstance(v, int) for v in value) and _consecutive(value):
            return f"{value[0]} to {value[-1]}"
        return ", ".join(_text(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _consecutive(numbers: list[int]) -> bool:
    return all(b - a == 1 for a, b in pairwise(numbers))
