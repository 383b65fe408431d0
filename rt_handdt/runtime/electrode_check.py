"""A stream's electrodes, looked at one by one, on a thread of its own."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.press import Pressed, PressFinder
from rt_handdt.core.types import Float64
from rt_handdt.errors import StreamError
from rt_handdt.runtime.background import Background
from rt_handdt.runtime.live_run import LiveRun
from rt_handdt.runtime.source_choice import SourceChoice

if TYPE_CHECKING:
    from rt_handdt.core.preprocess import Preprocessor
    from rt_handdt.runtime.connect import Connection

JOIN_S = 0.8
READ_S = 0.03
#: A stream that sends nothing for so long is said to, and after the second time taken for lost.
QUIET_S, SILENT_S = 0.5, 5.0
#: Mean RMS over the electrodes, in the ratio to the quietest second's, at which muscles are heard to work.
WORKING = 3.0


class CheckStage(StrEnum):
    """Where a check stands."""

    OPENING = "opening"
    """The stream is looked for."""
    CHECKING = "checking"
    """The electrodes are looked at."""
    OVER = "over"
    """The stream cannot be opened, or is gone; `CheckState.sentences` say why."""


class Suspect(NamedTuple):
    """An electrode that was bad: its name, what it is now ("" if good), what it mostly was, and in what share."""

    name: str
    now: str
    mostly: str
    share: float


class CheckState(NamedTuple):
    """What a page shows.

    Attributes
    ----------
    stage
        See there.
    seconds
        How long the electrodes have been looked at.
    rms_uv
        (C,) RMS of each electrode in the newest window, as it is.
    now
        What is wrong with which electrode (its number) now.
    suspects
        All that were bad, those that mostly are first.
    worked
        Whether muscles were heard to work: before, electrodes that hear none look like the others.
    remark
        What is wrong with the whole signal; empty: nothing.
    still
        How much of the still moment is heard, 0 to 1; None: nobody asked.
    pressed
        The electrode that is pressed now; None: none is.
    sentences
        Notes on the stream, or why it is over.
    """

    stage: CheckStage
    seconds: float = 0.0
    rms_uv: npt.NDArray[np.floating] | None = None
    now: dict[int, str] = {}  # noqa: RUF012  # a named tuple's default, never changed
    suspects: tuple[Suspect, ...] = ()
    worked: bool = False
    remark: str = ""
    still: float | None = None
    pressed: Pressed | None = None
    sentences: tuple[str, ...] = ()


class ElectrodeCheck(Background):
    """Runs from when it is made until the stream is gone, or it is closed. No model is asked.

    Parameters
    ----------
    run
        Whose stream, and whose model's pipeline: rate, layout and filters.
    """

    def __init__(self, run: LiveRun) -> None:
        super().__init__("handdt-check", JOIN_S)
        self.run = run
        self.layout: ElectrodeLayout | None = None
        self._state = CheckState(CheckStage.OPENING)
        self._find = self._anew = False
        self._begin()

    @property
    def state(self) -> CheckState:
        """How it stands; from any thread."""
        return self._state

    def find(self) -> None:
        """Learn what is still from now on, and then tell which electrode is pressed."""
        self._find = True

    def start_anew(self) -> None:
        """Forget what was bad until now."""
        self._anew = True

    def _failed(self, sentence: str) -> None:
        self._state = self._state._replace(stage=CheckStage.OVER, sentences=(sentence,))

    def _work(self) -> None:
        from rt_handdt.core.bundle import read_manifest
        from rt_handdt.core.preprocess import Preprocessor
        from rt_handdt.io import lsl
        from rt_handdt.runtime.connect import connect

        run, spec = self.run, read_manifest(self.run.bundle).spec
        self.layout = spec.layout
        lsl.configure(network=run.network)
        choice = run.stream if isinstance(run.stream, SourceChoice) else SourceChoice(run.stream)
        connection = connect(spec, choice, timeout_s=run.timeout_s, over=self._over)
        try:
            self._check(Preprocessor(spec), connection)
        finally:
            connection.close()

    def _check(self, preprocessor: Preprocessor, connection: Connection) -> None:
        spec = preprocessor.spec
        looker = _Looker(spec.layout, spec.hop_samples / spec.fs_hz)
        window = spec.window_samples
        raw = np.zeros((0, spec.layout.n_channels))
        filtered = np.zeros((0, spec.layout.n_channels), np.float32)
        heard, gaps = time.monotonic(), 0
        while not self._over.is_set():
            chunks = connection.inlet.read(max(1, round(READ_S * spec.fs_hz)), 0.1)
            silent_s = time.monotonic() - heard
            if chunks:
                heard = time.monotonic()
            elif silent_s > SILENT_S:
                raise StreamError(f"The stream has sent nothing for {SILENT_S:g} s.")
            elif silent_s > QUIET_S:
                self._state = self._state._replace(remark=f"Nothing has come for {silent_s:.1f} s.", pressed=None)
            for chunk in chunks:
                if chunk.gap_samples:
                    gaps += 1
                    preprocessor.reset(skip_samples=chunk.gap_samples)
                    raw, filtered = raw[:0], filtered[:0]
                samples = connection.microvolts(chunk)
                frames = preprocessor.push(samples, chunk.times_s)
                raw = np.concatenate([raw, samples])[-window:]
                filtered = np.concatenate([filtered, preprocessor.filtered])[-window:]
                for frame in frames:
                    if self._anew:
                        self._anew = False
                        looker = looker.anew()
                    if self._find:
                        self._find = False
                        looker.press = PressFinder(spec.fs_hz / spec.hop_samples)
                    quality = preprocessor.quality
                    kinds = () if quality is None else quality.kinds
                    fault = "" if frame.fault is None else frame.fault.sentence
                    rms = np.sqrt(np.square(filtered, dtype=np.float64).mean(axis=0))
                    lost = (f"{gaps} times samples were lost on the way.",) if gaps else ()
                    seen = looker.look(rms, _swing(raw), kinds, fault)
                    self._state = seen._replace(sentences=(*connection.notes, *lost))


class _Looker:
    """Counts how often which electrode was bad, and asks which one is pressed."""

    def __init__(self, layout: ElectrodeLayout, hop_s: float) -> None:
        self._layout, self._hop_s = layout, hop_s
        self._windows = 0
        self._bad: dict[int, dict[str, int]] = {}
        self._quiet_uv, self._mean_uv, self._worked = np.inf, 0.0, False
        self.press: PressFinder | None = None

    def anew(self) -> _Looker:
        """One that has seen nothing, but still knows what is still."""
        other = _Looker(self._layout, self._hop_s)
        other.press = self.press
        return other

    def look(self, rms_uv: Float64, swing_uv: Float64, kinds: tuple[str | None, ...], remark: str) -> CheckState:
        """Take a window."""
        self._windows += 1
        now = {number: kind for number, kind in enumerate(kinds) if kind}
        for number, kind in now.items():
            counts = self._bad.setdefault(number, {})
            counts[kind] = counts.get(kind, 0) + 1
        # The mean of a second, and of the quietest one: one loud window is no contraction.
        mean = float(np.median(rms_uv))
        self._mean_uv += min(1.0, self._hop_s / 0.5) * (mean - self._mean_uv) if self._windows > 1 else mean
        if self._windows * self._hop_s > 1.0 and not remark:
            self._quiet_uv = min(self._quiet_uv, max(self._mean_uv, 0.5))
            self._worked |= self._mean_uv > WORKING * self._quiet_uv
        pressed = None if self.press is None else self.press.step(swing_uv)
        return CheckState(
            CheckStage.CHECKING,
            seconds=self._windows * self._hop_s,
            rms_uv=rms_uv,
            now=now,
            suspects=self._suspects(now),
            worked=self._worked,
            remark=remark,
            still=None if self.press is None else self.press.share,
            pressed=pressed,
        )

    def _suspects(self, now: dict[int, str]) -> tuple[Suspect, ...]:
        found = [
            Suspect(
                self._layout.channels[number],
                now.get(number, ""),
                max(counts, key=lambda kind: counts[kind]),
                sum(counts.values()) / self._windows,
            )
            for number, counts in self._bad.items()
        ]
        return tuple(sorted(found, key=lambda one: (not one.now, -one.share, one.name)))


def _swing(raw: Float64) -> Float64:
    """Of each electrode the standard deviation of its unfiltered samples, µV; NaN where they are."""
    return np.asarray(raw.std(axis=0))
