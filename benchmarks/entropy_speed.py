"""How fast symbols become bytes and come back, and how near the bytes are to the information.

Command: ``OMP_NUM_THREADS=1 python benchmarks/entropy_speed.py [-o FILE.json]``

64 Gaussian tables (HiFiC's scales, 0.11 to 256), one core. How often each table is used decides:

- "even": each of the 64 tables as often, some 4.6 bits per symbol;
- "latents": scales that get rarer as they grow, as the latents of a codec have them;
- "sparse": most symbols nearly certain, as at low rates.

Seconds are of processor time of this process, the best of several turns; all that belongs to
encoding and decoding is in them: grouping, runs, escapes, checks.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hsigan.bitstream.coder import SymbolDecoder, SymbolEncoder
from hsigan.bitstream.tables import SCALES, gaussian_tables
from hsigan.environment import describe_environment

TABLES = gaussian_tables()
RATES = {"even": 0.0, "latents": 0.06, "sparse": 0.25}
"""By how much the logarithm of a table's frequency falls from each table to the next."""


@dataclass(frozen=True)
class Speed:
    """What one case measured."""

    case: str
    symbols: int
    bits_per_symbol: float
    encode_million_per_s: float
    decode_million_per_s: float
    bytes_to_information: float


def draw(case: str, count: int, seed: int) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Return symbols (N,) and indexes (N,)."""
    random = np.random.default_rng(seed)
    weights = np.exp(-RATES[case] * np.arange(64))
    indexes = random.choice(64, count, p=weights / weights.sum()).astype(np.uint8)
    values = random.normal(size=count) * SCALES[indexes]
    return np.round(values).astype(np.int32), indexes


def best_seconds(work: Callable[[], object], turns: int) -> float:
    seconds = []
    for _ in range(turns):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def measure(case: str, count: int, turns: int, seed: int) -> Speed:
    symbols, indexes = draw(case, count, seed)

    def encode() -> bytes:
        encoder = SymbolEncoder()
        encoder.encode(symbols, indexes, TABLES)
        return encoder.finish()

    payload = encode()

    def decode() -> NDArray[np.int32]:
        decoder = SymbolDecoder(payload)
        decoded = decoder.decode(indexes, TABLES)
        decoder.finish()
        return decoded

    if not np.array_equal(decode(), symbols):
        raise SystemExit(f"{case}: the decoded symbols are others")
    information = TABLES.information_bits(symbols, indexes)
    return Speed(
        case,
        count,
        information / count,
        count / best_seconds(encode, turns) / 1e6,
        count / best_seconds(decode, turns) / 1e6,
        8 * len(payload) / information,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, help="write the figures as JSON")
    parser.add_argument("--symbols", type=int, default=4_000_000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    environment = describe_environment()
    print(f"{environment['machine']['processor']}, one core, {arguments.symbols} symbols")
    heads = ("bit/symbol", "encode M/s", "decode M/s", "to information")
    print(f"{'case':8}", *(f"{head:>14}" for head in heads))
    speeds = []
    for case in RATES:
        speed = measure(case, arguments.symbols, arguments.turns, arguments.seed)
        speeds.append(speed)
        print(
            f"{case:8} {speed.bits_per_symbol:14.4f} {speed.encode_million_per_s:14.1f} "
            f"{speed.decode_million_per_s:14.1f} {speed.bytes_to_information:14.5f}"
        )
    if arguments.out:
        options = {"turns": arguments.turns, "seed": arguments.seed}
        record = {"options": options, "speeds": [asdict(s) for s in speeds], **environment}
        arguments.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
