"""How old what a decision rests on may be."""

from __future__ import annotations

from pydantic import Field

from rt_handdt.config import Settings


class LiveLimits(Settings):
    """When the hand is told to rest. All in seconds.

    Attributes
    ----------
    max_age_s
        A decision whose newest sample is older than this is not given.
    silence_s
        So long without a fresh sample (one that is no older than `max_age_s` when it comes), and the hand rests. Where
        the source sends longer packets than that, a quarter longer than they are, but at most `max_age_s`.
    no_decision_s
        So long without a fresh decision while samples come, and the hand rests.

    Examples
    --------
    >>> LiveLimits(max_age_s=0.3).silence_s
    0.1
    """

    max_age_s: float = Field(0.15, gt=0)
    silence_s: float = Field(0.1, gt=0)
    no_decision_s: float = Field(0.5, gt=0)
