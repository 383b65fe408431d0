"""Decisions in: the stream that ``--sink lsl`` makes."""

from __future__ import annotations

import contextlib
import math
import time

import pylsl

from rt_handdt.core.dof import KNOWN
from rt_handdt.core.gestures import REST
from rt_handdt.errors import StreamError
from rt_handdt.io.description import shown
from rt_handdt.io.lsl.description import describe
from rt_handdt.io.lsl.finder import Finder
from rt_handdt.io.lsl.setup import ANSWER_S, BUFFER_S, clock, ensure_configured
from rt_handdt.io.message import SCHEMA
from rt_handdt.io.receivers.told import Told

#: So often the clocks are compared.
_CLOCK_S = 5.0
_NEEDED = ("label_index", "level", "state", "age")


class DecisionInlet:
    """Hears the decisions of a stream, found by its name, and again when it has gone and come back.

    Use from one thread; see `rt_handdt.io.receivers.told.Receiver`.

    Parameters
    ----------
    name
        Of the stream of numbers.
    """

    def __init__(self, name: str) -> None:
        ensure_configured()
        self.name = name
        self.trouble = self._waiting = f"Looking for the stream '{shown(name)}': rt-handdt live --sink lsl"
        self._finder: Finder | None = None
        self._inlet: pylsl.StreamInlet | None = None

    def read(self, timeout_s: float) -> Told | None:
        """See `rt_handdt.io.receivers.told.Receiver.read`.

        Raises
        ------
        StreamError
            If the stream of that name is no stream of decisions, or several have it.
        """
        try:
            if self._inlet is None and not self._find():
                time.sleep(timeout_s)
                return None
            assert self._inlet is not None
            newest: tuple[list[float], float] | None = None
            # wait for one only: a chunk would be waited for until it is full
            for wait_s, most in ((timeout_s, 1), (0.0, 4096)):
                rows, stamps_s = self._inlet.pull_chunk(timeout=wait_s, max_samples=most)
                if stamps_s:
                    newest = (rows[-1], stamps_s[-1])
            self._compare_clocks()
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            self.close()
            self.trouble = self._waiting
            return None
        return None if newest is None else self._told(*newest)

    def close(self) -> None:
        """Disconnect."""
        self._finder = None
        if self._inlet is not None:
            self._inlet.close_stream()
            self._inlet = None

    def _told(self, row: list[float], stamp_s: float) -> Told:
        value = dict(zip(self._columns, row, strict=True))
        state = self._states[int(value["state"])] if 0 <= value["state"] < len(self._states) else "unknown"
        index = value["label_index"]
        label = self._labels[int(index)] if state == "running" and 0 <= index < len(self._labels) else REST
        level = value["level"]
        return Told(
            label=label,
            level=level if label != REST and math.isfinite(level) else 0.0,
            state=state,
            code=state,
            age_ms=value["age"],
            told_s=stamp_s,
            heard_s=min(clock(), stamp_s + self._offset_s),  # what has waited is as old as it is
            labels=self._labels,
            velocities={name: _bounded(value[f"v_{name}"], state) for name in KNOWN if f"v_{name}" in value},
        )

    def _find(self) -> bool:
        self._finder = self._finder or Finder()
        called = [one for one in self._finder.look() if one.description.name == self.name]
        if not called or not self._finder.settled:
            return False
        if len(called) > 1:
            listed = "; ".join(one.description.words() for one in called)
            raise StreamError(f"{len(called)} streams have one name; stop or rename all but one: {listed}.")
        inlet = pylsl.StreamInlet(called[0].info, max_buflen=BUFFER_S, recover=False, processing_flags=pylsl.proc_none)
        self._finder = None
        full = inlet.info(timeout=ANSWER_S)
        facts = full.desc().child("decisions")
        self._columns = describe(full, full=True).channels
        if facts.child_value("schema") != SCHEMA or not set(_NEEDED) <= set(self._columns):
            raise StreamError(
                f"The stream '{shown(self.name)}' carries no decisions ({SCHEMA}); name one that --sink lsl:NAME makes."
            )
        self._labels = tuple(facts.child_value("labels").split(","))
        self._states = tuple(facts.child_value("states").split(","))
        inlet.open_stream(timeout=ANSWER_S)
        self._offset_s = float(inlet.time_correction(timeout=ANSWER_S))
        self._compared_s = time.monotonic()
        self._inlet, self.trouble = inlet, ""
        return True

    def _compare_clocks(self) -> None:
        assert self._inlet is not None
        if time.monotonic() - self._compared_s > _CLOCK_S:
            self._compared_s = time.monotonic()
            with contextlib.suppress(pylsl.util.TimeoutError):  # then the one before holds
                self._offset_s = float(self._inlet.time_correction(timeout=0.005))


def _bounded(velocity: float, state: str) -> float:
    """A velocity that may be acted on: none unless the engine runs."""
    return min(1.0, max(-1.0, velocity)) if state == "running" and math.isfinite(velocity) else 0.0
