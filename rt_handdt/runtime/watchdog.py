"""Sees from outside that the worker stands still, or that what it works on is old, and tells the hand to rest."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from rt_handdt.io.lsl import clock
from rt_handdt.runtime.limits import LiveLimits
from rt_handdt.runtime.publisher import Publisher
from rt_handdt.runtime.status import State, Status

#: Between two looks. A third of the time that the hand may be told late.
TICK_S = 0.005
#: A packet that comes this much later than usual (times the usual) is still no silence.
PATIENCE = 1.25


@dataclass
class Vitals:
    """What the worker leaves for the watchdog to see; single values, written by the worker only.

    All times are on this computer's LSL clock; 0: not yet.

    Attributes
    ----------
    arrived_s, fresh_s
        When samples last came; and when last some came that were young enough to act on.
    age_s
        How old the newest sample was when it came.
    decided_s
        When the last decision was given, or, before it, when the first sample came.
    busy_s
        When the worker began with what it is doing now; 0 while it waits for samples.
    away
        The source is lost: the worker itself says so.
    refused
        Windows come but are not to be decided, and the worker has said why.
    restarts
        Times of the newest gaps after which a window had to be begun anew.
    """

    arrived_s: float = 0.0
    fresh_s: float = 0.0
    age_s: float = 0.0
    decided_s: float = 0.0
    busy_s: float = 0.0
    packet_s: float = 0.0
    away: bool = False
    refused: bool = False
    restarts: tuple[float, ...] = ()


def judge(vitals: Vitals, limits: LiveLimits, now_s: float) -> Status | None:
    """What is wrong at a moment; None: nothing that the watchdog has to see to."""
    if not vitals.arrived_s or vitals.away:
        return None
    if vitals.busy_s and now_s - vitals.busy_s > limits.silence_s:
        return Status(
            State.BEHIND,
            "busy",
            f"The program has been busy with one step for {now_s - vitals.busy_s:.1f} s; the hand rests.",
        )
    # Between two long packets nothing comes; what the last one brought may be acted on until it is too old.
    silence_s = max(limits.silence_s, min(PATIENCE * vitals.packet_s, limits.max_age_s))
    if now_s - vitals.fresh_s > silence_s:
        if now_s - vitals.arrived_s <= silence_s:
            return Status(
                State.BEHIND,
                "old_samples",
                f"Samples come {vitals.age_s:.2f} s late (at most {limits.max_age_s:g} s are acted on); the hand rests "
                "until newer ones come.",
            )
        if vitals.packet_s > silence_s:
            return Status(
                State.NO_SIGNAL,
                "long_packets",
                f"Samples come in packets of {vitals.packet_s * 1e3:.0f} ms, and after {silence_s * 1e3:.0f} ms "
                "without any the hand rests; let the amplifier send shorter packets, or raise --silence.",
            )
        return Status(State.NO_SIGNAL, "no_signal", f"No samples for {silence_s * 1e3:.0f} ms; the hand rests.")
    if not vitals.refused and now_s - vitals.decided_s > limits.no_decision_s:
        recent = sum(now_s - at < 1.0 for at in vitals.restarts)
        why = (
            f"{recent} gaps in the last second, and each begins a window anew" if recent else "no window was completed"
        )
        return Status(
            State.NO_DECISION,
            "gaps" if recent else "no_window",
            f"No decision for {limits.no_decision_s:g} s though samples come: {why}; the hand rests.",
        )
    return None


class Watchdog:
    """A thread of its own that looks every few milliseconds.

    Parameters
    ----------
    vitals, publisher
        Of the engine it guards.
    limits
        When the hand is told to rest.
    on_error
        Called if telling the hand failed; the watchdog ends then.
    """

    def __init__(
        self,
        vitals: Vitals,
        publisher: Publisher,
        limits: LiveLimits,
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._vitals, self._publisher, self._limits = vitals, publisher, limits
        self._on_error = on_error
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="handdt-watchdog", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout=1.0)

    def _watch(self) -> None:
        try:
            while not self._stop.wait(TICK_S):
                found = judge(self._vitals, self._limits, clock())
                if found is not None:
                    self._publisher.rest(found)
        except BaseException as exc:
            self._on_error(exc)
