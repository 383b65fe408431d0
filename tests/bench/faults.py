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
import signal
import sys
import threading
import time
import uuid
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager as Context
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
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
from tests.support.faulty_source import (
    FaultySource,
    Line,
    Packet,
    counted,
    during,
    lose,
    lose_every,
    measuring,
    stall,
    stamped,
)

FS = 2048.0
SEED = 1000
#: The fault begins, and ends, so long after the source has begun.
START_S, STOP_S, END_S = 5.0, 8.0, 12.0
OLDEST_S, TO_REST_S, FROZEN_S, NAMED = 0.25, 0.12, 0.5, 0.05


@dataclass(frozen=True)
class Fault:
    """One row.

    Attributes
    ----------
    name, how
        What goes wrong, and how that is done here.
    line
        What becomes of each packet.
    rests
        The hand must rest while the fault lasts.
    not_emg
        What comes meanwhile is no EMG: hardly a window may be told as a gesture.
    decides
        Decisions must go on throughout, as if nothing were.
    beside
        Done to the engine's process while the fault lasts, given its process id.
    stop_s, end_s
        When the fault ends, and the row.
    stopped
        Nothing can reach the hand while the fault lasts: its driver or the whole process stands still (and the hand's
        own time-out is what is left). Then the state must say so, or rest be told as soon as it can be.
    source, engine
        Other arguments of the source, and of the probe.
    then
        Another source, that comes when the first one has gone.
    """

    name: str
    how: str
    line: Line = lambda packet, at_s: (packet,)
    rests: bool = False
    not_emg: bool = False
    decides: bool = False
    resting: bool = False
    beside: Callable[[int], Context[None]] = lambda pid: nullcontext()
    stop_s: float = STOP_S
    end_s: float = END_S
    dies: bool = False
    stopped: bool = False
    exact: bool = True
    source: dict[str, Any] = field(default_factory=dict)
    engine: dict[str, Any] = field(default_factory=dict)
    then: dict[str, Any] | None = None


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


def _held(samples: Float32) -> Callable[[Packet, float], Float32]:
    """The same block again and again."""
    return lambda packet, at_s: samples[: len(packet.samples)]


def _mains(hz: float, uv: float) -> Callable[[Packet, float], Float32]:
    def samples(packet: Packet, at_s: float) -> Float32:
        t = (packet.number + np.arange(len(packet.samples))) / FS
        return (packet.samples * 0.05 + uv * np.sin(2 * np.pi * hz * t)[:, None]).astype(np.float32)

    return samples


def _noise(uv: float) -> Callable[[Packet, float], Float32]:
    rng = np.random.default_rng(0)
    return lambda packet, at_s: (uv * rng.standard_normal(packet.samples.shape)).astype(np.float32)


def _rails(packet: Packet, at_s: float) -> Float32:
    return np.where(packet.samples > 0, 5000.0, -5000.0).astype(np.float32)


def _half_flat(packet: Packet, at_s: float) -> Float32:
    out = packet.samples.copy()
    out[:, ::2] = 0.0
    return out


def _step(packet: Packet, at_s: float) -> Float32:
    return packet.samples + np.float32(20_000.0)


def _huge_once(packet: Packet, at_s: float) -> Float32:
    out = packet.samples.copy()
    if at_s < START_S + 0.02:
        out[0] = 3e38
        out[1, :5] = np.nan
    return out


def _bad(share: int, kind: str) -> Callable[[Packet, float], Float32]:
    chosen = np.random.default_rng(3).permutation(256)[:share]
    rng = np.random.default_rng(4)

    def samples(packet: Packet, at_s: float) -> Float32:
        out = packet.samples.copy()
        n = len(out)
        if kind == "flat":
            out[:, chosen] = 0.0
        elif kind == "noise":
            out[:, chosen] = 800.0 * rng.standard_normal((n, share))
        else:
            out[:, chosen] = _mains(50.0, 1000.0)(packet, at_s)[:, chosen]
        return out

    return samples


def _late(packet: Packet, at_s: float) -> Any:
    return (Packet(packet.number, packet.samples, packet.counts, packet.stamps_s, packet.due_s + 1.0),)


def _off(seconds: float, *, once: bool = False) -> Line:
    def stamps(packet: Packet, at_s: float) -> Any:
        assert packet.stamps_s is not None
        wild = START_S <= at_s < START_S + 0.016 if once else at_s >= START_S
        return packet.stamps_s + seconds if wild else packet.stamps_s

    return stamped(stamps)


@contextmanager
def _paused(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def _slow(pid: int, share: float = 0.1, period_s: float = 0.1) -> Iterator[None]:
    """A tenth of the processor, in turns."""
    over = threading.Event()

    def turns() -> None:
        while not over.is_set():
            os.kill(pid, signal.SIGSTOP)
            over.wait((1 - share) * period_s)
            os.kill(pid, signal.SIGCONT)
            over.wait(share * period_s)

    thread = threading.Thread(target=turns)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _same(packet: Packet, at_s: float) -> Any:
    return np.full(len(packet.samples), packet.due_s)


NO_COUNTER = {"counter": ""}


def faults(rest: Float32) -> list[Fault]:
    """All rows; `rest` is what the person's EMG looks like at rest."""
    rows = [
        Fault("control", "nothing", decides=True),
        Fault("silence", "3 s of samples lost", during(START_S, STOP_S, lose), rests=True),
        Fault("stall", "3 s of samples come at once, later", stall(START_S, STOP_S), rests=True),
        Fault("late line", "each packet 1 s late, for 3 s", during(START_S, STOP_S, _late), rests=True),
        Fault("pause", "the engine's process is stopped for 3 s", rests=True, stopped=True, beside=_paused),
        Fault("slow computer", "the engine has 10 % of a core", beside=_slow, stop_s=10.0, end_s=14.0),
        Fault(
            "blocked",
            "the hand's driver takes 3 s, once",
            rests=True,
            engine={"block_s": 3.0, "block_after": 330},
            stopped=True,
        ),
        Fault("source dies", "and does not come back", rests=True, dies=True),
        Fault(
            "another person's stream",
            "the source dies, another one is there",
            rests=True,
            dies=True,
            then={"name": "somebody else"},
        ),
        Fault(
            "same name, another device",
            "the source dies, a stream of its name is there",
            rests=True,
            dies=True,
            then={"source_id": "another device"},
        ),
        Fault("source comes back", "the same one", rests=True, dies=True, then={}, end_s=16.0),
        Fault("comes back in mV", "the same source, another unit", rests=True, dies=True, then={"unit": "millivolts"}),
        Fault("small gaps", "16 samples lost every 0.2 s", during(START_S, STOP_S, lose_every(16, 410)), decides=True),
        Fault(
            "small gaps, no counter",
            "16 samples lost every 0.2 s",
            during(START_S, STOP_S, lose_every(16, 410)),
            decides=True,
            source=NO_COUNTER,
        ),
        Fault("large gaps", "200 samples lost every 0.35 s", during(START_S, STOP_S, lose_every(200, 717))),
        Fault(
            "one gap",
            "5 samples lost, once",
            during(START_S, START_S + 0.1, lose_every(5, round(START_S * FS))),
            decides=True,
        ),
        *(
            Fault(
                f"packets of {n}",
                "all its samples with one stamp, no counter",
                stamped(_same),
                decides=True,
                source={"packet": n, **NO_COUNTER},
            )
            for n in (9, 32, 128, 256)
        ),
        Fault(
            "push_sample in a loop",
            "12 at a time, stamped by LSL",
            stamped(lambda packet, at_s: None),
            decides=True,
            source={"packet": 12, **NO_COUNTER},
        ),
        Fault("stuck counter", "always 7", counted(lambda n: np.full(len(n), 7.0)), decides=True),
        Fault("counter to 127", "modulo 128", counted(lambda n: n % 128), decides=True),
        Fault("counter from 1 to 200", "modulo 200", counted(lambda n: 1 + n % 200), decides=True),
        Fault("counter beyond 2^24", "as float32", counted(lambda n: n + 16_777_000), decides=True),
        Fault("counter begins anew", "once", counted(lambda n: np.where(n < START_S * FS, n, n - 9000)), decides=True),
        Fault(
            "losses, counter to 127",
            "3 × 300 samples",
            lambda packet, at_s: (
                ()
                if any(START_S + k <= at_s < START_S + k + 300 / FS for k in range(3))
                else counted(lambda n: n % 128)(packet, at_s)
            ),
            source={"packet": 20},
        ),
        Fault("stamps of another clock", "seconds since 1970", _off(1.7e9 - 1e4), decides=True, source=NO_COUNTER),
        Fault("clock jumps ahead", "by 1 h, for good", _off(3600.0), decides=True, source=NO_COUNTER),
        Fault("clock jumps back", "by 1 h, for good", _off(-3600.0), decides=True, source=NO_COUNTER),
        Fault("one wild stamp", "a packet 1 h ahead", _off(3600.0, once=True), decides=True, source=NO_COUNTER),
        Fault(
            "slow clock",
            "0.2 % slow, packets of 256, no counter",
            decides=True,
            source={"true_hz": FS * 0.998, "packet": 256, **NO_COUNTER},
        ),
        Fault("half the rate", "1024 Hz where 2048 are declared", rests=True, source={"true_hz": FS / 2}, end_s=14.0),
    ]
    strange = {
        "mains 50.5 Hz": ("1 mV on all electrodes", _mains(50.5, 1000.0)),
        "mains 150 Hz": ("1 mV on all electrodes", _mains(150.0, 1000.0)),
        "frozen block": ("the same 32 samples again and again", None),
        "noise": ("300 µV, independent, on all electrodes", _noise(300.0)),
        "half flat": ("every second electrode", _half_flat),
        "rails": ("all electrodes at ±5 mV", _rails),
    }
    for name, (how, samples) in strange.items():
        line = during(START_S, STOP_S, measuring(samples or _held(rest[:32] * 20)))
        rows.append(Fault(name, how, line, rests=True, not_emg=True))
    rows += [
        Fault(
            "step at rest", "20 mV on all electrodes, for good", during(START_S, 1e9, measuring(_step)), resting=True
        ),
        Fault("one huge value", "3e38 and NaN", during(START_S, STOP_S, measuring(_huge_once))),
        *(
            Fault(f"{n} bad electrodes", kind, during(START_S, STOP_S, measuring(_bad(n, kind))), decides=True)
            for n in (16, 32)
            for kind in ("flat", "noise", "mains")
        ),
    ]
    return rows


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
