"""Laws of the page about codecs: true to the records, nothing invented, whole."""

import re
from pathlib import Path

import pytest
from fake_comparison import CODECS, SCENES, write_fake_comparison

from hsigan.report import read_results, render_report
from hsigan.report.compression import BPP, cited_figures, comparisons, compression_findings
from hsigan.report.compression_curves import curve_blocks
from hsigan.report.compression_pictures import picture_blocks
from hsigan.report.compression_tables import cost_blocks, difference_blocks, realism_blocks
from hsigan.report.folder import Results

# Whole and close up, the original before two targets each, in two units; one
# target is out of a codec's reach.
_PICTURES = len(CODECS) * 2 * 3 * 2 - 2


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("results") / "valley"
    write_fake_comparison(folder)
    return read_results(folder)


@pytest.fixture(scope="module")
def page(results: Results) -> str:
    return render_report([results])


def test_curves_are_means_over_scenes_by_the_real_rate(results: Results) -> None:
    comparison = comparisons(results.records)[0]
    assert comparison.unit == BPP
    points = comparison.curve("own", "psnr")
    assert [rate for rate, _ in points] == sorted(rate for rate, _ in points)
    for place, target in enumerate(comparison.targets):
        by_scene = comparison.by_scene("own", target, "psnr")
        assert set(by_scene) == set(SCENES)
        assert points[place][1] == pytest.approx(sum(by_scene.values()) / 2)


def test_a_rate_that_not_every_scene_reaches_is_no_mean(tmp_path: Path) -> None:
    store = write_fake_comparison(tmp_path)
    kept = [
        record.to_json()
        for record in store.records()
        if not (record.scene == SCENES[1] and record.amount == 0.5 and record.method == "own")
    ]
    store.records_path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    comparison = comparisons(read_results(tmp_path).records)[0]
    assert len(comparison.curve("own", "psnr")) == len(comparison.targets) - 1
    assert len(comparison.curve("own", "psnr", SCENES[0])) == len(comparison.targets)


def test_the_page_has_every_part_and_shows_no_markup_of_names(page: str) -> None:
    for heading in (
        "Quality against bytes",
        "What is gained on the baseline",
        "Before and after",
        "Do decoded scenes look real?",
        "What a classifier loses",
        "What it costs",
    ):
        assert f"<h2>{heading}</h2>" in page
    assert "<b>bold</b>" not in page
    assert "n/a" not in re.sub("<[^>]*>", " ", page)


def test_differences_stand_twice_with_their_range(results: Results) -> None:
    blocks = difference_blocks(results, comparisons(results.records))
    whole, less_empty = (block for block in blocks[:2] if block.kind == "table")
    rows = dict(whole.rows)
    own = rows["own"]
    assert own[0].text == "\N{MINUS SIGN}36.0"
    assert dict(less_empty.rows)["own"][0].text == "\N{MINUS SIGN}32.0"
    assert "30.00 to 40.00 dB" in own[0].remark
    assert {cell.tone for cell in own} == {"good"}
    assert rows["jpeg2000"][0].tone == "bad"


def test_what_a_codec_cannot_reach_is_said(results: Results) -> None:
    tables = difference_blocks(results, comparisons(results.records))
    shown = next(block for block in tables if block.kind == "table" and "PSNR, dB" in block.heading)
    assert dict(shown.rows)["jpeg2000"][0].remark == "not reached"


def test_an_exact_copy_is_called_one(tmp_path: Path) -> None:
    store = write_fake_comparison(tmp_path)
    for record in store.records():
        if record.method == "own" and record.metric in ("psnr", "mse"):
            exact = float("inf") if record.metric == "psnr" else 0.0
            store.append([type(record)(**{**vars(record), "value": exact})])
    found = read_results(tmp_path)
    blocks = difference_blocks(found, comparisons(found.records))
    shown = next(block for block in blocks if block.kind == "table" and "PSNR, dB" in block.heading)
    assert {cell.text for cell in dict(shown.rows)["own"]} == {"exact"}


def test_the_floor_leads_the_table_of_realism(results: Results) -> None:
    first = realism_blocks(results, comparisons(results.records))[0]
    assert first.kind == "table"
    assert first.lead_rows == 1
    assert first.rows[0][0] == "original, half against half"
    assert len(first.rows) == 1 + len(CODECS)


def test_costs_are_those_of_the_records(results: Results) -> None:
    (table,) = cost_blocks(comparisons(results.records))
    assert table.kind == "table"
    assert [cell.text for cell in dict(table.rows)["own"][:3]] == ["0.40", "0.20", "2.5"]


def test_cited_figures_are_named_with_their_source(page: str) -> None:
    assert "lossless CCSDS-123" in page
    assert "cited, not measured here (somebody&#39;s table)" in page


def test_figures_of_other_scenes_are_not_cited(tmp_path: Path) -> None:
    store = write_fake_comparison(tmp_path)
    facts = store.experiment()
    facts["options"]["cited"][0]["scenes"] = ["another scene"]
    store.write_experiment(facts)
    assert cited_figures(read_results(tmp_path)) == []


def test_the_first_codecs_pictures_are_open_and_the_others_folded(page: str) -> None:
    assert page.count('class="map"') == _PICTURES
    assert "<summary>own (realistic), field-1, bpp</summary>" in page
    assert "<summary>klt, field-1, bpp</summary>" not in page


def test_the_finding_names_the_codec_that_saves_most(page: str) -> None:
    assert "own takes 36 % fewer bits than the baseline (klt)" in page


def test_the_page_does_without_pictures_and_facts(tmp_path: Path) -> None:
    store = write_fake_comparison(tmp_path)
    (store.path / "arrays.npz").unlink()
    (store.path / "experiment.json").unlink()
    found = read_results(tmp_path)
    coded = comparisons(found.records)
    assert len(curve_blocks(found, coded)) == len(coded) * 3
    assert picture_blocks(found, coded) == []
    assert compression_findings(found, coded)
