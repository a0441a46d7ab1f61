import json
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio.warp
import shapely
import xarray as xr
from rasterio.transform import Affine

from hsigan.errors import LabelError
from hsigan.scene.dataset import make_scene
from hsigan.scene.options import ReadOptions
from hsigan.scene.read import open_scenes
from hsigan.scene.vector_labels import rasterise_labels

CRS_NAME = "EPSG:32632"
LEFT, TOP = 500_000.0, 5_400_000.0


def box(row: float, column: float, height: float, width: float) -> shapely.Geometry:
    """Draw a rectangle over pixels of 10 m, counted from the scene's upper left corner."""
    return shapely.box(
        LEFT + 10 * column, TOP - 10 * (row + height), LEFT + 10 * (column + width), TOP - 10 * row
    )


def blank_scene(column: int = 0, **changes) -> xr.Dataset:
    georeference = {
        "crs": CRS_NAME,
        "transform": Affine(10.0, 0.0, LEFT + 10 * column, 0.0, -10.0, TOP),
        **changes,
    }
    return make_scene(np.ones((8, 12, 2), dtype=np.uint8), name="blank", **georeference)


def write(path: Path, shapes, crs: str = CRS_NAME, **fields) -> Path:
    driver = {".shp": "ESRI Shapefile", ".gpkg": "GPKG", ".geojson": "GeoJSON"}[path.suffix]
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb(np.array(shapes, dtype=object)),
        field_data=[np.asarray(values) for values in fields.values()],
        fields=list(fields),
        geometry_type="Polygon",
        crs=crs,
        driver=driver,
    )
    return path


def names_of(scene: xr.Dataset) -> dict[int, str]:
    attributes = scene["label"].attrs
    return dict(zip(attributes["class_ids"], attributes["class_names"], strict=True))


@pytest.mark.parametrize("suffix", [".shp", ".gpkg", ".geojson"])
def test_pixels_whose_centre_lies_inside_take_the_class(tmp_path, suffix):
    shapes = [box(1, 2, 3, 4), box(5, 8, 2.6, 3.4)]
    path = write(tmp_path / f"fields{suffix}", shapes, kind=np.array(["wheat", "maize"], object))
    scene = rasterise_labels(blank_scene(), ReadOptions(labels=path, label_field="kind"))
    expected = np.zeros((8, 12), dtype=np.int32)
    expected[1:4, 2:6] = 2
    expected[5:8, 8:11] = 1
    np.testing.assert_array_equal(scene["label"], expected)
    assert names_of(scene) == {1: "maize", 2: "wheat"}


def test_other_coordinate_systems_are_reprojected(tmp_path):
    def to_degrees(points):
        return np.column_stack(rasterio.warp.transform(CRS_NAME, "EPSG:4326", *points.T))

    shapes = [shapely.transform(box(1, 2, 3, 4), to_degrees)]
    path = write(tmp_path / "a.geojson", shapes, crs="EPSG:4326", kind=np.array(["a"], object))
    label = rasterise_labels(blank_scene(), ReadOptions(labels=path, label_field="kind"))["label"]
    assert np.argwhere(label.values).min(axis=0).tolist() == [1, 2]
    assert label.values.sum() == 12


@pytest.mark.parametrize("reverse", [False, True])
def test_the_smaller_of_two_overlapping_polygons_wins_in_any_order(tmp_path, reverse):
    shapes = [box(0, 0, 6, 6), box(2, 2, 2, 2), box(5, 5, 3, 3)]
    kinds = ["large", "tiny", "middle"]
    if reverse:
        shapes, kinds = shapes[::-1], kinds[::-1]
    path = write(tmp_path / "a.gpkg", shapes, kind=np.array(kinds, object))
    label = rasterise_labels(blank_scene(), ReadOptions(labels=path, label_field="kind"))["label"]
    assert (label.values == 3).sum() == 4
    assert (label.values == 2).sum() == 9
    assert (label.values == 1).sum() == 36 - 4 - 1


def test_whole_numbers_stay_ids_and_zero_is_no_label(tmp_path):
    shapes = [box(0, 0, 1, 1), box(0, 2, 1, 2), box(0, 5, 1, 3)]
    path = write(tmp_path / "a.gpkg", shapes, code=np.array([7.0, 0.0, 3.0]))
    scene = rasterise_labels(blank_scene(), ReadOptions(labels=path, label_field="code"))
    assert np.unique(scene["label"], return_counts=True)[1].tolist() == [92, 3, 1]
    assert names_of(scene) == {3: "class 3", 7: "class 7"}


def test_scenes_share_ids_though_each_shows_other_classes(tmp_path):
    shapes = [box(0, 0, 4, 4), box(0, 14, 4, 4)]
    path = write(tmp_path / "a.gpkg", shapes, kind=np.array(["oak", "ash"], object))
    options = ReadOptions(labels=path, label_field="kind")
    west, east = (
        rasterise_labels(blank_scene(), options),
        rasterise_labels(blank_scene(12), options),
    )
    assert names_of(west) == names_of(east) == {1: "ash", 2: "oak"}
    assert np.unique(west["label"]).tolist() == [0, 2]
    assert np.unique(east["label"]).tolist() == [0, 1]


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_table_gives_the_class_and_ids_that_other_files_share(tmp_path, separator):
    table = tmp_path / "trees.csv"
    rows = [("tree", "species"), ("t1", "oak"), ("t2", "ash"), ("t3", "elm"), ("t1", "oak")]
    text = "\n".join(separator.join(row) for row in rows)
    table.write_text(text, encoding="utf-8-sig")
    shapes = [box(0, 0, 1, 2), box(3, 3, 1, 3), box(6, 6, 1, 4)]
    path = write(tmp_path / "a.gpkg", shapes, tree=np.array(["t1", "t3", "unknown"], object))
    options = ReadOptions(labels=path, label_field="species", label_table=table)
    scene = rasterise_labels(blank_scene(), options)
    assert names_of(scene) == {2: "elm", 3: "oak"}
    assert np.bincount(scene["label"].values.ravel()).tolist() == [91, 0, 3, 2]


def test_mistakes_are_named(tmp_path):
    shapes = [box(0, 0, 1, 2)]
    path = write(tmp_path / "a.gpkg", shapes, kind=np.array(["x"], object))
    table = tmp_path / "t.csv"
    table.write_text("id,species\n1,oak\n1,ash\n")

    def attempt(message, scene=None, labels=path, **options):
        with pytest.raises(LabelError, match=message):
            rasterise_labels(
                blank_scene() if scene is None else scene, ReadOptions(labels=labels, **options)
            )

    attempt("--label-field.*kind")
    attempt("'sort'.*choose from kind", label_field="sort")
    attempt("share 0 field names", label_field="species", label_table=table)
    keyed = write(tmp_path / "b.gpkg", shapes, id=np.array([1]))
    attempt("'1' two classes", labels=keyed, label_field="species", label_table=table)
    table.write_text("id,species\n2,oak\n")
    attempt("none of its 1 polygons", labels=keyed, label_field="species", label_table=table)
    attempt("cannot be read", labels=keyed, label_field="x", label_table=tmp_path / "no.csv")
    attempt("no georeference", scene=blank_scene(transform=None, crs=None), label_field="kind")
    attempt("lie outside", scene=blank_scene(20_000), label_field="kind")
    attempt("coordinate system", scene=blank_scene(crs=None), label_field="kind")
    broken = tmp_path / "c.geojson"
    broken.write_text(json.dumps({"type": "Feature"})[:9])
    attempt("cannot be read as polygons", labels=broken, label_field="kind")
    unplaced = write(tmp_path / "d.shp", shapes, kind=np.array(["x"], object))
    unplaced.with_suffix(".prj").unlink()
    attempt(r"\.prj", labels=unplaced, label_field="kind")


def test_neon_crowns_of_one_site(data_dir):
    folder = data_dir / "idtrees_neon"
    scenes = open_scenes(
        sorted((folder / "HSI").glob("MLBS_*.tif")),
        labels=folder / "ITC" / "train_MLBS.shp",
        label_field="taxonID",
        label_table=folder / "train_data.csv",
        label_key="indvdID",
    )
    assert len(scenes) == 30
    assert all(names_of(scene) == names_of(scenes[0]) for scene in scenes)
    ids = {name: key for key, name in names_of(scenes[0]).items()}
    counts = sum(np.bincount(s["label"].values.ravel(), minlength=40) for s in scenes)
    found = {name: int(counts[ids[name]]) for name in ("QURU", "ACRU", "QUAL", "NYSY", "AMLA")}
    assert found == {"QURU": 2841, "ACRU": 1486, "QUAL": 1951, "NYSY": 492, "AMLA": 500}


def test_neon_sites_share_ids_through_the_table(data_dir):
    folder = data_dir / "idtrees_neon"
    sites = [
        open_scenes(
            [folder / "HSI" / f"{site}_1.tif"],
            labels=folder / "ITC" / f"train_{site}.shp",
            label_field="taxonID",
            label_table=folder / "train_data.csv",
        )[0]
        for site in ("MLBS", "OSBS")
    ]
    first, second = (names_of(scene) for scene in sites)
    assert set(first) & set(second)
    assert all(first[key] == second[key] for key in set(first) & set(second))
