"""What a run has learnt of its stream's time: remarks, how losses were judged, and whose clock it was."""

from __future__ import annotations

from rt_handdt.core.types import Remark
from rt_handdt.io.source import TimeJudge


class StreamNotes:
    """Gathers what the judges of time say, over reconnections. The worker notes; any thread may read.

    Attributes
    ----------
    same_clock
        Whether the stream's times have always been on LSL's clock.
    """

    def __init__(self) -> None:
        self.same_clock = True
        self._remarks: dict[str, Remark] = {}
        self._methods: list[str] = []

    def note(self, timeline: TimeJudge) -> None:
        """Take over what is known by now."""
        self.same_clock &= timeline.same_clock
        for remark in (*timeline.remarks, *([timeline.fault] if timeline.fault else [])):
            self._remarks.setdefault(remark.code, remark)
        if self._methods[-1:] != [timeline.loss_method]:
            self._methods.append(timeline.loss_method)

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What was noticed so far, each once."""
        return tuple(self._remarks.values())

    @property
    def loss_method(self) -> str:
        """``"counter"``, ``"timestamps"`` or ``"source"``; several, in order, where that changed; empty at first."""
        return " then ".join(self._methods)
