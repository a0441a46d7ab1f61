"""What the codecs with a model file share: opening it, saving it, and telling what is in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hsigan.codec.model_file import load_model, read_model
from hsigan.errors import StreamError
from hsigan.files import whole_file


class ModelCodec(ABC):
    """A codec that is what its model file says; without one it has learned nothing yet."""

    name: ClassVar[str]
    tile_px: int

    def __init__(self) -> None:
        self.model_bytes = b""
        self.model_hash = b""
        self.profile: dict[str, Any] = {}
        self._facts: dict[str, Any] = {}

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

    def describe(self) -> dict[str, Any]:
        """Return name, tile, settings, and what it was trained on."""
        return {"name": self.name, "tile_px": self.tile_px, **self._facts}

    def _take(self, content: bytes) -> Self:
        """Become the codec of a model file's content."""
        arrays, facts, digest = load_model(content)
        if facts["codec"] != self.name:
            raise StreamError(f"the model is one of codec {facts['codec']!r}, not {self.name!r}.")
        self._read(arrays, facts)
        self.profile = facts.pop("profile", {})
        self.model_bytes, self.model_hash, self._facts = content, digest, facts
        return self

    @abstractmethod
    def _read(self, arrays: dict[str, NDArray[np.generic]], facts: dict[str, Any]) -> None:
        """Take what the codec works with out of the model, or say that it is damaged.

        Raises
        ------
        StreamError
            The model lacks something, or what it holds does not fit together.
        """
