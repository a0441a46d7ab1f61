"""Every codec by its name; opening one by name, model file or run folder; finding models.

A codec of one's own is a class like those below and a line in `CODECS`.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from hsigan.codec.interface import Codec
from hsigan.codec.model_file import load_model, model_hash
from hsigan.errors import InputError, StreamError

MODELS_VARIABLE = "HSIGAN_MODELS"
RUN_MODEL = "codec.safetensors"
"""What a run folder's model is called."""


@dataclass(frozen=True)
class Entry:
    """A codec of the zoo.

    Attributes
    ----------
    number
        Names the codec in files: given once, never again to another.
    load_class
        Imports its module and returns the class: most users of a codec need no other.
    needs_model
        Whether it only works with a model file; the class then has ``load``.
    """

    number: int
    load_class: Callable[[], Any]
    needs_model: bool = False


def _klt() -> Any:
    from hsigan.codec.klt import KltCodec

    return KltCodec


def _jpeg2000() -> Any:
    from hsigan.codec.jpeg2000 import Jpeg2000Codec

    return Jpeg2000Codec


def _sperr() -> Any:
    from hsigan.codec.wavelet3d import SperrCodec

    return SperrCodec


def _dct3d() -> Any:
    from hsigan.codec.dct3d import Dct3dCodec

    return Dct3dCodec


def _dpcm_dct() -> Any:
    from hsigan.codec.dpcm_dct import DpcmDctCodec

    return DpcmDctCodec


def _klt_context() -> Any:
    from hsigan.codec.klt_context import KltContextCodec

    return KltContextCodec


def _hific() -> Any:
    from hsigan.codec.neural import HificCodec

    return HificCodec


def _hific_se() -> Any:
    from hsigan.codec.neural import HificSECodec

    return HificSECodec


def _hific_3d() -> Any:
    from hsigan.codec.neural import Hific3DCodec

    return Hific3DCodec


def _hific_tunable() -> Any:
    from hsigan.codec.neural import HificTunableCodec

    return HificTunableCodec


def _cae_1d() -> Any:
    from hsigan.codec.autoencoders import AutoencoderCodec

    return AutoencoderCodec


def _sscnet() -> Any:
    from hsigan.codec.autoencoders import SSCNetCodec

    return SSCNetCodec


def _cae_3d() -> Any:
    from hsigan.codec.autoencoders import CAE3DCodec

    return CAE3DCodec


CODECS: dict[str, Entry] = {
    "klt": Entry(1, _klt),
    "jpeg2000": Entry(2, _jpeg2000),
    "sperr": Entry(3, _sperr),
    "dct3d": Entry(4, _dct3d),
    "dpcm-dct": Entry(5, _dpcm_dct),
    "klt-context": Entry(8, _klt_context, needs_model=True),
    "hific": Entry(16, _hific, needs_model=True),
    "hific-se": Entry(17, _hific_se, needs_model=True),
    "hific-3d": Entry(18, _hific_3d, needs_model=True),
    "hific-tunable": Entry(19, _hific_tunable, needs_model=True),
    "cae-1d": Entry(24, _cae_1d, needs_model=True),
    "sscnet": Entry(25, _sscnet, needs_model=True),
    "cae-3d": Entry(26, _cae_3d, needs_model=True),
}


def codec_name(number: int) -> str:
    """Return the name of the codec that a file's header numbers.

    Raises
    ------
    StreamError
        No codec has this number.
    """
    for name, entry in CODECS.items():
        if entry.number == number:
            return name
    raise StreamError(f"the file names codec {number}, which this version of hsigan does not know.")


def open_codec(name: str | Path) -> Codec:
    """Open a codec.

    Parameters
    ----------
    name : a name of `CODECS` that needs no model, the name of a shipped model, a model file, or a
        run folder that holds one.

    Raises
    ------
    InputError
        There is no such codec.
    StreamError
        The model file is damaged.
    """
    entry = CODECS.get(str(name))
    if entry is not None and not entry.needs_model:
        return _built(entry.load_class())
    shipped = shipped_models()
    path = shipped.get(str(name), Path(name))
    if path.is_dir():
        path = path / RUN_MODEL
        if not path.is_file():
            raise InputError(f"the folder {name} holds no trained codec: it has no {RUN_MODEL}.")
    if path.is_file():
        return codec_of_model(path)
    known = [each for each, entry in CODECS.items() if not entry.needs_model] + sorted(shipped)
    near = difflib.get_close_matches(str(name), known, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise InputError(
        f"there is no codec {str(name)!r}{hint}: name one of {', '.join(known)}, a model file, or "
        "the folder of a trained codec."
    )


def codec_of_model(source: Path | bytes) -> Codec:
    """Open the codec of a model file, given by its path or its content.

    Raises
    ------
    StreamError
        The model file is damaged, or of a codec that this version does not know.
    """
    _, facts, _ = load_model(source)
    entry = CODECS.get(facts["codec"])
    if entry is None:
        raise StreamError(
            f"the model is one of codec {facts['codec']!r}, which this version does not know."
        )
    opened: Codec = entry.load_class().load(source)
    return opened


def codec_of_file(number: int, wanted: bytes, embedded: bytes | None = None) -> Codec:
    """Open the codec that a file was written with.

    Parameters
    ----------
    number, wanted : codec and hash of the model, as the file's header has them
    embedded : the model inside the file, where there is one

    Raises
    ------
    StreamError
        The codec is unknown, its model is not found, or the embedded one is another.
    """
    name = codec_name(number)
    if not wanted:
        if CODECS[name].needs_model:
            raise StreamError(f"the file names no model, and codec {name} decodes nothing without.")
        return _built(CODECS[name].load_class())
    if embedded is None:
        return codec_of_model(find_model(wanted))
    if model_hash(embedded) != wanted:
        raise StreamError("the embedded model is not the one that the file was written with.")
    return codec_of_model(embedded)


def shipped_models() -> dict[str, Path]:
    """Return the model files that come with hsigan, by name."""
    folder = Path(str(resources.files("hsigan"))) / "codec" / "models"
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"))}


def find_model(wanted: bytes) -> Path:
    """Find the model file with this hash: among the shipped ones and in folders of HSIGAN_MODELS.

    Raises
    ------
    StreamError
        There is none.
    """
    folders = [Path(part) for part in os.environ.get(MODELS_VARIABLE, "").split(os.pathsep) if part]
    found = [path for folder in folders for path in sorted(folder.glob("**/*.safetensors"))]
    for path in [*shipped_models().values(), *found]:
        if model_hash(path.read_bytes()) == wanted:
            return path
    raise StreamError(
        f"the file was written with model {wanted.hex()}, which is not here: name it with --codec, "
        f"or put it into a folder that {MODELS_VARIABLE} names."
    )


def _built(codec_class: Callable[[], Any]) -> Codec:
    built: Codec = codec_class()
    return built
