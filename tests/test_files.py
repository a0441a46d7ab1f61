import os
import stat

import pytest

from hsigan.files import whole_file


def test_a_file_appears_whole_when_the_block_ends(tmp_path):
    target = tmp_path / "new" / "a.npz"
    with whole_file(target) as temporary:
        assert temporary.suffix == ".npz"
        temporary.write_text("text")
        assert not target.exists()
    assert target.read_text() == "text"
    assert [path.name for path in target.parent.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
def test_what_stops_the_block_keeps_the_old_file_and_leaves_nothing_else(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def write_half():
        with whole_file(target) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        write_half()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


def test_the_file_has_the_mode_of_any_other_new_file(tmp_path):
    mask = os.umask(0o027)
    try:
        with whole_file(tmp_path / "a") as temporary:
            temporary.write_text("text")
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(mask)


def test_a_link_stays_a_link_to_the_file_that_is_written(tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with whole_file(tmp_path / "link") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "new"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_plain_file_is_not_replaced(tmp_path, make):
    """As root, ``-o /dev/null`` would else replace the device by a file."""
    target = tmp_path / "target"
    make(target)
    before = target.stat().st_mode
    with pytest.raises(OSError, match="can be replaced"), whole_file(target):
        pass
    assert target.stat().st_mode == before
    assert list(tmp_path.iterdir()) == [target]
