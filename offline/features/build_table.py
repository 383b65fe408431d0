"""One call from paths to a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from offline.data.feature_table import FeatureTable
from offline.features.extraction import extract
from offline.features.feature_cache import entry_path, read_entry
from offline.features.feature_config import FeatureConfig
from offline.features.named_sources import open_sources
from offline.features.released_folders import read_study_folder, study_folder
from rt_handdt.errors import ConfigError


def build_table(
    names: Sequence[str | Path],
    config: FeatureConfig,
    *,
    layout: str | None = None,
    cache: str | Path | None = None,
    processes: int | None = None,
    console: Console | None = None,
) -> FeatureTable:
    """Measure everything that ``--data`` names, or read it where it is the study's folder of features.

    Parameters
    ----------
    names
        As `offline.features.named_sources.open_sources` takes them; or one released folder (or the root of several).
    config
        What to measure.
    layout, cache, processes, console
        As in `open_sources` and `offline.features.extraction.extract`.

    Raises
    ------
    HanddtError
        Whatever is wrong with data or settings.
    """
    ready = [name for name in names if study_folder(name, config.measure) is not None]
    if ready and (len(names) > 1 or config.unit != "trial"):
        raise ConfigError(f"'{ready[0]}' holds the study's features of trials; give it alone, with unit 'trial'.")
    if ready:
        return read_study_folder(
            ready[0], config.measure, sessions=config.sessions, gestures=config.gestures, kind=config.kind
        )
    data = open_sources(names, config, layout)
    table = extract(data.sources, data.layout, config, cache=cache, processes=processes, console=console)
    return replace(table, skipped=(*data.skipped, *table.skipped))


def uncached(
    names: Sequence[str | Path], config: FeatureConfig, *, layout: str | None = None, cache: str | Path
) -> str:
    """Why `build_table` would have to measure something, as the beginning of a sentence; nothing if it would not.

    Raises
    ------
    HanddtError
        If the data are not where they were.
    """
    if any(study_folder(name, config.measure) is not None for name in names):
        return ""
    data = open_sources(names, config, layout)
    for source in data.sources:
        entry, why = read_entry(entry_path(Path(cache), source, config, data.layout))
        if entry is None:
            return f"{source.name}: {why or f'its features are not kept in {cache}'}"
    return ""
