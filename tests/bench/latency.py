"""Push → decision of the shipped model, headless and with the window, on a paced 256-channel stream.

Usage: ``./scripts/bench latency [SECONDS]``.
"""

from __future__ import annotations

import os
import sys
import uuid
from typing import Any

from rich.console import Console
from rich.table import Table

from rt_handdt.core.bundle import load_bundle
from rt_handdt.io import lsl
from rt_handdt.paths import shipped
from rt_handdt.runtime.live_run import LiveRun
from rt_handdt.runtime.process import EngineProcess
from tests.bench.live_run import NAME, live_run, replay

SOURCE = ("virtual:1000", "--counter")


def headless(seconds: float) -> dict[str, Any]:
    """As ``live --headless`` runs it, in this process."""
    report, _ = live_run(load_bundle(shipped("models", "default")), SOURCE, seconds + 2)
    return report


def windowed(seconds: float) -> dict[str, Any]:
    """As ``live`` runs it: the window here, the engine in a process of its own."""
    from rt_handdt.gui.app import run_window

    with replay(SOURCE, seconds + 4):
        run = LiveRun(shipped("models", "default"), NAME, timeout_s=20.0, explain=True)
        engine = EngineProcess(run, None, print)
        try:
            facts = engine.wait_until_ready()
            run_window(engine, seconds=seconds, reject_below=facts.reject_below)
        finally:
            report = engine.stop()
    assert report is not None
    return report


def main() -> None:
    """Print p50, p95, p99 and the maximum, in ms; one run of each kind."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ.setdefault(lsl.SESSION_VARIABLE, f"bench-{uuid.uuid4().hex[:12]}")
    table = Table(
        "run", "p50", "p95", "p99", "max", "of which compute p50", "lost", title=f"push → decision, ms, {seconds:g} s"
    )
    for name, run in (("headless", headless), ("with the window (offscreen)", windowed)):
        report = run(seconds)
        whole, part = report["latency_ms"]["push_to_decision"], report["latency_ms"]["compute"]
        figures = [f"{whole[key]:.2f}" for key in ("p50", "p95", "p99", "max")]
        table.add_row(name, *figures, f"{part['p50']:.2f}", str(report["samples"]["lost"]))
    print("real-time priority:", report["real_time_priority"])
    Console().print(table)


if __name__ == "__main__":
    main()
