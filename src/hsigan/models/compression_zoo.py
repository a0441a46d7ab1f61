"""Every compression network by name: what ``tests/models/test_compression_zoo.py`` holds together.

Each network knows its ``arguments``, plain data that rebuilds it.
"""

from __future__ import annotations

from typing import Any

from hsigan.models.compression_model import CompressionModel
from hsigan.models.hific import Discriminator
from hsigan.models.spectral_autoencoders import CAE1D, CAE3D, SSCNet

COMPRESSORS: dict[str, type[CompressionModel]] = {"hific": CompressionModel}

DISCRIMINATORS: dict[str, type[Discriminator]] = {"hific": Discriminator}

AUTOENCODERS: dict[str, type[CAE1D | SSCNet | CAE3D]] = {
    "cae-1d": CAE1D,
    "sscnet": SSCNet,
    "cae-3d": CAE3D,
}

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
