"""One person's session as a source of trials: a Hyser folder's, or recordings with markers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from offline.data.dataset_file import RecordedFile, unnamed_sentence
from offline.data.named_data import VirtualSession
from offline.data.simulator import simulator_fingerprint
from offline.features import kernels
from offline.features.feature_config import FeatureConfig
from offline.features.reading import FingerprintingReader, parse_header
from rt_handdt.core.filters import CausalFilter, design
from rt_handdt.core.gestures import hyser_label
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.preprocess import MISSING_SHARE, channel_order
from rt_handdt.core.recording import Recording
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import RecordingError
from rt_handdt.io.hyser import channel_names, read_hyser
from rt_handdt.io.hyser_layout import HyserSession, Variant, label_file
from rt_handdt.io.wfdb16 import MISSING, WfdbRecord

Mask = npt.NDArray[np.bool_]
#: Of odd extension at each end, for the filter that runs both ways.
_PAD_S = 0.25


@dataclass(frozen=True)
class Stretch:
    """The measured end of one trial.

    Attributes
    ----------
    x
        (n, C) float32, µV, filtered, in the layout's order.
    label
        Gesture.
    fs_hz
        Rate.
    since_cue_s
        From the trial's beginning to the first of these samples.
    raw
        (n, C) float64, µV: the same unfiltered, NaN where they are missing; None unless `FeatureConfig.repair`.
    lost
        (C,) bool: channels of which more than half was missing; their features must be rebuilt. None if there are none.
    """

    x: Float32
    label: str
    fs_hz: float
    since_cue_s: float
    raw: Float64 | None = None
    lost: Mask | None = None


@dataclass(frozen=True)
class SessionSource(ABC):
    """Where the trials of one person in one session come from. Opened late, in the process that measures them.

    Attributes
    ----------
    person, session
        Labels.
    """

    person: str
    session: str

    @property
    def name(self) -> str:
        """As messages call it."""
        return f"subject {self.person} session {self.session}"

    @property
    @abstractmethod
    def identity(self) -> str:
        """Which data this is, whatever lies in its files: part of the name of a cache entry."""

    @abstractmethod
    def stretches(
        self, config: FeatureConfig, layout: ElectrodeLayout, reader: FingerprintingReader, tally: Counter[str]
    ) -> Iterator[Stretch]:
        """The end of each wanted trial, in order; `tally` counts what was left out or mended, and why."""

    @abstractmethod
    def recordings(
        self, config: FeatureConfig, reader: FingerprintingReader, tally: Counter[str]
    ) -> Iterator[Recording]:
        """The session as continuous recordings with markers; `tally` counts what was left out, and why."""


@dataclass(frozen=True)
class HyserSource(SessionSource):
    """One ``subjectXX_sessionY`` folder."""

    found: HyserSession

    @property
    def identity(self) -> str:
        return str(self.found.path.resolve())

    def _variant(self, config: FeatureConfig) -> Variant:
        return self.found.choose(config.kind, config.variant)

    def stretches(
        self, config: FeatureConfig, layout: ElectrodeLayout, reader: FingerprintingReader, tally: Counter[str]
    ) -> Iterator[Stretch]:
        variant = self._variant(config)
        reader.read(self.found.path / label_file(config.kind))
        order: npt.NDArray[np.intp] | None = None
        first: WfdbRecord | None = None
        for number, code in enumerate(self.found.labels(config.kind, variant), start=1):
            label = hyser_label(code)
            if config.gestures and label not in config.gestures:
                continue
            path = self.found.header(config.kind, variant, number)
            record = parse_header(path, reader.read(path))
            if first is None or order is None:
                first = record
                spec = config.spec(record.fs_hz, layout)
                sections = design(spec)
                order = channel_order(channel_names(record), spec, str(path))
                in_order = bool((order == np.arange(len(order))).all() and len(order) == record.n_channels)
            elif record.fs_hz != first.fs_hz or record.names != first.names:
                raise RecordingError(
                    f"{path}: its rate or channels are not those of {first.path.name}; they must be the same in each "
                    "trial of a session."
                )
            record.check_data()
            keep = round(config.stretch_s * record.fs_hz)
            if record.n_samples < keep:
                tally[f"trials were shorter than {config.stretch_s:g} s and left out"] += 1
                continue
            data = reader.read_codes(record.data_path)[record.offset_bytes :]
            if len(data) != 2 * record.n_samples * record.n_channels:
                raise RecordingError(f"{record.data_path}: its size changed while it was read; try again.")
            codes = np.frombuffer(data, dtype="<i2").reshape(record.n_samples, record.n_channels)
            if not in_order:
                codes = codes[:, order]
            scale = (record.to_uv / record.gain)[order]
            skip = record.n_samples - keep
            lost = None
            raw = None
            if config.repair:
                raw = (codes[skip:] - record.baseline[order]) * scale
                raw[codes[skip:] == MISSING] = np.nan
            if config.phase == "causal" and codes.min() != MISSING:
                x = kernels.filter_codes(codes.astype(np.int16, copy=False), scale.astype(np.float32), sections, skip)
            else:
                missing = codes == MISSING
                uv = (codes - record.baseline[order]) * scale
                uv[missing] = np.nan
                lost = _lost(missing[skip:])
                if lost is not None and lost.mean() > MISSING_SHARE:
                    tally["trials had most channels missing and were left out"] += 1
                    continue
                if missing.any():
                    tally["missing values were held at the last good one"] += int(missing.sum())
                x = _filtered(hold(uv), sections, record.fs_hz, config)[skip:]
            yield Stretch(x, label, record.fs_hz, skip / record.fs_hz, raw, lost)

    def recordings(
        self, config: FeatureConfig, reader: FingerprintingReader, tally: Counter[str]
    ) -> Iterator[Recording]:
        variant = self._variant(config)
        reader.read(self.found.path / label_file(config.kind))
        there = {hyser_label(code) for code in self.found.labels(config.kind, variant)}
        if config.gestures and not there & set(config.gestures):
            return
        joined = read_hyser(
            self.found.path,
            kind=config.kind,
            variant=variant,
            gestures=[label for label in config.gestures if label != "rest"] or None,
        )
        for trial in joined.trials:
            assert isinstance(trial.record, WfdbRecord)
            reader.read(trial.record.path)
            reader.read_codes(trial.record.data_path)
        yield joined


@dataclass(frozen=True)
class SegmentSource(SessionSource):
    """Recordings of one person in one session; each segment between markers is a trial."""

    def stretches(
        self, config: FeatureConfig, layout: ElectrodeLayout, reader: FingerprintingReader, tally: Counter[str]
    ) -> Iterator[Stretch]:
        for recording in self.recordings(config, reader, tally):
            yield from self._stretches_of(recording, config, layout, tally)

    def _stretches_of(
        self, recording: Recording, config: FeatureConfig, layout: ElectrodeLayout, tally: Counter[str]
    ) -> Iterator[Stretch]:
        spec = config.spec(nominal_rate(recording.fs_hz), layout)
        order = channel_order(recording.channels, spec, recording.name)
        wanted = self._wanted(recording, round(config.stretch_s * spec.fs_hz), config, tally)
        if config.phase == "causal":
            pieces = _causal(recording, order, CausalFilter(design(spec)))
        else:
            whole = np.concatenate([block[:, order] for block in recording.blocks()]).astype(np.float64)
            pieces = iter([(_filtered(hold(whole), design(spec), spec.fs_hz, config), whole)])
        end = 0
        open_: list[tuple[int, int, str, float, list[Float32], list[Float64]]] = [(*one, [], []) for one in wanted]
        for filtered, piece in pieces:
            missing = int(np.count_nonzero(~np.isfinite(piece)))
            if missing:
                tally["missing values were held at the last good one"] += missing
            begin, end = end, end + len(filtered)
            while open_:
                start, stop, label, since_s, x, raw = open_[0]
                part = slice(max(start - begin, 0), min(stop, end) - begin)
                if part.start < len(filtered):
                    x.append(filtered[part].copy())
                    raw.append(piece[part].copy())
                if stop > end:
                    break
                open_.pop(0)
                unfiltered = np.concatenate(raw)
                lost = _lost(~np.isfinite(unfiltered))
                if lost is not None and lost.mean() > MISSING_SHARE:
                    tally["trials had most channels missing and were left out"] += 1
                    continue
                kept = unfiltered if config.repair else None
                yield Stretch(np.concatenate(x), label, spec.fs_hz, since_s, kept, lost)

    def _wanted(
        self, recording: Recording, keep: int, config: FeatureConfig, tally: Counter[str]
    ) -> Iterator[tuple[int, int, str, float]]:
        """First and last sample (excluded), label, and seconds since the marker of each stretch; none overlap."""
        for segment in recording.segments():
            if config.gestures and segment.label not in config.gestures:
                continue
            if segment.stop - keep < segment.start:
                tally[f"trials were shorter than {config.stretch_s:g} s and left out"] += 1
                continue
            first = segment.stop - keep
            yield first, segment.stop, segment.label, (first - segment.start) / recording.fs_hz


@dataclass(frozen=True)
class MarkedSource(SegmentSource):
    """Files of one person in one session.

    Attributes
    ----------
    files
        In order.
    """

    files: tuple[RecordedFile, ...]

    @property
    def identity(self) -> str:
        return "|".join(file.identity for file in self.files)

    def recordings(
        self, config: FeatureConfig, reader: FingerprintingReader, tally: Counter[str]
    ) -> Iterator[Recording]:
        for file in self.files:
            for path in file.files:
                reader.read(path)
            recording, unnamed = file.open(self.person, self.session, need_markers=True)
            for marker, count in unnamed.items():
                tally[unnamed_sentence(marker)] += count
            yield recording


@dataclass(frozen=True)
class VirtualSource(SegmentSource):
    """A virtual person, made as it is read.

    Attributes
    ----------
    numbers
        Which one.
    layout
        The electrodes worn.
    """

    numbers: VirtualSession
    layout: ElectrodeLayout

    @property
    def identity(self) -> str:
        return f"virtual people of {simulator_fingerprint()}: {self.numbers}"

    def recordings(
        self, config: FeatureConfig, reader: FingerprintingReader, tally: Counter[str]
    ) -> Iterator[Recording]:
        yield self.numbers.recording(self.layout)


def _causal(
    recording: Recording, order: npt.NDArray[np.intp], filter_: CausalFilter
) -> Iterator[tuple[Float32, Float64]]:
    """The recording filtered block by block, and as it was."""
    last: Float64 | None = None
    for block in recording.blocks():
        x = block[:, order].astype(np.float64)
        held = hold(x) if last is None else hold(np.concatenate([last, x]))[1:]
        last = held[-1:].copy()
        yield filter_.push(held).astype(np.float32), x


def hold(x: Float64) -> Float64:
    """Missing values (NaN) of (n, C) replaced by the last good one, at the start by the first; 0 if there is none."""
    lost = ~np.isfinite(x)
    if not lost.any():
        return x
    rows = np.maximum.accumulate(np.where(lost, -1, np.arange(len(x))[:, None]), axis=0)
    first = np.where(lost.all(axis=0), -1, (~lost).argmax(axis=0))
    rows = np.where(rows < 0, first, rows)
    return np.where(rows >= 0, np.take_along_axis(x, np.maximum(rows, 0), axis=0), 0.0)


def _lost(missing: Mask) -> Mask | None:
    share = missing.mean(axis=0)
    return share > MISSING_SHARE if (share > MISSING_SHARE).any() else None


def _filtered(x: Float64, sections: Float64, fs_hz: float, config: FeatureConfig) -> Float32:
    if config.phase == "causal":
        return CausalFilter(sections).push(x).astype(np.float32)
    padding = min(round(_PAD_S * fs_hz), len(x) - 1)
    return np.asarray(signal.sosfiltfilt(sections, x, axis=0, padlen=padding), dtype=np.float32)


def nominal_rate(fs_hz: float) -> float:
    """A device's measured rate differs from its nominal one by parts per million, from file to file."""
    nominal = float(round(fs_hz))
    return nominal if abs(fs_hz - nominal) < 1e-3 * nominal else fs_hz
