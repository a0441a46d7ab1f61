"""Results on disk: ``results.jsonl``, ``summary.csv``, ``experiment.json``, ``arrays.npz``.

See "Results on disk" in docs/architecture.md. In synthesis, the methods ``floor``, ``floor_low``
and ``floor_high`` are the mean and the 2.5 and 97.5 % quantiles of real-against-real draws.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from io import BytesIO, FileIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hsigan.environment import describe_environment
from hsigan.errors import RunError
from hsigan.files import whole_file

FLOOR, FLOOR_LOW, FLOOR_HIGH = "floor", "floor_low", "floor_high"
KEYS = (
    "experiment",
    "scene",
    "split",
    "labels_per_class",
    "method",
    "amount",
    "classifier",
    "class",
    "seed",
    "metric",
    "value",
    "unit",
)


@dataclass(frozen=True)
class Record:
    """One figure: what was measured, on what, by what; None where a key does not apply.

    ``labels_per_class`` is None where all training labels were used; ``class_id`` is written as
    ``class`` and is None for all classes together. A value of NaN is written as null.
    """

    experiment: str
    scene: str
    method: str
    metric: str
    value: float
    split: str | None = None
    labels_per_class: int | None = None
    amount: float | None = None
    classifier: str | None = None
    class_id: int | None = None
    seed: int | None = None
    unit: str | None = None

    def to_json(self) -> str:
        """Return the record as one line of JSON in the order of ``KEYS``."""
        plain = asdict(self)
        plain["class"] = plain.pop("class_id")
        plain["value"] = float(self.value) if np.isfinite(self.value) else None
        return json.dumps({key: _plain(plain[key]) for key in KEYS})

    @classmethod
    def from_json(cls, line: str) -> Record:
        """Read one line that ``to_json`` wrote."""
        plain = json.loads(line)
        plain["class_id"] = plain.pop("class")
        plain["value"] = float("nan") if plain["value"] is None else float(plain["value"])
        return cls(**plain)

    def place(self) -> Record:
        """Return the record without its value: two records of one place measure the same."""
        return replace(self, value=0.0, unit=None)


class ResultsFolder:
    """A folder of results that can be added to, also after an interruption.

    Parameters
    ----------
    path : path
        Made when it is not there.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.records_path = self.path / "results.jsonl"

    def append(self, records: Iterable[Record]) -> None:
        """Add records in one write: all of them arrive, or none and an error.

        Several processes may append to one folder. What a killed process left of a half-written
        line is cut off first; what a full disk left of a write is taken back.
        """
        block = "".join(record.to_json() + "\n" for record in records).encode()
        with self.records_path.open("a+b", buffering=0) as file, _locked(file):
            end = _end_of_whole_lines(file)
            file.truncate(end)
            try:
                if file.write(block) != len(block):
                    raise OSError("the disk is full")
                os.fsync(file.fileno())
            except OSError as error:
                file.truncate(end)
                raise _unwritable(self.records_path, error) from error

    def records(self) -> list[Record]:
        """Return what was measured; where a figure was measured twice, the later one.

        Raises
        ------
        RunError
            A line (other than a half-written last one) is not a record.
        """
        if not self.records_path.exists():
            return []
        whole, _, _ = self.records_path.read_text(encoding="utf-8", errors="replace").rpartition(
            "\n"
        )
        found: dict[Record, Record] = {}
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                record = Record.from_json(line)
            except (ValueError, TypeError, KeyError) as error:
                raise RunError(
                    f"{self.records_path}, line {number}, is not a record ({error}); "
                    "remove the line, or start with another folder"
                ) from error
            found[record.place()] = record
        return list(found.values())

    def done(self, *keys: str) -> set[tuple[Any, ...]]:
        """Return the combinations of these keys (names of ``Record``) that have records.

        ``("scene", "method", "seed")`` tells which methods need not be run again.
        """
        return {tuple(getattr(record, key) for key in keys) for record in self.records()}

    def write_experiment(self, facts: Mapping[str, Any]) -> None:
        """Write ``experiment.json``: the given facts with machine, versions and commit added.

        ``facts`` has title, command, options, scene, seeds, seconds as the contract names them.
        """
        text = json.dumps(_plain({**describe_environment(), **facts}), indent=2)
        self._replace("experiment.json", (text + "\n").encode())

    def experiment(self) -> dict[str, Any]:
        """Return what ``write_experiment`` wrote, {} where there is none.

        Raises
        ------
        RunError
            The file is damaged, or holds something else.
        """
        path = self.path / "experiment.json"
        try:
            facts = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            if not isinstance(facts, dict):
                raise ValueError(f"it holds a {type(facts).__name__} where facts have names")
        except ValueError as error:  # no JSON, or no UTF-8
            raise RunError(f"{path} is damaged ({error}); remove it") from error
        return facts

    def check_options(self, scene: str, options: Mapping[str, Any]) -> None:
        """Refuse to add figures to those that other options gave for the same scene.

        What ``experiment.json`` does not tell is not compared.

        Raises
        ------
        RunError
            An option differs.
        """
        facts = self.experiment()
        if facts.get("scene", {}).get("name") != scene:
            return
        old, new = facts.get("options", {}), _plain(options)
        changed = [key for key in new if key in old and old[key] != new[key]]
        if changed:
            raise RunError(
                f"{self.path} holds figures of other settings ({', '.join(changed)}): continue "
                "with the same ones, or name a new folder"
            )

    def save_arrays(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Add arrays to ``arrays.npz``; one of the same name is replaced."""
        merged = {**self.arrays(), **arrays}
        buffer = BytesIO()
        # Member by member: savez takes names as keyword arguments and so has no room for "file".
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, array in merged.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
        self._replace("arrays.npz", buffer.getvalue())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of ``arrays.npz``, {} where there is none."""
        path = self.path / "arrays.npz"
        if not path.exists():
            return {}
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}

    def write_summary(self, reference: str = "none") -> None:
        """Write ``summary.csv`` from the records (see ``hsigan.evaluation.summary``)."""
        from hsigan.evaluation.summary import summary_csv

        self._replace("summary.csv", summary_csv(self.records(), reference).encode())

    def _replace(self, name: str, content: bytes) -> None:
        try:
            with whole_file(self.path / name) as temporary:
                temporary.write_bytes(content)
        except OSError as error:
            raise _unwritable(self.path / name, error) from error


@contextmanager
def _locked(file: FileIO) -> Iterator[None]:
    """Hold other processes off the file, where the system can (Windows cannot this way)."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    fcntl.flock(file.fileno(), fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file.fileno(), fcntl.LOCK_UN)


def _end_of_whole_lines(file: FileIO) -> int:
    """Return the offset behind the last newline."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(end - 4096, 0)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def _unwritable(path: Path, error: OSError) -> RunError:
    return RunError(
        f"{path} cannot be written ({error.strerror or error}); "
        "free some space and run again: what was measured before is kept"
    )


def _plain(value: Any) -> Any:
    """Return NumPy scalars and arrays, paths and mappings as what JSON knows."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, np.ndarray)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return str(value) if isinstance(value, Path) else value
