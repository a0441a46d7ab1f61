"""One point of a rate-distortion curve: encoded to a file, decoded, judged, as records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from hsigan.bitstream.container import ChunkKind, ContainerReader
from hsigan.bitstream.varint import ByteReader
from hsigan.codec.codestream import header_bytes
from hsigan.codec.interface import Codec
from hsigan.codec.scene_file import Target, compress_scene, decompress_scene
from hsigan.codec.tiles import places
from hsigan.evaluation.compression_codecs import JudgedCodec
from hsigan.evaluation.compression_cost import Cost, measured
from hsigan.evaluation.compression_judge import UNITS, Figures, SceneJudge
from hsigan.evaluation.results import Record

EXPERIMENT = "compression"
IMPOSSIBLE = "impossible"
"""The metric, always 1, of a rate that a codec cannot reach."""
FIXED, ELSEWHERE = "fixed rate", "coded elsewhere"
"""Units of points without a target: of codecs of one rate, and of files of other programs."""
_UNITS = {
    **UNITS,
    "bytes": "bytes",
    "bpp": "bits",
    "bpppc": "bits",
    "source_bits": "bits",
    "empty_bytes": "bytes",
    "header_bytes": "bytes",
    "encode_seconds": "s",
    "decode_seconds": "s",
    "encode_speed": "MB/s",
    "decode_speed": "MB/s",
    "encode_memory": "MiB",
    "decode_memory": "MiB",
}


@dataclass(frozen=True)
class Place:
    """Where a point stands: the scene, the unit of its target, and the target.

    The unit is "bpp" or "bpppc", or `FIXED` with the number of the model or nothing in the place of
    a target, or `ELSEWHERE` with the file's bytes.
    """

    scene: str
    unit: str
    rate: float | None

    @property
    def split(self) -> str:
        """What records say of the protocol: held out by scene, and the unit of the target."""
        return split_of(self.unit)

    @property
    def title(self) -> str:
        """The target in words that may stand in the name of a file."""
        return self.unit if self.rate is None else f"{self.unit} {self.rate:.10g}"


def split_of(unit: str) -> str:
    """Return the ``split`` of records whose targets are in this unit."""
    return f"by scene, {unit}"


@dataclass(frozen=True)
class Decoded:
    """A scene as one decoder gave it back, with its bytes and costs."""

    method: str
    scene: xr.Dataset
    figures: Figures


@dataclass(frozen=True)
class CodecPoint:
    """A file that one of our codecs writes and reads."""

    codec: JudgedCodec
    place: Place

    @property
    def methods(self) -> list[str]:
        """How records name what comes of it."""
        return self.codec.methods

    def versions(self, scene: xr.Dataset, folder: Path) -> Iterator[Decoded]:
        """Write the file below the folder, and yield what each decoder makes of it.

        Raises
        ------
        InputError
            The codec cannot encode this scene at this rate.
        """
        path = folder / "streams" / self.codec.label / f"{self.place.scene} {self.place.title}.hsc"
        path.parent.mkdir(parents=True, exist_ok=True)
        target = (
            Target(step=1.0)
            if self.place.unit == FIXED
            else Target(**{self.place.unit: self.place.rate})
        )
        with measured() as encoding:
            told = compress_scene(scene, path, self.codec.codec, target)
        known = rate_figures(scene, told.bytes) | {"step": told.step}
        known |= stream_figures(path, self.codec.codec)
        for decoder in self.codec.decoders:
            with measured() as decoding:
                decoded = decompress_scene(path, self.codec.codec, decoder=decoder)
            costs = _cost_figures(encoding, decoding, scene["values"].nbytes / 1e6)
            yield Decoded(self.codec.method(decoder), decoded, known | costs)


@dataclass(frozen=True)
class ForeignPoint:
    """What somebody else's codec made of a held-out scene, and the size of its file."""

    method: str
    scene: str
    size_bytes: int
    open: Callable[[], xr.Dataset]

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.scene, ELSEWHERE, float(self.size_bytes))

    @property
    def methods(self) -> list[str]:
        """How records name it."""
        return [self.method]

    def versions(self, scene: xr.Dataset, folder: Path) -> Iterator[Decoded]:
        """Yield the one version that was given."""
        yield Decoded(self.method, self.open(), rate_figures(scene, self.size_bytes))


Point = CodecPoint | ForeignPoint


def rate_figures(scene: xr.Dataset, size_bytes: int) -> Figures:
    """Return the rate that a file of so many bytes means for a scene, in every unit."""
    height, width, bands = scene["values"].shape
    source_bits = scene["values"].dtype.itemsize * 8
    bits = 8.0 * size_bytes
    return {
        "bytes": float(size_bytes),
        "bpp": bits / (height * width),
        "bpppc": bits / (height * width * bands),
        "ratio": source_bits * height * width * bands / bits,
        "source_bits": float(source_bits),
    }


def stream_figures(path: Path, codec: Codec) -> Figures:
    """Return what a baseline's file would be less, or more, if its codestreams were others.

    ``empty_bytes``: what the codestreams of all tiles take though every sample is 0.
    ``header_bytes``: what they would take more with headers of their own. {} for codecs without
    such streams.
    """
    empty = getattr(codec, "empty_bytes", None)
    if empty is None:
        return {}
    empty_bytes, own_headers = 0, 0
    with ContainerReader(path) as reader:
        header = reader.header
        for place in places(header.height, header.width, header.tile_px):
            payload = reader.payload(ChunkKind.TILE, place.index)
            if payload:
                count = ByteReader(payload, "a tile").varint()
                empty_bytes += empty(count, place.height, place.width)
                own_headers += header_bytes(count)
    return {"empty_bytes": float(empty_bytes), "header_bytes": float(own_headers)}


def _cost_figures(encoding: Cost, decoding: Cost, megabytes: float) -> Figures:
    figures = {}
    for name, cost in (("encode", encoding), ("decode", decoding)):
        figures[f"{name}_seconds"] = cost.seconds
        figures[f"{name}_speed"] = megabytes / cost.seconds
        if cost.memory_mib is not None:
            figures[f"{name}_memory"] = cost.memory_mib
    return figures


def point_records(
    judge: SceneJudge, place: Place, decoded: Decoded, classifier: str | None
) -> list[Record]:
    """Return the records of one decoded scene."""
    figures = decoded.figures | judge.figures(decoded.scene)
    records = figure_records(place, decoded.method, figures)
    return records + figure_records(
        place, decoded.method, judge.classified(decoded.scene), classifier
    )


def figure_records(
    place: Place, method: str, figures: Mapping[str, float], classifier: str | None = None
) -> list[Record]:
    """Return a record per figure; an infinite PSNR, that of an exact copy, is written as null."""
    return [
        Record(
            experiment=EXPERIMENT,
            scene=place.scene,
            split=place.split,
            method=method,
            amount=place.rate,
            classifier=classifier,
            metric=metric,
            value=value,
            unit=_UNITS.get(metric),
        )
        for metric, value in figures.items()
    ]
