"""Every compression network by name: what ``tests/models/test_compression_zoo.py`` holds together.

Each network knows its ``arguments``, plain data that rebuilds it.
"""

from __future__ import annotations

from typing import Any

from hsigan.models.compression_model import CompressionModel
from hsigan.models.hific import Discriminator
from hsigan.models.quantised_autoencoder import AUTOENCODERS, QuantisedAutoencoder

COMPRESSORS: dict[str, type[CompressionModel | QuantisedAutoencoder]] = {
    "hific": CompressionModel,
    "quantised-autoencoder": QuantisedAutoencoder,
}

DISCRIMINATORS: dict[str, type[Discriminator]] = {"hific": Discriminator}

HIFIC_VARIANTS: dict[str, dict[str, Any]] = {
    "hific": {},
    "hific-se": {"se": "encoder-generator"},
    "hific-3d": {"conv3d": "first-last"},
    "hific-se-first": {"se": "encoder-first"},
    "hific-se-encoder": {"se": "encoder"},
    "hific-3d-everywhere": {"conv3d": "everywhere"},
    "hific-tunable": {"levels": 5},
}
"""Arguments of `CompressionModel` by the name of the variant: the rows of Byju et al., Table II,
and the model for all rates."""

__all__ = ["AUTOENCODERS", "COMPRESSORS", "DISCRIMINATORS", "HIFIC_VARIANTS"]
