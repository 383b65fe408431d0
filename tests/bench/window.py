"""What the live page costs: share of a core, and how long a frame takes, drawn into memory.

Usage: ``./scripts/bench window [--seconds 20] [--live] [--way NAME]``; prints JSON. Each way to show the signal (16 and
64 traces, all 256 channels as a raster, both at once) with both maps at 30 frames a second, 1600×900, and the stage.
Frames are of an engine that is played, from snapshots made beforehand, so that what is measured is the window; with
``--live`` it is the window of a real run: the engine in a process of its own on a replayed virtual person, its latency
with and without anybody who looks at the signal.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from rt_handdt.gui.application import application
from rt_handdt.gui.bridge import choose_traces
from rt_handdt.gui.widgets.signal_view import SignalView
from rt_handdt.gui.window import MainWindow
from rt_handdt.io import lsl
from rt_handdt.paths import shipped
from rt_handdt.runtime.live_run import LiveRun
from rt_handdt.runtime.process import EngineProcess
from rt_handdt.runtime.snapshot import Snapshot
from tests.bench.live_run import NAME, replay
from tests.gui.fake_engine import FS_HZ, FakeEngine

SIZE = (1600, 900)
PLAYED_S = 6.0


class Played(FakeEngine):
    """Shows snapshots and signal that were made beforehand, by the clock, again and again."""

    def __init__(self) -> None:
        super().__init__(at_s=20.0)
        self._shots: list[Snapshot] = []
        self._signal: list[np.ndarray] = []
        push = self.memory.push
        self.memory.push = self._signal.append  # type: ignore[method-assign]
        for frame in range(round(30 * PLAYED_S)):
            self.at_s = 20.0 + frame / 30
            self._shots.append(super().snapshot((0,)))
        samples = np.concatenate(self._signal)[-round(PLAYED_S * FS_HZ) :]
        self._samples = samples
        self.memory.push = push  # type: ignore[method-assign]
        self._begun_s, self._sent = time.monotonic(), 0

    def snapshot(self, trace_channels: object = None) -> Snapshot:
        passed_s = time.monotonic() - self._begun_s
        due = round(passed_s * FS_HZ)
        if trace_channels and due > self._sent:
            self.memory.push(self._samples[np.arange(self._sent, due) % len(self._samples)])
        self._sent = due
        return self._shots[int(30 * passed_s) % len(self._shots)]


def both(window: MainWindow) -> None:
    """64 traces where the traces are, and the raster in a window of its own beside them."""
    window.signal._take(1)
    beside = SignalView(window._engine.layout)
    beside.show_channels(choose_traces(window._engine.layout, 256), raster=True)
    beside.resize(560, 640)
    beside.show()
    show = window.show_snapshot

    def both_shown(snapshot: Snapshot) -> None:
        show(snapshot)
        beside.show_signal(window._engine.memory)

    window.show_snapshot = both_shown  # type: ignore[method-assign]
    window.beside = beside  # type: ignore[attr-defined]


WAYS: dict[str, Callable[[MainWindow], object]] = {
    "16 traces": lambda window: window.signal._take(0),
    "64 traces": lambda window: window.signal._take(1),
    "raster": lambda window: window.signal._take(2),
    "raster and 64 traces": both,
    "forearm": lambda window: window.maps.turn(),
    "stage": lambda window: window.toggle_stage(),
}


def drawn(window: MainWindow, seconds: float) -> dict[str, Any]:
    """Let it run for a while: a frame is refresh and paint."""
    app = QApplication.instance()
    assert app is not None
    took: list[float] = []
    refresh = window.refresh

    def timed() -> None:
        began = time.perf_counter()
        refresh()
        for widget in (window, getattr(window, "beside", None)):
            if widget is not None:
                app.sendPostedEvents(widget)
        app.sendPostedEvents()
        app.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
        took.append(time.perf_counter() - began)

    window._timer.timeout.disconnect()
    window._timer.timeout.connect(timed)
    window.start()
    loop = QEventLoop()
    QTimer.singleShot(2000, loop.quit)
    loop.exec()
    took.clear()
    cpu, began, before = time.process_time(), time.perf_counter(), _memory_mb()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()
    passed = time.perf_counter() - began
    cpu = time.process_time() - cpu
    return {
        "cpu_percent_of_a_core": round(100 * cpu / passed, 1),
        "frames_per_s": round(len(took) / passed, 1),
        "frame_ms_p50": round(1e3 * float(np.percentile(took, 50)), 2),
        "frame_ms_p99": round(1e3 * float(np.percentile(took, 99)), 2),
        "memory_mb": round(_memory_mb()),
        "memory_grown_mb": round(_memory_mb() - before, 1),
    }


def _memory_mb() -> float:
    """What this process holds now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def played(seconds: float, wanted: str) -> dict[str, Any]:
    """Each way in turn, or one."""
    found = {}
    for name, way in WAYS.items():
        if wanted not in ("", name):
            continue
        window = MainWindow(Played(), reject_below=0.5)
        window.resize(*SIZE)
        window.show()
        way(window)
        if name == "stage":
            window.resize(*SIZE)
        found[name] = drawn(window, seconds)
        if hasattr(window, "beside"):
            window.beside.close()
        window.close()
        window.deleteLater()
    return found


def live(seconds: float) -> dict[str, Any]:
    """A real run, looked at and not."""
    found = {}
    for name in ("raster and 64 traces", "stage"):
        with replay(("virtual:1000", "--counter"), seconds + 8):
            run = LiveRun(shipped("models", "default"), NAME, timeout_s=20.0, explain=True)
            engine = EngineProcess(run, None, print)
            try:
                facts = engine.wait_until_ready()
                window = MainWindow(engine, reject_below=facts.reject_below)
                window.resize(*SIZE)
                window.show()
                WAYS[name](window)
                figures = drawn(window, seconds)
                window.close()
            finally:
                report = engine.stop()
        assert report is not None
        latency = report["latency_ms"]["push_to_decision"]
        found[name] = figures | {f"decision_ms_{key}": round(latency[key], 2) for key in ("p50", "p99")}
        found[name]["lost"] = report["samples"]["lost"]
    return found


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--way", default="", choices=("", *WAYS))
    arguments = parser.parse_args()
    os.environ.setdefault(lsl.SESSION_VARIABLE, f"bench-{uuid.uuid4().hex[:12]}")
    sys.setswitchinterval(0.0005)  # as the command line does
    app = application()
    figures = live(arguments.seconds) if arguments.live else played(arguments.seconds, arguments.way)
    print(
        json.dumps({"size": SIZE, "load": os.getloadavg()[0], "seconds": arguments.seconds, "ways": figures}, indent=2)
    )
    app.processEvents()


if __name__ == "__main__":
    main()
