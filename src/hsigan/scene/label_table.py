"""The class of every polygon: an attribute of its own, or a column of a joined CSV table."""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hsigan.errors import LabelError
from hsigan.scene.options import ReadOptions

_WHOLE_NUMBER = re.compile(r"-?[0-9]+")


@dataclass(frozen=True)
class PolygonClasses:
    """The class of each of P polygons as text, None where unknown, and the id of every text.

    The ids cover all classes of the file, or of the table where there is one.
    """

    per_polygon: list[str | None]
    ids: dict[str, int]


def polygon_classes(
    name: str, fields: Mapping[str, Iterable[Any]], options: ReadOptions
) -> PolygonClasses:
    """Find the classes of polygons.

    Parameters
    ----------
    name
        The vector file's name, for messages.
    fields
        Its attributes: field name -> P values.
    options
        ``label_field``, ``label_table`` and ``label_key``.

    Raises
    ------
    LabelError
        When a field is missing or ambiguous, or the table gives one key two classes.
    """
    if options.label_field is None:
        raise LabelError(
            f"{name}: say which attribute names the class with --label-field "
            f"({_listed(fields)}), or a column of the table given with --label-table."
        )
    if options.label_table is None:
        column = _column(fields, options.label_field, name, "--label-field")
        texts = [_as_text(value) for value in column]
        return PolygonClasses(texts, _assign_ids(texts, name))
    table_path = Path(options.label_table)
    table = _read_table(table_path)
    key = options.label_key or _common_field(name, fields, table_path.name, table)
    keys = _column(fields, key, name, "--label-key")
    class_of = _join(
        _column(table, key, table_path.name, "--label-key"),
        _column(table, options.label_field, table_path.name, "--label-field"),
        table_path.name,
    )
    texts = [class_of.get(_as_text(value) or "") for value in keys]
    return PolygonClasses(texts, _assign_ids(class_of.values(), table_path.name))


def _column(columns: Mapping[str, Any], name: str, where: str, option: str) -> Any:
    if name not in columns:
        raise LabelError(
            f"{where} has no field {name!r} ({option}): choose from {_listed(columns)}."
        )
    return columns[name]


def _common_field(
    name: str, fields: Mapping[str, Any], table_name: str, table: Mapping[str, Any]
) -> str:
    common = sorted(set(fields) & set(table))
    if len(common) != 1:
        raise LabelError(
            f"{name} and {table_name} share {len(common)} field names "
            f"({', '.join(common) or 'none'}): say which one joins them with --label-key."
        )
    return common[0]


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(sorted(columns)) or "it has none"


def _read_table(path: Path) -> dict[str, list[str]]:
    """Read a CSV with a header line, separated by commas or semicolons."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            header = stream.readline()
            stream.seek(0)
            separator = ";" if header.count(";") > header.count(",") else ","
            rows = list(csv.reader(stream, delimiter=separator))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LabelError(f"the label table {path.name} cannot be read: {error}") from error
    if len(rows) < 2:
        raise LabelError(f"the label table {path.name} needs a header line and rows below it.")
    width = len(rows[0])
    body = [[*row, *[""] * width][:width] for row in rows[1:]]
    return {name.strip(): [row[i] for row in body] for i, name in enumerate(rows[0])}


def _join(keys: Iterable[str], classes: Iterable[str], where: str) -> dict[str, str]:
    """Map each key of the table to its class; keys or classes that are empty are left out."""
    class_of: dict[str, str] = {}
    for raw_key, raw_class in zip(keys, classes, strict=True):
        key, name = _as_text(raw_key), _as_text(raw_class)
        if key is None or name is None:
            continue
        if class_of.setdefault(key, name) != name:
            raise LabelError(
                f"{where} gives {key!r} two classes, {class_of[key]!r} and {name!r}: "
                "leave one of them."
            )
    return class_of


def _as_text(value: Any) -> str | None:
    """Return a class or key as text, None where it is missing; 3.0 and "3" are both "3"."""
    if value is None:
        return None
    if isinstance(value, float | np.floating):
        if not np.isfinite(value):
            return None
        if float(value).is_integer():
            return str(int(value))
    return str(value).strip() or None


def _assign_ids(texts: Iterable[str | None], where: str) -> dict[str, int]:
    """Give every class an id: its own whole number, else its place among the sorted names."""
    names = sorted({text for text in texts if text is not None})
    if not all(_WHOLE_NUMBER.fullmatch(name) for name in names):
        return {name: index for index, name in enumerate(names, start=1)}
    ids = {name: int(name) for name in names}
    if any(value < 0 for value in ids.values()):
        raise LabelError(f"{where}: class ids must not be negative. Got {min(ids.values())}.")
    return ids


def display_name(text: str) -> str:
    """Return how a class is called: its text, and a number n as "class n"."""
    return f"class {int(text)}" if _WHOLE_NUMBER.fullmatch(text) else text
