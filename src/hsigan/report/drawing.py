"""One panel, one small inline SVG: text stays text, and colours follow the page's theme."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from html import escape
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Stand-ins that no palette holds; the finished SVG has the page's variables in their place.
INK, MUTED, RULE = "#010203", "#040506", "#070809"
_THEME = {INK: "var(--ink)", MUTED: "var(--muted)", RULE: "var(--rule)"}
_UNITS_PER_INCH = 72
_DOTS_PER_INCH = 110

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "hsigan",
    "text.parse_math": False,  # names come from users: a dollar sign is a dollar sign
    "axes.unicode_minus": True,
    "font.size": 11.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": INK,
    "lines.linewidth": 1.6,
    "path.simplify_threshold": 0.3,
    "figure.constrained_layout.use": True,
}


@contextmanager
def _drawing_style() -> Iterator[None]:
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def draw(
    paint: Callable[[Axes], None], alt: str, width_px: int = 340, height_px: int = 220
) -> Markup:
    """Let `paint` draw on fresh axes and return the SVG to place in a page.

    Parameters
    ----------
    paint : callable
        Receives the `Axes`; draws with colours of its own, or `INK`, `MUTED` and `RULE`.
    alt : str
        What the picture shows, for readers who do not see it.
    width_px, height_px : int
        Size at which text appears in its nominal size; the page scales the whole.
    """
    text = io.StringIO()
    with _drawing_style():
        figure = Figure(figsize=(width_px / _UNITS_PER_INCH, height_px / _UNITS_PER_INCH))
        paint(figure.add_subplot())
        figure.savefig(
            text, format="svg", transparent=True, metadata={"Date": None}, dpi=_DOTS_PER_INCH
        )
    return _inline(text.getvalue(), alt)


def _inline(svg: str, alt: str) -> Markup:
    """Strip what only a stand-alone file needs, shorten numbers, and make ids the panel's own."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<(metadata|style)\b.*?</\1>", "", body, flags=re.DOTALL)
    body = re.sub(r' (d|x|y)="([^"]*)"', _short_numbers, body)
    body = re.sub(r' transform="rotate\(-0 [^"]*"', "", body)
    body = re.sub(r" ?font-family: [^;\"]*;?", "", body)
    for stand_in, variable in _THEME.items():
        body = body.replace(f": {stand_in}", f": {variable}")
    body = re.sub(r' id="(?!p[0-9a-f]{10}|m[0-9a-f]{10})[^"]*"', "", body)
    prefix = "p" + sha256(body.encode() + alt.encode()).hexdigest()[:8]
    body = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{prefix}-", body)
    body = re.sub(r">\s+<", "><", body)
    head, rest = body.split(">", 1)
    view_box = re.search(r'viewBox="[^"]*"', head)
    opening = f'<svg {view_box.group(0) if view_box else ""} role="img" aria-label="{escape(alt)}"'
    return Markup(f"{opening}>{rest.strip()}")


def _short_numbers(match: re.Match[str]) -> str:
    numbers = re.sub(r"(\d+\.\d)\d+", r"\1", " ".join(match.group(2).split()))
    if not re.search("[CQ]", numbers):
        numbers = numbers.replace(" L ", " ")  # pairs after a move are lines anyway
    return f' {match.group(1)}="{numbers}"'
