"""Training the repairing networks of codec klt-context, on what its own coder makes of scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hsigan.codec import spatial_transform
from hsigan.codec.component_repair import Repairer
from hsigan.codec.klt_context_leading import leading_coefficients
from hsigan.codec.klt_context_model import EntropyModel, band_variances, component_variances
from hsigan.codec.klt_context_tile import (
    decode_coefficients,
    encode_coefficients,
)
from hsigan.codec.model_file import load_model
from hsigan.errors import InputError
from hsigan.recipe import build_config

if TYPE_CHECKING:
    import xarray as xr

    from hsigan.codec.fitting import Training
    from hsigan.codec.klt_context import KltContextConfig
    from hsigan.codec.klt_context_model import SharedBasis
    from hsigan.codec.klt_context_samples import Case
    from hsigan.training.component_repair import RepairConfig
    from hsigan.training.repair_examples import RepairExample
    from hsigan.training.run_folder import RunFolder

PREFIX = "repair_"
_COARSE, _FINE = (0.08, 2.0), (0.004, 0.08)  # steps, in deviations of the leading component


def obtain_repairer(
    scenes: Sequence[xr.Dataset],
    entropy: EntropyModel,
    settings: KltContextConfig,
    training: Training | None = None,
) -> tuple[Repairer | None, int]:
    """Return the repairing networks that a training's settings ask for, and the steps it took.

    Parameters
    ----------
    scenes
        Of any sensors, to train on.
    entropy
        What codes them.
    settings
        Those whose names begin with ``repair_`` serve.
    training
        Whom to tell how far it is, and the seed.

    Raises
    ------
    InputError
        ``repair_from`` names a model without repairing networks.
    RecipeError
        A setting is impossible.
    StreamError
        ``repair_from`` names no model file.
    """
    if settings.repair_from:
        return named_repairer(settings.repair_from)[0], 0
    if not settings.repair_faithful_steps:
        return None, 0
    from hsigan.codec.klt_context_samples import training_cases
    from hsigan.training.component_repair import RepairConfig

    values = {
        key.removeprefix(PREFIX): value
        for key, value in settings.model_dump().items()
        if key.startswith(PREFIX) and key != "repair_from"
    }
    config = build_config(RepairConfig, values)
    seed = 0 if training is None else training.seed
    cases = training_cases(scenes, np.random.default_rng(seed))
    return fit_repairer(cases, entropy, config, _later(training, settings.steps))


def named_repairer(path: str) -> tuple[Repairer, list[str]]:
    """Return the repairing networks of a model file, and the scenes that it was trained on.

    Raises
    ------
    InputError
        It has none.
    StreamError
        It is no model file.
    """
    arrays, facts, _ = load_model(path)
    found = Repairer.from_arrays(arrays)
    if found is None:
        raise InputError(f"the model {path} has no repairing networks.")
    return found, [*facts.get("trained_on", ()), *facts.get("companions", ())]


def fit_repairer(
    cases: Sequence[Case],
    entropy: EntropyModel,
    config: RepairConfig,
    training: Training | None = None,
    draws: tuple[int, int] = (6, 2),
) -> tuple[Repairer, int]:
    """Train the networks of both decoders; return them, and the steps that they have had.

    Interrupted, the networks are those of the last step, and the realistic one may be missing; in
    a run folder both continue where they stood.

    Parameters
    ----------
    cases
        Scenes of any sensors.
    entropy
        What codes them.
    config
        Settings of the networks and of their training.
    training
        Whom to tell how far it is, and the seed.
    draws
        At how many coarse steps and at how many fine ones each case is coded.

    Raises
    ------
    InputError
        There is nothing to repair in any case.
    DivergedError
        A loss is not finite.
    """
    import torch

    from hsigan.models.component_repair import ComponentRepair
    from hsigan.training.component_repair import train_faithful, train_realistic

    seed = 0 if training is None else training.seed
    report = None if training is None else training.report
    random = np.random.default_rng(seed)
    examples = []
    for case in cases:
        steps = [_spread(_COARSE, draws[0], random), _spread(_FINE, draws[1], random)]
        examples += _examples(case, entropy, np.concatenate(steps), config.components)
    if not examples:
        raise InputError("the scenes are too flat to learn from what a quantiser takes from them.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        faithful = ComponentRepair(config.width, config.layers)
        state = train_faithful(
            examples, faithful, config, seed, _stage(training, "faithful"), report
        )
        if state.interrupted or not config.realistic_steps:
            return Repairer(faithful), state.step
        later = _later(training, state.step)
        report = None if later is None else later.report
        realistic, last = train_realistic(
            examples, faithful, config, seed, _stage(training, "realistic"), report
        )
    return Repairer(faithful, realistic), state.step + last.step


def _stage(training: Training | None, name: str) -> RunFolder | None:
    """Return the folder of one network's training inside a run folder."""
    if training is None or training.run is None:
        return None
    from hsigan.training.run_folder import RunFolder

    stage = RunFolder(training.run.path / f"repair-{name}")
    stage.path.mkdir(exist_ok=True)
    return stage


def _later(training: Training | None, steps: int) -> Training | None:
    """Return a training whose reports count the steps that were done before."""
    if training is None or training.report is None:
        return training
    tell = training.report
    return replace(training, report=lambda step, values: tell(steps + step, values))


def _spread(
    limits: tuple[float, float], count: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """Return one random number of each of so many parts of a range, on a logarithmic scale."""
    low, high = np.log(limits)
    places = (np.arange(count) + random.uniform(size=count)) / max(1, count)
    return np.asarray(np.exp(low + places * (high - low)))


def _examples(
    case: Case, entropy: EntropyModel, steps: NDArray[np.float64], components: int
) -> list[RepairExample]:
    """Return the case coded at each step, a multiple of the leading deviation."""
    import torch

    from hsigan.training.repair_examples import make_example

    examples = []
    for step in steps * np.sqrt(component_variances(case.basis.variances)[0]):
        basis = case.basis_at(step)
        scaled = leading_coefficients(case.values, basis, step)
        if not len(scaled):
            continue
        decoded = _decoded(scaled, basis, entropy, float(step))
        original = torch.from_numpy(spatial_transform.inverse(scaled))
        planes = torch.from_numpy(spatial_transform.inverse(decoded))
        deviations = np.sqrt(component_variances(basis.variances)[: len(scaled)])
        ratios = torch.from_numpy(np.log(deviations / step).astype(np.float32))
        example = make_example(original, planes, ratios, components)
        examples += [] if example is None else [example]
    return examples


def _decoded(
    scaled: NDArray[np.float32], basis: SharedBasis, entropy: EntropyModel, step: float
) -> NDArray[np.float32]:
    def variances(places: list[spatial_transform.Subband], count: int) -> NDArray[np.float64]:
        return band_variances(basis.variances, places, count, step)

    shape = (scaled.shape[1], scaled.shape[2])
    places = spatial_transform.subbands(*shape)
    payload = encode_coefficients(scaled, variances(places, len(scaled)), entropy)
    return decode_coefficients(payload, shape, variances, entropy, len(basis.mean))
