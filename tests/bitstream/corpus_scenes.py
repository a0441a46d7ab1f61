"""Tiny scenes with their files, models embedded: what the corpus holds of every codec."""

from __future__ import annotations

import binascii
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hsigan.bitstream.coder import SymbolDecoder
from hsigan.bitstream.tables import CodingTables

if TYPE_CHECKING:
    import xarray as xr

    from hsigan.codec.interface import Codec

Crc = int
Shape = tuple[int, int, int]
SMALL: Shape = (19, 22, 16)
TALL: Shape = (84, 20, 6)
"""Two tiles of 80 pixels, the first with more than one place of side information."""
WIDE: Shape = (25, 31, 11)
"""Enough pixels that own axes are worth their bytes."""


def landscape(
    seed: int, dtype: str = "int16", gaps: bool = False, shape: Shape = SMALL, materials: int = 7
) -> xr.Dataset:
    """Make a few smooth patterns with a spectrum each, and all kinds of samples without data."""
    from hsigan.scene import make_scene

    random = np.random.default_rng(seed)
    height, width, bands = shape
    spectra = np.random.default_rng(materials).uniform(-300, 600, (3, bands))
    rows, columns = np.mgrid[:height, :width]
    waves = [np.sin((a * rows + b * columns) / 5 + c) for a, b, c in random.uniform(0, 3, (3, 3))]
    values = 900 + np.stack(waves, -1) @ spectra + random.normal(0, 5, shape)
    if np.dtype(dtype).kind in "iu":
        values = np.clip(np.rint(values), 0 if dtype == "uint16" else -30000, 30000)
    values = values.astype(dtype)
    nodata = -9999.0 if gaps else None
    if gaps:
        values[2:6, 3:5], values[9, :, 2], values[:, :, bands - 2] = -9999, -9999, 123
        if values.dtype.kind == "f":
            values[15, 4, :], values[16, 5, 1] = np.nan, np.inf
    return make_scene(values, name=f"corpus-{seed}", nodata=nodata)


def case_of(codec: Codec, scene: xr.Dataset, step: float, tolerance: float) -> dict[str, Any]:
    """Return a case: the file of a scene, and what both decoders make of it."""
    from hsigan.codec.scene_file import Target, compress_scene

    from .add_to_corpus import to_text

    target = Target(step=step) if codec.adjustable else None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.hsc"
        compress_scene(scene, path, codec, target, embed_model=bool(codec.model_hash))
        stream = path.read_bytes()
    case = {"what": "scene", "stream": to_text(stream), "tolerance": tolerance, "decoded": {}}
    for decoder in decoders_of(codec):
        values, symbols = decode(stream, decoder)
        little = values.astype(values.dtype.newbyteorder("<"))
        case["dtype"], case["shape"] = values.dtype.name, list(values.shape)
        case["decoded"][decoder] = {"pixels": to_text(little.tobytes()), "symbols": symbols}
    return case


def decoders_of(codec: Codec) -> list[str]:
    """Return the names of a codec's decoders."""
    has_second = getattr(codec, "repairer", None) or getattr(codec, "_realistic", None)
    return ["faithful", "realistic"] if has_second else ["faithful"]


def decode(stream: bytes, decoder: str) -> tuple[np.ndarray, list[Crc]]:
    """Return values (H, W, B), and a checksum of indexes and symbols for each coded payload."""
    from hsigan.codec.decode import decompress_scene

    with watched_symbols() as sums:
        scene = decompress_scene(stream, decoder=decoder)
    return scene["values"].values, sorted(sums.values())


@contextmanager
def watched_symbols() -> Iterator[dict[int, Crc]]:
    """Collect the CRC-32 of what each symbol decoder reads: indexes and symbols, call by call."""
    sums: dict[int, Crc] = {}
    kept = []  # so that no two decoders have the same id
    plain = SymbolDecoder.decode

    def watched(self: SymbolDecoder, indexes: np.ndarray, tables: Any) -> np.ndarray:
        symbols = plain(self, indexes, tables)
        kept.append(self)
        both = indexes.astype("<u2").tobytes() + symbols.astype("<i4").tobytes()
        sums[id(self)] = binascii.crc32(both, sums.get(id(self), 0))
        return symbols

    SymbolDecoder.decode = watched  # type: ignore[method-assign]
    try:
        yield sums
    finally:
        SymbolDecoder.decode = plain  # type: ignore[method-assign]


def _small(codec: Any, louder: str = "", kept: float = 1.0) -> Any:
    """Return a codec whose tables hold few symbols, so that its model is small.

    What they lose is the escape's. The arrays whose names begin with ``louder`` are multiplied, so
    that an encoder that was hardly trained has something to say. Of the weights of large layers the
    share ``kept`` remains, the largest; the others are 0.
    """
    from hsigan.codec.model_file import load_model, model_content

    arrays, facts, _ = load_model(codec.model_bytes)
    for name in [name for name in arrays if name.endswith("frequencies")]:
        prefix = name.removesuffix("frequencies")
        part = {key: arrays[prefix + key] for key in ("offsets", "lengths", "frequencies")}
        shortened = _shortened(CodingTables.from_arrays(part))
        arrays |= {prefix + key: array for key, array in shortened.to_arrays().items()}
    for name in [name for name in arrays if louder and name.startswith(louder)]:
        arrays[name] = arrays[name] * arrays[name].dtype.type(8)
    for name, array in arrays.items():
        if kept < 1 and array.dtype.kind == "f" and array.size > 1000:
            least = np.quantile(np.abs(array), 1 - kept)
            arrays[name] = np.where(np.abs(array) >= least, array, array.dtype.type(0))
    return type(codec).load(model_content(arrays, facts))


def _shortened(tables: CodingTables, most: int = 12) -> CodingTables:
    frequencies, offsets = [], []
    for offset, row in zip(tables.offsets, tables.frequencies, strict=True):
        symbols = np.arange(len(row) - 1) + offset
        kept = np.abs(symbols) <= most
        if not kept.any():
            kept[0] = True
        lost = row[:-1][~kept].sum(dtype=np.uint32)
        frequencies.append(np.append(row[:-1][kept], row[-1] + lost).astype(np.uint32))
        offsets.append(symbols[kept][0])
    return CodingTables(np.array(offsets, np.int32), tuple(frequencies))


def _classical(name: str, dtype: str, step: float) -> Callable[[], dict[str, Any]]:
    def make() -> dict[str, Any]:
        from hsigan.codec.zoo import open_codec

        scene = landscape(1, dtype, gaps=dtype != "uint16")
        return case_of(open_codec(name), scene, step, 1 if dtype != "float32" else 0.02)

    return make


def _learned_basis() -> dict[str, Any]:
    from hsigan.codec.klt import KltCodec

    return case_of(KltCodec().fit([landscape(2), landscape(3)]), landscape(1, gaps=True), 6.0, 1)


def _klt_context() -> dict[str, Any]:
    return case_of(_context_codec(), landscape(1, gaps=True), 6.0, 1)


def _klt_context_turned() -> dict[str, Any]:
    """A scene of other materials than those that the axes were learned on, and repaired."""
    codec = _with_repair(_context_codec(WIDE))
    return case_of(codec, landscape(1, gaps=True, shape=WIDE, materials=8), 20.0, 1)


def _context_codec(shape: Shape = SMALL) -> Any:
    from hsigan.codec.klt_context import KltContextCodec, KltContextConfig

    settings = KltContextConfig(steps=300, batch=256, draws=2)
    scenes = [landscape(seed, shape=shape) for seed in (2, 3)]
    return _small(KltContextCodec().fit(scenes, settings))


def _klt_context_repaired() -> dict[str, Any]:
    return case_of(_with_repair(_context_codec()), landscape(1), 30.0, 1)


def _with_repair(codec: Any) -> Any:
    """Return a codec with networks that are small and not trained, beside coding that is."""
    import torch

    from hsigan.codec.component_repair import Repairer
    from hsigan.codec.klt_context import KltContextCodec
    from hsigan.codec.model_file import load_model, model_content
    from hsigan.models.component_repair import ComponentRepair

    arrays, facts, _ = load_model(codec.model_bytes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        networks = ComponentRepair(4, 3), ComponentRepair(4, 3, has_noise=True)
        for network in networks:
            for parameter in network.parameters():
                torch.nn.init.normal_(parameter, std=0.08)
    arrays |= Repairer(*networks).to_arrays()
    return KltContextCodec.load(model_content(arrays, facts))


def _hific(name: str, louder: str = "", **settings: Any) -> Callable[[], dict[str, Any]]:
    def make() -> dict[str, Any]:
        from hsigan.codec.fitting import Training
        from hsigan.codec.zoo import CODECS
        from hsigan.recipe import build_config

        kind = CODECS[name].load_class()
        values = {**_HIFIC, "codec": name, **settings}
        training = Training(validation=(landscape(4, shape=TALL),))
        config = build_config(kind.config_class, values)
        scenes = [landscape(seed, shape=TALL) for seed in (2, 3)]
        codec = _small(kind().fit(scenes, config, training), louder)
        return case_of(codec, landscape(1, gaps=True, shape=TALL), 12.0, 1)

    return make


_HIFIC = {
    "tile_px": 80,
    "crop_px": 16,
    "stages": [4, 4, 4, 4, 8],
    "latent": 12,
    "hyper": 4,
    "residual_blocks": 1,
    "discriminator": [4, 4, 4, 4],
    "weight_below": 0.02,
    "ssim_weight": 0.0,
    "perceptual": "stand-in",
    "perceptual_from": "gan",
    "steps": 40,
    "gan_steps": 2,
    "warm_up_steps": 0,
    "batch": 2,
    "learning_rate": 1e-3,
    "gan_trains": "generator",
    "weights_as": "int8",
    "validate_every": 20,
}
_LAST_LAYER = "core.encoder.layers.15."
_WITH_LEVEL = {"front": "standardise", "tile_level": True, "weights_as": "float16"}
_THREE_D = {"conv3d": "first-last", "se": "encoder-generator", "gan_steps": 0}
_WITH_TRANSFORM = {
    "front": "klt",
    "components": 3,
    "has_transform": True,
    "levels": 3,
    "target_bpp": 24.0,
    "latent": 40,
}


def _autoencoder(
    name: str, latents: str, kept: float = 1.0, steps: int = 60, **settings: Any
) -> Callable[[], dict[str, Any]]:
    def make() -> dict[str, Any]:
        from hsigan.codec.fitting import Training
        from hsigan.codec.zoo import CODECS
        from hsigan.training.autoencoder import AutoencoderConfig

        config = AutoencoderConfig(
            codec=name,
            latents=latents,
            tile_px=16,
            crop_px=16,
            batch=2,
            steps=steps,
            validate_every=20,
            **settings,
        )
        training = Training(validation=(landscape(4),))
        codec = CODECS[name].load_class()().fit([landscape(2), landscape(3)], config, training)
        return case_of(_small(codec, kept=kept), landscape(1, gaps=True), 1.0, 1)

    return make


SCENES: dict[str, Callable[[], dict[str, Any]]] = {
    "0.1-scene-klt": _classical("klt", "int16", 6.0),
    "0.1-scene-klt-learned": _learned_basis,
    "0.1-scene-jpeg2000": _classical("jpeg2000", "uint16", 12.0),
    "0.1-scene-sperr": _classical("sperr", "float32", 8.0),
    "0.1-scene-dct3d": _classical("dct3d", "int16", 8.0),
    "0.1-scene-dpcm-dct": _classical("dpcm-dct", "int16", 12.0),
    "0.1-scene-klt-context": _klt_context,
    "0.1-scene-klt-context-repaired": _klt_context_repaired,
    "0.1-scene-klt-context-turned": _klt_context_turned,
    "0.1-scene-hific": _hific("hific", "weight/" + _LAST_LAYER, **_WITH_LEVEL),
    "0.1-scene-hific-3d": _hific("hific-3d", "scale/" + _LAST_LAYER, **_THREE_D),
    "0.1-scene-hific-tunable": _hific("hific-tunable", **_WITH_TRANSFORM),
    "0.1-scene-hific-se": _hific("hific-se", "scale/" + _LAST_LAYER, se="encoder-generator"),
    "0.1-scene-hific-3d-everywhere": _hific(
        "hific-3d", "scale/" + _LAST_LAYER, conv3d="everywhere", gan_steps=0
    ),
    "0.1-scene-sscnet": _autoencoder("sscnet", "quantised", ratio=128, width=6),
    "0.1-scene-sscnet-raw": _autoencoder("sscnet", "raw", ratio=128, width=6),
    "0.1-scene-cae-1d": _autoencoder("cae-1d", "quantised", 0.1, ratio=8),
    "0.1-scene-cae-3d": _autoencoder("cae-3d", "quantised", 0.01, steps=8, ratio=16),
}
