"""The studies whose results are kept under docs/results, and how to run them again.

Command: ``python benchmarks/studies.py NAME... -o docs/results`` (no name: list them)

Each study is a call of the ``hsigan`` command with one thread; an interrupted one continues. The
scenes are looked for in the folder that ``HSIGAN_DATA`` names. Hours are those of one core.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from hsigan.evaluation.results import ResultsFolder

AUGMENT = "evaluate augmentation --processes 1 --recipe"
SALINAS = "known:salinas-a"
RIVALS = "--methods gan,gaussian,gaussian-mixture,smoothed-bootstrap,smote,mixup,gain-offset"
CODECS = "--codecs klt,klt-shared,jpeg2000,sperr,dct3d,dpcm-dct,benchmarks/klt-context.toml"
SEEN = (
    *(f"abu/abu-{name}.mat" for name in ("beach-1", "beach-2", "urban-1", "urban-2")),
    "abu/sandiego.mat",
    "salinas_a/SalinasA_corrected.mat",
    "jasper_ridge/Jasper_Ridge_ori.tif",
    "samson/samson_1.img",
    "pavia_centre/wzy_dataPavia.mat",
)
AVIRIS = ("abu-airport-1", "abu-airport-2", "abu-urban-4")
FEW_STEPS = "{hamida-3d={max_steps=40},li-3d={max_steps=100},ssrn={max_steps=150}}"
NOISE_SCENES = {"salinas-a-patches": 150, "enmap-25-patches": 100}
"""Scenes of patches, and how many steps `hybridsn` takes at most."""
NOISE_GANS = (
    "conv3d",
    "conv3d-attention",
    "conv3d-conditional",
    "factorised-conditional",
    "factorised-semi-supervised",
)
PATCH_RIVALS = "--methods patch,gan,flips-rotations,radiation-noise,mixture-noise,patch-bootstrap"


@dataclass(frozen=True)
class Study:
    """A command (without ``hsigan`` and ``-o``) and the core hours that it takes.

    A training writes a run folder of its name where it is started, no results.
    """

    command: str
    hours: float
    is_training: bool = False


def _codecs_on(held_out: str) -> str:
    """Return the comparison of codecs on one AVIRIS scene; those that learn see the other two."""
    others = " ".join(f"--train $DATA/abu/{name}.mat" for name in AVIRIS if name != held_out)
    scene = f"$DATA/abu/{held_out}.mat {others}"
    return f"evaluate compression {scene} --recipe compression-aviris {CODECS}"


STUDIES = {
    "synthesis-salinas-a": Study(
        f"evaluate synthesis {SALINAS} --seed 20 --seeds 10 {RIVALS}", 0.1
    ),
    "synthesis-enmap": Study(f"evaluate synthesis --recipe enmap-all --seeds 10 {RIVALS}", 0.2),
    # Few labels: what a classifier learns from fakes alone, beside SMOTE's.
    **{
        f"synthesis-enmap-{labels}": Study(
            f"evaluate synthesis --recipe enmap-{labels} --seeds 30 {RIVALS}", 0.3
        )
        for labels in (10, 25)
    },
    # What all classes share along small directions, counted alike for every class.
    "synthesis-enmap-25-shared": Study(
        "evaluate synthesis --recipe enmap-25 --seeds 30 --methods gan,smote "
        "--set rest_shrinkage=32",
        0.1,
    ),
    "synthesis-neon": Study(f"evaluate synthesis --recipe neon --seeds 10 {RIVALS}", 0.5),
    # The paper's GAN: its trainings are kept as runs, so that both studies share them.
    "hypergan-salinas-a": Study(
        "evaluate synthesis --recipe salinas-a-3pct --seed 10 --seeds 3 --methods gan,hypergan "
        "--set steps=100000 --keep hypergan-runs",
        2.8,
    ),
    "hypergan-salinas-a-augmentation": Study(
        f"{AUGMENT} salinas-a-3pct --seeds 3 --set first_seed=10 --methods none,gan,hypergan "
        "--set 'gan={hypergan={steps=100000}}' --keep hypergan-runs",
        0.05,
    ),
    "hypergan-enmap-25": Study(
        f"{AUGMENT} enmap-25 --seeds 3 --methods none,gan,hypergan,hypergan-ss "
        "--set 'gan={hypergan={steps=20000},hypergan-semi-supervised={steps=20000}}' "
        "--keep hypergan-enmap-runs",
        1.2,
    ),
    "hypergan-neon": Study(
        f"{AUGMENT} neon --seeds 3 --methods none,gan,hypergan "
        "--classifiers lda,lda-unit,two-view,random-forest "
        "--set 'gan={hypergan={steps=20000}}' --keep hypergan-neon-runs",
        0.8,
    ),
    "unmixing-samson": Study(
        "evaluate synthesis $DATA/samson/samson_1.img --abundances $DATA/samson/end3.mat "
        "--train 0.1 --seeds 3 --methods gan,gaussian",
        0.05,
    ),
    "unmixing-jasper-ridge": Study(
        "evaluate synthesis $DATA/jasper_ridge/Jasper_Ridge_ori.tif "
        "--abundances $DATA/jasper_ridge/end4.mat --train 0.1 --seeds 3 --methods gan,gaussian",
        0.05,
    ),
    "augmentation-salinas-a-3pct": Study(f"{AUGMENT} salinas-a-3pct --seeds 10", 0.2),
    "augmentation-salinas-a-blocks": Study(f"{AUGMENT} salinas-a-blocks --seeds 10", 0.2),
    "augmentation-enmap-10": Study(f"{AUGMENT} enmap-10 --seeds 10", 0.15),
    "augmentation-enmap-25": Study(f"{AUGMENT} enmap-25 --seeds 10", 0.2),
    "augmentation-enmap-50": Study(f"{AUGMENT} enmap-50 --seeds 10", 0.4),
    "augmentation-enmap-all": Study(f"{AUGMENT} enmap-all --seeds 10", 0.8),
    "augmentation-neon": Study(
        f"{AUGMENT} neon --seeds 10 --classifiers lda,lda-unit,two-view,random-forest "
        "--methods none,gaussian,smote,gain-offset,gan,ss-gan,area-gan,coral,self-training,auto",
        0.5,
    ),
    "area-gan-enmap-10": Study(f"{AUGMENT} enmap-10 --seeds 30 --methods none,area-gan", 0.2),
    "area-gan-enmap-25": Study(f"{AUGMENT} enmap-25 --seeds 30 --methods none,area-gan", 0.3),
    "area-gan-enmap-25-density": Study(
        f"{AUGMENT} enmap-25 --seeds 10 --methods none,area-gan "
        "--set 'gan={spectral={steps=0}}'",
        0.1,
    ),
    **{
        f"auto-{name}": Study(
            f"{AUGMENT} {name} --seeds 30 --methods none,auto --classifiers lda,lda-unit,two-view",
            0.3,
        )
        for name in ("salinas-a-3pct", "neon")
    },
    # Three amounts and eight folds each: without the slow classifier.
    **{
        f"auto-{name}": Study(
            f"{AUGMENT} {name} --seeds 30 --methods none,auto --classifiers lda,lda-unit", 0.2
        )
        for name in ("salinas-a-blocks", "enmap-10", "enmap-25", "enmap-50", "enmap-all")
    },
    **{
        f"smote-enmap-{labels}": Study(
            f"{AUGMENT} enmap-{labels} --seeds 30 --methods none,gan,smote "
            "--classifiers lda,lda-unit,two-view",
            0.1,
        )
        for labels in (10, 25)
    },
    "amounts-enmap-25": Study(
        f"{AUGMENT} enmap-25 --seeds 10 --methods none,gan,gaussian,smote "
        "--classifiers lda,nn-1d --amounts 0.5,1,2,5,10,20,50",
        0.2,
    ),
    "synthesis-salinas-a-patches": Study(
        f"evaluate synthesis --recipe salinas-a-patches --seeds 5 --per-class 300 {PATCH_RIVALS}",
        0.2,
    ),
    "synthesis-enmap-patches": Study(
        f"evaluate synthesis --recipe enmap-25-patches --seeds 5 --per-class 300 {PATCH_RIVALS}",
        0.2,
    ),
    "augmentation-salinas-a-patches": Study(
        f"{AUGMENT} salinas-a-patches --seeds 5 --classifiers lda,two-view,hybridsn,ssftt "
        f"{PATCH_RIVALS},auto --set 'networks={{hybridsn={{max_steps=150}}}}'",
        0.5,
    ),
    "augmentation-enmap-25-patches": Study(
        f"{AUGMENT} enmap-25-patches --seeds 5 --classifiers lda,two-view,hybridsn,ssftt "
        f"{PATCH_RIVALS},area-gan --set 'networks={{hybridsn={{max_steps=100}}}}'",
        0.5,
    ),
    # GANs of patches from noise, far fewer steps than their recipes have; both studies of a scene
    # share the trained runs.
    **{
        f"synthesis-{name}-noise": Study(
            f"evaluate synthesis --recipe {name} --seeds 5 --per-class 300 "
            f"--methods {','.join(NOISE_GANS)} --set steps=400 --keep noise-{name}-runs",
            0.8,
        )
        for name in NOISE_SCENES
    },
    **{
        f"augmentation-{name}-noise": Study(
            f"{AUGMENT} {name} --seeds 5 --classifiers lda,hybridsn,ssftt "
            f"--methods none,flips-rotations,{','.join(NOISE_GANS)} --set 'gan={{"
            f"{','.join(gan + '={steps=400}' for gan in NOISE_GANS)}}}' "
            f"--set 'networks={{hybridsn={{max_steps={most}}}}}' "
            f"--keep noise-{name}-runs",
            1.2,
        )
        for name, most in NOISE_SCENES.items()
    },
    "synthesis-salinas-a-patches-noise-longer": Study(
        "evaluate synthesis --recipe salinas-a-patches --seeds 5 --per-class 300 "
        "--methods conv3d --set steps=1200",
        0.5,
    ),
    # As the networks made them.
    "synthesis-salinas-a-patches-noise-plain": Study(
        "evaluate synthesis --recipe salinas-a-patches --seeds 1 --per-class 300 --methods "
        "factorised-conditional,conv3d-conditional --set steps=800 --set class_moments=false",
        0.2,
    ),
    "augmentation-enmap-25-patches-noise-plain": Study(
        f"{AUGMENT} enmap-25-patches --seeds 5 --classifiers lda,ssftt "
        f"--methods none,flips-rotations,{','.join(NOISE_GANS)} --set 'gan={{"
        f"{','.join(gan + '={steps=400,class_moments=false}' for gan in NOISE_GANS)}}}'",
        0.7,
    ),
    # The other published networks, few steps each, on real, turned and the winner's patches.
    **{
        f"augmentation-{name}-networks": Study(
            f"{AUGMENT} {name} --seeds 5 --classifiers lda,hu-1d,hamida-3d,li-3d,ssrn "
            f"--methods none,flips-rotations,{winner} --set 'networks={FEW_STEPS}'",
            1.0,
        )
        for name, winner in (
            ("salinas-a-patches", "gan"),
            ("enmap-25-patches", "area-gan --amounts 3"),
        )
    },
    "area-gan-enmap-10-patches": Study(
        f"{AUGMENT} enmap-10-patches --seeds 30 --methods none,flips-rotations,area-gan "
        "--classifiers lda,two-view,ssftt --amounts 3",
        1.0,
    ),
    # The networks that repair what klt-context decodes, for all comparisons of codecs; they see
    # no scene of the sensors that are compared.
    "repairing": Study(
        "train codec $DATA/abu/abu-airport-4.mat "
        + " ".join(f"--companion $DATA/{name}" for name in SEEN),
        0.3,
        is_training=True,
    ),
    **{f"compression-{name}": Study(_codecs_on(name), 0.2) for name in AVIRIS},
    **{
        f"compression-{group}": Study(
            f"evaluate compression --recipe compression-{group} {CODECS}", hours
        )
        for group, hours in (("enmap", 0.5), ("neon", 1.0))
    },
}


def run(name: str, out: Path) -> None:
    """Run one study into a folder of its name."""
    data = os.environ.get("HSIGAN_DATA")
    if data is None:
        sys.exit("set HSIGAN_DATA to the folder that holds the scenes")
    words = shlex.split(STUDIES[name].command.replace("$DATA", data))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    folder_name = Path(name) if STUDIES[name].is_training else out / name
    command = [sys.executable, "-m", "hsigan", *words, "-o", str(folder_name)]
    subprocess.run(command, check=True, env=environment)
    if STUDIES[name].is_training:
        return
    # Results are read elsewhere than they were made: the folders of this machine stay here.
    folder = ResultsFolder(out / name)
    shown = f"hsigan {STUDIES[name].command} -o docs/results/{name}".replace(
        "$DATA", "$HSIGAN_DATA"
    )
    folder.write_experiment({**folder.experiment(), "command": shown})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(STUDIES))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(STUDIES)}")
    for name in arguments.names:
        run(name, arguments.out)
    if not arguments.names:
        for name, study in STUDIES.items():
            print(f"{name:32s} {study.hours:5.2f} h  hsigan {study.command}")


if __name__ == "__main__":
    main()
