import hashlib
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from hsigan.errors import DownloadError, InputError
from hsigan.scene.catalogue import KNOWN_SCENES, KnownFile, KnownScene
from hsigan.scene.download import download
from hsigan.scene.fetch import fetch_scene, find_file, git_blob_id, open_known_scene


class Server(ThreadingHTTPServer):
    """A loopback server that can be told to misbehave."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cut_after: int | None = None
        self.ranges_supported = True
        self.requests: list[str | None] = []

    def address(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.requests.append(asked)
        content = self.server.files.get(self.path[1:])
        if content is None:
            self.send_error(404)
            return
        start = 0
        if asked and self.server.ranges_supported:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:][: self.server.cut_after])

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@pytest.fixture
def tiny(server, tmp_path, monkeypatch) -> KnownScene:
    """Serve a scene of two files: the image without a blob id, the labels with one."""
    monkeypatch.delenv("HSIGAN_DATA", raising=False)
    random = np.random.default_rng(0)
    label = np.repeat(np.arange(3, dtype=np.uint8), 10).reshape(5, 6)
    cube = random.integers(1, 5000, (5, 6, 40)).astype(np.int16)
    for name, variable, array in (("Tiny.mat", "tiny", cube), ("Tiny_gt.mat", "tiny_gt", label)):
        scipy.io.savemat(tmp_path / name, {variable: array})
        server.files[name] = (tmp_path / name).read_bytes()
        (tmp_path / name).unlink()
    return replace(
        KNOWN_SCENES["salinas-a"],
        key="tiny",
        image=KnownFile("Tiny.mat", server.address("Tiny.mat"), "tiny", cube.shape),
        labels=KnownFile(
            "Tiny_gt.mat",
            server.address("Tiny_gt.mat"),
            "tiny_gt",
            label.shape,
            blob_id(server.files["Tiny_gt.mat"]),
            ("tiny_labels.mat",),
        ),
        class_names={1: "one", 2: "two"},
        labelled_pixels=20,
        segments=((400.0, 2500.0, 40),),
        dropped_bands=(),
    )


def test_download_verify_and_open(server, tiny, tmp_path):
    seen = []
    scene = open_known_scene(tiny, tmp_path, lambda done, total: seen.append((done, total)))
    size = len(server.files["Tiny.mat"])
    assert seen[-1] == (size, size)
    assert scene["values"].shape == (5, 6, 40)
    assert scene["label"].attrs["class_names"] == ["one", "two"]
    assert scene["wavelength_nm"].values[-1] == 2500
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Tiny.mat", "Tiny_gt.mat"]
    server.requests.clear()
    fetch_scene(tiny, tmp_path)
    assert server.requests == []


def test_an_interrupted_download_goes_on_where_it_stopped(server, tiny, tmp_path):
    content = server.files["Tiny.mat"]
    (tmp_path / "Tiny.mat.part").write_bytes(content[:1000])
    fetched = fetch_scene(tiny, tmp_path)
    assert fetched.image.read_bytes() == content
    assert server.requests[-1] == "bytes=1000-"
    assert not (tmp_path / "Tiny.mat.part").exists()


def test_a_whole_part_is_not_downloaded_again(server, tiny, tmp_path):
    content = server.files["Tiny.mat"]
    (tmp_path / "Tiny.mat.part").write_bytes(content)
    assert fetch_scene(tiny, tmp_path).image.read_bytes() == content


def test_a_connection_that_breaks_off_is_taken_up_again(server, tiny, tmp_path):
    content = server.files["Tiny.mat"]
    server.cut_after = len(content) // 2
    assert fetch_scene(tiny, tmp_path).image.read_bytes() == content
    assert f"bytes={server.cut_after}-" in server.requests


def test_a_server_that_keeps_breaking_off_is_an_error_and_the_part_stays(server, tiny, tmp_path):
    server.cut_after = 100
    with pytest.raises(DownloadError, match=r"broke off after 300 of \d+ bytes.*run again"):
        download(tiny.image.address, tmp_path / "Tiny.mat.part")
    assert (tmp_path / "Tiny.mat.part").read_bytes() == server.files["Tiny.mat"][:300]


def test_a_server_without_ranges_starts_anew(server, tiny, tmp_path):
    server.ranges_supported = False
    (tmp_path / "Tiny.mat.part").write_bytes(b"x" * 10_000)
    assert fetch_scene(tiny, tmp_path).image.read_bytes() == server.files["Tiny.mat"]


@pytest.mark.parametrize("length", [50, 100_000])
def test_a_wrong_beginning_on_disk_is_thrown_away(server, tiny, tmp_path, length):
    (tmp_path / "Tiny_gt.mat.part").write_bytes(b"x" * length)
    fetched = fetch_scene(tiny, tmp_path)
    assert fetched.labels.read_bytes() == server.files["Tiny_gt.mat"]


@pytest.mark.parametrize("name", ["Tiny.mat", "Tiny_gt.mat"])
def test_wrong_content_is_refused_and_not_kept(server, tiny, tmp_path, name):
    server.files[name] = b"<html>The page has moved</html>"
    with pytest.raises(DownloadError, match="not the published") as caught:
        fetch_scene(tiny, tmp_path)
    assert "\n" not in str(caught.value)
    assert not any(path.name.startswith(f"{name}") for path in tmp_path.iterdir())


def test_a_cut_off_copy_on_disk_is_refused(server, tiny, tmp_path):
    (tmp_path / "Tiny.mat").write_bytes(server.files["Tiny.mat"][:-60])
    with pytest.raises(DownloadError, match=r"Tiny\.mat is not the published.*move it away"):
        fetch_scene(tiny, tmp_path)


def test_labels_of_other_classes_are_refused_where_no_blob_id_is_known(server, tiny, tmp_path):
    unknown = replace(tiny, labels=replace(tiny.labels, blob_id=None), labelled_pixels=19)
    with pytest.raises(DownloadError, match="labels 20 pixels of 2 classes, not 19 of 2"):
        fetch_scene(unknown, tmp_path)
    other = replace(tiny, image=replace(tiny.image, shape=(5, 6, 41)))
    with pytest.raises(DownloadError, match=r"shape \(5, 6, 41\) is expected"):
        fetch_scene(other, tmp_path)


def test_a_missing_file_and_an_unreachable_host_are_named(server, tiny, tmp_path):
    del server.files["Tiny_gt.mat"]
    with pytest.raises(DownloadError, match=r"answered 404.*HSIGAN_DATA"):
        fetch_scene(tiny, tmp_path)
    with pytest.raises(DownloadError, match=r"refused.*0 bytes are kept"):
        download("http://127.0.0.1:9/x.mat", tmp_path / "x.part")
    with pytest.raises(InputError, match="Did you mean pavia"):
        fetch_scene("paviauniversity")


def test_an_unwritable_folder_is_named(server, tiny, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match="cannot be written"):
        download(tiny.image.address, tmp_path / "file" / "x.part")


def test_files_on_disk_are_found_in_any_case_and_folder(server, tiny, tmp_path, monkeypatch):
    deep = tmp_path / "data" / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "TINY.MAT").write_bytes(server.files["Tiny.mat"])
    (deep / "Tiny_Labels.mat").write_bytes(server.files["Tiny_gt.mat"])
    (deep.parent / "Tiny_gt.mat").write_bytes(b"another file of this name")
    monkeypatch.setenv("HSIGAN_DATA", str(tmp_path / "data"))
    fetched = fetch_scene(tiny, tmp_path / "cache")
    assert fetched.image == deep / "TINY.MAT"
    assert fetched.labels == deep / "Tiny_Labels.mat"
    assert server.requests == []


def test_the_blob_id_is_that_of_git(tmp_path):
    (tmp_path / "hello").write_bytes(b"hello\n")
    assert git_blob_id(tmp_path / "hello") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_salinas_a_opens_from_disk(data_dir, monkeypatch):
    monkeypatch.setenv("HSIGAN_DATA", str(data_dir))
    scene = open_known_scene("salinas_a")
    assert scene["values"].shape == (83, 86, 204)
    assert scene["label"].attrs["class_ids"] == [1, 10, 11, 12, 13, 14]
    assert int((scene["label"] > 0).sum()) == 5348


def test_a_cut_off_real_file_is_refused(data_dir, tmp_path, monkeypatch):
    monkeypatch.delenv("HSIGAN_DATA", raising=False)
    for name in ("SalinasA_corrected.mat", "SalinasA_gt.mat"):
        shutil.copy(data_dir / "salinas_a" / name, tmp_path / name)
    image = tmp_path / "SalinasA_corrected.mat"
    image.chmod(0o644)
    image.write_bytes(image.read_bytes()[:-1000])
    with pytest.raises(DownloadError, match="blob id"):
        fetch_scene("salinas-a", tmp_path)


@pytest.mark.parametrize("key", ["indian-pines", "pavia-university", "salinas", "ksc"])
def test_published_labels_are_found_among_real_ones(data_dir, monkeypatch, key):
    monkeypatch.setenv("HSIGAN_DATA", str(data_dir))
    found = find_file(KNOWN_SCENES[key].labels, Path("nowhere"))
    assert found is not None
    assert git_blob_id(found) == KNOWN_SCENES[key].labels.blob_id
