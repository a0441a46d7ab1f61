"""`hsigan split` from files to a file."""

from pathlib import Path

import numpy as np
import pytest
import typer
from scipy.io import savemat
from typer.testing import CliRunner, Result

from hsigan.cli.split import parse_classes, split_command
from hsigan.errors import LabelError, SplitError
from hsigan.sampling import Split


@pytest.fixture
def folder(tmp_path: Path, fields: np.ndarray) -> Path:
    rng = np.random.default_rng(0)
    savemat(tmp_path / "scene.mat", {"scene": rng.random((60, 60, 4)).astype(np.float32)})
    top = np.zeros_like(fields)
    top[:30] = 1
    savemat(tmp_path / "gt.mat", {"gt": fields, "top": top})
    return tmp_path


def _run(folder: Path, *words: str) -> Result:
    app = typer.Typer()
    app.command()(split_command)
    files = [str(folder / "scene.mat"), "--labels", f"{folder / 'gt.mat'}:gt"]
    out = ["-o", str(folder / "out" / "split.npz")]
    return CliRunner().invoke(app, [*files, *words, *out], env={"COLUMNS": "200"})


def test_a_split_is_written_and_its_audit_printed(folder: Path, fields: np.ndarray) -> None:
    result = _run(folder, "--mode", "blocks", "--train", "0.4", "--guard", "2", "--patch", "5")
    assert result.exit_code == 0, result.output
    split = Split.load(folder / "out" / "split.npz")
    for label, number in split.counts([fields])["test"].items():
        assert any(
            f" {label} " in line and f" {number} " in line for line in result.output.splitlines()
        )
    assert "more than 2 px" in result.output
    assert "5 x 5 patch holds a training or validation pixel: 0.0%" in result.output
    assert "models are chosen by: validation part" in result.output
    assert split.provenance["files"] == ["scene.mat"]
    assert split.provenance["guard_px"] == 2


def test_the_guard_of_patches_is_their_radius(folder: Path) -> None:
    result = _run(folder, "--mode", "blocks", "--train", "0.4", "--patch", "6")
    assert result.exit_code == 0, result.output
    assert "more than 3 px" in result.output
    assert "6 x 6 patch holds a training or validation pixel: 0.0%" in result.output
    provenance = Split.load(folder / "out" / "split.npz").provenance
    assert (provenance["patch_px"], provenance["guard_px"]) == (6, 3)
    assert provenance["audit"]["test_seeing_training"] == 0
    assert provenance["audit"]["test_overlapping_training"] > 0


@pytest.mark.parametrize("asked", [[], ["--mode", "blocks", "--guard", "2"]])
def test_patches_that_leak_are_refused_unless_the_user_insists(
    folder: Path, asked: list[str]
) -> None:
    asked = [*asked, "--train", "0.1", "--patch", "7"]
    result = _run(folder, *asked)
    assert isinstance(result.exception, SplitError)
    assert "inside their 7 x 7 patch" in str(result.exception)
    assert not (folder / "out").exists()
    result = _run(folder, *asked, "--allow-leak")
    assert result.exit_code == 0, result.output
    provenance = Split.load(folder / "out" / "split.npz").provenance
    assert provenance["allow_leak"] is True
    share = provenance["audit"]["test_seeing_training"]
    assert f"patch holds a training or validation pixel: {share:.1%}" in result.output


def test_a_mask_file_and_classes_are_read(folder: Path, fields: np.ndarray) -> None:
    mask = f"{folder / 'gt.mat'}:top"
    result = _run(folder, "--mode", "mask", "--mask", mask, "--classes", "1,9", "--validation", "0")
    assert result.exit_code == 0, result.output
    split = Split.load(folder / "out" / "split.npz")
    used = np.isin(fields, [1, 9])
    top = np.arange(60)[:, None] < 30
    np.testing.assert_array_equal(split.train[0], used & top)
    np.testing.assert_array_equal(split.test[0], used & ~top)


def test_a_refusal_writes_nothing(folder: Path) -> None:
    result = _run(folder, "--mode", "tiles", "--train", "0.5")
    assert isinstance(result.exception, SplitError)
    assert not (folder / "out").exists()
    result = _run(folder, "--mode", "mask", *["--mask", f"{folder / 'gt.mat'}:top"] * 2)
    assert isinstance(result.exception, SplitError)
    assert "one mask, or one per scene" in str(result.exception)


def test_classes_are_ids_or_names() -> None:
    names = {1: "oak", 2: "elm", 7: "ash"}
    assert parse_classes("oak, 7", names) == (1, 7)
    assert parse_classes(None, names) is None
    with pytest.raises(LabelError, match=r"'beech'; .* 1 \(oak\), 2 \(elm\)"):
        parse_classes("oak,beech", names)
