"""Scenes to files and back: rates are held on the bytes of the file, quality on its pixels."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import xarray as xr

from hsigan.codec.basis import axes_of
from hsigan.codec.decode import decompress_scene
from hsigan.codec.encode import Coded, Progress, SceneCoding
from hsigan.codec.inspect import inspect_file, verify_file
from hsigan.codec.interface import Codec, SceneSurvey
from hsigan.codec.rate import (
    DEFAULT_PSNR_DB,
    OutOfReachError,
    StepTooSmallError,
    Target,
    find_step,
)
from hsigan.codec.survey import survey_scene
from hsigan.codec.tiles import one_blas_thread
from hsigan.errors import InputError

__all__ = [
    "Compressed",
    "Target",
    "compress_scene",
    "decompress_scene",
    "inspect_file",
    "verify_file",
]

_RATE_TOLERANCE, _PSNR_TOLERANCE_DB = 0.002, 0.005
_LARGE_RATE_TOLERANCE, _LARGE_PSNR_TOLERANCE_DB = 0.03, 0.2
_MOST_PASSES = 6
_RATE_SHARE = 1.4
"""Steps of codecs are about so much coarser than the formula has them."""
_HALVINGS = 24


@dataclass(frozen=True)
class Compressed:
    """What was written.

    Attributes
    ----------
    path, bytes
        The file and its size.
    bpp, bpppc
        Bits per pixel (all bands together), and per sample: of all bytes of the file.
    ratio, source_bits
        How many times smaller than samples of ``source_bits`` bits each.
    psnr_db, peak
        Over all valid samples of the decoded scene; infinite where none differs.
    step, side_bytes
        The quantiser's step that was chosen, and the bytes that it took to describe the transform.
    seconds
        Of the whole, the search included.
    """

    path: Path
    bytes: int
    bpp: float
    bpppc: float
    ratio: float
    source_bits: int
    psnr_db: float
    peak: float
    step: float
    side_bytes: int
    seconds: float


def compress_scene(
    scene: xr.Dataset,
    path: str | Path,
    codec: Codec,
    target: Target | None = None,
    *,
    embed_model: bool = False,
    threads: int = 1,
    progress: Progress | None = None,
) -> Compressed:
    """Compress a scene into a file.

    A rate is held by the bytes of the file, as nearly below as the codec allows; a PSNR by the
    pixels that are decoded, as nearly above. Scenes of up to four million samples are encoded as a
    whole at every step of the search; of larger ones the search looks at pieces, and corrects
    itself by what the whole then came to. Labels are not kept.

    Parameters
    ----------
    scene : its values may lie on disk; then rows of tiles are read as they are needed
    path : where to; written whole or not at all
    codec : see `hsigan.codec.zoo.open_codec`
    target : 50 dB by default; a codec of a fixed rate takes none
    embed_model : whether the codec's model goes into the file
    threads : how many tiles are worked on at a time; the bytes do not depend on it
    progress : called after each tile

    Raises
    ------
    InputError
        The scene is nothing for this codec, or the target is out of its reach.
    """
    started = time.perf_counter()
    with one_blas_thread():
        survey = survey_scene(scene)
        coding = SceneCoding(scene, survey, codec, embed_model, threads)
        coded = _coded(coding, target, progress)
    coding.write(coded, Path(path))
    size = Path(path).stat().st_size
    pixels = survey.height * survey.width
    source_bits = 8 * scene["values"].dtype.itemsize
    return Compressed(
        path=Path(path),
        bytes=size,
        bpp=8 * size / pixels,
        bpppc=8 * size / (pixels * survey.bands),
        ratio=source_bits * pixels * survey.bands / (8 * size),
        source_bits=source_bits,
        psnr_db=coded.psnr_db(survey.peak),
        peak=survey.peak,
        step=coded.step,
        side_bytes=len(coded.side),
        seconds=time.perf_counter() - started,
    )


def _coded(coding: SceneCoding, target: Target | None, progress: Progress | None) -> Coded:
    if not coding.codec.adjustable:
        if target is not None and target.step is None:
            raise InputError(
                f"codec {coding.codec.name} has one rate: leave out --psnr, --bpp and --bpppc, or "
                "name another codec."
            )
        return coding.encode(1.0, progress=progress)
    target = target or Target(psnr_db=DEFAULT_PSNR_DB)
    if target.step is not None:
        return coding.encode(target.step, progress=progress)
    search = _Search(coding, target)
    return search.small(progress) if coding.is_small else search.large(progress)


class _Search:
    """The search for the step of one scene and target."""

    def __init__(self, coding: SceneCoding, target: Target) -> None:
        self._coding, self._target = coding, target
        survey = coding.survey
        self._most_bytes = target.most_bytes(survey.height, survey.width, survey.bands)
        self._is_rate = self._most_bytes is not None

    def small(self, progress: Progress | None) -> Coded:
        """Search by encoding the whole scene at every step."""
        tolerance = _RATE_TOLERANCE if self._is_rate else _PSNR_TOLERANCE_DB
        held: dict[float, Coded] = {}

        def excess(step: float) -> float:
            coded = self._coding.encode(step, measure=not self._is_rate, progress=progress)
            came_to = self._excess(coded)
            if came_to <= 0:  # whatever holds the target later replaces it
                held.clear()
                held[step] = coded
            return came_to

        found = held[self._found(excess, tolerance)]
        return self._coding.complete(found, progress) if self._is_rate else found

    def large(self, progress: Progress | None) -> Coded:
        """Search on pieces, encode the whole, and correct the step until the target is held."""
        coding = self._coding
        sample = coding.sample()
        if not any(piece.valid for piece in sample):
            return self.small(progress)
        survey = coding.survey
        samples = survey.height * survey.width * survey.bands
        share = sum(piece.values.size for piece in sample) / samples
        bias = 0.0
        tolerance = _LARGE_RATE_TOLERANCE if self._is_rate else _LARGE_PSNR_TOLERANCE_DB
        best: Coded | None = None
        for _ in range(_MOST_PASSES):

            def excess(step: float, bias: float = bias) -> float:
                coded = coding.encode_sample(sample, step, measure=not self._is_rate)
                return self._excess(coded, share) + bias

            try:
                step = self._found(excess, tolerance / 4)
            except InputError:
                if best is not None and self._excess(best) <= 0:
                    break  # what a pass before came to holds the target
                raise
            coded = coding.encode(step, measure=not self._is_rate, progress=progress)
            came_to = self._excess(coded)
            best = coded if best is None or self._is_better(coded, best) else best
            if -tolerance <= came_to <= 0 or came_to == -math.inf:
                break
            expected = excess(step) - bias
            if not math.isfinite(expected):  # pieces without loss tell nothing of the others
                return self.small(progress)
            bias = came_to - expected + tolerance / 4
        if best is None or self._excess(best) > 0:
            raise InputError(f"{self._words()} could not be held: ask for a little less.")
        return coding.complete(best, progress) if self._is_rate else best

    def _is_better(self, coded: Coded, best: Coded) -> bool:
        """Prefer what holds the target, then what is nearer to it."""
        excess, other = self._excess(coded), self._excess(best)
        return (excess > 0, abs(excess)) < (other > 0, abs(other))

    def _excess(self, coded: Coded, share: float | None = None) -> float:
        """Return what the target is exceeded by; of pieces, their share of the scene is given."""
        if self._most_bytes is not None:
            size: float = self._coding.size(coded) if share is None else _scaled(coded, share)
            return math.log(size / self._most_bytes)
        return float(self._target.psnr_db or 0.0) - coded.psnr_db(self._coding.survey.peak)

    def _found(self, excess: Callable[[float], float], tolerance: float) -> float:
        @cache
        def reached(step: float) -> float:
            try:
                return excess(step)
            except StepTooSmallError:
                return math.inf

        smallest, largest = self._coding.step_limits
        start = min(max(_start(self._coding.survey, self._target), smallest), largest)
        while reached(start) == math.inf and start < largest:
            start = min(2 * start, largest)
        if not (self._is_rate or self._coding.survey.usable.any()):
            largest = start  # without variance all steps are alike
        limits = (smallest, largest)
        try:
            return find_step(reached, start, not self._is_rate, tolerance, limits=limits).step
        except OutOfReachError as error:
            raise InputError(
                f"{self._words()} is out of the reach of codec {self._coding.codec.name} on this "
                "scene: ask for more bits or for less quality."
            ) from error

    def _words(self) -> str:
        target = self._target
        if target.psnr_db is not None:
            return f"a PSNR of {target.psnr_db:g} dB"
        return f"{target.bpp:g} bpp" if target.bpp is not None else f"{target.bpppc:g} bpppc"


def _scaled(coded: Coded, share: float) -> float:
    """Return about how large the file would be whose pieces have been encoded."""
    return len(coded.side) + coded.payload_bytes / share


def _start(survey: SceneSurvey, target: Target) -> float:
    """Return a step to begin with: by reverse water-filling of the scene's components.

    Rates of white Gaussian components are near those of the transform codecs, within a factor.
    """
    variances = axes_of(survey)[0]
    if not (variances.max(initial=0.0) > 0 and survey.peak):
        return 1.0

    def is_fine_enough(step: float) -> bool:
        if target.psnr_db is not None:
            error = np.minimum(variances, step**2 / 12.0).sum() / survey.bands
            return bool(error <= survey.peak**2 * 10 ** (-target.psnr_db / 10))
        bits = target.bpp or float(target.bpppc or 0.0) * survey.bands
        return bool(0.5 * np.log2(1.0 + variances / (step / _RATE_SHARE) ** 2).sum() >= bits)

    largest = math.sqrt(float(variances.max()))
    fine, coarse = 1e-9 * largest, 1e3 * largest
    for _ in range(_HALVINGS):
        middle = math.sqrt(fine * coarse)
        fine, coarse = (middle, coarse) if is_fine_enough(middle) else (fine, middle)
    return fine
