"""An engine in a process of its own, told on standard input, that says on standard output all it tells the hand.

``python -m tests.support.engine_probe '{"bundle": …, "stream": …, …}'``; one JSON object a line: ``{"ready": true}``,
then each decision and each change of state, and at the end (a line on standard input, or its end) ``{"report": …}``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from rt_handdt.core.types import Decision
from rt_handdt.io.lsl import clock
from rt_handdt.runtime.live_run import LiveRun
from rt_handdt.runtime.opening import open_engine
from rt_handdt.runtime.report import run_report


class EngineProbe:
    """Starts one, and keeps what it says.

    Attributes
    ----------
    events
        What came so far: dicts with ``at`` (LSL clock) and either ``label``, ``reason``, ``age_s``, ``index`` or
        ``state``, ``code``, ``sentence``.
    """

    def __init__(self, bundle: Path, stream: str | None, *, block_s: float = 0.0, block_after: int = 0, **run: Any):
        asked = {"bundle": str(bundle), "stream": stream, "block_s": block_s, "block_after": block_after, "run": run}
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tests.support.engine_probe", json.dumps(asked)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.events: list[dict[str, Any]] = []
        self.report: dict[str, Any] = {}
        self.error = ""
        self.ready = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="probe", daemon=True)
        self._thread.start()

    def __enter__(self) -> EngineProbe:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """To send signals to."""
        return self._child.pid

    def decisions(self, since_s: float = 0.0) -> list[dict[str, Any]]:
        """What the hand was told from a moment on."""
        return [one for one in list(self.events) if "label" in one and one["at"] >= since_s]

    def states(self, since_s: float = 0.0) -> list[dict[str, Any]]:
        """The states entered from a moment on."""
        return [one for one in list(self.events) if "state" in one and one["at"] >= since_s]

    def wait_for(self, true: Callable[[], object], timeout_s: float) -> bool:
        """Wait until something is so, or not any longer."""
        deadline = time.monotonic() + timeout_s
        while not true():
            if time.monotonic() > deadline or self._child.poll() is not None:
                return bool(true())
            time.sleep(0.005)
        return True

    def close(self) -> dict[str, Any]:
        """End it, and return its report."""
        if self._child.poll() is None and self._child.stdin is not None:
            try:
                self._child.stdin.close()
                self._child.wait(timeout=30)
            except (OSError, subprocess.TimeoutExpired):
                self._child.kill()
        self._thread.join(timeout=10)
        return self.report

    def _listen(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            said = json.loads(line)
            if "ready" in said:
                self.ready.set()
            elif "report" in said:
                self.report = said["report"]
            elif "error" in said:
                self.error = said["error"]
            else:
                self.events.append(said)
        self.ready.set()


def _paths(run: dict[str, Any]) -> dict[str, Any]:
    return run | ({"record": Path(run["record"])} if "record" in run else {})


def _main() -> None:
    asked = json.loads(sys.argv[1])
    sys.setswitchinterval(0.0005)
    lock = threading.Lock()

    def tell(**said: Any) -> None:
        with lock:
            sys.stdout.write(json.dumps(said) + "\n")
            sys.stdout.flush()

    given = 0

    def on_decision(decision: Decision) -> None:
        nonlocal given
        given += not decision.reason
        tell(at=clock(), label=decision.label, reason=decision.reason, age_s=decision.age_s, index=decision.index)
        if asked["block_s"] and given == asked["block_after"] and not decision.reason:
            time.sleep(asked["block_s"])

    run = LiveRun(Path(asked["bundle"]), asked["stream"], **_paths(asked["run"]))
    engine = open_engine(run, lambda sentence: None, on_decision)
    engine.start()
    tell(ready=True)
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    last = None
    while not over.wait(0.002) and engine.error is None:
        status = engine.status
        if (status.state, status.code) != last:
            last = (status.state, status.code)
            tell(at=clock(), state=status.state, code=status.code, sentence=status.sentence)
    engine.stop(1.0)
    tell(report=run_report(engine), error=repr(engine.error) if engine.error else "")
    os._exit(0)


if __name__ == "__main__":
    _main()
