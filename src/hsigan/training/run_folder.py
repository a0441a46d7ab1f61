"""A run folder: everything that another person needs to rerun or continue a training.

::

    RUN/
      config.toml                the resolved, complete settings
      environment.json           command, versions, processor, commit; the same of what continued it
      stats.jsonl                one line of losses and validation figures per report
      checkpoints/*.safetensors  weights, with the constructors' arguments as JSON beside them and
                                 a checksum of both
      state.safetensors          optimisers, random state and step, to resume bit for bit
      random-1.safetensors ...   random states of further processes, where several train together
      pixels.sha256              of the pixels trained on: a run is not continued with others
      split.npz                  where the run came from a scene

Nothing in it executes code when it is read.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from hsigan.environment import describe_environment
from hsigan.errors import RunError
from hsigan.files import whole_file
from hsigan.recipe import to_toml
from hsigan.training.distributed import rank


class RunFolder:
    """Read and write one run folder."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.environment_path = self.path / "environment.json"

    @classmethod
    def create(cls, path: str | Path, config: Mapping[str, Any], resume: bool = False) -> RunFolder:
        """Make a run folder with its settings, or open one to continue it.

        Raises
        ------
        RunError
            The folder holds a run already and ``resume`` is false; or it is to be resumed and its
            settings differ in more than the number of steps; or they are gone.
        """
        run = cls(path)
        if rank():  # the first of several processes writes for all
            return run
        if run.exists():
            if not resume:
                raise RunError(
                    f"{path} holds a run already: continue it with --resume, or name a new folder"
                )
            run._check_same(config)
        elif run.has("state"):
            raise RunError(
                f"{path} holds a training but its config.toml is gone: copy the run again, or name "
                "a new folder"
            )
        try:
            run.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(
                f"cannot make the folder {path} ({error.strerror}): name another for the run"
            ) from error
        write_text(run.path / "config.toml", to_toml(config))
        if not run.environment_path.is_file():  # a run that is continued keeps what started it
            write_text(run.environment_path, json.dumps(describe_environment(), indent=2))
        return run

    def exists(self) -> bool:
        """Say whether a run was started here."""
        return (self.path / "config.toml").is_file()

    def config(self) -> dict[str, Any]:
        """Return the settings of the run.

        Raises
        ------
        RunError
            The folder holds no run, or its settings cannot be read.
        """
        try:
            return tomllib.loads((self.path / "config.toml").read_text(encoding="utf-8"))
        except OSError as error:
            raise RunError(
                f"{self.path} is not a run folder: it has no readable config.toml. "
                "Name the folder that `hsigan train gan --out` wrote"
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RunError(
                f"{self.path / 'config.toml'} is damaged ({error}): copy the run again, or train "
                "it again in a new folder"
            ) from error

    def log(self, record: Mapping[str, Any]) -> None:
        """Append one line to stats.jsonl."""
        if rank():
            return
        try:
            with (self.path / "stats.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            raise _unwritable(self.path / "stats.jsonl", error) from error

    def forget_after(self, step: int) -> None:
        """Drop the lines of stats.jsonl that a continued training is about to write again."""
        path = self.path / "stats.jsonl"
        if rank() or not path.is_file():
            return
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        kept = [line for line in lines if _step_of(line) <= step]
        if kept != lines:
            write_text(path, "".join(f"{line}\n" for line in kept))

    def note_continuation(self, step: int) -> None:
        """Add to environment.json by which command, where, the run goes on after ``step``."""
        if rank():
            return
        now = {"after_step": step, **describe_environment()}
        try:
            first = json.loads(self.environment_path.read_text(encoding="utf-8"))
            told = {**first, "continued": [*first.get("continued", []), now]}
        except (OSError, ValueError, TypeError, AttributeError):
            told = {"continued": [now]}  # what started it is lost or damaged
        write_text(self.environment_path, json.dumps(told, indent=2))

    def check_pixels(self, fingerprint: str) -> None:
        """Note which pixels the run is trained on.

        Raises
        ------
        RunError
            It was started with others.
        """
        path = self.path / "pixels.sha256"
        if path.is_file() and path.read_text(errors="replace").strip() != fingerprint:
            raise RunError(
                f"{self.path} was started with other pixels: continue it with the same scenes, "
                "labels and split, or name a new folder"
            )
        if rank() == 0:
            write_text(path, f"{fingerprint}\n")

    def save(self, name: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Write tensors with plain facts beside them, whole or not at all."""
        target = self.path / f"{name}.safetensors"
        whole = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
        text = json.dumps(facts)
        metadata = {"facts": text, "sha256": _checksum(whole, text)}
        try:
            with whole_file(target) as temporary:
                save_file(whole, temporary, metadata=metadata)
        except (OSError, SafetensorError) as error:
            raise _unwritable(target, error) from error

    def load(self, name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Read what `save` wrote.

        Raises
        ------
        RunError
            The file is missing or damaged.
        """
        target = self.path / f"{name}.safetensors"
        try:
            with safe_open(target, framework="pt") as file:
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
                metadata = file.metadata() or {}
            text = metadata.get("facts", "{}")
            facts = json.loads(text)
        except FileNotFoundError as error:
            raise RunError(
                f"{target} is missing: the run in {self.path} never got so far; train it again"
            ) from error
        except (OSError, SafetensorError, json.JSONDecodeError) as error:
            raise RunError(
                f"{target} is damaged ({error}): copy the run again, or train it again in a new "
                "folder"
            ) from error
        # Runs written before there were checksums have none.
        if metadata.get("sha256") not in (None, _checksum(tensors, text)):
            raise RunError(
                f"{target} is damaged: it is not what its checksum says. Copy the run again, or "
                "train it again in a new folder"
            )
        return tensors, facts

    def has(self, name: str) -> bool:
        """Say whether `save` has written ``name`` here."""
        return (self.path / f"{name}.safetensors").is_file()

    def _check_same(self, config: Mapping[str, Any]) -> None:
        old = flatten(self.config())
        new = flatten(json.loads(json.dumps(dict(config))))
        changed = sorted(
            key
            for key in old.keys() | new.keys()
            if old.get(key) != new.get(key) and new.get(key, old.get(key)) is not None
        )
        changed = [key for key in changed if key.split(".")[-1] != "steps"]
        if changed:
            raise RunError(
                f"{self.path} was started with other settings ({', '.join(changed)}): "
                "resume it with the same ones, or name a new folder"
            )


def _checksum(tensors: Mapping[str, Tensor], facts: str) -> str:
    """Return the SHA-256 of tensors, their names, types and shapes, and the facts beside them."""
    digest = hashlib.sha256(facts.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _step_of(line: str) -> float:
    """Return the step of one line of stats.jsonl; of a line cut off by a crash, infinity."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings as one table with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def write_text(path: Path, text: str) -> None:
    """Write a small text file, whole or not at all."""
    try:
        with whole_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: Exception) -> RunError:
    return RunError(
        f"cannot write {path} ({getattr(error, 'strerror', None) or error}): free some space or "
        "name another folder; what was there before is kept"
    )
