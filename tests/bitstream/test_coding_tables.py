"""Laws of the tables: integers that are the same everywhere and lose next to nothing."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import stats

from hsigan.bitstream.groups import LONGEST_RUN, other_frequencies, run_frequencies
from hsigan.bitstream.tables import SCALES, CodingTables, gaussian_tables, laplacian_tables
from hsigan.errors import InputError, StreamError

from .strategies import table_sets


@settings(deadline=None, max_examples=30)
@given(table_sets())
def test_tables_are_integers_that_come_back_from_their_arrays(tables: CodingTables) -> None:
    again = CodingTables.from_arrays(tables.to_arrays())
    np.testing.assert_array_equal(again.offsets, tables.offsets)
    for one, other in zip(again.frequencies, tables.frequencies, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.min() >= 1
        assert one.sum(dtype=np.int64) == 2**24


def test_gaussian_tables_lose_less_than_a_thousandth_against_the_exact_distribution() -> None:
    tables = gaussian_tables()
    for table, scale in enumerate(SCALES):
        numbers = np.arange(len(tables.frequencies[table]) - 1) + tables.offsets[table]
        exact = stats.norm(scale=scale)
        chances = exact.cdf(numbers + 0.5) - exact.cdf(numbers - 0.5)
        entropy = -(chances * np.log2(np.maximum(chances, 1e-300))).sum()
        coded = (chances * tables.bits[table][:-1]).sum()
        assert abs(coded - entropy) <= 1e-3 * entropy + 1e-6


def test_laplacian_tables_have_the_laplacian_chances() -> None:
    scales = np.array([0.05, 0.4, 3.0, 200.0])
    tables = laplacian_tables(scales)
    for table, scale in enumerate(scales):
        numbers = np.arange(len(tables.frequencies[table]) - 1) + tables.offsets[table]
        exact = stats.laplace(scale=scale)
        chances = exact.cdf(numbers + 0.5) - exact.cdf(numbers - 0.5)
        frequencies = tables.frequencies[table][:-1] / 2**24
        np.testing.assert_allclose(frequencies, chances, rtol=0, atol=1e-3 * chances.max())


def test_the_usual_tables_are_the_same_on_every_machine() -> None:
    """They are made anew wherever they are used: another hash would orphan every stream."""
    frequencies = np.concatenate(gaussian_tables().frequencies).astype("<u4").tobytes()
    assert hashlib.sha256(frequencies).hexdigest() == (
        "f095b56a1a8bb66e2bfc86128dbc01214cbea9108a4d4bec31ea935596f1de0d"
    )
    scales = np.array([0.1, 0.5, 2.5, 40.0])
    frequencies = np.concatenate(laplacian_tables(scales).frequencies).astype("<u4").tobytes()
    assert hashlib.sha256(frequencies).hexdigest() == (
        "c02cc6bfe7892f9887b19a4c97ed55e7cec554ac83c9112b691049ae44a463bd"
    )


@pytest.mark.parametrize("rest", [1, 2, 17, 1000, 2**16, 2**16 + 1, 2**19, 2**20])
def test_runs_have_the_chances_of_their_lengths(rest: int) -> None:
    usual, run = 2**24 - rest, min(LONGEST_RUN, 2**26 // rest)
    frequencies = run_frequencies(usual, run)
    chance = usual / 2**24
    exact = np.append(chance ** np.arange(run) * (1 - chance), chance**run)
    assert frequencies.sum(dtype=np.int64) == 2**24
    np.testing.assert_allclose(frequencies, exact * 2**24, atol=1.01)


def test_other_symbols_keep_their_ratios() -> None:
    others = np.array([1, 5, 100, 9000, 1], np.int64)
    frequencies = other_frequencies(others)
    assert frequencies.sum(dtype=np.int64) == 2**24
    np.testing.assert_allclose(frequencies, others * 2**24 / others.sum(), atol=1)


@pytest.mark.parametrize(
    "probabilities",
    [[], [[0.5]], [-0.1, 0.5], [np.nan], [np.inf], [0.7, 0.7], np.full(2**16 + 1, 1e-9)],
)
def test_what_is_no_distribution_is_refused(probabilities: object) -> None:
    with pytest.raises(InputError, match="probabilities must"):
        CodingTables.from_probabilities([np.array(probabilities, float)], np.zeros(1, np.int32))


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, 1e6])
def test_a_scale_out_of_range_is_refused(scale: float) -> None:
    with pytest.raises(InputError, match="a scale must be above 0"):
        gaussian_tables(np.array([scale]))
    with pytest.raises(InputError, match="a scale must be above 0"):
        laplacian_tables(np.array([scale]))


ARRAYS = gaussian_tables(SCALES[:3]).to_arrays()


@pytest.mark.parametrize(
    "change",
    [
        {"lengths": np.array([6, 6], np.int32)},
        {"lengths": np.array([18], np.int32)},
        {"lengths": np.array([], np.int32)},
        {"offsets": ARRAYS["offsets"].astype(np.int64)},
        {"offsets": np.full(3, 2**31 - 1, np.int32)},
        {"frequencies": ARRAYS["frequencies"] * 2},
        {"frequencies": ARRAYS["frequencies"].astype(np.float32)},
        {"frequencies": np.where(ARRAYS["frequencies"] == 1, 0, ARRAYS["frequencies"])},
        {"frequencies": None},
    ],
)
def test_damaged_arrays_are_refused(change: dict[str, np.ndarray]) -> None:
    with pytest.raises(StreamError, match="coding tables"):
        CodingTables.from_arrays({**ARRAYS, **change})
    with pytest.raises(StreamError, match="coding tables"):
        CodingTables.from_arrays({})
