"""`hsigan report`: results folders in, one HTML page out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report_command(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="RESULTS", help="Folders that `hsigan evaluate ... -o` wrote."),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE", help="The page to write.")
    ] = Path("report.html"),
) -> None:
    """Turn results into one self-contained HTML page; nothing is measured anew.

    Example: hsigan report results/synthesis results/augmentation -o report.html
    """
    from hsigan.report import write_report

    page = write_report(results, output)
    typer.echo(f"{page}  ({page.stat().st_size / 1e6:.1f} MB; open it in a browser)")
