"""The name of a split tells apart what must not be compared."""

import pytest

from hsigan.evaluation.split_name import split_name
from hsigan.sampling import SplitOptions


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (SplitOptions(train=0.03), "random 3 %"),
        (SplitOptions(mode="tiles", train=0.5, guard_px=1), "tiles 50 %, guard 1 px"),
        (
            SplitOptions(mode="blocks", train_per_class=10, patch_px=9),
            "blocks 20 px, guard 4 px, 9 x 9 patches",
        ),
    ],
)
def test_a_split_is_named_with_its_guard_and_patch(options: SplitOptions, name: str) -> None:
    assert split_name(options.resolved()) == name
