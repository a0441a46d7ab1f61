"""100,000 damaged files: each is refused with a StreamError, or gives the right pixels.

Command: ``OMP_NUM_THREADS=1 python benchmarks/fuzz_files.py [-n 100000] [-o FILE.json]``

Small scenes (int16 with nodata, float32 with NaN) are compressed by every codec that needs no
model, and by klt-context with a model in the file. Copies are cut short, get flipped bits, other
bytes, insertions, deletions, pieces of each other, or are random. Half of them then get a right
checksum again, as somebody would who wants to do harm: these may give other pixels, but nothing
else may happen. What ends the process, takes more than 10 seconds or more than 2 GiB beyond the
start, or raises anything but a StreamError, is a failure; its file is kept, and the exit status
is 1.
"""

from __future__ import annotations

import argparse
import json
import resource
import signal
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import xarray as xr

from hsigan.codec.klt_context import KltContextCodec, KltContextConfig
from hsigan.codec.scene_file import Target, compress_scene, decompress_scene
from hsigan.codec.zoo import CODECS, open_codec
from hsigan.environment import describe_environment
from hsigan.errors import InputError, StreamError
from hsigan.scene import make_scene

SECONDS, MORE_MEMORY = 10, 2 * 2**30
BATCH = 500
CODEC_NAMES = [name for name, entry in CODECS.items() if not entry.needs_model]


def scenes() -> list[xr.Dataset]:
    """Return two small scenes: smooth, with noise, and with samples that are no numbers."""
    random = np.random.default_rng(0)
    rows, columns, bands = np.mgrid[:40, :50, :12]
    smooth = 2000 + 900 * np.sin(rows / 9 + bands / 5) + 500 * np.cos(columns / 7)
    noisy = smooth + random.normal(0, 10, smooth.shape)
    counts, reals = noisy.astype(np.int16), noisy.astype(np.float32)
    counts[:5, :9] = -9999
    reals[3, 4, 5], reals[:, :6, 2] = np.nan, np.inf
    wavelengths = 400 + 10.25 * np.arange(12)
    return [
        make_scene(counts, nodata=-9999, wavelengths_nm=wavelengths),
        make_scene(reals, wavelengths_nm=wavelengths),
    ]


def compressed_files() -> list[bytes]:
    """Return a file of each scene by each codec."""
    contents = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.hsc"
        for scene in scenes():
            for codec in [*map(open_codec, CODEC_NAMES), trained_on_half(scene)]:
                compress_scene(scene, path, codec, Target(psnr_db=40), embed_model=True)
                contents.append(path.read_bytes())
    return contents


def trained_on_half(scene: xr.Dataset) -> KltContextCodec:
    """Return klt-context with the axes of another ground, so that its files turn them."""
    half = scene.isel(y=slice(0, scene.sizes["y"] // 2))
    return KltContextCodec().fit([half], KltContextConfig(steps=60, batch=256, draws=1))


def damaged(random: np.random.Generator, files: list[bytes]) -> tuple[bytes, int, str]:
    """Return a damaged file, of which file, and how it was damaged."""
    source = int(random.integers(len(files)))
    data = bytearray(files[source])
    place, other = int(random.integers(len(data))), files[int(random.integers(len(files)))]
    kinds = ["cut", "bits", "bytes", "insert", "delete", "splice", "random"]
    kind = kinds[int(random.integers(len(kinds)))]
    if kind == "cut":
        del data[place:]
    elif kind == "bits":
        for _ in range(int(random.integers(1, 4))):
            data[int(random.integers(len(data)))] ^= 1 << int(random.integers(8))
    elif kind == "bytes":
        for spot in random.integers(0, len(data), int(random.integers(1, 9))):
            data[spot] = int(random.integers(256))
    elif kind == "insert":
        data[place:place] = random.bytes(int(random.integers(1, 20)))
    elif kind == "delete":
        del data[place : place + int(random.integers(1, 20))]
    elif kind == "splice":
        data[place:] = other[int(random.integers(len(other))) :]
    else:
        data[int(random.integers(20)) :] = random.bytes(int(random.integers(300)))
    if random.integers(2) and len(data) > 4:
        data[-4:] = zlib.crc32(data[:-4]).to_bytes(4, "little")
        kind += ", right checksum"
    return bytes(data), source, kind


def judge(data: bytes, right: xr.Dataset, may_differ: bool) -> str:
    """Return what reading a file led to: "refused", "same", "other" or a failure."""
    signal.alarm(SECONDS)
    try:
        scene = decompress_scene(data)
    except StreamError:
        return "refused"
    except InputError as error:  # a file that says it is large, and could be
        return "refused" if "memory" in str(error) else f"failure: {error}"
    except Exception as error:
        return f"failure: {type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
    if np.array_equal(scene["values"], right["values"], equal_nan=True):
        return "same"
    return "other" if may_differ else "failure: other pixels"


def _too_long(*_: object) -> None:
    raise TimeoutError(f"more than {SECONDS} seconds")


def run_batch(files: list[bytes], seed: int, kept: Path) -> Counter[tuple[str, str]]:
    """Judge `BATCH` damaged files; the one at work lies in ``kept``, should the process end."""
    signal.signal(signal.SIGALRM, _too_long)
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = used * resource.getpagesize() + MORE_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
    random = np.random.default_rng(seed)
    right = [decompress_scene(data) for data in files]
    outcomes: Counter[tuple[str, str]] = Counter()
    for number in range(BATCH):
        data, source, kind = damaged(random, files)
        (kept / "at-work.hsc").write_bytes(data)
        outcome = judge(data, right[source], kind.endswith("checksum"))
        outcomes[kind, outcome] += 1
        if outcome.startswith("failure"):
            (kept / f"failure-{seed}-{number}.hsc").write_bytes(data)
    return outcomes


def all_batches(count: int, kept: Path) -> Iterator[Counter[tuple[str, str]]]:
    """Yield what each batch came to; a process that ended is a failure of its own."""
    files, context = compressed_files(), get_context("spawn")
    pool = ProcessPoolExecutor(1, mp_context=context)
    for seed in range(-(-count // BATCH)):
        try:
            yield pool.submit(run_batch, files, seed, kept).result()
        except BrokenProcessPool:
            (kept / "at-work.hsc").rename(kept / f"crash-{seed}.hsc")
            pool = ProcessPoolExecutor(1, mp_context=context)
            yield Counter({("process", "failure: it ended"): 1})
    pool.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--count", type=int, default=100_000)
    parser.add_argument("-o", "--out", type=Path, help="write the figures as JSON")
    parser.add_argument("--keep", type=Path, help="folder for files that fail")
    arguments = parser.parse_args()
    kept = arguments.keep or Path(tempfile.mkdtemp(prefix="fuzz-"))
    kept.mkdir(parents=True, exist_ok=True)
    outcomes: Counter[tuple[str, str]] = Counter()
    start = time.perf_counter()
    for batch in all_batches(arguments.count, kept):
        outcomes += batch
        print(f"\r{outcomes.total()} files", end="", file=sys.stderr, flush=True)
    seconds = time.perf_counter() - start
    print(file=sys.stderr)
    for (kind, outcome), number in sorted(outcomes.items()):
        print(f"{kind:24} {outcome:50} {number:7}")
    failures = sum(number for (_, outcome), number in outcomes.items() if "failure" in outcome)
    print(f"{outcomes.total()} files in {seconds:.0f} s, {failures} failures (kept in {kept})")
    if arguments.out:
        rows = [[kind, outcome, number] for (kind, outcome), number in sorted(outcomes.items())]
        record = {
            "codecs": [*CODEC_NAMES, "klt-context"],
            "files": outcomes.total(),
            "failures": failures,
        }
        record |= {"outcomes": rows, "seconds": round(seconds), **describe_environment()}
        arguments.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    raise SystemExit(failures > 0)


if __name__ == "__main__":
    main()
