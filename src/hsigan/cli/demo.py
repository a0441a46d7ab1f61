"""`hsigan demo`: the whole story on one scene, from pixels to a page."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hsigan.cli.options import Reading, open_inputs, takes_reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

    from hsigan.evaluation.augmentation_config import AugmentationConfig
    from hsigan.evaluation.results import ResultsFolder
    from hsigan.sampling import Split

    Tell = Callable[[str], None]

_MARK = ".hsigan-demo"
_SIMPLE = ("gaussian", "smoothed-bootstrap", "smote")
_CLASSIFIER = "lda"
_FAKES_PER_CLASS = 500
_PROCESSES = 2
_CLASSES, _NOISY = 8, 25.0  # hard enough that a classifier has something to gain


@takes_reading
def demo_command(
    scene: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SCENE...]", help="Labelled scene; by default a simulated one."),
    ] = None,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="DIR", help="Folder for everything that is made.")
    ] = Path("demo"),
    seed: Annotated[
        int, typer.Option(min=0, max=2**31, help="Seed of everything that is drawn.")
    ] = 0,
    *,
    reading: Reading,
) -> None:
    """Train a GAN on a scene, judge its spectra, augment classifiers, map, and report.

    Example: hsigan demo SalinasA_corrected.mat --labels SalinasA_gt.mat --out demo

    Labelled pixels are split at random (5 % train); small studies follow, three partitions each.
    """
    from rich.console import Console

    started = time.monotonic()
    prepare_folder(out)
    scenes = _scenes(scene, reading, out, seed)
    demo = Demo.begin(scenes, out, seed)
    steps = (
        ("training a GAN on the training pixels", demo.train),
        ("judging its spectra beside simple generators", demo.judge),
        ("augmenting classifiers with them", demo.augment),
        ("mapping the scene", demo.draw_map),
    )
    for number, (what, step) in enumerate(steps, start=1):
        begun = time.monotonic()
        with Console(stderr=True).status(what) as status:
            step(lambda text, what=what, status=status: status.update(f"{what}: {text}"))  # type: ignore[misc]
        typer.echo(f"{number}/{len(steps)}  {what}: {time.monotonic() - begun:.0f} s")
    page = demo.report(time.monotonic() - started)
    typer.echo(f"done in {time.monotonic() - started:.0f} s; open {page} in a browser")


def prepare_folder(out: Path) -> None:
    """Make the folder, or empty it of what an earlier demo left; touch nobody else's files.

    Raises
    ------
    RunError
        The folder holds files and no demo made them.
    """
    from hsigan.errors import RunError

    if out.exists() and not out.is_dir():
        raise RunError(f"{out} is a file; name a folder with --out")
    if out.is_dir() and any(out.iterdir()) and not (out / _MARK).exists():
        raise RunError(f"{out} holds files that no demo made; name a new folder with --out")
    for name in ("gan", "results"):
        shutil.rmtree(out / name, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    (out / _MARK).touch()


def _scenes(scene: list[str] | None, reading: Reading, out: Path, seed: int) -> list[xr.Dataset]:
    """Open what was named, or simulate a scene and keep it beside the results."""
    if scene:
        return open_inputs(scene, reading)
    from hsigan.scene import simulate_scene, write_scene

    simulated = simulate_scene(classes=_CLASSES, snr=_NOISY, seed=seed)
    write_scene(simulated, out / "scene.hdr")
    return [simulated]


@dataclass(frozen=True)
class Demo:
    """The scenes, their split, and the folder in which everything arrives."""

    scenes: list[xr.Dataset]
    split: Split
    config: AugmentationConfig
    results: ResultsFolder
    out: Path
    seed: int

    @classmethod
    def begin(cls, scenes: list[xr.Dataset], out: Path, seed: int) -> Demo:
        """Split the scenes and start a results folder."""
        from hsigan.evaluation.augmentation_config import AugmentationConfig
        from hsigan.evaluation.results import ResultsFolder
        from hsigan.sampling import split_scenes

        config = AugmentationConfig(
            split={"mode": "random", "train": 0.05, "minimum_per_class": 3},
            seeds=3,
            first_seed=seed,
            methods=("none", "gan", *_SIMPLE, "auto"),
            classifiers=(_CLASSIFIER, "svm-linear", "nn-1d"),
            amounts=(1.0, 5.0),
            auto_methods=_SIMPLE[:2],
        )
        split = split_scenes(scenes, config.split_options(seed))
        split.save(out / "split.npz")
        return cls(scenes, split, config, ResultsFolder(out / "results"), out, seed)

    @property
    def name(self) -> str:
        """The scene's name."""
        return str(self.scenes[0].attrs.get("name", "scene"))

    def train(self, tell: Tell) -> None:
        """Train the GAN into a run folder, and draw samples from it."""
        from hsigan.synthesis.scene_parts import GanOptions
        from hsigan.synthesis.scene_run import draw_samples, train_on_scenes

        def report(step: int, values: Mapping[str, float]) -> None:
            tell(f"step {step}")

        options = GanOptions(seed=self.seed)
        train_on_scenes(self.scenes, self.split, self.out / "gan", options, report)
        samples = self.out / "samples.npz"
        draw_samples(self.out / "gan", samples, _FAKES_PER_CLASS, seed=self.seed)

    def judge(self, tell: Tell) -> None:
        """Judge the GAN's spectra beside those of simple generators."""
        from hsigan.evaluation.contestants import Contestants
        from hsigan.evaluation.synthesis import Setting
        from hsigan.evaluation.synthesis_study import run_study

        contestants = Contestants(
            methods=_SIMPLE, runs={"gan": self.out / "gan"}, per_class=_FAKES_PER_CLASS
        )
        setting = Setting(self.name, self.config.split_name(), seed=self.seed)
        run_study(self.scenes, self.split, contestants, setting, self.results, progress=tell)

    def augment(self, tell: Tell) -> None:
        """Compare classifiers with and without synthetic spectra."""
        from hsigan.evaluation.augmentation import evaluate_augmentation

        evaluate_augmentation(
            self.scenes,
            self.config,
            self.results,
            scene_name=self.name,
            processes=_PROCESSES,
            progress=lambda text, done, planned: tell(f"{done} of {planned}, {text}"),
        )

    def draw_map(self, tell: Tell) -> None:
        """Predict the scenes by real pixels alone and with synthetic ones; keep the latter map."""
        import numpy as np

        from hsigan.sampling import gather_pixels
        from hsigan.synthesis import load_samples

        train = gather_pixels(self.scenes, self.split.train)
        fakes = load_samples(self.out / "samples.npz")
        both = np.concatenate([train.spectra, fakes.spectra])
        labels = np.concatenate([train.labels, fakes.labels])
        tell("predicting")
        self._predict(f"{_CLASSIFIER}, real pixels alone", train.spectra, train.labels)
        self._predict(f"{_CLASSIFIER}, real and synthetic", both, labels)

    def _predict(self, title: str, X: NDArray[np.float32], y: NDArray[np.int64]) -> None:
        from hsigan.classification import SpectralClassifier, TrainedClassifier, classify_scene
        from hsigan.sampling import gather_pixels

        train = gather_pixels(self.scenes, self.split.train)
        fitted = SpectralClassifier(_CLASSIFIER, None, self.seed).fit(X, y)
        trained = TrainedClassifier(
            fitted, train.band_indices, train.wavelengths_nm, train.class_names, {"demo": title}
        )
        maps = {}
        for index, scene in enumerate(self.scenes):
            number = f"-{index}" if len(self.scenes) > 1 else ""
            path = self.out / f"map{number}.tif"
            maps[f"map/{title}/{index}"] = classify_scene(trained, scene, path)
        self.results.save_arrays(maps)

    def report(self, seconds: float) -> Path:
        """Write the facts and the page."""
        from hsigan.evaluation.augmentation import experiment_facts
        from hsigan.report import write_report

        facts: dict[str, Any] = experiment_facts(
            self.scenes, self.config, name=self.name, command=_command(), seconds=seconds
        )
        facts |= {
            "title": f"Synthetic spectra, judged and used: {self.name}",
            "split": self.split.provenance,
        }
        self.results.write_experiment(facts)
        self.results.write_summary()
        return write_report([self.results.path], self.out / "report.html")


def _command() -> str:
    return shlex.join(["hsigan", *sys.argv[1:]])
