"""Hands with motors, played: a pseudo-terminal that answers as the device would, for those without one."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rt_handdt.core.types import Float64
from rt_handdt.errors import SinkError
from rt_handdt.io.hands import ability, lines
from rt_handdt.io.hands.axes import AXES

#: A motor closes once in so many seconds.
TRAVEL_S = 0.25
_TURN_S = 0.002


class PlayedHand:
    """A device at the other end of a cable that can be pulled.

    Parameters
    ----------
    link
        A name for the device, a symbolic link that must not be there yet; None: `path` is the system's.

    Attributes
    ----------
    path
        What to open.
    taken, spoilt
        Commands, and frames or lines whose check failed.
    heard
        Called with each command's axes on the device's thread; to be set by whoever wants to know.
    reading
        Cleared, the device does not read.

    Raises
    ------
    SinkError
        If there are no pseudo-terminals here, or `link` is taken.
    """

    #: Nothing heard for so long: see `told`.
    timeout_s = lines.TIMEOUT_S

    def __init__(self, link: Path | None = None) -> None:
        self.taken = self.spoilt = 0
        self.heard: Callable[[Float64], None] = lambda axes: None
        self.reading = threading.Event()
        self.reading.set()
        self._link = link
        self._goal = np.zeros(len(AXES))
        self._place = np.zeros(len(AXES))
        self._heard_s = -np.inf
        self.plug()

    def plug(self) -> None:
        """Plug the cable in (done at first)."""
        try:
            import pty
            import tty

            self._here, there = pty.openpty()
            tty.setraw(there)
        except (ImportError, OSError) as exc:
            raise SinkError(f"no device can be played here ({exc}); pseudo-terminals are needed.") from None
        self._there = there  # held open, so that a program may close the device and open it again
        self.path = os.ttyname(there)
        if self._link is not None:
            try:
                if self._link.is_symlink() and not self._link.exists():
                    self._link.unlink()  # left behind by a program that was killed
                self._link.symlink_to(self.path)
            except OSError as exc:
                os.close(self._here)
                os.close(there)
                raise SinkError(f"{self._link} cannot be made ({exc.strerror}); choose another name.") from None
            self.path = str(self._link)
        os.set_blocking(self._here, False)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._play, name="handdt-played-hand", daemon=True)
        self._thread.start()

    def pull(self) -> None:
        """Pull it out; `plug` may follow."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._thread.join()
        if self._link is not None:
            self._link.unlink(missing_ok=True)
        os.close(self._there)
        os.close(self._here)

    @property
    def obeys(self) -> bool:
        """Whether it has heard something of late."""
        return time.monotonic() - self._heard_s <= self.timeout_s

    @property
    def told(self) -> Float64:
        """Where each axis is to go by what the device has heard; all open once that is too long ago."""
        return self._goal if self.obeys else np.zeros(len(AXES))

    @property
    def place(self) -> Float64:
        """Where each axis is: motors take their time."""
        return self._place

    @property
    def doing(self) -> str:
        """What it was told to do, in a word or two."""
        return "Position"

    def _play(self) -> None:
        before = time.monotonic()
        while not self._stop.wait(_TURN_S):
            if self.reading.is_set():
                with contextlib.suppress(OSError):  # nothing there, or nobody has opened it
                    self._take(os.read(self._here, 65536))
            now = time.monotonic()
            furthest = (now - before) / TRAVEL_S
            self._place = self._place + np.clip(self.told - self._place, -furthest, furthest)
            before = now

    def _obey(self, axes: Float64) -> None:
        self.taken += 1
        self._goal = axes
        self._heard_s = time.monotonic()
        self.heard(axes)

    def _answer(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # nobody reads
            os.write(self._here, data)

    def _take(self, data: bytes) -> None:
        raise NotImplementedError


class PlayedSerialHand(PlayedHand):
    """Takes the lines of ``hand:serial``, and opens when none come.

    Attributes
    ----------
    line
        The newest; None before the first.
    """

    line: lines.GripLine | None = None
    _rest = b""

    @property
    def doing(self) -> str:
        """The grip's number."""
        return "Position" if self.line is None or not self.line.grip else f"Grip {self.line.grip}"

    def _take(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        for one in filter(None, (part.strip() for part in whole)):
            found = lines.GripLine.decode(one)
            if found is None:
                self.spoilt += 1
                continue
            self.line = found
            self._obey(found.axes)


class PlayedAbilityHand(PlayedHand):
    """Takes an Ability Hand's positions, and answers each; after 300 ms without one it obeys no more.

    What a real one does then is its own affair; this one stays where it is, the worst that can be.
    """

    timeout_s = ability.TIMEOUT_S

    def __init__(self, link: Path | None = None) -> None:
        self._frames = ability.Unframer()
        super().__init__(link)

    @property
    def told(self) -> Float64:
        """Where each axis is to go."""
        return self._goal

    def _take(self, data: bytes) -> None:
        for frame in self._frames.feed(data):
            degrees = ability.positions_in(frame)
            if degrees is None:
                self.spoilt += 1
                continue
            self._obey(ability.axes_at(degrees))
            self._answer(ability.answer_frame(ability.degrees_of(self._place)))
        self.spoilt += self._frames.spoilt
        self._frames.spoilt = 0


#: By the sink's name, without ``hand:``.
PLAYED: dict[str, type[PlayedHand]] = {"ability": PlayedAbilityHand, "serial": PlayedSerialHand}
