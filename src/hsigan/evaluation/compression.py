"""How good are files of so many bytes? Rate-distortion curves over held-out scenes.

Every codec that learns is fitted on training scenes alone; every held-out scene is encoded at every
rate to a real file, decoded, and judged. The rate is the file's size. Scenes are opened one after
the other, so that memory holds one held-out scene at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import xarray as xr

from hsigan.errors import InputError, SceneError
from hsigan.evaluation.compression_codecs import JudgedCodec
from hsigan.evaluation.compression_config import ComparisonConfig
from hsigan.evaluation.compression_differences import difference_records
from hsigan.evaluation.compression_judge import SceneJudge
from hsigan.evaluation.compression_pictures import ScenePictures, version_name
from hsigan.evaluation.compression_points import (
    EXPERIMENT,
    FIXED,
    IMPOSSIBLE,
    CodecPoint,
    ForeignPoint,
    Place,
    Point,
    figure_records,
    point_records,
)
from hsigan.evaluation.results import FLOOR, Record, ResultsFolder
from hsigan.scene import make_scene
from hsigan.scene.describe import scene_digest

Progress = Callable[[str, int, int], None]
"""Called with a message, the points done and all points."""

_DECIDING = ("seed", "classifier", "label_split", "train", "companions", "with_metadata")
"""Settings under which figures of one folder must have been measured."""


@dataclass(frozen=True)
class SceneSource:
    """A held-out scene that is opened when its turn comes."""

    name: str
    open: Callable[[], xr.Dataset]


def refuse_training_scene(scene: xr.Dataset, name: str, trained_on: Collection[str]) -> None:
    """Check that a held-out scene is none of those with these digests (`scene_digest`).

    Raises
    ------
    InputError
        It is one of them.
    """
    if scene_digest(scene) in trained_on:
        raise InputError(
            f"the held-out scene {name} is one of the training scenes: leave it out of either."
        )


@dataclass
class Comparison:
    """A comparison of codecs over held-out scenes, which can be interrupted and continued.

    Parameters
    ----------
    name : how the group of held-out scenes is called
    config : what is run
    folder : where records, files and pictures go, as soon as they are there
    codecs : fitted
    trained_on : digests (``scene_digest``) of the scenes that codecs were fitted on
    foreign : scenes that were decoded elsewhere
    progress : called after each point
    """

    name: str
    config: ComparisonConfig
    folder: ResultsFolder
    codecs: Sequence[JudgedCodec]
    trained_on: frozenset[str] = frozenset()
    foreign: Sequence[ForeignPoint] = ()
    progress: Progress | None = None
    impossible: list[str] = field(default_factory=list)
    """What could not be done, and why."""
    held_out: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What is known of each held-out scene that was opened."""

    def run(self, sources: Sequence[SceneSource]) -> list[Record]:
        """Measure what is not yet in the folder, and return all records of the comparison.

        Raises
        ------
        InputError
            Two held-out scenes have one name, one of them was trained on, or no rate was given.
        RunError
            The folder's figures were measured with other settings.
        """
        names = [source.name for source in sources]
        if len(set(names)) < len(names):
            raise InputError(f"two held-out scenes have one name ({', '.join(sorted(names))}).")
        if not self.config.targets() and any(one.codec.adjustable for one in self.codecs):
            raise InputError("no rate was given: name some with --bpp or --bpppc.")
        self._continue()
        points = [self._points(name) for name in names]
        planned, count = sum(map(len, points)), 0
        for index, source in enumerate(sources):
            for message in self._scene(source, index, points[index]):
                count += 1
                if self.progress is not None:
                    self.progress(message, count, planned)
        records = own_records(self.folder)
        known = {record.place(): record.value for record in records}
        changed = [
            record
            for record in difference_records(records, self.config)
            if known.get(record.place()) != record.value
        ]
        self.folder.append(changed)
        return own_records(self.folder)

    def _continue(self) -> None:
        """Take over what an interrupted comparison knew, unless its settings were others."""
        options = self.config.model_dump(mode="json")
        self.folder.check_options(self.name, {key: options[key] for key in _DECIDING})
        facts = self.folder.experiment()
        self.held_out = {one["name"]: one for one in facts.get("held_out", [])} | self.held_out
        self.impossible = list(facts.get("impossible", []))
        if not facts:
            self.folder.write_experiment(comparison_facts(self, command=None, seconds=0.0))

    def _points(self, scene: str) -> list[Point]:
        points: list[Point] = []
        for codec in self.codecs:
            targets: Sequence[tuple[str, float | None]] = self.config.targets()
            targets = targets if codec.codec.adjustable else [(FIXED, codec.rate_number)]
            points += [CodecPoint(codec, Place(scene, unit, rate)) for unit, rate in targets]
        return points + [point for point in self.foreign if point.scene == scene]

    def _scene(self, source: SceneSource, index: int, points: Sequence[Point]) -> Iterator[str]:
        """Measure the points of one scene that are not done; yield a message after each."""
        keys = ("scene", "method", "split", "amount")
        done = self.folder.done(*keys)
        todo = [point for point in points if not done.issuperset(_keys_of(point))]
        yield from (f"{source.name}: done before" for _ in range(len(points) - len(todo)))
        if not todo:
            return
        opened = source.open()
        scene = opened if self.config.with_metadata else without_metadata(opened)
        refuse_training_scene(scene, source.name, self.trained_on)
        self._refuse_seen(source.name)
        self.held_out[source.name] = scene_facts(scene, source.name)
        judge = SceneJudge(opened, self.config)
        self.folder.append(figure_records(Place(source.name, FIXED, None), FLOOR, judge.floor()))
        shown = ScenePictures(opened, index) if index < self.config.pictures else None
        if shown is not None:
            self.folder.save_arrays(shown.original(scene))
        for point in todo:
            self._measure(point, scene, judge, shown)
            self._note()
            yield f"{source.name}: {point.methods[0]}, {point.place.title}"

    def _note(self) -> None:
        """Write down what the records do not say, for a comparison that may be interrupted."""
        known = {"held_out": list(self.held_out.values()), "impossible": self.impossible}
        self.folder.write_experiment({**self.folder.experiment(), **known})

    def _refuse_seen(self, scene: str) -> None:
        """Refuse a model that came trained, and says that it was on this scene."""
        seen = [codec.label for codec in self.codecs if codec.saw(scene)]
        if seen:
            raise InputError(
                f"codec {seen[0]} was trained on {scene}: hold out another scene, or name a codec "
                "that has not seen it."
            )

    def _measure(
        self, point: Point, scene: xr.Dataset, judge: SceneJudge, shown: ScenePictures | None
    ) -> None:
        """Add the records of one point, those of all its decoders at once."""
        records: list[Record] = []
        arrays: dict[str, Any] = {}
        try:
            for version in point.versions(scene, self.folder.path):
                records += point_records(judge, point.place, version, self.config.classifier)
                if shown is not None:
                    name = version_name(version.method, point.place)
                    arrays |= shown.decoded(version.scene, name)
        except SceneError:
            raise
        except InputError as error:
            self.impossible.append(f"{point.methods[0]}, {point.place.title}: {error}")
            for method in point.methods:
                records += figure_records(point.place, method, {IMPOSSIBLE: 1.0})
        if arrays:
            self.folder.save_arrays(arrays)
        self.folder.append(records)


def _keys_of(point: Point) -> set[tuple[Any, ...]]:
    place = point.place
    return {(place.scene, method, place.split, place.rate) for method in point.methods}


def own_records(folder: ResultsFolder) -> list[Record]:
    """Return the records of comparisons of codecs; a folder may hold other experiments too."""
    return [record for record in folder.records() if record.experiment == EXPERIMENT]


def without_metadata(scene: xr.Dataset) -> xr.Dataset:
    """Return a scene with the same values and nodata value, and nothing else."""
    values = scene["values"]
    name = str(scene.attrs.get("name", "scene"))
    return make_scene(values.values, nodata=values.attrs.get("nodata"), name=name)


def scene_facts(scene: xr.Dataset, name: str) -> dict[str, Any]:
    """Return name, size and number type of a scene."""
    height, width, bands = scene["values"].shape
    dtype = str(scene["values"].dtype)
    return {"name": name, "shape": [height, width], "bands": bands, "dtype": dtype}


def comparison_facts(
    comparison: Comparison, *, command: str | None, seconds: float
) -> dict[str, Any]:
    """Return what ``experiment.json`` says about a comparison.

    Parameters
    ----------
    comparison : what was run
    command, seconds : what was typed, and how long it took
    """
    config, scenes = comparison.config, list(comparison.held_out.values())
    metadata = "its metadata included" if config.with_metadata else "written without metadata"
    facts = {
        "title": config.title or f"Codecs on {comparison.name}",
        "options": config.model_dump(mode="json"),
        "scene": {
            "name": comparison.name,
            "files": len(scenes),
            "shape": [scene["shape"] for scene in scenes],
            "bands": scenes[0]["bands"] if scenes else None,
        },
        "held_out": scenes,
        "codecs": {one.label: one.codec.describe() for one in comparison.codecs},
        "impossible": comparison.impossible,
        "seconds": seconds,
        "notes": {
            "rate": f"bytes of the file, {metadata}; bpp: all bands together; bpppc: per band",
            "psnr": "all bands together; the peak is the scene's largest valid value; null: exact",
            "ssim": "range: peak less lowest valid value; mean over bands",
            "time": "the search for the target rate included; one process",
            "memory": "rise of the process' memory above where it stood",
        },
    }
    return facts if command is None else {**facts, "command": command}
