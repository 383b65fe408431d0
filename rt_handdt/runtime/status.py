"""What the engine says of itself: a state for people, a code for programs, a sentence for both."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """The states of a live engine. Only in `RUNNING` does it tell the hand anything but rest."""

    CONNECTING = "connecting"
    """No decision yet: the stream is opened, or the first window fills."""
    RUNNING = "running"
    """Decisions are given, from samples no older than the limit."""
    BEHIND = "behind"
    """Samples come or are worked through too late to act on."""
    NO_SIGNAL = "no_signal"
    """No sample for a while, though the stream is there."""
    LOST = "lost"
    """The source is gone."""
    BAD_SIGNAL = "bad_signal"
    """What comes is no EMG, or too many electrodes are bad."""
    NO_DECISION = "no_decision"
    """Samples come, but no window of them can be decided."""
    FAILED = "failed"
    """The engine broke."""
    STOPPED = "stopped"
    """The run is over."""


class Status(NamedTuple):
    """A state, why it is so (`code`, for programs; the state's own name where there is nothing to add), and a sentence.

    The sentence is empty while all is well.
    """

    state: State
    code: str
    sentence: str = ""


def state_title(state: str) -> str:
    """A state as it is shown: ``"no_signal"`` → ``"No signal"``."""
    return state.replace("_", " ").capitalize()
