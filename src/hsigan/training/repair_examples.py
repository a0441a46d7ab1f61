"""What the repairing networks learn from: coded scenes, and crops of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that PyTorch's own documentation uses

from hsigan.errors import InputError
from hsigan.models.component_repair import describe_components, gather_evidence, repairable


@dataclass(frozen=True)
class RepairExample:
    """A scene's components, coded at one step, and what a network is to add to them.

    Attributes
    ----------
    lost : (K, H, W), original less decoded components, in steps
    evidence : (K, C, H, W), see `gather_evidence`
    facts : (K, 4), see `describe_components`
    """

    lost: Tensor
    evidence: Tensor
    facts: Tensor


def make_example(
    original: Tensor, decoded: Tensor, log_ratios: Tensor, components: int
) -> RepairExample | None:
    """Prepare a coded scene; None where there is nothing to repair.

    Parameters
    ----------
    original, decoded
        (K, H, W), in steps, the leading component first.
    log_ratios
        (K,), natural logarithms of the components' expected deviations in steps.
    components
        Components to keep, from the first that is not as good as exact (`repairable`).
    """
    worth = repairable(log_ratios)
    if worth.stop == 0:
        return None
    kept = slice(worth.start, min(worth.stop, worth.start + components))
    evidence = gather_evidence(decoded[None], kept)[0]
    facts = describe_components(log_ratios[None])[0, kept]
    # Half precision: a training holds some hundred of these.
    return RepairExample((original - decoded)[kept].half(), evidence.half(), facts)


class Crops:
    """Draws crops: turned, mirrored, and with signs of their own.

    An axis of the KLT and its opposite are the same, so a component's sign means nothing. A scene
    smaller than the crop is mirrored beyond its border; missing components are zero.

    Parameters
    ----------
    examples
        Large scenes are drawn more often than small ones.
    components, crop_px, batch
        K, P and N.

    Raises
    ------
    InputError
        There is no example.
    """

    def __init__(
        self, examples: Sequence[RepairExample], components: int, crop_px: int, batch: int
    ) -> None:
        if not examples:
            raise InputError("the repairing networks are trained on one coded scene or more.")
        self._examples = examples
        self._components, self._crop_px, self._batch = components, crop_px, batch
        areas = [float(example.lost[0].numel()) for example in examples]
        self._shares = torch.tensor(areas) ** 0.75

    def __call__(self, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Return lost (N, K, P, P), evidence (N, K, C, P, P) and facts (N, K, 4)."""
        chosen = torch.multinomial(self._shares, self._batch, replacement=True, generator=random)
        crops = [self._crop(self._examples[int(index)], random) for index in chosen]
        lost, evidence, facts = (torch.stack(each) for each in zip(*crops, strict=True))
        return lost.float(), evidence.float(), facts

    def _crop(self, example: RepairExample, random: torch.Generator) -> tuple[Tensor, ...]:
        side = self._crop_px
        planes = torch.cat([example.lost[:, None], example.evidence], dim=1)  # (K, 1 + C, H, W)
        for axis in (2, 3):
            places = torch.arange(side)
            spare = planes.shape[axis] - side
            if spare > 0:
                places = places + int(torch.randint(spare + 1, (1,), generator=random))
            planes = planes.index_select(axis, _mirrored(places, planes.shape[axis]))
        turns, mirror = torch.randint(8, (2,), generator=random).tolist()
        planes = torch.rot90(planes, turns % 4, (2, 3))
        planes = planes.flip(3) if mirror % 2 else planes
        signs = 1 - 2 * torch.randint(2, (len(planes), 1, 1, 1), generator=random)
        signed = torch.cat([planes[:, :-1] * signs, planes[:, -1:]], dim=1)  # energy has no sign
        missing = self._components - len(planes)  # a scene with few components
        signed = F.pad(signed, (0, 0, 0, 0, 0, 0, 0, missing))
        return signed[:, 0], signed[:, 1:], F.pad(example.facts, (0, 0, 0, missing))


def _mirrored(places: Tensor, length: int) -> Tensor:
    """Fold places beyond an axis back into it."""
    period = max(1, 2 * length - 2)
    folded = places % period
    return torch.minimum(folded, period - folded)
