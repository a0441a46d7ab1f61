"""The public benchmark scenes that hsigan knows: where they lie and what is in them.

Facts are those of the page "Hyperspectral Remote Sensing Scenes" of the Computational Intelligence
Group, University of the Basque Country, which distributes all of them as MATLAB files. A blob id is
the SHA-1 that git gives a file; it is None where no copy could be established as the original.
"""

import difflib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hsigan.errors import InputError

BASE_ADDRESS = "http://www.ehu.eus/ccwintco/uploads/"

_LICENCE = (
    "no licence is stated; free for research with citation of the data owner and of the page of "
    "the Computational Intelligence Group, UPV/EHU"
)

Segment = tuple[float, float, int]
"""First and last wavelength in nm, and the number of evenly spaced bands between them."""

# Nominal band centres by spectrometer; the calibration of a flight differs by a few nm.
_AVIRIS: tuple[Segment, ...] = (
    (369.85, 675.62, 32),
    (664.14, 1269.06, 64),
    (1254.32, 1881.54, 64),
    (1878.30, 2506.81, 64),
)
_HYPERION: tuple[Segment, ...] = ((355.59, 1057.68, 70), (851.92, 2577.08, 172))
_KSC: tuple[Segment, ...] = (
    (439.25, 696.50, 27),
    (686.91, 1282.55, 63),
    (1273.00, 1332.77, 7),
    (1432.28, 1670.56, 25),
    (1858.63, 1888.28, 4),
    (1883.24, 2202.30, 33),
    (2260.22, 2270.15, 2),
    (2232.07, 2271.73, 5),
    (2410.21, 2498.96, 10),
)


@dataclass(frozen=True)
class KnownFile:
    """One file of a known scene.

    Attributes
    ----------
    name
        File name as published.
    address
        Where it is downloaded from.
    variable
        The array in it.
    shape
        Shape of that array.
    blob_id
        git blob id of the original, or None where it is not established.
    other_names
        Names under which copies are commonly kept.
    """

    name: str
    address: str
    variable: str
    shape: tuple[int, ...]
    blob_id: str | None = None
    other_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class KnownScene:
    """A public scene with its labels.

    Attributes
    ----------
    key, title, sensor
        Short name for the command line, full name, instrument.
    image, labels
        The two files.
    class_names
        Class id -> name.
    labelled_pixels
        Pixels with a label.
    segments
        Nominal band centres of the sensor.
    dropped_bands
        Bands of the sensor that the file lacks, as inclusive ranges counted from 1.
    licence
        What is known about rights.
    """

    key: str
    title: str
    sensor: str
    image: KnownFile
    labels: KnownFile
    class_names: dict[int, str] = field(repr=False)
    labelled_pixels: int
    segments: tuple[Segment, ...] = field(repr=False)
    dropped_bands: tuple[tuple[int, int], ...] = ()
    licence: str = field(default=_LICENCE, repr=False)

    @property
    def bands(self) -> int:
        """Number of bands in the file."""
        return self.image.shape[2]

    def wavelengths_nm(self) -> NDArray[np.float64]:
        """Compute the nominal band centres (B,) in nm, good to about 10 nm."""
        centres = np.concatenate([np.linspace(*segment) for segment in self.segments])
        keep = np.ones(centres.size, dtype=bool)
        for first, last in self.dropped_bands:
            keep[first - 1 : last] = False
        return centres[keep]


def _file(
    address: str,
    variable: str,
    shape: tuple[int, ...],
    blob_id: str | None = None,
    *other_names: str,
) -> KnownFile:
    name = address.rsplit("/", 1)[-1]
    return KnownFile(name, BASE_ADDRESS + address, variable, shape, blob_id, other_names)


def _counted(names: str) -> dict[int, str]:
    """Give names, separated by a comma and a space, the ids 1, 2, ..."""
    return dict(enumerate(names.split(", "), start=1))


_SALINAS_CLASSES = _counted(
    "Broccoli green weeds 1, Broccoli green weeds 2, Fallow, Fallow rough plow, "
    "Fallow smooth, Stubble, Celery, Grapes untrained, Soil vineyard develop, "
    "Corn senesced green weeds, Lettuce romaine 4 weeks, Lettuce romaine 5 weeks, "
    "Lettuce romaine 6 weeks, Lettuce romaine 7 weeks, Vineyard untrained, "
    "Vineyard vertical trellis"
)

KNOWN_SCENES: dict[str, KnownScene] = {
    "indian-pines": KnownScene(
        key="indian-pines",
        title="Indian Pines (corrected)",
        sensor="AVIRIS",
        image=_file(
            "6/67/Indian_pines_corrected.mat",
            "indian_pines_corrected",
            (145, 145, 200),
            "75b6d6e7df046fce91eda23e7559e274c92da711",
        ),
        labels=_file(
            "c/c4/Indian_pines_gt.mat",
            "indian_pines_gt",
            (145, 145),
            "8e308e6d2ad7cbb81dc1cd7849a2b7b768f4be6d",
            "indian_pines_corrected_gt.mat",
        ),
        class_names=_counted(
            "Alfalfa, Corn-notill, Corn-mintill, Corn, Grass-pasture, Grass-trees, Grass-"
            "pasture-mowed, Hay-windrowed, Oats, Soybean-notill, Soybean-mintill, Soybean-"
            "clean, Wheat, Woods, Buildings-Grass-Trees-Drives, Stone-Steel-Towers"
        ),
        labelled_pixels=10249,
        segments=_AVIRIS,
        # The distributed cube starts from 220 of 224 bands (without 1, 33, 97, 161) and drops its
        # bands 104-108, 150-163 and 220; here they are counted among the 224.
        dropped_bands=((1, 1), (33, 33), (97, 97), (107, 111), (153, 167), (224, 224)),
    ),
    "pavia-university": KnownScene(
        key="pavia-university",
        title="Pavia University",
        sensor="ROSIS",
        image=_file(
            "e/ee/PaviaU.mat", "paviaU", (610, 340, 103), "6eecc933bedec1130bb046483dd12e25cf091b24"
        ),
        labels=_file(
            "5/50/PaviaU_gt.mat",
            "paviaU_gt",
            (610, 340),
            "85d57a7f2fec6fc2b05a810b31808b88f9357dc6",
        ),
        class_names=_counted(
            "Asphalt, Meadows, Gravel, Trees, Painted metal sheets, Bare soil, Bitumen, Self-"
            "blocking bricks, Shadows"
        ),
        labelled_pixels=42776,
        segments=((430.0, 860.0, 103),),
    ),
    "pavia-centre": KnownScene(
        key="pavia-centre",
        title="Pavia Centre",
        sensor="ROSIS",
        image=_file(
            "e/e3/Pavia.mat", "pavia", (1096, 715, 102), "0192a4fceb60c04ab3a37b06660d4f3c931db930"
        ),
        labels=_file("5/53/Pavia_gt.mat", "pavia_gt", (1096, 715), None, "paviaC_gt.mat"),
        # Names in the order of the page; part of the literature orders ids 3-9 differently.
        class_names=_counted(
            "Water, Trees, Asphalt, Self-blocking bricks, Bitumen, Tiles, Shadows, Meadows, "
            "Bare soil"
        ),
        labelled_pixels=148152,
        segments=((430.0, 860.0, 102),),
    ),
    "salinas": KnownScene(
        key="salinas",
        title="Salinas (corrected)",
        sensor="AVIRIS",
        image=_file(
            "a/a3/Salinas_corrected.mat",
            "salinas_corrected",
            (512, 217, 204),
            "2a745377a77369bd5a9d430c722f0bf5e0d0ffc1",
        ),
        labels=_file(
            "f/fa/Salinas_gt.mat",
            "salinas_gt",
            (512, 217),
            "a0781d95c9fa20bb3c31751a0cf24b7dc09be65b",
        ),
        class_names=_SALINAS_CLASSES,
        labelled_pixels=54129,
        segments=_AVIRIS,
        dropped_bands=((108, 112), (154, 167), (224, 224)),
    ),
    "salinas-a": KnownScene(
        key="salinas-a",
        title="Salinas-A (corrected)",
        sensor="AVIRIS",
        image=_file(
            "1/1a/SalinasA_corrected.mat",
            "salinasA_corrected",
            (83, 86, 204),
            "90ca5fd2a4e06691605112d6c168d2e682c3e95f",
        ),
        labels=_file(
            "a/aa/SalinasA_gt.mat",
            "salinasA_gt",
            (83, 86),
            "68eb51f938e2305c5d7ca61a0ee5906516d70008",
        ),
        class_names={key: _SALINAS_CLASSES[key] for key in (1, 10, 11, 12, 13, 14)},
        labelled_pixels=5348,
        segments=_AVIRIS,
        dropped_bands=((108, 112), (154, 167), (224, 224)),
    ),
    "ksc": KnownScene(
        key="ksc",
        title="Kennedy Space Center",
        sensor="AVIRIS",
        image=_file("2/26/KSC.mat", "KSC", (512, 614, 176)),
        labels=_file(
            "a/a6/KSC_gt.mat", "KSC_gt", (512, 614), "8efeec7529b8789152aecf4d3a8197e94daeb363"
        ),
        class_names=_counted(
            "Scrub, Willow swamp, Cabbage palm hammock, Cabbage palm/oak hammock, Slash pine, "
            "Oak/broadleaf hammock, Hardwood swamp, Graminoid marsh, Spartina marsh, Cattail "
            "marsh, Salt marsh, Mud flats, Water"
        ),
        labelled_pixels=5211,
        segments=_KSC,
    ),
    "botswana": KnownScene(
        key="botswana",
        title="Botswana",
        sensor="Hyperion",
        image=_file("7/72/Botswana.mat", "Botswana", (1476, 256, 145)),
        labels=_file("5/58/Botswana_gt.mat", "Botswana_gt", (1476, 256)),
        class_names=_counted(
            "Water, Hippo grass, Floodplain grasses 1, Floodplain grasses 2, Reeds, Riparian, "
            "Firescar, Island interior, Acacia woodlands, Acacia shrublands, Acacia "
            "grasslands, Short mopane, Mixed mopane, Exposed soils"
        ),
        labelled_pixels=3248,
        segments=_HYPERION,
        dropped_bands=((1, 9), (56, 81), (98, 101), (120, 133), (165, 186), (221, 242)),
    ),
}


def known_scene(name: str) -> KnownScene:
    """Look a scene up by its key; case, spaces and underscores do not matter.

    Raises
    ------
    InputError
        When no scene is called so; the message names the nearest keys.
    """
    key = name.strip().lower().replace("_", "-").replace(" ", "-")
    if key in KNOWN_SCENES:
        return KNOWN_SCENES[key]
    near = difflib.get_close_matches(key, KNOWN_SCENES, n=2, cutoff=0.4)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    raise InputError(f"No known scene is called {name!r}. {hint}Known: {', '.join(KNOWN_SCENES)}.")
