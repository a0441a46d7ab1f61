"""hsigan's own codec: a shared KLT, a wavelet, and an entropy coder whose contexts are learned.

::

    (B, h, w) ── minus mean, shared KLT ──> (K, h, w) ── 9/7 wavelet ──> coefficients
        ── per subband: turned to the tile's own axes, one uniform quantiser ──> symbols
        ── integer network: contexts -> coding table ── range coder ──> bytes

One model serves every rate: the step is chosen when a scene is compressed.

Side information: the first three bytes of the step as a big-endian float32; bands without variance
(`codec/side.py`); turns of the shared axes to the scene's own, where they are worth their bytes
(`codec/own_axes.py`; nothing where there are none). Tiles: `codec/klt_context_tile.py`; of a model
with repairing networks, the first varint is 8 K plus the number of the repair's factors
(`codec/component_repair.py`).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hsigan.bitstream.varint import ByteReader
from hsigan.codec.component_repair import Repairer
from hsigan.codec.interface import SceneSurvey
from hsigan.codec.klt_context_model import LEVELS, EntropyModel, SharedBasis
from hsigan.codec.klt_context_scene import TileDecoder, TileEncoder
from hsigan.codec.metadata import sensor_profile
from hsigan.codec.model_codec import ModelCodec
from hsigan.codec.model_file import model_content
from hsigan.codec.own_axes import decode_turns, encode_turns, fit_turns, turned_basis
from hsigan.codec.side import Bands, decode_bands, encode_bands
from hsigan.errors import InputError, StreamError
from hsigan.recipe import Config

if TYPE_CHECKING:
    import xarray as xr

    from hsigan.bitstream.header import Header
    from hsigan.codec.fitting import Training

_LARGEST_VARIANCE = 1e60
_STEP_BYTES = 3


class KltContextConfig(Config):
    """Settings of a training.

    Attributes
    ----------
    codec
        "klt-context".
    steps, batch, learning_rate
        Of the context network.
    draws
        Quantiser steps at which each training scene is coded.
    repair_faithful_steps, repair_realistic_steps, repair_most_loss_db
        Of the networks that repair what is decoded, see `RepairConfig`; 0 steps: there are none.
    repair_from
        A model file of this codec whose repairing networks are taken, in place of a training.
    """

    codec: Literal["klt-context"] = "klt-context"
    steps: int = Field(default=3000, ge=1)
    batch: int = Field(default=4096, ge=1)
    learning_rate: float = Field(default=3e-3, gt=0)
    draws: int = Field(default=6, ge=1)
    repair_faithful_steps: int = Field(default=0, ge=0)
    repair_realistic_steps: int = Field(default=0, ge=0)
    repair_most_loss_db: float = Field(default=0.8, ge=0)
    repair_from: str = ""

    @property
    def all_steps(self) -> int:
        """Of all networks."""
        repair = 0 if self.repair_from else self.repair_faithful_steps
        return self.steps + repair + bool(repair) * self.repair_realistic_steps


class KltContextCodec(ModelCodec):
    """Shared KLT, wavelet, learned contexts."""

    name: ClassVar[str] = "klt-context"
    number: ClassVar[int] = 8
    config_class: ClassVar[type[Config]] = KltContextConfig
    takes_companions: ClassVar[bool] = True
    adjustable = True
    tile_px = 256

    def fit(
        self,
        scenes: Sequence[xr.Dataset],
        config: KltContextConfig | None = None,
        training: Training | None = None,
    ) -> Self:
        """Learn the basis on scenes of one sensor, and the entropy model on them and others.

        Parameters
        ----------
        scenes : of one sensor, with the same bands
        config, training : settings, and what surrounds the training; its companions serve the
            entropy model and the networks that repair

        Raises
        ------
        InputError
            There is no scene, or they differ in their bands.
        """
        from hsigan.codec.component_repair_fit import named_repairer, obtain_repairer
        from hsigan.codec.klt_context_fit import obtain_model

        if not scenes or len({scene.sizes["band"] for scene in scenes}) > 1:
            raise InputError("a codec is trained on one scene or more, all with the same bands.")
        settings = config or KltContextConfig()
        repaired_on: list[str] = []
        if settings.repair_from:  # a wrong name is an error before any training
            repaired_on = named_repairer(settings.repair_from)[1]
        companions = () if training is None else training.companions
        basis, entropy = obtain_model(scenes, companions, settings, training)
        names = [str(scene.attrs.get("name", "scene")) for scene in scenes]
        others = [str(scene.attrs.get("name", "scene")) for scene in companions]
        facts: dict[str, Any] = {"codec": self.name, "trained_on": names, "companions": others}
        facts |= {"repaired_on": repaired_on} if repaired_on else {}
        facts["profile"] = sensor_profile(scenes)
        repairer, steps = obtain_repairer([*scenes, *companions], entropy, settings, training)
        facts["steps"] = settings.steps + steps
        arrays = {**basis.to_arrays(), **entropy.to_arrays()}
        arrays |= {} if repairer is None else repairer.to_arrays()
        told = {**settings.model_dump(), "repair_from": Path(settings.repair_from).name}
        return self._take(model_content(arrays, {**facts, "settings": told}))

    def _read(self, arrays: dict[str, NDArray[Any]], facts: dict[str, Any]) -> None:
        bands = len(arrays.get("mean", ()))
        shapes = {"mean": (bands,), "axes": (bands, bands), "variances": (LEVELS + 1, 3, bands)}
        for key, shape in shapes.items():
            found = arrays.get(key)
            if found is None or found.shape != shape or not np.isfinite(found).all():
                raise StreamError(f"the model is not one of codec {self.name!r}, or is damaged.")
        if not ((arrays["variances"] >= 0) & (arrays["variances"] < _LARGEST_VARIANCE)).all():
            raise StreamError("the model has impossible variances, or is damaged.")
        self.basis = SharedBasis(arrays["mean"], arrays["axes"], arrays["variances"])
        self.entropy = EntropyModel.from_arrays(arrays)
        self.repairer = Repairer.from_arrays(arrays)

    def encoder(self, survey: SceneSurvey, step: float) -> TileEncoder:
        """Prepare to encode; see `Codec`."""
        self._check_bands(survey.bands, InputError)
        bands, pixels = Bands.of(survey), survey.height * survey.width
        head = _step_bytes(step)
        step = _read_step(head)
        side = head + encode_bands(bands)
        turns = fit_turns(self.basis, survey, step, survey.bands)
        if len(turns):
            side += encode_turns(turns, self.basis, step, pixels)
        basis = turned_basis(self.basis, turns, step, pixels)
        return TileEncoder(side, TileDecoder(basis, self.entropy, self.repairer, bands, step))

    @property
    def has_realistic(self) -> bool:
        """Whether the model holds the networks of the realistic decoder."""
        return self.repairer is not None and self.repairer.realistic is not None

    def decoder(self, header: Header, side: bytes, realistic: bool = False) -> TileDecoder:
        """Prepare to decode; ``realistic`` takes the network that was tuned against a critic."""
        if realistic and not self.has_realistic:
            raise InputError("this codec has no realistic decoder: take the faithful one.")
        self._check_bands(header.bands, StreamError)
        reader = ByteReader(side, "the side information")
        step = _read_step(reader.take(_STEP_BYTES))
        bands = decode_bands(reader, header.bands)
        basis = self.basis
        if reader.left():
            pixels = header.height * header.width
            turns = decode_turns(reader, basis, step, pixels)
            basis = turned_basis(basis, turns, step, pixels)
        return TileDecoder(basis, self.entropy, self.repairer, bands, step, realistic)

    def _check_bands(self, bands: int, error: type[Exception]) -> None:
        known = len(self.basis.mean)
        if bands != known:
            raise error(
                f"the codec was trained on scenes of {known} bands, this one has {bands}: name the "
                "codec of its sensor, or klt."
            )


def _step_bytes(step: float) -> bytes:
    """Return the first bytes of a step, nearest to it.

    Raises
    ------
    InputError
        It is not a positive number that float32 can hold.
    """
    if not (np.isfinite(np.float32(step)) and 1e-30 < step < 1e30):
        raise InputError(
            f"the step of a quantiser must be a positive number. Got {step!r} instead."
        )
    (bits,) = struct.unpack(">I", struct.pack(">f", step))
    return struct.pack(">I", bits + 0x80)[:_STEP_BYTES]


def _read_step(head: bytes) -> float:
    step = float(struct.unpack(">f", head + b"\0")[0])
    if not (np.isfinite(step) and 1e-31 < step < 1e31):
        raise StreamError("the side information is damaged: its step is not a number above 0")
    return step
