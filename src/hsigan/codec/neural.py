"""The codecs of HiFiC's family: tiles through trained networks, symbols through frozen tables.

Side information: `Bands`, where some of the scene's are not usable, else nothing. Tiles:
`codec/neural_tiles.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from hsigan.bitstream.varint import ByteReader
from hsigan.codec.fitting import Training
from hsigan.codec.interface import SceneSurvey
from hsigan.codec.metadata import sensor_profile
from hsigan.codec.model_codec import ModelCodec
from hsigan.codec.model_file import model_content
from hsigan.codec.neural_model import (
    Array,
    export_tables,
    read_model_arrays,
    read_state,
    read_tables,
    round_weights,
    state_arrays,
)
from hsigan.codec.neural_tiles import NeuralDecoder, NeuralEncoder, TileCoding
from hsigan.codec.side import Bands, decode_bands
from hsigan.errors import InputError, StreamError
from hsigan.models.scene_model import SceneModel
from hsigan.models.tile_level import TileLevel
from hsigan.training.compression import TrainedCompression, train_compression
from hsigan.training.compression_config import CompressionConfig
from hsigan.training.compression_inputs import CompressionInputs, prepare_compression
from hsigan.training.held_out import measure
from hsigan.training.scene_crops import RandomCrops

if TYPE_CHECKING:
    import xarray as xr

    from hsigan.bitstream.header import Header

_FREEZING_CROPS = 48
_REALISTIC = "realistic/"


class HificCodec(ModelCodec):
    """HiFiC, adapted to hyperspectral scenes; empty until `fit` or `load`."""

    name: ClassVar[str] = "hific"
    number: ClassVar[int] = 16
    config_class: ClassVar[type[CompressionConfig]] = CompressionConfig
    takes_companions: ClassVar[bool] = False
    tile_px: int = 0
    adjustable: bool = False

    def __init__(self) -> None:
        super().__init__()
        self._model: SceneModel | None = None
        self._realistic: SceneModel | None = None

    def fit(
        self, scenes: Sequence[xr.Dataset], config: CompressionConfig, training: Training
    ) -> Self:
        """Train on scenes of one sensor (`hsigan.training.compression`).

        Raises
        ------
        SceneError
            Scenes differ in their bands, or hold no data.
        DivergedError
            A loss is not finite.
        """
        device = torch.device(training.device)
        inputs = prepare_compression(
            scenes, training.validation, config, training.seed, device, training.lpips_files
        )
        if training.run is not None:
            training.run.check_pixels(inputs.fingerprint)
        trained = train_compression(
            inputs.data,
            inputs.model,
            config,
            training.seed,
            inputs.distortion,
            training.run,
            training.report,
        )
        arrays, facts = _export(trained, inputs, config)
        names = [str(scene.attrs.get("name", "scene")) for scene in scenes]
        facts |= {"codec": self.name, "trained_on": names, "seed": training.seed}
        facts["profile"] = sensor_profile(scenes)
        return self._take(model_content(arrays, facts))

    def _read(self, arrays: dict[str, Array], facts: dict[str, Any]) -> None:
        self._model = read_model_arrays(arrays, facts)
        self._tables = read_tables(arrays)
        self.tile_px, self.adjustable = self._model.tile_px, self._model.core.gains.levels > 1
        state = read_state(arrays, _REALISTIC)
        self._realistic = read_model_arrays(arrays, facts, state) if state else None

    @property
    def facts(self) -> dict[str, Any]:
        """What the model file says of the training."""
        return dict(self._facts)

    @property
    def _ready(self) -> SceneModel:
        if self._model is None:
            raise InputError(f"codec {self.name} is not trained: fit it, or load a model file.")
        return self._model

    def encoder(self, survey: SceneSurvey, step: float) -> NeuralEncoder:
        """Prepare to encode; see `Codec`."""
        model = self._ready
        if survey.bands != model.front.bands:
            raise InputError(_other_bands(model, survey.bands))
        return NeuralEncoder(self._coding(model), Bands.of(survey), step)

    @property
    def has_realistic(self) -> bool:
        """Whether the model holds a generator that was tuned with the file staying the same."""
        return self._realistic is not None

    def decoder(self, header: Header, side: bytes, realistic: bool = False) -> NeuralDecoder:
        """Prepare to decode; ``realistic`` takes the generator that was tuned against a critic."""
        model = self._ready
        if header.bands != model.front.bands:
            raise StreamError(_other_bands(model, header.bands))
        if realistic and not self.has_realistic:
            raise InputError("this codec has no realistic decoder: take the faithful one.")
        chosen = self._realistic if realistic and self._realistic is not None else model
        bands = Bands(np.ones(header.bands, np.bool_), np.zeros(header.bands, np.float32))
        if side:
            reader = ByteReader(side, "the side information")
            bands = decode_bands(reader, header.bands)
            reader.end()
        return NeuralDecoder(self._coding(chosen), bands)

    def _coding(self, model: SceneModel) -> TileCoding:
        return TileCoding(model, self._tables, bool(self._facts["tile_level"]))


class HificSECodec(HificCodec):
    """HiFiC with squeeze-and-excitation."""

    name: ClassVar[str] = "hific-se"
    number: ClassVar[int] = 17


class Hific3DCodec(HificCodec):
    """HiFiC with 3-D convolutions."""

    name: ClassVar[str] = "hific-3d"
    number: ClassVar[int] = 18


class HificTunableCodec(HificCodec):
    """HiFiC with gains for several rates: one model, ``step`` chooses between them."""

    name: ClassVar[str] = "hific-tunable"
    number: ClassVar[int] = 19


def _export(
    trained: TrainedCompression, inputs: CompressionInputs, config: CompressionConfig
) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return what a model file holds of a training: rounded, frozen, with tables."""
    model = trained.model.cpu().eval()
    tuned: Mapping[str, Tensor] | None = None
    if trained.faithful is not None:
        tuned = {key: t.clone() for key, t in model.core.generator.state_dict().items()}
        model.core.generator.load_state_dict(trained.faithful)
    round_weights(model, config.weights_as)
    random = torch.Generator().manual_seed(0)
    crops = RandomCrops(inputs.data.images, config.crop_px, config.margin_px).draw(
        _FREEZING_CROPS, random
    )
    if config.tile_level:
        crops = TileLevel.of(crops).take_off(crops)
    with torch.no_grad(), model.crops_of(config.crop_px):
        model.core.freeze(crops)
    arrays = state_arrays(model, config.weights_as) | export_tables(model)
    facts: dict[str, Any] = {
        "arguments": model.arguments,
        "settings": config.model_dump(mode="json"),
        "tile_level": config.tile_level,
        "steps": trained.state.step,
        "perceptual": inputs.perceptual,
        "value_range": list(inputs.distortion.value_range),
    }
    if inputs.data.held_out:
        found = measure(model, inputs.data.held_out, float(config.levels - 1))
        facts["held_out"] = {"bpp": found.bpp, "psnr_db": found.psnr_db}
    if tuned is not None:
        model.core.generator.load_state_dict(tuned)
        round_weights(model.core.generator, config.weights_as)
        arrays |= state_arrays(model.core.generator, config.weights_as, _REALISTIC)
    return arrays, facts


def _other_bands(model: SceneModel, bands: int) -> str:
    return (
        f"the codec was trained on scenes of {model.front.bands} bands, this one has {bands}: name "
        "the codec of its sensor, or klt."
    )
