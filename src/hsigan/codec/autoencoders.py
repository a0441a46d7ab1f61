"""Published autoencoders as codecs: 1D-CAE, SSCNet and 3D-CAE, raw and quantised.

As published, a tile's payload is its latents as little-endian 32-bit floats. Quantised, they are
rounded under a trained gain and coded with a frozen table per channel. Both are of a fixed ratio of
values to latents. Bands without variance are in the side information, as in `codec/neural.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from hsigan.bitstream.coder import SymbolDecoder, SymbolEncoder
from hsigan.bitstream.tables import CodingTables
from hsigan.bitstream.varint import ByteReader
from hsigan.codec.fitting import Training
from hsigan.codec.interface import SceneSurvey, Tile
from hsigan.codec.metadata import sensor_profile
from hsigan.codec.model_codec import ModelCodec
from hsigan.codec.model_file import model_content
from hsigan.codec.neural_model import Array, read_state, round_weights, state_arrays
from hsigan.codec.side import Bands, decode_bands, encode_bands
from hsigan.errors import InputError, StreamError
from hsigan.training.autoencoder import AutoencoderConfig, AutoencoderModel, train_autoencoder
from hsigan.training.compression_inputs import fingerprint, split_scenes
from hsigan.training.held_out import tile_windows
from hsigan.training.scene_crops import SceneValues

if TYPE_CHECKING:
    import xarray as xr

    from hsigan.bitstream.header import Header

_RAW = np.dtype("<f4")
_LARGEST_SYMBOL = 2**30
_TABLE = "table/"


class AutoencoderCodec(ModelCodec):
    """An autoencoder; empty until `fit` or `load`."""

    name: ClassVar[str] = "cae-1d"
    number: ClassVar[int] = 24
    config_class: ClassVar[type[AutoencoderConfig]] = AutoencoderConfig
    takes_companions: ClassVar[bool] = False
    tile_px: int = 0
    adjustable: bool = False

    def __init__(self) -> None:
        super().__init__()
        self._model: AutoencoderModel | None = None
        self._tables: CodingTables | None = None

    def fit(
        self, scenes: Sequence[xr.Dataset], config: AutoencoderConfig, training: Training
    ) -> Self:
        """Train on scenes of one sensor (`hsigan.training.autoencoder`).

        Raises
        ------
        SceneError
            Scenes differ in their bands, or hold no data.
        DivergedError
            The loss is not finite.
        """
        kept, held_out, statistics = split_scenes(scenes, training.validation)
        if training.run is not None:
            training.run.check_pixels(fingerprint(kept))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(training.seed)
            network = config.network(len(statistics.mean))
        value_range = (statistics.low, statistics.high)
        model = AutoencoderModel(network, value_range, config.first_gain).to(training.device)
        images = [torch.from_numpy(each.values) for each in kept]
        state = train_autoencoder(
            images, model, config, training.seed, training.run, training.report
        )
        model = model.cpu().eval()
        round_weights(model, config.weights_as)
        arrays = state_arrays(model, config.weights_as)
        if config.latents == "quantised":
            tables = CodingTables.from_probabilities(*model.prior.probabilities())
            arrays |= {f"{_TABLE}{key}": values for key, values in tables.to_arrays().items()}
        facts = {
            "codec": self.name,
            "settings": config.model_dump(mode="json"),
            "bands": len(statistics.mean),
            "value_range": list(value_range),
            "profile": sensor_profile(scenes),
            "trained_on": [str(scene.attrs.get("name", "scene")) for scene in scenes],
            "seed": training.seed,
            "steps": state.step,
        }
        self._take(model_content(arrays, facts))
        if held_out:
            return self._take(model_content(arrays, facts | {"held_out": self._figures(held_out)}))
        return self

    def _read(self, arrays: dict[str, Array], facts: dict[str, Any]) -> None:
        try:
            config = AutoencoderConfig(**facts["settings"])
            network = config.network(int(facts["bands"]))
            low, high = facts["value_range"]
            model = AutoencoderModel(network, (low, high), config.first_gain)
            model.load_state_dict(read_state(arrays))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise StreamError(f"the model is damaged: {error}") from error
        self._tables = None
        if config.latents == "quantised":
            names = [key for key in arrays if key.startswith(_TABLE)]
            found = {key.removeprefix(_TABLE): arrays[key] for key in names}
            self._tables = CodingTables.from_arrays(found)
        self._model, self.tile_px = model.eval().requires_grad_(False), config.tile_px

    def encoder(self, survey: SceneSurvey, step: float) -> _Encoder:
        """Prepare to encode; see `Codec`."""
        model = self._ready(survey.bands, InputError)
        return _Encoder(model, self._tables, Bands.of(survey))

    def decoder(self, header: Header, side: bytes) -> _Decoder:
        """Prepare to decode; see `Codec`."""
        model = self._ready(header.bands, StreamError)
        bands = Bands(np.ones(header.bands, np.bool_), np.zeros(header.bands, np.float32))
        if side:
            reader = ByteReader(side, "the side information")
            bands = decode_bands(reader, header.bands)
            reader.end()
        return _Decoder(model, self._tables, bands)

    def _ready(self, bands: int, error: type[Exception]) -> AutoencoderModel:
        if self._model is None:
            raise InputError(f"codec {self.name} is not trained: fit it, or load a model file.")
        if bands != self._model.network.bands:
            raise error(
                f"the codec was trained on scenes of {self._model.network.bands} bands, this one "
                f"has {bands}: name the codec of its sensor, or klt."
            )
        return self._model

    def _figures(self, scenes: Sequence[SceneValues]) -> dict[str, float]:
        """Return bits per pixel and mean PSNR of scenes, from real payloads."""
        assert self._model is not None  # for the type checker
        bands = self._model.network.bands
        used = Bands(np.ones(bands, np.bool_), np.zeros(bands, np.float32))
        coder = _Encoder(self._model, self._tables, used)
        back = _Decoder(self._model, self._tables, used)
        sizes, pixels, psnrs = 0, 0, []
        for scene in scenes:
            decoded = np.empty_like(scene.values)
            height, width = scene.valid.shape
            for rows, columns in tile_windows(height, width, self.tile_px):
                tile = scene.values[:, rows, columns]
                payload = coder.encode_tile(tile)
                sizes += len(payload)
                decoded[:, rows, columns] = back.decode_tile(payload, *tile.shape[1:])
            pixels += scene.valid.size
            if scene.valid.any():
                error = float(np.square(decoded - scene.values)[:, scene.valid].mean())
                psnrs.append(10 * math.log10(scene.peak**2 / max(error, 1e-9)))
        psnr = float(np.mean(psnrs)) if psnrs else 0.0
        return {"bpp": 8 * sizes / pixels, "psnr_db": psnr}


class SSCNetCodec(AutoencoderCodec):
    """SSCNet."""

    name: ClassVar[str] = "sscnet"
    number: ClassVar[int] = 25


class CAE3DCodec(AutoencoderCodec):
    """3D-CAE."""

    name: ClassVar[str] = "cae-3d"
    number: ClassVar[int] = 26


class _Encoder:
    def __init__(self, model: AutoencoderModel, tables: CodingTables | None, bands: Bands) -> None:
        self._model, self._tables, self._bands = model, tables, bands
        self.side = b"" if bands.usable.all() else encode_bands(bands)

    @torch.no_grad()
    def encode_tile(self, values: Tile) -> bytes:
        x = torch.from_numpy(np.ascontiguousarray(values))[None]
        latents = self._model.network.encode(self._model.scaled(x))
        if self._tables is None:
            return latents.numpy().astype(_RAW).tobytes()
        scaled = (latents * self._model.gain).round().clamp(-_LARGEST_SYMBOL, _LARGEST_SYMBOL)
        symbols = scaled.numpy().astype(np.int32)
        encoder = SymbolEncoder()
        encoder.encode(symbols.ravel(), _channels(symbols.shape), self._tables)
        return encoder.finish()


class _Decoder:
    def __init__(self, model: AutoencoderModel, tables: CodingTables | None, bands: Bands) -> None:
        self._model, self._tables, self._bands = model, tables, bands

    @torch.no_grad()
    def decode_tile(self, payload: bytes, height: int, width: int) -> Tile:
        network = self._model.network
        step = network.latent_step
        size = (math.ceil(height / step), math.ceil(width / step))
        shape = (1, network.latent_channels, *size)
        latents = self._latents(payload, shape)
        x = network.decode(latents, (height, width))
        values: Tile = self._model.unscaled(x)[0].numpy()
        unusable = ~self._bands.usable
        values[unusable] = self._bands.constant[unusable, None, None]
        return values

    def _latents(self, payload: bytes, shape: tuple[int, ...]) -> Tensor:
        if self._tables is None:
            if len(payload) != _RAW.itemsize * math.prod(shape):
                raise StreamError("a tile's payload has another size than its latents")
            raw = np.frombuffer(payload, _RAW).astype(np.float32)
            if not np.isfinite(raw).all():
                raise StreamError("a tile's payload is damaged: a latent is not finite")
            return torch.from_numpy(raw.reshape(shape))
        decoder = SymbolDecoder(payload)
        symbols = decoder.decode(_channels(shape), self._tables)
        decoder.finish()
        return torch.from_numpy(symbols.astype(np.float32).reshape(shape)) / self._model.gain


def _channels(shape: Sequence[int]) -> Array:
    """Return the table of every symbol: its channel's."""
    return np.repeat(np.arange(shape[1], dtype=np.uint16), math.prod(shape[2:]))
