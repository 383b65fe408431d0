"""``rt-handdt demo``: a virtual person, streamed and recognized live."""

from __future__ import annotations

import os
import uuid
from typing import Annotated

import typer
from rich.console import Console

from rt_handdt.cli.options import Headless, Report, Screenshot, Seconds, Sinks
from rt_handdt.paths import shipped
from rt_handdt.sim.seeds import DEMO_SEED, RESERVED_SEED

HEADLESS_S = 30.0
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
    from rt_handdt.runtime.live_run import LiveRun
    from rt_handdt.runtime.replay_process import virtual_person

    if headless and seconds is None:
        seconds = HEADLESS_S
    # A session id of its own: the demo neither sees nor disturbs other streams.
    os.environ["RT_HANDDT_LSL_SESSION"] = f"demo-{uuid.uuid4().hex[:12]}"
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
    with virtual_person(seed, subject, seconds) as person:
        run = LiveRun(shipped("models", "default"), person.name, timeout_s=PERSON_READY_S, sinks=tuple(sinks or ()))
        try:
            run_live(run, headless=headless, seconds=seconds, report=report, screenshot=screenshot)
        except BaseException:
            if person.fault:
                Console(stderr=True).print(f"The virtual person stopped: {person.fault}", highlight=False, markup=False)
            raise
