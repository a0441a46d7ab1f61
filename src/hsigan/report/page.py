"""Results folders in, one HTML page out."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hsigan.errors import RunError
from hsigan.files import whole_file
from hsigan.report.blocks import Block, Chapter, Section
from hsigan.report.compression import EXPERIMENT, comparisons, compression_findings
from hsigan.report.compression_curves import curve_blocks
from hsigan.report.compression_pictures import picture_blocks
from hsigan.report.compression_tables import (
    classifier_blocks,
    cost_blocks,
    difference_blocks,
    realism_blocks,
)
from hsigan.report.fidelity import fidelities, fidelity_blocks, fidelity_findings
from hsigan.report.folder import Results, read_results
from hsigan.report.gains import gain_blocks, gain_findings
from hsigan.report.patches import band_weight_blocks, patch_blocks
from hsigan.report.provenance import provenance_blocks
from hsigan.report.scatter import scatter_blocks
from hsigan.report.scene import map_blocks, scene_blocks
from hsigan.report.spectra import interpolation_blocks, spectra_blocks
from hsigan.report.study import studies


def write_report(folders: Sequence[str | Path], output: str | Path) -> Path:
    """Write one self-contained HTML page about results folders.

    Nothing is measured: every figure comes from the folders' files, means and intervals over seeds
    from their records. The page loads nothing from elsewhere.

    Parameters
    ----------
    folders : sequence of path
        Results folders; each becomes a chapter, in this order.
    output : path
        The page; an existing one is replaced.

    Returns
    -------
    path
        `output`.

    Raises
    ------
    RunError
        A folder is missing, empty or damaged, or the page cannot be written.
    """
    if not folders:
        raise RunError("a report needs at least one results folder; none was given")
    text = render_report([read_results(folder) for folder in folders])
    path = Path(output)
    try:
        with whole_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunError(
            f"{path} cannot be written ({error.strerror or error}); choose another -o"
        ) from error
    return path


def render_report(found: Sequence[Results]) -> str:
    """Return the page as text."""
    environment = Environment(
        loader=PackageLoader("hsigan.report"), autoescape=True, undefined=StrictUndefined
    )
    style = files("hsigan.report").joinpath("templates/report.css").read_text(encoding="utf-8")
    chapters = [_chapter(results, index) for index, results in enumerate(found, start=1)]
    title = found[0].title if len(found) == 1 else "Results: " + "; ".join(r.title for r in found)
    template = environment.get_template("report.html")
    return template.render(title=title, style=Markup(style), chapters=chapters)


def _chapter(results: Results, index: int) -> Chapter:
    coded = comparisons(results.records)
    others = [record for record in results.records if record.experiment != EXPERIMENT]
    judged, compared = fidelities(others), studies(others)
    fidelity: list[Block] = [b for one in judged for b in fidelity_blocks(results, one)]
    gains: list[Block] = [b for one in compared for b in gain_blocks(one)]
    candidates = (
        ("scene", "The scene", scene_blocks(results)),
        ("spectra", "Spectra", spectra_blocks(results)),
        ("patches", "Patches", patch_blocks(results)),
        ("bands", "Which bands the networks look at", band_weight_blocks(results)),
        ("pca", "Clouds of pixels", scatter_blocks(results)),
        ("fidelity", "How real are the fakes?", fidelity),
        ("gains", "Do they improve the classifier?", gains),
        ("interpolation", "Between spectra", interpolation_blocks(results)),
        ("maps", "Class maps", map_blocks(results)),
        ("curves", "Quality against bytes", curve_blocks(results, coded)),
        ("differences", "What is gained on the baseline", difference_blocks(results, coded)),
        ("decoded", "Before and after", picture_blocks(results, coded)),
        ("realism", "Do decoded scenes look real?", realism_blocks(results, coded)),
        ("classifier", "What a classifier loses", classifier_blocks(coded)),
        ("costs", "What it costs", cost_blocks(coded)),
        ("provenance", "What was run", provenance_blocks(results)),
    )
    sections = [
        Section(f"{name}-{index}", title, blocks) for name, title, blocks in candidates if blocks
    ]
    findings = gain_findings(compared) + fidelity_findings(results, judged)
    findings += compression_findings(results, coded)
    return Chapter(f"results-{index}", results.title, findings, sections, _notes(results))


def _notes(results: Results) -> list[str]:
    if not results.experiment:
        return [
            f"{results.name} has no experiment.json: machine, versions and command are not known."
        ]
    leak = results.experiment.get("patches")
    if not isinstance(leak, dict):
        return []
    side, seeing = leak.get("patch_px"), float(leak.get("test_seeing_training", 0))
    overlapping = float(leak.get("test_overlapping_training", 0))
    shares = (
        f"Patches of {side} x {side} pixels: {seeing:.1%} of the test pixels have a training or "
        f"validation pixel inside theirs, {overlapping:.1%} have patches that overlap those of one."
    )
    warning = " Accuracy then tells memory as much as skill." if seeing else ""
    return [shares + warning]
