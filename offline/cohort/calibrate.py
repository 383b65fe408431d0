"""Draw virtual people in memory and print what their sheet would say: for those who work on the virtual forearm.

Example: ``python -m offline.cohort.calibrate --seed 0 --subjects 20 --processes 2``
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from rich.console import Console

from offline.cohort.cohort_tables import difficulty_table, gesture_table, statistics_table
from offline.cohort.difficulty import difficulty
from offline.cohort.session_summary import SessionSummary, summarise
from offline.util import Bar, share_out
from rt_handdt.errors import HanddtError
from rt_handdt.sim.seeds import RESERVED_SEED
from rt_handdt.sim.session import virtual_trials

#: Of which maintenance trials are drawn, with ``--maintenance``.
HELD = ("wrist_flexion", "hand_open")
_WIDTH = 110


def virtual_session(who: tuple[int, int], *, seed: int, trials: int, maintenance: bool) -> SessionSummary:
    """Draw and summarise session `who` = (subject, session), of the study's ten gestures."""
    held = virtual_trials(seed, *who, HELD, 2, "maintenance") if maintenance else None
    return summarise(*who, virtual_trials(seed, *who, repetitions=trials), held)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m offline.cohort.calibrate", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help=f"below {RESERVED_SEED}: the others are for final figures")
    parser.add_argument("--subjects", type=int, default=20)
    parser.add_argument("--sessions", type=int, default=2)
    parser.add_argument("--trials", type=int, default=6, help="of each gesture in a session")
    parser.add_argument("--processes", type=int, default=None)
    parser.add_argument("--maintenance", action="store_true", help="also draw 4 s trials, for kurtosis and variation")
    given = parser.parse_args(arguments)
    if not 0 <= given.seed < RESERVED_SEED:
        parser.error(f"--seed {given.seed}: the forearm is calibrated on seeds 0 to {RESERVED_SEED - 1} only")
    for name in ("subjects", "sessions", "trials"):
        if getattr(given, name) < 1:
            parser.error(f"--{name} must be 1 or more; got {getattr(given, name)}")
    who = [(a, b) for a in range(1, given.subjects + 1) for b in range(1, given.sessions + 1)]
    draw = partial(virtual_session, seed=given.seed, trials=given.trials, maintenance=given.maintenance)
    try:
        with Bar(Console(stderr=True)) as bar:
            row = bar.begin("sessions", len(who))
            summaries = share_out(draw, [(one,) for one in who], given.processes, lambda _: bar.done(row))
    except HanddtError as exc:
        print(f"Error: {exc}", file=sys.stderr)
        return exc.exit_code
    found = difficulty({(one.subject, one.session): one.windows for one in summaries})
    console = Console(width=_WIDTH)
    console.print(f"seed {given.seed}, {given.subjects} people × {given.sessions} sessions × {given.trials} trials")
    for table in (statistics_table(summaries), gesture_table(summaries, found), difficulty_table(found)):
        console.print(table.on_screen())
    return 0


if __name__ == "__main__":
    sys.exit(main())
