"""What an engine hands to whoever records it."""

from __future__ import annotations

from typing import Any, Protocol

from rt_handdt.core.types import Chunk, Decision
from rt_handdt.io.description import StreamDescription
from rt_handdt.runtime.status import Status


class Tap(Protocol):
    """Gets everything that comes into an engine and leaves it; every method returns at once and never raises."""

    def source(self, signal: StreamDescription) -> None:
        """Samples and markers that follow come from here; called again after a loss."""

    def signal(self, chunk: Chunk) -> None:
        """Samples, as they came."""

    def markers(self, markers: list[tuple[float, str]]) -> None:
        """Markers: (time on the signal's clock, label)."""

    def told(self, decision: Decision, status: Status, sampled_s: float) -> None:
        """What the hand is told (see `rt_handdt.runtime.publisher.Publisher`); any thread."""

    def event(self, **what: Any) -> None:
        """Something else that happened."""

    def report(self) -> dict[str, Any]:
        """What became of it so far."""

    def close(self) -> None:
        """The run is over."""
