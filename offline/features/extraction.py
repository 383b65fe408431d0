"""From sources to one table: sessions measured in parallel, cached on disk, and joined.

Memory stays flat: a worker holds one trial (or one window) at a time and appends its features to the session's file;
the table's maps lie in memory only where they are small, else in a file that vanishes with the process.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from offline.features.cache import Entry, NpyWriter, entry_path, prepare, read_entry, remove, values_of, write_entry
from offline.features.config import BAND_LIMIT, FeatureConfig
from offline.features.reading import FingerprintingReader
from offline.features.repair import find_bad_channels, rebuild, rings
from offline.features.signals import Signal
from offline.features.sources import SessionSource, nominal_rate
from offline.features.table import FeatureTable
from offline.features.windows import live_windows, wanted_segments
from rt_handdt.core.gestures import REST, GestureSet
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32
from rt_handdt.errors import RecordingError

#: Maps of a table up to this size are kept in memory.
IN_MEMORY_BYTES = 256 * 2**20

Task = tuple[str, SessionSource, FeatureConfig, ElectrodeLayout]


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
        Of `offline.features.data.open_sources`.
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
        folder = prepare(Path(cache)) if cache is not None else Path(scratch)
        paths = [entry_path(folder, source, config, layout) for source in sources]
        tasks: list[Task] = []
        for path, source in zip(paths, sources, strict=True):
            there, why = read_entry(path)
            if why:
                console.print(f"{source.name}: {why}; measured anew.", style="yellow", highlight=False)
            if there is None:
                tasks.append((str(path), source, config, layout))
        with _named_errors(folder), _bar(console) as bar:
            task = bar.add_task(config.measure, total=len(sources), completed=len(sources) - len(tasks))
            _run(tasks, min(processes or os.cpu_count() or 1, len(tasks)), lambda: bar.advance(task))
        entries = []
        for path, source in zip(paths, sources, strict=True):
            entry, why = read_entry(path)
            if entry is None:
                raise RecordingError(
                    f"{source.name}: {why or 'its features vanished'} while they were read; try again."
                )
            entries.append(entry)
        with _named_errors(folder):
            return _join(entries, paths, layout, config, folder)


def extract_session(path: str, source: SessionSource, config: FeatureConfig, layout: ElectrodeLayout) -> None:
    """Measure one session and write its entry at `path` (without suffix)."""
    entry, values = Path(path), Path(path + ".npy")
    remove([Path(path + ".json"), *_abandoned(entry)])
    part = Path(f"{path}.{os.getpid()}.part")
    reader, tally = FingerprintingReader(), Counter[str]()
    writer = NpyWriter(part, (config.parsed.n_maps, *layout.shape))
    rows = _trials if config.unit == "trial" else _windows
    labels: list[str] = []
    trial: list[int] = []
    rms: list[Float32] = []
    rates: list[float] = []
    try:
        for values_, level, label_of, fs_hz in rows(source, config, layout, reader, tally, labels):
            if not np.isfinite(values_).all():
                tally[f"{config.unit}s had features that are not finite and were left out"] += 1
                continue
            writer.append(layout.to_grid(values_)[None])
            trial.append(label_of)
            rms.append(level)
            rates.append(fs_hz)
        skipped = [f"{source.name}: {count} {what}." for what, count in tally.items()]
        if len(set(rates)) > 1:
            raise RecordingError(f"{source.name}: mixes the rates {sorted(set(rates))} Hz; one table needs one rate.")
        if config.repair and rms:
            skipped += _repair(writer, np.stack(rms), layout, source.name)
        sha = writer.finish()
        part.replace(values)
    finally:
        try:
            writer.close()  # on a full disk it fails once more
        finally:
            remove([part])
    write_entry(
        entry,
        Entry(
            person=source.person,
            session=source.session,
            fs_hz=rates[0] if rates else 0.0,
            labels=tuple(labels),
            trial=tuple(trial),
            skipped=tuple(skipped),
            stamps=reader.stamps,
            content=reader.content,
            sha256=sha,
        ),
    )


def _abandoned(path: Path) -> list[Path]:
    """Unfinished files of this entry whose writer has ended."""
    found = []
    for part in path.parent.glob(f"{path.name}.*.part"):
        try:
            os.kill(int(part.name.split(".")[-2]), 0)
        except (ValueError, ProcessLookupError):
            found.append(part)
        except PermissionError:
            continue
    return found


#: Features (F, C), RMS (C,), position of the trial, rate.
_Row = tuple[Float32, Float32, int, float]


def _trials(
    source: SessionSource,
    config: FeatureConfig,
    layout: ElectrodeLayout,
    reader: FingerprintingReader,
    tally: Counter[str],
    labels: list[str],
) -> Iterator[_Row]:
    measure, around = config.parsed, rings(layout)
    for stretch in source.stretches(config, layout, reader, tally):
        one = Signal(stretch.x, stretch.fs_hz, around)
        values = measure(one)
        if stretch.lost is not None:
            values = rebuild(values, stretch.lost, around)
            tally["channels of single trials were mostly missing and rebuilt"] += int(stretch.lost.sum())
        labels.append(stretch.label)
        yield values, one.time_domain[0], len(labels) - 1, stretch.fs_hz


def _windows(
    source: SessionSource,
    config: FeatureConfig,
    layout: ElectrodeLayout,
    reader: FingerprintingReader,
    tally: Counter[str],
    labels: list[str],
) -> Iterator[_Row]:
    for recording in source.recordings(config, reader):
        segments = wanted_segments(recording, source, config, tally)
        before, seen = len(labels), set()
        labels += [label for _, _, label in segments]
        fs_hz = nominal_rate(recording.fs_hz)
        for window in live_windows(recording, segments, config, layout, tally):
            seen.add(window.trial)
            yield window.values, window.rms_uv, before + window.trial, fs_hz
        short = len(segments) - len(seen)
        if short:
            tally[f"segments hold no window of {config.window_s:g} s and were left out"] += short


def _repair(writer: NpyWriter, rms: Float32, layout: ElectrodeLayout, name: str) -> list[str]:
    bad = find_bad_channels(rms, layout)
    if not bad.any():
        return []
    around = rings(layout)
    for number in range(len(rms)):
        values = layout.from_grid(writer.row(number))
        writer.put(number, layout.to_grid(rebuild(values, bad, around)))
    names = [layout.channels[channel] for channel in np.flatnonzero(bad)]
    alone = sum(not any(not bad[other] for other in around[channel]) for channel in np.flatnonzero(bad))
    lonely = f" ({alone} of them without a good neighbour: set to 0)" if alone else ""
    return [f"{name}: {len(names)} bad channels rebuilt from their neighbours ({', '.join(names)}){lonely}."]


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
    label, person, session, trial = [], [], [], []
    offset = 0
    for entry in entries:
        number = np.array([gestures.index(name) if name in gestures.labels else -1 for name in entry.labels], np.int64)
        own = np.asarray(entry.trial, np.int64)
        label.append(number[own])
        person.append(np.full(len(own), people.index(entry.person)))
        session.append(np.full(len(own), sessions.index(entry.session)))
        trial.append(own + offset)
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


# -- processes -----------------------------------------------------------------------------------------------------


def _run(tasks: Sequence[Task], workers: int, on_done: Callable[[], None]) -> None:
    if workers <= 1:
        for task in tasks:
            extract_session(*task)
            on_done()
        return
    # spawn: a fork would copy the caller's threads' locks in whatever state they are
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers - 1, mp_context=context, initializer=_begin_worker) as pool, _one_thread():
        futures = [pool.submit(extract_session, *task) for task in tasks]
        try:
            # This process takes from the other end what the others have not begun: they need a second to start.
            for future, task in reversed(list(zip(futures, tasks, strict=True))):
                if any(done.done() and not done.cancelled() and done.exception() for done in futures):
                    break
                if future.cancel():
                    extract_session(*task)
                    on_done()
                else:
                    future.add_done_callback(lambda done: None if done.exception() else on_done())
            for future in wait([one for one in futures if not one.cancelled()], return_when=FIRST_EXCEPTION).done:
                future.result()
        finally:  # also at Ctrl-C: what has not begun stays undone
            pool.shutdown(cancel_futures=True)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Linear algebra in one thread: the other cores have sessions of their own."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield
        return
    with threadpool_limits(1):
        yield


_KEPT = ExitStack()


def _begin_worker() -> None:
    """End with the command, and leave the other cores to the other workers."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_await_parent, name="parent-watch", daemon=True).start()
    _KEPT.enter_context(_one_thread())  # for the process's whole life


def _await_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


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


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}: sessions"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=console.quiet,
    )
