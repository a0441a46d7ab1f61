"""The table that `hsigan evaluate synthesis` prints."""

import pytest

from hsigan.cli.synthesis_table import print_figures
from hsigan.evaluation.results import Record


def _record(metric: str, value: float, seed: int = 0, classifier: str | None = None) -> Record:
    return Record("synthesis", "s", "gan", metric, value, seed=seed, classifier=classifier)


def test_the_four_cells_of_the_paper_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    cells = ("real_real", "real_fake", "fake_fake", "fake_real")
    records = [
        _record(f"accuracy_{cell}", 90.0 + n, classifier="svm-linear")
        for n, cell in enumerate(cells)
    ]
    print_figures(records)
    shown = capsys.readouterr().out
    for n, cell in enumerate(cells):
        line = next(row for row in shown.splitlines() if cell.replace("_", " ") in row)
        assert str(90 + n) in line


def test_the_figures_of_whole_patches_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    figures = ("patch_frechet_over_floor", "autocorrelation_offset", "gradient_ratio")
    print_figures([_record(name, 0.25 + n) for n, name in enumerate(figures)])
    shown = capsys.readouterr().out
    for n, name in enumerate(figures):
        line = next(row for row in shown.splitlines() if name.replace("_", " ") in row)
        assert f"{0.25 + n:g}" in line
    assert "coverage" not in shown  # what was not measured takes no line


def test_a_seed_without_a_figure_does_not_hide_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_figures([_record("coverage", 0.5), _record("coverage", float("nan"), seed=1)])
    print_figures([_record("kernel_mmd", float("nan"))])
    shown = capsys.readouterr().out
    assert "0.5" in shown
    assert "nan" not in shown
