"""compress, decompress, inspect and verify, as they are typed."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest
from typer.testing import CliRunner

from hsigan.cli import app, compress
from hsigan.scene import open_scene, simulate_scene, write_scene

run_command = CliRunner().invoke


def ran(*words):
    done = run_command(app, [str(word) for word in words])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def failed(*words):
    done = run_command(app, [str(word) for word in words])
    assert done.exit_code != 0
    return str(done.exception) + done.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenes")
    for seed in (1, 2):
        write_scene(simulate_scene(40, 30, 12, 3, seed=seed), path / f"scene{seed}.tif")
    (path / "bare").mkdir()
    write_scene(simulate_scene(40, 30, 12, 3, seed=1), path / "bare" / "one.nc")
    return path


def test_a_scene_goes_into_a_file_and_back(folder, tmp_path):
    told = ran("compress", folder / "scene1.tif", "-o", tmp_path / "a.hsc", "--bpppc", 0.5)
    assert "bpppc" in told
    assert "PSNR" in told
    size = (tmp_path / "a.hsc").stat().st_size
    assert f"{size} bytes" in told
    assert 8 * size / (40 * 30 * 12) <= 0.5
    ran("decompress", tmp_path / "a.hsc", "-o", tmp_path / "back.img")
    back, scene = open_scene(tmp_path / "back.img"), open_scene(folder / "scene1.tif")
    assert back["values"].dtype == np.int16
    np.testing.assert_allclose(back["y"], scene["y"])
    ran("decompress", tmp_path / "a.hsc", "-o", tmp_path / "w.nc", "--window", "3:20,5:9")
    window = open_scene(tmp_path / "w.nc")["values"].values
    np.testing.assert_array_equal(window, back["values"].values[3:20, 5:9])


def test_a_folder_is_compressed_in_processes_and_done_files_are_skipped(folder, tmp_path):
    words = ("compress", folder / "scene*.tif", "-o", tmp_path / "out", "--processes", 2)
    ran(*words)
    files = sorted((tmp_path / "out").glob("*.hsc"))
    assert [file.stem for file in files] == ["scene1", "scene2"]
    files[0].write_bytes(b"kept")
    assert "kept" in ran(*words)
    assert files[0].read_bytes() == b"kept"
    ran(*words, "--overwrite")
    ran("verify", tmp_path / "out", "--decode")
    # A process of its own writes what one alone does.
    ran("compress", folder / "scene1.tif", "-o", tmp_path / "alone.hsc", "--processes", 1)
    assert files[0].read_bytes() == (tmp_path / "alone.hsc").read_bytes()


def test_a_process_that_ends_is_told_as_a_scene_that_failed(folder, tmp_path, monkeypatch):
    whole = compress._compress

    def ended(job):
        if job.path.stem == "scene1":
            raise BrokenProcessPool("a long story")
        return whole(job)

    monkeypatch.setattr(compress, "ProcessPoolExecutor", lambda count, **_: ThreadPoolExecutor(1))
    monkeypatch.setattr(compress, "_compress", ended)
    told = failed("compress", folder / "scene*.tif", "-o", tmp_path / "out")
    assert "1 of 2 scenes" in told
    assert "fewer --processes" in told
    assert [file.stem for file in (tmp_path / "out").glob("*.hsc")] == ["scene2"]


def test_reading_options_are_heard(folder, tmp_path):
    words = ("compress", folder / "bare" / "one.nc", "-o", tmp_path / "a.hsc", "--psnr", 40)
    assert "nothing" in failed(*words, "--variable", "nothing")
    ran(*words, "--variable", "values")


def test_inspection_shows_rates_and_chunks(folder, tmp_path):
    ran("compress", folder / "scene1.tif", "-o", tmp_path / "a.hsc", "--psnr", 45)
    shown = ran("inspect", tmp_path / "a.hsc")
    for word in ("40 rows x 30 columns x 12 bands", "klt", "bpppc", "16 bit", "tile", "side"):
        assert word in shown
    facts = json.loads(ran("inspect", tmp_path / "a.hsc", "--json"))
    assert facts["bytes"] == (tmp_path / "a.hsc").stat().st_size


def test_verification_names_every_damaged_file_and_exits_with_2(folder, tmp_path):
    ran("compress", folder / "scene1.tif", "-o", tmp_path / "b.hsc")
    content = bytearray((tmp_path / "b.hsc").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.hsc").write_bytes(bytes(content))
    (tmp_path / "c.hsc").write_bytes(content[:100])
    done = run_command(app, ["verify", str(tmp_path)])
    assert done.exit_code == 2
    lines = done.output.splitlines()
    assert ["DAMAGED" in line for line in lines] == [True, False, True]


def test_mistakes_are_told_in_one_line(folder, tmp_path):
    scene, out = folder / "scene1.tif", tmp_path / "a.hsc"
    assert "exclude" in failed("compress", scene, "-o", out, "--psnr", 40, "--bpp", 1)
    assert "no codec" in failed("compress", scene, "-o", out, "--codec", "kltt")
    assert "scene itself" in failed("compress", scene, "-o", scene, "--overwrite")
    assert "out of the reach" in failed("compress", scene, "-o", out, "--bpp", 1e-3)
    assert not out.exists()
    ran("compress", scene, "-o", out)
    back = tmp_path / "back.tif"
    assert "window" in failed("decompress", out, "-o", back, "--window", "1:2")
    assert "realistic" in failed("decompress", out, "-o", back, "--decoder", "realistic")
    assert "'HSC'" in failed("decompress", scene, "-o", back)


def test_klt_starts_without_torch(folder, tmp_path):
    shutil.copy(folder / "scene1.tif", tmp_path / "scene.tif")
    code = (
        "import sys; sys.argv = ['hsigan', 'compress', 'scene.tif', '-o', 'a.hsc']\n"
        "from hsigan.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: status = end.code\n"
        "print(status, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "None False"
