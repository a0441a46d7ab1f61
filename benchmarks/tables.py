"""Turn the results under docs/results into docs/results/tables.md; no figure is typed by hand.

Command: ``python benchmarks/tables.py docs/results``
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from compression_tables import codec_tables
from hsigan.evaluation.results import Record, ResultsFolder
from hsigan.evaluation.statistics import Interval, mean_interval, paired_difference

SYNTHESIS = (
    "frechet_over_floor",
    "kernel_mmd",
    "coverage",
    "neighbour_ratio",
    "deviation_ratio_to_train",
    "memorised_share",
    "two_sample_accuracy",
    "accuracy_real_real",
    "accuracy_fake_real",
)
PLAIN = {"exact-indexes", "entropy-speed", "codec-speed", "codec training speed", "fuzz-files"}
"""Experiments whose records are shown as they are."""
BEST = "best"
BySeed = dict[int, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    root: Path = parser.parse_args().results
    parts = ["# Tables\n\nMade from the records beside this page by `benchmarks/tables.py`. Means"]
    parts[0] += " with 95 % t intervals over fresh partitions; gains are paired by partition.\n"
    for path in sorted(item.parent for item in root.rglob("results.jsonl")):
        folder = ResultsFolder(path)
        parts.append(_study(path.relative_to(root).as_posix(), folder))
    (root / "tables.md").write_text("\n".join(parts), encoding="utf-8")


def _study(name: str, folder: ResultsFolder) -> str:
    records = folder.records()
    facts = folder.experiment()
    machine = facts.get("machine", {})
    versions = facts.get("versions", {})
    lines = [
        f"## {name}\n",
        f"{facts.get('title', '')}. `{facts.get('command', '')}`. "
        f"Commit {str(facts.get('commit'))[:10]}; {machine.get('processor')}, "
        f"{machine.get('cores')} cores, {machine.get('memory_gib')} GiB; "
        f"Python {versions.get('python')}, torch {versions.get('torch')}.\n",
    ]
    kinds = {record.experiment for record in records}
    if "augmentation" in kinds:
        lines.append(_augmentation(records))
    elif "speed" in kinds:
        lines.append(_speed(records))
    elif "compression" in kinds:
        lines.append(codec_tables(records, _table))
    elif "critic features" in kinds:
        lines.append(_accuracies(records))
    elif kinds <= PLAIN:
        lines.append(_plain(records))
    else:
        lines.append(_synthesis(records))
    return "\n".join(lines)


def _values(records: Iterable[Record], keep: Callable[[Record], bool]) -> BySeed:
    return {r.seed: r.value for r in records if r.seed is not None and keep(r)}


def _mean(values: BySeed) -> Interval:
    return mean_interval(list(values.values()))


def _cell(interval: Interval, digits: int = 2, sign: bool = False) -> str:
    plus = "+" if sign else ""
    mean = f"{interval.mean:{plus}.{digits}f}"
    if interval.count < 2:
        return mean
    return f"{mean} ({interval.low:{plus}.{digits}f} {interval.high:{plus}.{digits}f})"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def _augmentation(records: list[Record]) -> str:
    classifiers = list(dict.fromkeys(r.classifier for r in records if r.classifier))
    works = list(dict.fromkeys((r.method, r.amount) for r in records))
    accuracy = [r for r in records if r.metric == "overall_accuracy"]
    over_best = [r for r in records if r.metric == "gain_over_best"]

    def of(pool: list[Record], work: tuple[str, float | None], name: str | None) -> BySeed:
        return _values(pool, lambda r: (r.method, r.amount) == work and r.classifier == name)

    alone = {name: of(accuracy, ("none", None), name) for name in classifiers}
    rows = [["none (accuracy, %)", *(_cell(_mean(alone[n])) for n in classifiers)]]
    best_rows = []
    for method, amount in works:
        label = method if amount is None else f"{method} x {amount:g}"
        if method != "none":
            gains = [
                _cell(paired_difference(of(accuracy, (method, amount), n), alone[n]), sign=True)
                for n in classifiers
            ]
            rows.append([label, *gains])
        over = [of(over_best, (method, amount), n) for n in classifiers]
        best_rows.append([label, *(_cell(_mean(v), sign=True) for v in over)])
    header = ["method", *(str(n) for n in classifiers)]
    text = [
        f"{len(alone[BEST])} partitions. Overall accuracy of real pixels alone, then the paired "
        "gain in points of each method over the same classifier on real pixels alone.\n",
        _table(header, rows),
        "The same, as the gain over the best classifier on real pixels alone (chosen on validation "
        "data in each partition).\n",
        _table(header, best_rows),
    ]
    return "\n".join(text)


def _synthesis(records: list[Record]) -> str:
    overall = [r for r in records if r.class_id is None]
    methods = list(dict.fromkeys(r.method for r in overall if not r.method.startswith("floor_")))
    metrics = [m for m in SYNTHESIS if any(r.metric == m for r in overall)]
    metrics += sorted({r.metric for r in overall if "mixture" in r.metric or "mixed" in r.metric})
    rows = []
    for method in methods:
        cells = []
        for metric in metrics:
            found = _by_classifier_mean(overall, method, metric)
            cells.append(_cell(_mean(found), 3) if found else "")
        rows.append([method, *cells])
    return _table(["method", *(m.replace("_", " ") for m in metrics)], rows)


def _by_classifier_mean(records: list[Record], method: str, metric: str) -> BySeed:
    """Return the figure by seed; that of the linear SVM where classifiers differ (Table 1)."""
    return _values(
        records,
        lambda r: (
            r.method == method and r.metric == metric and r.classifier in (None, "svm-linear")
        ),
    )


def _accuracies(records: list[Record]) -> str:
    """Return accuracies, and their paired differences to the first that was measured."""
    found = {
        name: _values(records, lambda r, name=name: r.method == name)
        for name in dict.fromkeys(r.method for r in records)
    }
    first = next(iter(found))
    rows = [
        [name, _cell(_mean(values)), _cell(paired_difference(values, found[first]), sign=True)]
        for name, values in found.items()
    ]
    return _table(["what", "overall accuracy, %", f"over {first}"], rows)


def _plain(records: list[Record]) -> str:
    rows = [[r.scene, r.method, r.metric, f"{r.value:.6g} {r.unit or ''}"] for r in records]
    return _table(["on", "what", "figure", "value"], rows)


def _speed(records: list[Record]) -> str:
    methods = list(dict.fromkeys(r.method for r in records))
    rows = [[m, _cell(_mean(_values(records, lambda r, m=m: r.method == m)), 4)] for m in methods]
    return _table(["what", "seconds"], rows)


if __name__ == "__main__":
    main()
