"""Laws of comparisons of codecs: rates are real bytes, splits are by scene, work is done once."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import xarray as xr

from hsigan.codec.fitting import Training
from hsigan.codec.klt import KltCodec
from hsigan.codec.scene_file import decompress_scene
from hsigan.errors import InputError, RecipeError, RunError, SceneError
from hsigan.evaluation import compression_codecs, compression_points
from hsigan.evaluation.compression import Comparison, SceneSource, comparison_facts
from hsigan.evaluation.compression_codecs import JudgedCodec, open_codecs
from hsigan.evaluation.compression_config import ComparisonConfig
from hsigan.evaluation.compression_points import ForeignPoint
from hsigan.evaluation.results import FLOOR, Record, ResultsFolder
from hsigan.metrics.fidelity import measure_fidelity
from hsigan.recipe import build_config, load_recipe, recipe_names
from hsigan.scene import Landscape, simulate_scene
from hsigan.scene.describe import scene_digest

BANDS = 12
SETTINGS: dict[str, Any] = {
    "codecs": ("klt",),
    "baseline": ("klt",),
    "bpp": (2.0, 6.0),
    "bpppc": (1.0, 2.0),
    "pictures": 1,
}


def _scene(seed: int) -> xr.Dataset:
    ground = Landscape(field_px=5)
    return simulate_scene(40, 36, BANDS, 3, seed=seed, landscape=ground).assign_attrs(
        name=f"valley-{seed}"
    )


@pytest.fixture(scope="module")
def scenes() -> list[xr.Dataset]:
    return [_scene(seed) for seed in (1, 2)]


def _sources(scenes: list[xr.Dataset]) -> list[SceneSource]:
    return [SceneSource(s.attrs["name"], partial(_same, s)) for s in scenes]


def _same(scene: xr.Dataset) -> xr.Dataset:
    return scene


def _comparison(folder: Path, **changes: Any) -> Comparison:
    given = {key: changes.pop(key) for key in list(changes) if key in _OF_COMPARISON}
    config = ComparisonConfig(**{**SETTINGS, **changes})
    codecs = given.pop("codecs_", [JudgedCodec("klt", KltCodec())])
    return Comparison("valleys", config, ResultsFolder(folder), codecs, **given)


_OF_COMPARISON = ("codecs_", "foreign", "trained_on", "progress")


@pytest.fixture(scope="module")
def measured(
    scenes: list[xr.Dataset], tmp_path_factory: pytest.TempPathFactory
) -> tuple[ResultsFolder, list[Record]]:
    comparison = _comparison(tmp_path_factory.mktemp("measured"))
    return comparison.folder, comparison.run(_sources(scenes))


def _value(records: list[Record], metric: str, **keys: Any) -> float:
    (found,) = (
        r.value
        for r in records
        if r.metric == metric and all(getattr(r, key) == value for key, value in keys.items())
    )
    return found


def test_the_rate_is_the_bytes_of_a_file_that_decodes_to_the_figures(
    measured: tuple[ResultsFolder, list[Record]], scenes: list[xr.Dataset]
) -> None:
    folder, records = measured
    files = sorted(folder.path.glob("streams/klt/*.hsc"))
    assert len(files) == 2 * 4
    for scene in scenes:
        name = scene.attrs["name"]
        for unit, rate in (("bpp", 6.0), ("bpppc", 1.0)):
            path = folder.path / "streams" / "klt" / f"{name} {unit} {rate:g}.hsc"
            keys = {"scene": name, "method": "klt", "split": f"by scene, {unit}", "amount": rate}
            bits = 8 * path.stat().st_size
            assert _value(records, "bytes", **keys) == path.stat().st_size
            assert _value(records, "bpp", **keys) == pytest.approx(bits / (40 * 36))
            assert _value(records, "bpppc", **keys) == pytest.approx(bits / (40 * 36 * BANDS))
            assert _value(records, "ratio", **keys) == pytest.approx(16 * 40 * 36 * BANDS / bits)
            assert _value(records, unit, **keys) <= rate
            decoded = decompress_scene(path)["values"].values
            found = measure_fidelity(scene["values"].values, decoded)
            assert _value(records, "psnr", **keys) == pytest.approx(found.psnr_db)
            assert _value(records, "peak", **keys) == scene["values"].values.max()
            assert _value(records, "max_error", **keys) == found.max_error


def test_more_bits_are_better_in_every_way(
    measured: tuple[ResultsFolder, list[Record]],
) -> None:
    _, records = measured
    for scene in ("valley-1", "valley-2"):
        keys = {"scene": scene, "method": "klt", "split": "by scene, bpp"}
        for metric, sign in (("psnr", 1), ("ssim", 1), ("spectral_angle", -1), ("patch_mmd", -1)):
            few, many = (_value(records, metric, amount=rate, **keys) for rate in (2.0, 6.0))
            assert sign * many > sign * few, metric


def test_costs_realism_and_the_classifier_are_measured(
    measured: tuple[ResultsFolder, list[Record]],
) -> None:
    _, records = measured
    keys = {"scene": "valley-1", "method": "klt", "split": "by scene, bpp", "amount": 6.0}
    assert _value(records, "encode_seconds", **keys) > 0
    assert _value(records, "decode_speed", **keys) > 0
    original, decoded, loss = (
        _value(records, f"accuracy_{name}", classifier="lda", **keys)
        for name in ("original", "decoded", "loss")
    )
    assert original - decoded == pytest.approx(loss)
    assert original > 60
    assert abs(_value(records, "patch_mmd", scene="valley-1", method=FLOOR)) < 0.1


def test_the_baseline_differs_from_itself_by_nothing(
    measured: tuple[ResultsFolder, list[Record]],
) -> None:
    _, records = measured
    for unit in ("bpp", "bpppc"):
        for metric in ("bd_rate", "bd_psnr", "bd_angle"):
            keys = {"scene": "valley-2", "method": "klt", "split": f"by scene, {unit}"}
            assert _value(records, metric, **keys) == pytest.approx(0, abs=1e-9)
            low, high = (_value(records, f"{metric}_{bound}", **keys) for bound in ("low", "high"))
            assert low < high


def test_a_lighter_baseline_is_harder_to_beat_and_one_with_headers_easier(
    measured: tuple[ResultsFolder, list[Record]],
) -> None:
    _, records = measured
    keys = {"scene": "valley-1", "method": "klt", "split": "by scene, bpp"}
    lighter, whole, heavier = (
        _value(records, f"bd_rate{ending}", **keys)
        for ending in ("_less_empty", "", "_with_headers")
    )
    assert lighter > whole > heavier
    sizes, empty, headers = (
        _value(records, metric, amount=6.0, **keys)
        for metric in ("bytes", "empty_bytes", "header_bytes")
    )
    assert 0 < empty < sizes
    assert headers > 100  # the main header of one component alone is longer


def test_what_is_done_is_not_done_again(
    measured: tuple[ResultsFolder, list[Record]],
    scenes: list[xr.Dataset],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, records = measured
    before = folder.records_path.read_bytes()
    monkeypatch.setattr(compression_points, "compress_scene", _never)
    closed = [SceneSource(scene.attrs["name"], _never) for scene in scenes]
    assert _comparison(folder.path).run(closed) == records
    assert folder.records_path.read_bytes() == before


def _never(*_: object, **__: object) -> Any:
    raise AssertionError("this was done before")


def test_an_interrupted_comparison_continues(
    measured: tuple[ResultsFolder, list[Record]], scenes: list[xr.Dataset], tmp_path: Path
) -> None:
    def stop(message: str, done: int, planned: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _comparison(tmp_path, progress=stop).run(_sources(scenes))
    halfway = ResultsFolder(tmp_path).records()
    # A killed comparison leaves the scenes that it opened on disk, not in memory alone.
    assert [one["name"] for one in ResultsFolder(tmp_path).experiment()["held_out"]] == ["valley-1"]
    assert 0 < len({(r.scene, r.split, r.amount) for r in halfway if r.metric == "bytes"}) < 8
    comparison = _comparison(tmp_path)
    records = comparison.run(_sources(scenes))
    assert {r.place() for r in records} == {r.place() for r in measured[1]}
    timeless = [r for r in records if r.metric in ("bytes", "psnr", "patch_mmd", "bd_psnr")]
    assert set(timeless) <= set(measured[1])
    assert [one["name"] for one in comparison.held_out.values()] == ["valley-1", "valley-2"]


def test_other_settings_ask_for_another_folder(
    measured: tuple[ResultsFolder, list[Record]], scenes: list[xr.Dataset]
) -> None:
    with pytest.raises(RunError, match="seed"):
        _comparison(measured[0].path, seed=4).run(_sources(scenes))


def test_a_scene_that_was_trained_on_is_refused(scenes: list[xr.Dataset], tmp_path: Path) -> None:
    renamed = scenes[0].copy(deep=True).assign_attrs(name="another name")
    seen = frozenset([scene_digest(renamed)])
    with pytest.raises(InputError, match="valley-1 is one of the training scenes"):
        _comparison(tmp_path, trained_on=seen).run(_sources(scenes))


def test_two_scenes_of_one_name_are_refused(scenes: list[xr.Dataset], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one name"):
        _comparison(tmp_path).run(_sources([scenes[0], scenes[0]]))


def test_a_rate_must_be_given(scenes: list[xr.Dataset], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--bpp or --bpppc"):
        _comparison(tmp_path, bpp=(), bpppc=()).run(_sources(scenes))


def test_a_rate_out_of_reach_is_one_record_and_a_reason(
    scenes: list[xr.Dataset], tmp_path: Path
) -> None:
    comparison = _comparison(tmp_path, bpp=(0.01, 4.0), bpppc=(), pictures=0)
    records = comparison.run(_sources(scenes[:1]))
    keys = {"method": "klt", "amount": 0.01}
    assert _value(records, "impossible", **keys) == 1
    assert not [r for r in records if r.amount == 0.01 and r.metric == "psnr"]
    (reason,) = comparison_facts(comparison, command="", seconds=0.0)["impossible"]
    assert reason.startswith("klt, bpp 0.01: ")


def _foreign(scenes: list[xr.Dataset], change: Callable[[Any], Any]) -> ForeignPoint:
    scene = scenes[0]
    changed = scene.assign(values=scene["values"].copy(data=change(scene["values"].values)))
    return ForeignPoint("theirs", "valley-1", 1234, partial(_same, changed))


def test_an_exact_copy_of_somebody_loses_nothing(scenes: list[xr.Dataset], tmp_path: Path) -> None:
    foreign = [_foreign(scenes, lambda values: values)]
    comparison = _comparison(tmp_path, codecs_=[], foreign=foreign, pictures=0)
    records = comparison.run(_sources(scenes))
    theirs = {r.metric: r.value for r in records if r.method == "theirs"}
    assert theirs["bytes"] == 1234
    assert theirs["bpp"] == pytest.approx(8 * 1234 / (40 * 36))
    assert np.isnan(theirs["psnr"])  # infinite has no place in JSON
    assert theirs["mse"] == theirs["accuracy_loss"] == theirs["patch_mmd"] == 0
    assert theirs["agreement"] == 100
    assert theirs["ssim"] == pytest.approx(1)
    assert {r.scene for r in records if r.method == "theirs"} == {"valley-1"}


def test_a_foreign_file_of_another_size_is_refused(
    scenes: list[xr.Dataset], tmp_path: Path
) -> None:
    point = ForeignPoint("theirs", "valley-1", 99, lambda: scenes[0].isel(x=slice(0, 9)))
    with pytest.raises(SceneError, match="shape"):
        _comparison(tmp_path, codecs_=[], foreign=[point], pictures=0).run(_sources(scenes))


def test_nodata_counts_nowhere(tmp_path: Path) -> None:
    scene = _scene(3)
    values = scene["values"].values.copy()
    values[5:9, 3:20] = -9999
    holed = scene.assign(values=scene["values"].copy(data=values))
    holed["values"].attrs["nodata"] = -9999.0
    comparison = _comparison(tmp_path, bpp=(4.0,), bpppc=())
    records = comparison.run(_sources([holed]))
    assert _value(records, "max_error", method="klt") < 5000
    assert np.isfinite(_value(records, "patch_mmd", method="klt"))


class _TwoDecoders(KltCodec):
    """A codec whose second decoder gives back something brighter."""

    has_realistic = True

    def decoder(self, header: Any, side: bytes, realistic: bool = False) -> Any:
        own = super().decoder(header, side)
        return _Brighter(own) if realistic else own


class _Brighter:
    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder

    def decode_tile(self, payload: bytes, height: int, width: int) -> Any:
        return self._decoder.decode_tile(payload, height, width) + 100


def test_two_decoders_of_one_file_are_judged_apart(
    scenes: list[xr.Dataset], tmp_path: Path
) -> None:
    codec = JudgedCodec("own", _TwoDecoders(), ("faithful", "realistic"))
    comparison = _comparison(tmp_path, codecs_=[codec], bpp=(6.0,), bpppc=())
    records = comparison.run(_sources(scenes[:1]))
    sizes = [_value(records, "bytes", method=name) for name in codec.methods]
    assert codec.methods == ["own", "own (realistic)"]
    assert sizes[0] == sizes[1]
    faithful, realistic = (_value(records, "psnr", method=name) for name in codec.methods)
    assert faithful > realistic
    assert "compression/0/own (realistic)/bpp/6/rgb" in comparison.folder.arrays()


def test_a_shared_basis_is_learned_once_and_on_training_scenes_alone(
    scenes: list[xr.Dataset], tmp_path: Path
) -> None:
    (judged,) = open_codecs(["klt-shared"], scenes[1:], tmp_path)
    assert judged.label == "klt-shared"
    assert judged.codec.describe()["trained_on"] == ["valley-2"]
    (again,) = open_codecs(["klt-shared"], [], tmp_path)
    assert again.codec.model_hash == judged.codec.model_hash
    with pytest.raises(InputError, match="--train"):
        open_codecs(["klt-shared"], [], tmp_path / "elsewhere")
    with pytest.raises(InputError, match="two codecs are called 'klt'"):
        open_codecs(["klt", "klt"], [], tmp_path)


def test_a_digest_tells_scenes_apart_and_not_their_number_types(
    scenes: list[xr.Dataset],
) -> None:
    first, second = (scene_digest(scene) for scene in scenes)
    assert first != second
    assert scene_digest(scenes[0].assign(values=scenes[0]["values"].astype(np.float32))) == first


@pytest.mark.parametrize(
    "name", [name for name in recipe_names("experiment") if name.startswith("compression-")]
)
def test_shipped_comparisons_are_valid(name: str) -> None:
    config = build_config(ComparisonConfig, load_recipe("experiment", name))
    assert config.title
    assert config.targets()
    assert not set(config.scenes) & set(config.train)
    assert set(config.baseline) <= set(config.codecs)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("bpp=[0.0]", "above zero"),
        ("codecs=[]", "one codec or more"),
        ("bd_bpp=[2.0, 1.0]", "lower rate first"),
        ("classifier=lds", "no classifier of spectra"),
        ("label_split={mode='random', tain=0.5}", "label_split"),
        ("codec=['klt']", "did you mean 'codecs'"),
    ],
)
def test_impossible_settings_are_refused(override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build_config(ComparisonConfig, {}, [override])


class _OneRate(KltCodec):
    """A codec of one rate, that of its step; models differ in it."""

    adjustable = False

    def __init__(self, step: float) -> None:
        super().__init__()
        self.fixed = step
        self.trained_on: list[str] = []

    def encoder(self, survey: Any, step: float) -> Any:
        return super().encoder(survey, self.fixed)

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "trained_on": self.trained_on}


class _JudgedAtStep(JudgedCodec):
    @property
    def rate_number(self) -> float | None:
        return self.codec.fixed  # type: ignore[attr-defined, no-any-return]


def test_codecs_of_one_rate_make_a_curve_under_one_label(
    scenes: list[xr.Dataset], tmp_path: Path
) -> None:
    codecs = [_JudgedAtStep("fixed", _OneRate(step)) for step in (100.0, 1500.0)]
    comparison = _comparison(
        tmp_path, codecs_=[JudgedCodec("klt", KltCodec()), *codecs], bpppc=(), pictures=0
    )
    records = comparison.run(_sources(scenes[:1]))
    points = {r.amount: r.value for r in records if r.method == "fixed" and r.metric == "psnr"}
    assert points[100.0] > points[1500.0]
    assert _value(records, "bd_rate", method="fixed") == pytest.approx(0, abs=10)


def test_a_model_that_has_seen_a_held_out_scene_is_refused(
    scenes: list[xr.Dataset], tmp_path: Path
) -> None:
    codec = _OneRate(100.0)
    codec.trained_on = ["valley-2"]
    comparison = _comparison(tmp_path, codecs_=[JudgedCodec("own", codec)], pictures=0)
    with pytest.raises(InputError, match="own was trained on valley-2"):
        comparison.run(_sources(scenes))


def test_metadata_is_in_the_bytes_where_it_is_asked_for(
    scenes: list[xr.Dataset], tmp_path: Path
) -> None:
    sizes = []
    for is_kept in (False, True):
        codecs = [_JudgedAtStep("fixed", _OneRate(900.0))]
        folder = tmp_path / str(is_kept)
        comparison = _comparison(folder, codecs_=codecs, with_metadata=is_kept, pictures=0)
        records = comparison.run(_sources(scenes[:1]))
        (path,) = folder.glob("streams/fixed/*.hsc")
        assert _value(records, "bytes", method="fixed") == path.stat().st_size
        assert ("wavelength_nm" in decompress_scene(path).coords) == is_kept
        sizes.append(path.stat().st_size)
    assert sizes[0] < sizes[1]


class _Trainable(KltCodec):
    """A codec of a recipe; its training is told what it may see."""

    takes_companions: ClassVar[bool] = False
    seen: ClassVar[list[list[Any]]] = []

    def fit(self, scenes: Any, config: Any = None, training: Any = None) -> Any:
        self.seen.append([scene.attrs["name"] for scene in scenes] + [config, training.seed])
        return super().fit(scenes)


def test_a_codec_of_a_recipe_is_trained_on_training_scenes_alone(
    scenes: list[xr.Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compression_codecs, "resolve_codec", lambda _: (_Trainable, "settings"))
    for _ in range(2):  # the second time its model is there
        (judged,) = open_codecs(["mine.toml"], scenes[:1], tmp_path, training=Training(seed=7))
        assert judged.codec.describe()["trained_on"] == ["valley-1"]
    assert _Trainable.seen == [["valley-1", "settings", 7]]
