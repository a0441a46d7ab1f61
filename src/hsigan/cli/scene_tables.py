"""Facts about scenes as tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hsigan.scene.catalogue import KNOWN_SCENES
from hsigan.scene.describe import SceneFacts, band_ranges
from hsigan.scene.fetch import find_file

_BAND_LINES = 12


def show_scenes(facts: Sequence[SceneFacts], console: Console | None = None) -> None:
    """Print one scene, or several of one sensor: what they are, their bands, their classes."""
    console = console or Console()
    if len(facts) == 1:
        console.print(_facts_table(facts[0]))
    else:
        console.print(_files_table(facts))
    problems = _bands_table(facts)
    if problems.row_count:
        console.print(problems)
    if any(fact.classes for fact in facts):
        console.print(_classes_table(facts))
    else:
        console.print("no labels: give them with --labels FILE")


def show_known_scenes(console: Console | None = None) -> None:
    """Print the catalogue, and where the files of each scene lie."""
    table = Table(title="Known scenes", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("key", no_wrap=True)  # it is what a user types: never cut it
    table.add_column("scene, sensor", overflow="fold")
    table.add_column("rows x columns\nx bands", no_wrap=True)
    table.add_column("classes", justify="right")
    table.add_column("labelled", justify="right")
    table.add_column("on disk")
    for key, known in KNOWN_SCENES.items():
        found = [find_file(file) is not None for file in (known.image, known.labels)]
        place = "yes" if all(found) else "labels only" if found[1] else "no"
        rows, columns, bands = known.image.shape
        table.add_row(
            key,
            f"{known.title}, {known.sensor}",
            f"{rows} x {columns} x {bands}",
            str(len(known.class_names)),
            str(known.labelled_pixels),
            place,
        )
    console = console or Console()
    console.print(table)
    console.print("fetch one with: hsigan scene fetch KEY", highlight=False)
    console.print(f"rights: {next(iter(KNOWN_SCENES.values())).licence}", highlight=False)


def _facts_table(fact: SceneFacts) -> Table:
    rows, columns, bands = fact.shape
    table = Table(title=escape(fact.name), show_header=False)
    table.add_row("file", escape(", ".join(fact.source) or "none"))
    table.add_row("size", f"{rows} rows x {columns} columns x {bands} bands")
    units = f", {escape(fact.units)}" if fact.units else ""
    table.add_row("numbers", f"{fact.dtype}{units}{_span(fact.value_range, '')}")
    table.add_row("wavelengths", _span(fact.wavelength_range_nm, " nm").strip(", ") or "unknown")
    table.add_row("usable bands", f"{bands - len(fact.band_problems)} of {bands}")
    nodata = "none declared" if fact.nodata is None else f"{fact.nodata:g}"
    table.add_row(
        "nodata",
        f"{nodata}; {_percent(fact.missing_share)} of the values missing, "
        f"{_percent(fact.invalid_pixel_share)} of the pixels unusable",
    )
    table.add_row("georeference", escape(_place(fact)))
    return table


def _files_table(facts: Sequence[SceneFacts]) -> Table:
    first = facts[0]
    wavelengths = _span(first.wavelength_range_nm, " nm")
    table = Table(
        title=f"{len(facts)} scenes, {first.shape[2]} bands{wavelengths}",
        caption=escape(_grid(first)),
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("scene", overflow="fold")  # names of tiles often differ at their ends only
    for name in ("rows x columns", "numbers", "values", "unusable pixels", "labelled"):
        table.add_column(name)
    for fact in facts:
        table.add_row(
            escape(fact.name),
            f"{fact.shape[0]} x {fact.shape[1]}",
            fact.dtype,
            _span(fact.value_range, "").strip(", "),
            _percent(fact.invalid_pixel_share),
            str(fact.labelled_pixels),
        )
    return table


def _bands_table(facts: Sequence[SceneFacts]) -> Table:
    """List bands that cannot be used in one of the scenes; the first scene's reason stands."""
    problems: dict[int, str] = {}
    for fact in reversed(facts):
        problems.update(fact.band_problems)
    table = Table("bands (from 0)", "number", "why unusable", title="Unusable bands")
    ranges = band_ranges(problems)
    for first, last, reason in ranges[:_BAND_LINES]:
        bands = str(first) if first == last else f"{first}-{last}"
        table.add_row(bands, str(last - first + 1), escape(reason))
    if len(ranges) > _BAND_LINES:
        rest = ranges[_BAND_LINES:]
        table.add_row("...", str(sum(last - first + 1 for first, last, _ in rest)), "")
    return table


def _classes_table(facts: Sequence[SceneFacts]) -> Table:
    labelled = sum(fact.labelled_pixels for fact in facts)
    pixels = sum(fact.shape[0] * fact.shape[1] for fact in facts)
    table = Table(title=f"Classes: {labelled} of {pixels} pixels labelled")
    table.add_column("id", justify="right")
    table.add_column("class")
    table.add_column("pixels", justify="right")
    table.add_column("share", justify="right")
    if len(facts) > 1:
        table.add_column("in scenes", justify="right")
    totals: dict[tuple[int, str], list[int]] = {}
    for fact in facts:
        for count in fact.classes:
            totals.setdefault((count.class_id, count.name), []).append(count.pixels)
    for (class_id, name), counts in totals.items():
        share = sum(counts) / labelled if labelled else 0.0
        cells = [str(class_id), escape(name), str(sum(counts)), _percent(share)]
        if len(facts) > 1:
            cells.append(str(sum(count > 0 for count in counts)))
        table.add_row(*cells)
    return table


def _span(ends: tuple[float, float] | None, unit: str) -> str:
    return "" if ends is None else f", {ends[0]:g} to {ends[1]:g}{unit}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _grid(fact: SceneFacts) -> str:
    if fact.pixel_size is None:
        return "no georeference"
    width, height = fact.pixel_size
    unit = f" {fact.pixel_unit}" if fact.pixel_unit else ""
    return f"{fact.crs or 'unknown system'}, pixels {width:g} x {height:g}{unit}"


def _place(fact: SceneFacts) -> str:
    if fact.corner is None:
        return "none"
    return f"{_grid(fact)}, upper left corner {fact.corner[0]:.10g}, {fact.corner[1]:.10g}"
