"""A target test whose user is a person: decisions and muscles are those of a live engine."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from rt_handdt.core.gestures import REST
from rt_handdt.runtime.snapshot import Snapshot
from rt_handdt.runtime.status import State
from rt_handdt.runtime.targets.fitts import FittsTest
from rt_handdt.runtime.targets.motion import MotionTest

#: A screen that stood still for longer showed nothing that could be answered, s.
LONGEST_S = 0.2
#: Muscles contract where they are louder than in the pauses by this factor …
LOUDER = 1.5
#: … of which so many looks are remembered.
PAUSES = 60


class WatchedTest:
    """Goes on as snapshots come. Held, and said so, while the engine does not run: that is nobody's delay.

    Parameters
    ----------
    test
        New.
    clock
        Seconds that never go back.

    Attributes
    ----------
    held_s
        For how long it was held so far.
    held
        The state of the engine that holds it now; None: it goes on.
    """

    def __init__(self, test: FittsTest | MotionTest, clock: Callable[[], float] = time.monotonic) -> None:
        self.test, self._clock = test, clock
        self.held_s = 0.0
        self.held: State | None = None
        self._before_s: float | None = None
        self._rest_uv: deque[float] = deque(maxlen=PAUSES)

    @property
    def done(self) -> bool:
        """Whether all was asked for."""
        return self.test.done

    def look(self, snapshot: Snapshot) -> None:
        """Take in the newest snapshot."""
        now_s = self._clock()
        passed_s = 0.0 if self._before_s is None else now_s - self._before_s
        self._before_s = now_s
        state = State(snapshot.state)
        self.held = None if state is State.RUNNING else state
        if self.held is not None or passed_s > LONGEST_S:
            self.held_s += passed_s
            return
        self.test.advance(snapshot.decision, passed_s, moving=self._moving(snapshot))

    def _moving(self, snapshot: Snapshot) -> bool:
        """Whether the muscles contract: louder than in the pauses, or decided to."""
        decision, grid = snapshot.decision, snapshot.rms_grid
        loud_uv = float("nan") if grid is None else float(np.nanmean(grid))
        if isinstance(self.test, MotionTest) and self.test.screen.prompt is None and loud_uv == loud_uv:
            self._rest_uv.append(loud_uv)
        if decision is not None and not decision.reason and decision.label != REST:
            return True
        return bool(self._rest_uv) and loud_uv > LOUDER * float(np.median(self._rest_uv))

    def entry(self, subject: str, condition: str) -> dict[str, Any]:
        """Of one person in `rt_handdt.runtime.targets.results.write_results`."""
        each = self.test.reaches if isinstance(self.test, FittsTest) else self.test.motions
        plain = [{k: None if v != v else v for k, v in asdict(one).items()} for one in each]
        return {
            "subject": subject,
            "held_s": round(self.held_s, 2),
            "conditions": {condition: self.test.figures().to_dict()},
            "each": plain,
        }
