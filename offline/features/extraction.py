"""From sources to one table: sessions measured in parallel, cached on disk, and joined.

Memory stays flat: a worker holds one trial (or one window) at a time and appends its features to the session's file;
the table's maps lie in memory only where they are small, else in a file that vanishes with the process.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console

from offline.data.feature_table import FeatureTable
from offline.features.feature_cache import Entry, Kept, entry_path, prepare, read_entry, values_of
from offline.features.feature_config import BAND_LIMIT, FeatureConfig
from offline.features.measured_session import measure_session
from offline.features.trial_sources import SessionSource
from offline.util import Bar, share_out
from rt_handdt.core.gestures import REST, GestureSet
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32
from rt_handdt.errors import RecordingError

#: Maps of a table up to this size are kept in memory.
IN_MEMORY_BYTES = 256 * 2**20


def extract(
    sources: Sequence[SessionSource],
    layout: ElectrodeLayout,
    config: FeatureConfig,
    *,
    cache: str | Path | None = None,
    processes: int | None = None,
    console: Console | None = None,
) -> FeatureTable:
    """Measure every trial (or window) of the sources.

    Parameters
    ----------
    sources
        Of `offline.features.named_sources.open_sources`.
    layout
        Electrodes; the recordings' channels are matched by name.
    config
        What to measure.
    cache
        Folder of features made before; what fits is used again, what was interrupted goes on with the next session.
        None: nothing is kept.
    processes
        Sessions measured at once; by default one per processor. Does not change the table.
    console
        Where progress and notes go; standard error if None.

    Raises
    ------
    RecordingError
        If there is nothing to measure, a file is damaged, rates differ, or the disk is full.
    ConfigError
        If fewer than two gestures are found, or settings do not fit the data.
    LayoutMismatch
        If a recording has other channels than the layout.
    """
    console = console or Console(stderr=True)
    if not sources:
        raise RecordingError("There is no session to measure; check the paths, and the sessions that were asked for.")
    with tempfile.TemporaryDirectory(prefix="rt_handdt_features_") as scratch:
        folder = prepare(Path(scratch if cache is None else cache))
        paths = [entry_path(folder, source, config, layout) for source in sources]
        kept: list[Kept | None] = []
        for path, source in zip(paths, sources, strict=True):
            there, why = read_entry(path)
            if why:
                console.print(f"{source.name}: {why}; measured anew.", style="yellow", highlight=False)
            kept.append(there)
        with _named_errors(folder), Bar(console) as bar:
            row = bar.begin(f"{config.measure}: sessions", len(sources), sum(one is not None for one in kept))
            for wait in (False, True):  # what another process is measuring is left to it, and waited for at the end
                missing = [k for k, one in enumerate(kept) if one is None]
                if wait and missing:
                    console.print(f"{len(missing)} sessions are being measured by another process; waiting for them.")
                found = share_out(
                    measure_session,
                    [(str(paths[k]), sources[k], config, layout, wait) for k in missing],
                    processes,
                    lambda made: bar.done(row, made is not None),
                )
                for k, one in zip(missing, found, strict=True):
                    kept[k] = one
        entries = []
        for one, path, source in zip(kept, paths, sources, strict=True):
            if one is None or not one.is_at(path):
                raise RecordingError(f"{source.name}: its files or features changed while they were read; try again.")
            entries.append(one.entry)
        with _named_errors(folder):
            return _join(entries, paths, layout, config, folder)


# -- joining -------------------------------------------------------------------------------------------------------


def _join(
    entries: Sequence[Entry], paths: Sequence[Path], layout: ElectrodeLayout, config: FeatureConfig, folder: Path
) -> FeatureTable:
    filled = [entry for entry in entries if entry.trial]
    if not filled:
        raise RecordingError(
            "No trial of the wanted gestures was found in any session; check 'gestures' and 'kind'. "
            + " ".join(text for entry in entries for text in entry.skipped[:1])
        )
    rates = {entry.fs_hz: f"subject {entry.person} session {entry.session}" for entry in filled}
    if len(rates) > 1:
        said = ", ".join(f"{name} {fs_hz:g} Hz" for fs_hz, name in rates.items())
        raise RecordingError(f"One table needs one sampling rate; there are {said}. Measure them apart.")
    gestures = GestureSet.ordered({entry.labels[k] for entry in filled for k in entry.trial})
    people = tuple(dict.fromkeys(entry.person for entry in entries))
    sessions = tuple(sorted({entry.session for entry in entries}))
    label, person, session, trial, since = [], [], [], [], []
    offset = 0
    for entry in entries:
        number = np.array([gestures.index(name) if name in gestures.labels else -1 for name in entry.labels], np.int64)
        own = np.asarray(entry.trial, np.int64)
        label.append(number[own])
        person.append(np.full(len(own), people.index(entry.person)))
        session.append(np.full(len(own), sessions.index(entry.session)))
        trial.append(own + offset)
        since.append(np.asarray(entry.since_cue_s, np.float32))
        offset += len(entry.labels)
    measure = config.parsed
    table = FeatureTable(
        measure=measure.name,
        names=measure.names,
        maps=_maps(entries, paths, (measure.n_maps, *layout.shape), folder),
        label=np.concatenate(label).astype(np.int64),
        person=np.concatenate(person).astype(np.int64),
        session=np.concatenate(session).astype(np.int64),
        trial=np.concatenate(trial).astype(np.int64),
        gestures=gestures,
        people=people,
        sessions=sessions,
        layout=layout,
        unit=config.unit,
        fs_hz=filled[0].fs_hz,
        inputs=measure.inputs,
        since_cue_s=np.concatenate(since),
    )
    skipped = [text for entry in entries for text in entry.skipped]
    limit = BAND_LIMIT * table.fs_hz
    if config.band_hz[1] > limit:
        skipped.append(f"The band's upper corner was lowered to {limit:g} Hz, to suit the rate of {table.fs_hz:g} Hz.")
    return replace(table, skipped=(*skipped, *shortfalls(table, config.gestures)))


def shortfalls(table: FeatureTable, wanted: Sequence[str] = ()) -> list[str]:
    """What a table lacks: sessions, gestures that some session has not or has once only, and wanted ones that none has.

    Counted and said; it is for those who split the table to decide what to do without.
    """
    said = []
    nowhere = [label for label in wanted if label not in table.gestures.labels and label != REST]
    if nowhere:
        said.append(f"No session has a trial of {', '.join(nowhere)}.")
    counts = table.counts()
    for p, person in enumerate(table.people):
        for s, session in enumerate(table.sessions):
            name = f"subject {person} session {session}"
            if not counts[p, s].any():
                said.append(f"{name}: there is nothing of it.")
                continue
            for many, what in ((0, "has no trial of"), (1, "has one trial only (kept) of")):
                lacking = [table.gestures.labels[k] for k in np.flatnonzero(counts[p, s] == many)]
                if lacking:
                    said.append(f"{name}: {what} {', '.join(lacking)}.")
    return said


def _maps(entries: Sequence[Entry], paths: Sequence[Path], shape: tuple[int, ...], folder: Path) -> Float32:
    n = sum(len(entry.trial) for entry in entries)
    # Copied and not mapped: what is read through a map counts as this process's memory.
    if 4 * n * int(np.prod(shape)) <= IN_MEMORY_BYTES:
        out = np.empty((n, *shape), np.float32)
        at = 0
        for entry, path in zip(entries, paths, strict=True):
            with values_of(path) as part:
                rows = out[at : at + len(entry.trial)]
                rows[:] = np.frombuffer(part.read(), np.float32).reshape(rows.shape)
            at += len(entry.trial)
        return out
    with tempfile.TemporaryFile(dir=folder) as file:
        for path in paths:
            with values_of(path) as part:
                shutil.copyfileobj(part, file, 1 << 20)
        file.flush()
        return np.memmap(file, dtype=np.float32, mode="r", shape=(n, *shape))


# -- around it all -----------------------------------------------------------------------------------------------------


@contextmanager
def _named_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise RecordingError(
            f"{folder}: the features could not be written ({exc.strerror or exc}); free some space or choose another "
            "folder with --cache. Sessions that are complete stay, and the same command goes on from there."
        ) from exc
    except BrokenProcessPool as exc:
        raise RecordingError(
            f"{folder}: a process that measured a session was ended from outside, most often for lack of memory; give "
            "the same command again with fewer processes, and it goes on where this one stopped."
        ) from exc
