"""`hsigan report` writes a page, or says in one line why not."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from hsigan.cli.report import report_command
from hsigan.errors import RunError
from hsigan.evaluation.results import Record, ResultsFolder


def _invoke(*arguments: str, catch: bool = True) -> str:
    app = typer.Typer()
    app.command()(report_command)
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=catch)
    assert result.exit_code == 0, result.output
    return result.output


def test_report_writes_the_page_and_says_where(tmp_path: Path) -> None:
    store = ResultsFolder(tmp_path / "results")
    store.append([Record("synthesis", "field", "spectral", "coverage", 0.71, seed=0)])
    page = tmp_path / "new" / "page.html"
    printed = _invoke(str(store.path), "-o", str(page))
    assert "page.html" in printed.replace("\n", "")
    assert "0.71" in page.read_text(encoding="utf-8")


def test_a_missing_folder_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is no folder"):
        _invoke(str(tmp_path / "nowhere"), catch=False)
