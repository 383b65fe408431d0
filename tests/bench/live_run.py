"""One live run: a replay in a process of its own, the engine in this one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rt_handdt.core.bundle import Bundle
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.infer.recognizer import Provider
from rt_handdt.io import lsl
from rt_handdt.runtime.building import build_engine
from rt_handdt.runtime.connect import connect
from rt_handdt.runtime.limits import LiveLimits
from rt_handdt.runtime.report import run_report
from rt_handdt.runtime.sink_process import SinkProcess
from rt_handdt.runtime.waiting import wait_until_done
from rt_handdt.runtime.windowlog import WindowTable

NAME = "bench"


@contextmanager
def replay(source: Sequence[str], seconds: float) -> Iterator[None]:
    """``rt-handdt replay`` with these arguments, in a process of its own."""
    os.environ.setdefault(lsl.SESSION_VARIABLE, f"bench-{uuid.uuid4().hex[:12]}")
    command = [sys.executable, "-m", "rt_handdt.cli.main", "replay", *source, "--name", NAME, "--seconds", str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as child:
        try:
            yield
        finally:
            child.terminate()


def live_run(
    bundle: Bundle,
    source: Sequence[str],
    seconds: float,
    *,
    explain: bool = False,
    provider: Provider = "auto",
    sinks: Sequence[str] = (),
    record: Path | None = None,
) -> tuple[dict[str, Any], WindowTable]:
    """Replay `source` (arguments of ``rt-handdt replay``) and recognize it; the report and every window.

    `sinks` are as in ``--sink``, `record` as in ``--record``.
    """
    os.environ.setdefault(lsl.SESSION_VARIABLE, f"bench-{uuid.uuid4().hex[:12]}")
    lsl.configure()
    sys.setswitchinterval(0.0005)  # as the command line does
    classifier = StreamClassifier(bundle, provider=provider)
    with replay(source, seconds):
        engine = build_engine(
            classifier,
            lambda: (connect(bundle.spec, NAME, timeout_s=20.0), None),
            hub=(lambda about: SinkProcess(sinks, about, print)) if sinks else None,
            record=record,
            say=print,
            limits=LiveLimits(),
            explain=explain,
            priority=True,
        )
        engine.start()
        try:
            wait_until_done(engine, None if seconds is None else seconds - 0.01, lambda: None)
            # what is still on its way
            time.sleep(0.3)
        finally:
            engine.stop()
    engine.raise_error()
    return run_report(engine), engine.log.table()
