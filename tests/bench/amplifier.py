"""The virtual amplifier at its true rate: share of a core, late chunks, and what a listener lost.

Usage: ``./scripts/bench amplifier [--seconds 60] [--level 1.0]``; prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from itertools import cycle
from pathlib import Path
from typing import Any

from rt_handdt.core.gestures import HYSER_GESTURES, REST
from rt_handdt.io import lsl
from rt_handdt.io.amplifier import VirtualAmplifier
from rt_handdt.paths import shipped
from rt_handdt.sim.donning import draw_donning
from rt_handdt.sim.live import LivePerson
from rt_handdt.sim.person import draw_person
from rt_handdt.sim.script import Cue

NAME = "bench-amplifier"


def measure(seconds: float, level: float, listen: bool, seed: int = 0) -> dict[str, Any]:
    """One paced run of 256 channels at 2048 Hz through all 34 gestures; the listener is ``rt-handdt live``."""
    who = draw_person(seed, 1)
    cues = (cue for label in cycle(HYSER_GESTURES) for cue in (Cue(label, 3.0, level), Cue(REST, 1.0)))
    person = LivePerson(who, draw_donning(who, 1), cues=cues)
    _ = person.forearm.potentials  # computed once, before the clock starts
    amplifier = VirtualAmplifier(person, name=NAME, counter=True)
    stop = threading.Event()
    thread = threading.Thread(target=amplifier.run, kwargs={"seconds": seconds, "stop": stop}, name="handdt-bench")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "live.json"
        command = [sys.executable, "-m", "rt_handdt.cli.main", "live", "--bundle", str(shipped("models", "default"))]
        command += ["--headless", "--stream", NAME, "--seconds", str(max(seconds - 10, 1)), "--report", str(report)]
        listener = subprocess.Popen(command, stdout=subprocess.DEVNULL) if listen else None
        before, cpu = time.perf_counter(), time.process_time()
        thread.start()
        try:
            thread.join()
        finally:
            stop.set()
            took, cpu = time.perf_counter() - before, time.process_time() - cpu
            if listener is not None:
                listener.wait(timeout=60)
        heard = json.loads(report.read_text())["samples"] if listen else None
    person.close()
    sent = amplifier.progress()
    return {
        "listener": "rt-handdt live" if listen else None,
        "seconds": round(took, 2),
        "level": level,
        "cpu_percent_of_a_core": round(100 * cpu / took, 1),
        "samples": sent.samples,
        "chunks": sent.chunks,
        "late_chunks": sent.late_chunks,
        "worst_late_ms": round(sent.worst_late_s * 1e3, 2),
        "listener_samples": heard,
    }


def main() -> None:
    """Print one JSON object per kind of run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--level", type=float, default=1.0)
    arguments = parser.parse_args()
    os.environ.setdefault(lsl.SESSION_VARIABLE, f"bench-{uuid.uuid4().hex[:12]}")
    lsl.configure()
    sys.setswitchinterval(0.0005)  # as the command line does
    runs = [measure(arguments.seconds, arguments.level, listen) for listen in (False, True)]
    print(json.dumps(runs, indent=2))


if __name__ == "__main__":
    main()
