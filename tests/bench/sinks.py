"""All sinks and the recorder at once beside the shipped model: what is lost or out of order, how late, what it costs.

Usage: ``./scripts/bench sinks [SECONDS] [--json FILE]``: so long without them, then with them (600 for ten minutes).
Receivers have a process of their own; serial goes by a pseudo-terminal. A message counts as lost if its number did not
arrive. The file is read at the end: for it, no time is given. The recording is read back, and decided again.
"""

from __future__ import annotations

import argparse
import binascii
import contextlib
import json
import os
import pty
import socket
import subprocess
import sys
import tempfile
import threading
import tty
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from rt_handdt.core.bundle import Bundle, load_bundle
from rt_handdt.io import lsl
from rt_handdt.io.lsl import clock
from rt_handdt.paths import shipped
from rt_handdt.runtime.comparison import compare_run, open_told
from rt_handdt.runtime.repeating import repeated
from tests.bench.live_run import live_run

SOURCE = ("virtual:1000", "--counter")
STREAM = "bench decisions"
#: Of what is heard: number, when it was told (NaN: not said), when it was heard.
Heard = list[tuple[int, float, float]]


class Receivers:
    """The other process's: one thread a receiver."""

    def __init__(self) -> None:
        self.heard: dict[str, Heard] = {name: [] for name in ("udp", "osc", "serial", "websocket", "lsl")}
        self.stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, name: str, receive: Callable[[], None]) -> None:
        """Receive on a thread until `stop`."""

        def run() -> None:
            while not self.stop.is_set():
                with contextlib.suppress(TimeoutError, OSError):
                    receive()

        self._threads.append(threading.Thread(target=run, name=name))
        self._threads[-1].start()

    def note(self, name: str, seq: int, told_s: float, at_s: float) -> None:
        """Note what came."""
        self.heard[name].append((seq, told_s, at_s))

    def end(self) -> None:
        """Stop."""
        self.stop.set()
        for thread in self._threads:
            thread.join()


def receive() -> None:
    """The process that receives: says its ports on a line, ends with a line, says what it heard."""
    from pythonosc.osc_bundle import OscBundle
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    here = Receivers()
    sockets = {name: socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for name in ("udp", "osc")}
    for one in sockets.values():
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        one.bind(("127.0.0.1", 0))
        one.settimeout(0.2)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cable, there = pty.openpty()
    tty.setraw(there)
    print(json.dumps([*(one.getsockname()[1] for one in sockets.values()), os.ttyname(there), port]), flush=True)

    def udp() -> None:
        data, at = sockets["udp"].recv(65536), clock()
        if not (told := json.loads(data))["repeat"]:
            here.note("udp", told["seq"], told["told"], at)

    def osc() -> None:
        data, at = sockets["osc"].recv(65536), clock()
        state = next(part for part in OscBundle(data) if part.address == "/rt_handdt/state")
        if not state.params[-1]:
            here.note("osc", state.params[0], state.params[4], at)

    rest = b""
    seen: set[int] = set()

    def serial() -> None:
        nonlocal rest
        data, at = os.read(cable, 65536), clock()
        *whole, rest = (rest + data).split(b"\n")
        for line in filter(None, map(bytes.strip, whole)):
            body, _, check = line[1:].partition(b"*")
            if check == b"%04X" % binascii.crc_hqx(body, 0) and (seq := int(body.split(b",")[1])) not in seen:
                seen.add(seq)
                here.note("serial", seq, float("nan"), at)

    def websocket() -> None:
        try:
            with connect(f"ws://127.0.0.1:{port}") as page:
                while not here.stop.is_set():
                    with contextlib.suppress(TimeoutError):
                        data, at = page.recv(0.2), clock()
                        if not (told := json.loads(data))["repeat"]:
                            here.note("websocket", told["seq"], told["told"], at)
        except ConnectionClosed:
            pass

    inlet = None

    def decisions() -> None:
        nonlocal inlet
        import pylsl

        if inlet is None:
            found = pylsl.resolve_byprop("name", STREAM, timeout=5.0)
            inlet = pylsl.StreamInlet(found[0]) if found else None
            return
        (row, stamp), at = inlet.pull_sample(0.2), clock()
        if row is not None and not row[-1]:
            here.note("lsl", int(row[-2]), stamp, at)

    lsl.configure()
    for name, run in (("udp", udp), ("osc", osc), ("serial", serial), ("websocket", websocket), ("lsl", decisions)):
        here.start(name, run)
    sys.stdin.readline()
    os.close(there)  # the reader of the cable would else wait for ever
    here.end()
    print(json.dumps(here.heard), flush=True)


def main() -> None:
    """Print what each receiver heard, what was recorded, and the decisions' latency without and with all that."""
    if sys.argv[1:] == ["--receive"]:
        receive()
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=60.0)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    os.environ.setdefault(lsl.SESSION_VARIABLE, f"bench-{uuid.uuid4().hex[:12]}")
    bundle = load_bundle(shipped("models", "default"))
    alone, _ = live_run(bundle, SOURCE, asked.seconds + 2)
    with tempfile.TemporaryDirectory() as folder:
        beside, heard, written = _beside(bundle, asked.seconds + 2, Path(folder))
        recorded = _recording(bundle, Path(folder) / "run.xdf", beside)
    sinks = _sinks(beside, heard, written)
    runs = {"without": alone, "with all sinks and the recorder": beside}
    latency = {
        name: {
            **{key: report["latency_ms"]["push_to_decision"][key] for key in ("p50", "p95", "p99", "max")},
            **{f"publish {key}": report["latency_ms"]["stages"]["publish"][key] for key in ("p50", "p99")},
            "windows": report["latency_ms"]["windows"],
            "samples lost": report["samples"]["lost"],
        }
        for name, report in runs.items()
    }
    found = {"seconds": asked.seconds, "sinks": sinks, "push_to_decision_ms": latency, "recording": recorded}
    if asked.json is not None:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")
    console = Console(width=150)  # also where it goes to a file
    console.print(_table("decision → receipt, ms", "sink", sinks))
    console.print(_table(f"push → decision, ms, {asked.seconds:g} s each", "run", latency))
    console.print(_table("recording", "file", {"run.xdf": recorded}))
    change = latency["with all sinks and the recorder"]["p99"] / latency["without"]["p99"] - 1
    console.print(f"The decisions' p99 changed by {change:+.1%} (target: at most 5 %).")


def _beside(bundle: Bundle, seconds: float, folder: Path) -> tuple[dict[str, Any], dict[str, Heard], list[Any]]:
    """A run with all of them: its report, what was heard, what the file holds."""
    command = [sys.executable, "-m", "tests.bench.sinks", "--receive"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        udp, osc, device, port = json.loads(other.stdout.readline())
        file = folder / "decisions.jsonl"
        sinks = (f"udp:{udp}", f"osc:{osc}", f"serial:{device},rate=0", f"websocket:{port}", f"lsl:{STREAM}")
        report, _ = live_run(bundle, SOURCE, seconds, sinks=(*sinks, f"file:{file}"), record=folder / "run.xdf")
        other.stdin.write("\n")
        other.stdin.flush()
        heard: dict[str, Heard] = json.loads(other.stdout.readline())
    written = [json.loads(line) for line in file.read_text().splitlines()]
    return report, heard, [one for one in written if not one["repeat"]]


def _sinks(report: dict[str, Any], heard: dict[str, Heard], written: list[Any]) -> dict[str, dict[str, Any]]:
    """What became of the messages to each sink."""
    told_s = {one["seq"]: one["told"] for one in written}
    heard = heard | {"file": [(one["seq"], one["told"], float("nan")) for one in written]}
    found = {}
    for name, counted in zip(("udp", "osc", "serial", "websocket", "lsl", "file"), report["sinks"], strict=True):
        seqs = np.asarray([seq for seq, _, _ in heard[name]])
        # a page, a stream and a device are there a moment after the first message; those before were not for them
        expected = [seq for seq in told_s if len(seqs) and seq >= seqs[0]]
        late = 1e3 * np.asarray([at - told_s[seq] for seq, _, at in heard[name] if seq in told_s and at == at])
        found[name] = {
            **{"told": counted["told"], "heard": len(seqs), "lost": len(set(expected) - set(seqs.tolist()))},
            "out of order": int((np.diff(seqs) < 0).sum()),
            **{f"p{q}": float(np.percentile(late, q)) if len(late) else None for q in (50, 99, 100)},
            **{f"sent {key}": counted["delay_ms"][key] for key in ("p50", "p99")},
        }
    return found


def _recording(bundle: Bundle, path: Path, report: dict[str, Any]) -> dict[str, Any]:
    """What the recording holds of the run, and how much of it is decided the same again."""
    recording, told = open_told(path)
    classifier, _ = repeated(bundle, told)
    again = compare_run(classifier, recording, told)
    counted = report["recording"]
    return {
        "samples received": report["samples"]["received"],
        **{name: counted[name] for name in ("samples", "dropped", "decisions")},
        **{"samples in the file": recording.n_samples, "windows": again.windows, "decided the same again": again.same},
        "largest difference": again.largest,
    }


def _table(title: str, first: str, rows: dict[str, dict[str, Any]]) -> Table:
    table = Table(first, *next(iter(rows.values())), title=title)
    for name, row in rows.items():
        table.add_row(
            name,
            *("–" if one is None else f"{one:.3g}" if isinstance(one, float) else str(one) for one in row.values()),
        )
    return table


if __name__ == "__main__":
    main()
