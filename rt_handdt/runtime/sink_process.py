"""Sinks in a process of their own: what they cost, decisions do not pay, and what kills the engine they outlive."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from rt_handdt.core.types import Decision
from rt_handdt.errors import HanddtError, SinkError
from rt_handdt.io.lsl import clock
from rt_handdt.io.message import Message
from rt_handdt.io.sink import About
from rt_handdt.runtime.hub import END_S, Hub
from rt_handdt.runtime.status import State, Status
from rt_handdt.runtime.tally import COUNTED, Tally

#: A process that is not ready by then will not be.
READY_S = 60.0
#: Between two reports of the process.
REPORT_S = 0.5
#: After its sinks have ended, the process gets so long to end itself.
ENDED_S = 0.2
#: A process that has died is started again after so long.
AGAIN_S = 0.5
#: Longer than any message.
LONGEST = 1 << 18
#: Said at an end that is meant; else the engine has died.
_STOPPED = b"stopped"


class SinkProcess:
    """Is to an engine what a `Hub` is, and has one in another process.

    Messages go through a socket that keeps them whole and in order, and that never waits: where it is full because the
    other process stands still, they are dropped (and counted, by their numbers). When this process dies, however, the
    other tells the receivers to rest, and ends. When the other dies, it is started again.

    Parameters
    ----------
    texts
        The sinks, as in ``--sink``.
    about
        What they may tell their receivers at first.
    say
        Called on a thread of this object with a sentence when a sink fails or works again.
    network
        LSL streams are shown to the local network, too.
    """

    def __init__(
        self,
        texts: Sequence[str],
        about: About,
        say: Callable[[str], None] = lambda sentence: None,
        *,
        network: bool = False,
    ) -> None:
        self._texts, self._about, self._say, self._network = tuple(texts), about, say, network
        self._seq = 0
        self._turn = threading.Lock()
        self._over = threading.Event()
        self._before: dict[str, dict[str, Any]] = {}  # what processes that have died had counted
        self._newest: list[dict[str, Any]] = []
        self._ended = threading.Event()
        self._socket: socket.socket | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._tally: Tally | None = None
        self._last = b""
        self._listener = threading.Thread(target=self._listen, name="handdt-sinks", daemon=True)

    def open(self) -> None:
        """Start the process, and have it open all sinks.

        Raises
        ------
        HanddtError
            If one cannot be opened; then none is.
        """
        self._start(self._about)
        self._listener.start()

    def tell(self, decision: Decision, status: Status, sampled_s: float) -> None:
        """See `Hub.tell`."""
        with self._turn:
            if self._over.is_set():
                return
            # plain values, for this is on the way of a decision: the message is made over there
            values = (
                *(self._seq, sampled_s, clock(), decision.label, decision.probabilities.tolist()),
                *(decision.confidence, decision.rejected, decision.level, status.state.value, status.code),
                decision.velocities,
            )
            self._last = pickle.dumps(values)
            self._seq += 1
            self._send(self._last)

    def close(self) -> None:
        """See `Hub.close`."""
        with self._turn:
            self._over.set()
            there = self._socket
            self._send(_STOPPED)
        if there is not None:
            with contextlib.suppress(OSError):
                there.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + END_S + ENDED_S
        self._ended.wait(END_S + ENDED_S)
        child = self._child
        if child is not None:
            try:
                child.wait(max(0.05, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                self._count_last()
                self._newest = [one | {"state": "stuck"} for one in self._newest]
        if self._listener.is_alive() and threading.current_thread() is not self._listener:
            self._listener.join(timeout=1.0)
        if there is not None:
            there.close()
        if self._tally is not None:
            self._tally.close()
            self._tally = None

    def report(self) -> list[dict[str, Any]]:
        """See `Hub.report`; at most half a second old while the run goes on."""
        found = []
        for one in self._newest:
            before = self._before.get(one["name"])
            found.append(one if before is None else one | {key: one[key] + before[key] for key in COUNTED})
        if self._ended.is_set():  # what the socket did not hold, or what died with the process
            found = [_all_told(one, self._seq) for one in found]
        return found

    # -- the other process, seen from here ---------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(OSError, AttributeError):  # full, or it has died: `_listen` sees that
            self._socket.send(data, socket.MSG_DONTWAIT)  # type: ignore[union-attr]

    def _start(self, about: About) -> None:
        try:
            here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            tally = Tally.make(len(self._texts))
        except (AttributeError, OSError) as exc:
            raise SinkError(
                f"--sink needs local sockets of packets, which this system does not have ({exc}); it was made for "
                "Linux. The Python API's on_decision works everywhere."
            ) from None
        with there:
            child = subprocess.Popen(
                [sys.executable, "-m", "rt_handdt.runtime.sink_process", str(there.fileno()), str(tally.file)],
                pass_fds=[there.fileno(), tally.file],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is the engine's: it says what follows from it
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        asked: dict[str, Any] = {
            "sinks": self._texts,
            "about": asdict(about),
            "network": self._network,
            "first_seq": self._seq,
        }
        try:
            here.send(json.dumps(asked).encode())
            here.settimeout(READY_S)
            answer = json.loads(here.recv(LONGEST) or b'{"error": "their process has ended by itself"}')
        except (OSError, ValueError) as exc:
            answer = {"error": f"their process does not answer ({exc})"}
        if "error" in answer:
            here.close()
            tally.close()
            child.kill()
            child.wait()
            raise SinkError(answer["error"] if "--sink" in answer["error"] else f"The sinks: {answer['error']}.")
        here.settimeout(None)
        self._before = {name: _all_told(one, asked["first_seq"]) for name, one in self._before.items()}
        self._newest = answer["report"]
        with self._turn:
            self._socket, self._child, self._tally = here, child, tally
            if about.again and self._last and not self._over.is_set():
                self._send(self._last)

    def _listen(self) -> None:
        while True:
            if self._hear() or self._over.is_set():
                self._ended.set()
                return
            assert self._child is not None
            code = self._child.wait()
            self._count_last()
            self._say(f"The process of the sinks has ended (exit code {code}); it is started again.")
            self._before = {one["name"]: one for one in self.report()}
            nothing = dict.fromkeys((*COUNTED, "waiting"), 0) | {"state": "failed"}
            self._newest = [one | nothing for one in self._newest]
            while not self._over.wait(AGAIN_S):
                try:
                    self._start(replace(self._about, again=True))
                    break
                except HanddtError as exc:
                    self._say(str(exc))

    def _count_last(self) -> None:
        """What it had done after its last report."""
        if self._tally is not None:
            self._newest = [one | self._tally.row(k) | {"waiting": 0} for k, one in enumerate(self._newest)]
            self._tally.close()
            self._tally = None

    def _hear(self) -> bool:
        """What the process says until it ends; whether that was the end that was asked for."""
        there = self._socket
        assert there is not None
        over = False
        while True:
            try:
                data = there.recv(LONGEST)
            except OSError:
                return over
            if not data:
                return over
            said = json.loads(data)
            if "say" in said:
                self._say(said["say"])
            if "report" in said:
                self._newest = said["report"]
            over |= "over" in said


# -- the other process -----------------------------------------------------------------------------------------


def _serve(there: socket.socket, shared: int) -> None:
    for name in ("SIGTERM", "SIGHUP"):  # it ends when the engine does, and after it
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    asked = json.loads(there.recv(LONGEST))
    about = About(**asked["about"])
    # JSON knows lists only
    about = replace(about, labels=tuple(about.labels), states=tuple(about.states), dofs=tuple(about.dofs))
    index = {label: k for k, label in enumerate(about.labels)}
    said: deque[str] = deque(maxlen=100)
    from rt_handdt.io import lsl
    from rt_handdt.io.sinks import parse_sinks

    try:
        lsl.configure(network=asked["network"])
        count = Tally(shared, len(asked["sinks"])).put
        hub = Hub(parse_sinks(asked["sinks"]), about, said.append, asked["first_seq"], count)
        hub.open()
    except HanddtError as exc:
        there.send(json.dumps({"error": str(exc)}).encode())
        return
    _say(there, report=hub.report())
    there.settimeout(REPORT_S / 5)
    whole, reported = False, time.monotonic()
    state, code = State.FAILED, "engine_gone"
    while not whole:
        data = None
        with contextlib.suppress(TimeoutError):
            try:
                data = there.recv(LONGEST)
            except ConnectionResetError:
                data = b""
        if data:
            if data == _STOPPED:
                state, code = State.STOPPED, "stopped"
                continue
            hub.pass_on(_message(pickle.loads(data), about, index))
        whole = data == b""
        now = time.monotonic()
        if said or now - reported > REPORT_S:
            reported = now
            while said:
                _say(there, say=said.popleft())
            _say(there, report=hub.report())
    hub.close(state, code)
    while said:
        _say(there, say=said.popleft())
    _say(there, report=hub.report(), over=True)


def _all_told(one: dict[str, Any], told: int) -> dict[str, Any]:
    """A sink's counters where nobody knows any more what became of some messages: they are dropped."""
    return one | {"told": told, "dropped": told - one["sent"] - one["skipped"] - one["untaken"], "waiting": 0}


def _message(values: tuple[Any, ...], about: About, index: dict[str, int]) -> Message:
    """What `SinkProcess.tell` has sent."""
    seq, time_s, told_s, label, probabilities, confidence, rejected, level, state, code, velocities = values
    return Message(
        *(seq, time_s, told_s, label, index.get(label, -1), about.labels, tuple(probabilities)),
        *(confidence, rejected, level, state, code),
        dofs=about.dofs,
        velocities=velocities or (0.0,) * len(about.dofs) if about.dofs else (),
    )


def _say(there: socket.socket, **what: Any) -> None:
    with contextlib.suppress(OSError):  # the engine is gone
        there.send(json.dumps(what).encode())


if __name__ == "__main__":
    sys.setswitchinterval(0.0005)
    with socket.socket(fileno=int(sys.argv[1])) as _there:
        _serve(_there, int(sys.argv[2]))
    os._exit(0)  # a sink that is stuck keeps nobody
