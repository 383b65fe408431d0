"""A condition that trains no network: classifiers on the log features themselves, on the same splits as the others."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from offline.data.reserved import refuse_reserved
from offline.evaluate.classify import raw_scores
from offline.evaluate.metrics import metrics_file
from offline.study.run_config import PipelineConfig
from offline.study.run_folder import RunFolder
from offline.study.run_outcome import measured, split_of


def run_baseline(
    config: PipelineConfig,
    out: str | Path,
    *,
    cache: str | Path | None = None,
    processes: int | None = None,
    allow_reserved_seeds: bool = False,
    console: Console | None = None,
) -> None:
    """Score `config.baselines`, and write ``metrics.json``. Parameters as `offline.study.pipeline_run.run_pipeline`.

    The validation part is left out of training here too, so that all conditions learn from the same people.

    Raises
    ------
    HanddtError
        Whatever is wrong with data or settings.
    """
    if not allow_reserved_seeds:
        refuse_reserved(config.data)
    folder = RunFolder(Path(out))
    folder.check(config)
    table, others = measured(config, cache or folder.cache, processes, console or Console(stderr=True))
    split = split_of(config, table, others)
    folder.note(config)
    scores = raw_scores(
        table.select(split.train), table.select(split.test), config.baselines, protocol=split.kind, seed=config.seed
    )
    notes = dict.fromkeys((*table.skipped, *(note for one in scores for note in one.notes)))
    folder.write(folder.metrics, metrics_file(table, split, scores, tuple(notes), epochs=0, epoch_kept=0))
