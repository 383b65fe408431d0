"""What a check of this computer found."""

from __future__ import annotations

from typing import Literal, NamedTuple

State = Literal["ok", "warning", "fault"]


class Finding(NamedTuple):
    """A line of what ``rt-handdt doctor`` says.

    Attributes
    ----------
    check
        What was looked at.
    state
        ``"fault"``: a live run will not work, or not rightly; ``"warning"``: it works, but not all or not well.
    found
        What there is.
    remedy
        What to do about it; empty where nothing is to be done.
    """

    check: str
    state: State
    found: str
    remedy: str = ""
