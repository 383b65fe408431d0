"""A run in words: the table on the screen, and ``report.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from offline.evaluate.metrics import Scores
from offline.evaluate.subject_statistics import compare
from offline.pages.rendering import render
from offline.study.run_outcome import PipelineRun

#: Best accuracies of Yuan et al. 2024, in %: Hyser, 10 gestures, 4 people left out, trial level, no validation set.
PUBLISHED = {"raw": 52.61, "envelope": 67.52, "stft": 79.41, "rms": 74.41, "wl": 76.23, "td": 82.51, "stft_td": 84.30}
LEGEND = (
    "In %. Acc., bal.: accuracy and mean recall over samples. People: mean ± sd of the people's accuracies; 95 %: "
    "bootstrap interval of that mean. ECE: expected calibration error. raw: the log features themselves. svm: linear, "
    "one hyperplane for each pair of labels, the votes softened to probabilities"
)
_HEAD = ("Told, from", "By", "Acc.", "Bal.", "People", "95 %", "ECE", "Chance")


def score_rows(scores: Sequence[Scores]) -> list[tuple[str, ...]]:
    """A row of text for each."""
    rows: list[tuple[str, ...]] = []
    for one in scores:
        sd = f" ± {100 * one.sd:.1f}" if not np.isnan(one.sd) else ""
        low, high = one.interval
        between = "–" if np.isnan(low) else f"{100 * low:.1f}–{100 * high:.1f}"
        rows.append(
            (
                one.what,
                one.classifier,
                f"{100 * one.accuracy:.1f}",
                f"{100 * one.balanced:.1f}",
                f"{100 * one.mean:.1f}{sd}",
                between,
                f"{one.ece:.3f}",
                f"{100 / len(one.labels):.1f}",
            )
        )
    return rows


def details(scores: Sequence[Scores]) -> list[str]:
    """What one must know of some rows, once each."""
    return list(dict.fromkeys(f"{one.what}: {one.detail}" for one in scores if one.detail))


def score_table(scores: Sequence[Scores], heading: str) -> Table:
    """For the screen, 80 columns wide."""
    said = ". ".join([f"{LEGEND}", *details(scores)])
    table = Table(title=heading, caption=said, title_justify="left", caption_justify="left", box=SIMPLE_HEAD)
    table.padding = (0, 0, 0, 0)
    for k, name in enumerate(_HEAD):
        table.add_column(name, justify="left" if k < 2 else "right", overflow="fold")
    for row in score_rows(scores):
        table.add_row(*row)
    return table


def report_text(run: PipelineRun, figures: Sequence[Path]) -> str:
    """``report.md``: scores, whether the latents beat the features themselves, and what differs for certain."""
    gesture = [one for one in run.scores if one.task == "gesture"]
    groups = [[one for one in gesture if (one.source == "raw") == raw] for raw in (False, True)]
    best, base = (max(group, key=lambda one: one.mean) for group in groups) if all(groups) else (None, None)
    tests, pairs, sure = None, 0, []
    if len(gesture) > 1:
        tests = compare({one.name: one.people for one in gesture})
        rows, columns = np.triu_indices(len(tests.names), 1)
        pairs = len(rows)
        sure = [
            f"{tests.names[i]} against {tests.names[j]} ({100 * tests.difference[i, j]:+.1f} points, "
            f"p = {tests.p_holm[i, j]:.3f})"
            for i, j in zip(rows, columns, strict=True)
            if tests.p_holm[i, j] < 0.05
        ]
    comparable = run.table.unit == "trial" and run.split.kind == "cross-subject"
    return render(
        "run.md.j2",
        run=run,
        head=_HEAD,
        rows=score_rows(run.scores),
        legend=LEGEND,
        details=details(run.scores),
        best=best,
        base=base,
        tests=tests,
        pairs=pairs,
        sure=sure,
        published=PUBLISHED.get(run.table.measure) if comparable else None,
        figures=[(path.stem, path.relative_to(run.folder.path).as_posix()) for path in figures],
    )
