from pathlib import Path

import numpy as np
import pytest
import scipy.io
from affine import Affine

from hsigan.errors import LabelError
from hsigan.scene import class_names_of, make_scene, open_scene, open_scenes, write_scene

from .scenes import GRID, NAMES, full_scene, plain_cube

LABEL = np.array([[0, 1, 1, 2, 2]] * 3 + [[14, 14, 0, 0, 0]], dtype=np.uint8)


@pytest.fixture
def scene_file(tmp_path: Path) -> Path:
    """A .mat scene that says nothing about where it lies."""
    scipy.io.savemat(tmp_path / "cube.mat", {"cube": plain_cube()})
    return tmp_path / "cube.mat"


def tile(row: int, column: int, height: int = 4, width: int = 5) -> Affine:
    return Affine(30, 0, GRID.c + 30 * column * width, 0, -30, GRID.f - 30 * row * height)


def write_tile(path: Path, row: int, column: int, label: np.ndarray | None = None) -> Path:
    scene = make_scene(
        plain_cube(), label=label, crs="EPSG:32633", transform=tile(row, column), name=path.stem
    )
    return write_scene(scene, path)


def write_label_map(path: Path, label: np.ndarray, transform: Affine) -> Path:
    """A label map alone: one band, as people keep them."""
    cube = label[:, :, None].astype(np.int16)
    return write_scene(make_scene(cube, crs="EPSG:32633", transform=transform), path)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
@pytest.mark.parametrize("suffix", [".mat", ".npy"])
def test_label_files(suffix: str, dtype: str, scene_file: Path, tmp_path: Path) -> None:
    path = tmp_path / f"gt{suffix}"
    if suffix == ".mat":
        scipy.io.savemat(path, {"gt": LABEL.astype(dtype), "n": 4.0})
    else:
        np.save(path, LABEL.astype(dtype))
    scene = open_scene(scene_file, labels=path)
    assert np.array_equal(scene["label"].values, LABEL)
    assert class_names_of(scene) == {1: "class 1", 2: "class 2", 14: "class 14"}


@pytest.mark.parametrize("option", ["label_field", "label_table", "label_key"])
def test_options_of_polygons_are_not_ignored(option: str, scene_file: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "gt.npy", LABEL)
    name = "--" + option.replace("_", "-")
    with pytest.raises(LabelError, match=rf"{name} tells about polygons, but gt\.npy is a label"):
        open_scene(scene_file, labels=tmp_path / "gt.npy", **{option: "species"})
    with pytest.raises(LabelError, match=f"{name} tells about polygons.*--labels"):
        open_scene(scene_file, **{option: "species"})


def test_one_map_of_several_is_named(scene_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "gt.mat"
    scipy.io.savemat(path, {"train": LABEL, "test": LABEL * 0})
    assert open_scene(scene_file, labels=f"{path}:train")["label"].values.max() == 14
    with pytest.raises(LabelError, match=r"train \(4 x 5\).*gt\.mat:NAME"):
        open_scene(scene_file, labels=path)
    with pytest.raises(LabelError, match="Did you mean 'train'"):
        open_scene(scene_file, labels=f"{path}:tran")


def test_a_map_in_the_scene_file(tmp_path: Path) -> None:
    path = tmp_path / "both.mat"
    scipy.io.savemat(path, {"data": plain_cube(), "map": LABEL})
    assert np.array_equal(open_scene(path, labels=path)["label"].values, LABEL)


def test_classes_of_an_envi_classification_keep_their_names(tmp_path: Path) -> None:
    write_scene(full_scene(), tmp_path / "full.img")
    write_scene(full_scene().drop_vars("label"), tmp_path / "other.tif")
    for given in ("full_labels.img", "full_labels.hdr"):
        scene = open_scene(tmp_path / "other.tif", labels=tmp_path / given)
        assert class_names_of(scene) == NAMES


def test_labels_of_another_shape_name_both(scene_file: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "gt.npy", LABEL.T)
    with pytest.raises(LabelError, match=r"5 x 4 labels.*4 x 5 pixels.*fit when turned"):
        open_scene(scene_file, labels=tmp_path / "gt.npy")
    np.save(tmp_path / "gt.npy", LABEL[:2])
    with pytest.raises(LabelError, match="2 x 5 labels, the scene cube has 4 x 5 pixels"):
        open_scene(scene_file, labels=tmp_path / "gt.npy")


@pytest.mark.parametrize("name", ["gt.npy", "gt.mat", "gt.tif"])
def test_broken_label_files(name: str, scene_file: Path, tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="does not exist"):
        open_scene(scene_file, labels=tmp_path / name)
    for content in ("", "This is a letter.\n" * 50):
        (tmp_path / name).write_text(content)
        with pytest.raises(LabelError, match=name):
            open_scene(scene_file, labels=tmp_path / name)


def test_an_image_is_no_label_map(scene_file: Path, tmp_path: Path) -> None:
    path = write_tile(tmp_path / "a.tif", 0, 0)
    with pytest.raises(LabelError, match="has 3 bands"):
        open_scene(scene_file, labels=path)


def test_pickles_are_not_opened(scene_file: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "gt.npy", np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(LabelError, match=r"gt\.npy"):
        open_scene(scene_file, labels=tmp_path / "gt.npy")


def test_a_folder_holds_one_file_per_scene(tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    paths = [write_tile(tmp_path / f"{name}.tif", 0, i) for i, name in enumerate("ab")]
    write_label_map(folder / "a.tif", LABEL, tile(0, 0))
    np.save(folder / "b.npy", LABEL * 0 + 3)
    scenes = open_scenes(paths, labels=folder)
    assert [scene["label"].values[0, 1] for scene in scenes] == [1, 3]
    # Every scene carries the classes of all.
    assert all(list(class_names_of(scene)) == [1, 2, 3, 14] for scene in scenes)
    (folder / "b.npy").unlink()
    with pytest.raises(LabelError, match=r"no file named like b\.tif"):
        open_scenes(paths, labels=folder)


def test_one_path_per_scene(tmp_path: Path) -> None:
    paths = [write_tile(tmp_path / f"{name}.tif", 0, i) for i, name in enumerate("ab")]
    for name, factor in (("one", 1), ("two", 2)):
        np.save(tmp_path / f"{name}.npy", LABEL * factor)
    labels = [tmp_path / "one.npy", tmp_path / "two.npy"]
    scenes = open_scenes(paths, labels=labels)
    assert [scene["label"].values[0, 1] for scene in scenes] == [1, 2]
    with pytest.raises(LabelError, match="1 label files were given for 2 scenes"):
        open_scenes(paths, labels=labels[:1])


def test_one_map_is_cut_to_its_tiles(tmp_path: Path) -> None:
    whole = np.arange(1, 4 * 10 + 1).reshape(4, 10)
    label_path = write_label_map(tmp_path / "whole.tif", whole, tile(0, 0))
    paths = [write_tile(tmp_path / f"t{i}.tif", 0, i) for i in range(3)]
    scenes = open_scenes(paths, labels=label_path)
    assert np.array_equal(scenes[0]["label"].values, whole[:, :5])
    assert np.array_equal(scenes[1]["label"].values, whole[:, 5:])
    assert not scenes[2]["label"].values.any()


def test_one_map_without_a_place_is_not_laid_on_every_tile(tmp_path: Path) -> None:
    np.save(tmp_path / "gt.npy", LABEL)
    paths = [write_tile(tmp_path / f"t{i}.tif", 0, i) for i in range(2)]
    with pytest.raises(LabelError, match="one label file per scene"):
        open_scenes(paths, labels=tmp_path / "gt.npy")


def test_labels_of_another_place(tmp_path: Path) -> None:
    scene = write_tile(tmp_path / "a.tif", 0, 0)
    elsewhere = write_label_map(tmp_path / "b.tif", LABEL, tile(7, 7))
    with pytest.raises(LabelError, match="lies elsewhere"):
        open_scene(scene, labels=elsewhere)
    shifted = write_label_map(tmp_path / "c.tif", LABEL, GRID @ Affine.translation(0.5, 0))
    with pytest.raises(LabelError, match="does not lie on the grid"):
        open_scene(scene, labels=shifted)


def test_scenes_that_call_one_class_two_names(tmp_path: Path) -> None:
    for name, text in (("a", "soil"), ("b", "water")):
        scene = make_scene(plain_cube(), label=LABEL, class_names={1: text})
        write_scene(scene, tmp_path / f"{name}.nc")
    with pytest.raises(LabelError, match="class 1 is 'soil' in one scene and 'water' in b"):
        open_scenes([tmp_path / "a.nc", tmp_path / "b.nc"])
