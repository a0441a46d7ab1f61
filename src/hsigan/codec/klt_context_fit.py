"""Training codec klt-context: the basis, samples of symbols, the entropy model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from hsigan.bitstream.tables import CodingTables
from hsigan.codec.klt_context_model import EntropyModel, SharedBasis
from hsigan.codec.klt_context_samples import collect_sample, learn_basis, training_cases
from hsigan.codec.model_file import load_model, model_content
from hsigan.files import whole_file
from hsigan.scene.describe import scene_digest
from hsigan.training.context_network import ContextSample, mean_excess, train_context_network

if TYPE_CHECKING:
    from hsigan.codec.fitting import Training
    from hsigan.codec.klt_context import KltContextConfig

KEPT = "contexts.safetensors"
"""File of a run folder: basis and entropy model, from when they are trained."""

Report = Callable[[int, float], None]


def _silent(step: int, bits: float) -> None:
    """Report nothing."""


def obtain_model(
    scenes: Sequence[xr.Dataset],
    companions: Sequence[xr.Dataset],
    config: KltContextConfig,
    training: Training | None,
) -> tuple[SharedBasis, EntropyModel]:
    """Return `fit_model`'s, or what an interrupted training has kept of it in its run folder."""
    if training is None or training.run is None:
        return fit_model(scenes, companions, config, training)
    digests = "".join(scene_digest(scene) for scene in [*scenes, *companions])
    training.run.check_pixels(hashlib.sha256(digests.encode()).hexdigest())
    kept = training.run.path / KEPT
    if kept.is_file():
        arrays = load_model(kept)[0]
        basis = SharedBasis(arrays["mean"], arrays["axes"], arrays["variances"])
        return basis, EntropyModel.from_arrays(arrays)
    basis, entropy = fit_model(scenes, companions, config, training)
    with whole_file(kept) as temporary:
        facts = {"codec": config.codec}
        temporary.write_bytes(model_content({**basis.to_arrays(), **entropy.to_arrays()}, facts))
    return basis, entropy


def fit_model(
    scenes: Sequence[xr.Dataset],
    companions: Sequence[xr.Dataset],
    config: KltContextConfig,
    training: Training | None,
) -> tuple[SharedBasis, EntropyModel]:
    """Return the basis of the scenes, and the entropy model of them and their companions."""
    seed = 0 if training is None else training.seed
    random = np.random.default_rng(seed)
    cases = training_cases([*scenes, *companions], random)

    def report(step: int, bits: float) -> None:
        if training is not None and training.run is not None:
            training.run.log({"step": step, "bits_per_symbol": bits})
        if training is not None and training.report is not None:
            training.report(step, {"bits": bits})

    # The trellis needs costs of symbols before there are any: those of plain quantisation.
    first = _entropy_model(collect_sample(cases, random, 1), config, config.steps // 4, seed)
    sample = collect_sample(cases, random, config.draws, first)
    return learn_basis(scenes), _entropy_model(sample, config, config.steps, seed, report)


def _entropy_model(
    sample: ContextSample, config: KltContextConfig, steps: int, seed: int, report: Report = _silent
) -> EntropyModel:
    network, probabilities = train_context_network(
        sample, steps, config.batch, config.learning_rate, seed, report
    )
    offsets = np.array([-(len(row) // 2) for row in probabilities], np.int32)
    tables = CodingTables.from_probabilities(probabilities, offsets)
    return EntropyModel(network, tables, mean_excess(network, sample))
