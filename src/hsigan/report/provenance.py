"""What was run, on what, and how to run it again."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from hsigan.report.blocks import Block, Facts, Fold
from hsigan.report.folder import Results

_PLAIN = ("seeds", "machine", "versions", "commit")
_SHOWN = {"title", "command", "scene", "seconds", *_PLAIN}


def provenance_blocks(results: Results) -> list[Block]:
    """Return the command, the scene's facts, the machine, the versions and the seeds."""
    facts = results.experiment
    rows = [("results folder", results.name)]
    rows += [_scene_row(scene) for scene in results.scenes]
    rows += [(name, _text(facts[name])) for name in _PLAIN if facts.get(name)]
    if isinstance(facts.get("seconds"), (int, float)):
        rows.append(("time taken", _duration(facts["seconds"])))
    others = {str(name): value for name, value in facts.items() if name not in _SHOWN}
    nested = {name: value for name, value in others.items() if isinstance(value, Mapping)}
    rows += [
        (_words(name), _text(value))
        for name, value in others.items()
        if name not in nested and not _is_empty(value)
    ]
    arrays, records = len(results.arrays), len(results.records)
    rows.append(("figures on disk", f"{records:,} records, {arrays:,} arrays"))
    blocks: list[Block] = [Facts("How to run it again", rows, _command(facts.get("command")))]
    for name, value in nested.items():
        inner = [(_words(str(k)), _text(v)) for k, v in value.items() if not _is_empty(v)]
        if inner:
            blocks.append(Fold(f"In detail: {_words(name)}", [Facts("", inner)]))
    return blocks


def _words(name: str) -> str:
    return name.replace("_", " ")


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, (str, list, Mapping)) and not value)


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


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _text(value: object) -> str:
    """Write plain data as a person would: no brackets, whole numbers whole."""
    if isinstance(value, Mapping):
        kept = [(key, item) for key, item in value.items() if not _is_empty(item)]
        inner = {key: _text(item) for key, item in kept}
        nested = any(isinstance(item, Mapping) for _, item in kept)
        return ("; " if nested else ", ").join(f"{_words(k)} {v}" for k, v in inner.items())
    if isinstance(value, list):
        if len(value) > 3 and all(isinstance(v, int) for v in value) and _consecutive(value):
            return f"{value[0]} to {value[-1]}"
        return ", ".join(_text(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _consecutive(numbers: list[int]) -> bool:
    return all(b - a == 1 for a, b in pairwise(numbers))
