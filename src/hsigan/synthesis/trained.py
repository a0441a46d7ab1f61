"""A trained generator with what leads back to a file's own units; saved as plain tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hsigan.errors import RunError
from hsigan.models.generators import HyperGenerator, KernelGenerator
from hsigan.scene.scaling import SpectralScaler
from hsigan.synthesis.feature_space import FeatureSpace
from hsigan.training.run_folder import RunFolder

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HyperSpectra:
    """The paper's generator, and the scaling to [0, 1] that it was trained in."""

    generator: HyperGenerator
    scaler: SpectralScaler

    def spectra(
        self, latents: Tensor, weights: Tensor, random: np.random.Generator | None
    ) -> NDArray[np.float32]:
        """Return (N, B) spectra in the file's units; ``random`` is not needed."""
        with torch.inference_mode():
            scaled = self.generator(latents, weights)
        return self.scaler.inverse_transform(scaled.cpu().numpy())

    def save(self, run: RunFolder, name: str, facts: Mapping[str, Any]) -> None:
        """Write tensors, constructor arguments and scaling."""
        own = {"arguments": self.generator.arguments, "scaler": self.scaler.to_dict()}
        run.save(name, self.generator.state_dict(), {**facts, **own})

    @classmethod
    def load(cls, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> HyperSpectra:
        """Rebuild what `save` wrote."""
        generator = HyperGenerator(**facts["arguments"])
        generator.load_state_dict(dict(tensors))
        return cls(generator.eval(), SpectralScaler.from_dict(facts["scaler"]))


@dataclass(frozen=True)
class KernelSpectra:
    """hsigan's generator, and the feature space that it works in."""

    generator: KernelGenerator
    space: FeatureSpace

    def spectra(
        self, latents: Tensor, weights: Tensor, random: np.random.Generator | None
    ) -> NDArray[np.float32]:
        """Return (N, B) spectra in the file's units; ``random`` adds real pixels' noise."""
        with torch.inference_mode():
            features = self.generator(latents, weights)
        return self.space.decode(
            features.cpu().numpy().astype(np.float64), weights.cpu().numpy().astype(float), random
        )

    def save(self, run: RunFolder, name: str, facts: Mapping[str, Any]) -> None:
        """Write tensors, constructor arguments and the feature space."""
        tensors = dict(self.generator.state_dict())
        for key, array in self.space.to_arrays().items():
            tensors[f"space.{key}"] = torch.from_numpy(np.ascontiguousarray(array))
        run.save(name, tensors, {**facts, "arguments": self.generator.arguments})

    @classmethod
    def load(cls, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> KernelSpectra:
        """Rebuild what `save` wrote."""
        space = {k[6:]: t.numpy() for k, t in tensors.items() if k.startswith("space.")}
        state = {key: tensor for key, tensor in tensors.items() if not key.startswith("space.")}
        arguments = dict(facts["arguments"])
        if "anchors" in state:  # an early 0.1 pulled all anchors in, and only when it drew them
            pull = torch.sqrt(1 - state["bandwidths"] ** 2).repeat_interleave(state["counts"])
            state["centres"] = pull[:, None] * state.pop("anchors")
            arguments["centres"] = arguments.pop("anchors")
        generator = KernelGenerator(**arguments)
        generator.load_state_dict(state)
        return cls(generator.eval(), FeatureSpace.from_arrays(space))


Trained = HyperSpectra | KernelSpectra
KINDS: dict[str, type[HyperSpectra] | type[KernelSpectra]] = {
    "hypergan": HyperSpectra,
    "spectral": KernelSpectra,
}


def load_trained(run: RunFolder, name: str) -> tuple[Trained, dict[str, Any]]:
    """Read a trained generator and the facts saved beside it.

    Raises
    ------
    RunError
        The file is missing or damaged, or does not hold a generator of spectra.
    """
    tensors, facts = run.load(name)
    kind = facts.get("objective")
    if kind not in KINDS:
        raise RunError(f"{run.path} holds no generator of spectra, but {kind!r}")
    try:
        return KINDS[kind].load(tensors, facts), facts
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise RunError(f"the checkpoint {name} in {run.path} is damaged: {error}") from error
