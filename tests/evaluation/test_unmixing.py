from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from hsigan.errors import InputError, LabelError, SceneError
from hsigan.evaluation.synthesis import Setting
from hsigan.evaluation.unmixing import (
    PURE_MIXED,
    REAL_MIXED,
    evaluate_unmixing,
    read_abundances,
)


def _scene(noise: float = 0.01) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    shares = rng.dirichlet([0.15] * 3, size=3000)
    materials = rng.random((3, 40)) + 0.2
    return shares @ materials + noise * rng.normal(size=(3000, 40)), shares, materials


def _angles(records: list) -> dict[str, float]:
    return {r.method: r.value for r in records if r.metric == "mixture_angle"}


def test_a_linear_mixer_is_at_zero_and_one_that_forgets_the_weights_is_not() -> None:
    spectra, shares, _ = _scene()
    means = np.stack([spectra[shares[:, k] > 0.9].mean(axis=0) for k in range(3)])
    angles = _angles(
        evaluate_unmixing(
            spectra,
            shares,
            {
                "linear": lambda w: 3 * w @ means,
                "nearest class": lambda w: means[w.argmax(axis=1)],
            },
            Setting("simulated"),
        )
    )
    assert angles["linear"] == pytest.approx(0, abs=1e-5)
    assert 0 < angles[REAL_MIXED] < 3
    assert angles[PURE_MIXED] < 3
    assert angles["nearest class"] > 3 * angles[REAL_MIXED]


def test_bad_input_is_refused() -> None:
    spectra, shares, _ = _scene()
    with pytest.raises(InputError, match="as many abundances"):
        evaluate_unmixing(spectra[:-1], shares, {}, Setting("s"))
    with pytest.raises(InputError, match="made 1 spectra"):
        evaluate_unmixing(spectra, shares, {"short": lambda w: spectra[:1]}, Setting("s"))
    with pytest.raises(LabelError, match="material 3"):
        evaluate_unmixing(spectra[:, :], shares * [1, 1, 0.5], {}, Setting("s"))


def test_abundances_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    savemat(tmp_path / "end.mat", {"A": np.ones((2, 12)) / 2})
    assert read_abundances(tmp_path / "end.mat", 3, 4).names == ("material 1", "material 2")
    with pytest.raises(LabelError, match="3 x 5"):
        read_abundances(tmp_path / "end.mat", 3, 5)
    savemat(tmp_path / "none.mat", {"M": np.ones(3)})
    with pytest.raises(SceneError, match="It has: M"):
        read_abundances(tmp_path / "none.mat", 3, 4)
    (tmp_path / "text.mat").write_text("no MATLAB here")
    with pytest.raises(SceneError, match="not a readable MATLAB file"):
        read_abundances(tmp_path / "text.mat", 3, 4)


def test_samsons_abundances_lie_on_its_pixels(data_dir: Path) -> None:
    cube = np.fromfile(data_dir / "samson" / "samson_1.img", dtype="<i2").reshape(156, 95, 95)
    spectra = cube.transpose(1, 2, 0).astype(float)
    reference = data_dir / "samson" / "end3.mat"
    abundances = read_abundances(reference, 95, 95)
    assert abundances.names == ("1-rock", "2-Tree", "3-water")
    labels = abundances.labels()
    assert [int((labels == k).sum()) for k in (1, 2, 3)] == [1499, 1365, 1264]
    # Near infrared over red: trees are bright, water is not, only if rows and columns are right.
    slope = spectra[..., 140] / np.maximum(spectra[..., 80], 1)
    assert np.median(slope[labels == 2]) > 2 * np.median(slope[labels == 1])
    endmembers = loadmat(reference)["M"]
    cosine = np.corrcoef(endmembers[:, 1], spectra[labels == 2].mean(axis=0))[0, 1]
    assert cosine > 0.99
    angles = _angles(
        evaluate_unmixing(
            spectra.reshape(-1, 156), abundances.shares.reshape(-1, 3), {}, Setting("samson")
        )
    )
    assert angles[REAL_MIXED] < 15
