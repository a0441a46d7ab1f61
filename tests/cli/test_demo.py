"""A demo never destroys what it did not make."""

from pathlib import Path

import pytest

from hsigan.cli.demo import prepare_folder
from hsigan.errors import RunError


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "thesis.txt").write_text("years of work")
    with pytest.raises(RunError, match="no demo made"):
        prepare_folder(tmp_path)
    assert (tmp_path / "results" / "thesis.txt").read_text() == "years of work"


def test_a_second_demo_starts_afresh_and_keeps_other_files(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    prepare_folder(out)
    (out / "gan").mkdir()
    (out / "gan" / "config.toml").write_text("")
    (out / "notes.txt").write_text("mine")
    prepare_folder(out)
    assert not (out / "gan").exists()
    assert (out / "notes.txt").read_text() == "mine"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("")
    with pytest.raises(RunError, match="is a file"):
        prepare_folder(tmp_path / "demo")
