"""The closed loop of a test: a virtual user, the recognizer, and what it moves. Faster than real time, without LSL."""

from __future__ import annotations

from typing import Protocol, TypeVar

from rt_handdt.core.types import Decision
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.sim.user import Mind, VirtualUser

#: Muscles contract where a movement has come to this level.
MOVING = 0.1
Screen = TypeVar("Screen")
Shown = TypeVar("Shown", covariant=True)


class TargetTest(Protocol[Shown]):
    """A test as the loop sees it."""

    @property
    def screen(self) -> Shown:
        """What is shown now."""
        ...

    @property
    def done(self) -> bool:
        """Whether it is over."""
        ...

    def advance(self, decision: Decision | None, seconds: float, *, moving: bool = False) -> None:
        """Go on by some time in which `decision` holds."""
        ...


def run_test(
    classifier: StreamClassifier, user: VirtualUser[Screen], mind: Mind[Screen], test: TargetTest[Screen]
) -> float:
    """Let a user do a test.

    Parameters
    ----------
    classifier
        Of the user's electrodes and rate; it goes on with what it has learnt.
    user, mind
        Who, and what they are after.
    test
        New.

    Returns
    -------
    Seconds of signal that it took.
    """
    began_s = user.time_s
    decision: Decision | None = None
    while not test.done:
        for decision in classifier.push(user.step(test.screen, mind)):  # noqa: B007  # the newest holds
            pass
        test.advance(decision, user.step_s, moving=max(user.levels.values()) > MOVING)
    return user.time_s - began_s
