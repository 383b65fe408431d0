"""A virtual person as a live LSL stream: an amplifier that needs no hand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from rt_handdt.core.gestures import REST
from rt_handdt.core.recording import Marker
from rt_handdt.core.types import Float32
from rt_handdt.io.ahead import OneAhead
from rt_handdt.io.lsl import SignalOutlet
from rt_handdt.io.pacing import PaceResult, Tally, pace
from rt_handdt.sim.live import LivePerson

#: How often it is looked whether somebody has begun to read the markers.
LOOK_S = 0.1


class VirtualAmplifier:
    """Streams a live person at the true rate, whether or not somebody listens.

    While one step (1/64 s) of the signal is sent, the next is computed, and no more: a busy computer may take all of a
    step's time for it before a chunk leaves late, and a command acts in the second step after it at the latest, so
    within 16 to 32 ms. Who begins to read the markers is told at once what the hand does.

    Parameters
    ----------
    person
        Who; give commands to the person.
    name
        Of the stream; default: the person's name.
    counter
        Add a channel that counts samples.
    on_marker
        Called on the thread of `run` with each change of what the hand does; must be quick.
    """

    def __init__(
        self,
        person: LivePerson,
        *,
        name: str | None = None,
        counter: bool = False,
        on_marker: Callable[[Marker], None] | None = None,
    ) -> None:
        self._person = person
        self._on_marker = on_marker
        self.outlet = SignalOutlet(
            name or person.person.name,
            person.layout.channels,
            person.fs_hz,
            layout=person.layout,
            counter=counter,
            source=person.person.name,
        )
        self.chunk_samples = max(1, round(person.fs_hz / 512))
        self._look_samples = round(LOOK_S * person.fs_hz)
        self._tally = Tally()
        self._doing = REST
        self._heard = False
        self._look_at = 0

    def run(self, *, seconds: float | None = None, stop: threading.Event | None = None) -> PaceResult:
        """Send until `stop` is set, or so many seconds of signal."""
        stop = stop or threading.Event()
        limit = None if seconds is None else max(1, round(seconds * self._person.fs_hz))
        with OneAhead(self._person.blocks(self._person.forearm.step_samples, limit)) as steps:
            return pace(self.outlet, self._chunks(iter(steps)), stop=stop, markers=self._markers, tally=self._tally)

    def progress(self) -> PaceResult:
        """What was sent so far; any thread."""
        return self._tally.result()

    def _chunks(self, steps: Iterator[Float32]) -> Iterator[Float32]:
        for step in steps:
            for first in range(0, len(step), self.chunk_samples):
                yield step[first : first + self.chunk_samples]

    def _markers(self, before: int) -> list[Marker]:
        found = self._person.markers(before)
        for marker in found:
            self._doing = marker.label
            if self._on_marker is not None:
                self._on_marker(marker)
        if before >= self._look_at:
            self._look_at = before + self._look_samples
            heard = self.outlet.has_marker_listener()
            if heard and not self._heard and not found:
                found = [Marker(before - 1, self._doing)]
            self._heard = heard
        return found
