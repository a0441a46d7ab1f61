"""Training codec klt-context: the basis, samples of symbols, the entropy model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hsigan.bitstream.tables import CodingTables
from hsigan.codec.klt_context_samples import (
    SharedBasis,
    collect_sample,
    learn_basis,
    training_cases,
)
from hsigan.codec.klt_context_tile import EntropyModel
from hsigan.training.context_network import TABLES, train_context_network

if TYPE_CHECKING:
    from hsigan.codec.fitting import Training
    from hsigan.codec.klt_context import KltContextConfig


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
    sample = collect_sample(cases, random, config.draws)

    def report(step: int, bits: float) -> None:
        if training is not None and training.run is not None:
            training.run.log({"step": step, "bits_per_symbol": bits})
        if training is not None and training.report is not None:
            training.report(step, {"bits": bits})

    network, probabilities = train_context_network(
        sample, config.steps, config.batch, config.learning_rate, seed, report
    )
    offsets = np.array([-(len(row) // 2) for row in probabilities], np.int32)
    tables = CodingTables.from_probabilities(probabilities, offsets)
    shrinkage: NDArray[np.float32] = np.zeros((TABLES, 3), np.float32)
    return learn_basis(scenes), EntropyModel(network, tables, shrinkage)
