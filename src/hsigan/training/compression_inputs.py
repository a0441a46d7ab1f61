"""From scenes and settings to what the training loop takes: planes, a started model, the losses."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import xarray as xr

from hsigan.models.scene_model import SceneModel
from hsigan.training.compression import CompressionData
from hsigan.training.compression_config import CompressionConfig
from hsigan.training.held_out import HeldOut
from hsigan.training.perceptual_weights import perceptual_distance
from hsigan.training.plane_distortion import PlaneDistortion
from hsigan.training.scene_crops import (
    BandStatistics,
    SceneValues,
    fill_scene,
    gather_scenes,
    hold_out_rows,
)


@dataclass(frozen=True)
class CompressionInputs:
    """What `train_compression` takes, and what is known of it.

    Attributes
    ----------
    data, model, distortion : see `train_compression`
    statistics : of the training scenes' bands
    perceptual : a sentence on the perceptual term
    fingerprint : SHA-256 of the values that are trained on
    """

    data: CompressionData
    model: SceneModel
    distortion: PlaneDistortion
    statistics: BandStatistics
    perceptual: str
    fingerprint: str


def prepare_compression(
    scenes: Sequence[xr.Dataset],
    validation: Sequence[xr.Dataset],
    config: CompressionConfig,
    seed: int,
    device: torch.device,
    lpips_files: Sequence[str | Path] = (),
) -> CompressionInputs:
    """Gather scenes, fit front and block transform, and draw the networks' first weights.

    Parameters
    ----------
    scenes : training scenes of one sensor
    validation : scenes that only the rate control and the reported figures see; none: the last
        rows of each training scene, a fifth at most, are held out
    config, seed, device : settings; seed of the weights; where to train
    lpips_files : weights of LPIPS; none: they are fetched

    Raises
    ------
    SceneError
        Scenes differ in their bands, or hold no data.
    """
    training, held_out, statistics = split_scenes(scenes, validation)
    with torch.random.fork_rng(devices=[]):
        # PyTorch draws initial weights from its global generator: seeded here, then restored.
        torch.manual_seed(seed)
        model = SceneModel(**config.model_arguments(len(statistics.mean)))
        value_range = (statistics.low, statistics.high)
        model.front.fit(config.front, statistics.mean, statistics.covariance, value_range)
        with torch.no_grad():
            images = [model.front(torch.from_numpy(each.values)[None])[0] for each in training]
        model.start(images, config.first_bpp)
    perceptual, note = None, "perceptual term: none"
    if config.perceptual_weight:
        perceptual, note = perceptual_distance(config.perceptual, lpips_files)
        perceptual = perceptual.to(device)
    model = model.to(device)
    weights = (config.mse_weight, config.ssim_weight, config.perceptual_weight)
    return CompressionInputs(
        CompressionData(images, [HeldOut(each, config.tile_level) for each in held_out]),
        model,
        PlaneDistortion(model.front, value_range, weights, config.ssim_bands, perceptual),
        statistics,
        note,
        fingerprint(training),
    )


def split_scenes(
    scenes: Sequence[xr.Dataset], validation: Sequence[xr.Dataset]
) -> tuple[list[SceneValues], list[SceneValues], BandStatistics]:
    """Return training parts, held-out parts, and statistics of the training scenes."""
    training, statistics = gather_scenes(scenes)
    if validation:
        gather_scenes([*scenes, *validation])  # they must have the same bands
        return training, [fill_scene(each, statistics.mean) for each in validation], statistics
    training, held_out = hold_out_rows(training)
    return training, held_out, statistics


def fingerprint(scenes: Sequence[SceneValues]) -> str:
    """Return the SHA-256 of the values of scenes."""
    digest = hashlib.sha256()
    for scene in scenes:
        digest.update(repr(scene.values.shape).encode())
        digest.update(scene.values.tobytes())
    return digest.hexdigest()
