"""Runs and studies put side by side: which scores are compared, under which names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from offline.sweep.records import Record, is_study, read_run, read_study
from offline.sweep.summary import Metric, Summary, chosen, summarise
from offline.sweep.view import label
from rt_handdt.config import nearest
from rt_handdt.errors import ConfigError

By = Literal["classifier", "condition", "measure"]


@dataclass(frozen=True)
class Gathered:
    """What lies in some folders.

    Attributes
    ----------
    settings
        Of the first study among them.
    notes
        What is missing in the studies.
    """

    records: tuple[Record, ...]
    settings: Mapping[str, Any]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Selection:
    """What is compared: name → summary; and what was left out, in words."""

    summaries: Mapping[str, Summary]
    notes: tuple[str, ...]


def gather(paths: Sequence[Path]) -> Gathered:
    """Read runs (each a condition, called after its folder) and studies.

    Raises
    ------
    HanddtError
        If a folder holds neither, or is named twice.
    """
    real = [path.resolve() for path in paths]
    if len(set(real)) < len(real):
        raise ConfigError(f"Each folder may be named once; got {', '.join(map(str, paths))}.")
    runs = [path for path in real if not is_study(path)]
    names = {path: path.name for path in runs}
    if len(set(names.values())) < len(runs):
        names = {path: f"{path.parent.name}/{path.name}" for path in runs}
    records: list[Record] = []
    notes: list[str] = []
    settings: Mapping[str, Any] = {}
    for number, path in enumerate(real, 1):
        if is_study(path):
            study = read_study(path)
            records += study.records
            notes += study.notes
            settings = settings or study.settings
        else:
            records += read_run(path, names[path], number)
    return Gathered(tuple(records), settings, tuple(notes))


def select(
    found: Gathered,
    by: By,
    metric: Metric,
    *,
    conditions: Sequence[str] = (),
    measures: Sequence[str] = (),
    classifiers: Sequence[str] = (),
) -> Selection:
    """Choose what is compared.

    Parameters
    ----------
    by
        ``"classifier"``: all there are. ``"condition"``: of each condition (and measure) the classifier that stands for
        it, see `offline.sweep.summary.RULE`, and those on the features themselves. ``"measure"``: the same of the first
        condition alone, and of the features themselves.
    conditions, measures, classifiers
        Look at these only; all if empty.

    Raises
    ------
    ConfigError
        If a name is unknown, units are mixed, or nothing is left.
    """
    summaries = [one for one in summarise(found.records, metric) if one.task == "gesture"]
    units = {one.unit for one in summaries}
    if len(units) > 1:
        raise ConfigError(
            f"Scores of {' and of '.join(f'{unit}s' for unit in sorted(units))} cannot be compared; take runs of one "
            "unit."
        )
    notes: list[str] = []
    for what, wanted in (("condition", conditions), ("measure", measures), ("classifier", classifiers)):
        known = list(dict.fromkeys(str(getattr(one, what)) for one in summaries))
        for name in wanted:
            if name not in known:
                raise ConfigError(f"There is no {what} '{name}' with scores here{nearest(name, known)}")
        if wanted:
            summaries = [one for one in summaries if getattr(one, what) in wanted]
    if by != "classifier":
        summaries = list(chosen(summaries, found.settings))
    if by == "measure":
        trained = list(dict.fromkeys(one.condition for one in summaries if one.source != "raw"))
        if len(trained) > 1:
            notes.append(f"Of the conditions {trained[0]} is looked at; name another with --condition.")
            summaries = [one for one in summaries if one.source == "raw" or one.condition == trained[0]]
    if len(summaries) < 2:
        there = f"'{summaries[0].name}' ({summaries[0].measure}) alone" if summaries else "nothing"
        raise ConfigError(
            f"A comparison by {by} needs at least two scores, and there is {there}; name more runs, or compare by "
            "something else."
        )
    summaries.sort(key=lambda one: one.source == "raw")
    gestures = {one.labels for one in summaries}
    if len(gestures) > 1:
        notes.append("Not all were tested on the same gestures, so chance differs.")
    return Selection(dict(zip(_names(summaries, by), summaries, strict=True)), tuple(notes))


def protocols(records: Iterable[Record]) -> list[str]:
    """What was done, in words, once each."""
    return list(dict.fromkeys(record.protocol for record in records if record.protocol))


def _names(summaries: Sequence[Summary], by: By) -> list[str]:
    """As short as may be, and different."""
    last = [f"{one.source} {one.classifier}" if by == "classifier" else label(one) for one in summaries]
    keys = [
        ("" if one.source == "raw" or by != "classifier" else one.condition, one.measure, name)
        for one, name in zip(summaries, last, strict=True)
    ]
    trained = [key for key, one in zip(keys, summaries, strict=True) if one.source != "raw"]
    differ = [len({key[k] for key in (trained if k == 0 else keys)}) > 1 for k in range(2)]
    return [" ".join([key[k] for k in range(2) if differ[k] and key[k]] + [key[2]]) for key in keys]
