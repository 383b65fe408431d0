"""Draw virtual people in memory and print what their sheet would say: for those who work on the virtual forearm.

Example: ``python -m offline.cohort.calibrate --seed 0 --subjects 20 --processes 2``
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial

import numpy as np
from rich.console import Console

from offline.cohort.difficulty import TARGETS, Difficulty, Score, difficulty
from offline.cohort.session_summary import SessionSummary, summarise
from offline.cohort.signal_statistics import RANGES
from offline.util import Bar, share_out
from rt_handdt.core.gestures import hyser_label
from rt_handdt.errors import HanddtError
from rt_handdt.sim.seeds import RESERVED_SEED
from rt_handdt.sim.session import virtual_trials

#: Of which maintenance trials are drawn, with ``--maintenance``.
HELD = ("wrist_flexion", "hand_open")


def virtual_session(who: tuple[int, int], *, seed: int, trials: int, maintenance: bool) -> SessionSummary:
    """Draw and summarise session `who` = (subject, session), of the study's ten gestures."""
    held = virtual_trials(seed, *who, HELD, 2, "maintenance") if maintenance else None
    return summarise(*who, virtual_trials(seed, *who, repetitions=trials), held)


def table(summaries: Sequence[SessionSummary]) -> str:
    """Each statistic over people × sessions, beside its published range."""
    lines = [f"{'statistic':<32}{'min':>9}{'median':>9}{'max':>9}{'published':>16}  within"]
    rows = [(name, [one.statistics.value(name) for one in summaries]) for name in RANGES]
    held = [one.held for one in summaries if one.held is not None]
    rows += [(f"{name} (held)", [one.value(name) for one in held]) for name in ("kurtosis", "rms_cv") if held]
    for name, values in rows:
        known = RANGES[name.removesuffix(" (held)")]
        low, middle, high = np.nanmin(values), np.nanmedian(values), np.nanmax(values)
        inside = sum(map(known.holds, values))
        digits = known.digits + (known.digits > 0)
        lines.append(
            f"{name:<32}{low:>9.{digits}f}{middle:>9.{digits}f}{high:>9.{digits}f}"
            f"{known.low:>9g} – {known.high:<4g}  {inside} of {len(values)}"
        )
    return "\n".join(lines)


def by_gesture(summaries: Sequence[SessionSummary]) -> str:
    """Median over sessions of each statistic, gesture by gesture."""
    names = list(summaries[0].statistics.by_gesture)
    codes = sorted({code for one in summaries for code in one.statistics.gestures})
    lines = [f"{'gesture':<20}" + "".join(f"{name[:14]:>16}" for name in names)]
    for code in codes:
        cells = []
        for name in names:
            values = [
                one.statistics.by_gesture[name][one.statistics.gestures.index(code)]
                for one in summaries
                if code in one.statistics.gestures
            ]
            cells.append(f"{np.median(values):>16.3g}")
        lines.append(f"{hyser_label(code):<20}" + "".join(cells))
    return "\n".join(lines)


def scores(found: Difficulty) -> str:
    """The difficulty table, and each gesture's recall."""
    rows: list[tuple[str, Score]] = [*found.rows, ("other people, both sessions", found.other_people_both)]
    lines = [f"{'difficulty (windows)':<30}{'mean':>7}{'sd':>7}{'min':>7}{'max':>7}{'people':>8}  target"]
    for name, score in rows:
        if not len(score.accuracy):
            lines.append(f"{name:<30}      –")
            continue
        low, high = TARGETS.get(name, (None, None))
        target = "" if low is None else f"{low:g} – {high:g}"
        lines.append(
            f"{name:<30}{score.mean:>7.3f}{score.sd:>7.3f}{score.accuracy.min():>7.3f}{score.accuracy.max():>7.3f}"
            f"{len(score.accuracy):>8}  {target}" + (f"  ({score.skipped} windows skipped)" if score.skipped else "")
        )
    lines.append("")
    lines.append(f"{'recall':<20}" + "".join(f"{name:>16}" for name, _ in found.rows))
    for k, code in enumerate(found.gestures):
        lines.append(f"{hyser_label(code):<20}" + "".join(f"{score.recall[k]:>16.3f}" for _, score in found.rows))
    lines += ["", "other people: accuracy of each person, ascending"]
    score = found.other_people
    order = np.argsort(score.accuracy)
    lines.append("  ".join(f"{score.subjects[k]}: {score.accuracy[k]:.2f}" for k in order))
    return "\n".join(lines)


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
    begin = time.perf_counter()
    who = [(a, b) for a in range(1, given.subjects + 1) for b in range(1, given.sessions + 1)]
    draw = partial(virtual_session, seed=given.seed, trials=given.trials, maintenance=given.maintenance)
    try:
        with Bar(Console(stderr=True)) as bar:
            row = bar.begin("sessions", len(who))
            summaries = share_out(draw, [(one,) for one in who], given.processes, lambda _: bar.done(row))
    except HanddtError as exc:
        print(f"Error: {exc}", file=sys.stderr)
        return exc.exit_code
    drawn = time.perf_counter()
    summaries.sort(key=lambda one: (one.subject, one.session))
    found = difficulty({(one.subject, one.session): one.windows for one in summaries})
    done = time.perf_counter()
    print(f"{drawn - begin:.0f} s to draw, {done - drawn:.0f} s to score", file=sys.stderr)
    print(f"seed {given.seed}, {given.subjects} people × {given.sessions} sessions × {given.trials} trials\n")
    print(table(summaries), by_gesture(summaries), scores(found), sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
