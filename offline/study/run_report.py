"""A run in words: the table on the screen, and ``report.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from offline.evaluate.metrics import Scores
from offline.evaluate.subject_statistics import compare
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
    """``report.md``."""
    table, scores = run.table, run.scores
    lines = [
        f"# {table.measure}, {run.split.name}",
        "",
        f"{run.split.protocol[0].upper()}{run.split.protocol[1:]}. {len(table.gestures)} gestures; the unit is one "
        f"{table.unit}; measure {table.measure} (maps of {'×'.join(map(str, table.maps.shape[1:]))}). "
        f'{len(run.trained.epochs)} epochs, epoch {run.trained.best} kept ("{run.config.method.keep}"). Latents '
        "without dropout; all statistics come from the training part, and the test part was read once, at the end.",
        "",
        "## Scores",
        "",
        "| " + " | ".join(_HEAD) + " |",
        "|" + "---|" * len(_HEAD),
        *("| " + " | ".join(row) + " |" for row in score_rows(scores)),
        "",
        f"{LEGEND}.",
        "",
        *(f"- {sentence}." for sentence in details(scores)),
        "",
    ]
    lines += _judged(run)
    published = PUBLISHED.get(table.measure)
    if published and table.unit == "trial" and run.split.kind == "cross-subject":
        lines += [
            f"Published for this measure: {published:.2f} % (Yuan et al. 2024: real people (Hyser), 10 gestures, 4 "
            "held out, trial level, no validation set, best of its classifiers). Other people and another protocol: "
            "for orientation only.",
            "",
        ]
    if run.notes:
        lines += ["## Notes", "", *(f"- {note}" for note in run.notes), ""]
    if figures:
        lines += ["## Figures", ""]
        for path in figures:
            lines += [f"![{path.stem}]({path.relative_to(run.folder.path).as_posix()})", ""]
    return "\n".join(lines)


def _judged(run: PipelineRun) -> list[str]:
    """Whether the latents beat the features themselves, said either way; and what differs for certain."""
    gesture = [one for one in run.scores if one.task == "gesture"]
    latent = [one for one in gesture if one.source != "raw"]
    raw = [one for one in gesture if one.source == "raw"]
    lines: list[str] = []
    if latent and raw:
        best, base = (max(group, key=lambda one: one.mean) for group in (latent, raw))
        gain = 100 * (best.mean - base.mean)
        verdict = "better than" if gain > 0 else "no better than"
        lines += [
            f"The best latent result ({best.name}, {100 * best.mean:.1f}) is {verdict} the best on the log features "
            f"themselves ({base.name}, {100 * base.mean:.1f}): {gain:+.1f} percentage points. Both are the best of "
            "several on the test people, so both flatter.",
            "",
        ]
    if len(gesture) > 1:
        found = compare({one.name: one.people for one in gesture})
        rows, columns = np.triu_indices(len(found.names), 1)
        sure = [
            f"{found.names[i]} against {found.names[j]} ({100 * found.difference[i, j]:+.1f} points, "
            f"p = {found.p_holm[i, j]:.3f})"
            for i, j in zip(rows, columns, strict=True)
            if found.p_holm[i, j] < 0.05
        ]
        lines += [
            f"Paired two-sided Wilcoxon tests over {len(found.people)} people, Holm-corrected over {len(rows)} pairs: "
            + ("; ".join(sure) if sure else "no pair differs at .05")
            + f". The lowest uncorrected p that so few people can give is {found.lowest_p:.2g}.",
            "",
        ]
    return lines
