"""What a run of the pipeline learns from, how that is split, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from offline.data.feature_table import FeatureTable
from offline.data.joined_table import join_tables
from offline.data.splits import Part, Split, cross_session, cross_subject, within_session
from offline.evaluate.metrics import Scores, metrics_file
from offline.features.build_table import build_table
from offline.study.run_config import PipelineConfig
from offline.study.run_folder import RunFolder
from offline.train.latents import Latents
from offline.train.trained import TrainedMethod


@dataclass(frozen=True)
class PipelineRun:
    """What a run came to.

    Attributes
    ----------
    latents
        Of the parts that have samples.
    scores
        Of the test part (persons: of the training and the test part), baselines last.
    notes
        Everything that was left out, mended or could not be done.
    """

    folder: RunFolder
    config: PipelineConfig
    split: Split
    trained: TrainedMethod
    table: FeatureTable
    latents: dict[Part, Latents]
    scores: tuple[Scores, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """``metrics.json``."""
        return metrics_file(
            self.table,
            self.split,
            self.scores,
            self.notes,
            epochs=len(self.trained.epochs),
            epoch_kept=self.trained.best,
        )


def measured(
    config: PipelineConfig, cache: str | Path, processes: int | None, console: Console
) -> tuple[FeatureTable, tuple[str, ...]]:
    """The table that a run learns from and is tested on, and the names that people of the test data have in it.

    Raises
    ------
    HanddtError
        Whatever is wrong with the data.
    """
    tables = [
        build_table(names, config.features, layout=config.layout, cache=cache, processes=processes, console=console)
        for names in (config.data, config.test_data)
        if names
    ]
    if len(tables) == 1:
        return tables[0], ()
    joined = join_tables(*tables)
    there = np.unique(joined.person)
    first = len(tables[0].people)
    return joined, tuple(joined.people[k] for k in there if k >= first)


def split_of(config: PipelineConfig, table: FeatureTable, others: tuple[str, ...] = ()) -> Split:
    """The split that the settings describe, of a table; `others` are the people of the test data."""
    validated = config.valid_people != 0
    if config.protocol == "cross-session":
        return cross_session(table, config.train_session, config.test_session, seed=config.seed, valid=validated)
    if config.protocol == "within-session":
        return within_session(table, config.folds, seed=config.seed, valid=validated)[config.fold - 1]
    people = others or config.test_subjects
    return cross_subject(table, people, valid_people=config.valid_people, seed=config.seed)
