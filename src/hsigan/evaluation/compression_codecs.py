"""The codecs of a comparison: opened, fitted where they learn, and named."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import xarray as xr

from hsigan.codec.interface import Codec
from hsigan.codec.zoo import CODECS, open_codec, shipped_models
from hsigan.errors import InputError
from hsigan.evaluation.compression_config import Decoders

Decoder = Literal["faithful", "realistic"]
REALISTIC: Decoder = "realistic"
SHARED = "-shared"
"""Ends the name of a codec that works unfitted too, where it is to be fitted."""


@dataclass(frozen=True)
class JudgedCodec:
    """A codec as the comparison names it, and the decoders that are judged."""

    label: str
    codec: Codec
    decoders: tuple[Decoder, ...] = ("faithful",)

    def method(self, decoder: Decoder) -> str:
        """Return how records name this codec with a decoder."""
        return f"{self.label} ({REALISTIC})" if decoder == REALISTIC else self.label

    @property
    def methods(self) -> list[str]:
        """All names of this codec in records."""
        return [self.method(decoder) for decoder in self.decoders]


def open_codecs(
    names: Sequence[str],
    train: Sequence[xr.Dataset],
    models: Path,
    decoders: Decoders = "both",
) -> list[JudgedCodec]:
    """Open codecs, and fit those that learn on the training scenes alone.

    Fitted are those of the zoo that do not work without a model, and with ``-shared`` behind their
    name those that do ("klt-shared" has one basis for all scenes). A trained model, shipped or
    one's own, stays as it is.

    Parameters
    ----------
    names : names of the zoo, of shipped models, model files, run folders
    train : scenes to fit on
    models : folder that fitted models are kept in; one that is there already is not fitted again
    decoders : which are judged of a codec that has two

    Raises
    ------
    InputError
        There is no such codec, two of them have one name, or one must be fitted and there is no
        training scene.
    """
    judged = [_judged(_opened(name, train, models), name, decoders) for name in names]
    labels = [one.label for one in judged]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise InputError(f"two codecs are called {twice[0]!r}: rename one of their files.")
    return judged


def _opened(name: str, train: Sequence[xr.Dataset], models: Path) -> Codec:
    kind = _class_to_fit(name)
    if kind is None:
        return open_codec(name)
    kept = models / f"{name}.safetensors"
    if kept.is_file():
        loaded: Codec = kind.load(kept)
        return loaded
    if not train:
        raise InputError(f"codec {name!r} learns from scenes: name some with --train.")
    fitted: Any = kind().fit(train)
    kept.parent.mkdir(parents=True, exist_ok=True)
    fitted.save(kept)
    codec: Codec = fitted
    return codec


def _class_to_fit(name: str) -> Any:
    """Return the class of a codec that must be fitted here, None of one that is ready."""
    entry = CODECS.get(name.removesuffix(SHARED))
    if entry is None or name in shipped_models():
        return None
    if not entry.needs_model and not name.endswith(SHARED):
        return None
    kind = entry.load_class()
    if not hasattr(kind, "fit"):
        raise InputError(
            f"codec {name!r} has nothing to learn from scenes here: name a model file, or "
            f"{name.removesuffix(SHARED)}."
        )
    return kind


def _judged(codec: Codec, name: str, decoders: Decoders) -> JudgedCodec:
    has_two = REALISTIC in inspect.signature(codec.decoder).parameters
    chosen: tuple[Decoder, ...] = ("faithful", REALISTIC) if decoders == "both" else (decoders,)
    return JudgedCodec(_label(name), codec, chosen if has_two else ("faithful",))


def _label(name: str) -> str:
    """Return a short name: that of the file or of the run's folder."""
    path = Path(name)
    return path.stem if path.is_file() else path.name or name
