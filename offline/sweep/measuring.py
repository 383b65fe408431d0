"""Features measured once, for all jobs; and every split tried on them before the first network is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console

from offline.data.feature_table import FeatureTable
from offline.data.splits import Split
from offline.features.feature_cache import entry_path
from offline.features.feature_config import FeatureConfig
from offline.features.named_sources import open_sources
from offline.features.released_folders import study_folder
from offline.study.pipeline_run import check_validation
from offline.study.recipe import recipe_windows
from offline.study.run_config import PipelineConfig
from offline.study.run_outcome import measured, split_of
from offline.sweep.plan import Job
from rt_handdt.errors import HanddtError, RecordingError


def measure(
    jobs: Sequence[Job], cache: Path, processes: int | None, console: Console
) -> tuple[list[Job], tuple[str, ...]]:
    """Fill the cache with all that the jobs need, and divide each table as its jobs will.

    Returns
    -------
    list of Job
        The same, without test people of whom no sample could be measured.
    tuple of str
        Who that is, once each.

    Raises
    ------
    HanddtError
        If something cannot be measured, or a split is not possible; names the job.
    """
    groups: dict[FeatureConfig, list[Job]] = {}
    for job in jobs:
        groups.setdefault(job.settings.features, []).append(job)
    done: list[Job] = []
    notes: list[str] = []
    for group in groups.values():
        table, others = measured(group[0].settings, cache, processes, console)
        for recipe in {job.recipe.model_copy(update={"seed": 0}) for job in group if job.recipe is not None}:
            measured(recipe_windows(group[0].settings, recipe), cache, processes, console)
        splits: dict[tuple[int, int], Split] = {}
        for job in group:
            try:
                made, note = _with_samples(job, table)
                place = (job.fold, job.seed)
                if place not in splits:
                    splits[place] = split_of(made.settings, table, others)
                if made.kind == "method":
                    check_validation(made.settings, splits[place])
            except HanddtError as exc:
                raise type(exc)(f"{job.id}: {exc}") from None
            done.append(made)
            notes += note
    order = {job.id: number for number, job in enumerate(jobs)}
    return sorted(done, key=lambda job: order[job.id]), tuple(dict.fromkeys(notes))


def _with_samples(job: Job, table: FeatureTable) -> tuple[Job, list[str]]:
    wanted = job.settings.test_subjects
    there = {table.people[k] for k in np.unique(table.person)}
    kept = tuple(name for name in wanted if name in there)
    if len(kept) == len(wanted):
        return job, []
    lost = ", ".join(name for name in wanted if name not in there)
    if not kept:
        raise RecordingError(f"fold {job.fold} is empty: there is no sample of {lost}; leave it out with 'folds'.")
    note = f"Fold {job.fold}, {job.measure}: there is no sample of {lost}, who cannot be tested."
    settings = job.settings.model_copy(update={"test_subjects": kept})
    return replace(job, settings=settings), [note]


def check_measured(settings: PipelineConfig, cache: Path) -> None:
    """Refuse to begin where the cache lacks a session: two that measure the same one would be in each other's way.

    Raises
    ------
    HanddtError
        If a session is not in the cache under the name that it has here.
    """
    for names in (settings.data, settings.test_data):
        if not names or study_folder(names[0], settings.features.measure) is not None:
            continue
        opened = open_sources(names, settings.features, settings.layout)
        for source in opened.sources:
            entry = entry_path(cache, source, settings.features, opened.layout)
            if not entry.with_name(entry.name + ".json").exists():
                raise RecordingError(
                    f"{source.name}: its features are not in {cache} under the name {entry.name}; the data must lie "
                    "under the same path, and the program must be the same, on all workers."
                )
