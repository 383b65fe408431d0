"""The ways in which `./scripts/bench faults` breaks a source, its line and its computer: one `Fault` a row."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager as Context
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rt_handdt.core.types import Float32
from tests.support.faulty_source import (
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
#: The fault begins, and ends, so long after the source has begun.
START_S, STOP_S, END_S = 5.0, 8.0, 12.0


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
