"""A study's results on the screen: one row for each condition and measure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from offline.study.run_folder import RunFolder
from offline.sweep.plan import Job
from offline.sweep.study_folder import StudyFolder

#: (condition, measure) → "pattern knn" → values, one for each person and job.
Means = dict[tuple[str, str], dict[str, list[float]]]


def accuracies(jobs: Sequence[Job], folder: StudyFolder) -> Means:
    """How well the gesture was told, of each person in each finished job: accuracy, of windows mean recall.

    Raises
    ------
    HanddtError
        If a ``metrics.json`` is damaged.
    """
    found: Means = {}
    for job in jobs:
        content = RunFolder.read_json(folder.job(job.id) / "metrics.json")
        own = found.setdefault((job.condition, job.measure), {})
        for one in content["results"]:
            if one["task"] == "gesture":
                people = one["people_balanced" if job.unit == "window" else "people"]
                own.setdefault(f"{one['source']} {one['classifier']}", []).extend(people.values())
    return found


def summary_table(jobs: Sequence[Job], folder: StudyFolder, heading: str) -> Table:
    """Means over people, folds, sessions and seeds, in %."""
    means = accuracies(jobs, folder)
    judges = sorted({name for own in means.values() for name in own}, key=lambda name: name.startswith("raw"))
    said = "mean recall of windows" if any(job.unit == "window" for job in jobs) else "accuracy"
    table = Table(
        title=heading,
        caption=f"In %: {said}, mean over people, folds, sessions and seeds. raw: the log features themselves.",
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
    )
    for name in ("Condition", "Measure"):
        table.add_column(name, overflow="fold")
    for name in (*judges, "Jobs"):
        table.add_column(name, justify="right")
    for (condition, measure), own in means.items():
        cells = [f"{100 * np.mean(own[name]):.1f}" if name in own else "–" for name in judges]
        count = sum((job.condition, job.measure) == (condition, measure) for job in jobs)
        table.add_row(condition, measure, *cells, str(count))
    return table
