import csv
import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hsigan.errors import RunError
from hsigan.evaluation.results import KEYS, Record, ResultsFolder


def _record(seed: int, value: float, method: str = "gan", **keys: object) -> Record:
    return Record(
        experiment="augmentation",
        scene="salinas-a",
        method=method,
        metric="overall_accuracy",
        value=value,
        seed=seed,
        unit="%",
        **keys,  # type: ignore[arg-type]
    )


def test_records_come_back_with_the_keys_of_the_contract(tmp_path: Path) -> None:
    written = [_record(0, 98.5, class_id=11, amount=2.0), _record(1, float("nan"))]
    folder = ResultsFolder(tmp_path / "new" / "results")
    folder.append(written)
    lines = [json.loads(line) for line in folder.records_path.read_text().splitlines()]
    assert all(tuple(line) == KEYS for line in lines)
    assert lines[0]["class"] == 11
    assert lines[1]["value"] is None
    found = folder.records()
    assert found[0] == written[0]
    assert np.isnan(found[1].value)


def test_numpy_values_are_written(tmp_path: Path) -> None:
    folder = ResultsFolder(tmp_path)
    folder.append([_record(np.int64(3), np.float32(0.5), class_id=np.int32(7))])  # type: ignore[arg-type]
    assert folder.records() == [_record(3, 0.5, class_id=7)]


def test_a_later_record_of_the_same_place_counts(tmp_path: Path) -> None:
    folder = ResultsFolder(tmp_path)
    folder.append([_record(0, 1.0), _record(1, 2.0)])
    folder.append([_record(0, 3.0)])
    assert [record.value for record in folder.records()] == [3.0, 2.0]


def test_a_half_written_line_is_dropped_and_its_seed_is_not_done(tmp_path: Path) -> None:
    folder = ResultsFolder(tmp_path)
    folder.append([_record(0, 1.0)])
    with folder.records_path.open("a") as file:
        file.write(_record(1, 2.0).to_json()[:90])
    assert folder.done("method", "seed") == {("gan", 0)}
    folder.append([_record(2, 5.0)])
    assert [(r.seed, r.value) for r in folder.records()] == [(0, 1.0), (2, 5.0)]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    folder = ResultsFolder(tmp_path)
    folder.append([_record(0, 1.0)])
    with folder.records_path.open("a") as file:
        file.write("what is this\n")
    with pytest.raises(RunError, match="line 2"):
        folder.records()


_WRITE_UNTIL_FULL = """
import resource, signal, sys
from hsigan.evaluation.results import Record, ResultsFolder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
folder = ResultsFolder(sys.argv[1])
for seed in range(1000):
    folder.append([Record("e", "s", "m", f"metric {i}", 1.0, seed=seed) for i in range(7)])
"""


def test_a_full_disk_is_told_and_loses_no_block_and_leaves_none_half(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WRITE_UNTIL_FULL, str(tmp_path)], capture_output=True, text=True
    )
    assert "RunError" in done.stderr
    assert "cannot be written" in done.stderr
    records = ResultsFolder(tmp_path).records()
    assert len(records) > 7
    assert len(records) % 7 == 0


def test_a_file_that_cannot_be_replaced_keeps_its_old_content(tmp_path: Path) -> None:
    folder = ResultsFolder(tmp_path)
    folder.save_arrays({"a": np.arange(3)})
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
        with pytest.raises(RunError, match="cannot be written"):
            folder.save_arrays({"noise": np.random.default_rng(0).random(9000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, previous)
    assert folder.arrays()["a"].tolist() == [0, 1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["arrays.npz"]


def test_arrays_are_added_to_and_names_may_hold_slashes(tmp_path: Path) -> None:
    folder = ResultsFolder(tmp_path)
    folder.save_arrays({"spectra/real/1/mean": np.ones(4), "file": np.zeros(2)})
    folder.save_arrays({"spectra/real/2/mean": np.zeros(4)})
    found = folder.arrays()
    assert sorted(found) == ["file", "spectra/real/1/mean", "spectra/real/2/mean"]
    assert found["spectra/real/1/mean"].tolist() == [1, 1, 1, 1]


def test_the_experiment_says_on_what_it_ran(tmp_path: Path) -> None:
    folder = ResultsFolder(tmp_path)
    folder.write_experiment({"title": "A", "seeds": np.arange(2), "options": {"out": Path("x")}})
    facts = folder.experiment()
    assert facts["title"] == "A"
    assert facts["seeds"] == [0, 1]
    assert facts["options"] == {"out": "x"}
    assert facts["machine"]["cores"] >= 1
    assert facts["versions"]["numpy"] == np.__version__


def test_the_summary_pairs_seeds_with_the_reference(tmp_path: Path) -> None:
    folder = ResultsFolder(tmp_path)
    base = {0: 90.0, 1: 80.0, 2: 70.0, 3: 60.0}
    gains = {0: 1.0, 1: 2.0, 2: 3.0}
    folder.append(_record(seed, value, "none") for seed, value in base.items())
    folder.append(_record(seed, base[seed] + gain, amount=1.0) for seed, gain in gains.items())
    folder.append([_record(0, 50.0, "gan", amount=1.0, class_id=4)])
    folder.write_summary(reference="none")
    with (tmp_path / "summary.csv").open() as file:
        none, gan, alone = list(csv.DictReader(file))
    assert (none["mean"], none["seeds"], none["difference"]) == ("75", "4", "")
    assert float(gan["mean"]) == pytest.approx(82)
    assert float(gan["difference"]) == pytest.approx(2)
    # Student's t with 2 degrees of freedom: 4.3027 standard errors of 1 / sqrt(3).
    assert float(gan["difference_low"]) == pytest.approx(2 - 4.302653 / 3**0.5, abs=1e-4)
    assert (alone["class"], alone["low"], alone["reference"]) == ("4", "", "")
