"""What the training loops share: saving, resuming, stopping, and naming what diverged."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from hsigan.errors import DivergedError, RunError
from hsigan.training.distributed import any_process, rank, wait_for_all
from hsigan.training.run_folder import RunFolder

_ADVICE = "lower the learning rate (--set learning_rate=...), or check the scene for extreme values"
Report = Callable[[int, Mapping[str, float]], None]
"""Called with a step and its losses and validation figures; draws progress."""


@dataclass
class TrainingState:
    """Everything that a training carries from one step to the next.

    Parameters
    ----------
    modules, optimisers
        By name; saved and restored whole.
    generator
        The one source of random numbers of the training.
    run
        Where to save, or None.
    numbers
        Plain numbers that must survive too (best validation distance and the like).
    save_seconds
        At most this much work is lost when the machine stops.
    """

    modules: Mapping[str, nn.Module]
    optimisers: Mapping[str, Optimizer]
    generator: torch.Generator
    run: RunFolder | None = None
    numbers: dict[str, float] = field(default_factory=dict)
    save_seconds: float = 60.0
    step: int = 0
    interrupted: bool = False
    _saved_at: float = field(default_factory=time.monotonic)

    def save(self) -> None:
        """Write the whole state into the run folder.

        Of several processes, whose weights are equal, the first one does; the others keep what is
        their own: where their random numbers are.

        Raises
        ------
        DivergedError
            A weight is not finite: what was saved before is kept.
        """
        bad = self._bad_weights()
        if bad is not None:
            raise DivergedError(
                f"training diverged by step {self.step}: the weights {bad} are not finite; "
                f"{_ADVICE}"
            )
        self._saved_at = time.monotonic()
        if self.run is None:
            return
        tensors: dict[str, Tensor] = {"random": self.generator.get_state()}
        if rank():
            self.run.save(f"random-{rank()}", tensors, {"step": self.step})
        else:
            self._save_whole(self.run, tensors)
        wait_for_all()  # or one process could resume from what another has not yet written

    def _save_whole(self, run: RunFolder, tensors: dict[str, Tensor]) -> None:
        facts: dict[str, Any] = {"step": self.step, "numbers": self.numbers}
        for name, module in self.modules.items():
            tensors |= {f"module/{name}/{key}": t for key, t in module.state_dict().items()}
        for name, optimiser in self.optimisers.items():
            for index, entries in optimiser.state_dict()["state"].items():
                for key, value in entries.items():
                    tensors[f"optimiser/{name}/{index}/{key}"] = torch.as_tensor(value)
        # safetensors refuses tensors that share memory, as tied or averaged weights may
        run.save("state", {key: t.detach().clone() for key, t in tensors.items()}, facts)

    @property
    def kept_start(self) -> bool:
        """Whether steps were taken and validation found none that is better than the start."""
        best, distance = (self.numbers.get(key) for key in ("best_step", "best_distance"))
        return self.step > 0 and best == 0 and distance is not None and math.isfinite(distance)

    def resume(self) -> bool:
        """Read the state back, if the run folder has one; say whether it had."""
        if self.run is None or not self.run.has("state"):
            return False
        tensors, facts = self.run.load("state")
        try:
            for name, module in self.modules.items():
                module.load_state_dict(_under(tensors, f"module/{name}/"))
            for name, optimiser in self.optimisers.items():
                _restore_optimiser(optimiser, _under(tensors, f"optimiser/{name}/"))
            self.generator.set_state(self._own_random(self.run, tensors))
            self.step, self.numbers = int(facts["step"]), dict(facts["numbers"])
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise RunError(
                f"the state in {self.run.path} does not fit this training: {error}"
            ) from error
        self.run.forget_after(self.step)
        return True

    def _own_random(self, run: RunFolder, tensors: Mapping[str, Tensor]) -> Tensor:
        if not rank():
            return tensors["random"]
        name = f"random-{rank()}"  # absent where the run was started with fewer processes
        return run.load(name)[0]["random"] if run.has(name) else self.generator.get_state()

    def steps(self, total: int) -> Iterator[int]:
        """Count from the current step to ``total``; save now and then, and when told to stop.

        Ctrl-C ends the loop after the step that is under way, with everything saved and
        ``interrupted`` set; a second Ctrl-C stops at once.
        """
        if self.run is not None and 0 < self.step < total:
            self.run.note_continuation(self.step)
        with _stop_flag() as stop:
            while self.step < total:
                yield self.step
                self.step += 1
                due = time.monotonic() - self._saved_at > self.save_seconds
                self.interrupted, due = any_process(stop.is_set(), due)
                if self.interrupted:
                    break
                if due:
                    self.save()
        self.save()

    def check(self, losses: Mapping[str, Tensor]) -> dict[str, float]:
        """Return losses as numbers.

        Raises
        ------
        DivergedError
            One is not finite; the message names the step and the first tensor that is not.
        """
        values = {name: float(value.detach()) for name, value in losses.items()}
        bad = [name for name, value in values.items() if not math.isfinite(value)]
        if bad:
            raise DivergedError(
                f"training diverged at step {self.step + 1}: {', '.join(bad)} is not finite, "
                f"{self._first_bad_tensor(bad[0])}; {_ADVICE}"
            )
        return values

    def tell(self, values: Mapping[str, float], report: Report | None) -> None:
        """Log and report what the step that is under way came to."""
        if self.run is not None:
            self.run.log({"step": self.step + 1, **values})
        if report is not None:
            report(self.step + 1, values)

    def _first_bad_tensor(self, loss: str) -> str:
        """Name the tensor; the module whose loss it was is searched before the others."""
        weights = self._bad_weights(loss)
        if weights is not None:
            return f"first seen in the weights {weights}"
        for name, module in sorted(self.modules.items(), key=lambda item: item[0] != loss):
            for key, parameter in module.named_parameters():
                if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
                    return f"first seen in the gradient of {name}.{key}"
        return "while all weights and gradients are finite"

    def _bad_weights(self, first: str = "") -> str | None:
        for name, module in sorted(self.modules.items(), key=lambda item: item[0] != first):
            for key, parameter in module.named_parameters():
                if not torch.isfinite(parameter).all():
                    return f"{name}.{key}"
        return None


@contextmanager
def _stop_flag() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into a flag. Elsewhere than in the main thread nothing changes."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix) :]: t for key, t in tensors.items() if key.startswith(prefix)}


def _restore_optimiser(optimiser: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    entries: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, _, name = key.partition("/")
        entries.setdefault(int(index), {})[name] = tensor
    optimiser.load_state_dict({**optimiser.state_dict(), "state": entries})


def one_hot(codes: Tensor, classes: int) -> Tensor:
    """Return (N, K) class weights for (N,) class codes; (N, 0) when there are no classes."""
    if classes == 0:
        return torch.zeros(len(codes), 0, device=codes.device)
    return nn.functional.one_hot(codes, classes).float()
