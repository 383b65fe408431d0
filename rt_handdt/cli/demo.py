"""``rt-handdt demo``: a virtual person, streamed and recognized live."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console

from rt_handdt.cli.options import Headless, Report, Screenshot, Seconds, Sinks
from rt_handdt.cli.replay import STOP_ON_EOF
from rt_handdt.core.gestures import STUDY_TEN
from rt_handdt.paths import shipped
from rt_handdt.sim.seeds import DEMO_SEED, RESERVED_SEED

HEADLESS_S = 30.0
REST_SHARE = 0.35
#: On a slow machine, the first start of the person's process (imports, potentials) takes a while.
PERSON_READY_S = 30.0


def demo(
    headless: Headless = False,
    seconds: Seconds = None,
    report: Report = None,
    screenshot: Screenshot = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Which virtual people; one on whom nothing was trained.")
    ] = DEMO_SEED,
    subject: Annotated[int, typer.Option("--subject", min=1, help="Which of them.")] = 1,
    sinks: Sinks = None,
) -> None:
    """Show everything with nothing but this computer: a virtual person makes gestures, the shipped model names them.

    The person's EMG comes as an LSL stream from a process of its own, as an amplifier's would.
    """
    from rt_handdt.cli.live import run_live
    from rt_handdt.runtime.opening import LiveRun

    if headless and seconds is None:
        seconds = HEADLESS_S
    # A session id of its own: the demo neither sees nor disturbs other streams.
    os.environ["RT_HANDDT_LSL_SESSION"] = f"demo-{uuid.uuid4().hex[:12]}"
    name = f"virtual person {subject} of {seed}"
    known = (
        "a person on whom nothing was trained"
        if seed >= RESERVED_SEED
        else f"seeds below {RESERVED_SEED} are for training: the model may know this person"
    )
    Console(soft_wrap=True).print(
        f"Demo: virtual person {subject} (seed {seed}; {known}), simulated EMG. Real use needs a model trained on "
        "Hyser or on your own recordings.",
        highlight=False,
    )
    with _person(name, seed, subject, seconds):
        run_live(
            LiveRun(shipped("models", "default"), name, timeout_s=PERSON_READY_S, sinks=tuple(sinks or ())),
            headless=headless,
            seconds=seconds,
            report=report,
            screenshot=screenshot,
        )


@contextlib.contextmanager
def _person(name: str, seed: int, subject: int, seconds: float | None) -> Iterator[None]:
    """The virtual person's stream, in another process for as long as the demo runs."""
    # All ten gestures fit into a short run; a long one gives each three seconds.
    turn = min(max((seconds or 60.0) / len(STUDY_TEN), 1.5), 5.0)
    command = [sys.executable, "-m", "rt_handdt.cli.main", "replay", f"virtual:{seed}", "--subject", str(subject)]
    command += ["--name", name, "--counter"]
    command += ["--gesture-seconds", f"{turn * (1 - REST_SHARE):.3f}", "--rest-seconds", f"{turn * REST_SHARE:.3f}"]
    command += ["--seconds", f"{3600.0 if seconds is None else seconds + 2:.3f}"]
    environment = os.environ | {STOP_ON_EOF: "1"}
    child = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        yield
    except BaseException:
        if child.poll() not in (None, 0) and child.stderr is not None:
            Console(stderr=True).print(f"The virtual person stopped: {child.stderr.read().strip()}", highlight=False)
        raise
    finally:
        child.terminate()
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        for pipe in (child.stdin, child.stderr):
            if pipe is not None:
                pipe.close()
