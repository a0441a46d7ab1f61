"""hsigan's own codec: a shared KLT, a wavelet, and an entropy coder whose contexts are learned.

::

    (B, h, w) ── minus mean, shared KLT ──> (K, h, w) ── 9/7 wavelet ──> coefficients
        ── per subband: turned to the tile's own axes, one uniform quantiser ──> symbols
        ── integer network: contexts -> coding table ── range coder ──> bytes

One model serves every rate: the step is chosen when a scene is compressed.

Side information: the first three bytes of the step as a big-endian float32; bands without variance
(`codec/side.py`). Tiles: `codec/klt_context_tile.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hsigan.bitstream.varint import ByteReader
from hsigan.codec import spatial_transform
from hsigan.codec.interface import SceneSurvey, Tile
from hsigan.codec.klt_context_tile import (
    LEVELS,
    EntropyModel,
    band_variances,
    decode_coefficients,
    encode_coefficients,
    leading_count,
)
from hsigan.codec.model_file import load_model, model_content, read_model
from hsigan.codec.side import Bands, decode_bands, encode_bands
from hsigan.codec.spatial_transform import Subband
from hsigan.errors import InputError, StreamError
from hsigan.files import whole_file
from hsigan.recipe import Config

if TYPE_CHECKING:
    import xarray as xr

    from hsigan.bitstream.header import Header
    from hsigan.codec.fitting import Training
    from hsigan.codec.klt_context_samples import SharedBasis

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
    """

    codec: str = "klt-context"
    steps: int = 3000
    batch: int = 4096
    learning_rate: float = 3e-3
    draws: int = 6


class KltContextCodec:
    """Shared KLT, wavelet, learned contexts."""

    name: ClassVar[str] = "klt-context"
    number: ClassVar[int] = 8
    config_class: ClassVar[type[Config]] = KltContextConfig
    adjustable = True
    tile_px = 256

    def __init__(self) -> None:
        self.model_bytes = b""
        self.model_hash = b""

    def fit(
        self,
        scenes: Sequence[xr.Dataset],
        config: KltContextConfig | None = None,
        training: Training | None = None,
        companions: Sequence[xr.Dataset] = (),
    ) -> Self:
        """Learn the basis on scenes of one sensor, and the entropy model on them and others.

        Parameters
        ----------
        scenes : of one sensor, with the same bands
        config, training : settings, and what surrounds the training
        companions : scenes of any sensors, for the entropy model alone

        Raises
        ------
        InputError
            There is no scene, or they differ in their bands.
        """
        from hsigan.codec.klt_context_fit import fit_model

        if not scenes or len({scene.sizes["band"] for scene in scenes}) > 1:
            raise InputError("a codec is trained on one scene or more, all with the same bands.")
        settings = config or KltContextConfig()
        basis, entropy = fit_model(scenes, companions, settings, training)
        names = [str(scene.attrs.get("name", "scene")) for scene in scenes]
        others = [str(scene.attrs.get("name", "scene")) for scene in companions]
        facts = {"codec": self.name, "trained_on": names, "companions": others}
        arrays: dict[str, NDArray[Any]] = {"mean": basis.mean, "axes": basis.axes}
        arrays |= {"variances": basis.variances, **entropy.to_arrays()}
        return self._take(model_content(arrays, {**facts, "settings": settings.model_dump()}))

    def save(self, path: str | Path) -> None:
        """Write the model file."""
        with whole_file(path) as temporary:
            temporary.write_bytes(self.model_bytes)

    @classmethod
    def load(cls, source: str | Path | bytes) -> Self:
        """Open a trained codec, given by the path or the content of its model file.

        Raises
        ------
        StreamError
            It is damaged, or another codec's.
        """
        return cls()._take(read_model(source))

    def _take(self, content: bytes) -> Self:
        from hsigan.codec.klt_context_samples import SharedBasis

        arrays, self._facts, self.model_hash = load_model(content)
        bands = len(arrays.get("mean", ()))
        shapes = {"mean": (bands,), "axes": (bands, bands), "variances": (LEVELS + 1, 3, bands)}
        for key, shape in shapes.items():
            found = arrays.get(key)
            if found is None or found.shape != shape or not np.isfinite(found).all():
                raise StreamError(f"the model is not one of codec {self.name!r}, or is damaged.")
        self.basis = SharedBasis(arrays["mean"], arrays["axes"], arrays["variances"])
        self.entropy = EntropyModel.from_arrays(arrays)
        self.model_bytes = content
        return self

    def encoder(self, survey: SceneSurvey, step: float) -> _Encoder:
        """Prepare to encode; see `Codec`."""
        self._check_bands(survey.bands, InputError)
        return _Encoder(self.basis, self.entropy, Bands.of(survey), step)

    def decoder(self, header: Header, side: bytes) -> _Decoder:
        """Prepare to decode; see `Codec`."""
        self._check_bands(header.bands, StreamError)
        reader = ByteReader(side, "the side information")
        step = _read_step(reader.take(_STEP_BYTES))
        bands = decode_bands(reader, header.bands)
        reader.end()
        return _Decoder(self.basis, self.entropy, bands, step)

    def describe(self) -> dict[str, Any]:
        """Return name, tile, and what it was trained on."""
        return {"name": self.name, "tile_px": self.tile_px, **self._facts}

    def _check_bands(self, bands: int, error: type[Exception]) -> None:
        known = len(self.basis.mean)
        if bands != known:
            raise error(
                f"the codec was trained on scenes of {known} bands, this one has {bands}: name the "
                "codec of its sensor, or klt."
            )


class _Encoder:
    def __init__(self, basis: SharedBasis, entropy: EntropyModel, bands: Bands, step: float):
        head = _step_bytes(step)
        self.side = head + encode_bands(bands)
        self._basis, self._entropy, self._step = basis, entropy, _read_step(head)

    def encode_tile(self, values: Tile) -> bytes:
        coefficients = self._basis.coefficients(values, len(values))
        coefficients *= np.float32(1 / self._step)
        scaled = coefficients[: leading_count(coefficients)]
        places = spatial_transform.subbands(*values.shape[1:])
        variances = band_variances(self._basis.variances, places, len(scaled), self._step)
        return encode_coefficients(scaled, variances, self._entropy)


class _Decoder:
    def __init__(self, basis: SharedBasis, entropy: EntropyModel, bands: Bands, step: float):
        self._basis, self._entropy, self._bands, self._step = basis, entropy, bands, step

    def decode_tile(self, payload: bytes, height: int, width: int) -> Tile:
        def variances(places: list[Subband], count: int) -> NDArray[np.float64]:
            return band_variances(self._basis.variances, places, count, self._step)

        basis = self._basis
        scaled = decode_coefficients(
            payload, (height, width), variances, self._entropy, len(basis.mean)
        )
        planes = spatial_transform.inverse(scaled * np.float32(self._step))
        count = len(planes)
        spectra = (
            basis.axes[:, :count] @ planes.reshape(count, height * width) + basis.mean[:, None]
        )
        values = spectra.reshape(-1, height, width).astype(np.float32)
        unused = ~self._bands.usable
        values[unused] = self._bands.constant[unused, None, None]
        return values


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
