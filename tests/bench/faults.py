"""What the live engine does when its source, its line or its computer breaks: one row a fault.

Usage: ``./scripts/bench faults [ROW …] [--json FILE] [--markdown FILE]``, on a quiet machine; all rows take 12 minutes.
A virtual person (nobody the shipped model was trained on) holds a gesture; the fault begins 5 s into it. Every row is a
real LSL stream on loopback, and an engine in a process of its own.

- *to rest*: from the last sample that came in time (or from the fault's beginning, where samples go on) to the moment
  at which the hand was told to rest; "–" where it need not be;
- *oldest*: the oldest sample, by the source's own log, on which anything but rest was told;
- *frozen*: the longest time that a gesture stood without a new decision;
- *lost*: what the line truly lost, and what the engine says it lost;
- *named*: share of windows that were told as gestures while what came was no EMG;
- *back*: from the fault's end to the next decision.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
import uuid
from bisect import bisect_left
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from rt_handdt.core.gestures import REST, study_ten
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32
from rt_handdt.io import lsl
from rt_handdt.io.lsl import clock
from rt_handdt.paths import layout_path, shipped
from rt_handdt.sim.donning import draw_donning
from rt_handdt.sim.forearm import Forearm
from rt_handdt.sim.person import draw_person
from rt_handdt.sim.script import Cue, Script
from tests.support.engine_probe import EngineProbe
from tests.support.fault_rows import FS, START_S, Fault, faults
from tests.support.faulty_source import (
    FaultySource,
)

SEED = 1000
OLDEST_S, TO_REST_S, FROZEN_S, NAMED = 0.25, 0.12, 0.5, 0.05


@dataclass(frozen=True)
class Row:
    """What was seen of a fault. Times in s, NaN where there is none."""

    name: str
    how: str
    to_rest_s: float
    oldest_s: float
    frozen_s: float
    lost: int
    reported: int
    named: float
    back_s: float
    states: list[str]
    faults: list[str]


def person() -> tuple[Float32, Float32, str]:
    """30 s of a gesture that the shipped model knows, held; 10 s of rest; and the gesture."""
    who = draw_person(SEED, 1)
    label = study_ten().labels[1]
    forearm = Forearm(who, draw_donning(who, 1), ElectrodeLayout.from_toml(layout_path("hyser_16x16")), FS)
    held = np.concatenate(list(forearm.stream(Script((Cue(REST, 1.0), Cue(label, 31.0))), 0)))
    still = np.concatenate(list(forearm.stream(Script((Cue(REST, 10.0),)), 1)))
    return held[round(2 * FS) :], still, label


def run(fault: Fault, held: Float32, still: Float32) -> Row:
    """One row."""
    channels = ElectrodeLayout.from_toml(layout_path("hyser_16x16")).channels
    name = f"{fault.name} {uuid.uuid4().hex[:6]}"
    made = {"samples": still if fault.resting else held, "channels": channels, "fs_hz": FS, "name": name}
    first = FaultySource(**(made | {"line": fault.line, "source_id": "amplifier"} | fault.source))
    others: list[FaultySource] = []
    with EngineProbe(shipped("models", "default"), name, **fault.engine) as probe:
        probe.ready.wait(60)
        with first:
            first.wait_until(START_S)
            began = clock()
            if fault.dies:
                first.close()
                if fault.then is not None:
                    time.sleep(1.0)
                    others.append(FaultySource(**(made | {"source_id": "amplifier"} | fault.source | fault.then)))
                    others[0].__enter__()
                while clock() < first.at(fault.end_s):
                    time.sleep(0.01)
            else:
                with fault.beside(probe.pid):
                    first.wait_until(fault.stop_s)
                first.wait_until(fault.end_s)
            ended = first.at(fault.stop_s)
        for other in others:
            other.close()
        report = probe.close()
    if not report:
        return Row(fault.name, fault.how, *[float("nan")] * 3, 0, 0, *[float("nan")] * 2, [], [probe.error or "broke"])
    return judge(fault, first, others, probe, report, began, ended)


def judge(
    fault: Fault,
    source: FaultySource,
    others: list[FaultySource],
    probe: EngineProbe,
    report: dict[str, Any],
    began: float,
    ended: float,
) -> Row:
    """What is to be said of a run."""
    told = probe.decisions()
    gestures = [one for one in told if one["label"] != REST]
    sent = list(source.sent)
    oldest = max((_age(one, sent) for one in gestures if not others or one["at"] < began), default=float("nan"))
    frozen = max(
        (after["at"] - one["at"] for one, after in itertools.pairwise(told) if one["label"] != REST),
        default=0.0,
    )
    late = [one for one in sent if one.delivered_s - one.taken_s < 0.15]
    last_good = max((one.delivered_s for one in late if one.delivered_s < began + 0.1), default=began)
    if fault.not_emg or fault.name == "half the rate":
        last_good = began
    rests = [one["at"] for one in told if one["at"] >= began - 0.2 and one["label"] == REST]
    if fault.stopped:
        states = [one["at"] for one in probe.states(began - 0.2) if one["state"] != "running"]
        last_good = max((one["at"] for one in gestures if one["at"] < states[0]), default=began) if states else began
        rests = [min(states[0], *[at for at in rests if at >= ended][:1])] if states else rests
        last_good = ended if rests and rests[0] > ended else last_good
    to_rest = rests[0] - last_good if rests and fault.rests else float("nan")
    inside = [one for one in told if began + 0.3 <= one["at"] < ended]
    windows = (ended - began - 0.3) * FS / 32
    named = sum(one["label"] != REST for one in inside) / windows if fault.not_emg or fault.resting else float("nan")
    backs = [one["at"] for one in told if one["at"] >= ended and not one["reason"]]
    back = backs[0] - ended if backs else float("nan")
    first, last = (sent[0].first, sent[-1].stop) if sent else (0, 0)
    lost = last - first - source.delivered
    reported = report["samples"]["lost"]
    found = []
    if oldest > OLDEST_S:
        found.append(f"acted on samples {oldest:.2f} s old")
    if fault.rests and not rests:
        found.append("no rest")
    if fault.rests and not fault.not_emg and fault.name != "half the rate" and to_rest > TO_REST_S:
        found.append(f"rest after {to_rest * 1e3:.0f} ms")
    if frozen > FROZEN_S and not fault.stopped:
        found.append(f"a gesture stood {frozen:.2f} s")
    if fault.exact and lost != reported:
        found.append(f"{lost} lost, {reported} reported")
    if named > NAMED:
        found.append(f"{named:.2f} named")
    if fault.decides:
        share = sum(not one["reason"] for one in inside) / windows
        if share < 0.9:
            found.append(f"{share:.2f} of the windows decided")
    if not fault.dies and not backs and fault.name != "half the rate":
        found.append("never came back")
    if fault.then and report["samples"]["reconnections"]:
        found.append("another source was taken")
    if fault.then == {} and not backs:
        found.append("did not come back")
    states = list(dict.fromkeys(one["code"] for one in probe.states(began - 0.2)))
    return Row(fault.name, fault.how, to_rest, oldest, frozen, lost, reported, named, back, states, found)


def _age(decision: dict[str, Any], sent: list[Any]) -> float:
    """How old the newest sample of a decision truly was: by the source's log."""
    number = decision["index"]
    at = bisect_left([one.stop for one in sent], number + 1)
    if at >= len(sent):
        return float("nan")
    return float(decision["at"] - sent[at].taken_s - (number + 1 - sent[at].stop) / FS)


COLUMNS = ["fault", "how", "state codes", "to rest / ms", "oldest / ms", "frozen / ms", "lost", "said", "named"]
COLUMNS += ["back / s", "verdict"]


def _cells(row: Row) -> list[str]:
    def number(value: float, scale: float = 1.0, digits: int = 0) -> str:
        return f"{scale * value:.{digits}f}" if np.isfinite(value) else "–"

    return [
        row.name,
        row.how,
        ", ".join(code for code in row.states if code != "lost") or "running",
        number(row.to_rest_s, 1e3),
        number(row.oldest_s, 1e3),
        number(row.frozen_s, 1e3),
        str(row.lost),
        str(row.reported),
        number(row.named, 1.0, 3),
        number(row.back_s, 1.0, 2),
        "; ".join(row.faults) or "good",
    ]


def main() -> None:
    """Print the table; exit 1 if a row failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("rows", nargs="*", help="names of rows (their beginnings); all by default")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path, help="the table, for the docs")
    asked = parser.parse_args()
    os.environ.setdefault(lsl.SESSION_VARIABLE, f"bench-{uuid.uuid4().hex[:12]}")
    lsl.configure()
    sys.setswitchinterval(0.0005)
    held, still, label = person()
    console = Console()
    console.print(f"A virtual person (seed {SEED}) holds '{label}'; models/default", highlight=False)
    rows = []
    for fault in faults(still):
        if asked.rows and not any(fault.name.startswith(name) for name in asked.rows):
            continue
        rows.append(run(fault, held, still))
        console.print(f"{rows[-1].name}: {'; '.join(rows[-1].faults) or 'good'}", highlight=False, markup=False)
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*_cells(row))
    Console(width=220).print(table)
    if asked.markdown is not None:
        lines = [COLUMNS, ["---"] * len(COLUMNS), *(_cells(row) for row in rows)]
        text = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
        asked.markdown.write_text(text, encoding="utf-8")
    if asked.json is not None:
        asked.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")
    sys.exit(any(row.faults for row in rows))


if __name__ == "__main__":
    main()
