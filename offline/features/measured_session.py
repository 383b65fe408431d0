"""One session measured: rows as they come, appended to its entry in the cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from offline.data.windows import live_windows
from offline.features.feature_cache import Entry, Kept, NpyWriter, read_entry, remove_entry, write_entry
from offline.features.feature_config import FeatureConfig
from offline.features.locks import held, unfinished
from offline.features.reading import FingerprintingReader
from offline.features.repair import bad_electrodes, rebuild, rings
from offline.features.signals import Signal
from offline.features.trial_sources import SessionSource, nominal_rate
from rt_handdt.core.differential import Partners, map_groups
from rt_handdt.core.feature import named_features
from rt_handdt.core.interpolation import Interpolator
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.preprocess import Preprocessor
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32
from rt_handdt.errors import RecordingError


def measure_session(
    path: str, source: SessionSource, config: FeatureConfig, layout: ElectrodeLayout, wait: bool
) -> Kept | None:
    """Measure one session and write its entry at `path` (without suffix).

    If another process is at it, its entry is awaited and used; without `wait`, None comes back at once.

    Raises
    ------
    RecordingError
        If a file is damaged, or the rates of a session's files differ.
    OSError
        If the entry cannot be written.
    """
    entry = Path(path)
    with held(entry, wait=wait) as mine:
        if not mine:
            return None
        there, _ = read_entry(entry)
        if there is not None:  # made by another process, since this one looked
            return there
        remove_entry(entry)
        return _measure(entry, source, config, layout)


def _measure(path: Path, source: SessionSource, config: FeatureConfig, layout: ElectrodeLayout) -> Kept:
    part = unfinished(path)
    reader, tally = FingerprintingReader(), Counter[str]()
    writer = NpyWriter(part, (config.parsed.n_maps, *layout.shape))
    rows = _trials if config.unit == "trial" else _windows
    labels: list[str] = []
    trial: list[int] = []
    since: list[float] = []
    rates: list[float] = []
    try:
        for values, label_of, since_s, fs_hz in rows(source, config, layout, reader, tally, labels):
            if not np.isfinite(values).all():
                tally[f"{config.unit}s had features that are not finite and were left out"] += 1
                continue
            writer.append(layout.to_grid(values)[None])
            trial.append(label_of)
            since.append(since_s)
            rates.append(fs_hz)
        skipped = [f"{source.name}: {count} {what}." for what, count in tally.items()]
        if len(set(rates)) > 1:
            raise RecordingError(f"{source.name}: mixes the rates {sorted(set(rates))} Hz; one table needs one rate.")
        sha = writer.finish()
        part.replace(path.with_name(path.name + ".npy"))
    finally:
        try:
            writer.close()  # on a full disk it tries once more to write, and fails
        finally:
            part.unlink(missing_ok=True)
    return write_entry(
        path,
        Entry(
            person=source.person,
            session=source.session,
            fs_hz=rates[0] if rates else 0.0,
            labels=tuple(labels),
            trial=tuple(trial),
            since_cue_s=tuple(since),
            skipped=tuple(skipped),
            stamps=reader.stamps,
            content=reader.content,
            sha256=sha,
        ),
    )


_LOST = "windows had most channels missing and were left out"
#: Features (F, C), position of the trial, seconds since its marker, rate.
_Row = tuple[Float32, int, float, float]


def _trials(
    source: SessionSource,
    config: FeatureConfig,
    layout: ElectrodeLayout,
    reader: FingerprintingReader,
    tally: Counter[str],
    labels: list[str],
) -> Iterator[_Row]:
    measure, around, partners = config.parsed, rings(layout), Partners(layout)
    interpolator, groups = Interpolator(layout), map_groups(measure.pairs, layout)
    ever = np.zeros(layout.n_channels, bool)
    for stretch in source.stretches(config, layout, reader, tally):
        one = Signal(stretch.x, stretch.fs_hz, around, partners)
        values = measure(one)
        if stretch.lost is not None:
            tally["channels of single trials were mostly missing and rebuilt"] += int(stretch.lost.sum())
        bad = stretch.lost
        if stretch.raw is not None:
            bad = bad_electrodes(stretch.raw, config.spec(stretch.fs_hz, layout))
            ever |= bad
        if bad is not None and bad.any():
            values = rebuild(values, bad, interpolator, groups)
        labels.append(stretch.label)
        yield values, len(labels) - 1, stretch.since_cue_s, stretch.fs_hz
    if ever.any():
        named = ", ".join(layout.channels[channel] for channel in np.flatnonzero(ever))
        tally[f"bad channels rebuilt from their neighbours ({named})"] = int(ever.sum())


def _windows(
    source: SessionSource,
    config: FeatureConfig,
    layout: ElectrodeLayout,
    reader: FingerprintingReader,
    tally: Counter[str],
    labels: list[str],
) -> Iterator[_Row]:
    measure, live = config.parsed, config.parsed.live
    around, partners = rings(layout), Partners(layout)
    interpolator, groups = Interpolator(layout), map_groups(measure.pairs, layout)
    for recording in source.recordings(config, reader, tally):
        spec = config.spec(nominal_rate(recording.fs_hz), layout)
        features = {"features": named_features(list(live or ("rms",)))}
        preprocessor = Preprocessor(PipelineSpec.parse({**spec.model_dump(), **features}, what=recording.name))
        wanted = [one for one in recording.segments() if not config.gestures or one.label in config.gestures]
        place = {one.trial: len(labels) + k for k, one in enumerate(wanted)}
        labels += [one.label for one in wanted]
        seen = set()
        for window in live_windows(
            recording, preprocessor, stride=config.stride, samples=not live, on_lost=lambda n: tally.update({_LOST: n})
        ):
            frame, segment = window.frame, window.segment
            if segment is None or segment.trial not in place:
                continue
            seen.add(segment.trial)
            if frame.fault is not None:
                if frame.fault.code == "gaps":
                    tally[_LOST] += 1
                    continue
                tally[f"windows are such as live use refuses as no EMG ({frame.fault.code}); they are kept"] += 1
            if window.samples is None:
                values = layout.from_grid(frame.maps)
            else:
                values = measure(Signal(window.samples, spec.fs_hz, around, partners))
                if frame.bad is not None and frame.bad.any():  # as those of the live pipeline are
                    values = rebuild(values, frame.bad, interpolator, groups)
            yield values, place[segment.trial], window.since_cue_s, spec.fs_hz
        if preprocessor.missing_values:
            tally["missing values were held at the last good one"] += preprocessor.missing_values
        short = len(wanted) - len(seen)
        if short:
            tally[f"segments hold no window of {config.window_s:g} s and were left out"] += short
