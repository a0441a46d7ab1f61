import json
from pathlib import Path

import numpy as np
import pytest

from hsigan.errors import LabelError, SplitError
from hsigan.sampling import Split, SplitOptions, make_split


def _masks(*shapes: tuple[int, int], fill: bool = False) -> tuple[np.ndarray, ...]:
    return tuple(np.full(shape, fill) for shape in shapes)


@pytest.mark.parametrize("shapes", [[(4, 6)], [(4, 6), (3, 5), (1, 1)]])
def test_what_is_saved_is_loaded(tmp_path: Path, shapes: list[tuple[int, int]]) -> None:
    rng = np.random.default_rng(0)
    parts = [tuple(rng.random(shape) < 0.5 for shape in shapes) for _ in range(3)]
    split = Split(*parts, provenance={"mode": "random", "seed": 3, "audit": {"counts": {"1": 2}}})
    again = Split.load(split.save(tmp_path / "new" / "split.npz"))
    for part in ("train", "validation", "test"):
        for one, other in zip(split.part(part), again.part(part), strict=True):
            np.testing.assert_array_equal(one, other)
    assert again.provenance == split.provenance


def test_other_programs_find_the_documented_arrays(tmp_path: Path) -> None:
    Split(*[_masks((2, 3), (4, 4))] * 3).save(tmp_path / "two.npz")
    Split(*[_masks((2, 3))] * 3).save(tmp_path / "one.npz")
    with np.load(tmp_path / "two.npz") as two, np.load(tmp_path / "one.npz") as one:
        assert {"train/0", "train/1", "test/1", "provenance"} <= set(two.files)
        assert {"train", "validation", "test", "provenance"} == set(one.files)
        assert json.loads(str(one["provenance"])) == {}


def test_a_made_split_survives_the_file(tmp_path: Path, fields: np.ndarray) -> None:
    split = make_split([fields], SplitOptions(train=0.2), files=["fields.mat"])
    assert Split.load(split.save(tmp_path / "s.npz")).provenance == split.provenance


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Split(*[_masks((2, 3))] * 3, provenance={"seed": 1}).save(tmp_path / "split.npz")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(SplitError, match="No space left"):
        Split(*[_masks((2, 3))] * 3, provenance={"seed": 2}).save(path)
    monkeypatch.undo()
    assert Split.load(path).provenance == {"seed": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_bad_file_is_one_clear_error(tmp_path: Path) -> None:
    path = Split(*[_masks((40, 40))] * 3).save(tmp_path / "split.npz")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(SplitError, match="not a readable split file"):
        Split.load(path)
    np.savez(path, something=np.zeros(3))
    with pytest.raises(SplitError, match=r"neither 'train'.*something"):
        Split.load(path)
    np.save(tmp_path / "array.npz.npy", np.zeros(3))
    with pytest.raises(SplitError, match="not a readable split file"):
        Split.load(tmp_path / "array.npz.npy")
    with pytest.raises(SplitError, match="No split file"):
        Split.load(tmp_path / "absent.npz")


def test_parts_of_different_maps_are_refused() -> None:
    with pytest.raises(SplitError, match="same maps"):
        Split(_masks((2, 3)), _masks((2, 3)), _masks((3, 2)))
    with pytest.raises(SplitError, match="boolean"):
        Split((np.zeros((2, 3)),), _masks((2, 3)), _masks((2, 3)))
    with pytest.raises(SplitError, match="one at least"):
        Split((), (), ())


def test_counts_are_those_of_the_parts() -> None:
    labels = np.array([[1, 1, 2], [2, 2, 0]])
    split = Split((labels == 1,), _masks((2, 3)), (np.array([[0, 0, 1], [1, 0, 1]], dtype=bool),))
    assert split.counts([labels]) == {
        "train": {1: 2, 2: 0},
        "validation": {1: 0, 2: 0},
        "test": {1: 0, 2: 2},
    }
    with pytest.raises(LabelError, match="same files in the same order"):
        split.counts([labels.T])
