"""A trained patch GAN with what leads back to a file's own units; saved as plain tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hsigan.errors import RunError
from hsigan.models.patch_class_units import ClassUnitsGenerator
from hsigan.models.patch_critics import PatchCritic
from hsigan.models.patch_kernels import PatchKernelGenerator
from hsigan.models.patch_per_class import PerClassCritic
from hsigan.synthesis.class_moments import ClassMoments
from hsigan.synthesis.patch_fronts import BATCH, BandFront, ComponentFront, Front, Patches
from hsigan.training.patch import AnyCritic, AnyGenerator
from hsigan.training.run_folder import RunFolder

GENERATORS: dict[str, type[AnyGenerator]] = {
    "noise": ClassUnitsGenerator,
    "density": PatchKernelGenerator,
}
CRITICS: dict[str, type[AnyCritic]] = {"joint": PatchCritic, "per-class": PerClassCritic}
FRONTS: dict[str, type[BandFront] | type[ComponentFront]] = {
    "bands": BandFront,
    "components": ComponentFront,
}


@dataclass(frozen=True)
class TrainedPatches:
    """The generator, the critic that taught it, and the features that both work on.

    With ``moments`` the generator's patches are moved to the moments that their classes have.
    """

    generator: AnyGenerator
    critic: AnyCritic
    front: Front
    moments: ClassMoments | None = None

    def patches(
        self, latents: Tensor, weights: Tensor, random: np.random.Generator | None
    ) -> NDArray[np.float32]:
        """Return (N, B, P, P) patches in the file's units; ``random`` adds real pixels' noise."""
        with torch.inference_mode():
            features = [
                self.generator(latents[i : i + BATCH], weights[i : i + BATCH])[:, 0].numpy()
                for i in range(0, len(latents), BATCH)
            ]
        shares = weights.numpy().astype(float)
        patches = self.front.decode(np.concatenate(features), shares, random)
        return patches if self.moments is None else self.moments.apply(patches, shares, random)

    def critic_features(self, patches: Patches) -> NDArray[np.float32]:
        """Return what the critic sees in patches (N, B, P, P) before its score: (N, F)."""
        found = []
        with torch.inference_mode():
            for start in range(0, patches.shape[0], BATCH):
                encoded = self.front.encode(patches[start : start + BATCH])
                features = self.critic.features(torch.from_numpy(encoded)[:, None])
                found.append(features.float().numpy())
        return np.concatenate(found)

    def critic_band_weights(self, patches: Patches, code: int) -> NDArray[np.float32]:
        """Return how the critic that judges a class weighs the bands of its patches, (N, B)."""
        critic = self.critic
        judge = critic.critics[code] if isinstance(critic, PerClassCritic) else critic
        found = []
        with torch.inference_mode():
            for start in range(0, patches.shape[0], BATCH):
                encoded = self.front.encode(patches[start : start + BATCH])
                found.append(judge.band_weights(torch.from_numpy(encoded)[:, None]).numpy())
        return np.concatenate(found)

    def save(self, run: RunFolder, name: str, facts: Mapping[str, Any]) -> None:
        """Write tensors, constructor arguments and the front."""
        tensors = {f"generator.{k}": t for k, t in self.generator.state_dict().items()}
        tensors |= {f"critic.{k}": t for k, t in self.critic.state_dict().items()}
        for key, array in self.front.to_arrays().items():
            tensors[f"front.{key}"] = torch.from_numpy(np.ascontiguousarray(array))
        if self.moments is not None:
            for key, array in self.moments.to_arrays().items():
                tensors[f"moments.{key}"] = torch.from_numpy(np.ascontiguousarray(array))
        own = {
            "generator": [_name(GENERATORS, self.generator), self.generator.arguments],
            "critic": [_name(CRITICS, self.critic), self.critic.arguments],
            "front": _name(FRONTS, self.front),
        }
        run.save(name, tensors, {**facts, **own})

    @classmethod
    def load(cls, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> TrainedPatches:
        """Rebuild what `save` wrote."""
        kind, arguments = facts["generator"]
        generator = GENERATORS[kind](**arguments)
        generator.load_state_dict(_under(tensors, "generator."))
        kind, arguments = facts["critic"]
        critic = CRITICS[kind](**arguments)
        critic.load_state_dict(_under(tensors, "critic."))
        arrays, moved = (
            {key: t.numpy() for key, t in _under(tensors, prefix).items()}
            for prefix in ("front.", "moments.")
        )
        front = FRONTS[facts["front"]].from_arrays(arrays)
        moments = ClassMoments.from_arrays(moved) if moved else None
        return cls(generator.eval(), critic.eval(), front, moments)


def load_trained_patches(run: RunFolder, name: str) -> tuple[TrainedPatches, dict[str, Any]]:
    """Read a trained patch GAN and the facts saved beside it.

    Raises
    ------
    RunError
        The file is missing or damaged, or does not hold a generator of patches.
    """
    tensors, facts = run.load(name)
    if facts.get("objective") != "patch":
        raise RunError(f"{run.path} holds no generator of patches, but {facts.get('objective')!r}")
    try:
        return TrainedPatches.load(tensors, facts), facts
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise RunError(f"the checkpoint {name} in {run.path} is damaged: {error}") from error


def _name(names: Mapping[str, type[Any]], thing: object) -> str:
    return next(name for name, kind in names.items() if type(thing) is kind)


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix) :]: t for key, t in tensors.items() if key.startswith(prefix)}
