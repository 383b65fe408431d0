"""Training people of one data set and test people of another, as one table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from offline.data.datasets import Int64
from offline.data.feature_table import FeatureTable
from rt_handdt.core.gestures import GestureSet
from rt_handdt.errors import ConfigError

#: Stands before the names of the second table's people, who are others than those of the same name in the first.
MARK = "T"


def join_tables(first: FeatureTable, second: FeatureTable) -> FeatureTable:
    """One table of both; people of the second get a ``T`` before their names.

    Raises
    ------
    ConfigError
        If the tables were not measured alike.
    """
    for what in ("measure", "names", "layout", "unit", "fs_hz"):
        if getattr(first, what) != getattr(second, what):
            raise ConfigError(f"Training and test data differ in '{what}', so they cannot be judged together.")
    gestures = GestureSet.ordered({*first.gestures.labels, *second.gestures.labels})
    sessions = tuple(sorted({*first.sessions, *second.sessions}))
    offset = int(first.trial.max(initial=-1)) + 1
    people = (*first.people, *(MARK + name for name in second.people))
    label = np.concatenate([_moved(one.label, one.gestures.labels, gestures.labels) for one in (first, second)])
    session = np.concatenate([_moved(one.session, one.sessions, sessions) for one in (first, second)])
    return FeatureTable(
        measure=first.measure,
        names=first.names,
        maps=np.concatenate([first.maps, second.maps]),
        label=label,
        person=np.concatenate([first.person, second.person + len(first.people)]),
        session=session,
        trial=np.concatenate([first.trial, second.trial + offset]),
        gestures=gestures,
        people=people,
        sessions=sessions,
        layout=first.layout,
        unit=first.unit,
        fs_hz=first.fs_hz,
        skipped=(*first.skipped, *(f"test data: {sentence}" for sentence in second.skipped)),
        inputs=first.inputs,
        since_cue_s=np.concatenate([first.since_cue_s, second.since_cue_s]),
    )


def _moved(values: Int64, own: Sequence[str], into: Sequence[str]) -> Int64:
    """Positions in one vocabulary as positions in another that holds it."""
    places = np.array([into.index(name) for name in own], np.int64)
    return places[values]
