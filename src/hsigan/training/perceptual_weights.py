"""The weights of LPIPS: from files, or fetched and verified; and what takes its place without.

Two small files are needed: AlexNet's convolutions as torchvision publishes them, and the linear
heads of LPIPS 0.1. Neither package is: torchvision must not enter the environment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from hsigan.errors import DownloadError, InputError
from hsigan.models.perceptual import LPIPS, SpectralSpatialDistance


@dataclass(frozen=True)
class WeightFile:
    """A file of weights: its name, address, and how the SHA-256 of its content begins."""

    name: str
    address: str
    sha256: str


WEIGHT_FILES = (
    # The first 8 digits of the checksum are in the publisher's own file name; no more is published.
    WeightFile(
        "alexnet-owt-7be5be79.pth",
        "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
        "7be5be79",
    ),
    WeightFile(
        "lpips-0.1-alex.pth",
        "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/"
        "v0.1/alex.pth",
        "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    ),
)


def perceptual_distance(
    source: str, files: Sequence[str | Path] = (), folder: Path | None = None
) -> tuple[nn.Module, str]:
    """Return the perceptual term of equation 4, and a sentence that says what it is.

    Parameters
    ----------
    source : "lpips" needs the weights; "stand-in" is `SpectralSpatialDistance`; "auto" is LPIPS
        where its weights are found or can be fetched, else the stand-in
    files : of weights, .pth or .safetensors; none: those in ``folder``, fetched where missing
    folder : where fetched files are kept, by default the user's cache

    Raises
    ------
    InputError
        A file that was named is not one of weights, or lacks some.
    DownloadError
        ``source`` is "lpips", no files are named, and they cannot be fetched.
    """
    if source == "stand-in":
        return SpectralSpatialDistance(), "perceptual term: spectral-spatial stand-in, as asked"
    try:
        paths = [Path(file) for file in files] or [fetch(file, folder) for file in WEIGHT_FILES]
    except DownloadError as error:
        if source == "lpips":
            raise
        return SpectralSpatialDistance(), (
            f"perceptual term: spectral-spatial stand-in, for LPIPS has no weights here ({error})"
        )
    weights: dict[str, Tensor] = {}
    for path in paths:
        weights |= read_weights(path)
    return LPIPS(weights), f"perceptual term: LPIPS from {', '.join(p.name for p in paths)}"


def fetch(file: WeightFile, folder: Path | None = None) -> Path:
    """Return the path of a file of weights, fetched into the cache where it is not yet.

    Raises
    ------
    DownloadError
        It cannot be fetched, or what came is another file.
    """
    import pooch

    where = folder or Path(pooch.os_cache("hsigan")) / "weights"
    path = where / file.name
    if not path.is_file():
        try:
            pooch.retrieve(file.address, known_hash=None, fname=file.name, path=where)
        except (OSError, ValueError) as error:
            raise DownloadError(
                f"{file.address} could not be fetched: fetch it elsewhere and name it, or put it "
                f"into {where}"
            ) from error
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if not found.startswith(file.sha256):
        raise DownloadError(
            f"{path} is not the published {file.name}: its SHA-256 begins with {found[:8]}, not "
            f"{file.sha256[:8]}; remove it and fetch it again"
        )
    return path


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a file of weights without executing anything in it.

    Raises
    ------
    InputError
        It is missing, or not a dictionary of tensors.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        read = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, RuntimeError, EOFError, ValueError) as error:
        raise InputError(f"the weights {path} cannot be read: {error}") from error
    except Exception as error:  # pickle's own errors have no common base that says so
        raise InputError(f"{path} is not a file of weights: {error}") from error
    if not isinstance(read, dict) or not all(isinstance(t, Tensor) for t in read.values()):
        raise InputError(f"{path} is not a file of weights: it holds no dictionary of tensors")
    return read
