"""Laws of the report: safe, self-contained, true to the records, content with what is there."""

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from fake_results import CLASS_NAMES, write_fake_results

from hsigan.errors import RunError
from hsigan.evaluation.results import Record, ResultsFolder
from hsigan.report import read_results, render_report, write_report

METHODS = ("spectral", "gaussian")
CLASSES = CLASS_NAMES[:3]


@pytest.fixture(scope="module")
def results_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "valley"
    write_fake_results(folder, CLASSES, METHODS, seeds=3)
    return folder


@pytest.fixture(scope="module")
def page(results_folder: Path) -> str:
    return render_report([read_results(results_folder)])


class _Outline(HTMLParser):
    """Elements that a browser would see: tags, references, ids, and text by element."""

    void = frozenset({"meta", "link", "br", "img", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []
        self.ids: list[str] = []
        self.unnamed_pictures = 0
        self.open: list[str] = []
        self.balanced = True
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        if tag not in self.void:
            self.open.append(tag)
        self.references += [
            str(value) for name, value in attrs if name in ("src", "href", "xlink:href", "data")
        ]
        self.ids += [str(values["id"])] if values.get("id") else []
        if tag == "svg" and not values.get("aria-label"):
            self.unnamed_pictures += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.void:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        self.balanced &= bool(self.open) and self.open.pop() == tag


def test_page_is_whole_and_loads_nothing(page: str) -> None:
    outline = _Outline(page)
    assert outline.balanced
    assert not outline.open
    assert not {"script", "link", "iframe", "object"} & set(outline.tags)
    assert all(ref.startswith(("#", "data:image/png;base64,")) for ref in outline.references)
    assert "@import" not in page
    assert all(url.startswith("#") for url in re.findall(r"url\(([^)]*)\)", page))


def test_every_reference_inside_the_page_has_its_target_and_no_id_occurs_twice(page: str) -> None:
    outline = _Outline(page)
    assert len(outline.ids) == len(set(outline.ids))
    used = {ref[1:] for ref in outline.references if ref.startswith("#")}
    used |= {url[1:] for url in re.findall(r"url\(([^)]*)\)", page)}
    assert used <= set(outline.ids)


def test_every_picture_says_what_it_shows(page: str) -> None:
    outline = _Outline(page)
    assert outline.tags.count("svg") > 20
    assert outline.unnamed_pictures == 0


HOSTILE = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script> $\\frac{$ {{ 7*7 }}"


def test_names_from_files_never_become_markup(results_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "valley"
    shutil.copytree(results_folder, folder)
    facts = json.loads((folder / "experiment.json").read_text())
    facts |= {"title": HOSTILE, "command": HOSTILE, "options": {HOSTILE: HOSTILE}}
    facts["scene"] |= {"name": HOSTILE, "class_names": [HOSTILE] * len(CLASSES)}
    (folder / "experiment.json").write_text(json.dumps(facts))
    results = read_results(folder)
    records = [replace(r, scene=HOSTILE) for r in results.records]
    records += [replace(r, method=HOSTILE) for r in records if r.method == METHODS[0]]
    records += [replace(r, classifier=HOSTILE) for r in records if r.classifier == "lda"]
    arrays = dict(results.arrays)
    arrays[f"map/{HOSTILE.replace('/', '')}/0"] = arrays["map/svm-linear/0"]
    arrays |= {k.replace("spectral", "a" + HOSTILE.replace("/", "")): v for k, v in arrays.items()}
    text = render_report([replace(results, records=records, arrays=arrays)])
    outline = _Outline(text)
    assert outline.balanced
    assert not {"script", "img"} & set(outline.tags)
    assert "{{ 7*7 }}" in text


def test_figures_are_those_of_the_records(tmp_path: Path) -> None:
    gains = (0.4, 0.9, 1.4)
    store = ResultsFolder(tmp_path / "study")
    common = {"experiment": "augmentation", "scene": "field", "metric": "overall_accuracy"}
    for seed, gain in enumerate(gains):
        place = {**common, "classifier": "lda", "seed": seed, "unit": "%"}
        alone = 80.0 + 5 * seed
        store.append([Record(method="none", value=alone, **place)])
        store.append([Record(method="spectral", value=alone + gain, amount=1.0, **place)])
    page = render_report([read_results(store.path)])
    # mean 0.9, standard error 0.5 / sqrt(3), t = 4.303 at two degrees of freedom
    assert "+0.90" in page
    assert "\N{MINUS SIGN}0.34 to +2.14" in page
    assert "no gain shown" in page
    assert "85.0" in page


@pytest.mark.parametrize("ratios", [(0.55, 0.9), (0.8, 40.0), (0.9, 5000.0)])
def test_a_logarithmic_axis_has_plain_numbers(tmp_path: Path, ratios: tuple[float, float]) -> None:
    store = ResultsFolder(tmp_path / "study")
    common = {"experiment": "synthesis", "scene": "field", "metric": "frechet_over_floor"}
    for method, ratio in zip(("spectral", "smote"), ratios, strict=True):
        store.append([Record(method=method, value=ratio, seed=0, **common)])
    page = render_report([read_results(store.path)])
    assert "Fréchet distance over its floor" in page
    assert "mathdefault" not in page


def test_a_clear_gain_is_called_one_and_a_clear_loss_too(tmp_path: Path) -> None:
    for word, gain in (("a gain", 1.0), ("a loss", -1.0)):
        store = ResultsFolder(tmp_path / word)
        for seed in range(5):
            place = {
                "experiment": "e",
                "scene": "s",
                "classifier": "lda",
                "seed": seed,
                "unit": "%",
            }
            place |= {"metric": "overall_accuracy"}
            store.append([Record(method="none", value=80.0 + seed, **place)])
            store.append([Record(method="spectral", value=80.0 + seed + gain + seed / 50, **place)])
        page = render_report([read_results(store.path)])
        assert f"5 partitions): {word}." in page


@pytest.mark.parametrize("missing", ["arrays.npz", "results.jsonl", "experiment.json"])
def test_any_one_file_may_be_missing(results_folder: Path, tmp_path: Path, missing: str) -> None:
    folder = tmp_path / "valley"
    shutil.copytree(results_folder, folder)
    (folder / missing).unlink()
    assert _Outline(write_report([folder], tmp_path / "p.html").read_text("utf-8")).balanced


def test_several_folders_become_chapters(results_folder: Path, tmp_path: Path) -> None:
    other = ResultsFolder(tmp_path / "other")
    other.append([Record("synthesis", "field", "spectral", "coverage", 0.7, seed=0)])
    page = render_report([read_results(results_folder), read_results(other.path)])
    assert _Outline(page).tags.count("article") == 2
    assert "field: spectral reaches a coverage of 0.70." in page


def test_the_same_results_make_the_same_page(results_folder: Path, page: str) -> None:
    assert render_report([read_results(results_folder)]) == page


def test_folders_without_results_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is no folder"):
        write_report([tmp_path / "nowhere"], tmp_path / "p.html")
    with pytest.raises(RunError, match=r"neither results\.jsonl nor arrays\.npz"):
        write_report([tmp_path], tmp_path / "p.html")
    with pytest.raises(RunError, match="at least one"):
        write_report([], tmp_path / "p.html")
    assert not (tmp_path / "p.html").exists()


@pytest.mark.parametrize("name", ["arrays.npz", "experiment.json", "results.jsonl"])
def test_damaged_files_are_named(results_folder: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "valley"
    shutil.copytree(results_folder, folder)
    (folder / name).write_bytes(b"{ not what it says\n" * 3)
    with pytest.raises(RunError, match=re.escape(name)):
        read_results(folder)


@pytest.mark.parametrize("content", ["[]", "[1]", "null", "5", '"text"', '[["title", "x"]]'])
def test_facts_without_names_are_damaged(
    results_folder: Path, tmp_path: Path, content: str
) -> None:
    folder = tmp_path / "valley"
    shutil.copytree(results_folder, folder)
    (folder / "experiment.json").write_text(content)
    with pytest.raises(RunError, match=r"experiment\.json is damaged .*remove it"):
        read_results(folder)


def test_arrays_that_would_run_code_are_refused(results_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "valley"
    shutil.copytree(results_folder, folder)
    np.savez(folder / "arrays.npz", trap=np.array([{"a": 1}], dtype=object))
    with pytest.raises(RunError, match="damaged"):
        read_results(folder)


def test_the_old_page_survives_a_failed_one(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    target.write_text("old")
    with pytest.raises(RunError):
        write_report([tmp_path / "nowhere"], target)
    assert target.read_text() == "old"
