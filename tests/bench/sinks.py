"""All sinks at once beside the shipped model: what is lost or out of order, how late it is, what it costs decisions.

Usage: ``./scripts/bench sinks [SECONDS]``. Receivers have a process of their own; serial goes by a pseudo-terminal.
A message counts as lost if its number did not arrive. The file is read at the end: for it, no time is given.
"""

from __future__ import annotations

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

import numpy as np
from rich.console import Console
from rich.table import Table

from rt_handdt.core.bundle import load_bundle
from rt_handdt.io import lsl
from rt_handdt.io.lsl import clock
from rt_handdt.paths import shipped
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
    """Print what each receiver heard, and the decisions' latency without and with the sinks."""
    if sys.argv[1:] == ["--receive"]:
        receive()
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    os.environ.setdefault(lsl.SESSION_VARIABLE, f"bench-{uuid.uuid4().hex[:12]}")
    bundle = load_bundle(shipped("models", "default"))
    alone, _ = live_run(bundle, SOURCE, seconds + 2)
    command = [sys.executable, "-m", "tests.bench.sinks", "--receive"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other,
    ):
        assert other.stdin is not None
        assert other.stdout is not None
        udp, osc, device, port = json.loads(other.stdout.readline())
        file = Path(folder) / "decisions.jsonl"
        asked = (f"udp:{udp}", f"osc:{osc}", f"serial:{device},rate=0", f"websocket:{port}", f"lsl:{STREAM}")
        beside, _ = live_run(bundle, SOURCE, seconds + 2, sinks=(*asked, f"file:{file}"))
        other.stdin.write("\n")
        other.stdin.flush()
        heard: dict[str, Heard] = json.loads(other.stdout.readline())
        written = [json.loads(line) for line in file.read_text().splitlines()]
    told_s = {one["seq"]: one["told"] for one in written}
    heard["file"] = [(one["seq"], one["told"], float("nan")) for one in written]
    console = Console()
    table = Table(
        "sink",
        "told",
        "heard",
        "lost",
        "out of order",
        "p50",
        "p99",
        "max",
        "sent p50",
        "sent p99",
        title="decision → receipt, ms",
    )
    for (name, found), counted in zip(
        ((name, heard[name]) for name in ("udp", "osc", "serial", "websocket", "lsl", "file")),
        beside["sinks"],
        strict=True,
    ):
        seqs = np.asarray([seq for seq, _, _ in found])
        # a page, a stream and a device are there a moment after the first message; those before were not for them
        expected = [seq for seq in told_s if len(seqs) and seq >= seqs[0]]
        late = 1e3 * np.asarray([at - told_s[seq] for seq, _, at in found if seq in told_s and at == at])
        figures = [f"{np.percentile(late, q):.2f}" for q in (50, 99, 100)] if len(late) else ["–"] * 3
        lost, disordered = len(set(expected) - set(seqs.tolist())), int((np.diff(seqs) < 0).sum())
        sent = [f"{counted['delay_ms'][key]:.2f}" for key in ("p50", "p99")]
        table.add_row(name, str(counted["told"]), str(len(seqs)), str(lost), str(disordered), *figures, *sent)
    console.print(table)
    table = Table("run", "p50", "p95", "p99", "max", "publish p50", "publish p99", "lost", title="push → decision, ms")
    for name, report in (("without sinks", alone), ("with all six", beside)):
        whole, publish = report["latency_ms"]["push_to_decision"], report["latency_ms"]["stages"]["publish"]
        cells = [f"{whole[key]:.2f}" for key in ("p50", "p95", "p99", "max")]
        cells += [f"{publish[key]:.3f}" for key in ("p50", "p99")]
        table.add_row(name, *cells, str(report["samples"]["lost"]))
    console.print(table)


if __name__ == "__main__":
    main()
