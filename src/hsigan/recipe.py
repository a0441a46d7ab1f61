"""Settings: TOML files that hold only differences, checked against a frozen configuration class.

A recipe is a name under ``recipes/<kind>/`` or the path of a TOML file of one's own. Its values,
then ``key=value`` overrides, are laid over the defaults of a configuration class; what the class
does not know is refused with the nearest key that it does know.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from hsigan.errors import RecipeError


class Config(BaseModel):
    """Base of every configuration: frozen, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


ConfigT = TypeVar("ConfigT", bound=Config)


def recipe_names(kind: str) -> list[str]:
    """Return the names of the shipped recipes of one kind ("gan", "experiment")."""
    folder = resources.files("hsigan") / "recipes" / kind
    if not folder.is_dir():
        return []
    return sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".toml"))


def load_recipe(kind: str, name: str | Path) -> dict[str, Any]:
    """Return the values of a shipped recipe, or of a TOML file given by path.

    Raises
    ------
    RecipeError
        No such recipe, or the file is not TOML.
    """
    text = _recipe_text(kind, str(name))
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"recipe {name} is not valid TOML: {error}") from error


def _recipe_text(kind: str, name: str) -> str:
    if name.endswith(".toml"):
        try:
            return Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"recipe file {name} cannot be read: {error}") from error
    names = recipe_names(kind)
    if name not in names:
        raise RecipeError(
            f"there is no {kind} recipe {name!r}{_nearest(name, names)}; known: {', '.join(names)}"
        )
    path = resources.files("hsigan") / "recipes" / kind / f"{name}.toml"
    return path.read_text(encoding="utf-8")


def build_config(
    config_class: type[ConfigT],
    values: Mapping[str, Any],
    overrides: Iterable[str] = (),
) -> ConfigT:
    """Lay ``values``, then ``key=value`` overrides, over the defaults of ``config_class``.

    Raises
    ------
    RecipeError
        An unknown key (the nearest known one is named) or a value that the class refuses.
    """
    merged = {**values, **parse_overrides(overrides)}
    known = list(config_class.model_fields)
    for key in merged:
        if key not in known:
            raise RecipeError(
                f"unknown setting {key!r}{_nearest(key, known)}; known: {', '.join(sorted(known))}"
            )
    try:
        return config_class(**merged)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        if not where:  # settings that do not go together
            raise RecipeError(message) from error
        raise RecipeError(
            f"setting {where!r}: {message}. Got {first.get('input')!r} instead."
        ) from error


def parse_overrides(overrides: Iterable[str]) -> dict[str, Any]:
    """Read ``key=value`` texts.

    Raises
    ------
    RecipeError
        One of them has no "=".
    """
    values = {}
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator:
            raise RecipeError(f"--set takes key=value. Got {override!r} instead.")
        values[key.strip()] = parse_value(text.strip())
    return values


def parse_value(text: str) -> Any:
    """Read one value as TOML does; a bare word is text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def to_toml(values: Mapping[str, Any]) -> str:
    """Write plain values (text, numbers, booleans, lists, nested tables) as TOML."""
    return "\n".join(_toml_lines(values, "")) + "\n"


def _toml_lines(values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Yield a table's own values, then its tables under their full names; None is left out."""
    for key, value in values.items():
        if value is not None and not _is_table(value):
            yield f"{_toml_key(key)} = {_toml_value(value)}"
    for key, value in values.items():
        if _is_table(value):
            name = f"{prefix}{_toml_key(key)}"
            yield f"\n[{name}]"
            yield from _toml_lines(value, f"{name}.")


def _toml_key(key: object) -> str:
    text = str(key)
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else _toml_value(text)


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # JSON's escapes are TOML's too; DEL is the one character that TOML alone refuses
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    return str(value)


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=2, cutoff=0.5)
    return f" (did you mean {' or '.join(repr(item) for item in close)}?)" if close else ""
