import sys

import pytest

from hsigan.environment import current_command, describe_environment


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        (["/home/me/.venv/bin/hsigan", "scene", "info", "my scene.tif"],
         "hsigan scene info 'my scene.tif'"),
        (["/lib/hsigan/__main__.py", "train", "gan"], "hsigan train gan"),
        ([""], None),
        (["-c"], None),
    ],
)  # fmt: skip
def test_the_command_can_be_typed_again(monkeypatch, typed, written):
    monkeypatch.setattr(sys, "argv", typed)
    assert current_command() == written
    assert describe_environment()["command"] == written


def test_machine_versions_and_commit_are_named():
    facts = describe_environment()
    assert facts["machine"]["cores"] >= 1
    assert {"python", "hsigan", "torch", "numpy"} <= set(facts["versions"])
    assert facts["commit"] is None or len(facts["commit"].rstrip("+")) == 40
