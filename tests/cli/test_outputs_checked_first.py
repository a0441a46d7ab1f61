"""A place that cannot be written is an error before the long work, and leaves nothing behind."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hsigan.cli import app
from hsigan.codec import scene_file
from hsigan.codec.klt_context import KltContextCodec
from hsigan.errors import HsiganError, SceneError
from hsigan.files import check_folder, check_writable
from hsigan.scene import check_scene_path, make_scene, open_scene, simulate_scene, write_scene

sys.path.append(str(Path(__file__).parents[1] / "training"))
from compression_scenes import scene


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def ran(*words):
    done = run(*words)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


@pytest.fixture
def folder(tmp_path):
    write_scene(simulate_scene(20, 20, 8, 2, seed=1), tmp_path / "scene.tif")
    (tmp_path / "file").touch()
    return tmp_path


def contents(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*"))


class BeganError(AssertionError):
    """Work began that was to be refused."""


def refuse_work(*_, **__):
    raise BeganError


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("back.xyz", "format must be"),
        ("back", "format must be"),
        ("none/back.tif", "no such folder"),
        ("file/back.tif", "no such folder"),
        ("own.zarr", "not a Zarr store"),
        ("store", "format must be"),
    ],
)
def test_decompress_knows_the_name_before_it_decodes(folder, name, message, monkeypatch):
    ran("compress", folder / "scene.tif", "-o", folder / "a.hsc")
    (folder / "own.zarr").mkdir()
    (folder / "store").mkdir()
    before = contents(folder)
    monkeypatch.setattr(scene_file, "decompress_scene", refuse_work)
    done = run("decompress", folder / "a.hsc", "-o", folder / name)
    assert isinstance(done.exception, SceneError)
    assert message in str(done.exception)
    assert contents(folder) == before
    good = run("decompress", folder / "a.hsc", "-o", folder / "back.tif")
    assert isinstance(good.exception, BeganError)


def test_decompress_sees_a_label_map_that_would_be_taken_for_its_own(folder, monkeypatch):
    ran("compress", folder / "scene.tif", "-o", folder / "a.hsc")
    assert (folder / "scene_labels.tif").is_file()
    monkeypatch.setattr(scene_file, "decompress_scene", refuse_work)
    done = run("decompress", folder / "a.hsc", "-o", folder / "scene.tif")
    assert "lies beside" in str(done.exception)


@pytest.mark.parametrize(
    ("name", "format"),
    [("a.tif", None), ("a.hdr", None), ("a.bil", None), ("a", "netcdf"), ("a.zarr", None)],
)
def test_a_path_is_checked_as_it_is_written(tmp_path, name, format):
    target, kind = check_scene_path(tmp_path / name, format)
    assert contents(tmp_path) == []
    made = make_scene(simulate_scene(9, 8, 5, 2, seed=1)["values"].values)
    assert write_scene(made, tmp_path / name, kind) == target
    if format is None:
        assert open_scene(target)["values"].shape == (9, 8, 5)


def test_a_slash_at_the_end_means_a_folder(folder):
    ran("compress", folder / "scene.tif", "-o", f"{folder}/deep/archive/")
    assert [path.name for path in (folder / "deep" / "archive").iterdir()] == ["scene.hsc"]
    ran("compress", folder / "scene.tif", "-o", f"{folder}/plain")
    assert (folder / "plain").is_file()
    ran("verify", folder / "deep" / "archive", "--decode")
    # One that is there is a folder without the slash too.
    ran("compress", folder / "scene.tif", "-o", folder / "deep")
    assert (folder / "deep" / "scene.hsc").is_file()
    done = run("compress", folder / "scene.tif", "-o", f"{folder}/file/")
    assert "asks for a folder" in str(done.exception)
    assert (folder / "file").read_bytes() == b""


def test_compress_knows_the_place_before_it_encodes(folder, monkeypatch):
    monkeypatch.setattr(scene_file, "compress_scene", refuse_work)
    (folder / "link.hsc").symlink_to("/dev/full")
    before = contents(folder)
    for name in ("file/deep/a.hsc", "file/deep/", "link.hsc"):
        done = run("compress", folder / "scene.tif", "-o", f"{folder}/{name}", "--overwrite")
        assert isinstance(done.exception, OSError), name
    assert contents(folder) == before
    good = run("compress", folder / "scene.tif", "-o", folder / "new" / "deep" / "a.hsc")
    assert isinstance(good.exception, BeganError)


def trained(folder, *more, out="run"):
    words = ["train", "codec", folder / "one.nc", "--out", folder / out, *more]
    return run(*words)


def test_a_codec_is_not_trained_where_it_cannot_be_kept(tmp_path, monkeypatch):
    write_scene(scene(1), tmp_path / "one.nc")
    monkeypatch.setattr(KltContextCodec, "fit", refuse_work)
    (tmp_path / "file").touch()
    (tmp_path / "taken" / "codec.safetensors").mkdir(parents=True)
    before = contents(tmp_path)
    for out in ("file", "file/run", "taken"):
        assert isinstance(trained(tmp_path, out=out).exception, OSError)
    assert contents(tmp_path) == before
    assert isinstance(trained(tmp_path).exception, BeganError)


def test_a_copy_of_what_is_trained_on_is_not_held_out(tmp_path, monkeypatch):
    for seed, name in ((1, "one.nc"), (1, "copy.tif"), (2, "two.nc"), (2, "second.tif")):
        write_scene(scene(seed), tmp_path / name)
    monkeypatch.setattr(KltContextCodec, "fit", refuse_work)
    own = ("--validation", tmp_path / "copy.tif")
    companion = ("--validation", tmp_path / "second.tif", "--companion", tmp_path / "two.nc")
    missing = ("--companion", tmp_path / "nowhere.nc")
    for words, message in (
        (own, "copy is also trained on"),
        (companion, "second is also trained on"),
        (missing, "nowhere"),
    ):
        done = trained(tmp_path, *words)
        assert isinstance(done.exception, HsiganError)
        assert message in str(done.exception)
        assert not (tmp_path / "run").exists()
    assert isinstance(
        trained(tmp_path, "--validation", tmp_path / "second.tif").exception, BeganError
    )


def test_places_are_proven_without_a_trace(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "new" / "target")
    for good in ("a", "file", "new/deep/a", "link"):
        check_writable(tmp_path / good)
    with pytest.raises(IsADirectoryError):
        check_writable(tmp_path)
    for wrong in ("file/a", "file/deep/a"):
        with pytest.raises(NotADirectoryError) as found:
            check_writable(tmp_path / wrong)
        assert found.value.filename == str(tmp_path / "file")
    check_folder(tmp_path / "new" / "deep")
    with pytest.raises(NotADirectoryError):
        check_folder(tmp_path / "file")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "link"}
