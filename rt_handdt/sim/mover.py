"""Electrodes that are moved while the signal runs: what they see there is computed beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import fields, replace

import numpy as np

from rt_handdt.core.types import Float32
from rt_handdt.sim.forearm import Forearm
from rt_handdt.sim.motor_units import MotorUnits
from rt_handdt.sim.volume import place_electrodes, potentials

Waves = list[tuple[int, Float32]]
Place = tuple[float, float]  # mm towards the wrist, degrees round the forearm

HOME: Place = (0.0, 0.0)
#: Units at a time. After each portion the thread lets others have the processor, and looks whether it is still wanted.
PORTION = 8
PAUSE_S = 0.001


class Mover:
    """Computes what the electrodes see at another place, on a thread that ends when nothing is left to do.

    Of several wishes only the newest is fulfilled. `ask` and `moving` belong to any thread, `take` to the one that
    makes the signal.

    Parameters
    ----------
    forearm
        Its donning is where the electrodes sit at first, and what a place is relative to.
    """

    def __init__(self, forearm: Forearm) -> None:
        self._forearm = forearm
        self._lock = threading.Lock()
        self._at = HOME
        self._wish: Place | None = None
        self._ready: Waves | None = None
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def place(self) -> Place:
        """Where the electrodes are wanted."""
        with self._lock:
            return self._at if self._wish is None else self._wish

    @property
    def moving(self) -> bool:
        """Whether they are not there yet."""
        with self._lock:
            return self._wish is not None

    def ask(self, place: Place) -> None:
        """Move there as soon as may be."""
        with self._lock:
            if self._closed or place == (self._at if self._wish is None else self._wish):
                return
            self._ready = None
            self._wish = None if place == self._at else place
            if self._wish is not None and self._thread is None:
                self._thread = threading.Thread(target=self._work, name="handdt-move", daemon=True)
                self._thread.start()

    def take(self) -> Waves | None:
        """What the electrodes see from now on, once, when they have moved; None otherwise.

        Raises
        ------
        Exception
            What went wrong on the thread.
        """
        if self._ready is None and self._error is None:
            return None
        with self._lock:
            if self._error is not None:
                raise self._error
            waves = self._ready
            if waves is not None and self._wish is not None:
                self._at, self._wish, self._ready = self._wish, None, None
            return waves

    def close(self) -> None:
        """Give up what is under way; returns when the thread has ended."""
        with self._lock:
            self._closed = True
            self._wish = self._ready = None
            thread = self._thread
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        try:
            while True:
                with self._lock:
                    wish = self._wish
                    if wish is None or self._ready is not None:
                        self._thread = None
                        return
                waves: Waves = []
                for portion in self._portions(wish):
                    waves += portion
                    if self._wish != wish:
                        break
                    time.sleep(PAUSE_S)
                else:
                    with self._lock:
                        if self._wish == wish:
                            self._ready = waves
        except Exception as exc:  # raised by `take`, where somebody waits
            with self._lock:
                self._error = exc
                self._thread = None

    def _portions(self, place: Place) -> Iterator[Waves]:
        forearm = self._forearm
        if place == HOME:
            yield forearm.potentials
            return
        donning = replace(
            forearm.donning,
            shift_mm=forearm.donning.shift_mm + place[0],
            rotation=forearm.donning.rotation + place[1] / 360.0,
        )
        electrodes = place_electrodes(forearm.layout, forearm.person, donning)
        for first in range(0, len(forearm.units), PORTION):
            some = _some(forearm.units, slice(first, first + PORTION))
            yield potentials(some, electrodes, forearm.person, forearm.fs_hz)


def _some(units: MotorUnits, which: slice) -> MotorUnits:
    parts: dict[str, np.ndarray] = {field.name: getattr(units, field.name)[which] for field in fields(units)}
    return MotorUnits(**parts)
