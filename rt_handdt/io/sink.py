"""Where decisions go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from pydantic import Field

from rt_handdt.config import Settings
from rt_handdt.io.message import Message

#: Entry points of sinks in other packages: name → a class that fits `Sink`.
ENTRY_POINTS = "rt_handdt.sinks"


class SinkSettings(Settings):
    """What can be set of every sink.

    Attributes
    ----------
    on
        ``"every"`` decision, or each ``"change"`` of label, state or code.
    rate
        At most so many messages a second; 0: as many as there are. A hand is told to rest whatever the rate.
    heartbeat
        After so many seconds without a message the last one is repeated; 0: never, and no receiver can tell rest from
        a broken connection.
    """

    #: The settings that stand before the first comma, in order, divided by colons.
    positional: ClassVar[tuple[str, ...]] = ()
    #: A record, not a hand: all is kept in order, however late it is written.
    record: ClassVar[bool] = False

    on: Literal["every", "change"] = "every"
    rate: float = Field(0.0, ge=0)
    heartbeat: float = Field(0.05, ge=0)


@dataclass(frozen=True)
class About:
    """What a sink may tell its receivers before the first decision.

    Attributes
    ----------
    labels
        The model's K gestures, in the order of its outputs.
    states
        Names of the engine's states; their positions are their numbers.
    rate_hz
        Decisions a second.
    max_age_s
        No gesture is told from samples older than this.
    model
        Its name.
    again
        The process of the sinks had ended, and this is another: what was begun is gone on with.
    dofs
        Degrees of freedom whose velocities messages carry; none where none are regressed.
    setup
        How the decisions come about (`rt_handdt.core.run_setup.RunSetup`, as JSON); empty: nobody says.
    """

    labels: tuple[str, ...]
    states: tuple[str, ...]
    rate_hz: float
    max_age_s: float
    model: str = ""
    again: bool = False
    dofs: tuple[str, ...] = ()
    setup: str = ""


class Sink(Protocol):
    """A way out of the program. All three methods are called from one thread, which is this sink's own but for the
    first `open`: it may take its time, and raise, without delaying a decision.

    Whatever is raised is said and counted; the sink is closed, and opened again after a while.

    Attributes
    ----------
    Settings
        The class of its settings.
    settings
        Those it was made with, as keywords.
    """

    Settings: ClassVar[type[SinkSettings]]
    settings: SinkSettings

    def __init__(self, **settings: Any) -> None: ...

    def open(self, about: About) -> None:
        """Get ready; called again after a failure.

        Raises
        ------
        SinkError
            If that cannot be; its text says why, and what to do.
        """

    def send(self, message: Message) -> str | None:
        """Hand a message on.

        Returns
        -------
        str or None
            Why nobody took it, in a few words (``"nobody listens"``); None if it left.
        """

    def close(self) -> None:
        """Let go; must be possible at any time, also twice."""
