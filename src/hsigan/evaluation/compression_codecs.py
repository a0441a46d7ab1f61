"""The codecs of a comparison: opened, fitted where they learn, and named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import xarray as xr

from hsigan.codec.fitting import Training, resolve_codec
from hsigan.codec.interface import Codec
from hsigan.codec.zoo import CODECS, codec_of_model, open_codec, shipped_models
from hsigan.errors import InputError
from hsigan.evaluation.compression_config import Decoders
from hsigan.recipe import recipe_names

Decoder = Literal["faithful", "realistic"]
REALISTIC: Decoder = "realistic"
SHARED = "-shared"
"""Ends the name of a codec that works unfitted too, where it is to be fitted."""


_SEEN = ("trained_on", "companions", "repaired_on")
"""What codecs tell of the scenes that they were trained on."""


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

    @property
    def rate_number(self) -> float | None:
        """What tells models of one rate apart that share a label; None without a model."""
        content = self.codec.model_hash
        return float(int.from_bytes(content[:3], "big")) if content else None

    def saw(self, scene: str) -> bool:
        """Whether the codec says that it was trained on a scene of this name."""
        facts = self.codec.describe()
        return any(scene in facts.get(part, ()) for part in _SEEN)


def open_codecs(
    names: Sequence[str],
    train: Sequence[xr.Dataset],
    models: Path,
    decoders: Decoders = "both",
    training: Training | None = None,
) -> list[JudgedCodec]:
    """Open codecs, and fit those that learn on the training scenes alone.

    Fitted are recipes of codecs, and with ``-shared`` behind their name those that work unfitted
    too ("klt-shared" has one basis for all scenes). A trained model, shipped or one's own, stays as
    it is.

    Parameters
    ----------
    names : names of the zoo, of shipped models, of recipes; model files, run folders. ``LABEL=``
        before one says how it is called; codecs of one rate each make a curve under one label
    train : scenes to fit on
    models : folder that fitted models are kept in; one that is there already is not fitted again
    decoders : which are judged of a codec that has two
    training : what surrounds the fitting: seed, companions, whom to tell

    Raises
    ------
    InputError
        There is no such codec, two that are not of one rate have one name, or one must be fitted
        and there is no training scene.
    """
    judged = []
    for text in names:
        label, _, name = text.rpartition("=")
        codec = _opened(name, train, models, training or Training())
        judged.append(_judged(codec, label or _label(name), decoders))
    labels = [one.label for one in judged]
    for one in judged:
        if labels.count(one.label) > 1 and one.codec.adjustable:
            raise InputError(f"two codecs are called {one.label!r}: give one a label, LABEL=NAME.")
    return judged


def _opened(name: str, train: Sequence[xr.Dataset], models: Path, training: Training) -> Codec:
    is_recipe = name.endswith(".toml") or (
        name in recipe_names("codec") and name not in shipped_models()
    )
    if not (is_recipe or name.endswith(SHARED)):
        return open_codec(name)
    kept = models / f"{_label(name)}.safetensors"
    if kept.is_file():
        return codec_of_model(kept)
    if not train:
        raise InputError(f"codec {name!r} learns from scenes: name some with --train.")
    fitted = _trained(name, train, training) if is_recipe else _with_shared(name, train)
    kept.parent.mkdir(parents=True, exist_ok=True)
    fitted.save(kept)
    # What a user would open is judged: also a model file must hold all that the codec needs.
    return codec_of_model(kept)


def _trained(recipe: str, train: Sequence[xr.Dataset], training: Training) -> Any:
    kind, config = resolve_codec(recipe)
    own = training if kind.takes_companions else replace(training, companions=())
    return kind().fit(train, config, own)


def _with_shared(name: str, train: Sequence[xr.Dataset]) -> Any:
    own = name.removesuffix(SHARED)
    entry = CODECS.get(own)
    kind = None if entry is None or entry.needs_model else entry.load_class()
    if kind is None or not hasattr(kind, "fit"):
        raise InputError(
            f"{own!r} is no codec that works with and without training scenes: name another, or a "
            "model file."
        )
    return kind().fit(train)


def _judged(codec: Codec, label: str, decoders: Decoders) -> JudgedCodec:
    has_two = getattr(codec, "has_realistic", False)
    chosen: tuple[Decoder, ...] = ("faithful", REALISTIC) if decoders == "both" else (decoders,)
    return JudgedCodec(label, codec, chosen if has_two else ("faithful",))


def _label(name: str) -> str:
    """Return a short name: that of the file or of the run's folder."""
    path = Path(name)
    return path.stem if path.is_file() else path.name or name
