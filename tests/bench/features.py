"""Feature extraction: seconds of signal per second, and memory, from files on disk to a table.

Usage: ``./scripts/bench features [SESSIONS [PROCESSES]]``. Each session has 204 dynamic trials of 256 channels and 1 s,
as in Hyser, of noise; all are the same files (hard links), which come from memory: disks are not measured. All else
counts: starting processes, reading, fingerprints, filters, writing the cache, joining. The processor's time is given
too, since other work on the machine does not stretch it much. Memory is measured for a quarter of the sessions as well:
it must not grow with them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console

from offline.features.extraction import extract
from offline.features.feature_config import FeatureConfig
from offline.features.named_sources import open_sources
from rt_handdt.io.hyser_layout import session_folder
from rt_handdt.io.hyser_writer import write_session

TRIALS, RUNS = 204, 2
TARGETS = {("td", "trial"): 1500, ("stft_td", "trial"): 250}
MEASURES = (*TARGETS, ("envelope", "trial"), ("raw", "trial"), ("td", "window"))


def main() -> None:
    """Print a line for each measure."""
    if sys.argv[1:2] == ["--one"]:
        one(*sys.argv[2:])
        return
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    processes = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    console = Console(highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory() as scratch:
        few, many = Path(scratch, "few"), Path(scratch, "many")
        make(few, sessions // 4)
        make(many, sessions)
        load = os.getloadavg()[0]
        console.print(
            f"{sessions} sessions of {TRIALS} s, 256 channels, 2048 Hz; {processes} processes; load before: {load:.2f}"
        )
        for measure, unit in MEASURES:
            whole = (measure, unit) in TARGETS
            count, root = (sessions, many) if whole else (sessions // 4, few)
            runs = [in_process(root, measure, unit, processes) for _ in range(RUNS)]
            seconds, used = min(run[0] for run in runs), min(run[3] for run in runs)
            small = in_process(few, measure, unit, processes)[1:] if whole else runs[0][1:]
            signal = count * TRIALS * (1 if unit == "trial" else 2)  # joined sessions: 1 s of rest before each trial
            target = f" (target {TARGETS[measure, unit]})" if whole else ""
            console.print(
                f"{measure:<9}{unit:<7} {signal} s of signal in {seconds:.2f} s: {signal / seconds:.0f} × real time"
                f"{target}, {used:.2f} s of processor time: {signal / used:.0f} × a core; peak memory "
                f"{runs[0][1]:.0f} MiB, a worker's {runs[0][2]:.0f} MiB "
                f"({sessions // 4} sessions: {small[0]:.0f} and {small[1]:.0f} MiB)"
            )


def make(root: Path, sessions: int) -> None:
    """Sessions of noise: the first is written, the others are hard links to it."""
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(1, 35), TRIALS // 34)
    first = session_folder(root, 1, 1)
    write_session(first, ((30 * rng.standard_normal((2048, 256)), int(code)) for code in codes))
    for number in range(1, sessions):
        folder = session_folder(root, 1 + number // 2, 1 + number % 2)
        folder.mkdir(parents=True)
        for path in first.iterdir():
            os.link(path, folder / path.name)


def in_process(root: Path, measure: str, unit: str, processes: int) -> tuple[float, float, float, float]:
    """Seconds, peak memory in MiB of the command and of its largest worker, processor time; in a process of its own."""
    words = [sys.executable, "-m", "tests.bench.features", "--one", str(root), measure, unit, str(processes)]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
    return float(said[0]), float(said[1]), float(said[2]), float(said[3])


def one(root: str, measure: str, unit: str, processes: str) -> None:
    """One extraction into an empty cache; prints seconds and MiB."""
    import resource

    config = FeatureConfig.model_validate({"measure": measure, "unit": unit, "stride": 1 if unit == "trial" else 4})
    with tempfile.TemporaryDirectory() as cache:
        start = time.perf_counter()
        opened = open_sources([root], config)
        table = extract(
            opened.sources,
            opened.layout,
            config,
            cache=cache,
            processes=int(processes),
            console=Console(stderr=True, quiet=True),
        )
        seconds = time.perf_counter() - start
        assert len(table)
    own, workers = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    used = own.ru_utime + own.ru_stime + workers.ru_utime + workers.ru_stime
    print(f"{seconds:.3f} {own.ru_maxrss / 1024:.0f} {workers.ru_maxrss / 1024:.0f} {used:.3f}")


if __name__ == "__main__":
    main()
