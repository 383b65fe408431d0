"""Lab Streaming Layer, in and out. The only module that imports pylsl.

Streams that this program makes carry, per channel, label, unit, type and grid cell; the newest sample's time stamp
never lies ahead of the clock. A channel called ``COUNTER`` counts samples modulo 65536: loss is then provable, not
merely inferred from time stamps.
"""

from __future__ import annotations

import math
import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pylsl

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Chunk, Float32, Float64
from rt_handdt.errors import StreamError
from rt_handdt.io.gaps import CountedGaps, Int64, TimedGaps

COUNTER = "COUNTER"
COUNTER_MODULUS = 65536
#: An inlet remembers this much, should the program stall; older samples are lost, and the loss is counted.
BUFFER_S = 60
#: A stream that was found gets this long to answer; measuring its clock alone can take most of a second.
ANSWER_S = 5.0
SESSION_VARIABLE = "RT_HANDDT_LSL_SESSION"

_configured: str | None = None


def configure(*, network: bool = False, session: str | None = None) -> None:
    """Choose, once per process and before any other LSL call, how far streams are looked for and shown.

    Parameters
    ----------
    network
        False: this computer only (nothing is sent to a network). True: LSL's own configuration, which by default
        finds streams on the local network.
    session
        LSL session id; streams of different ids do not see each other. Default: the environment variable
        ``RT_HANDDT_LSL_SESSION``, else LSL's own default.
    """
    global _configured
    session = session or os.environ.get(SESSION_VARIABLE) or "default"
    wanted = f"network={network} session={session}"
    if _configured is not None:
        if _configured != wanted:
            raise StreamError(
                f"LSL is set up once per process: it runs with {_configured}, and {wanted} came too late; "
                "use a new process."
            )
        return
    lab = f"[lab]\nSessionID = {session}\n"
    if not network:
        content = (
            "[ports]\nIPv6 = disable\n"
            "[multicast]\nResolveScope = machine\nListenAddress = 127.0.0.1\nAddressesOverride = {127.0.0.1}\n"
            f"{lab}KnownPeers = {{127.0.0.1}}\n[log]\nlevel = -3\n"
        )
        pylsl.set_config_content(content)
    elif session != "default":
        pylsl.set_config_content(f"{lab}[log]\nlevel = -3\n")
    _configured = wanted


def clock() -> float:
    """LSL's clock of this computer, in s."""
    return float(pylsl.local_clock())


@dataclass(frozen=True, slots=True)
class StreamDescription:
    """What a stream says of itself. `unit` is None where channels give none, `channels` empty where unnamed."""

    name: str
    kind: str
    host: str
    source_id: str
    fs_hz: float
    n_channels: int
    channels: tuple[str, ...]
    unit: str | None


def find_streams(timeout_s: float = 1.5) -> list[StreamDescription]:
    """The streams that answer within the time, without connecting to them (so without channel names)."""
    _ensure_configured()
    infos = pylsl.resolve_streams(wait_time=timeout_s)
    found = [_describe(info, full=False) for info in infos]
    return sorted(found, key=lambda stream: (stream.kind != "EMG", stream.name))


class SignalInlet:
    """A numeric stream, read in order and without silent loss.

    Use from one thread. Not recovering: when the source goes, `read` raises `StreamError` and the owner opens a new
    inlet, so that a restarted source is never taken for the old one.
    """

    def __init__(self, name: str | None = None, *, timeout_s: float = 5.0) -> None:
        _ensure_configured()
        info = _resolve_signal(name, timeout_s)
        self._inlet = pylsl.StreamInlet(
            info, max_buflen=BUFFER_S, max_chunklen=0, recover=False, processing_flags=pylsl.proc_none
        )
        try:
            full = self._inlet.info(timeout=ANSWER_S)
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            raise StreamError(
                f"The stream '{info.name()}' was found but does not answer; restart its source."
            ) from None
        self.description = _describe(full, full=True)
        if self.description.fs_hz <= 0:
            raise StreamError(f"The stream '{self.description.name}' has no fixed rate; a signal stream is needed.")
        if full.channel_format() == pylsl.cf_string:
            raise StreamError(f"The stream '{self.description.name}' carries text; give the name of a signal stream.")
        upper = [label.upper() for label in self.description.channels]
        self._counter = upper.index(COUNTER) if COUNTER in upper else None
        self._counted = CountedGaps(COUNTER_MODULUS)
        self._timed = TimedGaps(self.description.fs_hz)
        self._buffer = np.zeros((1, self.description.n_channels), np.float32)
        self._correction = 0.0
        try:
            self._inlet.open_stream(timeout=ANSWER_S)
            self._correction = float(self._inlet.time_correction(timeout=ANSWER_S))
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            raise StreamError(
                f"The stream '{self.description.name}' was found but cannot be opened; restart its source."
            ) from None

    @property
    def counted(self) -> bool:
        """Whether a counter channel makes loss provable."""
        return self._counter is not None

    @property
    def clock_correction_s(self) -> float:
        """What to add to the stream's times to get this computer's clock (as of the last `refresh_clock`)."""
        return self._correction

    def refresh_clock(self) -> None:
        """Take over LSL's newest estimate of the clock offset; quick, since LSL measures in the background."""
        try:
            self._correction = float(self._inlet.time_correction(timeout=0.01))
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            return  # the old estimate stays good for minutes

    def read(self, n_samples: int, timeout_s: float) -> list[Chunk]:
        """Wait for the next `n_samples` samples, at most `timeout_s`.

        Returns
        -------
        list of Chunk
            The samples that came, in order; cut where samples are missing. Empty if none came in time.

        Raises
        ------
        StreamError
            If the source has gone.
        """
        if self.description.n_channels * n_samples > self._buffer.size:
            self._buffer = np.zeros((n_samples, self.description.n_channels), np.float32)
        try:
            _, times = self._inlet.pull_chunk(timeout=timeout_s, max_samples=n_samples, dest_obj=self._buffer)
        except pylsl.util.LostError:
            raise StreamError(f"The stream '{self.description.name}' has ended or its source is gone.") from None
        if not times:
            return []
        times_s = np.asarray(times, dtype=np.float64)
        return self._cut(self._buffer[: len(times_s)].copy(), times_s)

    def _cut(self, samples: Float32, times_s: Float64) -> list[Chunk]:
        missing = self._missing_before(samples, times_s)
        cuts = np.flatnonzero(missing)
        starts = [0, *(int(cut) for cut in cuts if cut > 0)]
        stops = [*starts[1:], len(samples)]
        return [
            Chunk(samples[start:stop], times_s[start:stop], gap_samples=int(missing[start]))
            for start, stop in zip(starts, stops, strict=True)
        ]

    def _missing_before(self, samples: Float32, times_s: Float64) -> Int64:
        """How many samples are missing right before each sample."""
        if self._counter is not None:
            return self._counted.missing(samples[:, self._counter])
        return self._timed.missing(times_s)

    def close(self) -> None:
        """Disconnect."""
        self._inlet.close_stream()


class MarkerInlet:
    """A stream of text markers that belongs to a signal stream."""

    def __init__(self, info: pylsl.StreamInfo) -> None:
        self.name = info.name()
        self._inlet = pylsl.StreamInlet(info, max_buflen=BUFFER_S, recover=False, processing_flags=pylsl.proc_none)
        self._inlet.open_stream(timeout=5.0)

    @classmethod
    def beside(cls, signal_name: str, *, timeout_s: float = 1.0) -> MarkerInlet | None:
        """The marker stream of a signal stream: called ``<name>_markers``. None if there is none."""
        _ensure_configured()
        infos = pylsl.resolve_byprop("name", f"{signal_name}_markers", minimum=1, timeout=timeout_s)
        try:
            return cls(infos[0]) if infos else None
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            return None

    def poll(self) -> list[tuple[float, str]]:
        """Markers that have come since the last call: (time in the sender's clock, label)."""
        try:
            samples, times = self._inlet.pull_chunk(timeout=0.0, max_samples=256)
        except pylsl.util.LostError:
            return []
        return [(float(time), str(sample[0])) for time, sample in zip(times, samples, strict=True)]

    def close(self) -> None:
        """Disconnect."""
        self._inlet.close_stream()


class TextInlet:
    """A stream of text, found by its name, and found again when its source has gone and come back.

    Use from one thread.
    """

    def __init__(self, name: str) -> None:
        _ensure_configured()
        self.name = name
        self._inlet: pylsl.StreamInlet | None = None
        self._resolver: pylsl.ContinuousResolver | None = None

    def read(self, timeout_s: float) -> list[str]:
        """What has come, after waiting for it at most so long.

        Raises
        ------
        StreamError
            If the stream of that name carries numbers.
        """
        found: list[str] = []
        try:
            inlet = self._inlet or self._find()
            if inlet is None:
                time.sleep(timeout_s)
                return found
            # wait for one only: a chunk would be waited for until it is full
            for wait_s, most in ((timeout_s, 1), (0.0, 256)):
                samples, _ = inlet.pull_chunk(timeout=wait_s, max_samples=most)
                found += [str(sample[0]) for sample in samples]
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            self.close()
        return found

    def close(self) -> None:
        """Disconnect."""
        self._resolver = None
        if self._inlet is not None:
            self._inlet.close_stream()
            self._inlet = None

    def _find(self) -> pylsl.StreamInlet | None:
        # Looks on its own until a source answers, however late: single tries miss those that are slow.
        self._resolver = self._resolver or pylsl.ContinuousResolver(prop="name", value=self.name)
        infos = self._resolver.results()
        if not infos:
            return None
        info = infos[0]
        if info.channel_format() != pylsl.cf_string:
            raise StreamError(f"The stream '{self.name}' carries numbers; commands are text.")
        inlet = pylsl.StreamInlet(info, max_buflen=BUFFER_S, recover=False, processing_flags=pylsl.proc_none)
        try:
            inlet.open_stream(timeout=ANSWER_S)
        finally:
            self._resolver = None
        self._inlet = inlet
        return inlet


class SignalOutlet:
    """An EMG stream with its marker stream, as this program sends them.

    Parameters
    ----------
    name
        The marker stream is called ``<name>_markers``.
    channels, unit
        Label of each channel, and what they are measured in.
    layout
        If given, channels that it knows carry their grid cell.
    counter
        Add a channel ``COUNTER``.
    """

    def __init__(
        self,
        name: str,
        channels: Sequence[str],
        fs_hz: float,
        *,
        unit: str = "microvolts",
        layout: ElectrodeLayout | None = None,
        counter: bool = False,
        chunk_samples: int = 0,
    ) -> None:
        _ensure_configured()
        self.name = name
        self.fs_hz = fs_hz
        self._counter = counter
        self._sent = 0
        labels = [*channels, COUNTER] if counter else list(channels)
        info = pylsl.StreamInfo(
            name, "EMG", len(labels), fs_hz, pylsl.cf_float32, f"rt-handdt-{name}-{uuid.uuid4().hex}"
        )
        cells = dict(zip(layout.channels, layout.cells, strict=True)) if layout else {}
        described = info.desc().append_child("channels")
        for label in labels:
            channel = described.append_child("channel")
            channel.append_child_value("label", label)
            if label == COUNTER:
                channel.append_child_value("unit", "count").append_child_value("type", "counter")
                continue
            channel.append_child_value("unit", unit).append_child_value("type", "EMG")
            if label in cells:
                location = channel.append_child("location")
                location.append_child_value("row", str(cells[label][0]))
                location.append_child_value("column", str(cells[label][1]))
        info.desc().append_child("acquisition").append_child_value("manufacturer", "rt_handdt")
        self._outlet = pylsl.StreamOutlet(info, chunk_size=chunk_samples, max_buffered=BUFFER_S)
        marks = pylsl.StreamInfo(f"{name}_markers", "Markers", 1, 0.0, pylsl.cf_string, f"{info.source_id()}-markers")
        self._markers = pylsl.StreamOutlet(marks)

    def wait_for_listener(self, timeout_s: float) -> bool:
        """Wait until somebody reads the signal; True if somebody does."""
        return bool(self._outlet.wait_for_consumers(timeout_s))

    def wait_for_marker_listener(self, timeout_s: float) -> bool:
        """Wait until somebody reads the markers; True if somebody does."""
        return bool(self._markers.wait_for_consumers(timeout_s))

    def has_marker_listener(self) -> bool:
        """Whether anybody reads the markers."""
        return bool(self._markers.have_consumers())

    def push(self, samples: Float32, newest_s: float) -> None:
        """Send samples (n, n_channels); `newest_s` is the LSL time of the last one."""
        if self._counter:
            count = (self._sent + np.arange(len(samples))) % COUNTER_MODULUS
            samples = np.concatenate([samples, count[:, None].astype(np.float32)], axis=1)
        self._sent += len(samples)
        self._outlet.push_chunk(np.ascontiguousarray(samples, dtype=np.float32), newest_s)

    def mark(self, label: str, time_s: float) -> None:
        """Send a marker."""
        self._markers.push_sample([label], time_s)


def _ensure_configured() -> None:
    if _configured is None:
        configure()


def _resolve_signal(name: str | None, timeout_s: float) -> pylsl.StreamInfo:
    if name is not None:
        infos = list(pylsl.resolve_byprop("name", name, minimum=1, timeout=timeout_s))
        if len(infos) > 1:
            raise StreamError(f"{len(infos)} streams are called '{name}'; stop one of them or rename it.")
    else:
        infos = pylsl.resolve_byprop("type", "EMG", minimum=1, timeout=timeout_s)
        if len(infos) > 1:
            names = sorted(info.name() for info in infos)
            raise StreamError(f"Several EMG streams were found ({', '.join(names)}); choose one with --stream NAME.")
    if not infos:
        what = f"No LSL stream called '{name}'" if name is not None else "No LSL stream of type EMG"
        raise StreamError(
            f"{what} was found within {timeout_s:g} s; start the source first, look with 'rt-handdt streams', and use "
            "--network if it runs on another computer."
        )
    return infos[0]


def _describe(info: pylsl.StreamInfo, *, full: bool) -> StreamDescription:
    labels: list[str] = []
    units: list[str] = []
    if full:
        channel = info.desc().child("channels").child("channel")
        for _ in range(info.channel_count()):
            if channel.empty():
                break
            labels.append(channel.child_value("label"))
            if channel.child_value("type").lower() != "counter" and labels[-1].upper() != COUNTER:
                units.append(channel.child_value("unit"))
            channel = channel.next_sibling("channel")
    distinct = sorted(set(filter(None, units)))
    return StreamDescription(
        name=info.name(),
        kind=info.type(),
        host=info.hostname(),
        source_id=info.source_id(),
        fs_hz=float(info.nominal_srate()) if math.isfinite(info.nominal_srate()) else 0.0,
        n_channels=info.channel_count(),
        channels=tuple(labels) if len(labels) == info.channel_count() and all(labels) else (),
        unit=", ".join(distinct) if distinct else None,
    )
