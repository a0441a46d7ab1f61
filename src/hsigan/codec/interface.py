"""What a codec is: one small interface for learned and classical ones.

::

    scene ── survey ──> SceneSurvey ── codec.encoder(survey, step) ──> SceneEncoder
                                                                         │ side, once per scene
    tile (B, h, w) float32 ──────────────── encode_tile ─────────────────┤
                                                                         v
    tile (B, h, w) float32 <── decode_tile ── SceneDecoder <── codec.decoder(header, side)

Encoders and decoders hold no state that a tile changes: tiles are coded in any order, several at a
time, and the bytes are the same. Rounding to the scene's own type, the mask of samples without
data, and the file are not the codec's business (`codec/scene_file.py`). Nor are tiles without a
single valid sample: no encoder and no decoder is ever asked about one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from hsigan.bitstream.header import Header

Floats = NDArray[np.float64]
Tile = NDArray[np.float32]
"""(B, h, w) in the scene's own units."""


@dataclass(frozen=True, eq=False)
class SceneSurvey:
    """What one pass over a scene told about it; all figures are over valid samples.

    Attributes
    ----------
    height, width, bands
        Size of the scene.
    dtype
        The values' own type, such as "int16".
    band_mean, band_std
        (B,) float64, in the scene's units; 0 for a band without one valid sample.
    covariance
        (B, B) float64 of pixels that are valid in all usable bands, else of all samples, each
        missing one taken as its band's mean. Rows and columns of unusable bands are 0.
    peak
        The largest valid value: what PSNR refers to. 0 in a scene without one.
    share_valid
        Share of samples that are finite and not nodata.
    wavelengths_nm
        (B,) float64 or None.
    usable
        (B,) bool, False for a band without a valid sample and for one that is constant.
    """

    height: int
    width: int
    bands: int
    dtype: str
    band_mean: Floats
    band_std: Floats
    covariance: Floats
    peak: float
    share_valid: float
    wavelengths_nm: Floats | None
    usable: NDArray[np.bool_]


class SceneEncoder(Protocol):
    """Encodes the tiles of one scene at one step."""

    side: bytes
    """What every tile's decoder needs (a basis, means, the step), once in the file; may be b""."""

    def encode_tile(self, values: Tile) -> bytes:
        """Return a tile's payload; samples without data have been filled. May be b""."""
        ...


@runtime_checkable
class FinishingEncoder(SceneEncoder, Protocol):
    """An encoder that has something left to decide when the step is certain.

    What `encode_tile` returns is as long as what the file will hold, and is decoded well; a search
    for the step needs no more.
    """

    def finish_tile(self, values: Tile, payload: bytes | None = None) -> tuple[bytes, Tile]:
        """Return the payload that the file will hold, and what it is decoded to.

        ``payload`` is what `encode_tile` returned, if it was called.
        """
        ...


class SceneDecoder(Protocol):
    """Decodes the tiles of one scene."""

    def decode_tile(self, payload: bytes, height: int, width: int) -> Tile:
        """Return (B, height, width) float32.

        Raises
        ------
        StreamError
            The payload is damaged or does not describe such a tile.
        """
        ...


class Codec(Protocol):
    """A way from scenes to bytes and back.

    Those that learn have besides ``fit(scenes, ...) -> Self``, ``save(path)`` and the class method
    ``load(source)``, where ``source`` is the path or the content of a model file. Those that have a
    realistic decoder say so in ``has_realistic``; ``decoder`` takes ``realistic: bool = False``.
    """

    name: ClassVar[str]
    number: ClassVar[int]
    """In the header of files; never given to another codec."""
    tile_px: int
    """Side of the square tiles; those at the right and lower edge may be smaller."""
    model_bytes: bytes
    """Content of the model file; b"" for a codec that needs none."""
    model_hash: bytes
    """First 8 bytes of the SHA-256 of `model_bytes`; b"" for a codec that needs none."""
    adjustable: bool
    """Whether `step` changes the rate."""

    def encoder(self, survey: SceneSurvey, step: float) -> SceneEncoder:
        """Prepare to encode a scene.

        Parameters
        ----------
        survey : what is known of the scene
        step : > 0, the size of the quantiser's step of orthonormal transform coefficients in the
            scene's units: the mean squared error is about step**2 / 12 where it is fine. Codecs of
            a fixed rate ignore it. What the decoder needs of it is in `side` or in the tiles.

        Raises
        ------
        InputError
            This codec cannot encode such a scene (another sensor's, say).
        """
        ...

    def decoder(self, header: Header, side: bytes) -> SceneDecoder:
        """Prepare to decode a file.

        Raises
        ------
        StreamError
            `side` is damaged or does not fit the header.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """Return plain data: name, settings, and what it was trained on."""
        ...


class LearnedCodec(Codec, Protocol):
    """A codec with a model file."""

    profile: dict[str, Any]
    """What the model knows of its sensor (`codec/metadata.py`); files need not repeat it."""

    @classmethod
    def load(cls, source: Any) -> Self:
        """Return the codec of a model file, given by its path or its content."""
        ...
