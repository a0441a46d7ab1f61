"""Results of a comparison of codecs such as the evaluation writes, drawn from a seed."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hsigan.evaluation.results import FLOOR, Record, ResultsFolder

BANDS, SIDE = 60, 48
SCENES = ("field-1", "field-2 <b>bold</b>")
TARGETS = {"bpp": (0.5, 2.0), "bpppc": (0.05, 1.0)}
CODECS = {"klt": 0.0, "own": 4.0, "own (realistic)": 3.2, "jpeg2000": -9.0}
CITED = {
    "label": "lossless CCSDS-123",
    "bpppc": 4.07,
    "psnr_db": None,
    "scenes": ["field-1"],
    "source": "somebody's table",
}


def write_fake_comparison(folder: Path) -> ResultsFolder:
    """Write records, facts and pictures: every codec with its gain in dB over the first."""
    store = ResultsFolder(folder)
    for scene in SCENES:
        store.append(_scene_records(scene, CODECS))
    store.append(
        [_record(SCENES[0], "theirs", "coded elsewhere", 600.0, m, v) for m, v in _FOREIGN]
    )
    store.write_experiment(
        {
            "title": "Codecs on a simulated valley",
            "command": "hsigan evaluate compression valley.tif --bpp 0.5,1,2 -o results",
            "options": {"baseline": ["klt"], "cited": [CITED]},
            "scene": {"name": "valley", "files": 2, "shape": [[SIDE, SIDE]] * 2, "bands": BANDS},
            "held_out": [{"name": name, "shape": [SIDE, SIDE]} for name in SCENES],
            "seconds": 77.0,
        }
    )
    store.save_arrays(_pictures(CODECS))
    return store


_FOREIGN = (
    ("bytes", 600.0),
    ("bpp", 2.08),
    ("bpppc", 0.035),
    ("psnr", 33.0),
    ("spectral_angle", 2.0),
)


def _scene_records(scene: str, codecs: dict[str, float]) -> list[Record]:
    rng = np.random.default_rng(len(scene))
    records = [_record(scene, FLOOR, "fixed rate", None, "patch_mmd", 0.0004)]
    for unit, targets in TARGETS.items():
        for method, gain in codecs.items():
            for target in targets:
                bits = target * (1 if unit == "bpp" else BANDS) * rng.uniform(0.95, 1)
                figures = _figures(bits, gain + rng.normal(0, 0.1))
                if method == "jpeg2000" and bits < 1:
                    figures = {"impossible": 1.0}
                place = (scene, method, unit, target)
                records += [_record(*place, metric, value) for metric, value in figures.items()]
            for ending, more in (("", 0.0), ("_less_empty", 4.0)):
                differences = {"bd_rate": -9 * gain + more, "bd_psnr": gain, "bd_angle": -gain / 9}
                for metric, value in differences.items():
                    names = {metric: value, f"{metric}_low": 30.0, f"{metric}_high": 40.0}
                    records += [
                        _record(scene, method, unit, None, name + ending, figure)
                        for name, figure in names.items()
                    ]
    return records


def _figures(bits: float, gain: float) -> dict[str, float]:
    psnr = 33 + 4.5 * np.log2(bits) + gain
    return {
        "bytes": bits * SIDE**2 / 8,
        "bpp": bits,
        "bpppc": bits / BANDS,
        "ratio": 16 * BANDS / bits,
        "psnr": psnr,
        "mse": 6000.0**2 / 10 ** (psnr / 10),
        "spectral_angle": 60 / psnr,
        "ssim": 1 - 8 / psnr**2,
        "max_error": 9000 / psnr,
        "encode_seconds": 0.4,
        "decode_seconds": 0.2,
        "encode_speed": 2.5,
        "decode_speed": 5.0,
        "encode_memory": 31.0,
        "patch_mmd": 0.2 / psnr**2,
        "spectrum_mmd": 0.1 / psnr**2,
        "gradient_ratio": 0.9,
        "accuracy_loss": 20 / psnr,
        "accuracy_decoded": 80.0,
        "agreement": 95.0,
    }


def _record(
    scene: str, method: str, unit: str, amount: float | None, metric: str, value: float
) -> Record:
    return Record(
        experiment="compression",
        scene=scene,
        split=f"by scene, {unit}",
        method=method,
        amount=amount,
        metric=metric,
        value=value,
    )


def _pictures(codecs: dict[str, float]) -> dict[str, NDArray[np.generic]]:
    rng = np.random.default_rng(2)
    wavelengths = np.linspace(400, 2450, BANDS)
    spectra = 2000 + 800 * np.sin(wavelengths / np.array([[300.0], [420], [510], [700]]))
    rows = np.arange(SIDE)
    image = 128 + 90 * np.sin(rows[:, None] / 5)[:, :, None] * np.cos(rows / 7)[None, :, None]
    image = image + np.array([0, 15, -25])
    arrays: dict[str, NDArray[np.generic]] = {
        "wavelengths_nm": wavelengths,
        "compression/0/pixels": np.array([[1, 2], [10, 40], [30, 8], [44, 44]]),
    }
    names = {"original": 0.0}
    for unit, targets in TARGETS.items():
        names |= {f"{m}/{unit}/{t:g}": 30 / (1 + t) for m in codecs for t in targets}
    del names["jpeg2000/bpp/0.5"]  # out of its reach
    for name, error in names.items():
        shown = np.clip(image + rng.normal(0, error, image.shape), 0, 255).astype(np.uint8)
        arrays[f"compression/0/{name}/rgb"] = shown
        arrays[f"compression/0/{name}/detail"] = shown[8:24, 8:24]
        arrays[f"compression/0/{name}/spectra"] = spectra + rng.normal(0, error, spectra.shape)
    return arrays
