"""An engine without threads, LSL or a model: plausible snapshots of any moment, for looking at the window.

`python -m tests.gui.fake_engine FOLDER` writes one picture per state into a folder.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rt_handdt.core.gestures import study_ten
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Decision
from rt_handdt.paths import layout_path
from rt_handdt.runtime.figures import EDGES_MS
from rt_handdt.runtime.signal_memory import SignalMemory
from rt_handdt.runtime.snapshot import HistoryPoint, SinkShown, Snapshot
from rt_handdt.runtime.windowlog import STAGES

FS_HZ = 2048.0
HOP_S = 32 / FS_HZ
GESTURE_S, REST_S = 2.4, 1.3
REACTION_S = 0.22
FILL_S = 5.0

#: Windows by latency, and the share of each stage.
_STAGES = np.outer(
    np.exp(-0.5 * ((np.arange(len(EDGES_MS) + 1) - 4.2) / 1.3) ** 2), np.linspace(0.35, 0.05, len(STAGES))
).astype(np.float32)

MESSAGES = {
    "connecting": "Looking for the stream 'handdt-replay' …",
    "behind": "Samples are 1.20 s old when they are reached (at most 0.15 s are acted on); the engine catches up, and "
    "the hand rests.",
    "no_signal": "No samples for 100 ms; the hand rests.",
    "bad_signal": "36 of 256 electrodes carry mains hum instead of EMG; the hand rests.",
    "no_decision": "No decision for 0.5 s though samples come: 5 gaps in the last second, and each begins a window "
    "anew; the hand rests.",
    "lost": "The stream 'handdt-replay' is gone; start it again and the display goes on.",
    "failed": "The recognizer failed: the model's output is not finite.",
}


class FakeEngine:
    """Rest and gestures in turn, cued by markers and decided a reaction time later.

    Parameters
    ----------
    layout, labels
        Any grid, any gestures.
    at_s
        A fixed moment, so that pictures repeat; None: the clock runs.
    state
        What the snapshots say of the engine.
    truth
        False: no marker stream.
    shared_pattern
        Whether the pattern component is what people share, or a decoder's reconstruction.
    outputs, recording
        See `Snapshot`.
    """

    def __init__(
        self,
        layout: ElectrodeLayout | None = None,
        labels: Sequence[str] = study_ten().labels,
        *,
        at_s: float | None = None,
        state: str = "running",
        truth: bool = True,
        shared_pattern: bool = True,
        seed: int = 7,
        outputs: bool | None = None,
        recording: str = "",
        dofs: tuple[str, ...] = (),
        sinks: tuple[SinkShown, ...] = (),
    ) -> None:
        self.outputs, self.recording = outputs, recording
        self.dofs, self.sinks = dofs, sinks
        self.forgotten = 0
        self.excluded: tuple[str, ...] = ()
        self.bad: dict[str, str] = {}
        self.layout = layout or ElectrodeLayout.from_toml(layout_path("hyser_16x16"))
        self.labels = tuple(labels)
        self.state = state
        self.shared_pattern = shared_pattern
        self.at_s = at_s
        self.calls = 0
        self._truth = truth
        self.memory = SignalMemory(self.layout.n_channels, FS_HZ)
        self._pushed = 0  # samples, up to which the memory is filled
        self._start_s = time.monotonic()
        rng = np.random.default_rng(seed)
        height, width = self.layout.shape
        rows, columns = np.mgrid[0:height, 0:width]
        self._patterns = np.zeros((len(self.labels), height, width), dtype=np.float32)
        for pattern in self._patterns[1:]:
            for _ in range(3):
                row, column = rng.uniform(0, height), rng.uniform(0, width)
                spread = rng.uniform(0.10, 0.22) * max(height, width)
                around = np.minimum(np.abs(columns - column), width - np.abs(columns - column))
                pattern += rng.uniform(0.3, 1.0) * np.exp(-0.5 * ((rows - row) ** 2 + around**2) / spread**2)
            pattern *= rng.uniform(90, 150) / max(float(pattern.max()), 1e-6)
        self._gain = rng.uniform(0.85, 1.15, size=(height, width)).astype(np.float32)
        self._order = [1 + int(number) for number in rng.integers(0, len(self.labels) - 1, size=400)]
        noise = rng.standard_normal((int(8 * FS_HZ), self.layout.n_channels)).astype(np.float32)
        # A crude band-pass (two moving averages) makes noise look like EMG instead of like grass.
        smooth = noise[:-3] + noise[1:-2] + noise[2:-1] + noise[3:]
        self._noise = (smooth[:-8] - 0.9 * smooth[8:]) / 2.4
        self._confused = {4: 5, 9: 2}

    def _at(self, time_s: float) -> int:
        """Class cued at a time: rest, gesture, rest, gesture, …"""
        number, phase = divmod(time_s, GESTURE_S + REST_S)
        return 0 if phase < REST_S else self._order[int(number) % len(self._order)]

    def _decided(self, time_s: float) -> int:
        cued = self._at(max(time_s - REACTION_S, 0.0))
        phase = (time_s - REACTION_S) % (GESTURE_S + REST_S) - REST_S
        return self._confused.get(cued, cued) if 0.9 < phase < 1.35 and len(self.labels) > 9 else cued

    def _drive(self, time_s: np.ndarray, cls: int) -> np.ndarray:
        phase = (time_s - REACTION_S) % (GESTURE_S + REST_S) - REST_S
        return np.clip(phase / 0.25, 0.0, 1.0) * (phase < GESTURE_S) if cls else np.zeros_like(time_s)

    def set_bad(self, names: Sequence[str]) -> None:
        self.excluded = tuple(names)

    def set_outputs(self, on: bool) -> None:
        self.outputs = on

    def forget_person(self) -> None:
        self.forgotten += 1

    def snapshot(self, trace_channels: Sequence[int] | None = None) -> Snapshot:
        """The state at `at_s`, or now."""
        self.calls += 1
        message = MESSAGES.get(self.state, "")
        empty = Snapshot(state=self.state, message=message, labels=self.labels, bundle_name="default")
        empty = replace(empty, outputs=self.outputs, recording=self.recording, dofs=self.dofs, sinks=self.sinks)
        if self.state == "connecting":
            return empty
        now_s = self.at_s if self.at_s is not None else time.monotonic() - self._start_s
        now_s = max(int(now_s / HOP_S), 1) * HOP_S
        rng = np.random.default_rng(int(now_s / HOP_S))
        cls, k = self._decided(now_s), len(self.labels)
        logits = rng.normal(0.0, 0.7, size=k)
        logits[cls] += 4.6
        probabilities = (np.exp(logits) / np.exp(logits).sum()).astype(np.float32)
        raw = np.abs(probabilities + rng.normal(0, 0.03, size=k).astype(np.float32))
        raw /= raw.sum()
        level = float(self._drive(np.array([now_s]), cls)[0]) * (0.82 + 0.05 * np.sin(3 * now_s))
        index = round(now_s * FS_HZ)
        rms = 6.0 + self._patterns[cls] * level
        rms = rms * self._gain * rng.normal(1.0, 0.06, size=rms.shape)
        if self.shared_pattern:
            pattern = (self._patterns[cls] / max(float(self._patterns[cls].max()), 1e-6)) ** 3
        else:
            pattern = self._patterns[cls] / 40.0 - 0.6 if cls else self._patterns[cls] - 0.2
        occupied = self.layout.occupied
        if trace_channels:
            self._fill(now_s)
        cut = now_s if self.state == "running" else now_s - 0.8
        history = tuple(
            HistoryPoint(t, self.labels[self._decided(t)], self.labels[self._at(t)] if self._truth else None)
            for t in np.arange(max(cut - 10.0, HOP_S), cut + 1e-9, HOP_S)
        )
        lost = 512 if self.state in ("lost", "no_signal") else 0
        resting = self.state not in ("running", "stopped")
        if resting:
            probabilities = np.zeros(k, np.float32)
        return replace(
            empty,
            stream_name="handdt-replay",
            fs_hz=FS_HZ,
            n_channels=self.layout.n_channels,
            provider="CPUExecutionProvider",
            decision=Decision(
                label="rest" if resting else self.labels[cls],
                confidence=0.0 if resting else float(probabilities[cls]),
                probabilities=probabilities,
                rejected=resting,
                level=0.0 if resting else level,
                reason=self.state if resting else "",
                index=index,
                time_s=now_s,
                velocities=self._velocities(now_s, resting) if self.dofs else None,
            ),
            posterior=raw.astype(np.float32),
            truth=self.labels[self._at(now_s)] if self._truth else None,
            rms_grid=np.where(occupied, rms, np.nan).astype(np.float32),
            pattern_grid=np.where(occupied, pattern, np.nan).astype(np.float32),
            history=history,
            seconds=now_s,
            samples_expected=index + lost,
            samples_received=index,
            samples_lost=lost,
            gaps=lost // 512,
            windows=index // 32,
            latency_ms={"last": 1.9, "p50": 1.8, "p95": 2.6, "p99": 3.4, "max": 6.1},
            stages=_STAGES,
            accuracy=0.934 if self._truth else None,
            learnt_s=74.0,
            excluded=self.excluded,
            bad_electrodes=dict.fromkeys(self.excluded, "known") | self.bad,
        )

    @staticmethod
    def _velocities(now_s: float, resting: bool) -> tuple[float, float]:
        return (0.0, 0.0) if resting else (0.8 * float(np.sin(now_s)), 0.6 * float(np.cos(1.3 * now_s)))

    def _fill(self, now_s: float) -> None:
        """Have the signal up to now in the memory; of what was missed the last seconds."""
        end = round(now_s * FS_HZ)
        first = max(self._pushed, end - round(FILL_S * FS_HZ))
        if first >= end:
            return
        if self.memory.written and first > self._pushed:
            self.memory.skip(first - self._pushed)
        self._pushed = end
        at = np.arange(first, end)
        noise = self._noise[at % len(self._noise)]
        out = 4.0 * noise
        numbers = (at / FS_HZ - REACTION_S) // (GESTURE_S + REST_S)
        for number in np.unique(np.maximum(numbers, 0)).astype(int):
            inside = numbers == number
            cls = self._order[number % len(self._order)]
            weight = self.layout.from_grid(self._patterns[cls] * self._gain)
            drive = (self._drive(at[inside] / FS_HZ, cls)).astype(np.float32)
            out[inside] += drive[:, None] * weight * noise[inside]
        self.memory.push(out.astype(np.float32))


def write_pictures(folder: Path) -> list[Path]:
    """One PNG per state and layout."""
    from PySide6.QtWidgets import QApplication

    from rt_handdt.gui.widgets.canvas import install_fonts
    from rt_handdt.gui.window import MainWindow

    app = QApplication.instance() or QApplication([])
    install_fonts()
    narrow = ElectrodeLayout.from_toml(layout_path("flexemg_16x4"))
    engines: dict[str, tuple[FakeEngine, tuple[int, int]]] = {
        "running": (FakeEngine(at_s=24.6), (1440, 900)),
        "rest": (FakeEngine(at_s=23.0), (1440, 900)),
        "mismatch": (FakeEngine(at_s=23.55), (1440, 900)),
        "reconstruction": (FakeEngine(at_s=24.6, shared_pattern=False), (1440, 900)),
        "no_markers": (FakeEngine(at_s=24.6, truth=False), (1440, 900)),
        "small": (FakeEngine(at_s=24.6), (1100, 700)),
        "large": (FakeEngine(at_s=24.6), (1920, 1080)),
        "flexemg": (FakeEngine(narrow, ("rest", "fist", "raise", "lower", "open"), at_s=24.6), (1440, 900)),
        "line": (FakeEngine(ElectrodeLayout.grid(1, 10), ("rest", "fist", "open"), at_s=24.6), (1440, 900)),
        "wide": (FakeEngine(ElectrodeLayout.grid(8, 16), at_s=24.6), (1440, 900)),
        **{
            state: (FakeEngine(at_s=24.6, state=state), (1440, 900))
            for state in ("connecting", "behind", "no_signal", "bad_signal", "no_decision", "lost", "failed", "stopped")
        },
    }
    written = []
    for name, (engine, size) in engines.items():
        window = MainWindow(engine, reject_below=0.5)
        window.resize(*size)
        window.show()
        app.processEvents()
        window.refresh()
        app.processEvents()
        written.append(folder / f"gui_{name}.png")
        assert window.save_screenshot(written[-1])
        window.close()
    return written


if __name__ == "__main__":
    for picture in write_pictures(Path(sys.argv[1])):
        print(picture)
