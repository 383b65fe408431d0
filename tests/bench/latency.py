"""Push → decision of the shipped model, headless and with the window, on a paced 256-channel stream."""

from __future__ import annotations

import os
import sys

from rich.console import Console
from rich.table import Table

from rt_handdt.core.bundle import load_bundle
from rt_handdt.paths import shipped
from rt_handdt.runtime.engine import Engine
from tests.bench.live_run import live_run

SOURCE = ("virtual:1000", "--counter")


def main() -> None:
    """Print p50, p95, p99 and the maximum, in ms; one run of each kind."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    bundle = load_bundle(shipped("models", "default"))

    def window(engine: Engine) -> None:
        from rt_handdt.gui.app import run_window

        run_window(engine, seconds=seconds)

    table = Table(
        "run", "p50", "p95", "p99", "max", "of which compute p50", "lost", title=f"push → decision, ms, {seconds:g} s"
    )
    for name, view in (("headless", None), ("with the window (offscreen)", window)):
        report, _ = live_run(bundle, SOURCE, seconds + 2, explain=view is not None, window=view)
        whole, part = report["latency_ms"]["push_to_decision"], report["latency_ms"]["compute"]
        figures = [f"{whole[key]:.2f}" for key in ("p50", "p95", "p99", "max")]
        table.add_row(name, *figures, f"{part['p50']:.2f}", str(report["samples"]["lost"]))
    Console().print(table)


if __name__ == "__main__":
    main()
