"""No pixel that a GAN has seen may judge what it made."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hsigan.errors import RunError
from hsigan.evaluation.seen_pixels import refuse_seen_pixels
from hsigan.sampling import Split
from hsigan.synthesis.scene_run import RunScene
from hsigan.training.run_folder import RunFolder


def _split(train: int, test: int) -> Split:
    """One training, one validation and one test pixel in a row of twenty."""
    columns = np.arange(20)[None]
    return Split((columns == train,), (columns == 0,), (columns == test,), {})


def _run(path: Path, split: Split, **facts: Any) -> Path:
    path.mkdir()
    split.save(path / "split.npz")
    plain: dict[str, Any] = {"wavelengths_nm": None, "pixels": {}, "unlabelled": None}
    RunScene(["scene"], [], {1: "a"}, [0], **{**plain, **facts}).save(RunFolder(path))
    return path


@pytest.mark.parametrize(("patch_px", "nearest"), [(1, 11), (3, 12), (4, 13), (5, 13)])
def test_no_test_pixel_lies_inside_a_patch_of_the_run(
    patch_px: int, nearest: int, tmp_path: Path
) -> None:
    run = _run(tmp_path / "run", _split(10, 19), patch_px=patch_px)
    refuse_seen_pixels(run, _split(5, nearest))
    with pytest.raises(RunError, match="trained on 1 of the pixels"):
        refuse_seen_pixels(run, _split(5, nearest - 1))


def test_what_the_splits_own_patches_hold_is_left_to_who_insists(tmp_path: Path) -> None:
    leaking = _split(10, 11)
    refuse_seen_pixels(_run(tmp_path / "run", leaking, patch_px=5), leaking)


def test_a_run_that_saw_unlabelled_pixels_is_judged_on_its_own_split(tmp_path: Path) -> None:
    pool = {"pixels": "unlabelled", "transductive": False}
    run = _run(tmp_path / "run", _split(10, 19), unlabelled=pool)
    refuse_seen_pixels(run, _split(5, 19))
    with pytest.raises(RunError, match="without labels"):
        refuse_seen_pixels(run, _split(5, 15))
    refuse_seen_pixels(_run(tmp_path / "plain", _split(10, 19)), _split(5, 15))
