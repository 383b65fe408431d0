"""A comparison as a table on the screen, and as a ``.csv``, ``.json`` or ``.md`` file."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from offline.evaluate.subject_statistics import bootstrap_interval
from offline.pages.blocks import Table
from offline.pages.rendering import render
from offline.study.run_folder import RunFolder
from offline.sweep.contrast import NONE, Contrast, interval_words, p_cell, points
from offline.sweep.summary import METRIC_NAMES, Summary
from rt_handdt.errors import ConfigError

SUFFIXES = (".csv", ".json", ".md")


def tables_of(found: Contrast, summaries: Mapping[str, Summary]) -> tuple[Table, Table]:
    """Each condition's score; and all pairs."""
    one = next(iter(summaries.values()))
    people = len(found.comparison.people)
    what = f"{METRIC_NAMES[one.metric]} of {one.unit}s in %, on {people} {'person' if people == 1 else 'people'}"
    rows = []
    for name, mean, sd, (low, high) in _means(found):
        spread = "" if np.isnan(sd) else f" ± {100 * sd:.1f}"
        between = NONE if np.isnan(low) else f"{100 * low:.1f}–{100 * high:.1f}"
        rows.append((name, f"{100 * mean:.1f}{spread}", between, str(len(summaries[name].by_seed) or NONE)))
    scores = Table(
        "Scores", ("Name", "Mean ± sd", "95 %", "Seeds"), tuple(rows), f"{what}; 95 %: bootstrap over people."
    )
    return scores, pairs_table("Differences", found)


def pairs_table(title: str, found: Contrast, of: str = "") -> Table:
    """All pairs; `of` says what the percentage points are of."""
    rows = (
        (
            *(pair.first, pair.second, points(pair.difference), interval_words(pair.interval)),
            *(p_cell(p) for p in (pair.p, pair.p_holm)),
        )
        for pair in found.pairs
    )
    people = len(found.comparison.people)
    note = (
        f"Percentage points{of}, paired over {people} {'person' if people == 1 else 'people'}; 95 %: bootstrap over "
        f"people. p: two-sided Wilcoxon signed-rank test; Holm: corrected over these {len(found.pairs)} pairs. The "
        f"lowest p that so many people can give is {found.comparison.lowest_p:.2g}. {' '.join(found.left_out)}"
    )
    return Table(title, ("First", "Second", "First − second", "95 %", "p", "p, Holm"), tuple(rows), note.rstrip())


def check_suffix(path: Path | None, known: Sequence[str], what: str) -> None:
    """Refuse a file name before anything is computed.

    Raises
    ------
    ConfigError
        Naming the suffixes that will do.
    """
    if path is not None and path.suffix.lower() not in known:
        raise ConfigError(f"{path}: {what} is written as {', '.join(known)}; got the suffix '{path.suffix}'.")


def write_contrast(
    path: Path, found: Contrast, summaries: Mapping[str, Summary], protocol: Sequence[str], notes: Sequence[str]
) -> None:
    """Write a comparison, whole or not at all; the suffix says how.

    Raises
    ------
    HanddtError
        If the file cannot be written.
    """
    check_suffix(path, SUFFIXES, "a comparison")
    content: dict[str, Any] | str
    if path.suffix.lower() == ".json":
        content = _plain(found, summaries, protocol, notes)
    elif path.suffix.lower() == ".csv":
        content = _csv(found)
    else:
        content = render("comparison.md.j2", remarks=(*protocol, *notes), parts=tables_of(found, summaries))
    RunFolder.write(path, content)


def _means(found: Contrast) -> list[tuple[str, float, float, tuple[float, float]]]:
    out = []
    for name, people in found.scores.items():
        values = list(people.values())
        sd = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
        out.append((name, float(np.mean(values)), sd, bootstrap_interval(values)))
    return out


def _csv(found: Contrast) -> str:
    """A row for each pair, with both means; shares, not percent."""
    own = {name: (mean, sd) for name, mean, sd, _ in _means(found)}
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(
        (
            *("first", "second", "mean_first", "sd_first", "mean_second", "sd_second"),
            *("difference", "low_95", "high_95", "p", "p_holm", "people"),
        )
    )
    for pair in found.pairs:
        values = (*own[pair.first], *own[pair.second], pair.difference, *pair.interval, pair.p, pair.p_holm)
        cells = ["" if np.isnan(value) else f"{value:.6g}" for value in values]
        writer.writerow((pair.first, pair.second, *cells, len(found.comparison.people)))
    return buffer.getvalue()


def _plain(
    found: Contrast, summaries: Mapping[str, Summary], protocol: Sequence[str], notes: Sequence[str]
) -> dict[str, Any]:
    one = next(iter(summaries.values()))
    return {
        "format": "rt-handdt.comparison/1",
        "metric": one.metric,
        "unit": one.unit,
        "protocol": list(protocol),
        "people": list(found.comparison.people),
        "lowest_p": found.comparison.lowest_p,
        "scores": [
            {
                "name": name,
                "condition": summaries[name].condition,
                "measure": summaries[name].measure,
                "source": summaries[name].source,
                "classifier": summaries[name].classifier,
                "mean": mean,
                "sd": _known(sd),
                "interval_95": [_known(value) for value in interval],
                "seeds": {str(seed): value for seed, value in summaries[name].by_seed.items()},
                "people": dict(found.scores[name]),
            }
            for name, mean, sd, interval in _means(found)
        ],
        "pairs": [
            {
                "first": pair.first,
                "second": pair.second,
                "difference": pair.difference,
                "interval_95": [_known(value) for value in pair.interval],
                "p": _known(pair.p),
                "p_holm": _known(pair.p_holm),
            }
            for pair in found.pairs
        ],
        "notes": list(notes),
    }


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
