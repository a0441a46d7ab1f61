"""What a page is made of, as plain data; `templates/report.html` says how each looks.

Text is escaped by the template. Only `Markup` passes as it is, and only `drawing` and `pictures`
make it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from markupsafe import Markup


@dataclass(frozen=True)
class Key:
    """One entry of a legend: a colour (``#rrggbb`` or a CSS variable) and what it stands for."""

    colour: str
    label: str


@dataclass(frozen=True)
class Panel:
    """One picture with its title, and a legend where it differs from its neighbours'."""

    picture: Markup
    title: str = ""
    legend: Sequence[Key] = ()


@dataclass(frozen=True)
class Figure:
    """Panels under one heading, and a sentence that says what to look for.

    `size` is ``small``, ``medium`` or ``large``: how many panels stand side by side.
    """

    heading: str
    panels: Sequence[Panel]
    reading: str
    legend: Sequence[Key] = ()
    size: str = "medium"
    kind: Literal["figure"] = "figure"


@dataclass(frozen=True)
class Cell:
    """A table's cell: the figure, its interval or remark, and a tone.

    `tone` is ``good``, ``bad``, ``plain`` or ``strong``.
    """

    text: str
    remark: str = ""
    tone: str = "plain"


@dataclass(frozen=True)
class Table:
    """A table whose first column names its rows; `lead_rows` of them stand above a rule."""

    heading: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]
    reading: str
    lead_rows: int = 0
    kind: Literal["table"] = "table"


@dataclass(frozen=True)
class Fold:
    """Blocks that open on a click, for readers who want all of it."""

    summary: str
    blocks: Sequence[Block]
    kind: Literal["fold"] = "fold"


@dataclass(frozen=True)
class Facts:
    """Names and their values: what was run, on what, and how to run it again."""

    heading: str
    rows: Sequence[tuple[str, str]]
    command: str = ""
    kind: Literal["facts"] = "facts"


Block = Figure | Table | Fold | Facts


@dataclass(frozen=True)
class Section:
    """A stretch of the page with its own entry in the table of contents."""

    anchor: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Chapter:
    """What one results folder says."""

    anchor: str
    title: str
    findings: Sequence[str]
    sections: Sequence[Section]
    notes: Sequence[str] = field(default_factory=tuple)
